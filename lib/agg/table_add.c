/* Batches of records, and of groups of another table (table.c says how they go). */
#include "agg/table_internal.h"
#include "base/hash.h"
#include "base/mem.h"

static struct hll *group_sketch(struct table *t, struct group *g)
{
	struct links *l = links_of(t, g);

	if (!l->uniq)
		l->uniq = table_sketch_new(t, SKETCH_HLL);
	return l->uniq;
}

/* n values. */
static inline bool add_values(const struct table *t, struct group *g, uint64_t n, dec sum, dec min,
			      dec max)
{
	g->value_count += n;
	if (t->wide) {
		g->wide.min = min < g->wide.min ? min : g->wide.min;
		g->wide.max = max > g->wide.max ? max : g->wide.max;
	} else {
		if ((int64_t)min <
		    g->narrow.min) /* hardly ever: a branch is cheaper than a store each time */
			g->narrow.min = (int64_t)min;
		if ((int64_t)max > g->narrow.max)
			g->narrow.max = (int64_t)max;
	}
	return dec_add(&g->sum, sum);
}

static inline bool is_narrow(dec v)
{
	return (int64_t)(v >> 64) == (int64_t)v >> 63;
}

static int full(struct err *err)
{
	return err_set(err, EX_DATAERR,
		       "more groups than 64 GiB hold: leave a dimension out, or set --max-groups");
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
			uniq[n++] = group_sketch(t, group_at(t, ref[k]));
		}
	for (unsigned k = 0; k < n; k++)
		hll_prefetch(uniq[k], hash[k]);
	for (unsigned k = 0; k < n; k++)
		hll_add(uniq[k], hash[k]);
}

static void tags_of(const char *const *key, const uint32_t *bytes, unsigned n, uint32_t *tag)
{
	uint64_t hash[TABLE_BATCH];

	hash_64_each(key, bytes, n, hash);
	for (unsigned k = 0; k < n; k++)
		tag[k] = tag_of(hash[k]);
}

/* Events without dimensions, or of one host's file: all records of a batch often have one key.
 * Where they have not, a look at the last says so. */
static bool is_one(const char *const *key, const uint32_t *bytes, unsigned n)
{
	if (n < 2 || !key_equal(key[0], key[n - 1], bytes[0]) ||
	    !key_equal(key[0], key[n / 2], bytes[0]))
		return false;
	for (unsigned k = 1; k < n - 1; k++)
		if (!key_equal(key[0], key[k], bytes[0]))
			return false;
	return true;
}

/* The groups of n keys, of which the first alone is looked for where they are one. False: the
 * arena is at its end. */
static bool seek_tags(struct table *t, const char *const *key, const uint32_t *bytes,
		      const uint32_t *tag, unsigned n, bool one, uint32_t *ref)
{
	unsigned looked_for = one ? 1 : n;

	for (unsigned k = 0; k < looked_for; k++)
		table_prefetch(t, tag[k]);
	if (!table_seek(t, key, bytes, tag, looked_for, ref))
		return false;
	for (unsigned k = looked_for; k < n; k++)
		ref[k] = ref[0];
	return true;
}

/* The same of keys of which nothing is known. */
static bool seek(struct table *t, const char *const *key, const uint32_t *bytes, unsigned n,
		 uint32_t *ref)
{
	bool one = is_one(key, bytes, n);
	uint32_t tag[TABLE_BATCH];

	tags_of(key, bytes, one ? 1 : n, tag);
	return seek_tags(t, key, bytes, tag, n, one, ref);
}

/* Of the first n keys. */
static void know_keys(struct table_keys *out, const char *const *key, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		out->bytes[k] = key_bytes(key[k]);
	out->one = is_one(key, out->bytes, n);
	tags_of(key, out->bytes, out->one ? 1 : n, out->tag);
	for (unsigned k = 1; out->one && k < n; k++)
		out->tag[k] = out->tag[0];
}

void table_know_keys(struct table_keys *out, const char *const *key, uint64_t lines)
{
	const char *dense[TABLE_BATCH] = { NULL };
	struct table_keys of_dense = { 0 };
	unsigned n = 0;

	if (lines == UINT64_MAX) {
		know_keys(out, key, TABLE_BATCH);
		return;
	}
	for (uint64_t left = lines; left; left &= left - 1)
		dense[n++] = key[__builtin_ctzll(left)];
	know_keys(&of_dense, dense, n);
	out->one = of_dense.one;
	n = 0;
	for (uint64_t left = lines; left; left &= left - 1, n++) {
		out->bytes[__builtin_ctzll(left)] = of_dense.bytes[n];
		out->tag[__builtin_ctzll(left)] = of_dense.tag[n];
	}
}

/* Room for all numbers of a batch. */
static void reserve_numbers(struct table *t, size_t numbers)
{
	size_t cap = t->cap_numbered ? t->cap_numbered : TABLE_BATCH;

	while (cap < numbers)
		cap *= 2;
	t->numbered = mem_grow(t->numbered, cap, sizeof(*t->numbered));
	memset(t->numbered + t->cap_numbered, 0, (cap - t->cap_numbered) * sizeof(*t->numbered));
	t->cap_numbered = cap;
}

/* The groups of a batch by the numbers of their keys; one that has none yet is looked for. */
static bool seek_numbers(struct table *t, const struct table_batch *b, uint32_t *ref)
{
	bool all = true;

	if (b->numbers > t->cap_numbered)
		reserve_numbers(t, b->numbers);
	for (unsigned k = 0; k < b->n; k++) {
		const char *g;

		ref[k] = t->numbered[b->number[b->line[k]]];
		g = t->arena + (size_t)ref[k] * UNIT;
		__builtin_prefetch(g, 1);
		__builtin_prefetch(g + t->head_bytes - 1, 1);
		all &= ref[k] != 0;
	}
	for (unsigned k = 0; !all && k < b->n; k++) {
		unsigned line = b->line[k];
		uint32_t *at = &t->numbered[b->number[line]];

		if (!*at && !table_seek(t, &b->key[line], &b->known->bytes[line],
					&b->known->tag[line], 1, at))
			return false;
		ref[k] = *at;
	}
	return true;
}

bool table_seek_batch(struct table *t, const struct table_batch *b, uint32_t *ref)
{
	const char *key[TABLE_BATCH];
	uint32_t bytes[TABLE_BATCH], tag[TABLE_BATCH];

	if (b->number)
		return seek_numbers(t, b, ref);
	if (b->known && b->n == TABLE_BATCH) /* all lines: they stand as they are wanted */
		return seek_tags(t, b->key, b->known->bytes, b->known->tag, b->n, b->known->one,
				 ref);
	for (unsigned k = 0; k < b->n; k++) {
		key[k] = b->key[b->line[k]];
		bytes[k] = b->known ? b->known->bytes[b->line[k]] : key_bytes(key[k]);
		tag[k] = b->known ? b->known->tag[b->line[k]] : 0;
	}
	return b->known ? seek_tags(t, key, bytes, tag, b->n, b->known->one, ref)
			: seek(t, key, bytes, b->n, ref);
}

/* One number into a column. False: beyond its range. */
static inline bool add_to_slot(enum column_rule rule, dec *slot, dec v)
{
	switch (rule) {
	case COLUMN_COUNT:
	case COLUMN_SUM:
		return dec_add(slot, v);
	case COLUMN_MIN:
		*slot = v < *slot ? v : *slot;
		return true;
	case COLUMN_MAX:
		*slot = v > *slot ? v : *slot;
		return true;
	case COLUMN_QUANTILES:
	case COLUMN_HLL:
	case COLUMN_SET:
	case COLUMN_LOWEST:
	case COLUMN_HIGHEST:
	case COLUMN_RULES:
		break;
	}
	return false;
}

static void *slot_sketch_new(struct table *t, enum sketch_kind kind, dec *slot)
{
	void *s = slot_sketch(slot);

	if (!s)
		slot_set_sketch(slot, s = table_sketch_new(t, kind));
	return s;
}

/* A sketch is three misses away: its address in the group, its handle, then what that names. */
static void add_to_sketches(struct table *t, const struct table_batch *b, const uint32_t *ref,
			    unsigned c)
{
	char *const slots = t->arena + t->slots_at + c * sizeof(dec);
	const enum sketch_kind kind = kind_of_rule(t->shape.rule[c]);
	const uint64_t *const from = b->contribution[c].item;
	const uint64_t contributes = b->contributes[c];
	void *sketch[TABLE_BATCH];
	uint64_t item[TABLE_BATCH];
	unsigned n = 0;

	for (unsigned k = 0; k < b->n; k++) {
		dec *slot = (dec *)(void *)(slots + (size_t)ref[k] * UNIT);

		if (!(contributes >> b->line[k] & 1))
			continue;
		item[n] = from[b->line[k]];
		sketch[n] = slot_sketch(slot);
		if (__builtin_expect(!sketch[n], 0))
			sketch[n] = slot_sketch_new(t, kind, slot);
		__builtin_prefetch(sketch[n++]);
	}
	sketch_ops[kind].add_each(sketch, item, n);
}

/* rule: a constant where this is inlined. all: every record contributes. Adding ones to 128 bits
 * has no end. */
static inline bool add_numbers(struct table *t, const struct table_batch *b, const uint32_t *ref,
			       unsigned c, enum column_rule rule, bool all)
{
	char *const slots = t->arena + t->slots_at + c * sizeof(dec);
	const dec *const v = b->contribution[c].value;
	const uint8_t *const line = b->line;
	const uint64_t contributes = b->contributes[c];
	const unsigned n = b->n;
	bool in_range = true;

	for (unsigned k = 0; k < n; k++) {
		dec *slot = (dec *)(void *)(slots + (size_t)ref[k] * UNIT);

		if (!all && !(contributes >> line[k] & 1))
			continue;
		if (rule == COLUMN_COUNT)
			++*slot;
		else
			in_range &= add_to_slot(rule, slot, v[line[k]]);
	}
	return in_range;
}

void table_ask(const struct table *t)
{
	__builtin_prefetch(t);
	__builtin_prefetch((const char *)t + LINE);
}

/* Column by column, so that the rule is asked for once a batch. */
static bool add_columns(struct table *t, const struct table_batch *b, const uint32_t *ref)
{
	bool in_range = true;

	for (unsigned c = 0; c < t->shape.columns; c++) {
		enum column_rule rule = t->shape.rule[c];
		bool all = b->n == (unsigned)__builtin_popcountll(b->contributes[c]);

		if (!b->contributes[c])
			continue;
		if (column_is_sketch(rule))
			add_to_sketches(t, b, ref, c);
		else if (rule == COLUMN_COUNT && all)
			add_numbers(t, b, ref, c, COLUMN_COUNT, true);
		else if (rule == COLUMN_SUM && all)
			in_range &= add_numbers(t, b, ref, c, COLUMN_SUM, true);
		else
			in_range &= add_numbers(t, b, ref, c, rule, false);
	}
	return in_range;
}

static void add_ones(struct table *t, unsigned n, const uint32_t *ref)
{
	char *const arena = t->arena;

	for (unsigned k = 0; k < n; k++)
		++((struct group *)(void *)(arena + (size_t)ref[k] * UNIT))->count;
}

/* The metric's own value and uniques. */
static int add_classic(struct table *t, const struct table_batch *b, uint32_t *ref, bool *in_range,
		       struct err *err)
{
	for (unsigned k = 0; k < b->n; k++) {
		struct group *g = group_at(t, ref[k]);
		dec v;

		g->count++;
		if (b->has_uniq) /* asking for NULL costs a walk through the page tables */
			__builtin_prefetch(links_of(t, g)->uniq);
		if (!(b->has_value >> b->line[k] & 1))
			continue;
		v = b->value[b->line[k]];
		if (__builtin_expect(!t->wide && !is_narrow(v), 0)) {
			if (!table_widen(t))
				return full(err);
			table_seek_batch(t, b, ref); /* they are all there, elsewhere */
			g = group_at(t, ref[k]);
		}
		*in_range &= add_values(t, g, 1, v, v, v);
	}
	if (b->has_uniq)
		add_uniqs(t, b, ref);
	return 0;
}

int table_find(struct table *t, const struct table_batch *b, uint32_t ref[TABLE_BATCH],
	       struct err *err)
{
	table_reserve(t, b->n);
	return table_seek_batch(t, b, ref) ? 0 : full(err);
}

int table_add_found(struct table *t, const struct table_batch *b, uint32_t ref[TABLE_BATCH],
		    struct err *err)
{
	bool in_range = true;

	if (!(b->has_value | b->has_uniq))
		add_ones(t, b->n, ref);
	else if (add_classic(t, b, ref, &in_range, err))
		return -1;
	if (t->shape.columns)
		in_range &= add_columns(t, b, ref);
	return in_range ? 0 : overflow(err);
}

int table_add(struct table *t, const struct table_batch *b, struct err *err)
{
	uint32_t ref[TABLE_BATCH];

	return table_find(t, b, ref, err) || table_add_found(t, b, ref, err) ? -1 : 0;
}

/* What `to` lacks it takes, without a copy; with `keep` it gets one. */
static void merge_slot_sketch(struct table *t, enum column_rule rule, dec *to, dec *from, bool keep)
{
	if (!slot_sketch(from))
		return;
	if (keep)
		slot_sketch_new(t, kind_of_rule(rule), to);
	if (slot_sketch(to)) {
		column_sketch(rule)->merge(slot_sketch(to), slot_sketch(from));
	} else {
		slot_set_sketch(to, slot_sketch(from));
		slot_set_sketch(from, NULL);
	}
}

static bool merge_slot(struct table *t, enum column_rule rule, dec *to, dec *from, bool keep)
{
	if (!column_is_sketch(rule))
		return add_to_slot(rule, to, *from);
	merge_slot_sketch(t, rule, to, from, keep);
	return true;
}

static void merge_uniq(struct table *t, struct group *to, struct links *from, bool keep)
{
	if (keep)
		group_sketch(t, to);
	if (links_of(t, to)->uniq) {
		hll_merge(links_of(t, to)->uniq, from->uniq);
	} else {
		links_of(t, to)->uniq = from->uniq;
		from->uniq = NULL;
	}
}

/* keep: `from` keeps its sketches. */
static bool merge_group(struct table *t, struct group *to, const struct table *from_table,
			const struct group *from, bool keep)
{
	struct group_counts c = table_counts(from_table, from);
	bool in_range = true;

	to->count += c.count;
	if (c.value_count)
		in_range = add_values(t, to, c.value_count, c.sum, c.min, c.max);
	for (unsigned i = 0; i < t->shape.columns; i++)
		in_range &= merge_slot(t, t->shape.rule[i], slots_of(t, to) + i,
				       slots_of(from_table, from) + i, keep);
	if (c.uniq)
		merge_uniq(t, to, links_of(from_table, from), keep);
	return in_range;
}

int table_add_group(struct table *t, const char *key, const struct table *from,
		    const struct group *g, struct err *err)
{
	uint32_t bytes = key_bytes(key), ref;

	if (from->wide && !t->wide && !table_widen(t))
		return full(err);
	table_reserve(t, 1);
	if (!seek(t, &key, &bytes, 1, &ref))
		return full(err);
	return merge_group(t, group_at(t, ref), from, g, true) ? 0 : overflow(err);
}

int table_merge(struct table *t, struct table *from, struct err *err)
{
	struct group *g = table_first(from), *group[TABLE_BATCH];
	const char *key[TABLE_BATCH];
	uint32_t bytes[TABLE_BATCH], ref[TABLE_BATCH];
	bool in_range = true;

	if (from->wide && !t->wide && !table_widen(t))
		return full(err);
	while (g) {
		unsigned n = 0;

		for (; n < TABLE_BATCH && g; g = table_next(from, g), n++) {
			group[n] = g;
			key[n] = key_of(from, g);
			bytes[n] = key_bytes(key[n]);
		}
		table_reserve(t, n);
		if (!seek(t, key, bytes, n, ref))
			return full(err);
		for (unsigned k = 0; k < n; k++)
			in_range &= merge_group(t, group_at(t, ref[k]), from, group[k], false);
	}
	return in_range ? 0 : overflow(err);
}
