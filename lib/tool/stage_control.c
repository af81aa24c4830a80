/* Control records on their way through a stage: it adds its element to the hello and to barriers,
 * learns from `at` and probes, holds what a barrier says of its epoch against what came, and passes
 * on what it does not know. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "tool/stage_internal.h"

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

int stage_hello(struct stage *st, struct slice line, struct err *err)
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

int stage_control(struct stage *st, struct slice line, struct err *err)
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
