/* What is stored: acks raise s->progress.stored, commits follow it in batches, as many acks as came
 * at once; lag is the log's end minus it. */
#include "source/consume_internal.h"

#include "base/crash.h"
#include "base/tm.h"

void consume_stored(struct consume *s, const struct ranges *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct range *at = ranges_find(&s->progress.stored, slice_z(r->v[i].topic),
					       r->v[i].partition);

		if (!at || r->v[i].to < at->to)
			continue; /* not ours any more */
		at->to = r->v[i].to;
		at->idle = r->v[i].idle;
		if (r->v[i].last.offset >= 0)
			at->last = r->v[i].last;
	}
	s->progress.commit_due = true;
}

/* ---- commits. Where a sink commits with what it stores, the source would be a second writer that
 * nobody fences */

int consume_commit(struct consume *s, bool wait, struct err *err)
{
	struct ranges due = { 0 };
	int rc = 0;

	if (s->log->ops->stored)
		s->log->ops->stored(s->log->self, &s->progress.stored);
	if (!consume_group(s) || job_stream_commits(s->stream))
		return 0;
	for (size_t i = 0; i < s->progress.stored.n; i++) {
		struct range *r = &s->progress.stored.v[i], *to;

		if (!wait && r->to == r->from)
			continue;
		to = ranges_add(&due, slice_z(r->topic), r->partition);
		to->to = r->from = r->to;
	}
	if (due.n) {
		crash_at(CRASH_SOURCE_BEFORE_COMMIT);
		rc = s->log->ops->commit(s->log->self, &due, buf_z(&s->progress.meta), wait, err);
		crash_at(CRASH_SOURCE_AFTER_COMMIT);
	}
	ranges_fini(&due);
	return rc;
}

/* ---- lag: the log's end minus the lowest position stored by all sinks */

static int64_t lag_of(const struct consume *s, size_t i)
{
	const struct range *r = &s->progress.stored.v[i];

	if (r->idle)
		return 0;
	if (s->progress.ends.v[i].to < 0)
		return -1;
	return s->progress.ends.v[i].to > r->to ? s->progress.ends.v[i].to - r->to : 0;
}

void consume_lag(struct consume *s)
{
	uint64_t records = 0, us = 0;
	int64_t now = tm_now_us();

	for (size_t i = 0; i < s->progress.stored.n; i++) {
		const struct range *r = &s->progress.stored.v[i];
		int64_t lag = lag_of(s, i),
			time = r->last.time_us != POS_NONE ? r->last.time_us : r->watermark_us;

		if (lag == 0)
			continue;
		records = lag < 0 || s->log->ops->bytes || s->log->ops->times ||
					  records == UINT64_MAX
				  ? UINT64_MAX
				  : records + (uint64_t)lag;
		if (time == POS_NONE)
			us = UINT64_MAX;
		else if (us != UINT64_MAX && now > time && (uint64_t)(now - time) > us)
			us = (uint64_t)(now - time);
	}
	counters_set(s->counters, COUNTER_LAG_RECORDS, records);
	counters_set(s->counters, COUNTER_LAG_US, us);
}

int consume_ask_lag(struct consume *s, struct err *err)
{
	if (s->progress.ends.n && s->log->ops->ends(s->log->self, &s->progress.ends, err))
		return -1;
	consume_lag(s);
	return 0;
}
