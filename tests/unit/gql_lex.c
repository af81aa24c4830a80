/* GraphQL: texts to tokens, and where they stand. */
#include "gql/gql_lex.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void test_strings(void)
{
	static const struct {
		const char *text, *want;
	} good[] = {
		{ "\"\"", "" },
		{ "\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\"", "a\n\t\"\\/\b\f\r" },
		{ "\"\\u00e9\\uD83D\\uDE00\\u{1F600}\\u{41}\"", "é😀😀A" },
		{ "\"\"\"\"\"\"", "" },
		{ "\"\"\" a \"\"\"", " a " },
		{ "\"\"\"\n    a\n      b\n\n    c\n  \"\"\"", "a\n  b\n\nc" },
		{ "\"\"\"a\n   b\n  c\"\"\"", "a\n b\nc" },
		{ "\"\"\"\r\n\tx\r\ty\r\n\"\"\"", "x\ny" },
		{ "\"\"\"say \\\"\"\" and \\n\"\"\"", "say \"\"\" and \\n" },
		{ "\"\"\"\n\n\n\"\"\"", "" },
		{ "\"\"\"a\"b\"\"c\"\"\"", "a\"b\"\"c" },
	};
	static const char *const bad[] = {
		"\"",
		"\"a\nb\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\uD83D\"",
		"\"\\uDE00\"",
		"\"\\u{}\"",
		"\"\\u{110000}\"",
		"\"\\u{D83D}\"",
		"\"\"\"a\"\"",
		"\"\\",
		"\"\\u{41\"",
		"\"\\uD83D\\u0041\"",
		"\"\"\"\\\"\"\"",
		"\"\\uD83D\\u{DE00}\"",
	};
	struct arena arena = { 0 };

	for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
		bool is_good = i < COUNT(good);
		const char *text = is_good ? good[i].text : bad[i - COUNT(good)];
		struct gql_errors errors = { .arena = &arena };
		struct gql_token token = { 0 };
		struct gql_lex lex;

		gql_lex_init(&lex, slice_z(text), &errors);
		bool taken = gql_lex_next(&lex, &token) && token.kind == GQL_T_STRING;
		ok(taken == is_good && errors.n == !is_good, "string %zu is %s", i,
		   is_good ? "taken" : "refused");
		if (taken && is_good)
			is_bytes(token.text.p, token.text.n, good[i].want, "and decoded");
	}
	arena_fini(&arena);
}

static void test_places(void)
{
	static const char text[] = "\xef\xbb\xbf{a,\r\n é";
	struct arena arena = { 0 };
	struct gql_errors errors = { .arena = &arena };
	struct gql_token token;
	struct gql_lex lex;

	gql_lex_init(&lex, slice_z(text), &errors);
	ok(gql_lex_next(&lex, &token) && token.kind == '{' && token.at.column == 2,
	   "a byte order mark is passed over");
	ok(gql_lex_next(&lex, &token) && slice_is(token.text, "a") && token.at.column == 3,
	   "a column is a character");
	ok(!gql_lex_next(&lex, &token) && errors.first->at[0].line == 2 &&
		   errors.first->at[0].column == 2,
	   "CR LF is one line's end");
	arena_fini(&arena);
}

int main(void)
{
	test_strings();
	test_places();
	return done();
}
