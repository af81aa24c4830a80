/* Expected bytes: by hand from the header. Beyond the limit: a HyperLogLog of the same hashes. */
#include "sketch/hashset.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sketch/hll.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t rng = 88172645463325252;

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1d;
}

/* Different for different i; 0 is among them. */
static uint64_t hash_of(unsigned i)
{
	uint64_t v = i;
	return i == 1 ? 0 : hash_murmur64a(&v, sizeof v);
}

static struct hashset *add_range(struct hashset *s, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		hashset_add(s, hash_of(i));
	return s;
}

static struct hashset *of(unsigned n)
{
	return add_range(hashset_new(), 0, n);
}

static bool is_bytes_of(const struct hashset *s, struct slice want)
{
	struct buf got = { 0 };
	hashset_encode(s, &got);
	bool same = slice_eq(buf_slice(&got), want);
	buf_fini(&got);
	return same;
}

/* Reads a heap copy of exactly that size: a read beyond it is seen by the sanitizer. */
static struct hashset *read_copy(struct slice bytes)
{
	char *copy = mem_alloc(bytes.n);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	struct hashset *s = hashset_decode(slice(copy, bytes.n));
	free(copy);
	return s;
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The stored form of the hashes 0 .. n - 1, by other means. */
static void model_encode(unsigned n, struct buf *out)
{
	if (n > HASHSET_EXACT_MAX) {
		struct hll *h = hll_new();
		for (unsigned i = 0; i < n; i++)
			hll_add(h, hash_of(i));
		buf_addc(out, 2);
		hll_encode(h, out);
		hll_free(h);
		return;
	}
	uint64_t *sorted = mem_array(n, sizeof *sorted);
	for (unsigned i = 0; i < n; i++)
		sorted[i] = hash_of(i);
	qsort(sorted, n, sizeof *sorted, compare_hashes);
	buf_addc(out, 1);
	for (unsigned i = 0; i < n; i++)
		for (int bits = 56; bits >= 0; bits -= 8)
			buf_addc(out, (char)(sorted[i] >> bits));
	free(sorted);
}

/* ---- any order, repetition, split, tree of merges ---- */

/* Adds 0 .. n - 1 to `parts` sets, each at least to one and some to several, and merges
 * neighbours, either into the other, until one is left; some go through their stored form on the
 * way. */
static struct hashset *merged(const unsigned *order, unsigned n, size_t parts)
{
	struct hashset *part[32];
	for (size_t i = 0; i < parts; i++)
		part[i] = hashset_new();
	for (unsigned i = 0; i < n; i++)
		for (size_t k = 1 + (next_random() % 4 == 0); k > 0; k--)
			hashset_add(part[next_random() % parts], hash_of(order[i]));
	for (; parts > 1; parts--) {
		size_t i = next_random() % (parts - 1), into = i + next_random() % 2,
		       from = 2 * i + 1 - into;
		struct buf stored = { 0 };
		hashset_encode(part[from], &stored);
		struct hashset *read = read_copy(buf_slice(&stored));
		hashset_merge(part[into], next_random() % 2 ? read : part[from]);
		hashset_free(read);
		hashset_free(part[from]);
		buf_fini(&stored);
		part[i] = part[into];
		memmove(&part[i + 1], &part[i + 2], (parts - i - 2) * sizeof(*part));
	}
	return part[0];
}

static void shuffle(unsigned *v, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)(next_random() % i), x = v[i - 1];
		v[i - 1] = v[k];
		v[k] = x;
	}
}

static void histories_of(unsigned n)
{
	struct buf want = { 0 };
	unsigned *order = mem_array(n, sizeof *order), wrong = 0;
	model_encode(n, &want);
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned round = 0; round < 8; round++) {
		struct hashset *s = merged(order, n, round < 2 ? 1 : 1 + next_random() % 32);
		struct hashset *back = read_copy(buf_slice(&want));
		wrong += !is_bytes_of(s, buf_slice(&want));
		wrong += !back || !is_bytes_of(back, buf_slice(&want));
		wrong += hashset_is_exact(s) != (n <= HASHSET_EXACT_MAX);
		wrong += hashset_is_exact(s) && hashset_count(s) != n;
		wrong += hashset_count(s) != hashset_count(back);
		hashset_free(s);
		hashset_free(back);
		shuffle(order, n);
	}
	ok(wrong == 0, "%u hashes: the same bytes whatever their history (%zu)", n, want.n);
	buf_fini(&want);
	free(order);
}

static void histories(void)
{
	static const unsigned sizes[] = { 0,   1,    2,    3,    4,     6,     7,     100,
					  769, 6144, 6145, 9999, 10000, 10001, 12000, 60000 };
	for (size_t i = 0; i < COUNT(sizes); i++)
		histories_of(sizes[i]);
}

/* Each of two sets is exact, overlapping or not: what decides is how many both have. */
static void merges(void)
{
	static const struct {
		unsigned from, to;
		bool exact;
	} cases[] = { { 0, 10000, true },     { 5000, 10000, true },  { 5000, 10001, false },
		      { 10000, 10001, true }, { 6000, 12000, false }, { 6000, 10004, false } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned n = i == 3 ? 9999 : 6000;
		struct hashset *into = of(n),
			       *more = add_range(hashset_new(), cases[i].from, cases[i].to);
		hashset_merge(into, more);
		ok(hashset_is_exact(into) == cases[i].exact, "%u and %u to %u", n, cases[i].from,
		   cases[i].to);
		hashset_merge(into, into);
		uint64_t count = hashset_count(into);
		hashset_merge(more, into);
		hashset_add(more, hash_of(cases[i].from));
		is_int(hashset_count(more), (long long)count, "merging again adds nothing");
		hashset_free(into);
		hashset_free(more);
	}
}

static void estimates(void)
{
	struct hashset *s = of(10000);
	is_int(hashset_count(s), 10000, "10,000 are exact");
	hashset_add(s, hash_of(1));
	ok(hashset_is_exact(s), "one of them again");
	hashset_add(s, hash_of(10000));
	ok(!hashset_is_exact(s) && hashset_count(s) > 9700 && hashset_count(s) < 10300,
	   "one more: %llu", (unsigned long long)hashset_count(s));
	hashset_clear(s);
	ok(hashset_is_exact(s) && hashset_count(s) == 0, "cleared");
	hashset_free(s);
	hashset_free(NULL);
}

static void memory(void)
{
	struct hashset *s = of(2);
	is_int(hashset_bytes(s), 24, "two in the handle, one of them 0");
	hashset_prefetch(add_range(s, 2, 6), 7);
	is_int(hashset_bytes(s), 24 + 64, "six");
	ok(hashset_bytes(add_range(s, 6, 10000)) == 24 + (128 << 10), "never more than 128 KiB");
	hashset_prefetch(add_range(s, 10000, 10001), 7);
	ok(hashset_bytes(s) == 24 + 24 + HLL_REGISTERS, "then a HyperLogLog");
	hashset_free(s);
}

static void bytes_are(const struct hashset *s, const char *want, const char *name)
{
	struct buf b = { 0 }, hex = { 0 };
	hashset_encode(s, &b);
	buf_hex(&hex, b.p, b.n);
	is_str(buf_z(&hex), want, name);
	buf_fini(&b);
	buf_fini(&hex);
}

static void short_ones(void)
{
	struct hashset *s = hashset_new();
	bytes_are(s, "01", "nothing");
	hashset_add(s, 0xfedcba9876543210);
	hashset_add(s, 0);
	hashset_add(s, 258);
	hashset_add(s, 0xfedcba9876543210);
	bytes_are(s,
		  "01"
		  "0000000000000000"
		  "0000000000000102"
		  "fedcba9876543210",
		  "three");
	is_int(hashset_count(s), 3, "their number");
	hashset_free(s);
}

static void refuse(struct slice bytes, const char *name)
{
	struct hashset *s = read_copy(bytes);
	ok(!s, "refused: %s", name);
	hashset_free(s);
}

static void bad_bytes(void)
{
	struct buf b = { 0 };
	unsigned taken = 0;
	refuse(slice("", 0), "nothing");
	refuse(slice("\0", 1), "unknown form");
	refuse(slice("\3", 1), "unknown form");
	refuse(slice("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17), "the hash 0 twice");
	refuse(slice("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1", 17), "not ascending");
	refuse(slice("\2", 1), "a HyperLogLog of no bytes");
	refuse(slice("\2\1\0\0\0", 5), "a bad HyperLogLog");
	model_encode(50, &b);
	for (size_t n = 0; n < b.n; n++) {
		struct hashset *s = read_copy(slice(b.p, n));
		taken += s && n % 8 != 1;
		hashset_free(s);
	}
	is_int(taken, 0, "no cut inside a hash is taken");
	b.n = 0;
	buf_addc(&b, 1);
	for (unsigned i = 0; i <= HASHSET_EXACT_MAX; i++) {
		char hash[8] = { 0, 0, 0, 0, 0, 0, (char)(i >> 8), (char)i };
		buf_add(&b, hash, 8);
	}
	refuse(buf_slice(&b), "10,001 hashes");
	struct hashset *s = read_copy(slice(b.p, b.n - 8));
	ok(s && is_bytes_of(s, slice(b.p, b.n - 8)), "10,000 hashes with one home");
	hashset_free(s);
	buf_fini(&b);
}

int main(void)
{
	histories();
	merges();
	estimates();
	memory();
	short_ones();
	bad_bytes();
	return done();
}
