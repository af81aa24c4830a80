/* Inside of the group table: table.c (life, windows, looking), table_place.c (where groups stand), table_add.c (batches). */
#ifndef AGG_TABLE_INTERNAL_H
#define AGG_TABLE_INTERNAL_H

#include <string.h>

#include "agg/key.h"
#include "agg/table.h"

enum { UNIT = 16, HEAD_COUNT = 32, PLACES = 8, LINE = 64, BUCKETS_MIN = 32, ARENA_MIN = 16 << 10, SWEEP_MIN = 64 << 10 };
_Static_assert(offsetof(struct group, sum) == HEAD_COUNT && sizeof(struct group) == 80 && (int)UNIT == (int)KEY_UNIT, "layout of a group");

struct bucket { uint32_t tag[PLACES], ref[PLACES]; };
_Static_assert(sizeof(struct bucket) == LINE, "a bucket is a cache line");
struct table_window { uint64_t window; uint32_t head; size_t groups; };

struct table {
	struct table_shape shape;
	size_t head_bytes;
	char *arena;
	size_t used, cap;               /* bytes */
	size_t dead_bytes;
	struct bucket *bucket;
	void *bucket_memory;            /* what it was cut from */
	uint32_t mask;
	size_t indexed;                 /* groups in the buckets, dead ones too */
	size_t groups;                  /* that live */
	struct hll **spare;             /* empty sketches for new groups */
	size_t n_spare, cap_spare;
	struct table_window *window;          /* [first, end): ascending */
	size_t first, end, cap_window;
};

static inline struct group *table_at(const struct table *t, uint32_t ref)
{
	return (struct group *)(void *)(t->arena + (size_t)ref * UNIT);
}

static inline uint32_t table_ref(const struct table *t, const struct group *g)
{
	return (uint32_t)((size_t)((const char *)g - t->arena) / UNIT);
}

static inline char *table_key_of(const struct table *t, const struct group *g)
{
	return (char *)(uintptr_t)g + t->head_bytes;
}

static inline size_t table_size_of(const struct table *t, const struct group *g)
{
	return t->head_bytes + key_bytes(table_key_of(t, g));
}

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

/* The groups of n keys, new ones where need be; the buckets have room for all, and their places were asked for. False: the arena is at its end. */
bool table_seek(struct table *t, const char *const *key, const uint32_t *bytes, const uint32_t *tag, unsigned n, uint32_t *ref);

#endif
