/* Open addressing with linear probing. The home of a key is the top bits of its hash:
 *
 *   slot      0    1    2    3    4    5    6    7        8 slots: the top 3 bits
 *            [A0] [B0] [C2]  -   [D4] [E4]  -   [F7]
 *
 * So the table is nearly in the order of hashes, and when it doubles, its slots are read and
 * written one after the other: a table of ten million entries grows in some 50 ms, where a home
 * of the low bits would throw each entry to another page. Removal shifts back what follows, so
 * that there are no tombstones. Places of one key stand in one probe sequence.
 *
 * A look-up in a table beyond the caches is one miss: callers prefetch a batch of keys first. Huge
 * pages are asked for, as the misses would double with those of the page tables. */
#include "xform/dedup_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { FIRST_BITS = 10, HUGE_BYTES = 2 << 20 };

struct dedup_table {
	struct dedup_entry *slot;
	size_t used;
	unsigned bits;
};

static size_t table_slots(const struct dedup_table *t)
{
	return (size_t)1 << t->bits;
}

static size_t table_home(const struct dedup_table *t, const uint64_t key[2])
{
	return (size_t)(key[0] >> (64 - t->bits));
}

static size_t table_next(const struct dedup_table *t, size_t i)
{
	return (i + 1) & (table_slots(t) - 1);
}

static void allocate_slots(struct dedup_table *t, unsigned bits)
{
	size_t bytes = ((size_t)1 << bits) * sizeof(*t->slot);
	uintptr_t from, to;

	t->bits = bits;
	t->used = 0;
	t->slot = mem_array((size_t)1 << bits, sizeof(*t->slot));
	from = ((uintptr_t)t->slot + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
	to = ((uintptr_t)t->slot + bytes) & ~(uintptr_t)(HUGE_BYTES - 1);
	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

struct dedup_table *dedup_table_new(void)
{
	struct dedup_table *t = mem_zalloc(sizeof(*t));

	allocate_slots(t, FIRST_BITS);
	return t;
}

void dedup_table_free(struct dedup_table *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t);
}

size_t dedup_table_count(const struct dedup_table *t)
{
	return t->used;
}

void dedup_table_prefetch(const struct dedup_table *t, const uint64_t key[2])
{
	__builtin_prefetch(&t->slot[table_home(t, key)]);
}

static bool same_key(const struct dedup_entry *e, const uint64_t key[2])
{
	return e->key[0] == key[0] && e->key[1] == key[1];
}

struct dedup_seen dedup_table_find(const struct dedup_table *t, const uint64_t key[2],
				   uint32_t part, int64_t offset)
{
	struct dedup_seen seen = { 0 };

	for (size_t i = table_home(t, key); t->slot[i].part; i = table_next(t, i)) {
		const struct dedup_entry *e = &t->slot[i];

		if (!same_key(e, key))
			continue;
		dedup_seen_add(&seen, e->part == part && e->offset == offset, e->time_s);
	}
	return seen;
}

static void place_entry(struct dedup_table *t, const struct dedup_entry *e)
{
	size_t i = table_home(t, e->key);

	while (t->slot[i].part)
		i = table_next(t, i);
	t->slot[i] = *e;
	t->used++;
}

static bool is_kept(const struct dedup_entry *e, uint32_t time_s, int64_t offset)
{
	return e->part && e->time_s >= time_s && e->offset >= offset;
}

/* Moves what is kept to a table of 2^bits slots. */
static void rebuild_table(struct dedup_table *t, unsigned bits, uint32_t time_s, int64_t offset)
{
	struct dedup_entry *old = t->slot;
	size_t n = table_slots(t), first = 0;

	/* what was carried over the end of the slots comes last, as it did */
	while (old[first].part)
		first++;
	allocate_slots(t, bits);
	for (size_t i = first; i < first + n; i++)
		if (is_kept(&old[i & (n - 1)], time_s, offset))
			place_entry(t, &old[i & (n - 1)]);
	free(old);
}

void dedup_table_add(struct dedup_table *t, const struct dedup_entry *e)
{
	if (t->used >= table_slots(t) / 4 * 3)
		rebuild_table(t, t->bits + 1, 0, INT64_MIN);
	place_entry(t, e);
}

/* Closes the gap at i: an entry behind it moves there unless its home lies between. */
static void close_gap(struct dedup_table *t, size_t i)
{
	size_t mask = table_slots(t) - 1;

	for (size_t k = table_next(t, i); t->slot[k].part; k = table_next(t, k)) {
		size_t home = table_home(t, t->slot[k].key);

		if (((k - home) & mask) < ((k - i) & mask))
			continue;
		t->slot[i] = t->slot[k];
		i = k;
	}
	memset(&t->slot[i], 0, sizeof(t->slot[i]));
}

bool dedup_table_remove(struct dedup_table *t, const struct dedup_entry *e)
{
	for (size_t i = table_home(t, e->key); t->slot[i].part; i = table_next(t, i)) {
		if (!same_key(&t->slot[i], e->key) || t->slot[i].part != e->part ||
		    t->slot[i].offset != e->offset)
			continue;
		close_gap(t, i);
		t->used--;
		return true;
	}
	return false;
}

void dedup_table_clear(struct dedup_table *t)
{
	memset(t->slot, 0, table_slots(t) * sizeof(*t->slot));
	t->used = 0;
}

size_t dedup_table_sweep(struct dedup_table *t, uint32_t time_s, int64_t offset)
{
	size_t before = t->used;

	rebuild_table(t, t->bits, time_s, offset);
	return before - t->used;
}
