/* The stored forms. Bit layouts:
 *
 *     ours, sparse   01 | (index << 6 | rank) 3 bytes big-endian, ascending ...
 *     ours, dense    02 | registers, 6 bits each, the first in the lowest bits of the first
 *                    byte: 4 registers in 3 bytes
 *     redis          "HYLL", encoding (0 dense, 1 sparse), 3 zeros, 8 bytes estimate (top bit of
 *                    the last: stale), then
 *                    dense as ours, or runs: 00nnnnnn n+1 zeros, 01nnnnnn nnnnnnnn n+1 zeros,
 *                    1vvvvvnn n+1 registers of v+1
 *     pg             version 1 << 4 | type, (regwidth - 1) << 5 | log2m, sparse on << 6 |
 *                    threshold (63: automatic), then
 *                    SPARSE (3): 14 bits index, 5 bits rank, ascending, highest bits first; FULL
 *                    (4): 5 bits a register
 *                    likewise; EMPTY (1): nothing; EXPLICIT (2): the elements' hashes, 8 bytes
 *                    each */
#include "sketch/hll.h"

#include "sketch/hll_internal.h"

enum { ENTRY_BYTES = 3, SIX_BYTES = HLL_REGISTERS / 4 * 3, SPARSE_BELOW = SIX_BYTES / ENTRY_BYTES };
enum { FORM_SPARSE = 1, FORM_DENSE = 2 };
enum {
	REDIS_HEAD = 16,
	REDIS_SPARSE_MAX = 100,
	REDIS_SMALLER_MAX = 3000,
	REDIS_SPARSE_RANK_MAX = 32,
};
enum {
	PG_HEAD = 3,
	PG_EMPTY = 1,
	PG_EXPLICIT = 2,
	PG_SPARSE = 3,
	PG_FULL = 4,
	PG_WIDTH = 5,
	PG_RANK_MAX = 31,
};
static const uint8_t pg_settings[] = { (PG_WIDTH - 1) << 5 | HLL_BITS, 1 << 6 | 63 };

static void add_six(const struct hll *h, struct buf *out)
{
	uint8_t r[HLL_REGISTERS], *to = (uint8_t *)buf_room(out, SIX_BYTES);
	hll_registers(h, r);
	for (size_t i = 0; i < HLL_REGISTERS; i += 4, to += 3) {
		uint32_t v = r[i] | (uint32_t)r[i + 1] << 6 | (uint32_t)r[i + 2] << 12 |
			     (uint32_t)r[i + 3] << 18;
		to[0] = (uint8_t)v;
		to[1] = (uint8_t)(v >> 8);
		to[2] = (uint8_t)(v >> 16);
	}
	out->n += SIX_BYTES;
}

/* Registers -> sketch; NULL if one is no rank. */
static struct hll *from_registers(const uint8_t r[HLL_REGISTERS])
{
	size_t used = 0;
	for (size_t i = 0; i < HLL_REGISTERS; i++) {
		if (r[i] > HLL_RANK_MAX)
			return NULL;
		used += r[i] != 0;
	}
	struct hll *h = hll_new();
	hll_reserve(h, used);
	if (h->form == HLL_IS_DENSE) {
		memcpy(h->dense, r, HLL_REGISTERS);
		h->n = (uint16_t)used;
		return h;
	}
	for (uint32_t i = 0; i < HLL_REGISTERS; i++)
		if (r[i])
			hll_put(h, i, r[i]);
	return h;
}

static struct hll *from_six(const uint8_t *p)
{
	uint8_t r[HLL_REGISTERS];
	for (size_t i = 0; i < HLL_REGISTERS; i += 4, p += 3) {
		uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
		for (size_t k = 0; k < 4; k++)
			r[i + k] = v >> 6 * k & 63;
	}
	return from_registers(r);
}

void hll_encode(const struct hll *h, struct buf *out)
{
	if (h->n >= SPARSE_BELOW) {
		buf_addc(out, FORM_DENSE);
		add_six(h, out);
		return;
	}
	uint32_t entries[SPARSE_BELOW];
	hll_entries(h, entries);
	buf_addc(out, FORM_SPARSE);
	char *to = buf_room(out, (size_t)h->n * ENTRY_BYTES);
	for (size_t i = 0; i < h->n; i++) {
		*to++ = (char)(entries[i] >> 16);
		*to++ = (char)(entries[i] >> 8);
		*to++ = (char)entries[i];
	}
	out->n += (size_t)h->n * ENTRY_BYTES;
}

static struct hll *decode_sparse(const uint8_t *p, size_t n)
{
	struct hll *h = hll_new();
	uint32_t next = 0;
	hll_reserve(h, n < HLL_REGISTERS ? n : HLL_REGISTERS);
	for (; n > 0; n--, p += ENTRY_BYTES) {
		uint32_t entry = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		uint32_t index = entry >> HLL_RANK_BITS, rank = entry & 63;
		if (index < next || index >= HLL_REGISTERS || rank < 1 || rank > HLL_RANK_MAX) {
			hll_free(h);
			return NULL;
		}
		hll_put(h, index, rank);
		next = index + 1;
	}
	return h;
}

struct hll *hll_decode(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	if (bytes.n == 0)
		return NULL;
	if (p[0] == FORM_SPARSE && (bytes.n - 1) % ENTRY_BYTES == 0)
		return decode_sparse(p + 1, (bytes.n - 1) / ENTRY_BYTES);
	if (p[0] == FORM_DENSE && bytes.n == 1 + SIX_BYTES)
		return from_six(p + 1);
	return NULL;
}

/* ---- redis */

static void redis_zeros(struct buf *out, uint32_t n)
{
	if (n > 64) {
		buf_addc(out, (char)(0x40 | (n - 1) >> 8));
		buf_addc(out, (char)(n - 1));
	} else if (n > 0) {
		buf_addc(out, (char)(n - 1));
	}
}

/* A run of equal ranks: at most four registers an opcode. */
static void redis_runs(const uint32_t *entries, size_t n, struct buf *out)
{
	uint32_t next = 0;
	for (size_t i = 0; i < n;) {
		size_t run = 1;
		while (run < 4 && i + run < n &&
		       entries[i + run] == entries[i] + (run << HLL_RANK_BITS))
			run++;
		redis_zeros(out, (entries[i] >> HLL_RANK_BITS) - next);
		buf_addc(out, (char)(0x80 | ((entries[i] & 63) - 1) << 2 | (run - 1)));
		next = (entries[i] >> HLL_RANK_BITS) + (uint32_t)run;
		i += run;
	}
	redis_zeros(out, HLL_REGISTERS - next);
}

static const char redis_head[] = "HYLL\0\0\0\0\0\0\0\0\0\0\0\200",
		  redis_sparse_head[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\200";

static bool redis_sparse(const struct hll *h, size_t most, struct buf *out)
{
	uint32_t entries[REDIS_SMALLER_MAX];
	if (h->n > most)
		return false;
	hll_entries(h, entries);
	for (size_t i = 0; i < h->n; i++)
		if ((entries[i] & 63) > REDIS_SPARSE_RANK_MAX)
			return false;
	buf_add(out, redis_sparse_head, REDIS_HEAD);
	redis_runs(entries, h->n, out);
	return true;
}

bool hll_to_redis_sparse(const struct hll *h, struct buf *out)
{
	return redis_sparse(h, REDIS_SMALLER_MAX, out);
}

void hll_to_redis(const struct hll *h, struct buf *out)
{
	if (redis_sparse(h, REDIS_SPARSE_MAX, out))
		return;
	buf_add(out, redis_head, REDIS_HEAD);
	add_six(h, out);
}

/* The 8 bytes, as a little-endian number, that hash_murmur64a takes to hash: its steps
 * backwards. Multiplication by an odd number has an inverse, and x ^ x >> 47 undoes itself. */
static uint64_t unhash(uint64_t hash)
{
	const uint64_t m = 0xc6a4a7935bd1e995, inverse = 0x5f7a0ea7e59b19bd,
		       start = 0xadc83b19 ^ 8 * m;
	hash ^= hash >> 47;
	hash *= inverse;
	hash ^= hash >> 47;
	uint64_t k = (hash * inverse ^ start) * inverse;
	k ^= k >> 47;
	return k * inverse;
}

bool hll_to_elements(const struct hll *h, size_t most, struct buf *out)
{
	uint32_t entries[HLL_REGISTERS];
	if (h->n > most)
		return false;
	hll_entries(h, entries);
	for (size_t i = 0; i < h->n; i++) {
		uint32_t rank = entries[i] & 63;
		uint64_t k = unhash(
			entries[i] >> HLL_RANK_BITS |
			(rank < HLL_RANK_MAX ? (uint64_t)1 << (HLL_BITS + rank - 1) : 0));
		char *p = buf_room(out, sizeof(k));
		for (size_t b = 0; b < sizeof(k); b++)
			p[b] = (char)(k >> 8 * b);
		out->n += sizeof(k);
	}
	return true;
}

/* Opcodes -> registers; false unless they are exactly all. */
static bool read_redis_runs(const uint8_t *p, const uint8_t *end, uint8_t r[HLL_REGISTERS])
{
	size_t at = 0;
	while (p < end) {
		uint8_t op = *p++, rank = 0;
		size_t run = (op & 63) + 1u;
		if (op & 0x80) {
			rank = (op >> 2 & 31) + 1;
			run = (op & 3) + 1u;
		} else if (op & 0x40) {
			if (p == end)
				return false;
			run = ((size_t)(op & 63) << 8 | *p++) + 1;
		}
		if (run > HLL_REGISTERS - at)
			return false;
		memset(r + at, rank, run);
		at += run;
	}
	return at == HLL_REGISTERS;
}

struct hll *hll_from_redis(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	uint8_t r[HLL_REGISTERS];
	if (bytes.n < REDIS_HEAD || memcmp(p, "HYLL", 4) != 0)
		return NULL;
	if (p[4] == 0)
		return bytes.n == REDIS_HEAD + SIX_BYTES ? from_six(p + REDIS_HEAD) : NULL;
	return p[4] == 1 && read_redis_runs(p + REDIS_HEAD, p + bytes.n, r) ? from_registers(r)
									    : NULL;
}

/* ---- postgresql-hll */

/* Bits, highest first, to or from bytes. */
struct bits {
	uint8_t *to;
	const uint8_t *from;
	uint32_t held;
	unsigned n;
};

static void put_bits(struct bits *b, uint32_t v, unsigned n)
{
	b->held = b->held << n | v;
	for (b->n += n; b->n >= 8; b->n -= 8)
		*b->to++ = (uint8_t)(b->held >> (b->n - 8));
}

static uint32_t get_bits(struct bits *b, unsigned n)
{
	for (; b->n < n; b->n += 8)
		b->held = b->held << 8 | *b->from++;
	b->n -= n;
	return b->held >> b->n & ((1u << n) - 1);
}

static uint32_t pg_rank(uint32_t rank)
{
	return rank < PG_RANK_MAX ? rank : PG_RANK_MAX;
}

void hll_to_pg(const struct hll *h, struct buf *out)
{
	uint32_t entries[HLL_REGISTERS], next = 0;
	size_t sparse_bytes = ((size_t)h->n * (HLL_BITS + PG_WIDTH) + 7) / 8,
	       full_bytes = HLL_REGISTERS * PG_WIDTH / 8;
	bool full = sparse_bytes >= full_bytes;
	hll_entries(h, entries);
	buf_addc(out, (char)(1 << 4 | (h->n == 0 ? PG_EMPTY : full ? PG_FULL : PG_SPARSE)));
	buf_add(out, pg_settings, sizeof(pg_settings));
	struct bits b = { .to = (uint8_t *)buf_room(out, full ? full_bytes : sparse_bytes) };
	for (size_t i = 0; i < h->n; i++) {
		uint32_t index = entries[i] >> HLL_RANK_BITS;
		if (full)
			for (; next < index; next++)
				put_bits(&b, 0, PG_WIDTH);
		else
			put_bits(&b, index, HLL_BITS);
		put_bits(&b, pg_rank(entries[i] & 63), PG_WIDTH);
		next = index + 1;
	}
	for (; full && next < HLL_REGISTERS; next++)
		put_bits(&b, 0, PG_WIDTH);
	if (b.n)
		put_bits(&b, 0, 8 - b.n);
	out->n += full ? full_bytes : sparse_bytes;
}

static struct hll *read_pg_sparse(const uint8_t *p, size_t n, uint8_t r[HLL_REGISTERS])
{
	struct bits b = { .from = p };
	for (size_t left = n * 8 / (HLL_BITS + PG_WIDTH); left > 0; left--) {
		uint32_t index = get_bits(&b, HLL_BITS);
		r[index] = (uint8_t)get_bits(&b, PG_WIDTH);
	}
	return from_registers(r);
}

static struct hll *read_pg_full(const uint8_t *p, uint8_t r[HLL_REGISTERS])
{
	struct bits b = { .from = p };
	for (size_t i = 0; i < HLL_REGISTERS; i++)
		r[i] = (uint8_t)get_bits(&b, PG_WIDTH);
	return from_registers(r);
}

/* Elements' hashes, which the type keeps while they are few. One whose upper bits are all zero
 * has no rank there. */
static struct hll *read_pg_explicit(const uint8_t *p, size_t n)
{
	struct hll *h = hll_new();
	for (; n > 0; n--, p += 8) {
		uint64_t hash = 0;
		for (size_t i = 0; i < 8; i++)
			hash = hash << 8 | p[i];
		if (hash >> HLL_BITS)
			hll_put(h, hash & (HLL_REGISTERS - 1),
				pg_rank((uint32_t)__builtin_ctzll(hash >> HLL_BITS) + 1));
	}
	return h;
}

struct hll *hll_from_pg(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	uint8_t r[HLL_REGISTERS] = { 0 };
	if (bytes.n < PG_HEAD || p[0] >> 4 != 1 || p[1] != pg_settings[0])
		return NULL;
	size_t n = bytes.n - PG_HEAD;
	switch (p[0] & 15) {
	case PG_EMPTY:
		return n == 0 ? hll_new() : NULL;
	case PG_EXPLICIT:
		return n % 8 == 0 ? read_pg_explicit(p + PG_HEAD, n / 8) : NULL;
	case PG_SPARSE:
		return n * 8 % (HLL_BITS + PG_WIDTH) < 8 ? read_pg_sparse(p + PG_HEAD, n, r) : NULL;
	case PG_FULL:
		return n == HLL_REGISTERS * PG_WIDTH / 8 ? read_pg_full(p + PG_HEAD, r) : NULL;
	default:
		return NULL;
	}
}
