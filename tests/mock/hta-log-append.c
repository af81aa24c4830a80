/* hta-log-append [-s BYTES] [-k SECONDS] [-q BYTES] [-c OFFSET] [-b LINES] DIR: the writer of an
 * intake's local log without an intake. Appends each line of standard input, or LINES of them at a
 * time, and prints each one behind its offset once it is durable, with one write(2): whatever was
 * printed when it is killed was promised. -s: of a segment; -k: how long segments are kept; -q: the
 * log's quota; -c: --cut-at. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "source/wal_write.h"

enum { READ_BYTES = 256 << 10, WAITING_MOST = 1 << 16 };

struct waiting {
	int64_t offset, end;
	char *text;
	size_t n;
};

struct appender {
	struct loop *loop;
	struct wal *wal;
	struct buf in;   /* read and not appended */
	struct buf said; /* durable, not printed */
	struct waiting *v;
	size_t n, cap, lines;
	bool eof, stuck; /* stuck: no room at the moment */
};

static void stop(struct appender *a, const struct err *why)
{
	loop_stop(a->loop, why);
}

static void print_said(struct appender *a)
{
	size_t done = 0;

	while (done < a->said.n) {
		ssize_t k = write(STDOUT_FILENO, a->said.p + done, a->said.n - done);

		if (k < 0 && errno != EINTR)
			exit(EX_IOERR);
		done += k > 0 ? (size_t)k : 0;
	}
	a->said.n = 0;
}

static void say(struct appender *a, const struct waiting *w)
{
	int64_t offset = w->offset;

	for (const char *p = w->text, *end = p + w->n, *nl; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		buf_printf(&a->said, "%" PRId64 "\t", offset);
		buf_add(&a->said, p, (size_t)(nl - p) + 1);
		offset += nl - p + 1;
	}
}

static void on_durable(void *self, const struct wal_done *done)
{
	struct appender *a = self;
	size_t k = 0;

	for (; k < a->n && a->v[k].end <= done->end; k++) {
		say(a, &a->v[k]);
		free(a->v[k].text);
	}
	a->n -= k;
	memmove(a->v, a->v + k, a->n * sizeof(*a->v));
	print_said(a);
}

static void on_failed(void *self, const struct err *why)
{
	stop(self, why);
}

static void on_room(void *self)
{
	((struct appender *)self)->stuck = false;
}

static const struct wal_hooks hooks = { on_durable, on_failed, on_room };

/* The first lines of those that have come; n 0: too few yet. */
static struct slice next_lines(const struct appender *a, size_t from)
{
	const char *start = a->in.p + from, *p = start, *end = a->in.p + a->in.n;

	for (size_t i = 0; i < a->lines; i++) {
		const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

		if (!nl)
			return a->eof ? slice(start, (size_t)(p - start)) : slice(NULL, 0);
		p = nl + 1;
	}
	return slice(start, (size_t)(p - start));
}

static void append(struct appender *a)
{
	struct err why = ERR_INIT;
	struct slice s;
	size_t from = 0;

	while (!a->stuck && a->n < WAITING_MOST && (s = next_lines(a, from)).n) {
		int64_t offset;
		enum wal_answer answer = wal_append(a->wal, s, (uint32_t)str_lines(s), &offset);

		if (answer == WAL_FULL)
			wal_why(a->wal, &why);
		else if (answer == WAL_LONG)
			err_set(&why, EX_DATAERR, "longer than an append may be");
		if (why.code)
			stop(a, &why);
		a->stuck = answer != WAL_OK;
		if (answer != WAL_OK)
			break;
		mem_reserve(&a->v, &a->cap, a->n + 1, sizeof(*a->v));
		a->v[a->n++] = (struct waiting){ offset, offset + (int64_t)s.n, mem_dup(s.p, s.n),
						 s.n };
		from += s.n;
	}
	a->in.n -= from;
	if (from)
		memmove(a->in.p, a->in.p + from, a->in.n);
}

static int take_input(struct appender *a, struct err *err)
{
	ssize_t k = read(STDIN_FILENO, buf_room(&a->in, READ_BYTES), READ_BYTES);

	if (k < 0 && errno != EAGAIN && errno != EINTR)
		return err_errno(err, EX_IOERR, "standard input");
	a->eof = k == 0;
	a->in.n += k > 0 ? (size_t)k : 0;
	return 0;
}

static int run(struct appender *a, struct err *err)
{
	while (!a->eof || a->in.n || a->n) {
		bool reads = !a->eof && a->in.n < READ_BYTES;
		int rc = reads ? loop_wait(a->loop, STDIN_FILENO, POLLIN, tm_mono_us() + TM_S, err)
			       : loop_turn(a->loop, INT64_MAX, err);

		if (rc < 0 || (rc > 0 && reads && take_input(a, err)))
			return -1;
		append(a);
	}
	return 0;
}

static int appender_main(const char *dir, struct wal_conf *conf, size_t lines, struct err *err)
{
	struct appender a = { .loop = loop_new(), .lines = lines };
	struct err why = ERR_INIT;
	int rc = -1;

	conf->loop = a.loop;
	conf->hooks = &hooks;
	conf->self = &a;
	a.wal = wal_open(dir, conf, err);
	if (a.wal)
		rc = run(&a, err);
	if (wal_close(a.wal, &why) && rc == 0) {
		*err = why;
		rc = -1;
	}
	loop_free(a.loop);
	buf_fini(&a.in);
	buf_fini(&a.said);
	for (size_t i = 0; i < a.n; i++)
		free(a.v[i].text);
	free(a.v);
	return rc;
}

int main(int argc, char **argv)
{
	struct wal_conf conf = { .topic = "events", .cut_at = -1, .keep_us = 3600 * TM_S };
	struct err err = ERR_INIT;
	size_t lines = 1;
	int c;

	log_setup("hta-log-append", LOG_TEXT, 0);
	while ((c = getopt(argc, argv, "s:k:q:c:b:")) >= 0) {
		long long v = strtoll(optarg ? optarg : "", NULL, 10);

		if (c == 's')
			conf.segment_bytes = (size_t)v;
		else if (c == 'k')
			conf.keep_us = v * TM_S;
		else if (c == 'q')
			conf.most_bytes = v;
		else if (c == 'c')
			conf.cut_at = v;
		else if (c == 'b')
			lines = (size_t)v;
		else
			return EX_USAGE;
	}
	if (optind + 1 != argc || crash_setup(&err))
		return EX_USAGE;
	if (appender_main(argv[optind], &conf, lines, &err) == 0)
		return 0;
	log_err(&err);
	return err.code;
}
