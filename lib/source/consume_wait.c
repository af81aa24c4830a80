#include "source/consume_internal.h"

#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"

/* ---- answers and acks */

static void forget_sinks(struct ctl_sink_state *sinks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ctl_sink_state_fini(&sinks[i]);
	free(sinks);
}

static int take_answer(struct consume *s, struct slice line, struct err *err)
{
	struct ctl_sink_state *sinks;
	size_t n_sinks;
	uint64_t n;

	if (ctl_parse(&s->ctl, line, err) || ctl_probe_read(&s->ctl, &n, &sinks, &n_sinks, err))
		return err_in(err, "answer to a probe");
	if (n != s->probe) {
		forget_sinks(sinks, n_sinks); /* given up meanwhile */
		return 0;
	}
	forget_sinks(s->sinks, s->n_sinks);
	s->sinks = sinks;
	s->n_sinks = n_sinks;
	s->answered = n;
	return s->watching ? consume_watched(s, err) : 0;
}

static int take_ack(struct consume *s, uint64_t epoch, uint64_t rows, struct err *err)
{
	const struct ranges *r = epochs_acked(s->epochs, epoch, rows, err);

	if (!r)
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		struct range *at = ranges_find(&s->stored, slice_z(r->v[i].topic),
					       r->v[i].partition);

		if (!at || r->v[i].to < at->to)
			continue; /* not ours any more */
		at->to = r->v[i].to;
		at->idle = r->v[i].idle;
		if (r->v[i].last.offset >= 0)
			at->last = r->v[i].last;
	}
	s->commit_due = true;
	counters_add(s->writer.counters, COUNTER_EPOCHS_ACKED, 1);
	counters_set(s->writer.counters, COUNTER_EPOCHS_IN_FLIGHT, epochs_in_flight(s->epochs));
	counters_set(s->writer.counters, COUNTER_LAST_ACK_US, (uint64_t)tm_now_us());
	notify("WATCHDOG=1");
	return 0;
}

int consume_serve(struct consume *s, struct err *err)
{
	struct ack_event e;
	int rc = 0;

	while (rc == 0 && (e = ack_next(s->ack)).kind != ACK_NONE) {
		if (e.kind == ACK_HELLO) {
			s->hello_returned = true;
			/* of no other use before the hello is back */
			buf_adds(&s->element, e.line);
		} else {
			rc = e.kind == ACK_PROBE ? take_answer(s, e.line, err)
						 : take_ack(s, e.epoch, e.rows, err);
		}
	}
	if (rc == 0 && s->commit_due) {
		s->commit_due = false;
		consume_lag(s);
		rc = consume_commit(s, false, err);
	}
	return rc;
}

int consume_turn(struct consume *s, int64_t deadline_us, struct err *err)
{
	if (loop_turn(s->loop, deadline_us, err) < 0)
		return -1;
	return consume_serve(s, err);
}

int consume_drain(struct consume *s, int64_t deadline_us, struct err *err)
{
	while (epochs_in_flight(s->epochs) && !ack_closed(s->ack) && tm_mono_us() < deadline_us)
		if (consume_turn(s, deadline_us, err))
			return -1;
	return consume_serve(s, err);
}

/* ---- the assignment */

int consume_poll_change(struct consume *s, struct err *err)
{
	if (!consume_group(s) || s->change != INPUT_UNCHANGED)
		return 0;
	partitions_fini(&s->coming);
	return s->log->ops->change(s->log->self, &s->change, &s->coming, err);
}

/* ---- commits */

int consume_commit(struct consume *s, bool wait, struct err *err)
{
	struct ranges due = { 0 };
	int rc = 0;

	if (!consume_group(s))
		return 0;
	for (size_t i = 0; i < s->stored.n; i++) {
		struct range *r = &s->stored.v[i], *to;

		if (!wait && r->to == r->from)
			continue;
		to = ranges_add(&due, slice_z(r->topic), r->partition);
		to->to = r->from = r->to;
	}
	if (due.n) {
		crash_at(CRASH_SOURCE_BEFORE_COMMIT);
		rc = s->log->ops->commit(s->log->self, &due, buf_z(&s->meta), wait, err);
		crash_at(CRASH_SOURCE_AFTER_COMMIT);
	}
	ranges_fini(&due);
	return rc;
}

/* ---- lag: the log's end minus the lowest position stored by all sinks */

static int64_t lag_of(const struct consume *s, size_t i)
{
	const struct range *r = &s->stored.v[i];

	if (r->idle)
		return 0;
	if (s->ends.v[i].to < 0)
		return -1;
	return s->ends.v[i].to > r->to ? s->ends.v[i].to - r->to : 0;
}

void consume_lag(struct consume *s)
{
	uint64_t records = 0, us = 0;
	int64_t now = tm_now_us();

	for (size_t i = 0; i < s->stored.n; i++) {
		const struct range *r = &s->stored.v[i];
		int64_t lag = lag_of(s, i),
			time = r->last.time_us != POS_NONE ? r->last.time_us : r->watermark_us;

		if (lag == 0)
			continue;
		records = lag < 0 || s->log->ops->bytes || records == UINT64_MAX
				  ? UINT64_MAX
				  : records + (uint64_t)lag;
		if (time == POS_NONE)
			us = UINT64_MAX;
		else if (us != UINT64_MAX && now > time && (uint64_t)(now - time) > us)
			us = (uint64_t)(now - time);
	}
	counters_set(s->writer.counters, COUNTER_LAG_RECORDS, records);
	counters_set(s->writer.counters, COUNTER_LAG_US, us);
}

int consume_ask_lag(struct consume *s, struct err *err)
{
	if (s->ends.n && s->log->ops->ends(s->log->self, &s->ends, err))
		return -1;
	consume_lag(s);
	return 0;
}
