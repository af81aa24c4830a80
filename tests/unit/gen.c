/* Synthetic events: repeatable, valid, and of the shares that were asked for. */
#include "app/gen_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "json/json.h"
#include "tap.h"

static struct gen_conf conf(enum gen_schema schema)
{
	return (struct gen_conf){ .schema = schema,
				  .seed = 7,
				  .keys = 1000,
				  .zipf = 1,
				  .start_us = 1767225600000000,
				  .step_num = 100,
				  .step_den = 1 };
}

static uint64_t digest(const struct gen_conf *c, int n)
{
	struct gen *g = gen_new(c);
	char line[GEN_LINE_BYTES];
	uint64_t h = 0;

	for (int i = 0; i < n; i++)
		h = h * 31 + hash_64(line, gen_line(g, line));
	gen_free(g);
	return h;
}

static void test_repeatable(void)
{
	struct gen_conf a = conf(GEN_EVENTS), b = a;

	a.dup_prob = b.dup_prob = a.bad_prob = b.bad_prob = a.late_prob = b.late_prob = 0.1;
	a.jitter_us = b.jitter_us = 1000000;
	ok(digest(&a, 5000) == digest(&b, 5000), "same seed, same bytes");
	b.seed = 8;
	ok(digest(&a, 5000) != digest(&b, 5000), "another seed, other bytes");
}

static void test_valid(void)
{
	for (int s = GEN_EVENTS; s <= GEN_VIEWS; s++) {
		struct gen_conf c = conf((enum gen_schema)s);
		struct gen *g = gen_new(&c);
		struct json j = { 0 };
		char line[GEN_LINE_BYTES];
		int bad = 0, newline = 0;
		size_t longest = 0;

		for (int i = 0; i < 20000; i++) {
			size_t n = gen_line(g, line);
			struct err err;

			bad += json_parse(&j, slice(line, n - 1), &err) != 0;
			newline += line[n - 1] == '\n';
			longest = n > longest ? n : longest;
		}
		ok(bad == 0, "schema %d: every line is JSON", s);
		ok(newline == 20000, "schema %d: ends in a newline", s);
		ok(longest < GEN_LINE_BYTES / 2, "schema %d: longest line %zu", s, longest);
		json_fini(&j);
		gen_free(g);
	}
}

static int count_with(struct gen_conf c, const char *needle, int n)
{
	struct gen *g = gen_new(&c);
	char line[GEN_LINE_BYTES + 1];
	int found = 0;

	for (int i = 0; i < n; i++) {
		line[gen_line(g, line)] = 0;
		found += strstr(line, needle) != NULL;
	}
	gen_free(g);
	return found;
}

static void test_shares(void)
{
	struct gen_conf c = conf(GEN_EVENTS);
	int n;

	c.hot_prob = 0.2;
	n = count_with(c, "\"c-00000\"", 20000);
	ok(n > 3700 && n < 4300, "a fifth is the hot customer's: %d", n);
	n = count_with(c, "\"c-00001\"", 20000);
	ok(n > 1800 && n < 2500, "the first of a thousand by Zipf has 1 / 7.49 of the rest: %d", n);
	c.zipf = 0;
	n = count_with(c, "\"c-00001\"", 200000);
	ok(n > 100 && n < 230, "uniform: a thousandth of the rest: %d", n);
	n = count_with(c, "\\", 20000);
	ok(n > 1000, "strings that need escapes occur: %d", n);
}

/* ---- fields of a file */

static const char shop[] =
	"{\"order_id\":\"uuid\",\"ts\":\"time\",\"customer\":\"customer\",\"at\":{\"time\":\"ms\"},"
	"\"user_id\":{\"id\":\"us\\\"er_\",\"of\":500,\"zipf\":1},"
	"\"items\":{\"list\":{\"object\":{\"quantity\":{\"int\":[1,5]},"
	"\"price\":{\"decimal\":[-0.99,499.99],\"digits\":3}}},\"min\":0,\"max\":4},"
	"\"status\":{\"pick\":[\"paid\",7,null,{\"a\":\n[1]}]},\"express\":{\"bool\":0.25},"
	"\"note\":{\"const\":\"a\\nb\",\"null\":0.5},\"gone\":{\"const\":1,\"missing\":0.75}}";

static struct gen_fields *fields_of(const char *text, struct err *err)
{
	err_clear(err);
	return gen_fields_new(slice_z(text), err);
}

/* Lines with that in it, of 20,000; *bad: those that are no JSON or no line of this length. */
static int count_lines(const struct gen_conf *c, const char *needle, int *bad)
{
	struct gen *g = gen_new(c);
	char *line = malloc(gen_room(g) + 1);
	struct json j = { 0 };
	int found = 0;

	*bad = 0;
	for (int i = 0; i < 20000; i++) {
		size_t n = gen_line(g, line);
		struct err err;

		line[n] = 0;
		*bad += n > gen_room(g) - GEN_SLACK || memchr(line, '\n', n) != line + n - 1 ||
			json_parse(&j, slice(line, n - 1), &err) != 0;
		found += strstr(line, needle) != NULL;
	}
	json_fini(&j);
	free(line);
	gen_free(g);
	return found;
}

static void test_fields(void)
{
	static const struct {
		const char *needle;
		int least, most;
	} shares[] = {
		{ "\"order_id\":\"", 20000, 20000 },
		{ "\"ts\":\"2026-01-01T00:00:0", 20000, 20000 },
		{ "\"at\":176722560", 20000, 20000 },
		{ "\"user_id\":\"us\\\"er_001\"", 2500, 3500 },
		{ "\"user_id\":\"us\\\"er_000\"", 0, 0 },
		{ "\"user_id\":\"us\\\"er_500\"", 1, 30 },
		{ "\"items\":[]", 3700, 4300 },
		{ "\"status\":{\"a\": [1]},", 4700, 5300 },
		{ "\"express\":true", 4700, 5300 },
		{ "\"note\":null", 9700, 10300 },
		{ "\"note\":\"a\\nb\"", 9700, 10300 },
		{ "\"gone\":1", 4700, 5300 },
		{ "\"quantity\":6", 0, 0 },
		{ "\"quantity\":5", 5000, 12000 },
		{ "\"price\":-1", 0, 0 },
		{ "\"price\":-0.", 10, 300 },
		{ "\"price\":500", 0, 0 },
	};
	struct gen_conf c = conf(GEN_EVENTS);
	struct gen_fields *f;
	struct err err = ERR_INIT;
	int bad;

	c.fields = f = fields_of(shop, &err);
	ok(f, "the fields of a shop: %s", err.msg);
	for (size_t i = 0; f && i < sizeof(shares) / sizeof(*shares); i++) {
		int n = count_lines(&c, shares[i].needle, &bad);

		ok(n >= shares[i].least && n <= shares[i].most && bad == 0, "%s: %d lines, %d bad",
		   shares[i].needle, n, bad);
	}
	c.dup_prob = 0.1;
	c.bad_prob = 0.5;
	count_lines(&c, "", &bad);
	ok(bad > 4000 && bad < 12000, "bad ones are made of these, too: %d", bad);
	gen_fields_free(f);
	c.bad_prob = c.dup_prob = 0;
	c.fields = f = fields_of(" {} ", &err);
	ok(f && count_lines(&c, "{}", &bad) == 20000 && bad == 0, "no fields at all");
	gen_fields_free(f);
}

static void test_wrong_fields(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "" },
		{ "[]", "field (the event): an object of fields" },
		{ "{\"a\":7}", "field a: how is its value made" },
		{ "{\"a\":\"uid\"}", "field a: a string is" },
		{ "{\"a\":{\"in\":[1,2]}}", "field a: none of" },
		{ "{\"a\":{\"int\":[1,2],\"digits\":2}}",
		  "field a: \"digits\" is not for {\"int\": ..}" },
		{ "{\"a\":{\"int\":[2,1]}}", "field a: [LOW, HIGH]" },
		{ "{\"a\":{\"int\":[1]}}", "[LOW, HIGH]" },
		{ "{\"a\":{\"int\":[1,2,3]}}", "[LOW, HIGH]" },
		{ "{\"a\":{\"int\":[1.5,2]}}", "[LOW, HIGH]" },
		{ "{\"a\":{\"int\":[0,1e16]}}", "more than 15 digits" },
		{ "{\"a\":{\"decimal\":[0,1.234]}}", "[LOW, HIGH]" },
		{ "{\"a\":{\"decimal\":[0,1],\"digits\":10}}",
		  "\"digits\" is a whole number from 1 to 9" },
		{ "{\"a\":{\"id\":7}}", "field a: \"id\" is the text" },
		{ "{\"a\":{\"id\":\"x\",\"of\":0}}", "\"of\" is a whole number" },
		{ "{\"a\":{\"id\":\"x\",\"zipf\":\"1\"}}", "\"zipf\" is a number" },
		{ "{\"a\":{\"pick\":[]}}", "nothing to pick from" },
		{ "{\"a\":{\"pick\":\"x\"}}", "a list of values" },
		{ "{\"a\":{\"bool\":1.5}}", "\"bool\" is a probability" },
		{ "{\"a\":{\"bool\":1,\"missing\":\"1\"}}", "\"missing\" is a probability" },
		{ "{\"a\":{\"time\":\"h\"}}", "\"s\", \"ms\" or \"us\"" },
		{ "{\"a\":{\"list\":\"uuid\",\"max\":1001}}",
		  "\"max\" is a whole number from 1 to 1000" },
		{ "{\"a\":{\"list\":{\"bool\":1,\"missing\":1}}}", "not for elements" },
		{ "{\"a\":{\"object\":{\"b\":{\"object\":{\"c\":1}}}}}", "field a.b.c: how" },
		{ "{\"a\":\"uuid\",\"a\":\"time\"}", "two fields of one name" },
		{ "{\"a\":{\"list\":{\"list\":\"uuid\",\"max\":1000},\"max\":1000}}", "256 KiB" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = ERR_INIT;

		ok(!fields_of(cases[i].text, &err) && err.code == EX_CONFIG &&
			   strstr(err.msg, cases[i].says),
		   "%s: %s", cases[i].text, err.msg);
	}
}

int main(void)
{
	test_repeatable();
	test_valid();
	test_shares();
	test_fields();
	test_wrong_fields();
	return done();
}
