/* Groups by key, in two pieces of memory:
 *
 *   buckets   { u32 tag[8], u32 ref[8] } x 2^k, a cache line each, at most 7/8 full, probed one
 *             after the other from tag & mask on. The tag is the
 *             low half of the hash (never 0, which is an empty place): it is all that growing
 *             needs, so that no group is touched then, and it keeps
 *             nearly every wrong group from being looked at. Eight tags are compared at once, so
 *             that where a key stands costs no branch.
 *   arena     counts [links] [columns] key, counts ..   in order of arrival; a ref counts units
 *                                                       of 16 bytes from its start
 *
 * Counts with a value are 48 bytes: least and most value have 64 bits each until the first value
 * that does not fit; then the whole table is made anew with 64 bytes of counts, once. So counts
 * and a key of up to 32 bytes lie in two cache lines, wherever they begin.
 *
 * A batch goes through in phases, each of which asks for the memory of the next: hash and ask
 * for the bucket; look at the bucket and ask for the group; compare and add, and ask for the
 * sketch; add to the sketch. So the misses of 64 records overlap instead of queueing up.
 *
 * A batch that has one key throughout looks for its group once: 5.0 ns a record instead of 8.5.
 * What gains nothing on top, in ns a record of two dimensions, keys and table together:
 *   to remember the last group from record to record, where nine of ten have one: 11.0, without
 *   it 10.7 (table alone)
 *   to number (intern) all values, so that a key is 16 bytes: 19.6. Finding two numbers takes
 *   12.5, the table still 7.1 (intern.h has the values that have to be decoded)
 *   to begin counts at cache lines where they would lie in two: 16.9, without it 17.0, for up to
 *   a third more memory; nor with a million groups in no order: the key is in the next line
 *
 * Where windows close one by one (table_drop_earliest) their groups only die: they stay in the
 * buckets, where nobody looks for them any more, until half of the arena is dead; then what
 * lives is moved together and the buckets are made anew. That is O(1) a group, whatever the
 * lateness. */
#include "agg/table.h"

#include <stdlib.h>

#include "agg/table_internal.h"
#include "base/hash.h"
#include "base/mem.h"

static void set_layout(struct table *t, bool wide)
{
	t->wide = wide;
	t->counts_bytes = wide ? WIDE_BYTES : t->shape.value ? NARROW_BYTES : COUNT_BYTES;
	t->slots_at = t->counts_bytes + (t->shape.uniq || t->shape.windows ? LINKS_BYTES : 0);
	t->head_bytes = t->slots_at + t->shape.columns * UNIT;
}

struct table *table_new(struct table_shape shape)
{
	struct table *t = mem_zalloc(sizeof(*t));

	t->shape = shape;
	for (unsigned c = 0; c < shape.columns; c++)
		t->sketches |= column_is_sketch(shape.rule[c]);
	set_layout(t, false);
	t->bucket = table_buckets(BUCKETS_MIN, &t->bucket_memory);
	t->mask = BUCKETS_MIN - 1;
	t->arena = mem_alloc(ARENA_MIN);
	t->cap = ARENA_MIN;
	t->used = UNIT;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	table_clear(t);
	for (unsigned k = 0; k < SKETCH_KINDS; k++) {
		for (size_t i = 0; i < t->spare[k].n; i++)
			sketch_ops[k].free(t->spare[k].v[i]);
		free(t->spare[k].v);
	}
	free(t->window);
	free(t->numbered);
	free(t->bucket_memory);
	free(t->arena);
	free(t);
}

/* ---- forgetting */

static void keep_spare(struct table *t, enum sketch_kind kind, void *sketch)
{
	struct table_spare *s = &t->spare[kind];

	sketch_ops[kind].clear(sketch);
	mem_reserve(&s->v, &s->cap, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = sketch;
}

void *table_sketch_new(struct table *t, enum sketch_kind kind)
{
	struct table_spare *s = &t->spare[kind];

	return s->n ? s->v[--s->n] : sketch_ops[kind].new();
}

static void retire(struct table *t, struct group *g)
{
	if (t->shape.uniq && links_of(t, g)->uniq) {
		keep_spare(t, SKETCH_HLL, links_of(t, g)->uniq);
		links_of(t, g)->uniq = NULL;
	}
	for (unsigned c = 0; t->sketches && c < t->shape.columns; c++) {
		dec *slot = slots_of(t, g) + c;

		if (!column_is_sketch(t->shape.rule[c]) || !slot_sketch(slot))
			continue;
		keep_spare(t, kind_of_rule(t->shape.rule[c]), slot_sketch(slot));
		slot_set_sketch(slot, NULL);
	}
}

void table_forget_numbers(struct table *t)
{
	if (t->cap_numbered)
		memset(t->numbered, 0, t->cap_numbered * sizeof(*t->numbered));
}

void table_clear(struct table *t)
{
	table_forget_numbers(t);
	if (t->shape.uniq || t->sketches)
		for (struct group *g = table_first(t); g; g = table_next(t, g))
			retire(t, g);
	memset(t->bucket, 0, ((size_t)t->mask + 1) * sizeof(*t->bucket));
	t->indexed = t->groups = t->dead_bytes = 0;
	t->used = UNIT;
	t->first = t->end = 0;
}

static void put_wide(struct group *to, struct group_counts c)
{
	*to = (struct group){ .count = c.count,
			      .value_count = c.value_count,
			      .sum = c.sum,
			      .wide = { DEC_MAX, -DEC_MAX } };
	if (c.value_count) {
		to->wide.min = c.min;
		to->wide.max = c.max;
	}
}

/* Moves the living together and lists them anew; into another arena where they are to be wide. */
static void rebuild(struct table *t, bool wide)
{
	const struct table from = *t;
	const char *end = from.arena + from.used;
	size_t bytes;

	table_forget_numbers(t);
	memset(t->bucket, 0, ((size_t)t->mask + 1) * sizeof(*t->bucket));
	for (size_t i = t->first; i < t->end; i++)
		t->window[i].head = 0, t->window[i].groups = 0;
	set_layout(t, wide);
	if (t->wide != from.wide) {
		t->cap = from.used + t->groups * (t->head_bytes - from.head_bytes) + ARENA_MIN;
		t->arena = mem_alloc(t->cap);
	}
	t->used = UNIT;
	for (const char *p = from.arena + UNIT; p < end; p += bytes) {
		const struct group *g = (const struct group *)(const void *)p;
		struct group *to = (struct group *)(void *)(t->arena + t->used);

		bytes = size_of(&from, g);
		if (g->count == DEAD)
			continue;
		if (t->wide == from.wide) {
			memmove(to, g, bytes);
		} else {
			put_wide(to, table_counts(&from, g));
			memcpy((char *)to + WIDE_BYTES, (const char *)g + NARROW_BYTES,
			       bytes - NARROW_BYTES);
		}
		table_place(t, tag_of(hash_64(key_of(t, to), key_bytes(key_of(t, to)))),
			    ref_of(t, to));
		if (t->shape.windows)
			table_list(t, to);
		t->used += size_of(t, to);
	}
	if (t->arena != from.arena)
		free(from.arena);
	t->indexed = t->groups;
	t->dead_bytes = 0;
}

bool table_widen(struct table *t)
{
	if (t->used - t->dead_bytes + t->groups * (WIDE_BYTES - NARROW_BYTES) > ARENA_MAX)
		return false;
	rebuild(t, true);
	return true;
}

static void drop_groups(struct table *t, const struct table_window *w)
{
	for (uint32_t ref = w->head; ref; ref = links_of(t, group_at(t, ref))->next) {
		struct group *g = group_at(t, ref);

		retire(t, g);
		g->count = DEAD;
		t->dead_bytes += size_of(t, g);
		t->groups--;
	}
}

static void sweep(struct table *t)
{
	if (t->groups == 0)
		table_clear(t);
	else if (t->dead_bytes > SWEEP_MIN && t->dead_bytes > t->used / 2)
		rebuild(t, t->wide);
}

/* The dead stay in the buckets: as keys of a window that there never is they are not found. */
void table_drop_nth(struct table *t, size_t nth)
{
	struct table_window *w = &t->window[t->first + nth];

	for (uint32_t ref = w->head; ref; ref = links_of(t, group_at(t, ref))->next) {
		char *key = key_of(t, group_at(t, ref));
		uint64_t head = key_head(key) | KEY_WINDOW_MASK;

		memcpy(key, &head, sizeof(head));
	}
	drop_groups(t, w);
	memmove(w, w + 1, (t->end - t->first - nth - 1) * sizeof(*w));
	t->end--;
	sweep(t);
}

void table_drop_earliest(struct table *t)
{
	struct table_window *w = &t->window[t->first++];

	drop_groups(t, w);
	if (t->first > t->end / 2) {
		memmove(t->window, t->window + t->first, (t->end - t->first) * sizeof(*t->window));
		t->end -= t->first;
		t->first = 0;
	}
	sweep(t);
}

/* ---- looking */

size_t table_groups(const struct table *t)
{
	return t->groups;
}

static size_t sketch_memory(const struct table *t, const struct group *g)
{
	size_t n = table_uniq(t, g) ? hll_bytes(table_uniq(t, g)) : 0;

	for (unsigned c = 0; t->sketches && c < t->shape.columns; c++) {
		enum column_rule rule = t->shape.rule[c];
		const void *s = column_is_sketch(rule) ? slot_sketch(slots_of(t, g) + c) : NULL;

		n += s ? column_sketch(rule)->bytes(s) : 0;
	}
	return n;
}

size_t table_memory(const struct table *t)
{
	size_t n = sizeof(*t) + t->cap + ((size_t)t->mask + 2) * sizeof(*t->bucket) +
		   t->cap_window * sizeof(*t->window);

	for (unsigned k = 0; k < SKETCH_KINDS; k++)
		n += t->spare[k].cap * sizeof(void *) + t->spare[k].n * 32;
	if (!t->shape.uniq && !t->sketches)
		return n;
	for (struct group *g = table_first(t); g; g = table_next(t, g))
		n += sketch_memory(t, g);
	return n;
}

/* The first living group at or behind p. */
static struct group *living(const struct table *t, char *p)
{
	for (char *end = t->arena + t->used; p < end; p += size_of(t, (struct group *)(void *)p))
		if (((struct group *)(void *)p)->count != DEAD)
			return (struct group *)(void *)p;
	return NULL;
}

struct group *table_first(const struct table *t)
{
	return living(t, t->arena + UNIT);
}

struct group *table_next(const struct table *t, const struct group *g)
{
	return living(t, (char *)(uintptr_t)g + size_of(t, g));
}

const char *table_key(const struct table *t, const struct group *g)
{
	return key_of(t, g);
}

struct hll *table_uniq(const struct table *t, const struct group *g)
{
	return t->shape.uniq ? links_of(t, g)->uniq : NULL;
}

struct group_counts table_counts(const struct table *t, const struct group *g)
{
	struct group_counts c = { .count = g->count, .uniq = table_uniq(t, g) };

	if (!t->shape.value)
		return c;
	c.value_count = g->value_count;
	c.sum = g->sum;
	c.min = t->wide ? g->wide.min : g->narrow.min;
	c.max = t->wide ? g->wide.max : g->narrow.max;
	return c;
}

/* A buffer moves as it grows: the sketch begins behind the end of the one before. */
static void encode_sketch(enum column_rule rule, const void *sketch, struct cell *out,
			  struct buf *sketches)
{
	size_t before = sketches->n;

	column_sketch(rule)->encode(sketch, sketches);
	out->sketch = slice(NULL, sketches->n - before);
}

static void place_sketches(const struct table *t, struct cell *out, const struct buf *sketches)
{
	size_t at = 0;

	for (unsigned c = 0; c < t->shape.columns; c++) {
		if (!column_is_sketch(t->shape.rule[c]) || out[c].empty)
			continue;
		out[c].sketch.p = sketches->p + at;
		at += out[c].sketch.n;
	}
}

void table_cells(const struct table *t, const struct group *g, struct cell *out,
		 struct buf *sketches)
{
	const dec *slot = slots_of(t, g);

	sketches->n = 0;
	for (unsigned c = 0; c < t->shape.columns; c++) {
		enum column_rule rule = t->shape.rule[c];

		out[c].empty = slot[c] == column_start(rule) && rule >= COLUMN_MIN;
		if (rule == COLUMN_COUNT)
			out[c].count = (uint64_t)slot[c];
		else if (!column_is_sketch(rule))
			out[c].value = slot[c];
		else if (!out[c].empty)
			encode_sketch(rule, slot_sketch(&slot[c]), &out[c], sketches);
	}
	if (t->sketches)
		place_sketches(t, out, sketches);
}

dec table_number(const struct table *t, const struct group *g, unsigned column)
{
	return slots_of(t, g)[column];
}

uint32_t table_ref(const struct table *t, const struct group *g)
{
	return ref_of(t, g);
}

struct group *table_at(const struct table *t, uint32_t ref)
{
	return group_at(t, ref);
}

bool table_earliest(const struct table *t, uint64_t *window)
{
	if (t->first == t->end)
		return false;
	*window = t->window[t->first].window;
	return true;
}

size_t table_window_groups(const struct table *t)
{
	return t->first == t->end ? 0 : t->window[t->first].groups;
}

struct group *table_window_first(const struct table *t)
{
	return t->first == t->end ? NULL : group_at(t, t->window[t->first].head);
}

struct group *table_nth_window(const struct table *t, size_t nth, uint64_t *window)
{
	if (nth >= t->end - t->first)
		return NULL;
	*window = t->window[t->first + nth].window;
	return group_at(t, t->window[t->first + nth].head);
}

size_t table_nth_groups(const struct table *t, size_t nth)
{
	return nth < t->end - t->first ? t->window[t->first + nth].groups : 0;
}

struct group *table_window_next(const struct table *t, const struct group *g)
{
	uint32_t next = links_of(t, g)->next;

	return next ? group_at(t, next) : NULL;
}
