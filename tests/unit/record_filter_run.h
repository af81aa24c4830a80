/* What the tests of record filters share. Each case runs a filter in a child, its input through a
 * pipe that is cut where the case wants it: the second part is written when the first was read. The
 * filter's verdict stands in the record, as .v. */
#ifndef TESTS_UNIT_RECORD_FILTER_RUN_H
#define TESTS_UNIT_RECORD_FILTER_RUN_H

#include "tool/record_filter.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tap.h"

static char dir[] = "/tmp/hta-record_filter-XXXXXX"; /* of the counters pages */

static inline void make_folder(void)
{
	if (!mkdtemp(dir) || setenv("HTA_RUN", dir, 1))
		BUG("no folder");
	signal(SIGPIPE, SIG_IGN);
}

static inline void remove_folder(void)
{
	char *remove = mem_printf("rm -rf %s", dir);

	ok(system(remove) == 0, "the folder is gone");
	free(remove);
}

/* ---- filters */

static inline enum record_verdict verdict_of(struct slice v, struct buf *replace, struct err *why)
{
	if (slice_is(v, "drop"))
		return RECORD_DROP;
	if (slice_is(v, "dup"))
		return RECORD_DUPLICATE;
	if (slice_is(v, "two"))
		buf_addz(replace, "{\"v\":1}\n{\"v\":2}\n");
	if (slice_is(v, "two") || slice_is(v, "none"))
		return RECORD_REPLACE;
	if (slice_is(v, "dead"))
		err_set(why, EX_DATAERR, "not wanted");
	if (slice_is(v, "dead"))
		return RECORD_DEAD;
	if (slice_is(v, "fail"))
		err_set(why, EX_UNAVAILABLE, "the store is away");
	return slice_is(v, "fail") ? RECORD_FAILED : RECORD_PASS;
}

static inline enum record_verdict judge_field(void *self, const struct record *r,
					      struct buf *replace, struct err *why)
{
	(void)self;
	return r->field[1].type == FIELD_STRING
		       ? verdict_of(slice(r->field[1].p, r->field[1].n), replace, why)
		       : RECORD_PASS;
}

/* The same, asking where it may. */
static struct {
	enum record_verdict verdict[RECORD_ASKED_MOST];
	size_t n;
} wait_list;

static inline enum record_verdict ask_field(void *self, const struct record *r, struct buf *replace,
					    struct err *why)
{
	enum record_verdict v = judge_field(self, r, replace, why);

	if (v != RECORD_PASS && v != RECORD_DROP && v != RECORD_DUPLICATE)
		return v;
	wait_list.verdict[wait_list.n++] = v;
	return RECORD_ASKED;
}

static inline int answer_fields(void *self, enum record_verdict *verdict, size_t n, struct err *err)
{
	(void)self;
	if (n != wait_list.n)
		return err_set(err, EX_SOFTWARE, "%zu wait, not %zu", wait_list.n, n);
	memcpy(verdict, wait_list.verdict, n * sizeof(*verdict));
	wait_list.n = 0;
	return 0;
}

static inline int refuse_fields(void *self, enum record_verdict *verdict, size_t n, struct err *err)
{
	(void)self, (void)verdict;
	return err_set(err, EX_TEMPFAIL, "nobody answers for %zu", n);
}

static inline enum record_verdict judge_text(void *self, const struct record *r,
					     struct buf *replace, struct err *why)
{
	(void)self;
	if (r->field || r->run->block.p + r->at != r->line.p)
		BUG("a line is not where it stands");
	return verdict_of(r->line, replace, why);
}

static inline int note_barrier(void *self, struct stage *st, const struct ctl *bar, struct err *err)
{
	static const char held[] = "{\"held\":true}\n";

	(void)self, (void)bar;
	stage_account(st)->added++;
	return stage_pass(st, slice(held, sizeof(held) - 1), 1, err);
}

static const char *const paths[] = { ".n", ".v", NULL }, *const bad_paths[] = { "a[", NULL };
static const struct record_filter by_field = { .paths = paths, .record = judge_field },
				  by_text = { .record = judge_text },
				  by_text_dead = { .record = judge_text, .finds_dead = true },
				  with_barrier = { .paths = paths,
						   .record = judge_field,
						   .barrier = note_barrier },
				  asking = { .paths = paths,
					     .record = ask_field,
					     .settle = answer_fields,
					     .barrier = note_barrier },
				  in_vain = { .paths = paths,
					      .record = ask_field,
					      .settle = refuse_fields },
				  misspelt = { .paths = bad_paths, .record = judge_field };

/* ---- a run */

struct result {
	int code;
	struct buf out, err;
};

static inline void result_fini(struct result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}

static inline int run_filter(void *self, struct err *err)
{
	return record_filter_run(self, NULL, NULL, 0, err);
}

_Noreturn static inline void be_filter(const struct record_filter *f, const char *option, int in,
				       int out, int err)
{
	const struct prog prog = { .name = "hta-test",
				   .summary = "a test",
				   .synopsis = "[OPTIONS]",
				   .more = stage_opts_dead,
				   .more_self = stage_options(),
				   .run = run_filter };
	char *argv[] = { mem_strdup("hta-test"), mem_strdup(option), NULL };

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	for (int fd = 3; fd < 32; fd++)
		close(fd);
	exit(prog_main(&prog, (void *)(uintptr_t)f, 2, argv));
}

static inline void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* Until the child has read what is in the pipe, or has left. */
static inline void wait_read(int fd, pid_t child)
{
	int waiting = 1;

	while (ioctl(fd, FIONREAD, &waiting) == 0 && waiting && kill(child, 0) == 0 &&
	       waitpid(child, NULL, WNOHANG | WNOWAIT) == 0)
		sched_yield();
}

static inline void read_file(FILE *f, struct buf *out)
{
	char bytes[4096];
	size_t n;

	rewind(f);
	while ((n = fread(bytes, 1, sizeof(bytes), f)))
		buf_add(out, bytes, n);
	buf_z(out);
	fclose(f);
}

/* cut: bytes of the first part. */
static inline struct result run_cut(const struct record_filter *f, const char *option,
				    struct slice in, size_t cut)
{
	struct result r = { 0 };
	FILE *out = tmpfile(), *err = tmpfile();
	int fd[2], status = 0;
	pid_t child;

	if (pipe(fd) || !out || !err)
		BUG("no pipe or file");
	fflush(stdout);
	child = fork();
	if (child == 0)
		be_filter(f, option, fd[0], fileno(out), fileno(err));
	write_all(fd[1], in.p, cut);
	wait_read(fd[1], child);
	write_all(fd[1], in.p + cut, in.n - cut);
	close(fd[1]);
	close(fd[0]);
	waitpid(child, &status, 0);
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_file(out, &r.out);
	read_file(err, &r.err);
	return r;
}

static inline struct result run_text(const struct record_filter *f, const char *option,
				     const char *in)
{
	return run_cut(f, option, slice_z(in), strlen(in));
}

static const char verdicts[] = "{\"n\":1,\"v\":\"pass\"}\n"
			       "{\"n\":2}\n"
			       "{\"v\":\"drop\"}\n"
			       "{\"n\":4 }\n"
			       "{\"v\":\"two\"}\n"
			       "{\"v\":\"none\"}\n"
			       "{\"v\":\"dup\"}\n"
			       "\n"
			       "no json\n"
			       "{\"n\":10}\n"
			       "{\"v\":\"dead\"}\n"
			       "{\"v\":\"drop\"}\n"
			       "{\"n\":13}";

#endif
