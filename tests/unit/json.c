/* The rule of validity, by tables; what is read from a valid text; the writers. */
#include "json/json.h"
#include "tap.h"

#include <stdlib.h>

#define S(z)                     \
	{                        \
		z, sizeof(z) - 1 \
	} /* a slice that may hold NULs */

static const struct slice valid[] = {
	S("null"),
	S("true"),
	S("false"),
	S("0"),
	S("-0"),
	S("12"),
	S("-12.5e-7"),
	S("0.0"),
	S("1E+2"),
	S("1e400"),
	S("0e0"),
	S("123456789012345678901234567890.123456789012345678901234567890"),
	S("\"\""),
	S("\"a\""),
	S("[]"),
	S("{}"),
	S(" \t\r\n[ ] \n"),
	S("[1,2]"),
	S("[[],{},[{}]]"),
	S("{\"a\":1}"),
	S("{ \"a\" : 1 , \"b\" : [ 2 ] }"),
	S("{\"a\":1,\"a\":2}"),
	S("{\"\":0}"),
	S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFfFf\""),
	S("\"\\ud800\""),
	S("\"\\udc00\\ud800\""),
	S("\"\\ud83d\\ude00\""),
	S("\"\x7f\""),
	S("\"\xc3\xa9\""),
	S("\"\xe2\x82\xac\""),
	S("\"\xf0\x9f\x98\x80\""),
	S("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""),
	S("{\"\xc3\xa9\":\"12345678901234567890\xc3\xa9\"}"),
	S("\xef\xbb\xbf{}"),
	S("\xef\xbb\xbf [1]"),
	S("\"\xef\xbb\xbf\""),
};

static const struct {
	struct slice text;
	const char *msg;
} invalid[] = {
	{ S(""), "byte 1: a value expected, but the text ends" },
	{ S("  "), "byte 3: a value expected, but the text ends" },
	{ S("nul"), "byte 1: a value expected, not n" },
	{ S("nulL"), "byte 1: a value expected, not n" },
	{ S("True"), "byte 1: a value expected, not T" },
	{ S("NaN"), "byte 1: a value expected, not N" },
	{ S("-Infinity"), "byte 2: a digit expected, not I" },
	{ S("\xef\xbb{}"), "byte 1: a value expected, not byte 0xef" },
	{ S("\xef\xbb\xbf"), "byte 4: a value expected, but the text ends" },
	{ S("\xef\xbb\xbf\xef\xbb\xbf{}"), "byte 4: a value expected, not byte 0xef" },
	{ S(" \xef\xbb\xbf{}"), "byte 2: a value expected, not byte 0xef" },
	{ S("{}\xef\xbb\xbf"), "byte 3: something follows the value" },
	{ S("1 2"), "byte 3: something follows the value" },
	{ S("{}{}"), "byte 3: something follows the value" },
	{ S("{} \0"), "byte 4: something follows the value" },
	{ S("\v1"), "byte 1: a value expected, not byte 0x0b" },
	{ S("-"), "byte 2: a digit expected, but the text ends" },
	{ S("+1"), "byte 1: a value expected, not +" },
	{ S("01"), "byte 2: something follows the value" },
	{ S("[01]"), "byte 3: , or ] expected, not 1" },
	{ S("-01"), "byte 3: something follows the value" },
	{ S(".5"), "byte 1: a value expected, not ." },
	{ S("1."), "byte 3: a digit expected, but the text ends" },
	{ S("[1.]"), "byte 4: a digit expected, not ]" },
	{ S("1.e5"), "byte 3: a digit expected, not e" },
	{ S("1e"), "byte 3: a digit expected, but the text ends" },
	{ S("1e+"), "byte 4: a digit expected, but the text ends" },
	{ S("1e5.5"), "byte 4: something follows the value" },
	{ S("0x10"), "byte 2: something follows the value" },
	{ S("["), "byte 2: a value expected, but the text ends" },
	{ S("]"), "byte 1: a value expected, not ]" },
	{ S("[1"), "byte 3: , or ] expected, but the text ends" },
	{ S("[1,]"), "byte 4: a value expected, not ]" },
	{ S("[,1]"), "byte 2: a value expected, not ," },
	{ S("[1 2]"), "byte 4: , or ] expected, not 2" },
	{ S("[1}"), "byte 3: , or ] expected, not }" },
	{ S("{"), "byte 2: a member's name expected, but the text ends" },
	{ S("{1:2}"), "byte 2: a member's name expected, not 1" },
	{ S("{'a':1}"), "byte 2: a member's name expected, not '" },
	{ S("{a:1}"), "byte 2: a member's name expected, not a" },
	{ S("{\"a\"}"), "byte 5: a colon expected, not }" },
	{ S("{\"a\",1}"), "byte 5: a colon expected, not ," },
	{ S("{\"a\":}"), "byte 6: a value expected, not }" },
	{ S("{\"a\":1,}"), "byte 8: a member's name expected, not }" },
	{ S("{\"a\":1]"), "byte 7: , or } expected, not ]" },
	{ S("{\"a\":1"), "byte 7: , or } expected, but the text ends" },
	{ S("[1]/*c*/"), "byte 4: something follows the value" },
	{ S("\""), "byte 1: the text ends in this string" },
	{ S("[\"abc"), "byte 2: the text ends in this string" },
	{ S("\"a\\"), "byte 3: the text ends in an escape" },
	{ S("\"\\\""), "byte 1: the text ends in this string" },
	{ S("\"\\x41\""), "byte 2: no such escape in JSON" },
	{ S("\"\\'\""), "byte 2: no such escape in JSON" },
	{ S("\"\\\0\""), "byte 2: no such escape in JSON" },
	{ S("\"\\u12\""), "byte 2: \\u needs four hex digits" },
	{ S("\"\\u12g4\""), "byte 2: \\u needs four hex digits" },
	{ S("\"\\u123"), "byte 2: \\u needs four hex digits" },
	{ S("\"\\U0041\""), "byte 2: no such escape in JSON" },
	{ S("\"a\nb\""), "byte 3: a control character stands in a string" },
	{ S("\"a\tb\""), "byte 3: a control character stands in a string" },
	{ S("\"\0\""), "byte 2: a control character stands in a string" },
	{ S("\"0123456789\x1f\""), "byte 12: a control character stands in a string" },
	{ S("\"\x80\""), "byte 2: not UTF-8" },
	{ S("\"ab\xff\""), "byte 4: not UTF-8" },
	{ S("\"0123456789ab\xe9\""), "byte 14: not UTF-8" },
	{ S("\"\xc3\xa9\xc3\""), "byte 4: not UTF-8" },
	{ S("\"\xc0\x80\""), "byte 2: not UTF-8" },
	{ S("\"\xe0\x80\x80\""), "byte 2: not UTF-8" },
	{ S("\"\xed\xa0\x80\""), "byte 2: not UTF-8" },
	{ S("\"\xf4\x90\x80\x80\""), "byte 2: not UTF-8" },
	{ S("\"\xf5\x80\x80\x80\""), "byte 2: not UTF-8" },
	{ S("\"\xf0\x9f\x98\\n\""), "byte 2: not UTF-8" },
	{ S("{\"\xff\":1}"), "byte 3: not UTF-8" },
	{ S("\xc3\xa9"), "byte 1: a value expected, not byte 0xc3" },
};

static void test_validity(void)
{
	struct json j = { 0 };
	struct err err = ERR_INIT;
	char name[64];
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		err_clear(&err);
		ok(json_parse(&j, valid[i], &err) == 0 && j.n > 0 && j.node[0].next == j.n,
		   "valid %zu: %s", i, err.msg);
	}
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		err_clear(&err);
		snprintf(name, sizeof(name), "invalid %zu", i);
		ok(json_parse(&j, invalid[i].text, &err) == -1 && err.code == EX_DATAERR &&
			   j.n == 0,
		   "%s is refused", name);
		is_str(err.msg, invalid[i].msg, name);
	}
	json_fini(&j);
}

/* Every text cut at every byte: memory errors show under asan, and no prefix of an object is a
 * value. */
static void test_cuts(void)
{
	static const char text[] =
		"{\"a\\u00e9\":[1.5e-3,true,null,\"\xf0\x9f\x98\x80\\n\"],\"b\":{\"c\":false}}";
	struct json j = { 0 };
	int accepted = 0;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n + 1);
		memcpy(copy, text, n);
		accepted += json_parse(&j, slice(copy, n), NULL) == 0;
		free(copy);
	}
	is_int(accepted, 0, "no prefix of an object is valid");
	json_fini(&j);
}

static void test_depth(void)
{
	struct json j = { 0 };
	struct buf b = { 0 };
	struct err err = ERR_INIT;
	for (int depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++)
		for (int object = 0; object < 2; object++) {
			b.n = 0;
			for (int i = 0; i < depth; i++)
				buf_addz(&b, object ? i + 1 < depth ? "{\"a\":" : "{" : "[");
			for (int i = 0; i < depth; i++)
				buf_addc(&b, object ? '}' : ']');
			is_int(json_parse(&j, buf_slice(&b), &err), depth > JSON_DEPTH ? -1 : 0,
			       object ? "depth of objects" : "depth of arrays");
		}
	is_str(err.msg, "byte 1281: nested deeper than 256", "says where");
	buf_fini(&b);
	json_fini(&j);
}

static void test_nodes(void)
{
	static const char text[] = " {\"a\":[1,{\"x\":\"y\\n\"}] , \"b\" : -2.50}";
	static const struct {
		enum json_type type;
		uint32_t next;
		const char *text;
		bool escaped;
	} want[] = {
		{ JSON_OBJECT, 9, "{\"a\":[1,{\"x\":\"y\\n\"}] , \"b\" : -2.50}", false },
		{ JSON_STRING, 2, "a", false },
		{ JSON_ARRAY, 7, "[1,{\"x\":\"y\\n\"}]", false },
		{ JSON_NUMBER, 4, "1", false },
		{ JSON_OBJECT, 7, "{\"x\":\"y\\n\"}", false },
		{ JSON_STRING, 6, "x", false },
		{ JSON_STRING, 7, "y\\n", true },
		{ JSON_STRING, 8, "b", false },
		{ JSON_NUMBER, 9, "-2.50", false },
	};
	struct json j = { 0 };
	ok(json_parse(&j, slice_z(text), NULL) == 0 && j.n == sizeof(want) / sizeof(*want),
	   "all nodes");
	for (size_t i = 0; i < j.n; i++) {
		ok(j.node[i].type == want[i].type && j.node[i].next == want[i].next &&
			   j.node[i].escaped == want[i].escaped,
		   "node %zu", i);
		is_bytes(j.node[i].text.p, j.node[i].text.n, want[i].text, "its text");
	}
	json_fini(&j);
}

static void test_get(void)
{
	static const char text[] =
		"{\"a\":1,\"u\":\"18446744073709551615\",\"over\":18446744073709551616,\"i\":-"
		"9223372036854775808,\"f\":5.0,\"e\":\"1e3\","
		"\"h\":0.5,\"t\":true,\"no\":null,\"s\":\"x\",\"esc\":\"\\n\",\"o\":{\"a\":7},"
		"\"d\":\"0.1234567891\",\"big\":123456789012345678901234567890,"
		"\"\\u0061\":2,\"dup\":1,\"dup\":null,\"lone\\ud800\":1}";
	struct json j = { 0 };
	uint64_t u = 0;
	int64_t i = 0;
	bool b = false;
	dec d = 0;
	struct slice s = { 0 };
	ok(json_parse(&j, slice_z(text), NULL) == 0, "parses");
	ok(json_get_u64(&j, 0, "a", &u) && u == 2, "the last key wins, escaped as it is");
	ok(!json_get_u64(&j, 0, "dup", &u), "the last key wins, null as it is");
	ok(json_get_u64(&j, 0, "u", &u) && u == UINT64_MAX, "a large integer in a string");
	ok(!json_get_u64(&j, 0, "over", &u) && !json_get_i64(&j, 0, "over", &i) && u == UINT64_MAX,
	   "out of range is false, and changes nothing");
	ok(json_get_i64(&j, 0, "i", &i) && i == INT64_MIN && !json_get_u64(&j, 0, "i", &u),
	   "signs");
	ok(json_get_u64(&j, 0, "f", &u) && u == 5 && json_get_i64(&j, 0, "e", &i) && i == 1000,
	   "5.0 and 1e3 are integers");
	ok(!json_get_u64(&j, 0, "h", &u) && !json_get_u64(&j, 0, "t", &u) &&
		   !json_get_u64(&j, 0, "s", &u) && !json_get_u64(&j, 0, "o", &u),
	   "other types");
	ok(json_get_bool(&j, 0, "t", &b) && b && !json_get_bool(&j, 0, "a", &b) &&
		   !json_get_bool(&j, 0, "no", &b),
	   "booleans");
	ok(json_get_text(&j, 0, "s", &s) && slice_is(s, "x") && !json_get_text(&j, 0, "esc", &s) &&
		   !json_get_text(&j, 0, "t", &s),
	   "texts");
	ok(json_dec(&j, json_get(&j, 0, "d"), &d) && d == 123456789 &&
		   !json_dec(&j, json_get(&j, 0, "s"), &d),
	   "decimals");
	ok(json_dec(&j, json_get(&j, 0, "big"), &d) && d > (dec)UINT64_MAX * 1000000000,
	   "sums may be large");
	ok(json_get(&j, 0, "missing") == 0 && json_get(&j, json_get(&j, 0, "a"), "x") == 0 &&
		   json_get(&j, 9999, "a") == 0,
	   "0 where there is none");
	ok(json_get_u64(&j, json_get(&j, 0, "o"), "a", &u) && u == 7, "of an inner object");
	ok(json_get(&j, 0, "lone") == 0, "half a surrogate pair equals no name");
	json_fini(&j);
	ok(json_get(&j, 0, "a") == 0, "an empty table has no members");
}

static void test_string(void)
{
	static const struct {
		const char *text;
		struct slice want;
		bool lone;
	} cases[] = {
		{ "\"\"", S(""), false },
		{ "\"abc\"", S("abc"), false },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", S("\"\\/\b\f\n\r\t"), false },
		{ "\"a\\u0000b\"", S("a\0b"), false },
		{ "\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
		  S("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"), false },
		{ "\"x\\ud83d\\ude00y\"", S("x\xf0\x9f\x98\x80y"), false },
		{ "\"\\uDBFF\\uDFFF\"", S("\xf4\x8f\xbf\xbf"), false },
		{ "\"\\ud800\\udc00\"", S("\xf0\x90\x80\x80"), false },
		{ "\"\\ud83d\"", S(""), true },
		{ "\"\\ude00\"", S(""), true },
		{ "\"\\ud83dx\"", S(""), true },
		{ "\"\\ud83d\\n\"", S(""), true },
		{ "\"\\ud83d\\ud83d\\ude00\"", S(""), true },
		{ "\"ab\\ud83d\\u0041\"", S(""), true },
	};
	struct json j = { 0 };
	struct buf b = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		b.n = 0;
		buf_addz(&b, "<");
		ok(json_parse(&j, slice_z(cases[i].text), NULL) == 0, "string %zu parses", i);
		ok(json_string(&j, 0, &b) == (cases[i].lone ? -1 : 0),
		   "string %zu decodes, or is half a pair", i);
		ok(b.n == cases[i].want.n + 1 && memcmp(b.p + 1, cases[i].want.p, b.n - 1) == 0,
		   "string %zu: its bytes", i);
	}
	buf_fini(&b);
	json_fini(&j);
}

static void test_quote(void)
{
	static const char all[] = "\x00\x01\b\t\n\v\f\r\x1f \"/\\\x7f\xc3\xa9\xf0\x9f\x98\x80";
	struct buf b = { 0 }, back = { 0 };
	struct json j = { 0 };
	json_quote(&b, slice(all, sizeof(all) - 1));
	is_bytes(b.p, b.n,
		 "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f "
		 "\\\"/\\\\\x7f\xc3\xa9\xf0\x9f\x98\x80\"",
		 "what must be escaped, and nothing else");
	ok(json_parse(&j, buf_slice(&b), NULL) == 0 && json_string(&j, 0, &back) == 0 &&
		   slice_eq(buf_slice(&back), slice(all, sizeof(all) - 1)),
	   "read back");
	b.n = 0;
	json_quote_z(&b, "");
	is_bytes(b.p, b.n, "\"\"", "the empty string");
	buf_fini(&b);
	buf_fini(&back);
	json_fini(&j);
}

/* Long texts of characters that need escapes and of those that do not, and one of each. */
static void test_quote_long(void)
{
	struct buf text = { 0 }, b = { 0 }, back = { 0 };
	struct json j = { 0 };
	int wrong = 0;

	for (int c = 0; c < 128; c++) {
		text.n = b.n = 0;
		buf_addc(&text, (char)c);
		json_quote(&b, buf_slice(&text));
		wrong += b.n != (c == '"' || c == '\\' || (c && strchr("\b\f\n\r\t", c)) ? 4
				 : c < 0x20                                              ? 8
											 : 3);
	}
	is_int(wrong, 0, "each character is escaped by two, six or none");
	for (size_t n = 4090; n < 8200; n += n == 4100 ? 4084 : 1) {
		text.n = b.n = back.n = 0;
		for (size_t i = 0; i < n; i++)
			buf_addc(&text, "a\"\x01\\"[i * i / 7 % 4]);
		json_quote(&b, buf_slice(&text));
		wrong += json_parse(&j, buf_slice(&b), NULL) || json_string(&j, 0, &back) ||
			 !slice_eq(buf_slice(&text), buf_slice(&back));
	}
	is_int(wrong, 0, "long ones are read back");
	buf_fini(&text);
	buf_fini(&b);
	buf_fini(&back);
	json_fini(&j);
}

int main(void)
{
	test_validity();
	test_cuts();
	test_depth();
	test_nodes();
	test_get();
	test_string();
	test_quote();
	test_quote_long();
	return done();
}
