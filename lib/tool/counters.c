/* The file's space is reserved before it is mapped: on a full disk that is an error here, and
 * not a SIGBUS at some counter. The magic is written last, so that a reader takes a page that is
 * being made for none. A page is private to its folder's owner (prog_run_dir), yet the reader's
 * side trusts it with nothing: texts are ended, odd sizes left out. */
#include "tool/counters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "tool/prog.h"

_Static_assert(sizeof(struct counters) <= COUNTERS_BYTES, "the page grew out of its file");

const struct counter_info counter_info[COUNTERS] = {
#define COUNTER_ENTRY(name, text, kind, help) { text, help, COUNTER_##kind },
	COUNTER_LIST(COUNTER_ENTRY)
#undef COUNTER_ENTRY
};

/* The file of this process' page; empty: it has none, and counts in `unmapped`. */
static struct buf own_path;
static struct counters unmapped;

static void set_text(char *to, size_t bytes, const char *text)
{
	size_t n = strlen(text);

	if (n >= bytes)
		for (n = bytes - 1; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			; /* no half of a character */
	memcpy(to, text, n);
	memset(to + n, 0, bytes - n);
}

/* Field 22 of /proc/PID/stat; 0: there is no such process. The name, field 2, may hold anything:
 * the fields are counted behind its ). */
static uint64_t start_ticks(uint64_t pid)
{
	char path[64], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

static bool is_alive(const struct counters *p)
{
	uint64_t ticks = start_ticks(p->pid);

	return ticks && ticks == p->start_ticks;
}

/* ---- the writer */
static int new_file(const char *dir, const char *program, struct err *err)
{
	int fd, failed;

	own_path.n = 0;
	buf_printf(&own_path, "%s/%s.%ld.page", dir, program, (long)getpid());
	unlink(buf_z(&own_path)); /* of a dead process that had our pid */
	fd = open(buf_z(&own_path), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, EX_IOERR, "%s", own_path.p);
	failed = posix_fallocate(fd, 0, COUNTERS_BYTES);
	if (!failed)
		return fd;
	errno = failed;
	err_errno(err, EX_IOERR, "%s", own_path.p);
	unlink(own_path.p);
	close(fd);
	return -1;
}

static struct counters *map_file(const char *program, struct err *err)
{
	const char *dir = prog_run_dir(err);
	int fd = dir ? new_file(dir, program, err) : -1;
	struct counters *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, COUNTERS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		err_errno(err, EX_IOERR, "%s", own_path.p);
		unlink(own_path.p);
	}
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

struct counters *counters_new(const char *program)
{
	struct err err = ERR_INIT;
	struct counters *p = map_file(program, &err);

	if (!p) {
		log_info("no counters page: %s", err.msg);
		own_path.n = 0;
		memset(&unmapped, 0, sizeof(unmapped));
		p = &unmapped;
	}
	p->version = COUNTERS_VERSION;
	p->pid = (uint64_t)getpid();
	p->pgid = (uint64_t)getpgrp();
	p->start_ticks = start_ticks(p->pid);
	p->started_us = p->touched_us = tm_now_us();
	set_text(p->program, sizeof(p->program), program);
	__atomic_store_n(&p->magic, COUNTERS_MAGIC, __ATOMIC_RELEASE);
	return p;
}

static void remove_dead(const struct counters *own)
{
	struct err err = ERR_INIT;
	struct counters_view *views;
	const char *dir = own_path.n ? prog_run_dir(&err) : NULL;
	size_t n;

	if (!dir || counters_list(dir, &views, &n, &err))
		return;
	for (size_t i = 0; i < n; i++)
		if (!views[i].alive && strcmp(views[i].counters.program, own->program) == 0 &&
		    strcmp(views[i].counters.job, own->job) == 0)
			unlink(views[i].path);
	free(views);
}

void counters_job(struct counters *p, const char *job, const char *inc, unsigned stage_index)
{
	set_text(p->job, sizeof(p->job), job);
	set_text(p->inc, sizeof(p->inc), inc);
	__atomic_store_n(&p->stage_index, stage_index, __ATOMIC_RELAXED);
	remove_dead(p);
}

void counters_detail(struct counters *p, const char *detail)
{
	set_text(p->detail, sizeof(p->detail), detail);
}

void counters_touch(struct counters *p)
{
	__atomic_store_n(&p->touched_us, tm_now_us(), __ATOMIC_RELAXED);
}

void counters_end(struct counters *p, int exit_code, const char *error)
{
	set_text(p->error, sizeof(p->error), error);
	counters_touch(p);
	__atomic_store_n(&p->exit_code, (uint64_t)exit_code, __ATOMIC_RELAXED);
	__atomic_store_n(&p->state, COUNTERS_ENDED, __ATOMIC_RELEASE);
	if (own_path.n && !p->job[0] && exit_code == 0)
		unlink(buf_z(&own_path));
	else if (!p->job[0])
		remove_dead(p);
	buf_fini(&own_path);
	if (p != &unmapped)
		munmap(p, COUNTERS_BYTES);
}

/* ---- the reader */
static bool read_page(int dir, const char *name, struct counters *counters)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return false;
	good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == COUNTERS_BYTES &&
	       pread(fd, counters, sizeof(*counters), 0) == (ssize_t)sizeof(*counters) &&
	       counters->magic == COUNTERS_MAGIC && counters->version == COUNTERS_VERSION;
	close(fd);
	if (!good)
		return false;
	counters->program[sizeof(counters->program) - 1] =
		counters->job[sizeof(counters->job) - 1] =
			counters->inc[sizeof(counters->inc) - 1] = '\0';
	counters->detail[sizeof(counters->detail) - 1] =
		counters->error[sizeof(counters->error) - 1] = '\0';
	return true;
}

static int by_pipeline(const void *a, const void *b)
{
	const struct counters *x = &((const struct counters_view *)a)->counters,
			      *y = &((const struct counters_view *)b)->counters;
	int job = strcmp(x->job, y->job);

	if (job)
		return job;
	if (x->pgid != y->pgid)
		return x->pgid < y->pgid ? -1 : 1;
	if (x->stage_index != y->stage_index)
		return x->stage_index < y->stage_index ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool is_page_name(const char *name)
{
	static const char end[] = ".page";
	size_t n = strlen(name);

	return n > sizeof(end) - 1 && strcmp(name + n - (sizeof(end) - 1), end) == 0;
}

int counters_list(const char *run_dir, struct counters_view **out, size_t *n, struct err *err)
{
	DIR *dir = opendir(run_dir);
	struct dirent *e;
	size_t cap = 0;

	*out = NULL;
	*n = 0;
	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return err_errno(err, EX_IOERR, "%s", run_dir);
	while ((e = readdir(dir))) {
		mem_reserve(out, &cap, *n + 1, sizeof(**out));
		struct counters_view *v = &(*out)[*n];
		int len = snprintf(v->path, sizeof(v->path), "%s/%s", run_dir, e->d_name);
		if (len >= (int)sizeof(v->path) || !is_page_name(e->d_name) ||
		    !read_page(dirfd(dir), e->d_name, &v->counters))
			continue;
		v->alive = is_alive(&v->counters);
		++*n;
	}
	closedir(dir);
	if (*n)
		qsort(*out, *n, sizeof(**out), by_pipeline);
	return 0;
}
