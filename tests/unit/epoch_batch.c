/* The ledger: each key once, in key order, deltas added up, sketches merged; and what drivers
 * share. */
#include "sink/epoch_batch.h"

#include <string.h>

#include "base/hash.h"
#include "sink/sink_metrics.h"
#include "sketch/hll.h"
#include "tap.h"

static struct rollup row(bool add, const char *metric, int64_t start_s, unsigned char hash,
			 uint64_t count, dec sum)
{
	struct rollup r = {
		.add = add,
		.metric = slice_z(metric),
		.start_us = start_s * 1000000,
		.end_us = (start_s + 60) * 1000000,
		.dims = slice_z("{}"),
		.count = count,
		.has_value = true,
		.value_count = count,
		.sum = sum,
		.min = sum,
		.max = sum,
	};

	memset(r.dims_hash, hash, sizeof(r.dims_hash));
	return r;
}

static void test_merge(void)
{
	struct epoch_batch *l = epoch_batch_new();
	struct sink_batch b = { 0 };
	struct err err = ERR_INIT;

	for (int i = 0; i < 1000; i++) {
		struct rollup r = row(true, i % 2 ? "b" : "a", (i % 5) * 60, (unsigned char)(i % 7),
				      1, (dec)i * 1000000000);

		epoch_batch_row(l, &r);
	}
	ok(epoch_batch_close(l, &b, &err) == 0, "closes");
	is_int((long long)b.rows, 70, "each key once");
	uint64_t count = 0;
	dec sum = 0;
	bool sorted = true;
	for (size_t i = 0; i < b.rows; i++) {
		count += b.row[i].count;
		sum += b.row[i].sum;
		sorted &= i == 0 || rollup_key_cmp(&b.row[i - 1], &b.row[i]) < 0;
	}
	is_int((long long)count, 1000, "nothing lost");
	ok(sum == (dec)499500 * 1000000000, "sums add up");
	ok(sorted, "in key order");
	epoch_batch_reset(l);
	ok(epoch_batch_close(l, &b, &err) == 0 && b.rows == 0, "a reset ledger is empty");
	epoch_batch_free(l);
}

/* Rows of one metric behind each other, equal in all of the key but one part: start, end, either
 * half of the hash. */
static void test_order(void)
{
	static const int64_t minute_us = 60000000;
	struct epoch_batch *l = epoch_batch_new();
	struct sink_batch b = { 0 };
	struct err err = ERR_INIT;
	bool sorted = true, summed = true;

	for (unsigned i = 0; i < 4 * 81; i++) {
		unsigned n = i * 50 % 81; /* each of 81 four times, in no order */
		struct rollup r = row(true, i % 162 < 81 ? "b" : "a", n % 3 * 60, 0xf0, 1, 1);

		r.end_us += n / 3 % 3 * minute_us;
		r.dims_hash[7] = (uint8_t)(n / 9 % 3 * 100);
		r.dims_hash[8] = (uint8_t)(n / 27 * 100);
		epoch_batch_row(l, &r);
	}
	ok(epoch_batch_close(l, &b, &err) == 0 && b.rows == 162, "each key of a run once");
	for (size_t i = 0; i < b.rows; i++) {
		sorted &= i == 0 || rollup_key_cmp(&b.row[i - 1], &b.row[i]) < 0;
		summed &= b.row[i].count == 2;
	}
	ok(sorted, "runs are in key order");
	ok(summed, "and equal keys added up");
	epoch_batch_free(l);
}

static void test_sketches(void)
{
	struct epoch_batch *l = epoch_batch_new();
	struct sink_batch b = { 0 };
	struct err err = ERR_INIT;
	struct hll *all = hll_new();

	for (int i = 0; i < 3; i++) {
		struct hll *h = hll_new();
		struct buf bytes = { 0 };
		struct rollup r = row(true, "u", 0, 1, 1, 0);

		for (int k = 0; k < 100; k++) {
			char name[16];
			int n = snprintf(name, sizeof(name), "%d", i * 50 + k);

			hll_add(h, hash_murmur64a(name, (size_t)n));
			hll_add(all, hash_murmur64a(name, (size_t)n));
		}
		hll_encode(h, &bytes);
		r.has_uniq = true;
		r.uniq = hll_count(h);
		r.sketch = buf_slice(&bytes);
		epoch_batch_row(l, &r);
		hll_free(h);
		buf_fini(&bytes);
	}
	ok(epoch_batch_close(l, &b, &err) == 0 && b.rows == 1, "one row");
	is_int((long long)b.row[0].uniq, (long long)hll_count(all), "the estimate is the union's");
	hll_free(all);
	epoch_batch_reset(l);
	struct rollup bad = row(true, "u", 0, 1, 1, 0);
	bad.has_uniq = true;
	bad.sketch = slice_z("rubbish");
	epoch_batch_row(l, &bad);
	epoch_batch_row(l, &bad);
	ok(epoch_batch_close(l, &b, &err) == -1 && err.code == EX_DATAERR &&
		   strstr(err.msg, "sketch"),
	   "rubbish is 65: %s", err.msg);
	epoch_batch_free(l);
}

static void test_sets(void)
{
	struct epoch_batch *l = epoch_batch_new();
	struct sink_batch b = { 0 };
	struct err err = ERR_INIT;
	struct rollup one = row(false, "m", 0, 1, 5, 1), other = row(false, "m", 0, 1, 6, 1);

	epoch_batch_row(l, &one);
	epoch_batch_row(l, &one);
	ok(epoch_batch_close(l, &b, &err) == 0 && b.rows == 1 && b.row[0].count == 5,
	   "the same final row twice is one");
	epoch_batch_row(l, &other);
	ok(epoch_batch_close(l, &b, &err) == -1 && err.code == EX_DATAERR,
	   "two final rows that differ are 65: %s", err.msg);
	epoch_batch_free(l);
}

/* The compare-and-set, as a table: position, from, to, wanted. */
static void test_compare(void)
{
	static const struct {
		int64_t next, from, to;
		enum sink_result want;
	} t[] = {
		{ 10, 10, 20, SINK_OK },       { 20, 10, 20, SINK_APPLIED },
		{ 25, 10, 20, SINK_APPLIED },  { 15, 10, 20, SINK_CONFLICT },
		{ 5, 10, 20, SINK_CONFLICT },  { 7, 10, 10, SINK_OK },
		{ -1, 10, 20, SINK_CONFLICT },
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct ranges r = { 0 };
		struct positions p = { 0 };
		struct range *x = ranges_add(&r, slice_z("t"), 0);
		struct sink_batch b = { .job = "j", .gen = "g", .ranges = &r };

		x->from = t[i].from;
		x->to = t[i].to;
		if (t[i].next >= 0)
			positions_add(&p, slice_z("t"), 0)->next = t[i].next;
		ok(cas_check(&b, "g", "", &p, &err) == t[i].want, "at %lld, from %lld to %lld",
		   (long long)t[i].next, (long long)t[i].from, (long long)t[i].to);
		is_int(cas_check(&b, "h", "", &p, &err), SINK_CONFLICT,
		       "another generation is a conflict, for a skip too");
		is_int(cas_check(&b, "g", "s", &p, &err), SINK_CONFLICT,
		       "rules, where the epoch has none, are a conflict");
		b.set = "s";
		is_int(cas_check(&b, "g", "", &p, &err), SINK_CONFLICT,
		       "no rules, where the epoch has some, too");
		is_int(cas_check(&b, "g", "z", &p, &err), SINK_CONFLICT, "and other rules");
		ok(cas_check(&b, "g", "s", &p, &err) == t[i].want, "the same rules are none");
		b.set = NULL;
		/* a second partition that is to be applied, beside one that is applied already,
		 * is a conflict */
		if (t[i].want == SINK_APPLIED) {
			x = ranges_add(&r, slice_z("t"), 1);
			x->from = 0;
			x->to = 1;
			positions_add(&p, slice_z("t"), 1)->next = 0;
			is_int(cas_check(&b, "g", "", &p, &err), SINK_CONFLICT,
			       "half of it is a conflict");
		}
		ranges_fini(&r);
		positions_fini(&p);
	}
}

int main(void)
{
	test_merge();
	test_order();
	test_sketches();
	test_sets();
	test_compare();
	return done();
}
