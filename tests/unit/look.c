/* What a refused line seems to be. */
#include "scan/look.h"

#include "tap.h"

#define S(z)                     \
	{                        \
		z, sizeof(z) - 1 \
	}

static const struct {
	struct slice line;
	enum look want;
} table[] = {
	/* lines of a text that a printer has spread, each by itself */
	{ S("["), LOOK_OPENS },
	{ S(" [ \r"), LOOK_OPENS },
	{ S("{"), LOOK_OPENS },
	{ S("\xef\xbb\xbf["), LOOK_OPENS },
	{ S("[ {"), LOOK_OPENS },
	{ S("[{\"a\":1},"), LOOK_OPENS },
	{ S("  \"a\": 1,"), LOOK_OPENS },
	{ S("  \"a\" : \"x,\\\"y\","), LOOK_OPENS },
	{ S("  \"a\": {"), LOOK_OPENS },
	{ S("\"a\": [{\"b\": [1, {"), LOOK_OPENS },
	{ S("{\"a\":1},"), LOOK_OPENS },
	{ S("}, {"), LOOK_OPENS },
	{ S("],\"b\":["), LOOK_OPENS },
	{ S("{\"events\":["), LOOK_OPENS },
	{ S("{ \"a\": 1,"), LOOK_OPENS },
	{ S("1,"), LOOK_OPENS },
	{ S("\"x\","), LOOK_OPENS },
	{ S("\"a\":"), LOOK_OPENS },
	{ S("{\"a\" :"), LOOK_OPENS },
	{ S("true ,"), LOOK_OPENS },
	{ S(",{"), LOOK_OPENS },
	{ S("  \"a\": 1"), LOOK_CLOSES },
	{ S("\"a\":{\"b\":[]}"), LOOK_CLOSES },
	{ S("]"), LOOK_CLOSES },
	{ S("}"), LOOK_CLOSES },
	{ S("  }, "), LOOK_CLOSES },
	{ S("}]}"), LOOK_CLOSES },
	{ S(",{\"a\":1}"), LOOK_CLOSES },
	{ S(", \"b\": 2"), LOOK_CLOSES },
	{ S(","), LOOK_CLOSES },
	/* whole ones */
	{ S("[]"), LOOK_ARRAY },
	{ S("[{\"a\":1},{\"a\":2}]"), LOOK_ARRAY },
	{ S("\xef\xbb\xbf [1]\r"), LOOK_ARRAY },
	{ S("{}"), LOOK_UNKNOWN },
	{ S("{\"a\":[1,{}]}"), LOOK_UNKNOWN },
	{ S("1"), LOOK_UNKNOWN },
	{ S("\"a\""), LOOK_UNKNOWN },
	{ S("null"), LOOK_UNKNOWN },
	{ S(""), LOOK_UNKNOWN },
	{ S(" \t\r"), LOOK_UNKNOWN },
	{ S("\xef\xbb\xbf"), LOOK_UNKNOWN },
	/* what is broken, or cut off, is no piece */
	{ S("{\"a\":1"), LOOK_UNKNOWN },
	{ S("{\"a\":\"x"), LOOK_UNKNOWN },
	{ S("{\"a\":[1"), LOOK_UNKNOWN },
	{ S("\"a\":1}"), LOOK_UNKNOWN },
	{ S(",\"a\":1}"), LOOK_UNKNOWN },
	{ S("{\"a\":1}}"), LOOK_UNKNOWN },
	{ S("{\"a\":1]"), LOOK_UNKNOWN },
	{ S("{a:1},"), LOOK_UNKNOWN },
	{ S("{\"a\":nan},"), LOOK_UNKNOWN },
	{ S("{\"a\":1},,"), LOOK_UNKNOWN },
	{ S("{\"a\":\"x,"), LOOK_UNKNOWN },
	{ S("{\"a\":\"x{"), LOOK_UNKNOWN },
	{ S("{\"a\":\"x\\"), LOOK_UNKNOWN },
	{ S("\""), LOOK_UNKNOWN },
	{ S("\"\\"), LOOK_UNKNOWN },
	{ S("{\"a\":1}{\"a\":2}"), LOOK_UNKNOWN },
	{ S("{\"a\":1} {"), LOOK_UNKNOWN },
	/* other texts */
	{ S("not json"), LOOK_UNKNOWN },
	{ S("hello,"), LOOK_UNKNOWN },
	{ S("a,b,c"), LOOK_UNKNOWN },
	{ S("[2026-11-28 13:00:05] started,"), LOOK_UNKNOWN },
	{ S("key: value"), LOOK_UNKNOWN },
	{ S("{% block %}"), LOOK_UNKNOWN },
	{ S("<a>"), LOOK_UNKNOWN },
	{ S(":"), LOOK_UNKNOWN },
	/* UTF-16, as newlines cut it */
	{ S("\xff\xfe{\0\"\0"), LOOK_UTF16 },
	{ S("\xfe\xff\0{\0\""), LOOK_UTF16 },
	{ S("\xff\xfe"), LOOK_UTF16 },
	{ S("{\0\"\0t\0"), LOOK_UTF16 },
	{ S("\0{\0\"\0t\0"), LOOK_UTF16 },
	{ S("\0{"), LOOK_UTF16 },
	{ S("{\0"), LOOK_UTF16 },
	{ S("\0"), LOOK_UTF16 },
	{ S("\0{\0\"\x20\xac"), LOOK_UTF16 },
	{ S("\0\0"), LOOK_UNKNOWN },
	{ S("{\0\0\0"), LOOK_UNKNOWN },
	{ S("{\"a\":1}\0"), LOOK_UNKNOWN },
	{ S("\xff"), LOOK_UNKNOWN },
	{ S("\xff{}"), LOOK_UNKNOWN },
	/* a schema registry's five bytes */
	{ S("\0\0\0\0\7{\"a\":1}"), LOOK_FRAMED_JSON },
	{ S("\0\0\1\2\3 {\"a\":1}"), LOOK_FRAMED_JSON },
	{ S("\0\0\0\0\7[1]"), LOOK_FRAMED_JSON },
	{ S("\0\0\0\0 {}"), LOOK_FRAMED_JSON },
	{ S("\0\0\0\0\7\x02\x36hello"), LOOK_FRAMED },
	{ S("\0\x01\x02\x03\x04\0\x08"), LOOK_FRAMED },
	{ S("\0\0\0\0\7"), LOOK_UNKNOWN },
	{ S("\1\0\0\0\7{}"), LOOK_UNKNOWN },
};

static void test_table(void)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		enum look got = look_at(table[i].line);
		ok(got == table[i].want, "line %zu is %d, seems to be %d", i, table[i].want, got);
		ok(!look_words(got) == (got == LOOK_UNKNOWN), "has words if it is known");
	}
}

/* As deep as JSON may be, and deeper. */
static void test_depth(void)
{
	char deep[300];
	memset(deep, '[', sizeof(deep));
	is_int(look_at(slice(deep, 256)), LOOK_OPENS, "256 brackets");
	is_int(look_at(slice(deep, 257)), LOOK_UNKNOWN, "257");
}

int main(void)
{
	test_table();
	test_depth();
	return done();
}
