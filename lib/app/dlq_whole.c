/* The record of a letter as the log has it: with its key and headers, and whole where the letter
 * was cut. Nothing says for sure that the record at that offset is still the one that died: a
 * topic may have been deleted and made again. So it is held against the letter: the same bytes
 * are the same record; other ones may be what a filter between source and finder has read, but
 * only if the record was there before the letter. */
#include "app/dlq_internal.h"
#include "base/tm.h"

enum { CLOCKS_DIFFER_S = 60 };

/* The source writes a newline inside of a record as a space (source/record_writer.h). */
static bool begins_with(struct slice log, struct slice kept)
{
	if (log.n < kept.n)
		return false;
	for (size_t i = 0; i < kept.n; i++)
		if (log.p[i] != kept.p[i] && !(log.p[i] == '\n' && kept.p[i] == ' '))
			return false;
	return true;
}

static bool is_older(const struct letters_original *log, const struct letter *l)
{
	return log->time_us == POS_NONE || l->at_us == POS_NONE ||
	       log->time_us <= l->at_us + CLOCKS_DIFFER_S * TM_S;
}

int dlq_look_up(struct dlq *q, const struct letter *l, struct letters_original *out,
		enum dlq_whole *what, struct err *err)
{
	bool cut = l->record.n < l->size;
	struct arena *a = &q->page.arena;
	char *topic;

	*out = (struct letters_original){ .time_us = POS_NONE };
	*what = cut ? DLQ_GONE : DLQ_KEPT;
	if (!dlq_of_topic(l))
		return 0;
	if (dlq_open_cluster(q, err))
		return -1;
	if (!q->c)
		return 0;
	topic = arena_alloc(a, l->topic.n + 1);
	memcpy(topic, l->topic.p, l->topic.n);
	topic[l->topic.n] = 0;
	if (q->program->cluster->original(q->c, topic, l->partition, l->offset, out, err))
		return -1;
	if (!out->found || !out->value.p || !is_older(out, l)) {
		*out = (struct letters_original){ .time_us = POS_NONE };
		return 0;
	}
	out->value = arena_copy(a, out->value);
	out->key = arena_copy(a, out->key);
	out->from = arena_copy(a, out->from);
	*what = out->value.n == l->size && begins_with(out->value, l->record) ? DLQ_SAME
									      : DLQ_CHANGED;
	return 0;
}
