/* Is the log still the one that was read? A position beyond its end, or another record where a
 * sink has read its last one, says that it was made anew. Checked once a partition and run. */
#include "source/consume_internal.h"

#include <inttypes.h>

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
	const char *another = consume_group(s)   ? " and -g"
			      : consume_grows(s) ? ""
						 : ", or -t NAME before it in this one";
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
	const struct position *at = positions_find(&s->survey.sinks[sink].pos, slice_z(p->topic),
						   p->partition);

	for (size_t i = 0; i < sink; i++) {
		const struct position *other = positions_find(&s->survey.sinks[i].pos,
							      slice_z(p->topic), p->partition);

		if (other->next == at->next && other->last.offset == at->last.offset &&
		    other->last.hash == at->last.hash)
			return true;
	}
	return false;
}

int consume_check_log(struct consume *s, struct err *err)
{
	for (size_t i = 0; i < s->survey.catchup.n; i++) {
		const struct catchup_part *p = &s->survey.catchup.v[i];
		const struct partition *part = partitions_find(&s->survey.all, slice_z(p->topic),
							       p->partition);

		if (partitions_find(&s->survey.checked, slice_z(p->topic), p->partition))
			continue;
		for (size_t k = 0; k < s->survey.n_sinks; k++)
			if (!same_as_before(s, p, k) &&
			    check_position(s, p, part, &s->progress.ends.v[i], &s->survey.sinks[k],
					   err))
				return -1;
		partitions_add(&s->survey.checked, slice_z(p->topic), p->partition);
	}
	return 0;
}
