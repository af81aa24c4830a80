/* Lines of an epoch. They are copied, one behind the other, until their transaction has committed:
 * should the broker refuse one of them, the transaction is aborted, and goes again without it. */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

void kafka_sink_keep_run(struct kafka_sink *d, const struct origin *origin)
{
	struct kafka_kept *k = &d->kept;
	struct kafka_kept_run *r;
	bool same = k->runs && slice_eq(k->run[k->runs - 1].origin.topic, origin->topic);

	mem_reserve(&k->run, &k->run_cap, k->runs + 1, sizeof(*k->run));
	r = &k->run[k->runs++];
	*r = (struct kafka_kept_run){ .first = k->lines, .origin = *origin };
	r->origin.topic = same ? r[-1].origin.topic : arena_copy(&k->arena, origin->topic);
	r->origin.from_topic = slice(NULL, 0);
}

void kafka_sink_keep(struct kafka_sink *d, struct slice line, struct slice value,
		     const struct buf *keys, size_t key_at, uint32_t key_n)
{
	struct kafka_kept *k = &d->kept;
	struct kafka_kept_line *l;

	mem_reserve(&k->line, &k->line_cap, k->lines + 1, sizeof(*k->line));
	l = &k->line[k->lines++];
	*l = (struct kafka_kept_line){
		.at = k->text.n, .n = (uint32_t)line.n, .key_at = k->keys.n, .key_n = key_n
	};
	l->value = arena_copy(&k->arena, value);
	buf_adds(&k->text, line);
	if (key_n != KAFKA_NO_KEY)
		buf_add(&k->keys, keys->p + key_at, key_n);
}

void kafka_sink_forget(struct kafka_sink *d)
{
	struct kafka_kept *k = &d->kept;

	k->text.n = k->keys.n = 0;
	k->lines = k->runs = k->n_own = 0;
	arena_reset(&k->arena);
}

void kafka_sink_kept_fini(struct kafka_sink *d)
{
	struct kafka_kept *k = &d->kept;

	buf_fini(&k->text);
	buf_fini(&k->keys);
	free(k->line);
	free(k->run);
	free(k->own);
	arena_fini(&k->arena);
}

/* The run that has the line. */
static const struct kafka_kept_run *run_of(const struct kafka_kept *k, size_t nth)
{
	size_t low = 0, high = k->runs;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (k->run[middle].first <= nth)
			low = middle;
		else
			high = middle;
	}
	return &k->run[low];
}

int kafka_sink_refuse_kept(struct kafka_sink *d, size_t nth, const char *why, struct err *err)
{
	struct kafka_kept *k = &d->kept;
	const struct kafka_kept_run *r = run_of(k, nth);
	struct slice line = slice(k->text.p + k->line[nth].at, k->line[nth].n);
	struct run run = { .block = line, .origin = r->origin };
	size_t bytes = 0;

	if (k->line[nth].refused)
		return 0;
	k->line[nth].refused = true;
	for (size_t i = r->first; i < nth; i++)
		bytes += k->line[i].n + 1;
	run.origin.offset = origin_offset(&r->origin, nth - r->first, bytes);
	return kafka_sink_own_dead(d, &run, 0, 0, line, why, true, err);
}

static struct slice value_of(const struct kafka_kept *k, const struct kafka_kept_line *l)
{
	return l->value.p ? l->value : slice(k->text.p + l->at, l->n);
}

int kafka_sink_judge_kept(struct kafka_sink *d, struct err *err)
{
	for (size_t i = 0; i < d->kept.lines; i++) {
		const struct kafka_kept_line *l = &d->kept.line[i];
		const char *fault = kafka_sink_fault(d, value_of(&d->kept, l).n, l->key_n);

		if (fault && kafka_sink_refuse_kept(d, i, fault, err))
			return -1;
	}
	return 0;
}

int kafka_sink_send_kept(struct kafka_sink *d, struct err *err)
{
	struct kafka_kept *k = &d->kept;

	for (size_t i = 0; i < k->lines; i++) {
		const struct kafka_kept_line *l = &k->line[i];
		size_t key_at;

		if (l->refused)
			continue;
		if (kafka_sink_room(d, 1, err))
			return -1;
		key_at = d->gathered.keys.n;
		if (l->key_n != KAFKA_NO_KEY)
			buf_add(&d->gathered.keys, k->keys.p + l->key_at, l->key_n);
		d->tally.handed++;
		kafka_sink_gather(d, value_of(k, l), key_at, l->key_n, i + 1);
	}
	if (kafka_sink_hand_over(d, err))
		return -1;
	for (size_t i = 0; i < k->n_own; i++)
		if (kafka_sink_bury(d, &k->own[i], err))
			return -1;
	return 0;
}
