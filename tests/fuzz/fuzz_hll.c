/* Stored sketches: the first byte chooses the form. What is read goes through every form and
 * comes back with the same registers; ours has one encoding of them. */
#include "fuzz.h"

#include "sketch/hll.h"

static struct hll *(*const reader[])(struct slice) = { hll_decode, hll_from_redis, hll_from_pg };
enum { READERS = sizeof(reader) / sizeof(*reader) };

enum { PG_RANK_MAX = 31 };

static void check_same(const struct hll *h, struct hll *back, uint8_t rank_max)
{
	static uint8_t want[HLL_REGISTERS], got[HLL_REGISTERS];
	MUST(back);
	hll_registers(h, want);
	hll_registers(back, got);
	for (size_t i = 0; i < HLL_REGISTERS; i++)
		want[i] = want[i] < rank_max ? want[i] : rank_max;
	MUST(memcmp(want, got, sizeof(want)) == 0);
	MUST(rank_max < HLL_RANK_MAX || hll_count(h) == hll_count(back));
	hll_free(back);
}

static void check_forms(const struct hll *h)
{
	struct buf bytes = { 0 }, again = { 0 };
	struct hll *merged = hll_new();
	hll_encode(h, &bytes);
	check_same(h, hll_decode(buf_slice(&bytes)), HLL_RANK_MAX);
	hll_merge(merged, h);
	hll_merge(merged, h);
	hll_encode(merged, &again);
	MUST(slice_eq(buf_slice(&bytes), buf_slice(&again)));
	bytes.n = 0;
	hll_to_redis(h, &bytes);
	check_same(h, hll_from_redis(buf_slice(&bytes)), HLL_RANK_MAX);
	bytes.n = 0;
	hll_to_pg(h, &bytes);
	check_same(h, hll_from_pg(buf_slice(&bytes)), PG_RANK_MAX);
	hll_free(merged);
	buf_fini(&bytes);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice bytes = slice((const char *)data, n);
	struct hll *h = reader[fuzz_byte(&bytes) % READERS](bytes);
	if (!h)
		return 0;
	check_forms(h);
	hll_add(h, 0x123456789abcdef0);
	check_forms(h);
	hll_free(h);
	return 0;
}
