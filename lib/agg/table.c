/* Groups by key, in two pieces of memory:
 *
 *   buckets   { u32 tag[8], u32 ref[8] } x 2^k, a cache line each, at most 7/8 full, probed one after the other from tag & mask on. The tag is the
 *             low half of the hash (never 0, which is an empty place): it is all that growing needs, so that no group is touched then, and it keeps
 *             nearly every wrong group from being looked at. Eight tags are compared at once, so that where a key stands costs no branch.
 *   arena     group | key, group | key, ..   in order of arrival; a ref counts units of 16 bytes from its start
 *
 * A batch goes through in phases, each of which asks for the memory of the next: hash and ask for the bucket; look at the bucket and ask for the
 * group; compare and add, and ask for the sketch; add to the sketch. So the misses of 64 records overlap instead of queueing up.
 *
 * Where windows close one by one (table_drop_earliest) their groups only die: they stay in the buckets, where nobody looks for them any more, until
 * half of the arena is dead; then what lives is moved together and the buckets are made anew. That is O(1) a group, whatever the lateness. */
#include "agg/table.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "agg/key.h"
#include "base/hash.h"
#include "base/mem.h"

enum { UNIT = 16, HEAD_COUNT = 32, PLACES = 8, LINE = 64, BUCKETS_MIN = 32, ARENA_MIN = 16 << 10, SWEEP_MIN = 64 << 10 };
_Static_assert(offsetof(struct group, sum) == HEAD_COUNT && sizeof(struct group) == 80 && (int)UNIT == (int)KEY_UNIT, "layout of a group");

struct bucket { uint32_t tag[PLACES], ref[PLACES]; };
_Static_assert(sizeof(struct bucket) == LINE, "a bucket is a cache line");
struct window { uint64_t window; uint32_t head; size_t groups; };

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
	struct window *window;          /* [first, end): ascending */
	size_t first, end, cap_window;
};

static inline struct group *at(const struct table *t, uint32_t ref)
{
	return (struct group *)(void *)(t->arena + (size_t)ref * UNIT);
}

static inline uint32_t ref_of(const struct table *t, const struct group *g)
{
	return (uint32_t)((size_t)((const char *)g - t->arena) / UNIT);
}

static inline char *key_of(const struct table *t, const struct group *g)
{
	return (char *)(uintptr_t)g + t->head_bytes;
}

static inline size_t size_of(const struct table *t, const struct group *g)
{
	return t->head_bytes + key_bytes(key_of(t, g));
}

static struct bucket *buckets_new(size_t n, void **memory)
{
	uintptr_t p;

	*memory = mem_array(n + 1, sizeof(struct bucket));
	p = (uintptr_t)*memory;
	return (struct bucket *)((p + LINE - 1) & ~(uintptr_t)(LINE - 1));
}

struct table *table_new(struct table_shape shape)
{
	struct table *t = mem_zalloc(sizeof(*t));

	t->shape = shape;
	t->head_bytes = shape.value ? sizeof(struct group) : HEAD_COUNT;
	t->bucket = buckets_new(BUCKETS_MIN, &t->bucket_memory);
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
	for (size_t i = 0; i < t->n_spare; i++)
		hll_free(t->spare[i]);
	free(t->spare);
	free(t->window);
	free(t->bucket_memory);
	free(t->arena);
	free(t);
}

/* ---- places */

/* Keys are equal where their heads are, which have the length, and all units behind. bytes: the length of a. */
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

/* The places of a bucket that have the tag, as bits. */
static inline unsigned places_of(const struct bucket *b, uint32_t tag)
{
#ifdef __SSE2__
	const __m128i want = _mm_set1_epi32((int)tag), *tags = (const __m128i *)(const void *)b->tag;
	__m128i same = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(tags), want), _mm_cmpeq_epi32(_mm_load_si128(tags + 1), want));

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
	return b->tag[PLACES - 1] != 0;        /* places are filled in their order, and never emptied one by one */
}

static inline uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash ? (uint32_t)hash : 1;
}

static void place(struct bucket *bucket, uint32_t mask, uint32_t tag, uint32_t ref)
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

/* Room for `more` groups in the buckets. */
static void reserve_buckets(struct table *t, size_t more)
{
	size_t n = (size_t)t->mask + 1, old = n;
	struct bucket *bucket;
	void *memory;

	if (t->indexed + more <= n * (PLACES - 1))
		return;
	while (t->indexed + more > n * (PLACES - 1))
		n *= 2;
	bucket = buckets_new(n, &memory);
	for (size_t i = 0; i < old; i++)
		for (unsigned k = 0; k < PLACES && t->bucket[i].tag[k]; k++)
			place(bucket, (uint32_t)(n - 1), t->bucket[i].tag[k], t->bucket[i].ref[k]);
	free(t->bucket_memory);
	t->bucket = bucket;
	t->bucket_memory = memory;
	t->mask = (uint32_t)(n - 1);
}

static void window_push(struct table *t, uint64_t window, struct group *g)
{
	size_t i = t->end;

	while (i > t->first && t->window[i - 1].window > window)
		i--;
	if (i > t->first && t->window[i - 1].window == window) {
		i--;
	} else {
		if (t->end == t->cap_window)
			mem_reserve(&t->window, &t->cap_window, t->end + 1, sizeof(*t->window));
		memmove(t->window + i + 1, t->window + i, (t->end - i) * sizeof(*t->window));
		t->window[i] = (struct window){ .window = window };
		t->end++;
	}
	g->next = t->window[i].head;
	t->window[i].head = ref_of(t, g);
	t->window[i].groups++;
}

/* A new, empty group; its ref, or 0 where the arena is at its end. The buckets have room. */
static uint32_t insert(struct table *t, const char *key, uint32_t tag)
{
	uint32_t bytes = key_bytes(key);
	size_t size = t->head_bytes + bytes;
	struct group *g;
	uint32_t ref;

	if (t->used + size > t->cap) {
		if (t->used + size > (size_t)UINT32_MAX * UNIT)
			return 0;
		mem_reserve(&t->arena, &t->cap, t->used + size, 1);
	}
	ref = (uint32_t)(t->used / UNIT);
	g = at(t, ref);
	memset(g, 0, t->head_bytes);
	memcpy(key_of(t, g), key, bytes);
	g->tag = tag;
	t->used += size;
	t->indexed++;
	t->groups++;
	place(t->bucket, t->mask, tag, ref);
	if (t->shape.windows)
		window_push(t, key_window(key), g);
	return ref;
}

static uint32_t find(struct table *t, const char *key, uint32_t bytes, uint32_t tag)
{
	for (uint32_t i = tag & t->mask;; i = (i + 1) & t->mask) {
		const struct bucket *b = &t->bucket[i];

		for (unsigned places = places_of(b, tag); places; places &= places - 1) {
			uint32_t ref = b->ref[__builtin_ctz(places)];

			if (key_equal(key, key_of(t, at(t, ref)), bytes))
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
	unsigned places = places_of(b, tag);
	uint32_t ref = __builtin_expect(places != 0, 1) ? b->ref[__builtin_ctz(places)] : 0;
	const char *g = t->arena + (size_t)ref * UNIT;

	__builtin_prefetch(g, 1);
	__builtin_prefetch(g + LINE, 1);
	return ref;
}

static inline uint32_t settle(struct table *t, const char *key, uint32_t bytes, uint32_t tag, uint32_t seen)
{
	return __builtin_expect(seen && key_equal(key, key_of(t, at(t, seen)), bytes), 1) ? seen : find(t, key, bytes, tag);
}

/* ---- adding */

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

/* The groups of the keys, new ones where need be. False: the arena is at its end. */
static bool seek(struct table *t, const char *const *key, const uint32_t *bytes, const uint32_t *tag, unsigned n, uint32_t *ref)
{
	for (unsigned k = 0; k < n; k++)
		ref[k] = glance(t, tag[k]);
	for (unsigned k = 0; k < n; k++) {
		ref[k] = settle(t, key[k], bytes[k], tag[k], ref[k]);
		if (!ref[k])
			return false;
	}
	return true;
}

static void add_uniqs(struct table *t, const struct table_batch *b, const uint32_t *ref)
{
	struct hll *uniq[TABLE_BATCH];
	uint64_t hash[TABLE_BATCH];
	unsigned n = 0;

	for (unsigned k = 0; k < b->n; k++)
		if (b->has_uniq >> b->line[k] & 1) {
			hash[n] = b->uniq[b->line[k]];
			uniq[n++] = sketch(t, at(t, ref[k]));
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

	reserve_buckets(t, b->n);
	for (unsigned k = 0; k < b->n; k++) {
		key[k] = b->key[b->line[k]];
		bytes[k] = key_bytes(key[k]);
	}
	hash_64_each(key, bytes, b->n, hash);
	for (unsigned k = 0; k < b->n; k++) {
		tag[k] = tag_of(hash[k]);
		__builtin_prefetch(&t->bucket[tag[k] & t->mask]);
	}
	if (!seek(t, key, bytes, tag, b->n, ref))
		return full(err);
	for (unsigned k = 0; k < b->n; k++) {
		struct group *g = at(t, ref[k]);

		g->count++;
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
			key[n] = key_of(from, g);
			bytes[n] = key_bytes(key[n]);
			tag[n] = g->tag;
			__builtin_prefetch(&t->bucket[g->tag & t->mask]);
		}
		reserve_buckets(t, n);
		if (!seek(t, key, bytes, tag, n, ref))
			return full(err);
		for (unsigned k = 0; k < n; k++)
			in_range &= merge_group(t, at(t, ref[k]), group[k]);
	}
	return in_range ? 0 : overflow(err);
}

/* ---- forgetting */

static void retire(struct table *t, struct group *g)
{
	if (!g->uniq)
		return;
	hll_clear(g->uniq);
	mem_reserve(&t->spare, &t->cap_spare, t->n_spare + 1, sizeof(struct hll *));
	t->spare[t->n_spare++] = g->uniq;
	g->uniq = NULL;
}

void table_clear(struct table *t)
{
	if (t->shape.uniq)
		for (struct group *g = table_first(t); g; g = table_next(t, g))
			retire(t, g);
	memset(t->bucket, 0, ((size_t)t->mask + 1) * sizeof(*t->bucket));
	t->indexed = t->groups = t->dead_bytes = 0;
	t->used = UNIT;
	t->first = t->end = 0;
}

/* Moves the living together and lists them anew. */
static void sweep(struct table *t)
{
	char *to = t->arena + UNIT, *end = t->arena + t->used;
	size_t size;

	memset(t->bucket, 0, ((size_t)t->mask + 1) * sizeof(*t->bucket));
	for (size_t i = t->first; i < t->end; i++)
		t->window[i].head = 0, t->window[i].groups = 0;
	for (char *from = to; from < end; from += size) {
		struct group *g = (struct group *)(void *)from;

		size = size_of(t, g);
		if (g->count == 0)
			continue;
		memmove(to, from, size);
		g = (struct group *)(void *)to;
		place(t->bucket, t->mask, g->tag, ref_of(t, g));
		window_push(t, key_window(key_of(t, g)), g);
		to += size;
	}
	t->used = (size_t)(to - t->arena);
	t->indexed = t->groups;
	t->dead_bytes = 0;
}

void table_drop_earliest(struct table *t)
{
	struct window *w = &t->window[t->first++];

	for (uint32_t ref = w->head; ref; ref = at(t, ref)->next) {
		struct group *g = at(t, ref);

		retire(t, g);
		g->count = 0;
		t->dead_bytes += size_of(t, g);
		t->groups--;
	}
	if (t->first > t->end / 2) {
		memmove(t->window, t->window + t->first, (t->end - t->first) * sizeof(*t->window));
		t->end -= t->first;
		t->first = 0;
	}
	if (t->groups == 0)
		table_clear(t);
	else if (t->dead_bytes > SWEEP_MIN && t->dead_bytes > t->used / 2)
		sweep(t);
}

/* ---- looking */

size_t table_groups(const struct table *t)
{
	return t->groups;
}

size_t table_memory(const struct table *t)
{
	size_t n = sizeof(*t) + t->cap + ((size_t)t->mask + 2) * sizeof(*t->bucket) + t->cap_window * sizeof(*t->window);

	n += t->cap_spare * sizeof(struct hll *) + t->n_spare * 32;
	for (struct group *g = t->shape.uniq ? table_first(t) : NULL; g; g = table_next(t, g))
		n += g->uniq ? hll_bytes(g->uniq) : 0;
	return n;
}

/* The first living group at or behind p. */
static struct group *living(const struct table *t, char *p)
{
	for (char *end = t->arena + t->used; p < end; p += size_of(t, (struct group *)(void *)p))
		if (((struct group *)(void *)p)->count)
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
	return t->first == t->end ? NULL : at(t, t->window[t->first].head);
}

struct group *table_window_next(const struct table *t, const struct group *g)
{
	return g->next ? at(t, g->next) : NULL;
}
