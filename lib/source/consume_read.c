/* Reading. A step is one assignment of the log: while sinks differ one partition alone, up to a
 * position; then everything.
 *
 * 	catchup_step -> assign -> batch, batch, ... -> the step's end: cut, next step
 * 	                        |
 * 	                        +- due: cut; changed: cut and give up; no room (4
 * 	                           epochs in flight, the open one full): wait for an ack
 *
 * A batch is taken in pieces: as much as the open epoch, the step and --until take. */
#include "source/consume_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"

enum { LAG_EVERY_S = 10 };

/* ---- barriers */

int consume_cut(struct consume *s, struct err *err)
{
	const struct input_ops *ops = s->log->ops;
	const struct ranges *sent;

	if (!epochs_changed(job_stream_epochs(s->stream)))
		return 0;
	if (dead_route_barrier(&s->writer.dead, &s->writer.account,
			       record_writer_dead_are(&s->writer), "", err) ||
	    (ops->verify && ops->verify(s->log->self, err)) ||
	    job_stream_cut(s->stream, &s->writer.account, &sent, err))
		return -1;
	catchup_sent(&s->survey.catchup, sent);
	s->writer.account = (struct account){ 0 };
	record_writer_again(&s->writer);
	return 0;
}

/* ---- gaps: what was deleted before it was read */

static int lost(struct consume *s, const struct range *r, int64_t to, struct err *err)
{
	struct ranges one = { 0 };
	struct range *part;
	uint64_t n = (uint64_t)(to - r->from);
	int rc;

	if (!s->c->on_gap_skip)
		return err_set(err, EX_DATAERR,
			       "%s/%" PRId32 ": offsets %" PRId64 " to %" PRId64
			       " were deleted before they were read (retention); --on-gap skip "
			       "goes on behind them and books them as lost",
			       r->topic, r->partition, r->from, to - 1);
	log_warn("%s/%" PRId32 ": offsets %" PRId64 " to %" PRId64 " are lost", r->topic,
		 r->partition, r->from, to - 1);
	part = ranges_add(&one, slice_z(r->topic), r->partition);
	part->from = r->from;
	part->idle = r->idle;
	epochs_assign(job_stream_epochs(s->stream), &one);
	epochs_read(job_stream_epochs(s->stream), 0, 0, to, NULL, false, tm_mono_us());
	s->writer.account.in += n;
	s->writer.account.lost += n;
	counters_add(s->counters, COUNTER_LOST, n);
	rc = consume_cut(s, err);
	ranges_fini(&one);
	return rc;
}

/* 1: a gap was covered, the view has changed. */
static int skip_gap(struct consume *s, struct err *err)
{
	for (size_t i = 0; i < s->reading.step.n; i++) {
		const struct range *r = &s->reading.step.v[i],
				   *end = ranges_find(&s->progress.ends, slice_z(r->topic),
						      r->partition);

		if (r->from < end->from)
			return lost(s, r, end->from < r->to ? end->from : r->to, err) ? -1 : 1;
	}
	return 0;
}

/* ---- a step */

/* Where it ends: the next sink's position, or --until. A partition that has come since is for
 * the next run then. */
static void set_ends(struct consume *s)
{
	bool bound = s->c->until.kind == UNTIL_END || s->c->until.kind == UNTIL_TIME;

	for (size_t i = 0; i < s->reading.step.n && !s->reading.alone; i++) {
		struct range *r = &s->reading.step.v[i];
		const struct range *until = ranges_find(&s->reading.untils, slice_z(r->topic),
							r->partition);

		r->to = until ? until->to : bound ? r->from : INT64_MAX;
	}
}

static bool step_done(const struct consume *s)
{
	if (s->reading.step.n == 0)
		return s->c->until.kind == UNTIL_END || s->c->until.kind == UNTIL_TIME;
	for (size_t i = 0; i < s->reading.step.n; i++)
		if (s->reading.step.v[i].from < s->reading.step.v[i].to)
			return false;
	return true;
}

/* What is due whatever is read: 0: go on. */
static int take_care(struct consume *s, struct err *err)
{
	int64_t now = tm_mono_us();

	if (job_stream_serve(s->stream, err) || consume_poll_change(s, err))
		return -1;
	if (epochs_due(job_stream_epochs(s->stream), now) && consume_cut(s, err))
		return -1;
	if (consume_grows(s) && now >= s->progress.lag_at_us) {
		s->progress.lag_at_us = now + LAG_EVERY_S * TM_S;
		if (consume_ask_lag(s, err))
			return -1;
	}
	return consume_watch(s, now, err);
}

/* All that was asked for is read. Are these the ends of the log still? The last barrier says so:
 * nobody may come for a while to tell. */
static int mark_idle(struct consume *s, struct err *err)
{
	if (!consume_grows(s))
		return 0;
	if (consume_ask_lag(s, err))
		return -1;
	for (size_t i = 0; i < s->reading.step.n; i++) {
		const struct range *r = &s->reading.step.v[i],
				   *end = ranges_find(&s->progress.ends, slice_z(r->topic),
						      r->partition);

		if (r->from == end->to)
			epochs_read(job_stream_epochs(s->stream), i, 0, r->from, NULL, true,
				    tm_mono_us());
	}
	return 0;
}

/* Whether there is a reason to end the step. */
static enum step look_at_record(struct consume *s, struct err *err)
{
	enum step rc = STEP_GO;

	if (take_care(s, err))
		return STEP_FAILED;
	if (consume_changed(s) || s->survey.again)
		rc = STEP_CHANGED;
	else if (s->reading.left == 0)
		rc = STEP_DONE;
	else if (step_done(s))
		rc = s->reading.alone ? STEP_NEXT : STEP_DONE;
	if (rc == STEP_DONE && !s->reading.alone && mark_idle(s, err))
		return STEP_FAILED;
	return rc != STEP_GO && consume_cut(s, err) ? STEP_FAILED : rc;
}

/* The steps of a catch-up may be short: no more epochs than in steady state are on their way. */
static int wait_for_acks(struct consume *s, struct err *err)
{
	while (epochs_in_flight(job_stream_epochs(s->stream)) >= CONSUME_IN_FLIGHT &&
	       !consume_changed(s))
		if (job_stream_turn(s->stream, INT64_MAX, err) || consume_poll_change(s, err))
			return -1;
	return 0;
}

static enum step one_step(struct consume *s, struct err *err)
{
	enum step rc = STEP_GO;
	int gap;

	if (wait_for_acks(s, err))
		return STEP_FAILED;
	s->reading.alone = catchup_step(&s->survey.catchup, &s->reading.step);
	gap = skip_gap(s, err);
	if (gap)
		return gap < 0 ? STEP_FAILED : STEP_NEXT;
	set_ends(s);
	epochs_assign(job_stream_epochs(s->stream), &s->reading.step);
	s->reading.introduced = mem_grow(s->reading.introduced, s->reading.step.n + 1,
					 sizeof(*s->reading.introduced));
	memset(s->reading.introduced, 0, (s->reading.step.n + 1) * sizeof(*s->reading.introduced));
	s->reading.batch.part = NULL;
	record_writer_again(&s->writer);
	if (s->log->ops->assign(s->log->self, &s->reading.step, err))
		return consume_lost_meanwhile(s, err);
	if (!s->begun)
		notify("READY=1\nSTATUS=reading");
	s->begun = true;
	while (rc == STEP_GO) {
		rc = look_at_record(s, err);
		if (rc == STEP_GO)
			rc = consume_read_more(s, err);
	}
	return rc;
}

int consume_read(struct consume *s, struct err *err)
{
	enum step rc;

	do
		rc = one_step(s, err);
	while (rc == STEP_NEXT);
	return rc == STEP_DONE ? 0 : rc == STEP_FAILED ? -1 : 1;
}
