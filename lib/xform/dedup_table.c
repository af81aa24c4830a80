/* Entries lie one behind the other, as they came. Beside them is a table of their numbers, by open
 * addressing with linear probing; a slot has so much of its key that another one is hardly ever
 * looked at:
 *
 *   slots     [2 tag]  -  [5 tag] [1 tag] [3 tag]  -  [4 tag]     home: the top bits of key[0]
 *   entries   1  2  3  4  (5)  ...                                a removed one: links to the next
 *
 * So what is new is written behind the last entry, and one cache line of the table is read and
 * written; memory that has to be made (and cleared by the kernel) is 32 bytes a key and the small
 * table. When that doubles, it is made anew by going through the entries in their order. Removal
 * shifts slots back, so that there are no tombstones. Places of one key stand in one probe
 * sequence.
 *
 * A look-up in a table beyond the caches is one miss, and one more where the key is there: callers
 * prefetch for a batch of keys first. Huge pages are asked for, as the misses would double with
 * those of the page tables. */
#include "xform/dedup_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { FIRST_BITS = 10, HUGE_BYTES = 2 << 20, TAG_SHIFT = 40, AHEAD = 16 };

struct dedup_table {
	uint64_t *slot; /* number of an entry from 1, and tag << TAG_SHIFT; 0: empty */
	size_t used;
	unsigned bits;
	struct dedup_entry *entry;
	size_t entries, cap; /* numbers that were given, those of removed ones included */
	int64_t removed;     /* number of one, whose offset is the next one's; 0: none */
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

static uint64_t key_tag(const uint64_t key[2])
{
	return key[1] << TAG_SHIFT;
}

static bool has_tag(uint64_t slot, uint64_t tag)
{
	return (slot ^ tag) >> TAG_SHIFT == 0;
}

static struct dedup_entry *slot_entry(const struct dedup_table *t, uint64_t slot)
{
	return &t->entry[(slot & (((uint64_t)1 << TAG_SHIFT) - 1)) - 1];
}

static void want_huge_pages(void *p, size_t bytes)
{
	uintptr_t from = ((uintptr_t)p + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
	uintptr_t to = ((uintptr_t)p + bytes) & ~(uintptr_t)(HUGE_BYTES - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

static void allocate_slots(struct dedup_table *t, unsigned bits)
{
	t->bits = bits;
	t->slot = mem_array(table_slots(t), sizeof(*t->slot));
	want_huge_pages(t->slot, table_slots(t) * sizeof(*t->slot));
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
	free(t->entry);
	free(t);
}

size_t dedup_table_count(const struct dedup_table *t)
{
	return t->used;
}

/* ---- look-ups */

void dedup_table_prefetch(const struct dedup_table *t, const uint64_t key[2])
{
	__builtin_prefetch(&t->slot[table_home(t, key)]);
}

/* The slot of an entry with the key's tag from i on; an empty one: there is none. */
static size_t seek_tag(const struct dedup_table *t, size_t i, uint64_t tag)
{
	while (t->slot[i] && !has_tag(t->slot[i], tag))
		i = table_next(t, i);
	return i;
}

void dedup_table_prefetch_entry(const struct dedup_table *t, const uint64_t key[2])
{
	size_t i = seek_tag(t, table_home(t, key), key_tag(key));

	if (t->slot[i])
		__builtin_prefetch(slot_entry(t, t->slot[i]));
}

static bool same_key(const struct dedup_entry *e, const uint64_t key[2])
{
	return e->key[0] == key[0] && e->key[1] == key[1];
}

struct dedup_seen dedup_table_find(const struct dedup_table *t, const uint64_t key[2],
				   uint32_t part, int64_t offset)
{
	struct dedup_seen seen = { 0 };
	uint64_t tag = key_tag(key);

	for (size_t i = seek_tag(t, table_home(t, key), tag); t->slot[i];
	     i = seek_tag(t, table_next(t, i), tag)) {
		const struct dedup_entry *e = slot_entry(t, t->slot[i]);

		if (same_key(e, key))
			dedup_seen_add(&seen, e->part == part && e->offset == offset, e->time_s);
	}
	return seen;
}

/* ---- what comes */

static void place_entry(struct dedup_table *t, size_t number)
{
	const struct dedup_entry *e = &t->entry[number - 1];
	size_t i = table_home(t, e->key);

	while (t->slot[i])
		i = table_next(t, i);
	t->slot[i] = number | key_tag(e->key);
}

/* Makes the table of 2^bits slots out of the entries. */
static void rebuild_table(struct dedup_table *t, unsigned bits)
{
	free(t->slot);
	allocate_slots(t, bits);
	for (size_t i = 0; i < t->entries; i++) {
		if (i + AHEAD < t->entries)
			__builtin_prefetch(&t->slot[table_home(t, t->entry[i + AHEAD].key)], 1);
		if (t->entry[i].part)
			place_entry(t, i + 1);
	}
}

static size_t take_number(struct dedup_table *t)
{
	size_t number = (size_t)t->removed, before = t->cap;

	if (number) {
		t->removed = t->entry[number - 1].offset;
		return number;
	}
	mem_reserve(&t->entry, &t->cap, t->entries + 1, sizeof(*t->entry));
	if (t->cap != before)
		want_huge_pages(t->entry, t->cap * sizeof(*t->entry));
	return ++t->entries;
}

void dedup_table_add(struct dedup_table *t, const struct dedup_entry *e)
{
	size_t number;

	if (t->used >= table_slots(t) / 4 * 3)
		rebuild_table(t, t->bits + 1);
	number = take_number(t);
	t->entry[number - 1] = *e;
	place_entry(t, number);
	t->used++;
}

/* ---- what goes */

/* Closes the gap at i: a slot behind it moves there unless its home lies between. */
static void close_gap(struct dedup_table *t, size_t i)
{
	size_t mask = table_slots(t) - 1;

	for (size_t k = table_next(t, i); t->slot[k]; k = table_next(t, k)) {
		size_t home = table_home(t, slot_entry(t, t->slot[k])->key);

		if (((k - home) & mask) < ((k - i) & mask))
			continue;
		t->slot[i] = t->slot[k];
		i = k;
	}
	t->slot[i] = 0;
}

static void release_number(struct dedup_table *t, struct dedup_entry *e)
{
	e->part = 0;
	e->offset = t->removed;
	t->removed = e - t->entry + 1;
}

bool dedup_table_remove(struct dedup_table *t, const struct dedup_entry *e)
{
	uint64_t tag = key_tag(e->key);

	for (size_t i = seek_tag(t, table_home(t, e->key), tag); t->slot[i];
	     i = seek_tag(t, table_next(t, i), tag)) {
		struct dedup_entry *x = slot_entry(t, t->slot[i]);

		if (!same_key(x, e->key) || x->part != e->part || x->offset != e->offset)
			continue;
		close_gap(t, i);
		release_number(t, x);
		t->used--;
		return true;
	}
	return false;
}

void dedup_table_clear(struct dedup_table *t)
{
	memset(t->slot, 0, table_slots(t) * sizeof(*t->slot));
	t->used = t->entries = 0;
	t->removed = 0;
}

size_t dedup_table_sweep(struct dedup_table *t, uint32_t time_s, int64_t offset)
{
	size_t before = t->used, kept = 0;

	for (size_t i = 0; i < t->entries; i++) {
		const struct dedup_entry *e = &t->entry[i];

		if (e->part && e->time_s >= time_s && e->offset >= offset)
			t->entry[kept++] = *e;
	}
	t->used = t->entries = kept;
	t->removed = 0;
	rebuild_table(t, t->bits);
	return before - kept;
}
