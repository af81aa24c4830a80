#include "sketch/sketch_kind.h"

#include "sketch/hashset.h"
#include "sketch/held.h"
#include "sketch/hll.h"
#include "sketch/logbucket.h"

static void logbucket_add_item(void *s, uint64_t place)
{
	logbucket_put(s, (unsigned)place, 1);
}

static void hll_add_item(void *s, uint64_t hash)
{
	hll_add(s, hash);
}

static void hll_add_each(void *const *s, const uint64_t *hash, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hll_prefetch(s[i], hash[i]);
	for (size_t i = 0; i < n; i++)
		hll_add(s[i], hash[i]);
}

static void hashset_add_item(void *s, uint64_t hash)
{
	hashset_add(s, hash);
}

static void hashset_add_each(void *const *s, const uint64_t *hash, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hashset_prefetch(s[i], hash[i]);
	for (size_t i = 0; i < n; i++)
		hashset_add(s[i], hash[i]);
}

static struct slice candidate_of(uint64_t item)
{
	return *(const struct slice *)(uintptr_t)item;
}

static void lowest_add_item(void *s, uint64_t item)
{
	held_lower(s, candidate_of(item));
}

static void highest_add_item(void *s, uint64_t item)
{
	held_higher(s, candidate_of(item));
}

static void held_prefetch_each(void *const *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(held_peek(s[i]).p);
}

static void lowest_add_each(void *const *s, const uint64_t *item, size_t n)
{
	held_prefetch_each(s, n);
	for (size_t i = 0; i < n; i++)
		held_lower(s[i], candidate_of(item[i]));
}

static void highest_add_each(void *const *s, const uint64_t *item, size_t n)
{
	held_prefetch_each(s, n);
	for (size_t i = 0; i < n; i++)
		held_higher(s[i], candidate_of(item[i]));
}

static void lowest_merge_any(void *into, const void *from)
{
	if (held_peek(from).n)
		held_lower(into, held_peek(from));
}

static void highest_merge_any(void *into, const void *from)
{
	if (held_peek(from).n)
		held_higher(into, held_peek(from));
}

/* The functions of a sketch under the types of the table. */
#define ADAPT(sketch)                                                   \
	static void *sketch##_new_any(void)                             \
	{                                                               \
		return sketch##_new();                                  \
	}                                                               \
	static void sketch##_free_any(void *s)                          \
	{                                                               \
		sketch##_free(s);                                       \
	}                                                               \
	static void sketch##_clear_any(void *s)                         \
	{                                                               \
		sketch##_clear(s);                                      \
	}                                                               \
	static size_t sketch##_bytes_any(const void *s)                 \
	{                                                               \
		return sketch##_bytes(s);                               \
	}                                                               \
	static void sketch##_encode_any(const void *s, struct buf *out) \
	{                                                               \
		sketch##_encode(s, out);                                \
	}                                                               \
	static void *sketch##_decode_any(struct slice bytes)            \
	{                                                               \
		return sketch##_decode(bytes);                          \
	}
#define ADAPT_MERGE(sketch)                                          \
	static void sketch##_merge_any(void *into, const void *from) \
	{                                                            \
		sketch##_merge(into, from);                          \
	}
/* rule: whose items are added and merged */
#define OPS(sketch, rule)                                                                        \
	{                                                                                        \
		.new = sketch##_new_any, .free = sketch##_free_any, .clear = sketch##_clear_any, \
		.add = rule##_add_item, .add_each = rule##_add_each, .merge = rule##_merge_any,  \
		.bytes = sketch##_bytes_any, .encode = sketch##_encode_any,                      \
		.decode = sketch##_decode_any,                                                   \
	}

ADAPT(logbucket)
ADAPT(hll)
ADAPT(hashset)
ADAPT(held)
ADAPT_MERGE(logbucket)
ADAPT_MERGE(hll)
ADAPT_MERGE(hashset)

const struct sketch_ops sketch_ops[SKETCH_KINDS] = {
	[SKETCH_QUANTILES] = OPS(logbucket, logbucket), [SKETCH_HLL] = OPS(hll, hll),
	[SKETCH_SET] = OPS(hashset, hashset),           [SKETCH_LOWEST] = OPS(held, lowest),
	[SKETCH_HIGHEST] = OPS(held, highest),
};

bool sketch_merge_bytes(enum sketch_kind kind, struct slice a, struct slice b, struct buf *out)
{
	const struct sketch_ops *ops = &sketch_ops[kind];
	void *x = ops->decode(a), *y = x ? ops->decode(b) : NULL;

	if (y) {
		ops->merge(x, y);
		ops->encode(x, out);
	}
	if (x)
		ops->free(x);
	if (y)
		ops->free(y);
	return y != NULL;
}
