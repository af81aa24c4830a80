/* HyperLogLog in three sizes, by the number n of registers in use:
 *
 *     few     four entries inside the handle                              n <= 4
 *     table   2^bits entries, open addressing, at most 3/4 full           n <= 1536
 *     dense   one byte a register                                         beyond: the next table
 *                                                                         would be as large
 *
 * An entry's home in the table is the top bits of its register's index: indexes are bits of a
 * hash, so they spread; and the table lies almost in order, which makes the sorted list that the
 * stored forms want an insertion sort of few moves. The price: entries that come in order would
 * crowd a table that is still too small for them. Callers that add many of them make room first
 * (hll_reserve).
 *
 * The estimator is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017, algorithm 6) with the operations in the order that Redis has them: equal to
 * the last bit. */
#include "sketch/hll.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sketch/hll_internal.h"

enum { TABLE_BITS_MIN = 3, TABLE_BITS_MAX = 11 };

_Static_assert(sizeof(struct hll) == 24, "the handle fits the smallest allocation");

struct hll *hll_new(void)
{
	return mem_zalloc(sizeof(struct hll));
}

void hll_clear(struct hll *h)
{
	if (h->form == HLL_IS_DENSE)
		free(h->dense);
	else if (h->form != HLL_IS_FEW)
		free(h->table);
	*h = (struct hll){ .form = HLL_IS_FEW };
}

void hll_free(struct hll *h)
{
	if (h)
		hll_clear(h);
	free(h);
}

/* Where the entries of few or table are, holes (0) included. */
static const uint32_t *hll_places_of(const struct hll *h, size_t *n)
{
	*n = h->form == HLL_IS_FEW ? h->n : (size_t)1 << h->form;
	return h->form == HLL_IS_FEW ? h->few : h->table;
}

size_t hll_bytes(const struct hll *h)
{
	if (h->form == HLL_IS_FEW)
		return sizeof(*h);
	return sizeof(*h) +
	       (h->form == HLL_IS_DENSE ? HLL_REGISTERS : sizeof(*h->table) << h->form);
}

static inline void dense_put(struct hll *h, uint32_t index, uint32_t rank)
{
	uint8_t *reg = &h->dense[index];
	if (*reg >= rank)
		return;
	h->n = (uint16_t)(h->n + (*reg == 0));
	*reg = (uint8_t)rank;
}

/* The place of the register's entry, or the empty one where it belongs. */
static inline uint32_t *table_find(uint32_t *table, unsigned bits, uint32_t index)
{
	uint32_t mask = (1u << bits) - 1, i = index >> (HLL_BITS - bits);
	while (table[i] && table[i] >> HLL_RANK_BITS != index)
		i = (i + 1) & mask;
	return &table[i];
}

static void to_dense(struct hll *h)
{
	uint8_t *dense = mem_alloc(HLL_REGISTERS);
	uint16_t n = h->n;
	hll_registers(h, dense);
	hll_clear(h);
	h->dense = dense;
	h->n = n;
	h->form = HLL_IS_DENSE;
}

/* From few or a smaller table to one of 2^bits. */
static void to_table(struct hll *h, unsigned bits)
{
	size_t places;
	uint32_t *table = mem_array(1u << bits, sizeof(*table));
	const uint32_t *from = hll_places_of(h, &places);
	uint16_t n = h->n;
	for (size_t i = 0; i < places; i++)
		if (from[i])
			*table_find(table, bits, from[i] >> HLL_RANK_BITS) = from[i];
	hll_clear(h);
	h->table = table;
	h->n = n;
	h->form = (uint8_t)bits;
}

void hll_reserve(struct hll *h, size_t n)
{
	unsigned bits = h->form == HLL_IS_FEW ? TABLE_BITS_MIN : h->form;
	if (h->form == HLL_IS_DENSE || (h->form == HLL_IS_FEW && n <= HLL_FEW))
		return;
	while (n * 4 > (size_t)3 << bits)
		bits++;
	if (bits > TABLE_BITS_MAX)
		to_dense(h);
	else if (bits != h->form)
		to_table(h, bits);
}

static void few_put(struct hll *h, uint32_t index, uint32_t rank)
{
	uint32_t entry = index << HLL_RANK_BITS | rank;
	for (size_t i = 0; i < h->n; i++) {
		if (h->few[i] >> HLL_RANK_BITS != index)
			continue;
		h->few[i] = h->few[i] < entry ? entry : h->few[i];
		return;
	}
	if (h->n < HLL_FEW) {
		h->few[h->n++] = entry;
		return;
	}
	to_table(h, TABLE_BITS_MIN);
	hll_put(h, index, rank);
}

static inline void table_put(struct hll *h, uint32_t index, uint32_t rank)
{
	uint32_t *place = table_find(h->table, h->form, index),
		 entry = index << HLL_RANK_BITS | rank;
	if (*place) {
		*place = *place < entry ? entry : *place;
		return;
	}
	if ((h->n + 1u) * 4 <= 3u << h->form) {
		*place = entry;
		h->n++;
		return;
	}
	if (h->form < TABLE_BITS_MAX)
		to_table(h, h->form + 1u);
	else
		to_dense(h);
	hll_put(h, index, rank);
}

void hll_put(struct hll *h, uint32_t index, uint32_t rank)
{
	if (h->form == HLL_IS_DENSE)
		dense_put(h, index, rank);
	else if (h->form == HLL_IS_FEW)
		few_put(h, index, rank);
	else
		table_put(h, index, rank);
}

/* Redis' hllPatLen: the low bits are the index, the rank is the place of the lowest one of the
 * rest. */
void hll_add(struct hll *h, uint64_t hash)
{
	uint64_t rest = hash >> HLL_BITS | (uint64_t)1 << (64 - HLL_BITS);
	hll_put(h, hash & (HLL_REGISTERS - 1), (uint32_t)__builtin_ctzll(rest) + 1);
}

void hll_prefetch(const struct hll *h, uint64_t hash)
{
	uint32_t index = hash & (HLL_REGISTERS - 1);
	if (h->form == HLL_IS_DENSE)
		__builtin_prefetch(&h->dense[index], 1);
	else if (h->form != HLL_IS_FEW)
		__builtin_prefetch(&h->table[index >> (HLL_BITS - h->form)], 1);
}

/* In blocks whose count fits a byte: compilers make vectors of both loops. */
static unsigned merge_registers(uint8_t *restrict to, const uint8_t *restrict from)
{
	enum { BLOCK = 128 };
	unsigned used = 0;
	for (size_t at = 0; at < HLL_REGISTERS; at += BLOCK) {
		uint8_t of_block = 0;
		for (size_t i = at; i < at + BLOCK; i++) {
			to[i] = to[i] > from[i] ? to[i] : from[i];
			of_block = (uint8_t)(of_block + (to[i] != 0));
		}
		used += of_block;
	}
	return used;
}

void hll_merge(struct hll *into, const struct hll *from)
{
	if (into == from)
		return;
	if (from->form == HLL_IS_DENSE) {
		if (into->form != HLL_IS_DENSE)
			to_dense(into);
		into->n = (uint16_t)merge_registers(into->dense, from->dense);
		return;
	}
	size_t places;
	const uint32_t *entries = hll_places_of(from, &places);
	hll_reserve(into, from->n);
	for (size_t i = 0; i < places; i++)
		if (entries[i])
			hll_put(into, entries[i] >> HLL_RANK_BITS, entries[i] & 63);
}

static void insertion_sort(uint32_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t x = v[i];
		size_t k = i;
		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

void hll_entries(const struct hll *h, uint32_t *out)
{
	size_t n = 0, places;
	if (h->form == HLL_IS_DENSE) {
		for (uint32_t i = 0; i < HLL_REGISTERS; i++)
			if (h->dense[i])
				out[n++] = i << HLL_RANK_BITS | h->dense[i];
		return;
	}
	const uint32_t *entries = hll_places_of(h, &places);
	for (size_t i = 0; i < places; i++)
		if (entries[i])
			out[n++] = entries[i];
	insertion_sort(out, n);
}

void hll_registers(const struct hll *h, uint8_t out[HLL_REGISTERS])
{
	if (h->form == HLL_IS_DENSE) {
		memcpy(out, h->dense, HLL_REGISTERS);
		return;
	}
	size_t places;
	const uint32_t *entries = hll_places_of(h, &places);
	memset(out, 0, HLL_REGISTERS);
	for (size_t i = 0; i < places; i++)
		if (entries[i])
			out[entries[i] >> HLL_RANK_BITS] = entries[i] & 63;
}

/* How many registers have each rank. */
static void histogram(const struct hll *h, int with_rank[64])
{
	size_t places;
	memset(with_rank, 0, 64 * sizeof(*with_rank));
	if (h->form == HLL_IS_DENSE) {
		for (size_t i = 0; i < HLL_REGISTERS; i++)
			with_rank[h->dense[i]]++;
		return;
	}
	const uint32_t *entries = hll_places_of(h, &places);
	for (size_t i = 0; i < places; i++)
		with_rank[entries[i] & 63]++;
	with_rank[0] = HLL_REGISTERS - h->n;
}

static double sigma(double x)
{
	double before, y = 1, z = x;
	if (x == 1.)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (before != z);
	return z;
}

static double tau(double x)
{
	double before, y = 1, z = 1 - x;
	if (x == 0. || x == 1.)
		return 0.;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= pow(1 - x, 2) * y;
	} while (before != z);
	return z / 3;
}

uint64_t hll_count(const struct hll *h)
{
	const double m = HLL_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
	int with_rank[64];
	histogram(h, with_rank);
	double z = m * tau((m - with_rank[HLL_RANK_MAX]) / m);
	int rank = HLL_RANK_MAX - 1;
	while (z == 0. && rank >= 1 &&
	       with_rank[rank] == 0) /* most have no high ranks: half of nothing is nothing */
		rank--;
	for (; rank >= 1; rank--) {
		z += with_rank[rank];
		z *= 0.5;
	}
	z += m * sigma(with_rank[0] / m);
	return (uint64_t)llroundl(alpha * m * m / z);
}
