/* The scanner against a table of lines by hand, then every engine against json_parse over lines that a seeded generator makes and breaks. */
#include "rec/scan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rec/json.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct engine { const char *name; enum scan_engine engine; bool learn; } engines[] = {
	{ "portable", SCAN_PORTABLE, false }, { "portable, learned", SCAN_PORTABLE, true },
	{ "avx2", SCAN_AVX2, false }, { "avx2, learned", SCAN_AVX2, true },
	{ "avx512", SCAN_AVX512, false }, { "avx512, learned", SCAN_AVX512, true },
	{ "auto", SCAN_AUTO, true },
};

#define DEEP_8(x) x x x x x x x x
#define DEEP_64(x) DEEP_8(DEEP_8(x))
#define DEEP_255(x) DEEP_64(x) DEEP_64(x) DEEP_64(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) DEEP_8(x) x x x x x x x

/* Each line is asked for .a and .b.c: type and text of both, or why there are none. */
#define BAD_LINE SCAN_BAD, FIELD_MISSING, "", FIELD_MISSING, ""
#define BLANK_LINE SCAN_BLANK, FIELD_MISSING, "", FIELD_MISSING, ""
#define A(type, text) SCAN_OK, type, text, FIELD_MISSING, ""
#define NOTHING A(FIELD_MISSING, "")
#define BC(type, text) SCAN_OK, FIELD_MISSING, "", type, text

static const struct { const char *line; enum scan_status status; uint32_t a; const char *a_text; uint32_t bc; const char *bc_text; } table[] = {
	{ "", BLANK_LINE }, { " ", BLANK_LINE }, { " \t\r \t\t     \r", BLANK_LINE }, { "\v", BAD_LINE }, { "\f", BAD_LINE },
	{ "{}", NOTHING }, { " { } \r", NOTHING }, { "\t{\r}\t", NOTHING }, { "{}\f", BAD_LINE }, { "{} {}", BAD_LINE }, { "{},", BAD_LINE },
	{ "[]", BAD_LINE }, { "1", BAD_LINE }, { "\"a\"", BAD_LINE }, { "null", BAD_LINE }, { "[{\"a\":1}]", BAD_LINE }, { "{", BAD_LINE }, { "}", BAD_LINE },
	{ "{]", BAD_LINE }, { "{,}", BAD_LINE }, { "\xef\xbb\xbf{}", BAD_LINE }, { "x{}", BAD_LINE }, { "{}x", BAD_LINE },
	/* types */
	{ "{\"a\":null}", A(FIELD_NULL, "null") }, { "{\"a\":true}", A(FIELD_TRUE, "true") }, { "{\"a\":false}", A(FIELD_FALSE, "false") },
	{ "{\"a\":12}", A(FIELD_NUMBER, "12") }, { "{\"a\":\"x\"}", A(FIELD_STRING, "x") }, { "{\"a\":\"\"}", A(FIELD_STRING, "") },
	{ "{\"a\":\"x\\ny\"}", A(FIELD_ESCAPED, "x\\ny") }, { "{\"a\":[1,{\"a\":2}]}", A(FIELD_ARRAY, "[1,{\"a\":2}]") },
	{ "{\"a\":{\"a\":2}}", A(FIELD_OBJECT, "{\"a\":2}") }, { "{\"a\":{ }}", A(FIELD_OBJECT, "{ }") }, { "{\"a\": [ ] }", A(FIELD_ARRAY, "[ ]") },
	{ "{\"A\":1}", NOTHING }, { "{\"aa\":1}", NOTHING }, { "{\"\":1}", NOTHING }, { "{\"b.c\":1}", NOTHING }, { "{\"a\\u0000\":1}", NOTHING },
	/* words */
	{ "{\"a\":nul}", BAD_LINE }, { "{\"a\":nulll}", BAD_LINE }, { "{\"a\":True}", BAD_LINE }, { "{\"a\":tru}", BAD_LINE }, { "{\"a\":truefalse}", BAD_LINE },
	{ "{\"a\":falsy}", BAD_LINE }, { "{\"a\":NaN}", BAD_LINE }, { "{\"a\":Infinity}", BAD_LINE }, { "{\"a\":-Infinity}", BAD_LINE },
	{ "{\"a\":undefined}", BAD_LINE }, { "{\"a\":}", BAD_LINE }, { "{\"a\":,\"b\":1}", BAD_LINE },
	/* numbers */
	{ "{\"a\":0}", A(FIELD_NUMBER, "0") }, { "{\"a\":-0}", A(FIELD_NUMBER, "-0") }, { "{\"a\":-0.0e-0}", A(FIELD_NUMBER, "-0.0e-0") },
	{ "{\"a\":1.5E+10 }", A(FIELD_NUMBER, "1.5E+10") }, { "{\"a\":1e5}", A(FIELD_NUMBER, "1e5") }, { "{\"a\":10.01}", A(FIELD_NUMBER, "10.01") },
	{ "{\"a\":123456789012345678901234567890}", A(FIELD_NUMBER, "123456789012345678901234567890") },
	{ "{\"a\":0.1234567890123456789012345678901234567890}", A(FIELD_NUMBER, "0.1234567890123456789012345678901234567890") },
	{ "{\"a\":1234567890123456}", A(FIELD_NUMBER, "1234567890123456") }, { "{\"a\":123456789012345.}", BAD_LINE },
	{ "{\"a\":-123456789012345}", A(FIELD_NUMBER, "-123456789012345") }, { "{\"a\":12345678901234.5}", A(FIELD_NUMBER, "12345678901234.5") },
	{ "{\"a\":123456789012345.6}", A(FIELD_NUMBER, "123456789012345.6") }, { "{\"a\":1234567890123456.7}", A(FIELD_NUMBER, "1234567890123456.7") },
	{ "{\"a\":00}", BAD_LINE }, { "{\"a\":01}", BAD_LINE }, { "{\"a\":-01}", BAD_LINE }, { "{\"a\":-}", BAD_LINE }, { "{\"a\":--1}", BAD_LINE },
	{ "{\"a\":+1}", BAD_LINE }, { "{\"a\":.5}", BAD_LINE }, { "{\"a\":-.5}", BAD_LINE }, { "{\"a\":1.}", BAD_LINE }, { "{\"a\":1..2}", BAD_LINE },
	{ "{\"a\":1.2.3}", BAD_LINE }, { "{\"a\":1.e5}", BAD_LINE }, { "{\"a\":1e}", BAD_LINE }, { "{\"a\":1e+}", BAD_LINE }, { "{\"a\":1e1.5}", BAD_LINE },
	{ "{\"a\":1e5e5}", BAD_LINE }, { "{\"a\":0x10}", BAD_LINE }, { "{\"a\":1 2}", BAD_LINE }, { "{\"a\":1-2}", BAD_LINE }, { "{\"a\":1a}", BAD_LINE },
	{ "{\"a\":1\"b\":2}", BAD_LINE }, { "{\"a\":- 1}", BAD_LINE }, { "{\"a\":1,000}", BAD_LINE }, { "{\"a\":/1}", BAD_LINE }, { "{\"a\":!}", BAD_LINE },
	/* strings */
	{ "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDD1E\"}", A(FIELD_ESCAPED, "\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDD1E") },
	{ "{\"a\":\"\\ud800\"}", A(FIELD_ESCAPED, "\\ud800") }, { "{\"a\":\"\\\\\"}", A(FIELD_ESCAPED, "\\\\") },
	{ "{\"a\":\"\\x\"}", BAD_LINE }, { "{\"a\":\"\\u12\"}", BAD_LINE }, { "{\"a\":\"\\u12g4\"}", BAD_LINE }, { "{\"a\":\"\\", BAD_LINE },
	{ "{\"a\":\"\\\"}", BAD_LINE }, { "{\"a\":\"x}", BAD_LINE }, { "{\"a\":'x'}", BAD_LINE }, { "{\"a\":\"x\"\"y\"}", BAD_LINE }, { "{\"a\":\"x\" \"y\"}", BAD_LINE },
	{ "{\"a\":\"\t\"}", BAD_LINE }, { "{\"a\":\"\r\"}", BAD_LINE }, { "{\"a\":\"\x01\"}", BAD_LINE }, { "{\"a\":\"\x1f\"}", BAD_LINE },
	{ "{\"a\":\"\x7f\"}", A(FIELD_STRING, "\x7f") }, { "{\"a\t\":1}", BAD_LINE }, { "{\"a\":\\\"x\"}", BAD_LINE }, { "\\{\"a\":1}", BAD_LINE },
	/* UTF-8 */
	{ "{\"a\":\"\xc3\xa9\"}", A(FIELD_STRING, "\xc3\xa9") }, { "{\"a\":\"\xe2\x82\xac\"}", A(FIELD_STRING, "\xe2\x82\xac") },
	{ "{\"a\":\"\xf0\x9f\x98\x80\"}", A(FIELD_STRING, "\xf0\x9f\x98\x80") }, { "{\"a\":\"\xf4\x8f\xbf\xbf\"}", A(FIELD_STRING, "\xf4\x8f\xbf\xbf") },
	{ "{\"a\":\"\xc2\x80\"}", A(FIELD_STRING, "\xc2\x80") }, { "{\"a\":\"\xe0\xa0\x80\"}", A(FIELD_STRING, "\xe0\xa0\x80") },
	{ "{\"a\":\"\xed\x9f\xbf\"}", A(FIELD_STRING, "\xed\x9f\xbf") }, { "{\"a\":\"\xef\xbf\xbf\"}", A(FIELD_STRING, "\xef\xbf\xbf") },
	{ "{\"a\":\"\x80\"}", BAD_LINE }, { "{\"a\":\"\xbf\"}", BAD_LINE }, { "{\"a\":\"\xc3\"}", BAD_LINE }, { "{\"a\":\"\xc3\xa9\xa9\"}", BAD_LINE },
	{ "{\"a\":\"\xc0\x80\"}", BAD_LINE }, { "{\"a\":\"\xc1\xbf\"}", BAD_LINE }, { "{\"a\":\"\xe0\x9f\xbf\"}", BAD_LINE }, { "{\"a\":\"\xed\xa0\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xf0\x8f\xbf\xbf\"}", BAD_LINE }, { "{\"a\":\"\xf4\x90\x80\x80\"}", BAD_LINE }, { "{\"a\":\"\xf5\x80\x80\x80\"}", BAD_LINE },
	{ "{\"a\":\"\xff\"}", BAD_LINE }, { "{\"a\":\"\xe2\x82\"}", BAD_LINE }, { "{\"a\":\"\xf0\x9f\x98\"}", BAD_LINE }, { "{\"a\":\"\xe2\x28\xa1\"}", BAD_LINE },
	{ "{\"a\":\"\xc3\\n\"}", BAD_LINE }, { "{\"\xc3\xa9\":1}", NOTHING }, { "{\"\xc3\":1}", BAD_LINE }, { "{\xc3\xa9:1}", BAD_LINE }, { "{\"a\":\xc3\xa9}", BAD_LINE },
	{ "{\"a\":1}\xc3\xa9", BAD_LINE }, { "{\"x\":\"\xc3\"}", BAD_LINE }, { "{\"a\":1}\xe2\x82", BAD_LINE }, { "{\xc2\xa0}", BAD_LINE },
	/* commas, colons, nesting */
	{ "{\"a\":1,}", BAD_LINE }, { "{,\"a\":1}", BAD_LINE }, { "{\"a\":1,,\"x\":2}", BAD_LINE }, { "{\"a\" 1}", BAD_LINE }, { "{\"a\"::1}", BAD_LINE },
	{ "{\"a\":1:2}", BAD_LINE }, { "{\"a\"}", BAD_LINE }, { "{\"a\",\"b\"}", BAD_LINE }, { "{a:1}", BAD_LINE }, { "{1:1}", BAD_LINE }, { "{\"a\":1;}", BAD_LINE },
	{ "{\"a\":1 \"x\":2}", BAD_LINE }, { "{\"a\":[1,]}", BAD_LINE }, { "{\"a\":[,1]}", BAD_LINE }, { "{\"a\":[1 2]}", BAD_LINE }, { "{\"a\":[\"x\":1]}", BAD_LINE },
	{ "{\"a\":[1}", BAD_LINE }, { "{\"a\":[1}]", BAD_LINE }, { "{\"a\":{]}", BAD_LINE }, { "{\"a\":{}", BAD_LINE }, { "{\"a\":{}}}", BAD_LINE }, { "{\"a\":]}", BAD_LINE },
	{ "{\"a\":[[[]]]}", A(FIELD_ARRAY, "[[[]]]") }, { "{\"a\":[[],[{}]]}", A(FIELD_ARRAY, "[[],[{}]]") }, { "{{}}", BAD_LINE }, { "{[]}", BAD_LINE },
	{ "{\"a\":1}}", BAD_LINE }, { "{\"a\":1}]", BAD_LINE }, { "{\"a\":1} x", BAD_LINE }, { "{\"a\":1}\"", BAD_LINE },
	{ " { \"a\" : 1 , \"b\" : { \"c\" : [ 1 , 2 ] } } ", SCAN_OK, FIELD_NUMBER, "1", FIELD_ARRAY, "[ 1 , 2 ]" },
	{ "\t{\t\"a\"\t:\t1\t,\r\"b\"\r:\r{\"c\":\t2\r}\t}\r", SCAN_OK, FIELD_NUMBER, "1", FIELD_NUMBER, "2" },
	{ "{\"a\":\v1}", BAD_LINE }, { "{\"a\":\xc2\xa0" "1}", BAD_LINE },
	/* paths and equal names: the last one wins, at every step */
	{ "{\"b\":{\"c\":1}}", BC(FIELD_NUMBER, "1") }, { "{\"b\":{\"x\":{\"c\":1}}}", NOTHING }, { "{\"x\":{\"b\":{\"c\":1}}}", NOTHING }, { "{\"c\":1}", NOTHING },
	{ "{\"b\":[{\"c\":1}]}", NOTHING }, { "{\"b\":null}", NOTHING }, { "{\"b\":5}", NOTHING }, { "{\"b\":\"c\"}", NOTHING }, { "{\"b\":{\"c\":null}}", BC(FIELD_NULL, "null") },
	{ "{\"a\":1,\"a\":\"x\"}", A(FIELD_STRING, "x") }, { "{\"a\":1,\"a\":null}", A(FIELD_NULL, "null") }, { "{\"\\u0061\":1}", A(FIELD_NUMBER, "1") },
	{ "{\"a\":1,\"\\u0061\":2}", A(FIELD_NUMBER, "2") }, { "{\"\\u0061\":2,\"a\":1}", A(FIELD_NUMBER, "1") }, { "{\"\\\\u0061\":2}", NOTHING },
	{ "{\"\\ud800\":1}", NOTHING }, { "{\"b\":{\"c\":1},\"b\":{\"c\":2}}", BC(FIELD_NUMBER, "2") }, { "{\"b\":{\"c\":1},\"b\":{}}", NOTHING },
	{ "{\"b\":{\"c\":1},\"b\":7}", NOTHING }, { "{\"b\":{\"c\":1},\"b\":{\"x\":1}}", NOTHING }, { "{\"b\":7,\"b\":{\"c\":1}}", BC(FIELD_NUMBER, "1") },
	{ "{\"b\":{\"c\":1,\"c\":2}}", BC(FIELD_NUMBER, "2") }, { "{\"b\":{\"c\":1},\"\\u0062\":[]}", NOTHING }, { "{\"b\":{\"c\":{}}}", BC(FIELD_OBJECT, "{}") },
	{ "{\"b\":{\"c\":1,\"c\":{\"c\":2}}}", BC(FIELD_OBJECT, "{\"c\":2}") }, { "{\"\\u0062\":{\"\\u0063\":3}}", BC(FIELD_NUMBER, "3") },
	{ "{\"b\":{\"b\":{\"c\":1}}}", NOTHING }, { "{\"b\":{\"a\":1}}", NOTHING }, { "{\"a\":{\"b\":{\"c\":1}}}", A(FIELD_OBJECT, "{\"b\":{\"c\":1}}") },
	/* depth: 256 containers are fine, 257 are not */
	{ "{\"a\":" DEEP_255("[") DEEP_255("]") "}", A(FIELD_ARRAY, DEEP_255("[") DEEP_255("]")) },
	{ "{\"a\":" DEEP_255("[") "[" "]" DEEP_255("]") "}", BAD_LINE },
	{ "{\"b\":{\"c\":" DEEP_255("{\"c\":") "1" DEEP_255("}") "}}", BAD_LINE },
};

static struct path *paths_of(const char *const *text, size_t n)
{
	struct path *paths = mem_array(n, sizeof *paths);
	for (size_t i = 0; i < n; i++)
		if (path_parse(&paths[i], slice_z(text[i]), NULL))
			ok(false, "path %s", text[i]);
	return paths;
}

static void paths_free(struct path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		path_fini(&paths[i]);
	free(paths);
}

static void by_hand(void)
{
	static const char *const wanted[] = { "a", "b.c" };
	struct path *paths = paths_of(wanted, 2);
	struct scan *s = scan_new(paths, 2, NULL);
	struct scan_batch batch;
	for (size_t e = 0; e < COUNT(engines); e++) {
		if (!scan_force(s, engines[e].engine, engines[e].learn))
			continue;
		for (size_t i = 0; i < COUNT(table); i++) {
			struct buf b = { 0 };
			for (int j = 0; j < SCAN_PAD; j++)
				buf_addc(&b, '"');
			buf_addz(&b, table[i].line);
			buf_addz(&b, "\n");
			size_t n = b.n - SCAN_PAD;
			for (int j = 0; j < SCAN_PAD; j++)
				buf_addc(&b, '"');
			scan_lines(s, b.p + SCAN_PAD, n, &batch);
			const struct field *f = batch.field;
			bool same = batch.lines == 1 && batch.used == n && batch.status[0] == table[i].status;
			if (same && batch.status[0] == SCAN_OK)
				same = f[0].type == table[i].a && f[1].type == table[i].bc && slice_is(slice(f[0].p, f[0].n), table[i].a_text) &&
				       slice_is(slice(f[1].p, f[1].n), table[i].bc_text);
			ok(same, "%s: %.60s", engines[e].name, table[i].line);
			buf_fini(&b);
		}
	}
	scan_free(s);
	paths_free(paths, 2);
}

/* --- generated lines -------------------------------------------------------------------------------------------------- */

static uint64_t state = 1;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(next() % n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* What the lines of one block have in common. */
struct style { unsigned members, space, odd; uint64_t seed; };

static void add_space(struct buf *b, const struct style *style)
{
	if (style->space == 1)
		buf_addc(b, ' ');
	else if (style->space == 2)
		for (unsigned n = below(3); n > 0; n--)
			buf_addc(b, " \t\r"[below(3)]);
}

static void add_string(struct buf *b, unsigned odd)
{
	static const char *const escapes[] = { "\\\"", "\\\\", "\\/", "\\n", "\\u00e9", "\\ud834\\udd1e", "\\ud800", "\\u0000" };
	static const char *const wide[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf" };
	unsigned n = below(one_in(4) ? 90 : 20);
	buf_addc(b, '"');
	for (unsigned i = 0; i < n; i++)
		if (odd && one_in(odd))
			buf_addz(b, one_in(2) ? escapes[below(COUNT(escapes))] : wide[below(COUNT(wide))]);
		else
			buf_addc(b, "abcdefgh 0123456789:,{}[]'-_/.~\x7f"[below(32)]);
	buf_addc(b, '"');
}

static void add_number(struct buf *b)
{
	if (one_in(6))
		buf_addc(b, '-');
	buf_addu(b, next() >> (one_in(3) ? below(64) : 50 + below(14)));
	if (one_in(2)) {
		buf_addc(b, '.');
		for (unsigned n = 1 + below(one_in(4) ? 18 : 4); n > 0; n--)
			buf_addc(b, (char)('0' + below(10)));
	}
	if (one_in(8))
		buf_printf(b, "%c%s%u", "eE"[below(2)], below(3) == 0 ? "+" : below(2) ? "-" : "", below(30));
}

static const char *const names[] = {
	"ts", "endpoint", "status", "latency_ms", "payload", "price", "a", "b", "c", "", "\\u0074s", "st\\u0061tus", "\\ud800", "st\xc3\xa9",
	"a name with more than sixteen bytes, one", "a name with more than sixteen bytez, one", "a name with m.. than sixteen bytes, one", "12345678",
	"123456789", "1234567890abcdef", "1234567890abcdefg", "event_id", "user_id", "customer", "a name of exactly thirty-two char",
};

static void add_object(struct buf *b, const struct style *style, unsigned depth);

static void add_value(struct buf *b, const struct style *style, unsigned kind, unsigned depth)
{
	static const char *const words[] = { "true", "false", "null" };
	if (kind < 4) {
		add_string(b, style->odd);
	} else if (kind < 7) {
		add_number(b);
	} else if (kind == 7) {
		buf_addz(b, words[below(3)]);
	} else if (kind == 8 && depth < 4) {
		buf_addc(b, '[');
		for (unsigned n = below(4); n > 0; n--) {
			add_space(b, style);
			add_value(b, style, below(10), depth + 1);
			add_space(b, style);
			if (n > 1)
				buf_addc(b, ',');
		}
		buf_addc(b, ']');
	} else if (depth < 4) {
		add_object(b, style, depth + 1);
	} else {
		buf_addz(b, "{}");
	}
}

/* Which members there are follows from the style's own seed, so that lines of a style have the same order; sometimes a kind changes. */
static void add_object(struct buf *b, const struct style *style, unsigned depth)
{
	uint64_t kept = state;
	state = style->seed + depth;
	unsigned members = below(style->members + 1);
	uint64_t shape = state;
	state = kept;
	buf_addc(b, '{');
	for (unsigned i = 0; i < members; i++) {
		kept = state;
		state = shape;
		unsigned name = below(COUNT(names)), kind = below(10);
		shape = state;
		state = kept;
		add_space(b, style);
		buf_printf(b, "\"%s\"", names[one_in(60) ? below(COUNT(names)) : name]);
		add_space(b, style);
		buf_addc(b, ':');
		add_space(b, style);
		add_value(b, style, one_in(60) ? below(10) : kind, depth);
		add_space(b, style);
		if (i + 1 < members)
			buf_addc(b, ',');
	}
	buf_addc(b, '}');
}

/* Breaks a line at one place or leaves it as it is. Never adds a \n. */
static void mutate(struct buf *b, size_t from)
{
	static const char bytes[] = "\"\\{}[]:, \t\r01-+.eEtfn/\x00\x01\x1f\x7f\x80\xa0\xbf\xc0\xc3\xe2\xed\xf0\xf4\xff";
	size_t n = b->n - from, at = from + (n ? next() % n : 0);
	char c = bytes[below(sizeof bytes - 1)];
	if (n == 0)
		return;
	switch (below(5)) {
	case 0:
		b->p[at] = c;
		break;
	case 1:
		memmove(b->p + at, b->p + at + 1, b->n - at - 1);
		b->n--;
		break;
	case 2:
		buf_addc(b, c);
		memmove(b->p + at + 1, b->p + at, b->n - at - 1);
		b->p[at] = c;
		break;
	case 3:
		b->n = at;
		break;
	default:
		b->p[at] = b->p[from + next() % n];
	}
}

static void add_line(struct buf *b, const struct style *style)
{
	size_t from = b->n;
	add_space(b, style);
	if (one_in(40))
		buf_addz(b, one_in(2) ? " " : "");
	else if (one_in(60))
		add_value(b, style, below(10), 0);
	else
		add_object(b, style, 0);
	add_space(b, style);
	for (unsigned n = one_in(4) ? 1 + below(2) : 0; n > 0; n--)
		mutate(b, from);
	buf_addc(b, '\n');
}

/* --- the reference ---------------------------------------------------------------------------------------------------- */

static bool blank(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
			return false;
	return true;
}

static enum scan_status reference(struct json *j, struct slice line)
{
	if (blank(line))
		return SCAN_BLANK;
	return json_parse(j, line, NULL) == 0 && j->node[0].type == JSON_OBJECT ? SCAN_OK : SCAN_BAD;
}

static struct field reference_field(const struct json *j, const struct path *path)
{
	static const uint32_t types[] = { [JSON_NULL] = FIELD_NULL, [JSON_FALSE] = FIELD_FALSE, [JSON_TRUE] = FIELD_TRUE, [JSON_NUMBER] = FIELD_NUMBER,
	                                  [JSON_STRING] = FIELD_STRING, [JSON_ARRAY] = FIELD_ARRAY, [JSON_OBJECT] = FIELD_OBJECT };
	uint32_t at = 0;
	for (unsigned i = 0; i < path->n; i++) {
		char step[64];
		snprintf(step, sizeof step, "%.*s", (int)path->step[i].n, path->step[i].p);
		at = json_get(j, at, step);
		if (at == 0)
			return (struct field){ NULL, 0, FIELD_MISSING };
	}
	const struct json_node *node = &j->node[at];
	return (struct field){ node->text.p, (uint32_t)node->text.n, node->escaped ? FIELD_ESCAPED : types[node->type] };
}

struct wanted { struct path *paths; size_t n; struct scan *scan[COUNT(engines)]; };

static bool same_fields(const struct json *j, const struct wanted *w, const struct field *row)
{
	for (size_t i = 0; i < w->n; i++) {
		struct field want = reference_field(j, &w->paths[i]);
		if (want.type != row[i].type || (want.type != FIELD_MISSING && (want.p != row[i].p || want.n != row[i].n)))
			return false;
	}
	return true;
}

/* The lines of a block by one engine; returns how many are right. */
static unsigned right_lines(const struct wanted *w, struct scan *s, const char *p, size_t n, unsigned counts[3])
{
	struct json j = { 0 };
	struct scan_batch batch;
	unsigned right = 0;
	while (n > 0) {
		scan_lines(s, p, n, &batch);
		if (batch.lines == 0 || batch.used > n)
			break;
		for (unsigned i = 0; i < batch.lines; i++) {
			struct slice line = slice(batch.start[i], batch.length[i]);
			enum scan_status want = reference(&j, line);
			bool good = line.p == p && p[line.n] == '\n' && batch.status[i] == want;
			if (good && want == SCAN_OK)
				good = same_fields(&j, w, batch.field + i * w->n);
			if (good)
				right++;
			else
				printf("# %d, not %d: %.*s\n", batch.status[i], want, (int)line.n, line.p);
			counts[want]++;
			p += line.n + 1;
			n -= line.n + 1;
		}
	}
	json_fini(&j);
	return right;
}

/* All of it in an allocation of its own, whose padding looks like the middle of a line. */
static char *padded(const struct buf *b, size_t off)
{
	char *room = malloc(off + b->n + 2 * SCAN_PAD), *p = room + off;
	for (size_t i = 0; i < SCAN_PAD; i++) {
		p[i] = "{\"a\":1,\\\xc3\xa9\n}"[below(13)];
		p[SCAN_PAD + b->n + i] = "{\"a\":1,\\\xc3\xa9\n}"[below(13)];
	}
	memcpy(p + SCAN_PAD, b->p, b->n);
	return room;
}

static const char *const asked[][8] = {
	{ "ts", "endpoint", "status", "latency_ms" },
	{ "payload.price", "payload.a", "ts", "a.b.c", "a.b", "ts" },
	{ "a name with more than sixteen bytes, one", "a name with more than sixteen bytez, one", "12345678", "123456789", "1234567890abcdef", "c",
	  "1234567890abcdefg", "payload" },
	{ "customer" },
};

static void differential(unsigned blocks)
{
	struct wanted wanted[COUNT(asked)];
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	for (size_t i = 0; i < COUNT(asked); i++) {
		struct wanted *w = &wanted[i];
		for (w->n = 0; w->n < 8 && asked[i][w->n]; w->n++)
			;
		w->paths = mem_array(w->n, sizeof *w->paths);
		for (size_t k = 0; k < w->n; k++) {
			struct buf quoted = { 0 };
			bool quote = strchr(asked[i][k], ' ') || asked[i][k][0] == '1';
			buf_printf(&quoted, quote ? ".\"%s\"" : "%s", asked[i][k]);
			if (path_parse(&w->paths[k], buf_slice(&quoted), NULL))
				ok(false, "path %s", asked[i][k]);
			buf_fini(&quoted);
		}
		for (size_t e = 0; e < COUNT(engines); e++) {
			w->scan[e] = scan_new(w->paths, w->n, NULL);
			if (!scan_force(w->scan[e], engines[e].engine, engines[e].learn)) {
				scan_free(w->scan[e]);
				w->scan[e] = NULL;
			}
		}
	}
	for (unsigned i = 0; i < blocks; i++) {
		struct style style = { 1 + below(12), one_in(2) ? 0 : below(3), one_in(2) ? 0 : 1 + below(30), next() };
		const struct wanted *w = &wanted[below(COUNT(asked))];
		unsigned lines = 1 + below(150);
		b.n = 0;
		for (unsigned k = 0; k < lines; k++) {
			if (one_in(50))
				style.seed = next();
			add_line(&b, &style);
		}
		size_t off = below(64);
		char *room = padded(&b, off);
		for (size_t e = 0; e < COUNT(engines); e++)
			if (w->scan[e])
				wrong[e] += lines - right_lines(w, w->scan[e], room + off + SCAN_PAD, b.n, counts);
		free(room);
	}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted[0].scan[e])
			ok(wrong[e] == 0, "%s: %u blocks of generated lines are what json_parse says", engines[e].name, blocks);
	ok(counts[SCAN_OK] > blocks * 50 && counts[SCAN_BAD] > blocks * 10 && counts[SCAN_BLANK] > blocks,
	   "%u good lines, %u bad, %u blank", counts[SCAN_OK], counts[SCAN_BAD], counts[SCAN_BLANK]);
	for (size_t i = 0; i < COUNT(asked); i++) {
		for (size_t e = 0; e < COUNT(engines); e++)
			scan_free(wanted[i].scan[e]);
		paths_free(wanted[i].paths, wanted[i].n);
	}
	buf_fini(&b);
}

int main(void)
{
	by_hand();
	differential(4000);
	return done();
}
