/* Batches of records, and of groups of another table (table.c says how they go). */
#include "agg/table_internal.h"
#include "base/hash.h"

static inline uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash ? (uint32_t)hash : 1;
}

static struct hll *sketch(struct table *t, struct group *g)
{
	if (!g->uniq)
		g->uniq = t->n_spare ? t->spare[--t->n_spare] : hll_new();
	return g->uniq;
}

static inline bool add_value(struct group *g, dec v)
{
	if (g->value_count++ == 0) {
		g->sum = g->min = g->max = v;
		return true;
	}
	if (v < g->min)
		g->min = v;
	if (v > g->max)
		g->max = v;
	return dec_add(&g->sum, v);
}

static int full(struct err *err)
{
	return err_set(err, EX_DATAERR, "more groups than 64 GiB hold: leave a dimension out, or set --max-groups");
}

static int overflow(struct err *err)
{
	return err_set(err, EX_DATAERR, "a sum is out of range (beyond +-1.7e29)");
}

static void add_uniqs(struct table *t, const struct table_batch *b, const uint32_t *ref)
{
	struct hll *uniq[TABLE_BATCH];
	uint64_t hash[TABLE_BATCH];
	unsigned n = 0;

	for (unsigned k = 0; k < b->n; k++)
		if (b->has_uniq >> b->line[k] & 1) {
			hash[n] = b->uniq[b->line[k]];
			uniq[n++] = sketch(t, table_at(t, ref[k]));
		}
	for (unsigned k = 0; k < n; k++)
		hll_prefetch(uniq[k], hash[k]);
	for (unsigned k = 0; k < n; k++)
		hll_add(uniq[k], hash[k]);
}

int table_add(struct table *t, const struct table_batch *b, struct err *err)
{
	const char *key[TABLE_BATCH];
	uint64_t hash[TABLE_BATCH];
	uint32_t bytes[TABLE_BATCH], tag[TABLE_BATCH], ref[TABLE_BATCH];
	bool in_range = true;

	table_reserve(t, b->n);
	for (unsigned k = 0; k < b->n; k++) {
		key[k] = b->key[b->line[k]];
		bytes[k] = key_bytes(key[k]);
	}
	hash_64_each(key, bytes, b->n, hash);
	for (unsigned k = 0; k < b->n; k++) {
		tag[k] = tag_of(hash[k]);
		table_prefetch(t, tag[k]);
	}
	if (!table_seek(t, key, bytes, tag, b->n, ref))
		return full(err);
	for (unsigned k = 0; k < b->n; k++) {
		struct group *g = table_at(t, ref[k]);

		g->count++;
		if (b->has_uniq)         /* asking for NULL costs a walk through the page tables */
			__builtin_prefetch(g->uniq);
		if (b->has_value >> b->line[k] & 1)
			in_range &= add_value(g, b->value[b->line[k]]);
	}
	if (b->has_uniq)
		add_uniqs(t, b, ref);
	return in_range ? 0 : overflow(err);
}

static bool merge_group(struct table *t, struct group *to, struct group *from)
{
	bool in_range = true;

	to->count += from->count;
	if (t->shape.value && from->value_count) {
		if (to->value_count == 0) {
			to->sum = from->sum;
			to->min = from->min;
			to->max = from->max;
		} else {
			in_range = dec_add(&to->sum, from->sum);
			to->min = from->min < to->min ? from->min : to->min;
			to->max = from->max > to->max ? from->max : to->max;
		}
		to->value_count += from->value_count;
	}
	if (from->uniq && to->uniq) {
		hll_merge(to->uniq, from->uniq);
	} else if (from->uniq) {
		to->uniq = from->uniq;
		from->uniq = NULL;
	}
	return in_range;
}

int table_merge(struct table *t, struct table *from, struct err *err)
{
	struct group *g = table_first(from), *group[TABLE_BATCH];
	const char *key[TABLE_BATCH];
	uint32_t bytes[TABLE_BATCH], tag[TABLE_BATCH], ref[TABLE_BATCH];
	bool in_range = true;

	while (g) {
		unsigned n = 0;

		for (; n < TABLE_BATCH && g; g = table_next(from, g), n++) {
			group[n] = g;
			key[n] = table_key_of(from, g);
			bytes[n] = key_bytes(key[n]);
			tag[n] = g->tag;
			table_prefetch(t, g->tag);
		}
		table_reserve(t, n);
		if (!table_seek(t, key, bytes, tag, n, ref))
			return full(err);
		for (unsigned k = 0; k < n; k++)
			in_range &= merge_group(t, table_at(t, ref[k]), group[k]);
	}
	return in_range ? 0 : overflow(err);
}

