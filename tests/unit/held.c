/* Candidates against a comparison that looks at values: numbers by row/dims.h, types and strings
 * as jq orders them. */
#include "sketch/held.h"

#include <stdlib.h>

#include "base/dec.h"
#include "row/dims.h"
#include "sketch/sketch_kind.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct held_value values[] = {
	{ HELD_FALSE, { 0 } },
	{ HELD_TRUE, { 0 } },
	{ HELD_STRING, { "", 0 } },
	{ HELD_STRING, { "a", 1 } },
	{ HELD_STRING, { "ab", 2 } },
	{ HELD_STRING, { "\x01", 1 } },
	{ HELD_STRING, { "b", 1 } },
	{ HELD_STRING, { "\xc3\xa9", 2 } },
	{ HELD_STRING, { "\xf0\x9f\x98\x80", 4 } },
	{ HELD_STRING, { "12", 2 } },
#define N(text)                                \
	{                                      \
		HELD_NUMBER,                   \
		{                              \
			text, sizeof(text) - 1 \
		}                              \
	}
	N("0"),
	N("-0"),
	N("0.0"),
	N("0e5"),
	N("1"),
	N("1.0"),
	N("10e-1"),
	N("0.1e1"),
	N("-1"),
	N("-1.00"),
	N("2"),
	N("10"),
	N("1e1"),
	N("9"),
	N("99"),
	N("100"),
	N("100.5"),
	N("100.05"),
	N("1005e-1"),
	N("-100.5"),
	N("-100"),
	N("-99"),
	N("0.1"),
	N("0.01"),
	N("0.011"),
	N("-0.01"),
	N("-0.011"),
	N("1e300"),
	N("-1e300"),
	N("1e-300"),
	N("-1e-300"),
	N("1E+2"),
	N("12.5"),
	N("1234567890123456789012345678901234567890.5"),
	N("1234567890123456789012345678901234567890.50"),
	N("1234567890123456789012345678901234567890.4"),
#undef N
};

static int value_cmp(const struct held_value *a, const struct held_value *b)
{
	struct buf x = { 0 }, y = { 0 };
	int c;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type != HELD_NUMBER)
		return slice_cmp(a->text, b->text);
	dec_canonical(a->text, &x);
	dec_canonical(b->text, &y);
	c = dims_number_cmp(buf_slice(&x), buf_slice(&y));
	buf_fini(&x);
	buf_fini(&y);
	return c;
}

static struct slice candidate_of(const struct held_value *by, int64_t us,
				 const struct held_value *v, struct buf *b)
{
	b->n = 0;
	held_candidate(by ? *by : (struct held_value){ .type = HELD_NONE }, us, *v, b);
	return buf_slice(b);
}

static int sign(int c)
{
	return (c > 0) - (c < 0);
}

/* Each with each: as the value, and as what is chosen by in front of an opposite time. */
static void test_order(void)
{
	static const struct held_value none = { HELD_FALSE, { 0 } };
	struct buf a = { 0 }, b = { 0 };
	int wrong = 0, wrong_by = 0;

	for (size_t i = 0; i < COUNT(values); i++)
		for (size_t k = 0; k < COUNT(values); k++) {
			const struct held_value *x = &values[i], *y = &values[k];
			int want = value_cmp(x, y), last = slice_cmp(x->text, y->text);
			int64_t before = want ? -want : -1;

			wrong += sign(slice_cmp(candidate_of(NULL, 7, x, &a),
						candidate_of(NULL, 7, y, &b))) !=
				 sign(want ? want : last);
			wrong_by += sign(slice_cmp(candidate_of(x, before, &none, &a),
						   candidate_of(y, 0, &none, &b))) !=
				    sign(want ? want : -1);
		}
	is_int(wrong, 0, "candidates stand in the order of their values, then of their texts");
	is_int(wrong_by, 0, "what is chosen by decides before time, its text never");
	buf_fini(&a);
	buf_fini(&b);
}

static void test_times(void)
{
	static const int64_t times[] = {
		INT64_MIN, -1, 0, 1, 255, 256, 1767225600000000, INT64_MAX
	};
	struct buf a = { 0 }, b = { 0 };
	int wrong = 0;

	for (size_t i = 1; i < COUNT(times); i++)
		wrong += slice_cmp(candidate_of(NULL, times[i - 1], &values[9], &a),
				   candidate_of(NULL, times[i], &values[0], &b)) >= 0;
	is_int(wrong, 0, "an earlier time is lower, whatever the value");
	buf_fini(&a);
	buf_fini(&b);
}

static void test_bytes(void)
{
	static const struct held_value number = { HELD_NUMBER, { "12.5", 4 } },
				       below = { HELD_NUMBER, { "-0.05", 5 } },
				       name = { HELD_STRING, { "ann", 3 } };
	struct buf b = { 0 }, hex = { 0 };

	candidate_of(NULL, 1, &number, &b);
	buf_hex(&hex, b.p, b.n);
	is_bytes(hex.p, hex.n,
		 "00"
		 "8000000000000001"
		 "0403"
		 "8002"
		 "313235"
		 "00"
		 "31322e35",
		 "first(x): time, number, text");
	hex.n = 0;
	candidate_of(&below, -1, &name, &b);
	buf_hex(&hex, b.p, b.n);
	is_bytes(hex.p, hex.n,
		 "0401"
		 "8000"
		 "ca"
		 "ff"
		 "7fffffffffffffff"
		 "05"
		 "616e6e",
		 "arg_max(name, x): inverted below zero");
	hex.n = 0;
	candidate_of(&name, 0, &values[1], &b);
	buf_hex(&hex, b.p, b.n);
	is_bytes(hex.p, hex.n,
		 "05"
		 "616e6e"
		 "00"
		 "8000000000000000"
		 "03",
		 "by a name");
	buf_fini(&b);
	buf_fini(&hex);
}

static void test_json(void)
{
	static const struct {
		struct held_value v;
		const char *json;
	} rows[] = {
		{ { HELD_TRUE, { 0 } }, "true" },
		{ { HELD_FALSE, { 0 } }, "false" },
		{ { HELD_NUMBER, { "-1.50e+2", 8 } }, "-1.50e+2" },
		{ { HELD_NUMBER, { "0.000", 5 } }, "0.000" },
		{ { HELD_STRING, { "", 0 } }, "\"\"" },
		{ { HELD_STRING, { "a\"\n\xc3\xa9", 5 } }, "\"a\\\"\\n\xc3\xa9\"" },
	};
	struct buf b = { 0 }, json = { 0 };

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k <= COUNT(values); k++) {
			struct slice c = candidate_of(k ? &values[k - 1] : NULL, 5, &rows[i].v, &b);

			json.n = 0;
			ok(held_json(c, &json), "a candidate");
			is_bytes(json.p, json.n, rows[i].json, rows[i].json);
		}
	buf_fini(&b);
	buf_fini(&json);
}

static void test_limits(void)
{
	char digits[HELD_VALUE_MAX + 2];

	memset(digits, '7', sizeof(digits));
	ok(held_number_ok(slice(digits, HELD_VALUE_MAX)), "as many digits as may be");
	ok(!held_number_ok(slice(digits, HELD_VALUE_MAX + 1)), "one more");
	ok(held_number_ok(slice_z("1e1023")) && !held_number_ok(slice_z("1e1024")), "1,024 digits");
	ok(held_number_ok(slice_z("1e-1022")) && !held_number_ok(slice_z("1e-1023")), "decimals");
	ok(held_number_ok(slice_z("0e999999999999999999999")), "zero is short");
	ok(!held_number_ok(slice_z("1e99999999999999999999")), "an exponent beyond all");
	ok(held_number_ok(slice_z("1e00000000000000000000000000001")), "one of many zeros");
}

/* What held_candidate would not write is no candidate. */
static void test_damage(void)
{
	static const char *const bad[] = {
		"", "1.", "01", "-", "1e", ".5", "+1", "1e+", "0x1", "1 "
	};
	struct buf b = { 0 }, json = { 0 };
	int taken = 0;

	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!held_number_ok(slice_z(bad[i])), "no number: %s", bad[i]);
	for (size_t i = 0; i < COUNT(values); i++) {
		if (values[i].type == HELD_STRING)
			continue;
		candidate_of(&values[i], 1, &values[i], &b);
		for (size_t n = 0; n <= b.n - values[i].text.n && n < b.n; n++)
			taken += held_json(slice(b.p, n), &json);
		buf_addc(&b, '!');
		taken += held_json(buf_slice(&b), &json);
	}
	/* the text says 13, the order 12 */
	candidate_of(NULL, 1, &(struct held_value){ HELD_NUMBER, { "12", 2 } }, &b);
	b.p[b.n - 1] = '3';
	taken += held_json(buf_slice(&b), &json);
	candidate_of(NULL, 1, &(struct held_value){ HELD_STRING, { "ab", 2 } }, &b);
	b.p[b.n - 1] = (char)0xff;
	taken += held_json(buf_slice(&b), &json);
	is_int(taken, 0, "no candidates");
	ok(json.n == 0, "and nothing was added");
	buf_fini(&b);
	buf_fini(&json);
}

/* Merges as the group table does, or as a sink does, through stored bytes. */
static void merge_into(enum sketch_kind kind, void **into, const void *from)
{
	const struct sketch_ops *ops = &sketch_ops[kind];
	struct buf a = { 0 }, b = { 0 }, merged = { 0 };

	ops->encode(*into, &a);
	ops->encode(from, &b);
	if (a.n == 0 || b.n == 0 || rand() % 2) {
		ops->merge(*into, from);
	} else if (ok(sketch_merge_bytes(kind, buf_slice(&a), buf_slice(&b), &merged),
		      "merged as bytes")) {
		ops->free(*into);
		*into = ops->decode(buf_slice(&merged));
	}
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&merged);
}

/* In any order, over several that are merged. */
static void test_kind(enum sketch_kind kind, int wanted)
{
	const struct sketch_ops *ops = &sketch_ops[kind];
	struct buf b = { 0 }, best = { 0 };

	for (int round = 0; round < 200; round++) {
		void *part[3] = { ops->new (), ops->new (), ops->new () };

		best.n = 0;
		for (int i = 0; i < 40; i++) {
			const struct held_value *by = &values[(size_t)rand() % COUNT(values)],
						*v = &values[(size_t)rand() % COUNT(values)];
			struct slice c = candidate_of(round % 2 ? by : NULL, rand() % 5, v, &b);

			ops->add(part[rand() % 3], (uint64_t)(uintptr_t)&c);
			if (best.n == 0 || sign(slice_cmp(c, buf_slice(&best))) == wanted) {
				best.n = 0;
				buf_adds(&best, c);
			}
		}
		merge_into(kind, &part[0], part[1]);
		merge_into(kind, &part[0], part[2]);
		ok(slice_eq(held_peek(part[0]), buf_slice(&best)), "the %s",
		   wanted < 0 ? "lowest" : "highest");
		for (int i = 0; i < 3; i++)
			ops->free(part[i]);
	}
	buf_fini(&b);
	buf_fini(&best);
}

int main(void)
{
	srand(7);
	test_order();
	test_times();
	test_bytes();
	test_json();
	test_limits();
	test_damage();
	test_kind(SKETCH_LOWEST, -1);
	test_kind(SKETCH_HIGHEST, 1);
	return done();
}
