/* The pure parts of hta-check: wanted rows against rows there are, and rules in words. */
#include "app/check_internal.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { ROWS_MAX = 4 };

/* A column a row, up to the first NULL. why: what stands in the words, "" where all fits. */
static const struct {
	const char *want[ROWS_MAX], *got[ROWS_MAX];
	bool exact;
	const char *why;
} cases[] = {
	{ { NULL }, { NULL }, true, "" },
	{ { NULL }, { "{}" }, false, "" },
	{ { NULL }, { "{}" }, true, "1 rows were written, 0 are expected" },
	{ { "{}" }, { NULL }, false, "row 1 is not among the 0" },
	{ { "{\"a\":1}" }, { "{\"a\":1.0,\"b\":2}" }, false, "" },
	{ { "{\"a\":100}" }, { "{\"a\":1e2}" }, false, "" },
	{ { "{\"a\":0.1}" }, { "{\"a\":0.1000000001}" }, false, "differs: [\"a\"]" },
	{ { "{\"a\":4.333333333333333}" }, { "{\"a\":4.333333333333333}" }, false, "" },
	{ { "{\"a\":4.333333333333333}" }, { "{\"a\":4.333333333333334}" }, false, "differs" },
	{ { "{\"a\":9007199254740993}" }, { "{\"a\":9007199254740992}" }, false, "differs" },
	{ { "{\"a\":\"1\"}" }, { "{\"a\":1}" }, false, "differs: [\"a\"]" },
	{ { "{\"a\":null}" }, { "{\"b\":1}" }, false, "differs: [\"a\"]" },
	{ { "{\"a\":null}" }, { "{\"a\":null}" }, false, "" },
	{ { "{\"a\":true}" }, { "{\"a\":false}" }, false, "differs" },
	{ { "{\"\\u0061\":\"\\u0062\"}" }, { "{\"a\":\"b\"}" }, false, "" },
	{ { "{\"d\":{\"x\":1}}" }, { "{\"d\":{\"y\":2,\"x\":1}}" }, false, "" },
	{ { "{\"d\":{\"x\":1,\"z\":0}}" },
	  { "{\"d\":{\"y\":2,\"x\":1}}" },
	  false,
	  "differs: [\"d.z\"]" },
	{ { "{\"h\":[1,2]}" }, { "{\"h\":[1,2]}" }, false, "" },
	{ { "{\"h\":[1]}" }, { "{\"h\":[1,2]}" }, false, "differs" },
	{ { "{\"window_start\":\"2026-01-01T01:00:00+01:00\"}" },
	  { "{\"window_start\":\"2026-01-01T00:00:00Z\"}" },
	  false,
	  "" },
	{ { "{\"at\":\"2026-01-01T01:00:00+01:00\"}" },
	  { "{\"at\":\"2026-01-01T00:00:00Z\"}" },
	  false,
	  "differs" },
	/* the nearest row is shown */
	{ { "{\"a\":1,\"b\":2}" },
	  { "{\"a\":0,\"b\":0}", "{\"a\":1,\"b\":3}" },
	  false,
	  "got: {\"a\":1,\"b\":3}\n  differs: [\"b\"]" },
	/* one row for two wants, but not where it is exact */
	{ { "{\"a\":1}", "{\"b\":2}" }, { "{\"a\":1,\"b\":2}" }, false, "" },
	{ { "{\"a\":1}", "{\"b\":2}" }, { "{\"a\":1,\"b\":2}" }, true, "row 2 is not among" },
	/* the first want has to leave the first row to the second one */
	{ { "{\"a\":1}", "{\"a\":1,\"b\":2}" }, { "{\"a\":1,\"b\":2}", "{\"a\":1}" }, true, "" },
	{ { "{\"a\":1}" }, { "{\"a\":2}", "{\"a\":1}" }, true, "2 rows were written, 1 are" },
};

static size_t slices(const char *const *from, struct slice *to)
{
	size_t n = 0;

	for (; n < ROWS_MAX && from[n]; n++)
		to[n] = slice_z(from[n]);
	return n;
}

static void test_rows(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct slice want[ROWS_MAX], got[ROWS_MAX];
		struct check_rows rows = { .want = want, .got = got, .exact = cases[i].exact };
		struct buf why = { 0 };
		bool good;

		rows.wants = slices(cases[i].want, want);
		rows.gots = slices(cases[i].got, got);
		good = check_rows(&rows, "  ", &why);
		ok(good == !*cases[i].why, "%zu: %s", i, good ? "fits" : "does not fit");
		ok(strstr(buf_z(&why), cases[i].why) && good == !why.n, "%zu: says %s", i,
		   cases[i].why);
		buf_fini(&why);
	}
}

static const struct {
	const char *measure, *words;
} measures[] = {
	{ "count", "how many records" },
	{ "n=count(a.b)", "how many records have something at a.b" },
	{ "sum(x)", "the sum of x" },
	{ "min(x)", "the lowest x" },
	{ "max(x)", "the highest x" },
	{ "avg(x)", "the mean of x" },
	{ "stddev(x)", "the standard deviation of x" },
	{ "rate", "records a second" },
	{ "rate(x)", "the sum of x, a second" },
	{ "first(x)", "the x of the earliest record that has one" },
	{ "last(x)", "the x of the latest record that has one" },
	{ "arg_min(x, y)", "the x of the record with the lowest y" },
	{ "arg_max(x, y)", "the x of the record with the highest y" },
	{ "uniq(x)", "how many different values of x, within 0.8 %" },
	{ "uniq_exact(x)", "how many different values of x, exactly up to 10,000" },
	{ "p05(x)", "5 % of all x are up to this, within 0.55 %" },
	{ "p999(x)", "99.9 % of all x are up to this, within 0.55 %" },
	{ "quantiles(x, 0.5, 0.9, 1)",
	  "50 %, 90 % and 100 % of all x are up to these, within 0.55 %" },
	{ "histogram(x, 1, 2.5)", "how many x are up to 1, 2.5, each above the one before, and "
				  "beyond" },
};

static void test_words(void)
{
	const struct slice nothing[RULES_SHARED] = { { NULL, 0 } };

	for (size_t i = 0; i < COUNT(measures); i++) {
		struct rules r = { 0 };
		struct err err = ERR_INIT;
		struct buf out = { 0 }, want = { 0 };

		rules_add_line(&r, slice_z(measures[i].measure), &err);
		r.v[0].id = slice_z("m");
		check_explain(&r.v[0], nothing, &out);
		buf_printf(&want, " %s\n  time ", measures[i].words);
		ok(strstr(buf_z(&out), buf_z(&want)), "%s", measures[i].measure);
		buf_fini(&out);
		buf_fini(&want);
		rules_fini(&r);
	}
}

/* All that is not a measure. */
static const struct {
	const char *rule, *words;
} rules[] = {
	{ "\"gap\":\"30m\",\"max_length\":\"4h\"",
	  "a row      for each session: records less than 30m behind the one before and less than "
	  "4h behind the first\n" },
	{ "\"window_size\":\"5m\",\"slide\":\"1m\"", "a row      every 1m for the last 5m\n" },
	{ "\"group_by\":[{\"path\":\"status\",\"class\":100,\"as\":\"s\"},{\"path\":\"ms\","
	  "\"class\":[10,50]},{\"path\":\"ua\",\"lower\":true,\"max\":64},{\"path\":\"tags\","
	  "\"explode\":true}],\"max_groups\":10,\"fold\":[\"ua\",\"ms\"]",
	  ", and each combination of class of 100 of status as s, range of ms (10, 50), ua in "
	  "small letters cut at 64 bytes and element of tags\n  at most    10 groups; beyond that "
	  "it folds ua and ms\n" },
	{ "\"version\":3,\"active\":false,\"note\":\"why\"",
	  "m, version 3, not active\n  note       why\n  counts     all records\n" },
};

static void test_rules(void)
{
	const struct slice shared[RULES_SHARED] = {
		[RULES_TIME] = { "at", 2 },      [RULES_UNIT] = { "ms", 2 },
		[RULES_FORMAT] = { "clf", 3 },   [RULES_ZONE] = { "UTC", 3 },
		[RULES_LATENESS] = { "10s", 3 },
	};

	for (size_t i = 0; i < COUNT(rules); i++) {
		struct rules r = { 0 };
		struct err err = ERR_INIT;
		struct buf text = { 0 }, out = { 0 };

		buf_printf(&text, "{\"rule_id\":\"m\",\"metric\":\"count\",%s}", rules[i].rule);
		rules_parse(&r, "f", buf_slice(&text), &err);
		if (ok(r.n == 1, "%s %s", rules[i].rule, err.msg))
			check_explain(&r.v[0], shared, &out);
		ok(strstr(buf_z(&out), rules[i].words), "its words");
		ok(strstr(buf_z(&out), "time       from at, as clf; numbers are ms; without an "
				       "offset by the clock of UTC\n  lateness   a window closes "
				       "once events are 10s behind its end\n"),
		   "its time");
		buf_fini(&text);
		buf_fini(&out);
		rules_fini(&r);
	}
}

int main(void)
{
	test_rows();
	test_words();
	test_rules();
	return done();
}
