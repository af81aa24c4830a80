/* The engine: which lines count, where, and why not; any cut into blocks gives the same. */
#include "engine_rows.h"

static void check(const struct options *o, const char *text, const char *want_rows,
		  const char *want_refused, const char *name)
{
	struct plan *p = plan_of(o);
	struct engine *w = engine_new(p, o->lateness_us ? o->lateness_us : ENGINE_NO_LATENESS);
	struct buf refused = { 0 }, rows = { 0 }, got = { 0 };
	const struct engine_counts *c = engine_counts(w);
	feed(w, text, 0, &refused);
	rows_of(p, w, &rows);
	shorten(buf_slice(&rows), &got);
	is_str(buf_z(&got), want_rows, name);
	is_str(buf_z(&refused), want_refused, "and these lines are refused");
	is_int(c->lines, c->counted + c->blank + c->dead + c->late, "each line is accounted for");
	engine_free(w);
	plan_free(p);
	buf_fini(&got);
	buf_fini(&refused);
	buf_fini(&rows);
}

static void test_values(void)
{
	check(&(struct options){ .value = "v" },
	      T ",\"v\":0.1}\n" T ",\"v\":0.2}\n" T "}\n" T ",\"v\":null}\n" T
		",\"v\":-1e2}\n \n\n" T ",\"v\":5.0}\r\n",
	      START " {} 6 4 -94.7 -100 5\n", "",
	      "values, missing and null ones, blank lines, CRLF");
	check(&(struct options){ .value = "v" }, T "}\n", START " {} 1 0\n", "", "no value at all");
	check(&(struct options){ .value = "v" },
	      T ",\"v\":\"1,5\"}\n" T ",\"v\":true}\n" T ",\"v\":[1]}\n" T ",\"v\":1e21}\n" T
		",\"v\":1e20}\n" T ",\"v\":0.0000000005}\n" T ",\"v\":0.0000000015}\n",
	      START " {} 3 3 100000000000000000000.000000002 0 100000000000000000000\n",
	      "0 metric events: v is a string, not a number\n"
	      "1 metric events: v is a boolean, not a number\n"
	      "2 metric events: v is an array, not a number\n"
	      "3 metric events: v is out of range (beyond +-1e20)\n",
	      "wrong values, and rounded ones");
	check(&(struct options){ .value = "v", .by = "v" },
	      T ",\"v\":\"0.014\"}\n" T ",\"v\":0.014}\n" T ",\"v\":\"-\"}\n" T ",\"v\":\"\"}\n" T
		",\"v\":\" 1\"}\n" T ",\"v\":\"0.014, 0.020\"}\n" T ",\"v\":\"1e21\"}\n",
	      START " {\"v\":0.014} 1 1 0.014 0.014 0.014\n" START
		    " {\"v\":\"0.014\"} 1 1 0.014 0.014 0.014\n",
	      "2 metric events: v is a string, not a number\n"
	      "3 metric events: v is a string, not a number\n"
	      "4 metric events: v is a string, not a number\n"
	      "5 metric events: v is a string, not a number\n"
	      "6 metric events: v is out of range (beyond +-1e20)\n",
	      "values in quotes, which are strings as dimensions");
	check(&(struct options){ .value = "v", .exact = true },
	      T ",\"v\":\"0.1234567891\"}\n" T ",\"v\":\"0.123456789\"}\n",
	      START " {} 1 1 0.123456789 0.123456789 0.123456789\n",
	      "0 metric events: v has more than nine decimals, and --exact forbids to round it\n",
	      "exact in quotes");
	check(&(struct options){ .value = "v", .exact = true },
	      T ",\"v\":0.1234567891}\n" T ",\"v\":0.123456789}\n" T ",\"v\":0.12345678900}\n",
	      START " {} 2 2 0.246913578 0.123456789 0.123456789\n",
	      "0 metric events: v has more than nine decimals, and --exact forbids to round it\n",
	      "exact");
	check(&(struct options){ .value = "a.b" },
	      T ",\"a\":{\"b\":1}}\n" T ",\"a\":5}\n" T ",\"a.b\":7}\n" T
		",\"a\":{\"b\":1,\"b\":2}}\n",
	      START " {} 4 2 3 1 2\n", "", "a path; the last of equal keys");
}

static void test_times(void)
{
	check(&(struct options){ 0 },
	      "{}\n{\"ts\":null}\n{\"ts\":1767225600}\n{\"ts\":\"yesterday\"}\n{\"ts\":true}\n{"
	      "\"ts\":\"1969-12-31T23:59:59Z\"}\n{\"ts\":\"2200-01-01T00:00:00Z\"}\n"
	      "{\"ts\":\"1970-01-01T00:00:00Z\"}\n{\"ts\":\"2199-12-31T23:59:59.999Z\"}\n{\"ts\":"
	      "\"2026-01-01T01:00:59.9+01:00\"}\n{\"ts\":{}}\n",
	      "0 {} 1\n" START " {} 1\n7258118340 {} 1\n",
	      "0 metric events: ts is missing\n"
	      "1 metric events: ts is null\n"
	      "2 metric events: ts is a number, and only --time-unit s, ms, us or ns can tell "
	      "which time\n"
	      "3 metric events: ts is a string, but no RFC 3339 time (2026-11-20T15:00:00Z); "
	      "--time-format says how other times are written\n"
	      "4 metric events: ts is a boolean, not a time\n"
	      "5 metric events: ts is outside of the years 1970 to 2199\n"
	      "6 metric events: ts is outside of the years 1970 to 2199\n"
	      "10 metric events: ts is an object, not a time\n",
	      "times");
	check(&(struct options){ .unit = VALUE_MS, .every = "1s" },
	      "{\"ts\":1767225600999}\n{\"ts\":1767225601e3}\n" T "}\n",
	      START " {} 2\n1767225601 {} 1\n", "",
	      "numbers with a unit, and RFC 3339 all the same");
}

#define TS "metric events: ts is "
#define FORM "%d.%m.%Y %H:%M:%S"
#define LOCAL                                                                                   \
	TS "a time without an offset: --zone NAME (Europe/Berlin, UTC, +01:00) says where its " \
	   "clock stands\n"

static void test_local_times(void)
{
	check(&(struct options){ .every = "1s" },
	      "{\"ts\":\"2026-01-01T00:00:00\"}\n{\"ts\":\"2026-01-01 01:00+01\"}\n"
	      "{\"ts\":\"1767225600\"}\n{\"ts\":\"01/Jan/2026:00:00:00 +0000\"}\n"
	      "{\"ts\":\"2026-01-01\"}\n{\"ts\":\"Thu, 01 Jan 2026 00:00:00 GMT\"}\n",
	      START " {} 1\n",
	      "0 " LOCAL "2 " TS
	      "a string: a number in quotes, and only --time-unit s, ms, us or ns can tell "
	      "which time\n"
	      "3 " TS "a string, but no RFC 3339 time: --time-format clf reads it\n"
	      "4 " TS "a string, but no RFC 3339 time: --time-format '%Y-%m-%d' with --zone NAME "
	      "reads it\n"
	      "5 " TS "a string, but no RFC 3339 time: --time-format http reads it\n",
	      "each reason names its option");
	check(&(struct options){ .every = "1s", .zone = "-01:00", .unit = VALUE_S },
	      "{\"ts\":\"2025-12-31T23:00:00\"}\n{\"ts\":\"2025-12-31 23:00\"}\n"
	      "{\"ts\":\"2026-01-01T00:00:00Z\"}\n{\"ts\":\"1767225600\"}\n{\"ts\":1767225600}\n"
	      "{\"ts\":\"2199-12-31T23:00:00\"}\n{\"ts\":\"1970-01-01T00:00:00+01\"}\n"
	      "{\"ts\":\"1969-12-31T23:00:00\"}\n",
	      "0 {} 1\n" START " {} 5\n",
	      "5 " TS "outside of the years 1970 to 2199\n"
	      "6 " TS "outside of the years 1970 to 2199\n",
	      "an offset as the zone, for what has none");
	check(&(struct options){ .every = "1s", .format = "%d.%m.%Y %T", .zone = "UTC" },
	      "{\"ts\":\"01.01.2026 00:00:00\"}\n{\"ts\":\"01.01.2026 00:00:01\"}\n"
	      "{\"ts\":\"2026-01-01T00:00:00Z\"}\n{\"ts\":1767225600}\n"
	      "{\"ts\":\"1767225600\"}\n{\"ts\":\"01.01.2026 00:00:61\"}\n"
	      "{\"ts\":\"31.12.2025 23:59:60\"}\n{\"ts\":\"01.01\\u002e2026 00:00:01\"}\n",
	      START " {} 2\n1767225601 {} 2\n",
	      "2 " TS "a string, but no time of --time-format " FORM "\n"
	      "3 " TS "a number, but no time of --time-format " FORM "; as a number it needs "
	      "--time-unit s, ms, us or ns\n"
	      "4 " TS "a string, but no time of --time-format " FORM "; as a number it needs "
	      "--time-unit s, ms, us or ns\n"
	      "5 " TS "a string, but no time of --time-format " FORM "\n",
	      "a form");
	check(&(struct options){ .every = "1s", .format = "%Y%m%d%H%M%S", .zone = "UTC" },
	      "{\"ts\":\"20260101000000\"}\n{\"ts\":20260101000000}\n", START " {} 2\n", "",
	      "a number by its form");
	check(
		&(struct options){
			.every = "1s", .format = "%Y%m%d%H%M%S", .zone = "UTC", .unit = VALUE_S },
		"{\"ts\":\"20260101000000\"}\n{\"ts\":1767225600}\n{\"ts\":\"1767225600.5\"}\n",
		START " {} 3\n", "", "a form for strings, a unit for numbers");
}

static void test_dims(void)
{
	check(&(struct options){ .by = "k" },
	      T ",\"k\":\"a\"}\n" T ",\"k\":\"\\u0061\"}\n" T ",\"k\":\"b\"}\n" T ",\"k\":200}\n" T
		",\"k\":200.0}\n" T ",\"k\":2e2}\n" T ",\"k\":\"200\"}\n" T ",\"k\":1000}\n" T
		",\"k\":null}\n" T "}\n" T ",\"k\":\"\"}\n" T ",\"k\":true}\n" T ",\"k\":false}\n" T
		",\"k\":[]}\n" T ",\"k\":{}}\n" T ",\"k\":\"\\ud800\"}\n" T
		",\"k\":\"x\\u0000\"}\n",
	      START " {} 1\n" START " {\"k\":null} 1\n" START " {\"k\":false} 1\n" START
		    " {\"k\":true} 1\n" START " {\"k\":200} 3\n" START " {\"k\":1000} 1\n" START
		    " {\"k\":\"\"} 1\n" START " {\"k\":\"200\"} 1\n" START
		    " {\"k\":\"a\"} 2\n" START " {\"k\":\"b\"} 1\n",
	      "13 metric events: k is an array, not a string, number or boolean\n"
	      "14 metric events: k is an object, not a string, number or boolean\n"
	      "15 metric events: k has half of a surrogate pair, which no store can hold\n"
	      "16 metric events: k has a NUL (\\u0000), which no store can hold\n",
	      "dimensions");
	check(&(struct options){ .by = "b,a", .every = "1s" },
	      "{\"ts\":\"2026-01-01T00:00:01Z\",\"a\":1,\"b\":2}\n" T ",\"a\":2,\"b\":1}\n" T
	      ",\"b\":2,\"a\":1}\n" T ",\"a\":1,\"b\":2}\n",
	      START " {\"a\":1,\"b\":2} 2\n" START
		    " {\"a\":2,\"b\":1} 1\n1767225601 {\"a\":1,\"b\":2} 1\n",
	      "", "order: window, then dimensions by name");
}

static void test_uniq(void)
{
	check(&(struct options){ .uniq = "u" },
	      T ",\"u\":\"a\"}\n" T ",\"u\":\"\\u0061\"}\n" T ",\"u\":1}\n" T ",\"u\":1.0}\n" T
		",\"u\":true}\n" T "}\n" T ",\"u\":null}\n" T ",\"u\":[]}\n" T
		",\"u\":\"\\udfff\"}\n" T ",\"u\":\"\\u0000\"}\n",
	      START " {} 8 ~4\n",
	      "7 metric events: u is an array, not a string, number or boolean\n"
	      "8 metric events: u has half of a surrogate pair, which no store can hold\n",
	      "uniques");
	check(&(struct options){ .uniq = "u" }, T "}\n", START " {} 1 ~0\n", "",
	      "no unique at all");
}

static void test_lateness(void)
{
	/* windows of 10 s, 5 s of lateness: 0..10 is closed when 15 s has been seen, not before */
	check(&(struct options){ .every = "10s", .unit = VALUE_S, .lateness_us = 5000000 },
	      "{\"ts\":1}\n{\"ts\":14.999999}\n{\"ts\":9}\n{\"ts\":15}\n{\"ts\":9}\n{\"ts\":10}\n{"
	      "\"ts\":25}\n{\"ts\":19}\n{\"ts\":20}\n",
	      "0 {} 2\n10 {} 3\n20 {} 2\n",
	      "4 late: its window was closed\n7 late: its window was closed\n",
	      "the earlier watermark decides");
	check(&(struct options){ .every = "10s", .unit = VALUE_S, .lateness_us = 1, .value = "v" },
	      "{\"ts\":1}\n{\"ts\":100,\"v\":\"x\"}\n{\"ts\":2}\n{\"v\":1}\n", "0 {} 1 0\n",
	      "1 metric events: v is a string, not a number\n"
	      "2 late: its window was closed\n3 metric events: ts is missing\n",
	      "a dead line moves the watermark, if it has a time");
}

/* What is late does not depend on how the lines were cut into blocks, nor on what is known of a
 * batch at once. */
static void test_late_cuts(const char *name, const struct options *o, unsigned seed)
{
	static const unsigned cuts[] = { 1, 0, 7, 64, 65 };
	struct plan *p = plan_of(o);
	struct buf text = { 0 }, want = { 0 };
	int now = 0;
	srand(seed);
	for (int i = 0; i < 5000; i++) {
		now += rand() % 3 ? 0 : rand() % 3 + (rand() % 200 ? 0 : rand() % 300);
		buf_printf(&text, "{\"ts\":%d}\n",
			   rand() % 100 ? now + rand() % 8
			   : rand() % 2 ? now / 2
					: now + 2000);
	}
	buf_z(&text);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct engine *w = engine_new(p, o->lateness_us);
		struct buf refused = { 0 };
		feed(w, text.p, cuts[i], &refused);
		refused.n = 0;
		buf_printf(&refused, "late %llu, ahead %llu, watermark %lld",
			   (unsigned long long)engine_counts(w)->late,
			   (unsigned long long)engine_counts(w)->ahead,
			   (long long)engine_counts(w)->watermark_us);
		if (i == 0)
			buf_adds(&want, buf_slice(&refused));
		is_str(buf_z(&refused), buf_z(&want), name);
		if (i == 0)
			ok(engine_counts(w)->late > 10 &&
				   (engine_counts(w)->ahead > 0) == (o->max_ahead_us != 0),
			   "some are late, and some ahead");
		buf_fini(&refused);
		engine_free(w);
	}
	buf_fini(&text);
	buf_fini(&want);
	plan_free(p);
}

static void random_line(struct buf *b)
{
	static const char *const k[] = {
		"\"a\"", "\"\\u0061b\"", "1",
		"1.0",   "null",         "\"a long value that is longer than thirty-two bytes\"",
		"[]",    "-0",           "0",
	};
	buf_printf(b, "{\"ts\":%d,\"v\":%d.%02d,\"k\":%s,\"u\":\"%d\"%s\n", rand() % 300,
		   rand() % 1000, rand() % 100, k[(size_t)rand() % 9], rand() % 50,
		   rand() % 20 ? "}" : "");
	if (rand() % 30 == 0)
		buf_addc(b, '\n');
}

/* Any cut into blocks gives the same rows and the same refusals in number; any order gives the
 * same rows. */
static void test_cuts(void)
{
	static const unsigned cuts[] = { 0, 1, 2, 63, 64, 65, 1000 };
	struct plan *p = plan_of(&(struct options){
		.every = "10s", .by = "k", .value = "v", .uniq = "u", .unit = VALUE_S });
	struct buf text = { 0 }, want = { 0 };
	for (int i = 0; i < 3000; i++)
		random_line(&text);
	buf_z(&text);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct engine *w = engine_new(p, ENGINE_NO_LATENESS);
		struct buf refused = { 0 }, rows = { 0 };
		feed(w, text.p, cuts[i], &refused);
		rows_of(p, w, &rows);
		if (i == 0)
			buf_adds(&want, buf_slice(&rows));
		ok(want.n > 10000 && slice_eq(buf_slice(&want), buf_slice(&rows)),
		   "rows of blocks of %u lines", cuts[i]);
		buf_fini(&refused);
		buf_fini(&rows);
		engine_free(w);
	}
	buf_fini(&text);
	buf_fini(&want);
	plan_free(p);
}

static void test_fields_seen(void)
{
	struct plan *p = plan_of(&(struct options){ .by = "k,nope", .value = "v" });
	struct engine *w = engine_new(p, ENGINE_NO_LATENESS);
	struct buf refused = { 0 };
	feed(w, T ",\"k\":1}\n{\"v\":1}\n", 0, &refused);
	for (size_t i = 0; i < p->n_fields; i++)
		is_int(engine_counts(w)->fields >> i & 1, strcmp(p->path[i].name, "nope") != 0,
		       p->path[i].name);
	engine_free(w);
	plan_free(p);
	buf_fini(&refused);
}

int main(void)
{
	srand(1);
	test_values();
	test_times();
	test_local_times();
	test_dims();
	test_uniq();
	test_lateness();
	test_cuts();
	for (unsigned seed = 1; seed <= 5; seed++) {
		test_late_cuts("without a bound",
			       &(struct options){
				       .every = "10s", .unit = VALUE_S, .lateness_us = 2000000 },
			       seed);
		test_late_cuts("with one",
			       &(struct options){ .every = "10s",
						  .unit = VALUE_S,
						  .lateness_us = 2000000,
						  .max_ahead_us = 60000000 },
			       seed);
		test_late_cuts("no lateness",
			       &(struct options){ .every = "3s",
						  .unit = VALUE_S,
						  .lateness_us = 1,
						  .max_ahead_us = 60000000 },
			       seed);
	}
	test_fields_seen();
	return done();
}
