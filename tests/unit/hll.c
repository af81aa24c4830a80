/* Elements are "k0", "k1" and so on. What is expected was seen on real servers: counts and
 * registers are those of PFCOUNT and GET after PFADD (Redis 7.0.15), which also took our strings
 * in SET and PFMERGE; the pg bytes are those that postgresql-hll 2.17 stores and gives back
 * after hll_union. Long ones stand here as their XXH3-128. */
#include "sketch/hll.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tap.h"

static const struct golden {
	unsigned n, count;
	const char *ours, *redis, *pg;
} goldens[] = {
	{ 0, 0, "51025a4491835505e12ef9d2eb86ceeb", "e03c735640291903382b9fd87877e9be",
	  "2975cbd809a9d4a66469b63b693bb5b0" },
	{ 1, 1, "f2a06aad4879a47d61c4639936b52aec", "c9d97527ebd76445cadbf20fbef8d487",
	  "01f7e66771239dd1b79d898ae39a2eaa" },
	{ 4, 4, "8af69c46e8988755254b2d2583ea3504", "cb8380efe0bdd99eb57a4e2f3415a6f0",
	  "4bc56b97f8f5715c3234373899af7623" },
	{ 5, 5, "c93fb400533d865b5819a4d40778d904", "839965696a664ca3b4e25a76a88efc10",
	  "04468e297bb8ab213ae21fa0608521bc" },
	{ 100, 100, "4d94685850990def53ac13ce8b781fee", "76b3af8dc75981770185d73c4d6c6e60",
	  "5b97e04ca8ee1f4a773b6619e8bb9da8" },
	{ 101, 101, "f1fd17e2cb03761fa468c64736494bb9", "00a6e2a5359cd790fa7be066c096933b",
	  "9cbc207487abacd7270ccc7439f98634" },
	{ 1000, 998, "c9dcd275d82d3b783a2ba2bfbe1ba067", "4a312e5e44bdc8c4258851827193fc85",
	  "4c9c21c3e3f32e8bbecacbb2f1dd1b82" },
	{ 1600, 1577, "96e13f29d3dff800db4823ba0cdae08b", "0539cc4368a3aa0912c2515f0e121114",
	  "04666f2468879b3631b46ea3c98b86d8" },
	{ 3000, 2988, "86d3166de92abd61f5c29ac86190d66d", "e3860c07c112f6cd2a5f1e572e21a174",
	  "c5671a78c8da43ce700e9eb318694b9b" },
	{ 5000, 4993, "ce70dccd10666eb9e51716697cab9139", "5db66db844adf679c221089f41d28b84",
	  "dbac0140a6dc1549e19fb8ad9ea78f1b" },
	{ 20000, 20107, "c03e64bc5d42a44e1579e724050d6546", "072e8d36c3968087426acca08cd48cf5",
	  "a763bcfc772438ed4bc80dccbd107f1a" },
	{ 300000, 300288, "0ff5048d4a945c7ca332ab6e60f88e3f", "dc0a4395656b0d6c7d471654ea7797f8",
	  "71e849388e9afeccb06abdaae241db71" },
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct hll *add_range(struct hll *h, unsigned from, unsigned to)
{
	char text[16];
	for (unsigned i = from; i < to; i++)
		hll_add(h, hash_murmur64a(text, (size_t)snprintf(text, sizeof text, "k%u", i)));
	return h;
}

static struct hll *of(unsigned n)
{
	return add_range(hll_new(), 0, n);
}

static void is_digest(const struct buf *bytes, const char *want, const char *name)
{
	unsigned char h[16];
	struct buf hex = { 0 };
	hash_128(bytes->p, bytes->n, h);
	buf_hex(&hex, h, sizeof h);
	is_str(buf_z(&hex), want, name);
	buf_fini(&hex);
}

static bool same(const struct hll *a, const struct hll *b)
{
	uint8_t ra[HLL_REGISTERS], rb[HLL_REGISTERS];
	struct buf ea = { 0 }, eb = { 0 };
	hll_registers(a, ra);
	hll_registers(b, rb);
	hll_encode(a, &ea);
	hll_encode(b, &eb);
	bool equal = memcmp(ra, rb, sizeof ra) == 0 && slice_eq(buf_slice(&ea), buf_slice(&eb)) &&
		     hll_count(a) == hll_count(b);
	buf_fini(&ea);
	buf_fini(&eb);
	return equal;
}

/* Reads a heap copy of exactly that size: a read beyond it is seen by the sanitizer. */
static struct hll *read_copy(struct hll *(*read)(struct slice), struct slice bytes)
{
	char *copy = mem_alloc(bytes.n);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	struct hll *h = read(slice(copy, bytes.n));
	free(copy);
	return h;
}

static void there_and_back(const struct hll *h, void (*write)(const struct hll *, struct buf *),
			   struct hll *(*read)(struct slice), const char *want, const char *name)
{
	struct buf b = { 0 };
	buf_addc(&b, 'x'); /* writers append */
	write(h, &b);
	memmove(b.p, b.p + 1, --b.n);
	is_digest(&b, want, name);
	struct hll *back = read_copy(read, buf_slice(&b));
	ok(back && same(back, h), "and back");
	hll_free(back);
	buf_fini(&b);
}

static void forms(void)
{
	for (size_t i = 0; i < COUNT(goldens); i++) {
		const struct golden *g = &goldens[i];
		struct hll *h = of(g->n);
		is_int(hll_count(h), g->count, "the count of Redis");
		there_and_back(h, hll_encode, hll_decode, g->ours, "encode");
		there_and_back(h, hll_to_redis, hll_from_redis, g->redis, "redis");
		there_and_back(h, hll_to_pg, hll_from_pg, g->pg, "pg");
		hll_free(h);
	}
}

/* What merges a sketch into one that has other registers, some higher, some lower. */
static void elements(void)
{
	for (size_t i = 0; i < COUNT(goldens); i++) {
		struct hll *h = of(goldens[i].n), *other = of(700), *merged = of(700);
		struct buf b = { 0 };
		hll_merge(merged, h);
		ok(hll_to_elements(h, HLL_REGISTERS, &b) && b.n % 8 == 0, "elements of %u",
		   goldens[i].n);
		for (size_t at = 0; at < b.n; at += 8)
			hll_add(other, hash_murmur64a(b.p + at, 8));
		ok(same(other, merged), "adding them is the merge");
		b.n = 0;
		ok(hll_to_elements(h, 0, &b) == (goldens[i].n == 0) && b.n == 0,
		   "none where fewer are asked for");
		if (hll_to_redis_sparse(h, &b)) {
			struct hll *back = read_copy(hll_from_redis, buf_slice(&b));
			ok(back && same(back, h) && b.n < 12304, "sparse, in %zu bytes", b.n);
			hll_free(back);
		} else {
			ok(goldens[i].n > 3000 && b.n == 0, "no shorter form");
		}
		hll_free(h);
		hll_free(other);
		hll_free(merged);
		buf_fini(&b);
	}
}

static void elements_of_every_rank(void)
{
	struct hll *h = hll_new(), *other = hll_new();
	struct buf b = { 0 };
	for (unsigned rank = 1; rank <= HLL_RANK_MAX; rank++)
		hll_add(h, rank * 321 | (rank < HLL_RANK_MAX ? (uint64_t)1 << (HLL_BITS + rank - 1)
							     : 0));
	ok(hll_to_elements(h, HLL_RANK_MAX, &b) && b.n == 8 * HLL_RANK_MAX,
	   "an element for each rank");
	for (size_t at = 0; at < b.n; at += 8)
		hll_add(other, hash_murmur64a(b.p + at, 8));
	ok(same(other, h), "adding them is the sketch");
	b.n = 0;
	ok(!hll_to_redis_sparse(h, &b) && b.n == 0, "the sparse form cannot hold them");
	hll_free(h);
	hll_free(other);
	buf_fini(&b);
}

static void short_ones(void)
{
	struct hll *h = of(3);
	struct buf b = { 0 }, hex = { 0 };
	hll_encode(h, &b);
	buf_hex(&hex, b.p, b.n);
	is_str(buf_z(&hex), "010634410a28010b0681", "three elements, encoded");
	b.n = hex.n = 0;
	hll_to_redis(h, &b);
	buf_hex(&hex, b.p, b.n);
	is_str(buf_z(&hex),
	       "48594c4c01000000"
	       "0000000000000080"
	       "58d0804fcd8043788053e4",
	       "as Redis has it but for the cached count");
	b.n = hex.n = 0;
	hll_to_pg(h, &b);
	buf_hex(&hex, b.p, b.n);
	is_str(buf_z(&hex), "138e7f6344345006c1a080", "as postgresql-hll has it");
	hll_free(h);
	buf_fini(&b);
	buf_fini(&hex);
}

static void histories(void)
{
	static const unsigned sizes[] = { 0,  1,   3,    4,    5,    6,    7,   12,
					  13, 200, 1500, 1536, 1700, 4000, 6000 };
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct hll *all = of(sizes[i]), *twice = of(sizes[i]);
		ok(same(add_range(twice, 0, sizes[i]), all), "%u elements twice", sizes[i]);
		for (size_t k = 0; k <= i; k++) {
			struct hll *left = of(sizes[k]),
				   *right = add_range(hll_new(), sizes[k] / 2, sizes[i]);
			hll_merge(left, right);
			bool forth = same(left, all);
			hll_clear(left);
			hll_merge(right, add_range(left, 0, sizes[k]));
			ok(forth && same(right, all), "%u and %u elements merged, both ways",
			   sizes[k], sizes[i]);
			hll_merge(right, right);
			hll_free(left);
			hll_free(right);
		}
		hll_free(all);
		hll_free(twice);
	}
}

static void memory(void)
{
	struct hll *h = hll_new();
	is_int(hll_bytes(add_range(h, 0, 4)), 24, "four elements stay in the handle");
	ok(hll_bytes(add_range(h, 4, 50)) <= 24 + 512, "50 elements: at most 512 bytes more");
	ok(hll_bytes(add_range(h, 50, 100000)) == 24 + HLL_REGISTERS,
	   "never more than the registers");
	hll_clear(h);
	ok(hll_bytes(h) == 24 && hll_count(h) == 0, "cleared");
	hll_free(h);
	hll_free(NULL);
}

static void high_ranks(void)
{
	struct hll *h = hll_new(), *back;
	struct buf b = { 0 };
	uint8_t r[HLL_REGISTERS];
	hll_add(h, 0);
	hll_add(h, 1 | (uint64_t)1 << (14 + 31));
	hll_registers(h, r);
	ok(r[0] == 51 && r[1] == 32 && r[2] == 0, "ranks of hashes with many zeros");
	hll_to_redis(h, &b);
	is_int(b.n, 16 + 12288, "Redis' sparse form has no rank above 32");
	back = read_copy(hll_from_redis, buf_slice(&b));
	ok(back && same(back, h), "its dense form has");
	hll_free(back);
	b.n = 0;
	hll_to_pg(h, &b);
	back = read_copy(hll_from_pg, buf_slice(&b));
	hll_registers(back, r);
	ok(r[0] == 31 && r[1] == 31, "in Postgres 31 is the highest");
	hll_free(back);
	hll_free(h);
	buf_fini(&b);
}

/* Forms that only the stores write: opcodes that we do not choose, hashes kept one by one. */
static void foreign(void)
{
	static const char native[] = "HYLL\1\0\0\0\3\0\0\0\0\0\0\0"
				     "\x58\xd0\x80\x4f\xcd\x80\x43\x78\x80\x53\xe4";
	static const char runs[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\0"
				   "\x00\x87\x3f\x7f\xba";
	static const char explicit[] = "\x12\x8e\x7f"
				       "\0\0\0\0\0\0\x80\x05"
				       "\0\0\0\0\0\0\0\x06"
				       "\x80\0\0\0\0\0\0\x07";
	struct hll *three = of(3), *h = read_copy(hll_from_redis, slice(native, sizeof native - 1));
	uint8_t r[HLL_REGISTERS];
	ok(h && same(h, three), "what Redis wrote");
	hll_free(three);
	hll_free(h);
	h = read_copy(hll_from_redis, slice(runs, sizeof runs - 1));
	if (ok(h != NULL, "runs of four and of zeros")) {
		hll_registers(h, r);
		ok(r[0] == 0 && r[1] == 2 && r[4] == 2 && r[5] == 0, "registers of a run");
	}
	hll_free(h);
	h = read_copy(hll_from_pg, slice(explicit, sizeof explicit - 1));
	if (ok(h != NULL, "pg: explicit")) {
		hll_registers(h, r);
		ok(r[5] == 2 && r[6] == 0 && r[7] == 31, "registers of explicit hashes");
	}
	hll_free(h);
}

static void refuse(struct hll *(*read)(struct slice), struct slice bytes, const char *name)
{
	struct hll *h = read_copy(read, bytes);
	ok(!h, "refused: %s", name);
	hll_free(h);
}

/* Of a good one: each shorter length, and one byte more. */
static void cuts(struct hll *(*read)(struct slice), void (*write)(const struct hll *, struct buf *),
		 unsigned n, size_t step, const char *name)
{
	struct hll *h = of(n);
	struct buf b = { 0 };
	size_t taken = 0;
	write(h, &b);
	for (size_t len = 0; len < b.n; len++) {
		struct hll *cut = read_copy(read, slice(b.p, len));
		taken += cut && !(step && len > 0 && (len - 1) % step == 0);
		hll_free(cut);
	}
	buf_addc(&b, 0);
	struct hll *more = read_copy(read, buf_slice(&b));
	ok(taken == 0 && !more, "%s: no cut and no tail is taken", name);
	hll_free(more);
	hll_free(h);
	buf_fini(&b);
}

static void bad_bytes(void)
{
	refuse(hll_decode, slice("", 0), "nothing");
	refuse(hll_decode, slice("\0", 1), "unknown form");
	refuse(hll_decode, slice("\1\0\0\0", 4), "rank 0");
	refuse(hll_decode, slice("\1\0\0\x34", 4), "rank 52");
	refuse(hll_decode, slice("\1\x10\0\1", 4), "index 16384");
	refuse(hll_decode, slice("\1\0\0\x41\0\0\x41", 7), "a register twice");
	refuse(hll_decode, slice("\1\0\0\x41\0\0\1", 7), "not ascending");
	refuse(hll_from_redis, slice("HYLX\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18), "another magic");
	refuse(hll_from_redis, slice("HYLL\2\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18),
	       "unknown encoding");
	refuse(hll_from_redis, slice("HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff\x00", 19),
	       "a register too many");
	refuse(hll_from_redis, slice("HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xfe", 18),
	       "a register too few");
	refuse(hll_from_redis, slice("HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f", 17), "half an opcode");
	refuse(hll_from_pg, slice("\x21\x8e\x7f", 3), "another version");
	refuse(hll_from_pg, slice("\x11\x8b\x7f", 3), "another number of registers");
	refuse(hll_from_pg, slice("\x10\x8e\x7f", 3), "undefined");
	cuts(hll_decode, hll_encode, 100, 3, "sparse");
	cuts(hll_decode, hll_encode, 6000, 0, "dense");
	cuts(hll_from_redis, hll_to_redis, 50, 0, "redis sparse");
	cuts(hll_from_redis, hll_to_redis, 500, 0, "redis dense");
	cuts(hll_from_pg, hll_to_pg, 9000, 0, "pg full");
}

int main(void)
{
	forms();
	elements();
	elements_of_every_rank();
	short_ones();
	histories();
	memory();
	high_ranks();
	foreign();
	bad_bytes();
	return done();
}
