/* The engine: which lines count, where, and why not; any cut into blocks gives the same. */
#include "agg/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "agg/emit.h"
#include "agg/key.h"
#include "row/rollup.h"
#include "tap.h"

struct options {
	const char *every, *by, *value, *uniq, *zone, *format;
	enum value_unit unit;
	bool exact;
	int64_t lateness_us, max_ahead_us;
};

static struct plan *plan_of(const struct options *o)
{
	struct err err = ERR_INIT;
	struct plan_builder *b = plan_builder_new();
	struct plan *p;
	if ((o->every && plan_window(b, "every", o->every, &err)) ||
	    (o->by && plan_by(b, o->by, &err)) || (o->value && plan_value(b, o->value, &err)) ||
	    (o->uniq && plan_uniq(b, o->uniq, &err)) || (o->zone && plan_zone(b, o->zone, &err)) ||
	    (o->format && plan_time_format(b, o->format, &err)))
		ok(false, "%s", err.msg);
	if (o->max_ahead_us)
		plan_ahead(b, o->max_ahead_us, false);
	p = plan_finish(b, "ts", o->unit, o->exact, &err);
	plan_builder_free(b);
	return p;
}

static int collect_refused(void *arg, const struct engine_refusal *r, struct err *err)
{
	(void)err;
	buf_printf(arg, "%llu %s\n", (unsigned long long)r->nth, r->reason);
	return 0;
}

static int collect_rows(void *arg, struct slice lines, uint64_t rows, struct err *err)
{
	(void)rows, (void)err;
	buf_adds(arg, lines);
	return 0;
}

/* Rows without what is the same in all of them: start in seconds, dims, count, value_count, sum,
 * min, max, uniq. */
static void shorten(struct slice rows, struct buf *out)
{
	struct rollup_reader reader = { 0 };
	struct err err = ERR_INIT;
	for (const char *p = rows.p, *end = p + rows.n, *nl; p < end; p = nl + 1) {
		struct rollup r;
		char text[DEC_TEXT_BYTES];
		nl = memchr(p, '\n', (size_t)(end - p));
		if (rollup_parse(&reader, slice(p, (size_t)(nl - p)), &r, &err))
			ok(false, "%s", err.msg);
		buf_printf(out, "%lld %.*s %llu", (long long)r.start_us / 1000000, (int)r.dims.n,
			   r.dims.p, (unsigned long long)r.count);
		if (r.has_value) {
			buf_printf(out, " %llu", (unsigned long long)r.value_count);
			if (r.value_count) {
				buf_printf(out, " %.*s", (int)dec_text(r.sum, text), text);
				buf_printf(out, " %.*s", (int)dec_text(r.min, text), text);
				buf_printf(out, " %.*s", (int)dec_text(r.max, text), text);
			}
		}
		if (r.has_uniq)
			buf_printf(out, " ~%llu", (unsigned long long)r.uniq);
		buf_addc(out, '\n');
	}
	rollup_reader_fini(&reader);
}

/* The text in blocks of `lines` lines (0: at once), each in padded memory of its own, so that
 * sanitizers see a step beyond. */
static void feed(struct engine *w, const char *text, unsigned lines, struct buf *refused)
{
	struct err err = ERR_INIT;
	for (const char *p = text, *end; *p; p = end) {
		char *block;
		unsigned n = 0;
		for (end = p; *end && (lines == 0 || n < lines); end++)
			n += *end == '\n';
		block = calloc(1, (size_t)(end - p) + 2 * SCAN_PAD);
		memcpy(block + SCAN_PAD, p, (size_t)(end - p));
		if (engine_block(w, slice(block + SCAN_PAD, (size_t)(end - p)), collect_refused,
				 refused, &err))
			ok(false, "%s", err.msg);
		free(block);
	}
}

static void rows_of(const struct plan *p, struct engine *w, struct buf *rows)
{
	struct err err = ERR_INIT;
	struct emit *e = emit_new(false, true, &(struct emit_threads){ 0 }, collect_rows, rows);
	for (size_t i = 0; i < p->n_metrics; i++)
		emit_table(e, engine_state(w, i), &err);
	emit_flush(e, &err);
	emit_free(e);
}

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

#define T "{\"ts\":\"2026-01-01T00:00:00Z\""
#define START "1767225600"

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

/* ---- several metrics */

/* An option of plan_of_words and its value. */
struct word {
	const char *option, *value;
};

static struct plan *plan_of_words(const struct word *words, size_t n)
{
	struct plan_builder *b = plan_builder_new();
	struct err err = ERR_INIT;
	struct plan *p = NULL;
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *o = words[i].option, *v = words[i].value;
		rc = strcmp(o, "metric") == 0  ? plan_metric(b, v, &err)
		     : strcmp(o, "every") == 0 ? plan_window(b, o, v, &err)
		     : strcmp(o, "by") == 0    ? plan_by(b, v, &err)
		     : strcmp(o, "value") == 0 ? plan_value(b, v, &err)
		     : strcmp(o, "uniq") == 0  ? plan_uniq(b, v, &err)
		     : strcmp(o, "where") == 0 ? plan_where(b, v, &err)
					       : plan_agg(b, v, &err);
	}
	if (rc == 0)
		p = plan_finish(b, "ts", VALUE_S, false, &err);
	if (!p)
		BUG("%s", err.msg);
	plan_builder_free(b);
	return p;
}

/* Rows with the name of their metric in front; "" where it has none. */
static void rows_by_name(const struct plan *p, struct engine *w, struct buf *out)
{
	for (size_t i = 0; i < p->n_metrics; i++) {
		struct err err = ERR_INIT;
		struct buf rows = { 0 };
		struct emit *e = emit_new(false, true, &(struct emit_threads){ 0 }, collect_rows,
					  &rows);
		emit_table(e, engine_state(w, i), &err);
		emit_flush(e, &err);
		emit_free(e);
		buf_printf(out, "%s:\n", p->metric[i].def->m.name);
		shorten(buf_slice(&rows), out);
		buf_fini(&rows);
	}
}

static void check_words(const struct word *words, size_t n, int64_t lateness_us, const char *text,
			const char *want_rows, const char *want_refused, const char *want_counts,
			const char *name)
{
	struct plan *p = plan_of_words(words, n);
	struct engine *w = engine_new(p, lateness_us);
	struct buf refused = { 0 }, got = { 0 };
	const struct engine_counts *c = engine_counts(w);
	feed(w, text, 0, &refused);
	rows_by_name(p, w, &got);
	is_str(buf_z(&got), want_rows, name);
	is_str(buf_z(&refused), want_refused, "and these lines are refused");
	got.n = 0;
	buf_printf(&got,
		   "counted %llu (partly %llu, of which late %llu), dead %llu, late %llu, "
		   "filtered %llu",
		   (unsigned long long)c->counted, (unsigned long long)c->partly,
		   (unsigned long long)c->partly_late, (unsigned long long)c->dead,
		   (unsigned long long)c->late, (unsigned long long)c->filtered);
	is_str(buf_z(&got), want_counts, "the books");
	is_int(c->lines, c->counted + c->blank + c->dead + c->late + c->filtered,
	       "each line is accounted for once");
	engine_free(w);
	plan_free(p);
	buf_fini(&refused);
	buf_fini(&got);
}
#define CHECK_WORDS(words, ...) check_words(words, sizeof(words) / sizeof(*(words)), __VA_ARGS__)

/* A line with one thing wrong for one of the metrics counts in the others. */
static void test_bad_for_one(void)
{
	static const struct word two[] = {
		{ "metric", "first" }, { "by", "k" }, { "metric", "second" }, { "value", "v" }
	};
	static const struct word conditions[] = {
		{ "metric", "good" },     { "where", ".ok" },
		{ "agg", "s=sum(v)" },    { "metric", "slow" },
		{ "where", ".ok | not" }, { "agg", "s=sum(v) if .v != \"x\"" },
		{ "metric", "square" },   { "agg", "d=stddev(v) if .ok" },
	};
	static const struct word alike[] = { { "metric", "a" }, { "by", "k" },
					     { "metric", "b" }, { "by", "k" },
					     { "metric", "c" }, { "value", "v" } };

	CHECK_WORDS(two, ENGINE_NO_LATENESS,
		    T ",\"k\":1,\"v\":1}\n" T ",\"k\":1,\"v\":\"x\"}\n" T ",\"k\":[],\"v\":1}\n" T
		      ",\"k\":1,\"v\":2}\n" T ",\"k\":[],\"v\":\"x\"}\n{\"k\":1}\n7\n",
		    "first:\n" START " {\"k\":1} 3\nsecond:\n" START " {} 3 3 4 1 2\n",
		    "1 metric second: v is a string, not a number; others count it\n"
		    "2 metric first: k is an array, not a string, number or boolean; others count "
		    "it\n"
		    "4 metric first: k is an array, not a string, number or boolean; metric "
		    "second: v is a string, not a number\n"
		    "5 ts is missing\n"
		    "6 byte 1: not an object: a line is one JSON object\n",
		    "counted 4 (partly 2, of which late 0), dead 3, late 0, filtered 0",
		    "two metrics");
	CHECK_WORDS(conditions, ENGINE_NO_LATENESS,
		    T ",\"ok\":true,\"v\":1}\n" T ",\"ok\":false,\"v\":\"x\"}\n" T
		      ",\"ok\":true,\"v\":1e11}\n" T ",\"ok\":false,\"v\":1e11}\n" T
		      ",\"ok\":true,\"v\":\"x\"}\n",
		    "good:\n" START " {} 2\nslow:\n" START " {} 2\nsquare:\n" START " {} 3\n",
		    "2 metric square: v is out of range for its measure (beyond +-10000000000); "
		    "others count it\n"
		    "4 metrics good, square: v is a string, not a number\n",
		    "counted 4 (partly 1, of which late 0), dead 1, late 0, filtered 0",
		    "what a condition drops is not judged, nor is the value of another's measure");
	CHECK_WORDS(alike, ENGINE_NO_LATENESS, T ",\"k\":{}}\n", "a:\nb:\nc:\n" START " {} 1 0\n",
		    "0 metrics a, b: k is an object, not a string, number or boolean; others count "
		    "it\n",
		    "counted 1 (partly 1, of which late 0), dead 0, late 0, filtered 0",
		    "metrics that say the same");
}

/* What is late for one metric counts in another whose window is open, and a time moves the
 * watermark whatever is wrong with its line. */
static void test_late_for_one(void)
{
	static const struct word words[] = { { "metric", "short" }, { "every", "10s" },
					     { "value", "v" },      { "metric", "long" },
					     { "every", "1m" },     { "where", ".v != 3" } };

	CHECK_WORDS(words, 0,
		    "{\"ts\":1}\n{\"ts\":30,\"v\":\"x\"}\n{\"ts\":2}\n{\"ts\":3,\"v\":3}\n"
		    "{\"ts\":60}\n{\"ts\":59,\"v\":\"x\"}\n{\"ts\":59}\n",
		    "short:\n0 {} 1 0\n60 {} 1 0\nlong:\n0 {} 3\n60 {} 1\n",
		    "1 metric short: v is a string, not a number; others count it\n"
		    "2 late: metric short: its window was closed; others count it\n"
		    "3 late: its window was closed\n"
		    "5 metric short: v is a string, not a number\n"
		    "5 late: its window was closed\n"
		    "6 late: its window was closed\n",
		    "counted 4 (partly 2, of which late 1), dead 1, late 2, filtered 0",
		    "late for one of two metrics");
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
	test_bad_for_one();
	test_late_for_one();
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
