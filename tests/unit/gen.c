/* Synthetic events: repeatable, valid, and of the shares that were asked for. */
#include "app/gen.h"

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

int main(void)
{
	test_repeatable();
	test_valid();
	test_shares();
	return done();
}
