/* Life cycle of a filter. The order of a stage's last words matters:
 *
 *   our own failure    what is owed was not written; `fail` goes out with code and message, so
 *                      that those below leave with the same code.
 *                      Before the stream has begun (options, a file that can not be opened) the
 *                      hello from
 *                      above has to pass first: it is waited for (stage_failed)
 *   `fail` from above  passed on, we leave with its code and say nothing: its stage has said it
 *   `end`              finish(), then `end` goes out, 0
 *   end of input without either: the stage above crashed; what came after the last barrier is
 *   dropped, 76 (75 after a signal of our own)
 *   the reader left    75 on an acknowledged stream; on a plain one SIGPIPE ends us as it ends
 *                      any filter */
#include "tool/stage.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/fd.h"
#include "tool/stage_internal.h"

enum { OUT_BYTES = 256 << 10, HEAR_S = 10 };

static struct stage_options options;
static bool heard; /* of the stage that has run */

#define MAX_LINE_OPT                                                                           \
	{                                                                                      \
		.name = "max-line", .type = OPT_BYTES,                                         \
		.at = offsetof(struct stage_options, max_line), .arg = "BYTES", .def = "1MiB", \
		.help = "longest line that is read; a longer one is bad data", .min = 64,      \
		.max = 1 << 30                                                                 \
	}
#define FOREIGN_OPT                                                                    \
	{                                                                              \
		.name = "foreign", .type = OPT_FLAG,                                   \
		.at = offsetof(struct stage_options, foreign),                         \
		.help = "a foreign filter stands between this stage and the one above" \
	}

const struct opt stage_opts[] = { FOREIGN_OPT, MAX_LINE_OPT, OPT_END };

const struct opt stage_opts_dead[] = {
	DEAD_OPTS(struct stage_options, dead),
	FOREIGN_OPT,
	MAX_LINE_OPT,
	OPT_END,
};

const struct opt stage_opts_limit[] = {
	DEAD_LIMIT_OPT(struct stage_options, dead),
	FOREIGN_OPT,
	MAX_LINE_OPT,
	OPT_END,
};

void *stage_options(void)
{
	return &options;
}

struct loop *stage_loop(struct stage *st)
{
	return st->loop;
}
struct out *stage_out(struct stage *st)
{
	return st->out;
}
struct counters *stage_counters(struct stage *st)
{
	return st->counters;
}
bool stage_acknowledged(const struct stage *st)
{
	return st->acked;
}
const struct ctl_inc *stage_inc(const struct stage *st)
{
	return &st->inc;
}
const char *stage_job(const struct stage *st)
{
	return st->job;
}
const char *stage_group(const struct stage *st)
{
	return st->group;
}
uint64_t stage_max_line(const struct stage *st)
{
	return st->o->max_line;
}
struct account *stage_account(struct stage *st)
{
	return &st->account;
}

void stage_wrote(struct stage *st, uint64_t lines, uint64_t bytes)
{
	bool rows = st->f->rows || st->f->consumes;

	*(rows ? &st->account.rows_out : &st->account.out) += lines;
	st->account.bytes += bytes;
	counters_add(st->counters, rows ? COUNTER_ROWS_OUT : COUNTER_RECORDS_OUT, lines);
	counters_add(st->counters, COUNTER_BYTES_OUT, bytes);
}

int stage_pass(struct stage *st, struct slice block, uint64_t lines, struct err *err)
{
	if (out_write(st->out, block.p, block.n, err))
		return -1;
	stage_wrote(st, lines, block.n);
	return 0;
}

void stage_watermark(struct stage *st, struct slice topic, int32_t partition, int64_t us)
{
	struct range *r = ranges_add(&st->marks, topic, partition);

	if (r->watermark_us == POS_NONE || r->watermark_us < us)
		r->watermark_us = us;
	if (us > 0 && (uint64_t)us > st->counters->counter[COUNTER_WATERMARK_US])
		counters_set(st->counters, COUNTER_WATERMARK_US, (uint64_t)us);
}

static void touch_stage_counters(void *arg, int fd, short revents)
{
	struct stage *st = arg;

	(void)fd, (void)revents;
	counters_touch(st->counters);
	if (st->in)
		counters_set(st->counters, COUNTER_BLOCKED_IN_US, lines_blocked_us(st->in));
	if (st->out)
		counters_set(st->counters, COUNTER_BLOCKED_OUT_US, out_blocked_us(st->out));
}

static int read_files(struct stage *st, const char *const *files, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		bool named = strcmp(files[i], "-") != 0;
		int rc, fd = named ? fd_open(files[i], err) : STDIN_FILENO;

		if (fd < 0)
			return -1;
		rc = stage_read_plain(st, fd, named ? files[i] : "standard input", err);
		if (named)
			close(fd);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* What was wrong with the input of a plain stream. */
static int end_plain(struct stage *st, struct err *err)
{
	int rc = stage_dead_end(st, err);

	if (!st->damage.code)
		return rc;
	if (rc)
		log_err(err);
	return err_copy(err, &st->damage);
}

static int run_filter(struct stage *st, const char *const *files, size_t n, struct err *err)
{
	if (stage_dead_open(st, err) || (st->f->open && st->f->open(st->self, st, err)))
		return -1;
	counters_set(st->counters, COUNTER_LAG_RECORDS, UINT64_MAX);
	if (n == 0 && stage_read_input(st, err))
		return -1;
	if (n &&
	    ((st->f->plain && st->f->plain(st->self, st, err)) || read_files(st, files, n, err)))
		return -1;
	if (st->acked)
		return 0;
	if (st->f->finish && st->f->finish(st->self, st, true, err))
		return -1;
	if (st->out && out_flush(st->out, err))
		return -1;
	return end_plain(st, err);
}

/* Tells the stages below why we leave, if they can still hear it. */
static void say_fail(struct stage *st, const struct err *err)
{
	struct err ignored;

	if (!st->joined || !st->out || st->failed || st->ended)
		return;
	st->line.n = 0;
	ctl_fail_write(&st->inc, prog_common()->name, err, &st->line);
	buf_addc(&st->line, '\n');
	if (out_write(st->out, st->line.p, st->line.n, &ignored) == 0)
		out_flush(st->out, &ignored);
}

static void stage_fini(struct stage *st)
{
	if (st->acked)
		loop_ignore_signals(st->loop);
	lines_free(st->in);
	out_free(st->out);
	ctl_fini(&st->ctl);
	ranges_fini(&st->marks);
	buf_fini(&st->line);
	buf_fini(&st->element);
	buf_fini(&st->topic);
	stage_gaps_fini(&st->gaps);
	free(st->job);
	free(st->group);
	loop_free(st->loop);
}

int stage_run(const struct filter *f, void *self, const char *const *files, size_t n_files,
	      struct err *err)
{
	struct stage st = { .f = f, .self = self, .o = &options, .heard = n_files > 0 };
	int rc;

	st.loop = loop_new();
	st.counters = counters_new(prog_common()->name);
	if (!f->ends) {
		st.out = out_new(st.loop, STDOUT_FILENO, OUT_BYTES);
		out_watch_reader(st.out);
	}
	loop_every(st.loop, TM_S, touch_stage_counters, &st);
	rc = run_filter(&st, files, n_files, err);
	heard = st.heard;
	if (rc)
		say_fail(&st, err);
	if (dead_route_close(&st.dead, rc ? NULL : err) && rc == 0)
		rc = -1;
	if (f->close)
		f->close(self, &st);
	counters_end(st.counters, rc ? err->code : 0, rc ? err->msg : "");
	if (rc && !st.acked && st.out && out_reader_left(st.out)) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	stage_fini(&st);
	return rc;
}

/* ---- a failure before the stream has begun */

static int refuse_stage(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
			struct err *err)
{
	(void)st, (void)hello, (void)members;
	return err_copy(err, self);
}

static int refuse_plain(void *self, struct stage *st, struct err *err)
{
	return refuse_stage(self, st, NULL, NULL, err);
}

static const struct filter refusal = { .plain = refuse_plain, .hello = refuse_stage };

static void stop_hearing(void *arg, int fd, short revents)
{
	struct err late = { .code = EX_TEMPFAIL };

	(void)fd, (void)revents;
	loop_stop(arg, &late);
}

static bool is_stream(int fd)
{
	return fd_kind(fd) == FD_PIPE || fd_kind(fd) == FD_SOCKET;
}

void stage_failed(void *self, const struct err *why)
{
	struct stage_options defaults = { .max_line = 1 << 20 }; /* ours may be what is wrong */
	struct stage st = { .f = &refusal, .self = (void *)(uintptr_t)why, .o = &defaults };
	struct err err;

	(void)self;
	if (heard || !is_stream(STDIN_FILENO) || !is_stream(STDOUT_FILENO))
		return;
	st.loop = loop_new();
	st.out = out_new(st.loop, STDOUT_FILENO, 0);
	out_watch_reader(st.out);
	loop_at(st.loop, tm_mono_us() + HEAR_S * TM_S, stop_hearing, st.loop);
	if (stage_read_input(&st, &err))
		say_fail(&st, why);
	stage_fini(&st);
}
