/* Stored sets of hashes: an exact one is written back as the same bytes; merging, repetition and
 * one hash more do what they do to a set. */
#include "fuzz.h"

#include "sketch/hashset.h"

static void check_same(const struct hashset *a, const struct hashset *b)
{
	struct buf of_a = { 0 }, of_b = { 0 };
	hashset_encode(a, &of_a);
	hashset_encode(b, &of_b);
	MUST(slice_eq(buf_slice(&of_a), buf_slice(&of_b)));
	MUST(hashset_count(a) == hashset_count(b) && hashset_is_exact(a) == hashset_is_exact(b));
	buf_fini(&of_a);
	buf_fini(&of_b);
}

static void check_merges(const struct hashset *s)
{
	struct hashset *merged = hashset_new(), *other = hashset_new();
	hashset_merge(merged, s);
	hashset_merge(merged, s);
	check_same(merged, s);
	hashset_add(merged, 0x123456789abcdef0);
	hashset_add(other, 0x123456789abcdef0);
	hashset_merge(other, s);
	check_same(merged, other);
	hashset_free(merged);
	hashset_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice bytes = slice((const char *)data, n);
	struct hashset *s = hashset_decode(bytes);
	struct buf again = { 0 };
	if (!s)
		return 0;
	hashset_encode(s, &again);
	MUST(!hashset_is_exact(s) || slice_eq(buf_slice(&again), bytes));
	struct hashset *back = hashset_decode(buf_slice(&again));
	MUST(back);
	check_same(back, s);
	check_merges(s);
	hashset_free(back);
	hashset_free(s);
	buf_fini(&again);
	return 0;
}
