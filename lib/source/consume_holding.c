/* Which partitions are ours. A group says so, and changes its mind:
 *
 * 	(none) -- ASSIGNED --> held -- ASSIGNED --> held anew, surveyed anew
 * 	   ^                     |
 * 	   +-- REVOKED, GONE ----+    the epoch was cut by who read; REVOKED: acks are waited for
 * 	                              a moment, and committed
 * Over files all is ours from the start. */
#include "source/consume_internal.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/tm.h"

enum { REVOKE_S = 5 };

static int poll_beside(struct consume *s, struct err *err)
{
	const struct consume_beside *b = s->c->beside;
	int rc = 0;

	if (b && !s->stopping)
		rc = b->ended(s->c->beside_self, s->reading.step.n ? s->reading.step.v[0].from : -1,
			      err);
	if (rc > 0)
		s->stopping = true;
	return rc < 0 ? -1 : 0;
}

int consume_poll_change(struct consume *s, struct err *err)
{
	struct holding *h = &s->holding;

	if (poll_beside(s, err))
		return -1;
	if (!consume_group(s) || h->change != INPUT_UNCHANGED)
		return 0;
	partitions_fini(&h->coming);
	return s->log->ops->change(s->log->self, &h->change, &h->coming, err);
}

/* INPUT_REVOKED, INPUT_GONE: the epoch is cut; its acks are worth a short wait, since the next
 * owner reads again what is not stored. */
static int give_up_partitions(struct consume *s, struct err *err)
{
	if (s->holding.change == INPUT_REVOKED &&
	    job_stream_drain(s->stream, tm_mono_us() + REVOKE_S * TM_S, err))
		return -1;
	crash_at(CRASH_SOURCE_REVOKED);
	if (s->holding.change == INPUT_REVOKED && consume_commit(s, true, err))
		return -1;
	ranges_fini(&s->progress.stored);
	ranges_fini(&s->progress.ends);
	ranges_fini(&s->reading.step);
	catchup_fini(&s->survey.catchup);
	epochs_assign(job_stream_epochs(s->stream), &s->reading.step);
	partitions_fini(&s->holding.held);
	counters_set(s->counters, COUNTER_PARTITIONS, 0);
	s->reading.batch.part = NULL;
	s->watch.under_way = false;
	return s->log->ops->revoked(s->log->self, err);
}

/* Who we are goes with the partitions that we were given then. */
static int note_member(struct consume *s, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (s->holding.change != INPUT_ASSIGNED || !s->log->ops->member)
		return 0;
	rc = s->log->ops->member(s->log->self, &text, err);
	if (rc == 0)
		job_stream_member(s->stream, buf_z(&text));
	buf_fini(&text);
	return rc;
}

static int take_change(struct consume *s, struct err *err)
{
	struct holding *h = &s->holding;

	if (note_member(s, err))
		return -1;
	if (h->change == INPUT_ASSIGNED) {
		partitions_fini(&h->held);
		h->held = h->coming;
		h->coming = (struct partitions){ 0 };
		h->have = true;
		log_info("assigned: %zu partitions", h->held.n);
		crash_at(CRASH_SOURCE_ASSIGNED);
	} else {
		log_info("revoked: %zu partitions", h->held.n);
		h->have = false;
		if (give_up_partitions(s, err))
			return -1;
	}
	h->change = INPUT_UNCHANGED;
	return 0;
}

int consume_await_holding(struct consume *s, struct err *err)
{
	while (!s->stopping) {
		if (consume_poll_change(s, err))
			return -1;
		if (s->holding.change != INPUT_UNCHANGED) {
			if (take_change(s, err))
				return -1;
		} else if (s->holding.have) {
			return 0;
		} else if (job_stream_turn(s->stream, INT64_MAX, err)) {
			return -1;
		}
	}
	return 1;
}

int consume_hold_all(struct consume *s, struct err *err)
{
	partitions_fini(&s->holding.held);
	s->holding.have = true;
	return s->log->ops->partitions(s->log->self, &s->holding.held, err);
}
