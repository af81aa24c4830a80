/* The minute's probe: do the sinks stand where what was sent has put them? A store that was
 * restored shows itself by a conflict only where new records come. The probe passes behind all
 * barriers that were sent before it, so its answer is held against the view as it was then. */
#include "source/consume_internal.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"

enum { WATCH_EVERY_S = 60 };

static void copy_view(const struct catchup *from, struct catchup *to)
{
	catchup_fini(to);
	*to = (struct catchup){ .v = mem_array(from->n ? from->n : 1, sizeof(*to->v)),
				.n = from->n,
				.sinks = from->sinks };
	for (size_t i = 0; i < from->n; i++) {
		to->v[i] = from->v[i];
		to->v[i].topic = mem_strdup(from->v[i].topic);
		to->v[i].next = mem_array(from->sinks, sizeof(*to->v[i].next));
		memcpy(to->v[i].next, from->v[i].next, from->sinks * sizeof(*to->v[i].next));
	}
}

int consume_watch(struct consume *s, int64_t now_us, struct err *err)
{
	if (s->watch.under_way || now_us < s->watch.at_us)
		return 0;
	copy_view(&s->survey.catchup, &s->watch.expected);
	s->watch.under_way = true;
	return job_stream_send_probe(s->stream, err);
}

static int moved(const struct ctl_sink_state *sink, const struct catchup_part *p, int64_t want,
		 struct err *err)
{
	const struct position *at = positions_find(&sink->pos, slice_z(p->topic), p->partition);

	if (at && at->next == want)
		return 0;
	return err_set(
		err, EX_TEMPFAIL,
		"sink %s stands at %" PRId64 " of %s/%" PRId32 ", not at %" PRId64
		": its store was restored or somebody else has written; start the pipeline again",
		sink->name, at ? at->next : -1, p->topic, p->partition, want);
}

/* Partitions that have come and that a sink does not know: all is prepared anew. */
static int look_for_new(struct consume *s, struct err *err)
{
	if (s->log->ops->partitions(s->log->self, &s->survey.all, err))
		return -1;
	for (size_t i = 0; i < s->survey.all.n; i++)
		for (size_t k = 0; k < s->survey.n_sinks; k++)
			if (!positions_find(&s->survey.sinks[k].pos,
					    slice_z(s->survey.all.v[i].topic),
					    s->survey.all.v[i].partition))
				s->survey.again = true;
	return 0;
}

int consume_watched(struct consume *s, struct err *err)
{
	notify("WATCHDOG=1");
	s->watch.under_way = false;
	s->watch.at_us = tm_mono_us() + WATCH_EVERY_S * TM_S;
	for (size_t k = 0; k < s->survey.n_sinks; k++) {
		if (strcmp(s->survey.sinks[k].gen, job_stream_gen(s->stream)) != 0)
			return err_set(err, EX_TEMPFAIL,
				       "sink %s holds another start of job %s than it did: its "
				       "store was restored or emptied; start the pipeline again",
				       s->survey.sinks[k].name, s->c->job);
		for (size_t i = 0; i < s->watch.expected.n; i++)
			if (moved(&s->survey.sinks[k], &s->watch.expected.v[i],
				  s->watch.expected.v[i].next[k], err))
				return -1;
	}
	return look_for_new(s, err);
}
