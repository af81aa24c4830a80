/* Three forms:
 *
 *     few     two hashes inside the handle
 *     table   2^bits places, open addressing, at most 3/4 full; a place with 0 is empty, so the
 *             hash 0 is a flag of the set
 *     hll     beyond 10,000 hashes
 *
 * A hash's home in the table is its top bits: they spread, and the table lies almost in order, so
 * the sorted list of the stored form is an insertion sort of few moves. The price: hashes that come
 * in order would crowd a table that is still too small for them; so decoding and merging make room
 * first. The
 * register of a HyperLogLog comes from the low bits of the same hash, which is nobody's loss. */
#include "sketch/hashset.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sketch/hll.h"

enum { FEW = 2, TABLE_BITS_MIN = 3, IS_FEW = 0, IS_HLL = 255 };
enum { FORM_EXACT = 1, FORM_HLL = 2, HASH_BYTES = 8 };

struct hashset {
	union {
		uint64_t few[FEW];
		uint64_t *table;
		struct hll *hll;
	};
	uint16_t n;   /* hashes, 0 among them; no meaning as a HyperLogLog */
	uint8_t form; /* FEW, HLL, else the bits of the table */
	bool zero;    /* the hash 0 is in the set */
};
_Static_assert(sizeof(struct hashset) == 24, "the handle fits the smallest allocation");

struct hashset *hashset_new(void)
{
	return mem_zalloc(sizeof(struct hashset));
}

void hashset_clear(struct hashset *s)
{
	if (s->form == IS_HLL)
		hll_free(s->hll);
	else if (s->form != IS_FEW)
		free(s->table);
	*s = (struct hashset){ .form = IS_FEW };
}

void hashset_free(struct hashset *s)
{
	if (s)
		hashset_clear(s);
	free(s);
}

size_t hashset_bytes(const struct hashset *s)
{
	if (s->form == IS_HLL)
		return sizeof *s + hll_bytes(s->hll);
	return sizeof *s + (s->form == IS_FEW ? 0 : sizeof *s->table << s->form);
}

bool hashset_is_exact(const struct hashset *s)
{
	return s->form != IS_HLL;
}

uint64_t hashset_count(const struct hashset *s)
{
	return s->form == IS_HLL ? hll_count(s->hll) : s->n;
}

/* Where the hashes of few or table are, empty places (0) included; the hash 0 is not there. */
static const uint64_t *hash_places(const struct hashset *s, size_t *n)
{
	*n = s->form == IS_FEW ? FEW : (size_t)1 << s->form;
	return s->form == IS_FEW ? s->few : s->table;
}

/* The place of the hash, or the empty one where it belongs. */
static inline uint64_t *table_find(uint64_t *table, unsigned bits, uint64_t hash)
{
	size_t mask = ((size_t)1 << bits) - 1, i = hash >> (64 - bits);
	while (table[i] && table[i] != hash)
		i = (i + 1) & mask;
	return &table[i];
}

static void to_table(struct hashset *s, unsigned bits)
{
	size_t places;
	uint64_t *table = mem_array((size_t)1 << bits, sizeof *table);
	const uint64_t *from = hash_places(s, &places);
	for (size_t i = 0; i < places; i++)
		if (from[i])
			*table_find(table, bits, from[i]) = from[i];
	if (s->form != IS_FEW)
		free(s->table);
	s->table = table;
	s->form = (uint8_t)bits;
}

static void to_hll(struct hashset *s)
{
	size_t places;
	const uint64_t *from = hash_places(s, &places);
	struct hll *hll = hll_new();
	if (s->zero)
		hll_add(hll, 0);
	for (size_t i = 0; i < places; i++)
		if (from[i])
			hll_add(hll, from[i]);
	hashset_clear(s);
	s->hll = hll;
	s->form = IS_HLL;
}

/* Makes room for n hashes in all, n at most EXACT_MAX. */
static void reserve_exact(struct hashset *s, size_t n)
{
	unsigned bits = s->form == IS_FEW ? TABLE_BITS_MIN : s->form;
	if (s->form == IS_FEW && n <= FEW)
		return;
	while (n * 4 > (size_t)3 << bits)
		bits++;
	if (bits != s->form)
		to_table(s, bits);
}

/* The place of a hash other than 0, or an empty one for it; NULL: all of few are taken. */
static uint64_t *exact_find(struct hashset *s, uint64_t hash)
{
	if (s->form != IS_FEW)
		return table_find(s->table, s->form, hash);
	for (size_t i = 0; i < FEW; i++)
		if (s->few[i] == 0 || s->few[i] == hash)
			return &s->few[i];
	return NULL;
}

void hashset_add(struct hashset *s, uint64_t hash)
{
	if (s->form == IS_HLL) {
		hll_add(s->hll, hash);
		return;
	}
	const uint64_t *place = hash ? exact_find(s, hash) : NULL;
	if (hash ? place && *place : s->zero)
		return;
	if (s->n == HASHSET_EXACT_MAX) {
		to_hll(s);
		hll_add(s->hll, hash);
		return;
	}
	s->n++;
	s->zero |= hash == 0;
	if (hash) {
		reserve_exact(s, s->n);
		*exact_find(s, hash) = hash;
	}
}

void hashset_prefetch(const struct hashset *s, uint64_t hash)
{
	if (s->form == IS_HLL)
		hll_prefetch(s->hll, hash);
	else if (s->form != IS_FEW)
		__builtin_prefetch(&s->table[hash >> (64 - s->form)], 1);
}

void hashset_merge(struct hashset *into, const struct hashset *from)
{
	if (into == from)
		return;
	if (from->form == IS_HLL) {
		if (into->form != IS_HLL)
			to_hll(into);
		hll_merge(into->hll, from->hll);
		return;
	}
	size_t places, all = (size_t)into->n + from->n;
	const uint64_t *hash = hash_places(from, &places);
	if (into->form != IS_HLL)
		reserve_exact(into, all < HASHSET_EXACT_MAX ? all : HASHSET_EXACT_MAX);
	if (from->zero)
		hashset_add(into, 0);
	for (size_t i = 0; i < places; i++)
		if (hash[i])
			hashset_add(into, hash[i]);
}

static void insertion_sort(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t k = i;
		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static void encode_exact(const struct hashset *s, struct buf *out)
{
	uint64_t sorted[HASHSET_EXACT_MAX];
	size_t n = 0, places;
	const uint64_t *from = hash_places(s, &places);
	if (s->zero)
		sorted[n++] = 0;
	for (size_t i = 0; i < places; i++)
		if (from[i])
			sorted[n++] = from[i];
	insertion_sort(sorted, n);
	char *to = buf_room(out, n * HASH_BYTES);
	for (size_t i = 0; i < n; i++, to += HASH_BYTES) {
		uint64_t big_endian = __builtin_bswap64(sorted[i]);
		memcpy(to, &big_endian, HASH_BYTES);
	}
	out->n += n * HASH_BYTES;
}

void hashset_encode(const struct hashset *s, struct buf *out)
{
	buf_addc(out, s->form == IS_HLL ? FORM_HLL : FORM_EXACT);
	if (s->form == IS_HLL)
		hll_encode(s->hll, out);
	else
		encode_exact(s, out);
}

static struct hashset *decode_exact(const char *p, size_t n)
{
	struct hashset *s = hashset_new();
	uint64_t before = 0;
	reserve_exact(s, n);
	for (size_t i = 0; i < n; i++, p += HASH_BYTES) {
		uint64_t hash = 0;
		for (size_t b = 0; b < HASH_BYTES; b++)
			hash = hash << 8 | (unsigned char)p[b];
		if (i > 0 && hash <= before) {
			hashset_free(s);
			return NULL;
		}
		hashset_add(s, hash);
		before = hash;
	}
	return s;
}

struct hashset *hashset_decode(struct slice bytes)
{
	if (bytes.n == 0)
		return NULL;
	struct slice rest = slice(bytes.p + 1, bytes.n - 1);
	if (*bytes.p == FORM_EXACT && rest.n % HASH_BYTES == 0 &&
	    rest.n / HASH_BYTES <= HASHSET_EXACT_MAX)
		return decode_exact(rest.p, rest.n / HASH_BYTES);
	struct hll *hll = *bytes.p == FORM_HLL ? hll_decode(rest) : NULL;
	if (!hll)
		return NULL;
	struct hashset *s = hashset_new();
	s->hll = hll;
	s->form = IS_HLL;
	return s;
}
