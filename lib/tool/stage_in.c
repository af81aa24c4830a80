/* What a stage reads: data lines in runs, control records one by one, in the order of the stream.
 *
 *   block of whole lines      data data data | control | data data | control ...
 *                             `-- one run --'            `- run --'
 * ctl_find cuts the block; on a plain stream a block is one run. The output is flushed before a
 * read that would block, never else. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/decoder.h"
#include "io/fd.h"
#include "io/intact.h"
#include "tool/stage_internal.h"

/* ---- data */

static void advance_origin(struct stage *st, uint64_t lines, uint64_t bytes)
{
	st->lines += lines;
	st->bytes += bytes;
	st->seen_total += lines;
	st->at.line += lines;
	if (!st->at.inexact)
		st->at.offset += (int64_t)(st->at.bytes ? bytes : lines);
	if (st->f->rows)
		st->account.rows_in += lines;
	else
		st->account.in += lines;
	counters_add(st->counters, st->f->rows ? COUNTER_ROWS_IN : COUNTER_RECORDS_IN, lines);
	counters_add(st->counters, COUNTER_BYTES_IN, bytes);
}

static int take_data_run(struct stage *st, struct slice block, struct err *err)
{
	struct run run = { .block = block, .origin = st->at };
	uint64_t lines = 0;

	if (block.n == 0)
		return 0;
	if (st->f->data(st->self, st, &run, &lines, err))
		return -1;
	advance_origin(st, lines, block.n);
	return 0;
}

/* The data at the start of a block: k bytes, and what is gathered behind. *used: so much of it. */
static int take_data(struct stage *st, struct slice b, size_t k, size_t *used, struct err *err)
{
	struct run run;
	uint64_t lines = 0;

	*used = st->gaps.taken ? stage_gaps_gather(st, b, k, &run) : 0;
	if (*used == 0) {
		*used = k;
		return take_data_run(st, slice(b.p, k), err);
	}
	if (run.block.n && st->f->data(st->self, st, &run, &lines, err))
		return -1;
	advance_origin(st, lines, run.block.n);
	st->at.offset = stage_gaps_end(&run);
	return 0;
}

static int take_long_line(struct stage *st, struct slice kept, uint64_t size, struct err *err)
{
	struct run run = { .block = kept, .origin = st->at };

	if (stage_dead_long(st, &run, 0, 0, kept, size, err))
		return -1;
	stage_moved(st);
	advance_origin(st, 1, size + 1);
	return 0;
}

void stage_took(struct stage *st, uint64_t lines, uint64_t bytes)
{
	advance_origin(st, lines, bytes);
}

/* ---- control records */

static int write_line(struct stage *st, struct slice line, struct err *err)
{
	if (!st->out)
		return 0;
	return out_write(st->out, line.p, line.n, err) || out_write(st->out, "\n", 1, err) ? -1 : 0;
}

/* This stage's element. One that fails here says so in it: the hello goes on all the same, so
 * that those below know what they are, and take our code from the `fail` behind it. */
static int introduce_stage(struct stage *st, struct err *err)
{
	size_t common;
	int rc = 0;

	st->element.n = 0;
	buf_printf(&st->element, "{\"s\":\"%s\",\"version\":\"%s\",\"pid\":%ld",
		   prog_common()->name, prog_version, (long)getpid());
	common = st->element.n;
	if (st->f->hello && (rc = st->f->hello(st->self, st, &st->ctl, &st->element, err))) {
		st->element.n = common;
		buf_addz(&st->element, ",\"failed\":true");
	}
	buf_addc(&st->element, '}');
	return rc;
}

/* The hello: who we are goes in, then on; from here the stream is an acknowledged one. */
static int take_hello(struct stage *st, struct slice line, struct err *err)
{
	struct ctl_hello hello;
	uint64_t drain_us = 60 * TM_S;
	struct err ignored;
	int rc;

	if (ctl_parse(&st->ctl, line, err) || ctl_hello_read(&st->ctl, &hello, err))
		return err_in(err, "hello");
	st->acked = true;
	st->index = hello.n_stages;
	st->job = mem_dup(hello.job.p, hello.job.n);
	st->group = hello.group.p ? mem_dup(hello.group.p, hello.group.n) : NULL;
	st->at.bytes = hello.bytes;
	st->at.inexact = st->o->foreign;
	ctl_inc_set(&st->inc, hello.inc.p);
	lines_exempt(st->in, st->inc.prefix, CTL_PREFIX_BYTES);
	signal(SIGPIPE, SIG_IGN);
	if (st->out && isatty(STDOUT_FILENO))
		return err_set(err, EX_USAGE,
			       "`| hta-commit` is missing: this stream is acknowledged, and "
			       "nothing at its end does so");
	json_get_u64(&st->ctl.json, 0, "drain_us", &drain_us);
	loop_signals(st->loop, NULL, NULL, (int64_t)drain_us);
	if (st->counters)
		counters_job(st->counters, st->job, st->inc.id, st->index);

	rc = introduce_stage(st, err);
	st->line.n = 0;
	if (ctl_grow(line, buf_slice(&st->element), &st->line)) {
		err_set(rc ? &ignored : err, EX_DATAERR,
			"hello: it does not end as one does: a filter above has changed it");
		return -1;
	}
	if (write_line(st, buf_slice(&st->line), rc ? &ignored : err))
		return -1;
	if (st->out && out_flush(st->out, rc ? &ignored : err))
		return -1;
	st->joined = true;
	if (rc)
		return -1;
	return st->f->hello_returned
		       ? st->f->hello_returned(st->self, st, buf_slice(&st->line), err)
		       : 0;
}

/* Names outlive the control record. */
static void set_origin(struct stage *st, const struct ctl_at *at)
{
	size_t n = at->topic.n;

	st->topic.n = 0;
	buf_adds(&st->topic, at->topic);
	buf_adds(&st->topic, at->from_topic);
	st->at.topic = slice(st->topic.p, n);
	st->at.partition = at->partition;
	st->at.offset = at->offset;
	st->at.inexact = at->inexact || st->o->foreign;
	st->at.time_us = at->time_us;
	st->at.from_topic = slice(at->from_topic.p ? st->topic.p + n : NULL, at->from_topic.n);
	st->at.from_partition = at->from_partition;
	st->at.from_offset = at->from_offset;
	st->at.retries = at->retries;
}

static int take_at(struct stage *st, struct err *err)
{
	struct ctl_at at;

	if (ctl_at_read(&st->ctl, &at, err))
		return -1;
	set_origin(st, &at);
	stage_gaps_learn(st, &at);
	st->moved = st->vague = false;
	if (st->f->consumes || st->f->ends)
		return 0;
	if (!st->o->foreign || at.inexact)
		return write_line(st, st->ctl.line, err);
	st->line.n = 0;
	buf_add(&st->line, st->ctl.line.p, st->ctl.line.n - 1);
	buf_addz(&st->line, ",\"inexact\":true}");
	return write_line(st, buf_slice(&st->line), err);
}

void stage_moved(struct stage *st)
{
	st->moved = st->acked;
}

int stage_pass_at(struct stage *st, const struct run *run, uint64_t nth, size_t at, bool shared,
		  struct slice block, uint64_t lines, struct err *err)
{
	const struct origin *o = &run->origin;
	const struct ctl_at place = {
		.topic = o->topic,
		.partition = o->partition,
		.offset = origin_offset(o, nth, at),
		.time_us = o->time_us,
		.inexact = o->inexact || shared || !st->placed,
		.from_topic = o->from_topic,
		.from_partition = o->from_partition,
		.from_offset = o->from_offset,
		.retries = o->retries,
	};

	bool known = !st->placed && (st->vague || o->inexact); /* to be vague */

	if (st->acked && lines && (st->moved || shared) && !known) {
		stage_gaps_write_at(st, &place);
		if (write_line(st, buf_slice(&st->line), err))
			return -1;
		st->moved = shared;
		st->vague = place.inexact;
	}
	return stage_pass(st, block, lines, err);
}

/* A stage below knows records by their place, says the first probe. */
static void learn_places(struct stage *st)
{
	uint64_t last;

	st->placed = json_get_u64(&st->ctl.json, 0, "placed", &last) && last > st->index;
}

/* What the stage above says it wrote since its last barrier, against what came. */
static int check_counts(struct stage *st, struct err *err)
{
	struct account_of *account = NULL;
	size_t n;
	uint64_t lines;
	int rc = 0;

	if (ctl_account_read(&st->ctl, &account, &n, err))
		return -1;
	if (n == 0) {
		rc = err_set(err, EX_DATAERR, "barrier without an account");
		goto out;
	}
	lines = account[n - 1].a.out + account[n - 1].a.rows_out;
	if (st->o->foreign) {
		if (lines > st->lines)
			st->account.filtered += lines - st->lines;
		else
			st->account.added += st->lines - lines;
		if (st->f->rows)
			st->account.rows_in = lines;
		else
			st->account.in = lines;
	} else if (lines != st->lines || account[n - 1].a.bytes != st->bytes) {
		rc = err_set(err, EX_DATAERR,
			     "%.*s wrote %llu lines of %llu bytes in this epoch, %llu lines of "
			     "%llu bytes arrived: "
			     "a filter between the two needs --foreign at the stage behind it",
			     (int)account[n - 1].stage.n, account[n - 1].stage.p,
			     (unsigned long long)lines, (unsigned long long)account[n - 1].a.bytes,
			     (unsigned long long)st->lines, (unsigned long long)st->bytes);
	}
out:
	free(account);
	return rc;
}

static int take_bar(struct stage *st, struct err *err)
{
	crash_at(CRASH_BARRIER_BEFORE);
	if (check_counts(st, err) ||
	    (st->f->barrier && st->f->barrier(st->self, st, &st->ctl, err)))
		return -1;
	if (stage_dead_barrier(st,
			       err)) /* a filter with threads has found the last ones only now */
		return -1;
	crash_at(CRASH_BARRIER_AFTER);
	st->element.n = 0;
	ctl_account_write(prog_common()->name, &st->account, st->marks.n ? &st->marks : NULL,
			  &st->element);
	st->line.n = 0;
	if (ctl_grow(st->ctl.line, buf_slice(&st->element), &st->line))
		return err_set(
			err, EX_DATAERR,
			"barrier: it does not end as one does: a filter above has changed it");
	counters_add(st->counters, COUNTER_EPOCHS_ACKED, 1);
	counters_set(st->counters, COUNTER_LAST_ACK_US, (uint64_t)tm_now_us());
	ranges_fini(&st->marks);
	st->account = (struct account){ 0 };
	st->lines = st->bytes = 0;
	if (write_line(st, buf_slice(&st->line), err) ||
	    (st->f->barrier_passed && st->f->barrier_passed(st->self, st, err)))
		return -1;
	return st->out ? out_flush(st->out, err) : 0;
}

static int pass_fail(struct stage *st, struct err *err)
{
	struct err ignored;

	st->failed = true;
	if (write_line(st, st->ctl.line, &ignored) == 0 && st->out)
		out_flush(st->out, &ignored);
	if (ctl_fail_read(&st->ctl, err))
		return -1;
	log_info("%s", err->msg);
	err->msg[0] = 0; /* told by the stage that failed */
	return -1;
}

static int take_end(struct stage *st, struct err *err)
{
	struct slice reason = slice_z("stop");

	json_get_text(&st->ctl.json, 0, "reason", &reason);
	if (st->f->finish && st->f->finish(st->self, st, slice_is(reason, "eof"), err))
		return -1;
	if (write_line(st, st->ctl.line, err) || (st->out && out_flush(st->out, err)))
		return -1;
	st->ended = true;
	return 0;
}

static int take_control(struct stage *st, struct slice line, struct err *err)
{
	struct buf instead = { 0 };
	int rc;

	if (ctl_parse(&st->ctl, line, err))
		return -1;
	switch (st->ctl.kind) {
	case CTL_AT:
		return take_at(st, err);
	case CTL_BAR:
		return take_bar(st, err);
	case CTL_END:
		return take_end(st, err);
	case CTL_PROBE:
		learn_places(st);
		if (!st->dead_known && stage_dead_claims(st, err))
			return -1;
		break;
	default:
		break;
	}
	rc = st->f->control ? st->f->control(st->self, st, &st->ctl, &instead, err) : 0;
	if (st->ctl.kind == CTL_FAIL)
		rc = pass_fail(st, err);
	else if (rc == 0 && !(st->ctl.kind == CTL_BEFORE && (st->f->consumes || st->f->ends)))
		rc = write_line(st, instead.n ? buf_slice(&instead) : line, err);
	if (rc == 0 && st->out && st->ctl.kind != CTL_DEAD && st->ctl.kind != CTL_LATE)
		rc = out_flush(st->out, err);
	buf_fini(&instead);
	return rc;
}

static int take_block(struct stage *st, struct slice b, struct err *err)
{
	while (b.n && !st->ended) {
		size_t k = st->acked ? ctl_find(&st->inc, b.p, b.n) : b.n, used;
		const char *end;

		if (take_data(st, b, k, &used, err))
			return -1;
		b = slice(b.p + used, b.n - used);
		if (b.n == 0)
			return 0;
		end = memchr(b.p, '\n', b.n);
		if (take_control(st, slice(b.p, (size_t)(end - b.p)), err))
			return -1;
		b.n -= (size_t)(end + 1 - b.p);
		b.p = end + 1;
	}
	return 0;
}

/* ---- reading */

/* Flushes before it waits. */
static enum lines_result next_block_flushed(struct stage *st, struct slice *block, struct err *err)
{
	enum lines_result r = lines_next(st->in, 0, block, err);

	if (r != LINES_TIMEOUT)
		return r;
	if (st->out && out_flush(st->out, err))
		return LINES_ERROR;
	do
		r = lines_next(st->in, INT64_MAX, block, err);
	while (r == LINES_TIMEOUT);
	return r;
}

/* A last line without its newline: a plain stream takes it as jq does; an acknowledged one drops
 * it (kill -9 leaves such a thing). */
static int take_tail(struct stage *st, struct slice tail, struct err *err)
{
	struct buf line = { 0 };
	int rc;

	if (st->acked)
		return 0;
	buf_room(&line, tail.n + 1 + 2 * LINES_PAD);
	memset(line.p, 0, LINES_PAD);
	memcpy(line.p + LINES_PAD, tail.p, tail.n);
	line.p[LINES_PAD + tail.n] = '\n';
	memset(line.p + LINES_PAD + tail.n + 1, 0, LINES_PAD);
	rc = take_data_run(st, slice(line.p + LINES_PAD, tail.n + 1), err);
	buf_fini(&line);
	return rc;
}

/* A filter that finds bad lines counts what stood before a damaged place, and the other files; it
 * is told at the end. */
static int take_damage(struct stage *st, struct err *err)
{
	if (err->code != EX_DATAERR || st->acked || !st->f->finds_dead)
		return -1;
	if (st->damage.code)
		log_err(&st->damage);
	st->damage = *err;
	err_clear(err);
	return 0;
}

static int read_input(struct stage *st, enum lines_result r, struct slice b, struct err *err)
{
	for (;; r = next_block_flushed(st, &b, err)) {
		int rc = 0;

		switch (r) {
		case LINES_BLOCK:
			rc = take_block(st, b, err);
			break;
		case LINES_LONG:
			rc = take_long_line(st, b, lines_long_bytes(st->in), err);
			break;
		case LINES_TAIL:
			rc = take_tail(st, b, err);
			break;
		case LINES_TIMEOUT:
			break;
		case LINES_EOF:
			return 0;
		case LINES_ERROR:
			return take_damage(st, err);
		}
		if (rc)
			return -1;
		if (st->ended)
			return 0;
	}
}

/* A regular file, by the filter itself if it likes to. */
static int read_plain(struct stage *st, int fd, const char *name, struct err *err)
{
	bool itself = st->f->file && fd_kind(fd) == FD_FILE && !decoder_file(fd);
	int rc = itself ? st->f->file(st->self, st, fd, name, err) : 0;

	if (rc)
		return rc;
	lines_free(st->in);
	st->in = lines_new(st->loop, fd, st->o->max_line);
	lines_name(st->in, name);
	st->at = (struct origin){ .file = name, .line = 1 };
	return read_input(st, LINES_TIMEOUT, slice(NULL, 0), err);
}

int stage_read_plain(struct stage *st, int fd, const char *name, struct err *err)
{
	struct intact intact;
	bool regular = fd_kind(fd) == FD_FILE;

	if (regular && intact_begin(&intact, fd, name, err))
		return -1;
	if (read_plain(st, fd, name, err) < 0)
		return -1;
	return regular && intact_check(&intact, err) ? -1 : 0;
}

/* The end of an acknowledged stream that nobody announced. */
static int crashed(struct stage *st, struct err *err)
{
	if (loop_signalled(st->loop))
		return err_set(err, EX_TEMPFAIL,
			       "ended by a signal before the stream was complete");
	return err_set(err, EX_PROTOCOL,
		       "the stage above has gone without `end`: what came after the last barrier "
		       "is dropped; start the pipeline again");
}

/* The stage above died before or inside its hello. That must not pass for a plain stream: 64 or
 * 65 would keep a supervisor from starting the pipeline again. */
static int died_early(struct err *err)
{
	return err_set(err, EX_PROTOCOL,
		       "the stage above has gone before its first line was complete; "
		       "start the pipeline again");
}

/* No input at all is an empty plain stream to a filter. Who has nothing to do on plain ones asks
 * why: a program that was killed is to be started again, one that is not there is not. */
static int nothing_came(struct stage *st, struct err *err)
{
	bool pipe = fd_kind(STDIN_FILENO) == FD_PIPE;

	prog_nothing_came();
	if (fd_marked(STDIN_FILENO, FD_CLOSED))
		return err_set(err, EX_USAGE,
			       "hta-commit stands above, and it is the end: put this program "
			       "before it");
	if (!st->f->ends)
		return 0;
	if (!pipe || fd_marked(STDIN_FILENO, FD_BEGUN))
		return died_early(err);
	return err_set(err, EX_CONFIG,
		       "nothing has come, not even a first line: either a program above is "
		       "not there or could not begin (it or the shell has said so), or this is a "
		       "plain stream: say "
		       "hta-consume -g GROUP, or --job NAME over files");
}

int stage_read_input(struct stage *st, struct err *err)
{
	struct slice b = { 0 };
	struct stat sb;
	struct err why = ERR_INIT;
	enum lines_result r = LINES_TIMEOUT;
	bool may_greet = fstat(STDIN_FILENO, &sb) == 0 &&
			 (S_ISFIFO(sb.st_mode) || S_ISSOCK(sb.st_mode));

	st->heard = true;
	if (!may_greet && S_ISREG(sb.st_mode)) {
		if (st->f->plain && st->f->plain(st->self, st, err))
			return -1;
		return stage_read_plain(st, STDIN_FILENO, "standard input", err);
	}
	st->in = lines_new(st->loop, STDIN_FILENO, st->o->max_line);
	st->at = (struct origin){ .file = "standard input", .line = 1 };
	if (may_greet)
		while ((r = lines_first(st->in, INT64_MAX, &b, &why)) == LINES_TIMEOUT)
			;
	if (r == LINES_TAIL && ctl_is_hello(b))
		return died_early(err);
	if (r == LINES_EOF && nothing_came(st, err))
		return -1;
	if (r == LINES_BLOCK && ctl_is_hello(b)) {
		st->at = (struct origin){ 0 };
		if (take_hello(st, slice(b.p, b.n - 1), err) ||
		    read_input(st, LINES_TIMEOUT, b, err))
			return -1;
		return st->ended ? 0 : crashed(st, err);
	}
	if (st->f->plain && st->f->plain(st->self, st, err))
		return -1;
	if (r == LINES_ERROR)
		*err = why;
	return read_input(st, r, b, err);
}
