/* Deltas for windows that were final before their epoch, by the positions that the store had then:
 * a partition that was idle has woken up behind the mark, or lateness is too short. The stored row
 * is corrected all the same. Whoever has read it before as a final one (hta-consume --final) has
 * the older value and does not read it again: so such deltas are counted, and told once.
 *
 * The mark goes back when such a partition wakes up, so windows that were final once stay so here.
 * It costs one look at the job's positions an epoch. The mark is looked up a moment before the
 * transaction: a window that becomes final in between, through another pipeline, is not counted. */
#include "sink/sink_internal.h"

#include "base/log.h"
#include "proto/finality.h"

static uint64_t count_late(const struct sink_batch *b, int64_t until_us)
{
	uint64_t late = 0;

	for (size_t i = 0; i < b->rows; i++)
		late += b->row[i].add && b->row[i].end_us <= until_us;
	return late;
}

enum sink_result sink_late(struct sink *s, const struct sink_batch *b, uint64_t *late,
			   struct err *err)
{
	const struct sink_store *k = s->positions;
	struct keeper_doc doc = { .gen = "" };
	struct finality f;
	enum sink_result r;

	*late = 0;
	if (!b->rows || !b->row[0].add)
		return SINK_OK;
	r = k->driver->keeper->load(k->d, b->job, &doc, err);
	f = finality_of_job(&doc.pos, s->lateness_us, POS_NONE);
	if (r == SINK_OK && f.until_us > s->final_until_us)
		s->final_until_us = f.until_us;
	if (r == SINK_OK)
		*late = count_late(b, s->final_until_us);
	keeper_doc_fini(&doc);
	return r;
}

void sink_late_tell(struct sink *s, struct stage *st, uint64_t late)
{
	if (!late)
		return;
	counters_add(stage_counters(st), COUNTER_LATE_AFTER_FINAL, late);
	if (!s->late_told)
		log_note("%llu deltas are for windows that were final already: the rows are "
			 "corrected here, but not where they were read before "
			 "(hta-consume --final); further ones are counted as late_after_final",
			 (unsigned long long)late);
	s->late_told = true;
}
