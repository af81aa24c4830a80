/* Rules: what is read of JSON and of lines shows in the JSON that is written; what is wrong is
 * told with its place. */
#include "agg/rule.h"
#include "tap.h"

#include <stdlib.h>

/* A text and the rules it has, each in canonical JSON, one a line. */
static const struct {
	const char *text, *want;
} good[] = {
	{ "", "" },
	{ "{\"rule_id\":\"top_events_10m\",\"window_size\":\"10m\",\"metric\":\"count\","
	  "\"group_by\":[\"event_type\"],\"active\":true}",
	  "{\"rule_id\":\"top_events_10m\",\"window_size\":\"10m\",\"group_by\":[\"event_type\"],"
	  "\"metric\":\"count\"}\n" },
	{ "[{\"rule_id\":\"a\",\"metric\":\"count\"},\n{\"metric\":\"p99\",\"field\":\"x.y\","
	  "\"rule_id\":\"b\"}]",
	  "{\"rule_id\":\"a\",\"metric\":\"count\"}\n{\"rule_id\":\"b\",\"metric\":\"p99\","
	  "\"field\":\"x.y\"}\n" },
	{ "{\"rule_id\":\"a\",\"metric\":\"count\"}\n {\"rule_id\":\"b\",\"metric\":\"count\"} ",
	  "{\"rule_id\":\"a\",\"metric\":\"count\"}\n{\"rule_id\":\"b\",\"metric\":\"count\"}\n" },
	{ "{\"rule_id\":\"hop\",\"window_size\":\"300s\",\"slide\":\"60s\",\"metric\":\"count\","
	  "\"lateness\":\"0s\",\"version\":3,\"active\":false,\"note\":\"}\\\"{\"}",
	  "{\"rule_id\":\"hop\",\"version\":3,\"window_size\":\"5m\",\"slide\":\"1m\","
	  "\"metric\":\"count\",\"lateness\":\"0s\",\"active\":false,\"note\":\"}\\\"{\"}\n" },
	{ "{\"rule_id\":\"r\",\"metric\":\"count\",\"retired\":true,\"active\":true}",
	  "{\"rule_id\":\"r\",\"metric\":\"count\",\"retired\":true}\n" },
	{ "{\"rule_id\":\"s\",\"gap\":\"30m\",\"max_length\":\"4h\",\"metric\":\"count\"}",
	  "{\"rule_id\":\"s\",\"gap\":\"30m\",\"max_length\":\"4h\",\"metric\":\"count\"}\n" },
	{ "{\"rule_id\":\"m\",\"aggregates\":{\"n\":\"count\",\"errors\":{\"count\":true,"
	  "\"where\":\".status >= 500\"},\"q\":{\"quantiles\":\"ms\",\"at\":[0.5,0.999]},"
	  "\"h\":{\"histogram\":\"ms\",\"bounds\":[10,5e1]},\"w\":{\"arg_max\":\"url\","
	  "\"by\":\"ms\"},\"r\":{\"rate\":true}}}",
	  "{\"rule_id\":\"m\",\"aggregates\":{\"n\":{\"count\":true},\"errors\":{\"count\":true,"
	  "\"where\":\".status >= 500\"},\"q\":{\"quantiles\":\"ms\",\"at\":[0.5,0.999]},"
	  "\"h\":{\"histogram\":\"ms\",\"bounds\":[10,50]},\"w\":{\"arg_max\":\"url\","
	  "\"by\":\"ms\"},\"r\":{\"rate\":true}}}\n" },
	{ "{\"rule_id\":\"d\",\"metric\":\"count\",\"group_by\":[{\"path\":\"status\","
	  "\"as\":\"s\",\"class\":100},{\"path\":\"ms\",\"class\":[10,50]},{\"path\":\"ua\","
	  "\"lower\":true,\"max\":64},{\"path\":\"tags\",\"explode\":true}],\"max_groups\":1000,"
	  "\"fold\":[\"ua\"]}",
	  "{\"rule_id\":\"d\",\"group_by\":[{\"path\":\"status\",\"as\":\"s\",\"class\":100},"
	  "{\"path\":\"ms\",\"class\":[10,50]},{\"path\":\"ua\",\"lower\":true,\"max\":64},"
	  "{\"path\":\"tags\",\"explode\":true}],\"metric\":\"count\",\"max_groups\":1000,"
	  "\"fold\":[\"ua\"]}\n" },
	{ "{\"rule_id\":\"t\",\"time\":\"@kafka\",\"zone\":\"UTC\",\"time_unit\":\"ms\","
	  "\"metric\":\"count\",\"tests\":[{\"name\":\"one\",\"in\":[{\"a\":1},\"{}\","
	  "{\"file\":\"x.ndjson\"}],\"rows\":[{\"count\":1}],\"dead\":0,\"match\":\"exact\"}]}",
	  "{\"rule_id\":\"t\",\"time\":\"@kafka\",\"time_unit\":\"ms\",\"zone\":\"UTC\","
	  "\"metric\":\"count\",\"tests\":[{\"name\":\"one\",\"in\":[\"{\\\"a\\\":1}\",\"{}\","
	  "{\"file\":\"x.ndjson\"}],\"rows\":[{\"count\":1}],\"dead\":0,\"match\":\"exact\"}]}\n" },
};

static const struct {
	const char *text, *message;
} bad[] = {
	{ "{\"rule_id\":\"a\"}", "f:1:1: must be a rule with \"metric\" or \"aggregates\"" },
	{ "{\"metric\":\"count\"}", "f:1:1: must be a rule with \"rule_id\"" },
	{ "{\"rule_id\":\"a\",\n \"metric\":\"cuont\"}",
	  "f:1:1: unknown operation \"cuont\" (did you mean \"count\"?)" },
	{ "{\"rule_id\":\"a\",\n \"window\":\"1m\"}", "f:2:3: unknown member \"window\"" },
	{ "{\"rule_id\":\"a\",\n \"grup_by\":[]}",
	  "f:2:3: unknown member \"grup_by\" (did you mean \"group_by\"?)" },
	{ "{\"rule_id\":\"a\",\"rule_\\u0069d\":\"b\"}",
	  "f:1:17: \"rule_\\u0069d\" stands here twice" },
	{ "{\"rule_id\":\"a\",\"window_size\":60}",
	  "f:1:30: must be a duration with its unit, in quotes: \"10m\"" },
	{ "{\"rule_id\":\"a\",\"window_size\":\"60\"}",
	  "f:1:31: \"60\" is not a duration (10ms, 30s, 5m, 2h, 7d)" },
	{ "{\"rule_id\":\"a\",\"window_size\":\"0s\"}", "f:1:31: \"0s\": must be longer than 0" },
	{ "{\"rule_id\":\"a\",\"window_size\":\"5m\",\"slide\":\"2m\",\"metric\":\"count\"}",
	  "f:1:1: the slide must divide the window's size" },
	{ "{\"rule_id\":\"a\",\"window_size\":\"5m\",\"gap\":\"2m\",\"metric\":\"count\"}",
	  "f:1:1: a window is either of a fixed size or a session with a gap, not both" },
	{ "{\"rule_id\":\"a\",\"metric\":\"sum\"}", "f:1:1: sum needs a path: sum(latency_ms)" },
	{ "{\"rule_id\":\"a\",\"metric\":\"count\",\"aggregates\":{\"n\":\"count\"}}",
	  "f:1:1: must be a rule with \"metric\" or with \"aggregates\", not both" },
	{ "{\"rule_id\":\"a\",\"field\":\"x\"}",
	  "f:1:1: must be a rule with \"metric\" beside \"field\"" },
	{ "{\"rule_id\":\"a\",\"aggregates\":{\"n\":{\"sum\":\"x\",\"max\":\"x\"}}}",
	  "f:1:46: a measure has one operation, this is a second one" },
	{ "{\"rule_id\":\"a\",\"aggregates\":{\"n\":{\"where\":\".a\"}}}",
	  "f:1:34: must be an operation and its path: {\"sum\":\"price\"}" },
	{ "{\"rule_id\":\"a\",\"aggregates\":{\"1n\":\"count\"}}",
	  "f:1:31: must be a measure's name: 1 to 63 letters, digits and underscores, no digit "
	  "first" },
	{ "{\"rule_id\":\"a\",\"aggregates\":{\"q\":{\"quantiles\":\"x\",\"at\":[50]}}}",
	  "f:1:34: quantiles needs quantiles above 0 and up to 1, such as 0.99" },
	{ "{\"rule_id\":\"a\",\"aggregates\":{\"q\":{\"histogram\":\"x\",\"bounds\":[2,1]}}}",
	  "f:1:34: histogram needs bounds in ascending order, such as 10, 50" },
	{ "{\"rule_id\":\"a\",\"metric\":\"count\"}{\"rule_id\":\"a\",\"metric\":\"count\"}",
	  "f:1:33: two rules are called a" },
	{ "{\"rule_id\":\"a@2\",\"metric\":\"count\"}",
	  "f:1:13: \"a@2\": names that end in @ and a number are those of versions" },
	{ "{\"rule_id\":\"a\",\"metric\":\"count\",\"fold\":[\"x\"]}",
	  "f:1:1: must be a rule with \"max_groups\" beside \"fold\"" },
	{ "{\"rule_id\":\"a\",\"version\":0}", "f:1:26: must be a whole number from 1 on" },
	{ "{\"rule_id\":\"a\",\"version\":NaN}", "f:1:26: a value expected, not N" },
	{ "\n\n{\"rule_id\":", "f:3:12: a value expected, but the text ends" },
	{ "7", "f:1:1: must be a rule, which is an object" },
	{ "{\"rule_id\":\"a\",\"group_by\":[\"\"]}",
	  "f:1:29: must be a path such as \"payload.price\"" },
	{ "{\"rule_id\":\"a\",\"time_unit\":\"m\"}", "f:1:29: must be s, ms, us or ns" },
};

static void test_json(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct rules r = { 0 };
		struct err err = ERR_INIT;
		struct buf out = { 0 };

		rules_parse(&r, "f", slice_z(good[i].text), &err);
		for (size_t k = 0; k < r.n; k++) {
			rule_json(&r.v[k], &out);
			buf_addc(&out, '\n');
		}
		if (err.code)
			buf_addz(&out, err.msg);
		is_bytes(out.p, out.n, good[i].want, good[i].text);
		buf_fini(&out);
		rules_fini(&r);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rules r = { 0 };
		struct err err = ERR_INIT;

		rules_parse(&r, "f", slice_z(bad[i].text), &err);
		is_str(err.msg, bad[i].message, bad[i].text);
		ok(err.code == EX_CONFIG && r.n == 0, "78, and nothing is taken");
		rules_fini(&r);
	}
}

static void note_broken(void *arg, const struct err *err)
{
	buf_addz(arg, err->msg);
	buf_addc(arg, '\n');
}

static void test_all_errors(void)
{
	static const char text[] = "[{\"rule_id\":\"a\",\"window\":\"1m\",\"lateness\":5,\n"
				   "\"tests\":[{\"nam\":1,\"late\":-1}],\"metric\":\"count\"},"
				   "\n{\"rule_id\":\"b\",\"metric\":\"count\"}]\n"
				   "{\"rule_id\" \"c\"}\n{\"rule_id\":\"d\"}\n"
				   "{\"rule_id\":\"e\",\"metric\":\"count\"}";
	struct rules r = { 0 };
	struct buf out = { 0 };

	is_int(rules_parse_all(&r, "f", slice_z(text), note_broken, &out), 6, "errors");
	is_str(buf_z(&out),
	       "f:1:18: unknown member \"window\"\n"
	       "f:1:42: must be a duration with its unit, in quotes: \"10m\"\n"
	       "f:2:12: unknown member \"nam\" (did you mean \"name\"?)\n"
	       "f:2:26: must be a whole number from 0 on\n"
	       "f:4:12: a colon expected, not \"\n"
	       "f:5:1: must be a rule with \"metric\" or \"aggregates\"\n",
	       "all that is wrong, each once, with its place");
	ok(r.n == 2 && slice_is(r.v[0].id, "b") && slice_is(r.v[1].id, "e"),
	   "the rules that are whole are taken");
	ok(r.v[0].source.p == strstr(text, "{\"rule_id\":\"b\"") && r.v[1].line == 6,
	   "and know where they stand");
	buf_fini(&out);
	rules_fini(&r);
}

static const struct {
	const char *text, *want;
} lines[] = {
	{ "count", "{\"metric\":\"count\"}" },
	{ " p99( latency_ms )", "{\"metric\":\"p99\",\"field\":\"latency_ms\"}" },
	{ "count, errors=count if .status >= 500, p99(latency_ms), uniq(user.id) by endpoint, "
	  "status "
	  "every 1m",
	  "{\"window_size\":\"1m\",\"group_by\":[\"endpoint\",\"status\"],\"aggregates\":"
	  "{\"count\":{\"count\":true},\"errors\":{\"count\":true,\"where\":\".status >= 500\"},"
	  "\"p99_latency_ms\":{\"p99\":\"latency_ms\"},\"uniq_user_id\":{\"uniq\":\"user.id\"}}}" },
	{ "count if .a == \"x, by every\" and (.b | IN(1, 2)) every 5m slide 1m where .ok",
	  "{\"window_size\":\"5m\",\"slide\":\"1m\",\"where\":\".ok\",\"aggregates\":{\"count\":"
	  "{\"count\":true,\"where\":\".a == \\\"x, by every\\\" and (.b | IN(1, 2))\"}}}" },
	{ "quantiles(ms, 0.5, 0.99), h = histogram(ms, 10, 50), w=arg_max(url, ms) gap 30m max 4h",
	  "{\"gap\":\"30m\",\"max_length\":\"4h\",\"aggregates\":{\"quantiles_ms\":"
	  "{\"quantiles\":\"ms\",\"at\":[0.5,0.99]},\"h\":{\"histogram\":\"ms\",\"bounds\":"
	  "[10,50]},\"w\":{\"arg_max\":\"url\",\"by\":\"ms\"}}}" },
	{ "n=count(.by), rate() where .where", "{\"where\":\".where\",\"aggregates\":{\"n\":"
					       "{\"count\":\".by\"},\"rate\":{\"rate\":true}}}" },
};

static const struct {
	const char *text, *message;
} bad_lines[] = {
	{ "", "byte 1: a measure is expected: count, or OPERATION(PATH) such as avg(latency_ms)" },
	{ "avg x",
	  "byte 1: a measure is expected: count, or OPERATION(PATH) such as avg(latency_ms)" },
	{ "count,", "byte 7: a measure is expected: count, or OPERATION(PATH) such as "
		    "avg(latency_ms)" },
	{ "count, smu(x)", "byte 8: unknown operation \"smu\" (did you mean \"sum\"?)" },
	{ "sum", "byte 1: sum needs a path: sum(latency_ms)" },
	{ "sum(x, 5)", "byte 1: sum takes no numbers" },
	{ "sum(x, y)", "byte 1: too many arguments" },
	{ "sum(x", "byte 1: \")\" is missing behind the path" },
	{ "p5(x)", "byte 1: unknown operation \"p5\": count, sum, min, max, avg, stddev, rate, "
		   "first, last, arg_min, arg_max, uniq, uniq_exact, p50, p99, quantiles, "
		   "histogram" },
	{ "count if by x", "byte 9: a condition is expected behind \"if\"" },
	{ "count every 10", "byte 13: \"10\" is not a duration (10ms, 30s, 5m, 2h, 7d)" },
	{ "count every 1m every 2m", "byte 13: a duration stands here twice" },
	{ "count, count", "two measures are called count" },
	{ "sum(\"a-b\")", "\"sum_a-b\" is no name of a measure (1 to 63 letters, digits and "
			  "underscores): give it one, NAME=sum(..)" },
	{ "9x=count",
	  "byte 1: a measure's name has 1 to 63 letters, digits and underscores, and no "
	  "digit first" },
	{ "arg_max(x)", "byte 1: arg_max needs a second path, by which it chooses" },
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct rules r = { 0 };
		struct err err = ERR_INIT;
		struct buf out = { 0 };

		if (rules_add_line(&r, slice_z(lines[i].text), &err))
			buf_addz(&out, err.msg);
		else
			rule_json(&r.v[0], &out);
		is_bytes(out.p, out.n, lines[i].want, lines[i].text);
		buf_fini(&out);
		rules_fini(&r);
	}
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		struct rules r = { 0 };
		struct err err = ERR_INIT;

		rules_add_line(&r, slice_z(bad_lines[i].text), &err);
		is_str(err.msg, bad_lines[i].message, bad_lines[i].text);
		ok(err.code == EX_USAGE && r.n == 0, "64, and nothing is taken");
		rules_fini(&r);
	}
}

static void test_quantiles(void)
{
	static const struct {
		const char *name;
		int64_t q;
	} table[] = { { "p50", 500000000 }, { "p05", 50000000 }, { "p999", 999000000 },
		      { "p5", 0 },          { "p00", 0 },        { "p", 0 },
		      { "p9x", 0 },         { "q50", 0 },        { "p1234567890", 0 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		dec q = 0;

		if (!rule_op_quantile(slice_z(table[i].name), &q))
			q = 0;
		is_int((long long)q, table[i].q, table[i].name);
	}
}

int main(void)
{
	test_json();
	test_all_errors();
	test_lines();
	test_quantiles();
	return done();
}
