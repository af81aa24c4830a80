/* Where groups stand: buckets and the arena (table.c draws them), and the lists of windows. */
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "agg/table_internal.h"
#include "base/mem.h"

struct bucket *table_buckets(size_t n, void **memory)
{
	uintptr_t p;

	*memory = mem_array(n + 1, sizeof(struct bucket));
	p = (uintptr_t)*memory;
	return (struct bucket *)((p + LINE - 1) & ~(uintptr_t)(LINE - 1));
}

/* The places of a bucket that have the tag, as bits. */
static inline unsigned place_places_of(const struct bucket *b, uint32_t tag)
{
#ifdef __SSE2__
	const __m128i want = _mm_set1_epi32((int)tag),
		      *tags = (const __m128i *)(const void *)b->tag;
	__m128i same = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(tags), want),
				       _mm_cmpeq_epi32(_mm_load_si128(tags + 1), want));

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
#else
	unsigned places = 0;

	for (unsigned i = 0; i < PLACES; i++)
		places |= (unsigned)(b->tag[i] == tag) << i;
	return places;
#endif
}

static inline bool is_full(const struct bucket *b)
{
	/* places are filled in their order, and never emptied one by one */
	return b->tag[PLACES - 1] != 0;
}

static void put_in_bucket(struct bucket *bucket, uint32_t mask, uint32_t tag, uint32_t ref)
{
	uint32_t i = tag & mask;
	unsigned at = 0;

	while (is_full(&bucket[i]))
		i = (i + 1) & mask;
	while (bucket[i].tag[at])
		at++;
	bucket[i].tag[at] = tag;
	bucket[i].ref[at] = ref;
}

void table_reserve(struct table *t, size_t more)
{
	size_t n = (size_t)t->mask + 1, old = n;
	struct bucket *bucket;
	void *memory;

	if (t->indexed + more <= n * (PLACES - 1))
		return;
	while (t->indexed + more > n * (PLACES - 1))
		n *= 2;
	bucket = table_buckets(n, &memory);
	for (size_t i = 0; i < old; i++)
		for (unsigned k = 0; k < PLACES && t->bucket[i].tag[k]; k++)
			put_in_bucket(bucket, (uint32_t)(n - 1), t->bucket[i].tag[k],
				      t->bucket[i].ref[k]);
	free(t->bucket_memory);
	t->bucket = bucket;
	t->bucket_memory = memory;
	t->mask = (uint32_t)(n - 1);
}

void table_place(struct table *t, uint32_t tag, uint32_t ref)
{
	put_in_bucket(t->bucket, t->mask, tag, ref);
}

/* The first of the listed windows that does not start before `window`. */
static size_t window_at(const struct table *t, uint64_t window)
{
	size_t low = t->first, high = t->end;

	if (low == high || t->window[high - 1].window < window)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->window[middle].window < window)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void table_list(struct table *t, struct group *g)
{
	uint64_t window = key_window(key_of(t, g));
	size_t i = window_at(t, window);

	if (i == t->end || t->window[i].window != window) {
		mem_reserve(&t->window, &t->cap_window, t->end + 1, sizeof(*t->window));
		memmove(t->window + i + 1, t->window + i, (t->end - i) * sizeof(*t->window));
		t->window[i] = (struct table_window){ .window = window };
		t->end++;
	}
	links_of(t, g)->next = t->window[i].head;
	t->window[i].head = ref_of(t, g);
	t->window[i].groups++;
}

/* Nothing counted: a first value is below the least and above the most. */
static void begin_place(const struct table *t, struct group *g)
{
	memset(g, 0, t->head_bytes);
	if (t->wide) {
		g->wide.min = DEC_MAX;
		g->wide.max = -DEC_MAX;
	} else if (t->shape.value) {
		g->narrow.min = INT64_MAX;
		g->narrow.max = INT64_MIN;
	}
	for (unsigned c = 0; c < t->shape.columns; c++)
		slots_of(t, g)[c] = column_start(t->shape.rule[c]);
}

/* A new, empty group; its ref, or 0 where the arena is at its end. The buckets have room. */
static uint32_t insert(struct table *t, const char *key, uint32_t tag)
{
	uint32_t bytes = key_bytes(key);
	size_t size = t->head_bytes + bytes;
	struct group *g;
	uint32_t ref;

	if (t->used + size > t->cap) {
		if (t->used + size > ARENA_MAX)
			return 0;
		mem_reserve(&t->arena, &t->cap, t->used + size, 1);
	}
	ref = (uint32_t)(t->used / UNIT);
	g = group_at(t, ref);
	begin_place(t, g);
	memcpy(key_of(t, g), key, bytes);
	t->used += size;
	t->indexed++;
	t->groups++;
	table_place(t, tag, ref);
	if (t->shape.windows)
		table_list(t, g);
	return ref;
}

static uint32_t seek_place(struct table *t, const char *key, uint32_t bytes, uint32_t tag)
{
	for (uint32_t i = tag & t->mask;; i = (i + 1) & t->mask) {
		const struct bucket *b = &t->bucket[i];

		for (unsigned places = place_places_of(b, tag); places; places &= places - 1) {
			uint32_t ref = b->ref[__builtin_ctz(places)];

			if (key_equal(key, key_of(t, group_at(t, ref)), bytes))
				return ref;
		}
		if (!is_full(b))
			return insert(t, key, tag);
	}
}

/* The first group with that tag in its bucket, asked for; 0: none yet, or not there. */
static inline uint32_t glance(const struct table *t, uint32_t tag)
{
	const struct bucket *b = &t->bucket[tag & t->mask];
	unsigned places = place_places_of(b, tag);
	uint32_t ref = __builtin_expect(places != 0, 1) ? b->ref[__builtin_ctz(places)] : 0;
	const char *g = t->arena + (size_t)ref * UNIT;

	__builtin_prefetch(g, 1);
	__builtin_prefetch(g + LINE, 1);
	return ref;
}

static inline uint32_t settle_place(struct table *t, const char *key, uint32_t bytes, uint32_t tag,
				    uint32_t seen)
{
	return __builtin_expect(seen && key_equal(key, key_of(t, group_at(t, seen)), bytes), 1)
		       ? seen
		       : seek_place(t, key, bytes, tag);
}

bool table_seek(struct table *t, const char *const *key, const uint32_t *bytes, const uint32_t *tag,
		unsigned n, uint32_t *ref)
{
	for (unsigned k = 0; k < n; k++)
		ref[k] = glance(t, tag[k]);
	for (unsigned k = 0; k < n; k++) {
		ref[k] = settle_place(t, key[k], bytes[k], tag[k], ref[k]);
		if (!ref[k])
			return false;
	}
	return true;
}
