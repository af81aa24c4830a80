#include "source/consume_internal.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/notify.h"

enum { WATCH_EVERY_S = 60 };

/* ---- is the log still the one that was read? */

static int at_part(const struct consume *s, const struct catchup_part *p, struct err *err)
{
	const char *path = input_place(s->log, p->topic);

	if (path)
		err_in(err, "%s (%s)", path, p->topic);
	else
		err_in(err, "%s/%" PRId32, p->topic, p->partition);
	return -1;
}

/* One sink's position, against what the log has now. */
static int check_position(struct consume *s, const struct catchup_part *p,
			  const struct partition *part, const struct range *ends,
			  const struct ctl_sink_state *sink, struct err *err)
{
	const struct position *at = positions_find(&sink->pos, slice_z(p->topic), p->partition);
	const char *another = consume_group(s) ? " and -g" : ", or -t NAME before it in this one";
	struct pos_last now;
	bool found = false;

	if (ends->to >= 0 && at->next > ends->to) {
		err_set(err, EX_CONFIG,
			"ends at %" PRId64 ", but sink %s stands at %" PRId64
			": the topic was made anew or the file replaced; a new job (another "
			"--job%s) reads "
			"what is there now",
			ends->to, sink->name, at->next, another);
		return at_part(s, p, err);
	}
	if (at->last.offset < 0 || at->last.offset < ends->from)
		return 0;
	if (s->log->ops->fingerprint(s->log->self, part, at->last.offset, &found, &now, err))
		return -1;
	if (!found || (now.hash == at->last.hash &&
		       (now.time_us == POS_NONE || at->last.time_us == POS_NONE ||
			now.time_us == at->last.time_us)))
		return 0;
	err_set(err, EX_CONFIG,
		"the record at %" PRId64
		" is not the one that sink %s has read: the topic was made anew or the file "
		"replaced; a new job (another --job%s) reads what "
		"is there now",
		at->last.offset, sink->name, another);
	return at_part(s, p, err);
}

/* Is another sink's last record the same one? Then it need not be read again. */
static bool same_as_before(const struct consume *s, const struct catchup_part *p, size_t sink)
{
	const struct position *at = positions_find(&s->sinks[sink].pos, slice_z(p->topic),
						   p->partition);

	for (size_t i = 0; i < sink; i++) {
		const struct position *other = positions_find(&s->sinks[i].pos, slice_z(p->topic),
							      p->partition);

		if (other->next == at->next && other->last.offset == at->last.offset &&
		    other->last.hash == at->last.hash)
			return true;
	}
	return false;
}

int consume_check_log(struct consume *s, struct err *err)
{
	for (size_t i = 0; i < s->catchup.n; i++) {
		const struct catchup_part *p = &s->catchup.v[i];
		const struct partition *part = partitions_find(&s->all, slice_z(p->topic),
							       p->partition);

		if (partitions_find(&s->checked, slice_z(p->topic), p->partition))
			continue;
		for (size_t k = 0; k < s->n_sinks; k++)
			if (!same_as_before(s, p, k) &&
			    check_position(s, p, part, &s->ends.v[i], &s->sinks[k], err))
				return -1;
		partitions_add(&s->checked, slice_z(p->topic), p->partition);
	}
	return 0;
}

/* ---- the minute's probe: a store that was restored shows itself by a conflict only where new
 *  records come ---- */

static void copy_view(const struct catchup *from, struct catchup *to)
{
	catchup_fini(to);
	*to = (struct catchup){ .v = mem_array(from->n ? from->n : 1, sizeof *to->v),
				.n = from->n,
				.sinks = from->sinks };
	for (size_t i = 0; i < from->n; i++) {
		to->v[i] = from->v[i];
		to->v[i].topic = mem_strdup(from->v[i].topic);
		to->v[i].next = mem_array(from->sinks, sizeof *to->v[i].next);
		memcpy(to->v[i].next, from->v[i].next, from->sinks * sizeof *to->v[i].next);
	}
}

int consume_watch(struct consume *s, int64_t now_us, struct err *err)
{
	if (s->watching || now_us < s->watch_at_us)
		return 0;
	copy_view(&s->catchup, &s->watched);
	s->watching = true;
	return consume_send_probe(s, err);
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
	if (s->log->ops->partitions(s->log->self, &s->all, err))
		return -1;
	for (size_t i = 0; i < s->all.n; i++)
		for (size_t k = 0; k < s->n_sinks; k++)
			if (!positions_find(&s->sinks[k].pos, slice_z(s->all.v[i].topic),
					    s->all.v[i].partition))
				s->again = true;
	return 0;
}

int consume_watched(struct consume *s, struct err *err)
{
	notify("WATCHDOG=1");
	s->watching = false;
	s->watch_at_us = tm_mono_us() + WATCH_EVERY_S * TM_S;
	for (size_t k = 0; k < s->n_sinks; k++) {
		if (strcmp(s->sinks[k].gen, s->gen) != 0)
			return err_set(err, EX_TEMPFAIL,
				       "sink %s holds another start of job %s than it did: its "
				       "store was restored or emptied; start the pipeline again",
				       s->sinks[k].name, s->c->job);
		for (size_t i = 0; i < s->watched.n; i++)
			if (moved(&s->sinks[k], &s->watched.v[i], s->watched.v[i].next[k], err))
				return -1;
	}
	return look_for_new(s, err);
}
