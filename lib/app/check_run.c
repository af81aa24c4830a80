/* hta-window over lines, as people run it: the body of that program in a process of its own, so
 * that a test goes through all that a run goes through, whatever kinds of windows and measures
 * there are, and its exit status, its words and what it took are its own. No program is looked for:
 * the child is a copy of this process and goes on with the other body. What goes in and out are
 * files in memory, which nobody has to delete. */
#include "app/check_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/window.h"
#include "base/mem.h"

int check_memory_new(struct check_memory *m, struct err *err)
{
	m->fd = memfd_create("hta-check", MFD_CLOEXEC);
	if (m->fd < 0)
		return err_errno(err, EX_TEMPFAIL, "no file in memory");
	snprintf(m->path, sizeof(m->path), "/proc/self/fd/%d", m->fd);
	return 0;
}

void check_memory_free(struct check_memory *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

int check_memory_write(struct check_memory *m, struct slice text, struct err *err)
{
	while (text.n) {
		ssize_t n = write(m->fd, text.p, text.n);

		if (n < 0 && errno != EINTR)
			return err_errno(err, EX_TEMPFAIL, "a file in memory");
		text = n > 0 ? slice(text.p + n, text.n - (size_t)n) : text;
	}
	return 0;
}

int check_memory_read(const struct check_memory *m, struct buf *out, struct err *err)
{
	off_t at = 0;
	ssize_t n;

	while ((n = pread(m->fd, buf_room(out, 64 << 10), 64 << 10, at)) > 0) {
		out->n += (size_t)n;
		at += n;
	}
	return n < 0 ? err_errno(err, EX_TEMPFAIL, "a file in memory") : 0;
}

/* ---- the child */

/* Counters are for hta-top, which is about pipelines: this one has no run folder. */
_Noreturn static void be_window(const struct check_run *run, int out, int said)
{
	enum { ARGS = 64 };
	static char name[] = "hta-window", option[] = "--run=/dev/null";
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC), n = 0;
	char *argv[ARGS + 3] = { name, option };

	for (n = 0; run->arg[n] && n < ARGS; n++)
		argv[n + 2] = mem_strdup(run->arg[n]);
	if (run->arg[n] || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(said, STDERR_FILENO) < 0)
		_exit(EX_SOFTWARE);
	_exit(agg_main(n + 2, argv));
}

/* What of this process' memory a child begins with: its own pages, not those of files. */
static uint64_t inherited_bytes(void)
{
	unsigned long all, resident = 0, shared = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	bool read = f && fscanf(f, "%lu %lu %lu", &all, &resident, &shared) == 3;

	if (f)
		fclose(f);
	return read ? (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int wait_for(pid_t pid, struct check_run *run, struct err *err)
{
	struct rusage used;
	int status;

	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return err_errno(err, EX_TEMPFAIL, "wait");
	run->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	run->cpu_us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
		      used.ru_utime.tv_usec + used.ru_stime.tv_usec;
	run->peak_bytes = (uint64_t)used.ru_maxrss * 1024 - run->peak_bytes;
	return 0;
}

int check_run(struct check_run *run, struct err *err)
{
	struct check_memory out = { .fd = -1 }, said = { .fd = -1 };
	int rc = check_memory_new(&out, err) || check_memory_new(&said, err) ? -1 : 0;
	pid_t pid;

	run->peak_bytes = inherited_bytes();
	pid = rc ? -1 : fork();
	if (pid == 0)
		be_window(run, out.fd, said.fd);
	if (rc == 0 && pid < 0)
		rc = err_errno(err, EX_TEMPFAIL, "no process to be had");
	if (rc == 0)
		rc = wait_for(pid, run, err) || check_memory_read(&out, &run->out, err) ||
				     check_memory_read(&said, &run->said, err)
			     ? -1
			     : 0;
	check_memory_free(&out);
	check_memory_free(&said);
	return rc;
}

void check_run_fini(struct check_run *run)
{
	buf_fini(&run->out);
	buf_fini(&run->said);
}

/* ---- what it runs */

int check_memory_rule(const struct check *c, size_t i, struct check_memory *m, struct err *err)
{
	struct rule alone = c->rules.v[i];
	struct buf text = { 0 };
	int rc;

	alone.active = true;
	alone.tests = 0;
	rule_json(&alone, &text);
	buf_addc(&text, '\n');
	rc = check_memory_write(m, buf_slice(&text), err);
	buf_fini(&text);
	return rc;
}

size_t check_run_options(const struct check *c, const struct rule *r, const char **arg)
{
	static const char *const option[RULES_SHARED] = { "--time", "--time-unit", "--time-format",
							  "--zone", "--lateness" };
	const struct check no_options = { 0 };
	size_t n = 0;
	char text[33];

	for (unsigned k = 0; k < RULES_SHARED; k++)
		if (c->shared[k] &&
		    !rules_says(r, no_options.shared, (enum rules_shared)k, text).p) {
			arg[n++] = option[k];
			arg[n++] = c->shared[k];
		}
	return n;
}
