/* The scanner against lines by hand, its batches and its edges. tests/unit/scan_same.c holds the
 * engines against json_parse. */
#include "scan_engines.h"

#define DEEP_8(x) x x x x x x x x
#define DEEP_64(x) DEEP_8(DEEP_8(x))
#define DEEP_255(x) \
	DEEP_64(x)  \
	DEEP_64(x)  \
	DEEP_64(x)  \
	DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) x x x x x x x

/* Each line is asked for .a and .b.c: type and text of both, or why there are none. */
#define BAD_LINE SCAN_BAD, FIELD_MISSING, "", FIELD_MISSING, ""
#define BLANK_LINE SCAN_BLANK, FIELD_MISSING, "", FIELD_MISSING, ""
#define A(type, text) SCAN_OK, type, text, FIELD_MISSING, ""
#define NOTHING A(FIELD_MISSING, "")
#define BC(type, text) SCAN_OK, FIELD_MISSING, "", type, text

static const struct {
	const char *line;
	enum scan_status status;
	uint32_t a;
	const char *a_text;
	uint32_t bc;
	const char *bc_text;
} table[] = {
	{ "", BLANK_LINE },
	{ " ", BLANK_LINE },
	{ " \t\r \t\t     \r", BLANK_LINE },
	{ "\v", BAD_LINE },
	{ "\f", BAD_LINE },
	{ "{}", NOTHING },
	{ " { } \r", NOTHING },
	{ "\t{\r}\t", NOTHING },
	{ "{}\f", BAD_LINE },
	{ "{} {}", BAD_LINE },
	{ "{},", BAD_LINE },
	{ "[]", BAD_LINE },
	{ "1", BAD_LINE },
	{ "\"a\"", BAD_LINE },
	{ "null", BAD_LINE },
	{ "[{\"a\":1}]", BAD_LINE },
	{ "{", BAD_LINE },
	{ "}", BAD_LINE },
	{ "{]", BAD_LINE },
	{ "{,}", BAD_LINE },
	{ "x{}", BAD_LINE },
	{ "{}x", BAD_LINE },
	/* a byte order mark in front */
	{ "\xef\xbb\xbf{}", NOTHING },
	{ "\xef\xbb\xbf{\"a\":1,\"b\":{\"c\":\"x\"}}\r", SCAN_OK, FIELD_NUMBER, "1", FIELD_STRING,
	  "x" },
	{ "\xef\xbb\xbf \t{\"a\":12}", A(FIELD_NUMBER, "12") },
	{ "\xef\xbb\xbf", BLANK_LINE },
	{ "\xef\xbb\xbf \r", BLANK_LINE },
	{ "\xef\xbb\xbf\xef\xbb\xbf{}", BAD_LINE },
	{ " \xef\xbb\xbf{}", BAD_LINE },
	{ "{}\xef\xbb\xbf", BAD_LINE },
	{ "\xef\xbb{}", BAD_LINE },
	{ "\xef\xbb\xbe{}", BAD_LINE },
	{ "\xef\xbb\xbf[]", BAD_LINE },
	{ "\xef", BAD_LINE },
	{ "\xef\xbb\xbf{\"a\":\"\xef\xbb\xbf\"}", A(FIELD_STRING, "\xef\xbb\xbf") },
	/* types */
	{ "{\"a\":null}", A(FIELD_NULL, "null") },
	{ "{\"a\":true}", A(FIELD_TRUE, "true") },
	{ "{\"a\":false}", A(FIELD_FALSE, "false") },
	{ "{\"a\":12}", A(FIELD_NUMBER, "12") },
	{ "{\"a\":\"x\"}", A(FIELD_STRING, "x") },
	{ "{\"a\":\"\"}", A(FIELD_STRING, "") },
	{ "{\"a\":\"x\\ny\"}", A(FIELD_ESCAPED, "x\\ny") },
	{ "{\"a\":[1,{\"a\":2}]}", A(FIELD_ARRAY, "[1,{\"a\":2}]") },
	{ "{\"a\":{\"a\":2}}", A(FIELD_OBJECT, "{\"a\":2}") },
	{ "{\"a\":{ }}", A(FIELD_OBJECT, "{ }") },
	{ "{\"a\": [ ] }", A(FIELD_ARRAY, "[ ]") },
	{ "{\"A\":1}", NOTHING },
	{ "{\"aa\":1}", NOTHING },
	{ "{\"\":1}", NOTHING },
	{ "{\"b.c\":1}", NOTHING },
	{ "{\"a\\u0000\":1}", NOTHING },
	/* words */
	{ "{\"a\":nul}", BAD_LINE },
	{ "{\"a\":nulll}", BAD_LINE },
	{ "{\"a\":True}", BAD_LINE },
	{ "{\"a\":tru}", BAD_LINE },
	{ "{\"a\":truefalse}", BAD_LINE },
	{ "{\"a\":falsy}", BAD_LINE },
	{ "{\"a\":NaN}", BAD_LINE },
	{ "{\"a\":Infinity}", BAD_LINE },
	{ "{\"a\":-Infinity}", BAD_LINE },
	{ "{\"a\":undefined}", BAD_LINE },
	{ "{\"a\":}", BAD_LINE },
	{ "{\"a\":,\"b\":1}", BAD_LINE },
	/* numbers */
	{ "{\"a\":0}", A(FIELD_NUMBER, "0") },
	{ "{\"a\":-0}", A(FIELD_NUMBER, "-0") },
	{ "{\"a\":-0.0e-0}", A(FIELD_NUMBER, "-0.0e-0") },
	{ "{\"a\":1.5E+10 }", A(FIELD_NUMBER, "1.5E+10") },
	{ "{\"a\":1e5}", A(FIELD_NUMBER, "1e5") },
	{ "{\"a\":10.01}", A(FIELD_NUMBER, "10.01") },
	{ "{\"a\":123456789012345678901234567890}",
	  A(FIELD_NUMBER, "123456789012345678901234567890") },
	{ "{\"a\":0.1234567890123456789012345678901234567890}",
	  A(FIELD_NUMBER, "0.1234567890123456789012345678901234567890") },
	{ "{\"a\":1234567890123456}", A(FIELD_NUMBER, "1234567890123456") },
	{ "{\"a\":123456789012345.}", BAD_LINE },
	{ "{\"a\":-123456789012345}", A(FIELD_NUMBER, "-123456789012345") },
	{ "{\"a\":12345678901234.5}", A(FIELD_NUMBER, "12345678901234.5") },
	{ "{\"a\":123456789012345.6}", A(FIELD_NUMBER, "123456789012345.6") },
	{ "{\"a\":1234567890123456.7}", A(FIELD_NUMBER, "1234567890123456.7") },
	{ "{\"a\":00}", BAD_LINE },
	{ "{\"a\":01}", BAD_LINE },
	{ "{\"a\":-01}", BAD_LINE },
	{ "{\"a\":-}", BAD_LINE },
	{ "{\"a\":--1}", BAD_LINE },
	{ "{\"a\":+1}", BAD_LINE },
	{ "{\"a\":.5}", BAD_LINE },
	{ "{\"a\":-.5}", BAD_LINE },
	{ "{\"a\":1.}", BAD_LINE },
	{ "{\"a\":1..2}", BAD_LINE },
	{ "{\"a\":1.2.3}", BAD_LINE },
	{ "{\"a\":1.e5}", BAD_LINE },
	{ "{\"a\":1e}", BAD_LINE },
	{ "{\"a\":1e+}", BAD_LINE },
	{ "{\"a\":1e1.5}", BAD_LINE },
	{ "{\"a\":1e5e5}", BAD_LINE },
	{ "{\"a\":0x10}", BAD_LINE },
	{ "{\"a\":1 2}", BAD_LINE },
	{ "{\"a\":1-2}", BAD_LINE },
	{ "{\"a\":1a}", BAD_LINE },
	{ "{\"a\":1\"b\":2}", BAD_LINE },
	{ "{\"a\":- 1}", BAD_LINE },
	{ "{\"a\":1,000}", BAD_LINE },
	{ "{\"a\":/1}", BAD_LINE },
	{ "{\"a\":!}", BAD_LINE },
	/* strings */
	{ "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDD1E\"}",
	  A(FIELD_ESCAPED, "\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDD1E") },
	{ "{\"a\":\"\\ud800\"}", A(FIELD_ESCAPED, "\\ud800") },
	{ "{\"a\":\"\\\\\"}", A(FIELD_ESCAPED, "\\\\") },
	{ "{\"a\":\"\\x\"}", BAD_LINE },
	{ "{\"a\":\"\\u12\"}", BAD_LINE },
	{ "{\"a\":\"\\u12g4\"}", BAD_LINE },
	{ "{\"a\":\"\\", BAD_LINE },
	{ "{\"a\":\"\\\"}", BAD_LINE },
	{ "{\"a\":\"x}", BAD_LINE },
	{ "{\"a\":'x'}", BAD_LINE },
	{ "{\"a\":\"x\"\"y\"}", BAD_LINE },
	{ "{\"a\":\"x\" \"y\"}", BAD_LINE },
	{ "{\"a\":\"\t\"}", BAD_LINE },
	{ "{\"a\":\"\r\"}", BAD_LINE },
	{ "{\"a\":\"\x01\"}", BAD_LINE },
	{ "{\"a\":\"\x1f\"}", BAD_LINE },
	{ "{\"a\":\"\x7f\"}", A(FIELD_STRING, "\x7f") },
	{ "{\"a\t\":1}", BAD_LINE },
	{ "{\"a\":\\\"x\"}", BAD_LINE },
	{ "\\{\"a\":1}", BAD_LINE },
	/* UTF-8 */
	{ "{\"a\":\"\xc3\xa9\"}", A(FIELD_STRING, "\xc3\xa9") },
	{ "{\"a\":\"\xe2\x82\xac\"}", A(FIELD_STRING, "\xe2\x82\xac") },
	{ "{\"a\":\"\xf0\x9f\x98\x80\"}", A(FIELD_STRING, "\xf0\x9f\x98\x80") },
	{ "{\"a\":\"\xf4\x8f\xbf\xbf\"}", A(FIELD_STRING, "\xf4\x8f\xbf\xbf") },
	{ "{\"a\":\"\xc2\x80\"}", A(FIELD_STRING, "\xc2\x80") },
	{ "{\"a\":\"\xe0\xa0\x80\"}", A(FIELD_STRING, "\xe0\xa0\x80") },
	{ "{\"a\":\"\xed\x9f\xbf\"}", A(FIELD_STRING, "\xed\x9f\xbf") },
	{ "{\"a\":\"\xef\xbf\xbf\"}", A(FIELD_STRING, "\xef\xbf\xbf") },
	{ "{\"a\":\"\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xbf\"}", BAD_LINE },
	{ "{\"a\":\"\xc3\"}", BAD_LINE },
	{ "{\"a\":\"\xc3\xa9\xa9\"}", BAD_LINE },
	{ "{\"a\":\"\xc0\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xc1\xbf\"}", BAD_LINE },
	{ "{\"a\":\"\xe0\x9f\xbf\"}", BAD_LINE },
	{ "{\"a\":\"\xed\xa0\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xf0\x8f\xbf\xbf\"}", BAD_LINE },
	{ "{\"a\":\"\xf4\x90\x80\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xf5\x80\x80\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xff\"}", BAD_LINE },
	{ "{\"a\":\"\xe2\x82\"}", BAD_LINE },
	{ "{\"a\":\"\xf0\x9f\x98\"}", BAD_LINE },
	{ "{\"a\":\"\xe2\x28\xa1\"}", BAD_LINE },
	{ "{\"a\":\"\xc3\\n\"}", BAD_LINE },
	{ "{\"\xc3\xa9\":1}", NOTHING },
	{ "{\"\xc3\":1}", BAD_LINE },
	{ "{\xc3\xa9:1}", BAD_LINE },
	{ "{\"a\":\xc3\xa9}", BAD_LINE },
	{ "{\"a\":1}\xc3\xa9", BAD_LINE },
	{ "{\"x\":\"\xc3\"}", BAD_LINE },
	{ "{\"a\":1}\xe2\x82", BAD_LINE },
	{ "{\xc2\xa0}", BAD_LINE },
	/* commas, colons, nesting */
	{ "{\"a\":1,}", BAD_LINE },
	{ "{,\"a\":1}", BAD_LINE },
	{ "{\"a\":1,,\"x\":2}", BAD_LINE },
	{ "{\"a\" 1}", BAD_LINE },
	{ "{\"a\"::1}", BAD_LINE },
	{ "{\"a\":1:2}", BAD_LINE },
	{ "{\"a\"}", BAD_LINE },
	{ "{\"a\",\"b\"}", BAD_LINE },
	{ "{a:1}", BAD_LINE },
	{ "{1:1}", BAD_LINE },
	{ "{\"a\":1;}", BAD_LINE },
	{ "{\"a\":1 \"x\":2}", BAD_LINE },
	{ "{\"a\":[1,]}", BAD_LINE },
	{ "{\"a\":[,1]}", BAD_LINE },
	{ "{\"a\":[1 2]}", BAD_LINE },
	{ "{\"a\":[\"x\":1]}", BAD_LINE },
	{ "{\"a\":[1}", BAD_LINE },
	{ "{\"a\":[1}]", BAD_LINE },
	{ "{\"a\":{]}", BAD_LINE },
	{ "{\"a\":{}", BAD_LINE },
	{ "{\"a\":{}}}", BAD_LINE },
	{ "{\"a\":]}", BAD_LINE },
	{ "{\"a\":[[[]]]}", A(FIELD_ARRAY, "[[[]]]") },
	{ "{\"a\":[[],[{}]]}", A(FIELD_ARRAY, "[[],[{}]]") },
	{ "{{}}", BAD_LINE },
	{ "{[]}", BAD_LINE },
	{ "{\"a\":1}}", BAD_LINE },
	{ "{\"a\":1}]", BAD_LINE },
	{ "{\"a\":1} x", BAD_LINE },
	{ "{\"a\":1}\"", BAD_LINE },
	{ " { \"a\" : 1 , \"b\" : { \"c\" : [ 1 , 2 ] } } ", SCAN_OK, FIELD_NUMBER, "1",
	  FIELD_ARRAY, "[ 1 , 2 ]" },
	{ "\t{\t\"a\"\t:\t1\t,\r\"b\"\r:\r{\"c\":\t2\r}\t}\r", SCAN_OK, FIELD_NUMBER, "1",
	  FIELD_NUMBER, "2" },
	{ "{\"a\":\v1}", BAD_LINE },
	{ "{\"a\":\xc2\xa0"
	  "1}",
	  BAD_LINE },
	/* paths and equal names: the last one wins, at every step */
	{ "{\"b\":{\"c\":1}}", BC(FIELD_NUMBER, "1") },
	{ "{\"b\":{\"x\":{\"c\":1}}}", NOTHING },
	{ "{\"x\":{\"b\":{\"c\":1}}}", NOTHING },
	{ "{\"c\":1}", NOTHING },
	{ "{\"b\":[{\"c\":1}]}", NOTHING },
	{ "{\"b\":null}", NOTHING },
	{ "{\"b\":5}", NOTHING },
	{ "{\"b\":\"c\"}", NOTHING },
	{ "{\"b\":{\"c\":null}}", BC(FIELD_NULL, "null") },
	{ "{\"a\":1,\"a\":\"x\"}", A(FIELD_STRING, "x") },
	{ "{\"a\":1,\"a\":null}", A(FIELD_NULL, "null") },
	{ "{\"\\u0061\":1}", A(FIELD_NUMBER, "1") },
	{ "{\"a\":1,\"\\u0061\":2}", A(FIELD_NUMBER, "2") },
	{ "{\"\\u0061\":2,\"a\":1}", A(FIELD_NUMBER, "1") },
	{ "{\"\\\\u0061\":2}", NOTHING },
	{ "{\"\\ud800\":1}", NOTHING },
	{ "{\"b\":{\"c\":1},\"b\":{\"c\":2}}", BC(FIELD_NUMBER, "2") },
	{ "{\"b\":{\"c\":1},\"b\":{}}", NOTHING },
	{ "{\"b\":{\"c\":1},\"b\":7}", NOTHING },
	{ "{\"b\":{\"c\":1},\"b\":{\"x\":1}}", NOTHING },
	{ "{\"b\":7,\"b\":{\"c\":1}}", BC(FIELD_NUMBER, "1") },
	{ "{\"b\":{\"c\":1,\"c\":2}}", BC(FIELD_NUMBER, "2") },
	{ "{\"b\":{\"c\":1},\"\\u0062\":[]}", NOTHING },
	{ "{\"b\":{\"c\":{}}}", BC(FIELD_OBJECT, "{}") },
	{ "{\"b\":{\"c\":1,\"c\":{\"c\":2}}}", BC(FIELD_OBJECT, "{\"c\":2}") },
	{ "{\"\\u0062\":{\"\\u0063\":3}}", BC(FIELD_NUMBER, "3") },
	{ "{\"b\":{\"b\":{\"c\":1}}}", NOTHING },
	{ "{\"b\":{\"a\":1}}", NOTHING },
	{ "{\"a\":{\"b\":{\"c\":1}}}", A(FIELD_OBJECT, "{\"b\":{\"c\":1}}") },
	/* depth: 256 containers are fine, 257 are not */
	{ "{\"a\":" DEEP_255("[") DEEP_255("]") "}", A(FIELD_ARRAY, DEEP_255("[") DEEP_255("]")) },
	{ "{\"a\":" DEEP_255("[") "["
				  "]" DEEP_255("]") "}",
	  BAD_LINE },
	{ "{\"b\":{\"c\":" DEEP_255("{\"c\":") "1" DEEP_255("}") "}}", BAD_LINE },
};

static bool as_in_table(const struct scan_batch *batch, unsigned line, size_t i)
{
	const struct field *f = batch->field + line * 2;
	return scan_status(batch, line) == table[i].status && f[0].type == table[i].a &&
	       f[1].type == table[i].bc && slice_is(slice(f[0].p, f[0].n), table[i].a_text) &&
	       slice_is(slice(f[1].p, f[1].n), table[i].bc_text);
}

/* Each line several times, so that it is learned from itself; what the line before taught is
 * tried first. */
static void by_hand(void)
{
	enum { TIMES = 12 };
	static const char *const wanted[] = { "a", "b.c" };
	struct path *paths = paths_of(wanted, 2);
	struct scan *s = scan_new(paths, 2, NULL);
	struct scan_batch batch;
	for (size_t e = 0; e < COUNT(engines); e++) {
		if (!scan_force(s, engines[e].engine, engines[e].learn))
			continue;
		for (size_t i = 0; i < COUNT(table); i++) {
			struct buf b = { 0 };
			for (int k = 0; k < TIMES; k++) {
				buf_addz(&b, table[i].line);
				buf_addc(&b, '\n');
			}
			char *room = padded(&b, i % 64);
			scan_lines(s, room + i % 64 + SCAN_PAD, b.n, &batch);
			bool same = batch.lines == TIMES && batch.used == b.n;
			for (unsigned k = 0; k < TIMES && same; k++)
				same = as_in_table(&batch, k, i);
			ok(same, "%s: %.60s", engines[e].name, table[i].line);
			free(room);
			buf_fini(&b);
		}
	}
	scan_free(s);
	paths_free(paths, 2);
}

/* How a block is cut into batches; where there is nothing to cut. */
static void batches(void)
{
	static const char *const wanted[] = { "a" };
	struct path *paths = paths_of(wanted, 1);
	struct scan *s = scan_new(paths, 1, NULL);
	struct scan_batch batch;
	for (size_t e = 0; e < COUNT(engines); e++) {
		if (!scan_force(s, engines[e].engine, engines[e].learn))
			continue;
		bool cut = true, ends = true;
		for (unsigned filler = 0; filler < 200; filler++) {
			struct buf b = { 0 };
			unsigned lines = 1 + filler * 7 % 150, seen = 0;
			for (unsigned i = 0; i < lines; i++)
				buf_printf(&b, "{\"a\":%u,\"x\":\"%.*s\"}\n", i,
					   (int)((filler + i % 3) % 200),
					   "......................................................."
					   "........."
					   "......................................................."
					   "......................................................."
					   "..................");
			size_t whole = b.n;
			buf_addz(&b, "{\"a\":1}"); /* not yet a line */
			char *room = padded(&b, filler % 64), *p = room + filler % 64 + SCAN_PAD;
			for (size_t at = 0; at < whole; at += batch.used, seen += batch.lines) {
				scan_lines(s, p + at, b.n - at, &batch);
				cut &= batch.lines == (lines - seen < SCAN_BATCH ? lines - seen
										 : SCAN_BATCH) &&
				       batch.used > 0;
				for (unsigned i = 0; i < batch.lines; i++)
					ends &= scan_status(&batch, i) == SCAN_OK &&
						strtoul(batch.field[i].p, NULL, 10) == seen + i;
				if (batch.used == 0)
					break;
			}
			scan_lines(s, p + whole, b.n - whole, &batch);
			cut &= batch.lines == 0 && batch.used == 0;
			free(room);
			buf_fini(&b);
		}
		scan_lines(s, (char[2 * SCAN_PAD + 1]){ 0 } + SCAN_PAD, 0, &batch);
		ok(cut && batch.lines == 0 && batch.used == 0,
		   "%s: blocks are cut into whole lines", engines[e].name);
		ok(ends, "%s: lines of every length, at every offset", engines[e].name);
	}
	scan_free(s);
	paths_free(paths, 1);
}

/* A line is what it is whatever stands before and behind the block. */
static void surroundings(void)
{
	static const struct {
		const char *line;
		enum scan_status status;
	} lines[] = {
		{ "{\"\xc3\xa9\":1}\n", SCAN_OK },
		{ "{\"\xf0\x9f\x98\x80\":1}\n", SCAN_OK },
		{ "{\"\xee\x9d\x9d]s\":404}\n", SCAN_OK },
		{ "{\"a\":\"\xe6\x97\xa5\"}\n", SCAN_OK },
		{ "{\"\\\"\":\"\\\\\"}\n", SCAN_OK },
		{ "{\"\x9d\":1}\n", SCAN_BAD },
		{ "{\"\x9d\x9d\x9d\":1}\n", SCAN_BAD },
		{ "{\"a\":\"\xe6\x97\"}\n", SCAN_BAD },
		{ "{\"a\":1\n", SCAN_BAD },
		{ "{\"a\":\"\n", SCAN_BAD },
		{ "{\"a\":\"\\\n", SCAN_BAD },
	};
	struct path *paths = paths_of((const char *const[]){ "a" }, 1);
	struct scan *s = scan_new(paths, 1, NULL);
	struct scan_batch batch;
	for (size_t e = 0; e < COUNT(engines); e++) {
		unsigned wrong = 0;
		if (!scan_force(s, engines[e].engine, engines[e].learn))
			continue;
		for (unsigned i = 0; i < COUNT(lines) * 256 * 2; i++) {
			size_t n = strlen(lines[i / 2 % COUNT(lines)].line), times = i % 2 ? 12 : 1;
			char room[2 * SCAN_PAD + 512];
			/* forgets what was learned */
			scan_force(s, engines[e].engine, engines[e].learn);
			memset(room, (int)(i / 2 / COUNT(lines)), sizeof room);
			for (size_t k = 0; k < times; k++)
				memcpy(room + SCAN_PAD + k * n, lines[i / 2 % COUNT(lines)].line,
				       n);
			scan_lines(s, room + SCAN_PAD, times * n, &batch);
			wrong += batch.lines != times;
			for (unsigned k = 0; k < batch.lines; k++)
				wrong += scan_status(&batch, k) !=
					 lines[i / 2 % COUNT(lines)].status;
		}
		ok(wrong == 0, "%s: what stands around a block does not matter", engines[e].name);
	}
	scan_free(s);
	paths_free(paths, 1);
}

static void the_rest(void)
{
	struct path *paths = paths_of((const char *const[]){ "a", "a" }, 2), many[SCAN_FIELDS + 1];
	struct err err = ERR_INIT;
	for (int i = 0; i <= SCAN_FIELDS; i++)
		many[i] = paths[0];
	ok(!scan_new(many, SCAN_FIELDS + 1, &err) && err.code == EX_USAGE, "too many fields: %s",
	   err.msg);
	struct scan *s = scan_new(many, SCAN_FIELDS, NULL);
	ok(scan_width(s) == SCAN_FIELDS, "as many as there may be");
	scan_free(s);
	scan_free(NULL);
	s = scan_new(NULL, 0, NULL);
	struct scan_batch batch;
	char room[2 * SCAN_PAD + 8] = { 0 };
	memcpy(room + SCAN_PAD, "{}\n \n{\n", 7);
	scan_lines(s, room + SCAN_PAD, 7, &batch);
	ok(batch.lines == 3 && batch.valid == 1 && batch.blank == 2, "no fields at all");
	scan_free(s);
	scan_why(slice_z("{\"a\":01}"), &err);
	ok(err.code == EX_DATAERR && strstr(err.msg, "byte 7"), "why: %s", err.msg);
	scan_why(slice_z("[1]"), &err);
	ok(err.code == EX_DATAERR && strstr(err.msg, "object"), "why: %s", err.msg);
	struct buf text = { 0 };
	ok(scan_unescape(slice_z("a\\u00e9\\n\\ud83d\\ude00"), &text) == 0, "unescape");
	is_bytes(text.p, text.n, "a\xc3\xa9\n\xf0\x9f\x98\x80", "unescaped");
	ok(scan_unescape(slice_z("a\\ud800"), &text) == -1 && text.n == 8,
	   "a lone surrogate adds nothing");
	buf_fini(&text);
	paths_free(paths, 2);
}

int main(void)
{
	by_hand();
	batches();
	surroundings();
	the_rest();
	return done();
}
