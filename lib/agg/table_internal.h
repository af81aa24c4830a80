/* Inside of the group table: table.c (life, windows, looking), table_place.c (where groups
 * stand), table_add.c (batches). */
#ifndef AGG_TABLE_INTERNAL_H
#define AGG_TABLE_INTERNAL_H

#include <string.h>

#include "agg/key.h"
#include "agg/table.h"

enum {
	UNIT = 16,
	PLACES = 8,
	LINE = 64,
	BUCKETS_MIN = 32,
	ARENA_MIN = 16 << 10,
	SWEEP_MIN = 64 << 10,
};
_Static_assert((int)UNIT == (int)KEY_UNIT, "groups begin at units");

/* Counts, as many of their bytes as the table's groups need; then links, where its shape wants
 * them; then a slot a column; then the key. */
struct group {
	uint64_t count, value_count;
	dec sum;
	union {
		struct {
			int64_t min, max;
		} narrow;
		struct {
			dec min, max;
		} wide;
	};
};
struct links {
	struct hll *uniq;
	uint32_t next; /* in its window's list */
};
enum { COUNT_BYTES = 16, NARROW_BYTES = 48, WIDE_BYTES = 64, LINKS_BYTES = 16 };
_Static_assert(offsetof(struct group, sum) == COUNT_BYTES &&
		       offsetof(struct group, narrow) + 16 == NARROW_BYTES &&
		       sizeof(struct group) == WIDE_BYTES && sizeof(struct links) == LINKS_BYTES,
	       "layout of a group");
_Static_assert(sizeof(dec) == UNIT, "slots are units");
#define DEAD UINT64_MAX /* the count of a group whose window is gone */

#define ARENA_MAX ((size_t)UINT32_MAX * UNIT)

struct bucket {
	uint32_t tag[PLACES], ref[PLACES];
};
_Static_assert(sizeof(struct bucket) == LINE, "a bucket is a cache line");
struct table_window {
	uint64_t window;
	uint32_t head;
	size_t groups;
};

struct table {
	struct table_shape shape;
	bool wide;     /* groups are wide, not narrow */
	bool sketches; /* a column is one */
	uint32_t mask;
	size_t counts_bytes, slots_at, head_bytes;
	char *arena;
	struct bucket *bucket;
	size_t indexed; /* groups in the buckets, dead ones too */
	/* the group of each number of a directory; 0: not known */
	uint32_t *numbered;
	size_t cap_numbered;
	/* what a batch of known keys needs ends here: two cache lines */
	size_t used, cap; /* of the arena, bytes */
	size_t groups;    /* that live */
	size_t dead_bytes;
	void *bucket_memory; /* what it was cut from */
	/* empty sketches for new groups */
	struct table_spare {
		void **v;
		size_t n, cap;
	} spare[SKETCH_KINDS];
	struct table_window *window; /* [first, end): ascending */
	size_t first, end, cap_window;
};

static inline struct group *group_at(const struct table *t, uint32_t ref)
{
	return (struct group *)(void *)(t->arena + (size_t)ref * UNIT);
}

static inline uint32_t ref_of(const struct table *t, const struct group *g)
{
	return (uint32_t)((size_t)((const char *)g - t->arena) / UNIT);
}

static inline struct links *links_of(const struct table *t, const struct group *g)
{
	return (struct links *)(void *)((char *)(uintptr_t)g + t->counts_bytes);
}

/* The columns of a group: a COUNT as well is a decimal here; of a sketch it has the address. */
static inline dec *slots_of(const struct table *t, const struct group *g)
{
	return (dec *)(void *)((char *)(uintptr_t)g + t->slots_at);
}

/* The sketch of a slot; NULL: none yet. */
static inline void *slot_sketch(const dec *slot)
{
	void *s;

	memcpy(&s, slot, sizeof(s));
	return s;
}

static inline void slot_set_sketch(dec *slot, void *s)
{
	memcpy(slot, &s, sizeof(s));
}

static inline enum sketch_kind kind_of_rule(enum column_rule rule)
{
	return (enum sketch_kind)(rule - COLUMN_QUANTILES);
}

/* What a column is before its first record: what merging leaves unchanged. */
static inline dec column_start(enum column_rule rule)
{
	return rule == COLUMN_MIN ? DEC_MAX : rule == COLUMN_MAX ? -DEC_MAX : 0;
}

static inline char *key_of(const struct table *t, const struct group *g)
{
	return (char *)(uintptr_t)g + t->head_bytes;
}

static inline size_t size_of(const struct table *t, const struct group *g)
{
	return t->head_bytes + key_bytes(key_of(t, g));
}

/* Keys are equal where their heads are, which have the length, and all units behind. bytes: the
 * length of a. */
static inline bool key_equal(const char *a, const char *b, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i += UNIT) {
		uint64_t x[2], y[2];

		memcpy(x, a + i, UNIT);
		memcpy(y, b + i, UNIT);
		if ((x[0] ^ y[0]) | (x[1] ^ y[1]))
			return false;
	}
	return true;
}

static inline uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash ? (uint32_t)hash : 1;
}

/* ---- table.c */

/* An empty sketch. */
void *table_sketch_new(struct table *t, enum sketch_kind kind);

/* Makes groups hold values of any size. They move. False: the arena would be beyond its end. */
bool table_widen(struct table *t);

/* ---- table_place.c */

/* n empty buckets on cache lines; *memory is what free() takes. */
struct bucket *table_buckets(size_t n, void **memory);
/* Room for `more` groups in the buckets. */
void table_reserve(struct table *t, size_t more);
/* Puts a group into the buckets, which have room. */
void table_place(struct table *t, uint32_t tag, uint32_t ref);
/* Lists a group under its window. */
void table_list(struct table *t, struct group *g);

/* Asks for the place of a tag. */
static inline void table_prefetch(const struct table *t, uint32_t tag)
{
	__builtin_prefetch(&t->bucket[tag & t->mask]);
}

/* The groups of n keys, new ones where need be; the buckets have room for all, and their places
 * were asked for. False: the arena is at its end. */
bool table_seek(struct table *t, const char *const *key, const uint32_t *bytes, const uint32_t *tag,
		unsigned n, uint32_t *ref);

/* ---- table_add.c */

/* The groups of a batch, whose keys may have numbers. As table_seek. */
bool table_seek_batch(struct table *t, const struct table_batch *b, uint32_t *ref);

#endif
