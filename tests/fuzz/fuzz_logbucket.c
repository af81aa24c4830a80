/* Stored log buckets: what is read is written back as the same bytes, and merging, limits and
 * quantiles hold for it. The first byte chooses a place for a value more. */
#include "fuzz.h"

#include "sketch/logbucket.h"

static void check_same(const struct logbucket *a, const struct logbucket *b)
{
	struct buf of_a = { 0 }, of_b = { 0 };
	logbucket_encode(a, &of_a);
	logbucket_encode(b, &of_b);
	MUST(slice_eq(buf_slice(&of_a), buf_slice(&of_b)));
	MUST(logbucket_count(a) == logbucket_count(b));
	buf_fini(&of_a);
	buf_fini(&of_b);
}

static void check_stored(const struct logbucket *s, struct slice bytes)
{
	struct buf again = { 0 };
	struct logbucket *merged = logbucket_new();
	logbucket_encode(s, &again);
	MUST(slice_eq(buf_slice(&again), bytes));
	logbucket_merge(merged, s);
	check_same(merged, s);
	logbucket_free(merged);
	buf_fini(&again);
}

/* A quantile is there unless the sketch is empty, and is a decimal. */
static void check_quantiles(const struct logbucket *s)
{
	struct buf text = { 0 };
	for (dec q = 0; q <= 1000000000; q += 250000000, text.n = 0) {
		dec v;
		MUST(logbucket_quantile(s, q, &text) == (logbucket_count(s) > 0));
		if (text.n == 0)
			continue;
		enum dec_result read = dec_parse_sum(buf_slice(&text), &v);
		MUST(read == DEC_OK || read == DEC_ROUNDED);
	}
	buf_fini(&text);
}

/* One value more, before or after a merge. */
static void check_order(struct slice bytes, unsigned place)
{
	struct logbucket *before = logbucket_decode(bytes), *after = logbucket_new();
	logbucket_put(before, place, 3);
	logbucket_put(after, place, 3);
	struct logbucket *s = logbucket_decode(bytes);
	logbucket_merge(after, s);
	check_same(before, after);
	logbucket_free(before);
	logbucket_free(after);
	logbucket_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice bytes = slice((const char *)data, n);
	unsigned place = fuzz_byte(&bytes) * 63;
	struct logbucket *s = logbucket_decode(bytes);
	if (!s)
		return 0;
	check_stored(s, bytes);
	check_quantiles(s);
	check_order(bytes, place);
	logbucket_free(s);
	return 0;
}
