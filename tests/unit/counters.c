#include "tool/counters.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static char dir[] = "/tmp/hta-page-XXXXXX";

static int exit_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static size_t pages(struct counters_view **views)
{
	struct err err = ERR_INIT;
	size_t n;

	if (!ok(counters_list(dir, views, &n, &err) == 0, "the folder is read"))
		exit(1);
	return n;
}

static size_t count_pages(void)
{
	struct counters_view *views;
	size_t n = pages(&views);

	free(views);
	return n;
}

static void names(void)
{
	size_t missing = 0, twice = 0;

	for (size_t i = 0; i < COUNTERS; i++) {
		missing += !counter_info[i].name;
		for (size_t j = 0; j < i; j++)
			twice += counter_info[i].name && counter_info[j].name &&
				 strcmp(counter_info[i].name, counter_info[j].name) == 0;
	}
	ok(!missing && !twice, "each counter has a name of its own");
	is_str(counter_info[COUNTER_DIMS_CUT].name, "dims_cut", "the last one too");
}

static void a_plain_stage(void)
{
	struct counters_view *views;
	struct counters *p = counters_new("hta-x");
	char want[256];
	struct stat st;

	counters_add(p, COUNTER_RECORDS_IN, 3);
	counters_add(p, COUNTER_RECORDS_IN, 4);
	counters_set(p, COUNTER_LAG_US, UINT64_MAX);
	counters_detail(p, "pg:hta_rollups");
	counters_touch(p);
	if (!is_int(pages(&views), 1, "one page"))
		exit(1);
	const struct counters *v = &views[0].counters;
	snprintf(want, sizeof want, "%s/hta-x.%ld.page", dir, (long)getpid());
	is_str(views[0].path, want, "its path");
	ok(stat(want, &st) == 0 && st.st_size == COUNTERS_BYTES && (st.st_mode & 0777) == 0600,
	   "its file");
	ok(views[0].alive, "its process is alive");
	ok(v->pid == (uint64_t)getpid() && v->pgid == (uint64_t)getpgrp() && v->start_ticks > 0,
	   "which it is");
	ok(v->started_us > 0 && v->touched_us >= v->started_us && v->state == COUNTERS_STARTING,
	   "since when");
	is_str(v->program, "hta-x", "program");
	is_str(v->detail, "pg:hta_rollups", "detail");
	is_str(v->job, "", "no job");
	ok(v->counter[COUNTER_RECORDS_IN] == 7 && v->counter[COUNTER_LAG_US] == UINT64_MAX &&
		   !v->counter[COUNTER_RECORDS_OUT],
	   "counters");
	free(views);
	counters_end(p, 0, "");
	is_int(count_pages(), 0, "a plain stage that is done leaves none");
	p = counters_new("hta-x");
	counters_end(p, EX_DATAERR, "3 bad lines");
	is_int(pages(&views), 1, "one that failed leaves it");
	ok(views[0].counters.state == COUNTERS_ENDED && views[0].counters.exit_code == EX_DATAERR,
	   "with its end");
	is_str(views[0].counters.error, "3 bad lines", "and error");
	free(views);
	p = counters_new("hta-x");
	is_int(pages(&views), 1, "the same pid starts again");
	ok(views[0].counters.exit_code == 0 && !views[0].counters.error[0], "on a new page");
	free(views);
	counters_end(p, 0, "");
}

static void long_texts(void)
{
	char text[1000];
	struct counters_view *views;
	struct counters *p = counters_new("hta-x");

	memset(text, 'e', sizeof text);
	text[sizeof text - 1] = '\0';
	memcpy(text + COUNTERS_TEXT_BYTES - 2, "\xc3\xa4", 2);
	counters_job(p, text, text, 3);
	counters_detail(p, "short");
	counters_end(p, 1, text);
	is_int(pages(&views), 1, "a job's page stays");
	is_int(strlen(views[0].counters.job), COUNTERS_TEXT_BYTES - 2,
	       "a text is cut before a character");
	is_int(strlen(views[0].counters.error), 4 * COUNTERS_TEXT_BYTES - 1, "or at its end");
	is_int(views[0].counters.stage_index, 3, "stage");
	unlink(views[0].path);
	free(views);
}

/* Leaves a page as a crash does. */
static void crashed_stage(const char *program, const char *job)
{
	pid_t pid = fork();

	if (pid == 0) {
		counters_job(counters_new(program), job, "0123456789abcdef", 1);
		raise(SIGKILL);
	}
	is_int(exit_of(pid), 1000 + SIGKILL, "killed");
}

static void dead_stages(void)
{
	struct counters_view *views;
	struct counters *p;

	crashed_stage("hta-x", "job1");
	crashed_stage("hta-x", "job2");
	crashed_stage("hta-y", "job1");
	is_int(pages(&views), 3, "pages outlive a crash");
	ok(!views[0].alive && !views[1].alive && !views[2].alive, "and are known to be dead");
	ok(strcmp(views[0].counters.job, "job1") == 0 && strcmp(views[2].counters.job, "job2") == 0,
	   "by job");
	free(views);
	p = counters_new("hta-x");
	is_int(count_pages(), 4, "a new stage has its own");
	counters_job(p, "job1", "0123456789abcdef", 1);
	is_int(pages(&views), 3, "and removes that of its program and job");
	for (size_t i = 0; i < 3; i++)
		ok(views[i].alive == (views[i].counters.pid == (uint64_t)getpid()),
		   "the others stay");
	for (size_t i = 0; i < 3; i++)
		unlink(views[i].path);
	free(views);
	counters_end(p, 0, "");
}

/* A pid of ours with another start is a process that had it before us. */
static void reused_pid(void)
{
	struct counters_view *views;
	struct counters *p = counters_new("hta-x");

	p->start_ticks--;
	is_int(pages(&views), 1, "a page");
	ok(!views[0].alive, "of a process that had our pid before us is dead");
	free(views);
	counters_end(p, 0, "");
}

static void put_file(const char *name, size_t bytes)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		exit(EX_OSERR);
	close(fd);
}

static void strange_files(void)
{
	static const char *const files[] = { "empty.page", "zero.page", ".page",
					     "x.sock",     "link.page", "fifo.page" };
	char path[256], to[256];

	put_file("empty.page", 0);
	put_file("zero.page", COUNTERS_BYTES);
	put_file(".page", COUNTERS_BYTES);
	put_file("x.sock", COUNTERS_BYTES);
	snprintf(path, sizeof path, "%s/link.page", dir);
	snprintf(to, sizeof to, "%s/hta-x.%ld.page", dir, (long)getpid());
	struct counters *p = counters_new("hta-x");
	if (symlink(to, path))
		exit(EX_OSERR);
	snprintf(path, sizeof path, "%s/fifo.page", dir);
	if (mkfifo(path, 0600))
		exit(EX_OSERR);
	is_int(count_pages(), 1, "what is no page is left out");
	p->version++;
	is_int(count_pages(), 0, "a page of another version too");
	counters_end(p, 0, "");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		unlink(path);
	}
}

static void no_folder(void)
{
	struct err err = ERR_INIT;
	struct counters_view *views;
	size_t n = 7;
	struct counters *p;

	ok(counters_list("/tmp/hta-page-none/there", &views, &n, &err) == 0 && n == 0 && !views,
	   "no folder: no pages");
	is_int(counters_list("/dev/null", &views, &n, &err), -1, "no folder at all");
	is_int(err.code, EX_IOERR, "is an error");
	setenv("HTA_RUN", "/dev/null/x", 1);
	p = counters_new("hta-x");
	counters_job(p, "job1", "", 0);
	counters_add(p, COUNTER_DEAD, 5);
	ok(p->counter[COUNTER_DEAD] == 5 && p->pid == (uint64_t)getpid(),
	   "without a folder a stage counts all the same");
	counters_end(p, 0, "");
}

int main(void)
{
	if (!mkdtemp(dir) || setenv("HTA_RUN", dir, 1))
		exit(EX_OSERR);
	names();
	a_plain_stage();
	long_texts();
	dead_stages();
	reused_pid();
	strange_files();
	no_folder();
	is_int(rmdir(dir), 0, "nothing is left behind");
	return done();
}
