#include "row/rollup.h"
#include "tap.h"

#include "base/tm.h"

#define KEY                                                                                      \
	"\"metric\":\"events\",\"window_start\":\"2026-11-20T15:00:00Z\",\"window_end\":\"2026-" \
	"11-20T15:01:00Z\","                                                                     \
	"\"dims\":{\"endpoint\":\"/"                                                             \
	"a\",\"status\":200},\"dims_hash\":\"3a3e2af82e33c119f953af6c4ad21bf8\""

static void test_round_trips(void)
{
	static const char *const lines[] = {
		"{\"op\":\"set\"," KEY ",\"count\":10}",
		"{\"op\":\"add\"," KEY ",\"count\":0}",
		"{\"op\":\"add\"," KEY ",\"count\":3,\"columns\":{\"count\":{\"a.avg.n\":2},"
		"\"sum\":{\"a.avg.sum\":\"1.5\"}}}",
		"{\"op\":\"set\"," KEY ",\"count\":10,\"value_count\":9,\"sum\":12.5,\"min\":0.1,"
		"\"max\":9,\"uniq\":7,\"uniq_sketch\":\"AQID\"}",
		"{\"op\":\"add\"," KEY
		",\"count\":10,\"value_count\":9,\"sum\":\"-12.5\",\"min\":\"-9.000000001\","
		"\"max\":\"0\",\"uniq\":7,\"uniq_sketch\":\"AQIDBA==\"}",
		"{\"op\":\"set\"," KEY
		",\"count\":10,\"value_count\":0,\"sum\":null,\"min\":null,\"max\":null}",
		"{\"op\":\"add\"," KEY ",\"count\":10,\"value_count\":0,\"sum\":null,\"min\":null,"
		"\"max\":null,\"uniq\":0}",
		"{\"op\":\"add\"," KEY ",\"count\":18446744073709551615,\"value_count\":2,\"sum\":"
		"\"123456789012345678901234567890.123456789\",\"min\":\"1\",\"max\":\"2\"}",
		("{\"op\":\"set\",\"metric\":\"a "
		 "\\\"b\\\"\\n\",\"window_start\":\"1970-01-01T00:00:00Z\",\"window_end\":\"1970-"
		 "01-01T00:00:00.250Z\",\"dims\":{},"
		 "\"dims_hash\":\"99aa06d3014798d86001c324468d497f\",\"count\":1}"),
	};
	struct rollup_reader r = { 0 };
	struct buf b = { 0 };
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct err err = ERR_INIT;
		struct rollup row;
		if (!ok(rollup_parse(&r, slice_z(lines[i]), &row, &err) == 0, "row %zu %s", i,
			err.msg))
			continue;
		b.n = 0;
		rollup_format(&row, true, &b);
		ok(b.n > 0 && b.p[b.n - 1] == '\n', "a line");
		is_bytes(b.p, b.n - 1, lines[i], "the same again");
	}
	struct rollup row;
	ok(rollup_parse(&r, slice_z(lines[3]), &row, NULL) == 0 && !row.add && row.count == 10 &&
		   row.value_count == 9 && row.has_value && row.has_uniq,
	   "members");
	ok(row.sum == 12500000000 && row.min == 100000000 && row.max == 9000000000 && row.uniq == 7,
	   "numbers");
	ok(slice_eq(row.sketch, slice("\1\2\3", 3)) &&
		   slice_is(row.dims, "{\"endpoint\":\"/a\",\"status\":200}"),
	   "slices");
	is_int(row.end_us - row.start_us, 60 * TM_S, "a window of a minute");
	b.n = 0;
	rollup_format(&row, false, &b);
	ok(b.n && !memmem(b.p, b.n, "uniq_sketch", 11) && memmem(b.p, b.n, "\"uniq\":7}", 9),
	   "without the sketch");
	buf_fini(&b);
	rollup_reader_fini(&r);
}

/* Another hand may have printed the row again. */
static void test_lenient(void)
{
	static const char text[] =
		" { \"x\":[1], \"op\":\"add\", \"op\":\"s\\u0065t\", \"count\":\"10\", "
		"\"value_count\":2.0, \"sum\":\"3\", \"min\":1.0, \"max\":2e0, \"uniq\":null,"
		"\"uniq_sketch\":null, \"metric\":\"a\\/b\", "
		"\"window_start\":\"2026-11-20T16:00:00+01:00\", "
		"\"window_end\":\"2026-11-20T15:01:00.000Z\","
		"\"dims\":{ \"a\" : 1 }, \"\\u0064ims_hash\":\"3A3E2AF82E33C119F953AF6C4AD21BF8\" "
		"} ";
	struct rollup_reader r = { 0 };
	struct rollup row;
	struct err err = ERR_INIT;
	ok(rollup_parse(&r, slice_z(text), &row, &err) == 0, "a row in other clothes %s", err.msg);
	ok(!row.add && row.count == 10 && row.value_count == 2 && row.sum == 3000000000 &&
		   row.max == 2000000000 && !row.has_uniq,
	   "numbers");
	ok(slice_is(row.metric, "a/b") && slice_is(row.dims, "{ \"a\" : 1 }") &&
		   row.dims_hash[0] == 0x3a,
	   "texts");
	is_int(row.end_us - row.start_us, 60 * TM_S, "times");
	is_int(rollup_parse(&r, slice_z("\xef\xbb\xbf{\"op\":\"set\"," KEY ",\"count\":10}"), &row,
			    &err),
	       0, "behind a byte order mark");
	rollup_reader_fini(&r);
}

static void test_refused(void)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "", "byte 1" },
		{ "1", "rollup row: not a JSON object" },
		{ "[{}]", "rollup row: an array" },
		{ "{", "rollup row: JSON over several lines" },
		{ "{\"op\":\"set\"", "byte 12" },
		{ "{" KEY ",\"count\":1}", "op is missing" },
		{ "{\"op\":\"del\"," KEY ",\"count\":1}", "op is neither" },
		{ "{\"op\":1," KEY ",\"count\":1}", "op is missing" },
		{ "{\"op\":\"set\"," KEY "}", "count is missing" },
		{ "{\"op\":\"set\"," KEY ",\"count\":-1}", "count is missing or not a count" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1.5}", "count is missing or not a count" },
		{ "{\"op\":\"set\"," KEY ",\"count\":true}", "count is missing or not" },
		{ "{\"op\":\"set\"," KEY ",\"metric\":\"\",\"count\":1}", "metric is empty" },
		{ "{\"op\":\"set\"," KEY ",\"metric\":null,\"count\":1}", "metric is missing" },
		{ "{\"op\":\"set\"," KEY ",\"metric\":\"\\ud800\",\"count\":1}",
		  "metric is not valid text" },
		{ "{\"op\":\"set\"," KEY ",\"window_start\":1,\"count\":1}",
		  "window_start is missing" },
		{ "{\"op\":\"set\"," KEY ",\"window_start\":\"yesterday\",\"count\":1}",
		  "window_start is not a time" },
		{ "{\"op\":\"set\"," KEY ",\"window_start\":\"2026-11-20T15:01:00Z\",\"count\":1}",
		  "window_end is not after window_start" },
		{ "{\"op\":\"set\"," KEY
		  ",\"window_start\":\"1970-01-01T00:00:00+00:01\",\"count\":1}",
		  "window_start is outside of 1970 to 2199" },
		{ "{\"op\":\"set\"," KEY ",\"window_start\":\"2200-01-01T00:00:00Z\",\"count\":1}",
		  "window_start is outside of 1970 to 2199" },
		{ "{\"op\":\"set\"," KEY
		  ",\"window_end\":\"9999-12-31T23:59:59-23:59\",\"count\":1}",
		  "window_end is too late" },
		{ "{\"op\":\"set\"," KEY ",\"dims\":[],\"count\":1}",
		  "dims is missing or not an object" },
		{ "{\"op\":\"set\"," KEY ",\"dims_hash\":\"3a3e\",\"count\":1}",
		  "dims_hash is not 32 hex" },
		{ "{\"op\":\"set\"," KEY
		  ",\"dims_hash\":\"3a3e2af82e33c119f953af6c4ad21bfg\",\"count\":1}",
		  "dims_hash is not 32 hex" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"sum\":1}",
		  "sum stands without value_count" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"max\":1}", "max stands without" },
		{ "{\"op\":\"set\"," KEY
		  ",\"count\":1,\"value_count\":2,\"sum\":1,\"min\":1,\"max\":1}",
		  "value_count is above count" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"value_count\":1,\"sum\":1,\"min\":1}",
		  "max is missing" },
		{ "{\"op\":\"set\"," KEY
		  ",\"count\":1,\"value_count\":1,\"sum\":\"one\",\"min\":1,\"max\":1}",
		  "sum is missing, not a number" },
		{ "{\"op\":\"set\"," KEY
		  ",\"count\":1,\"value_count\":1,\"sum\":1e31,\"min\":1,\"max\":1}",
		  "out of range" },
		{ "{\"op\":\"set\"," KEY
		  ",\"count\":1,\"value_count\":1,\"sum\":1,\"min\":2,\"max\":1}",
		  "max is below min" },
		{ "{\"op\":\"set\"," KEY
		  ",\"count\":1,\"value_count\":0,\"sum\":0,\"min\":null,\"max\":null}",
		  "sum stands where value_count is 0" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"uniq\":-1}",
		  "uniq is missing or not a count" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"uniq_sketch\":\"AQID\"}", "without uniq" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"uniq\":1,\"uniq_sketch\":\"AQI\"}",
		  "uniq_sketch is not base64" },
		{ "{\"op\":\"set\"," KEY ",\"count\":1,\"uniq\":1,\"uniq_sketch\":5}",
		  "uniq_sketch is missing or not a string" },
	};
	struct rollup_reader r = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;
		struct rollup row;
		ok(rollup_parse(&r, slice_z(cases[i].line), &row, &err) == -1 &&
			   err.code == EX_DATAERR,
		   "%zu is refused", i);
		ok(strstr(err.msg, cases[i].reason), "for its reason: %s", err.msg);
	}
	rollup_reader_fini(&r);
}

static struct rollup value(uint64_t count, uint64_t values, dec sum, dec min, dec max)
{
	return (struct rollup){ .count = count,
				.has_value = true,
				.value_count = values,
				.sum = sum,
				.min = min,
				.max = max };
}

static void test_add(void)
{
	struct rollup a = value(3, 2, 10, 4, 6), b = value(5, 3, -9, -5, 1),
		      none = value(2, 0, 99, 99, 99), huge = value(1, 1, 1, 1, 1), was;
	ok(rollup_add(&a, &b, NULL) && a.count == 8 && a.value_count == 5 && a.sum == 1 &&
		   a.min == -5 && a.max == 6,
	   "both have values");
	ok(rollup_add(&a, &none, NULL) && a.count == 10 && a.value_count == 5 && a.sum == 1 &&
		   a.min == -5 && a.max == 6,
	   "b has none");
	ok(rollup_add(&none, &b, NULL) && none.count == 7 && none.value_count == 3 &&
		   none.sum == -9 && none.min == -5 && none.max == 1,
	   "a has none");
	huge.sum = (dec)(~(unsigned __int128)0 >> 1);
	was = huge;
	ok(!rollup_add(&huge, &a, NULL) && memcmp(&huge, &was, sizeof(was)) == 0,
	   "a sum overflows, and nothing changes");
	huge = value(UINT64_MAX, 1, 1, 1, 1);
	ok(!rollup_add(&huge, &a, NULL) && huge.count == UINT64_MAX && huge.value_count == 1,
	   "a count overflows");
	struct rollup plain = { .count = 1 }, other = { .count = 2 };
	ok(rollup_add(&plain, &other, NULL) && plain.count == 3 && !plain.has_value,
	   "counts alone");
}

static void test_order(void)
{
	struct rollup v[6];
	for (size_t i = 0; i < 6; i++)
		v[i] = (struct rollup){
			.metric = slice_z("b"),
			.start_us = 60,
			.end_us = 120,
			.dims_hash = { 1 },
		};
	v[0].metric = slice_z("B");
	v[1].start_us = -60;
	v[3].dims_hash[0] = 0xff;
	v[4].end_us = 180;
	v[4].dims_hash[0] = 0;
	v[5].metric = slice_z("bb");
	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < 6; k++) {
			int c = rollup_key_cmp(&v[i], &v[k]);
			ok((c > 0) - (c < 0) == (i > k) - (i < k), "%zu against %zu", i, k);
		}
}

int main(void)
{
	test_round_trips();
	test_lenient();
	test_refused();
	test_add();
	test_order();
	return done();
}
