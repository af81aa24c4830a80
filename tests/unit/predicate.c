/* Conditions: what they say of single lines, of batches, and of texts that are none. What jq says
 * of the same is held against it by tests/fuzz/fuzz_predicate.c. */
#include "scan/predicate.h"

#include <stdlib.h>

#include "base/mem.h"
#include "scan/predicate_internal.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { LINES_MAX = 64 };

/* A predicate with a scan of its fields behind one that is nobody's. */
struct bench {
	struct predicate *p;
	struct scan *scan;
	struct path other;
	struct buf block;
	struct scan_batch batch;
	struct err err;
};

static bool bench_open(struct bench *b, const char *text)
{
	struct path path[SCAN_FIELDS];
	uint8_t column[SCAN_FIELDS];
	*b = (struct bench){ 0 };
	b->p = predicate_new(slice_z(text), &b->err);
	if (!b->p)
		return false;
	path_parse(&b->other, slice_z("other"), NULL);
	path[0] = b->other;
	for (size_t i = 0; i < predicate_fields(b->p); i++) {
		path[i + 1] = *predicate_field(b->p, i);
		column[i] = (uint8_t)(i + 1);
	}
	predicate_bind(b->p, column);
	b->scan = scan_new(path, predicate_fields(b->p) + 1, NULL);
	return true;
}

static void bench_close(struct bench *b)
{
	predicate_free(b->p);
	scan_free(b->scan);
	path_fini(&b->other);
	buf_fini(&b->block);
}

/* Lines in an allocation of their own. Returns those that are valid. */
static uint64_t bench_scan(struct bench *b, const char *lines)
{
	size_t n = strlen(lines);
	memset(buf_room(&b->block, n + 2 * SCAN_PAD), '"', n + 2 * SCAN_PAD);
	memcpy(b->block.p + SCAN_PAD, lines, n);
	scan_lines(b->scan, b->block.p + SCAN_PAD, n, &b->batch);
	return b->batch.valid;
}

static struct predicate_sets bench_run(struct bench *b, uint64_t lines)
{
	return predicate_run(b->p, &b->batch, scan_width(b->scan), lines);
}

/* ---- single lines ---- */

#define YES "holds"
#define NO "holds not"
#define INDEX(type, name) "Cannot index " type " with string \"" name "\""
#define STARTS "startswith() requires string inputs"
#define ENDS "endswith() requires string inputs"
#define HAS(type) "Cannot check whether " type " has a string key"

static const struct {
	const char *condition, *line, *verdict;
} singles[] = {
	/* numbers */
	{ ".a == 5", "{\"a\":5}", YES },
	{ ".a == 5", "{\"a\":5.0}", YES },
	{ ".a == 5", "{\"a\":50e-1}", YES },
	{ ".a == 5", "{\"a\":\"5\"}", NO },
	{ ".a == 5", "{\"a\":6}", NO },
	{ ".a != 5", "{\"a\":6}", YES },
	{ ".a != 5", "{}", YES },
	{ "5 == .a", "{\"a\":5}", YES },
	{ "5 < .a", "{\"a\":6}", YES },
	{ "5 < .a", "{\"a\":5}", NO },
	{ "5 >= .a", "{\"a\":5}", YES },
	{ ".a < -1.5", "{\"a\":-2}", YES },
	{ ".a < - 1.5", "{\"a\":-1.5}", NO },
	{ ".a <= -1.5", "{\"a\":-1.50}", YES },
	{ ".a == 0", "{\"a\":-0}", YES },
	{ ".a == -0", "{\"a\":0.000e5}", YES },
	{ ".a == 9007199254740993", "{\"a\":9007199254740992}", NO },
	{ ".a == 9007199254740993", "{\"a\":9007199254740993}", YES },
	{ ".a > 1e400", "{\"a\":1e401}", YES },
	{ ".a > 1e400", "{\"a\":1e399}", NO },
	{ ".a == 1e400", "{\"a\":10e399}", YES },
	{ ".a < 0.0000000001", "{\"a\":0.00000000009}", YES },
	{ ".a == 0.12345678901", "{\"a\":0.123456789010}", YES },
	{ ".a == 0.12345678901", "{\"a\":0.12345678902}", NO },
	{ ".a < 0.1234567890", "{\"a\":0.12345678901}", NO },
	{ ".a > 0.1234567890", "{\"a\":0.12345678901}", YES },
	{ ".a > -1e30", "{\"a\":-1e31}", NO },
	{ ".a > 123456789012345678901", "{\"a\":123456789012345678902}", YES },
	/* strings */
	{ ".a == \"x\"", "{\"a\":\"x\"}", YES },
	{ ".a == \"x\"", "{\"a\":\"y\"}", NO },
	{ ".a == \"\"", "{\"a\":\"\"}", YES },
	{ ".a == \"\"", "{\"a\":\"x\"}", NO },
	{ ".a == \"x\"", "{\"a\":\"\\u0078\"}", YES },
	{ ".a != \"x\"", "{\"a\":\"\\u0078\"}", NO },
	{ ".a == \"\\u0078\"", "{\"a\":\"x\"}", YES },
	{ ".a == \"\\n\"", "{\"a\":\"\\n\"}", YES },
	{ ".a == \"abcdefgh\"", "{\"a\":\"abcdefgh\"}", YES },
	{ ".a == \"abcdefghi\"", "{\"a\":\"abcdefghi\"}", YES },
	{ ".a == \"abcdefghijklmnopq\"", "{\"a\":\"abcdefghijklmnopq\"}", YES },
	{ ".a == \"abcdefghijklmnopq\"", "{\"a\":\"abcdefghXjklmnopq\"}", NO },
	{ ".a == \"abcdefghijklmnopqr\"", "{\"a\":\"abcdefghiXklmnopqr\"}", NO },
	{ ".a == \"abcdefghijklmnopqr\"", "{\"a\":\"abcdefghijklmnopqX\"}", NO },
	{ ".a < \"b\"", "{\"a\":\"azz\"}", YES },
	{ ".a < \"ab\"", "{\"a\":\"a\"}", YES },
	{ ".a <= \"ab\"", "{\"a\":\"abc\"}", NO },
	{ ".a > \"z\"", "{\"a\":\"\xc3\xa9\"}", YES },
	{ ".a > \"z\"", "{\"a\":\"\\u00e9\"}", YES },
	{ ".a > \"\xef\xbf\xbf\"", "{\"a\":\"\\ud83d\\ude00\"}", YES },
	{ ".a == \"x\"", "{\"a\":\"\\ud800\"}", "half of a surrogate pair in a" },
	/* the order of types */
	{ ".a < false", "{}", YES },
	{ ".a == null", "{}", YES },
	{ ".a == null", "{\"a\":null}", YES },
	{ ".a != null", "{\"a\":false}", YES },
	{ ".a < 5", "{}", YES },
	{ ".a < 5", "{\"a\":true}", YES },
	{ ".a > 5", "{\"a\":\"\"}", YES },
	{ ".a > \"z\"", "{\"a\":[]}", YES },
	{ ".a > \"z\"", "{\"a\":{}}", YES },
	{ ".a <= true", "{\"a\":false}", YES },
	{ ".a >= true", "{\"a\":true}", YES },
	{ ".a > true", "{\"a\":0}", YES },
	{ ".a < \"a\"", "{\"a\":99}", YES },
	/* truth */
	{ ".a", "{\"a\":0}", YES },
	{ ".a", "{\"a\":\"\"}", YES },
	{ ".a", "{\"a\":false}", NO },
	{ ".a", "{\"a\":null}", NO },
	{ ".a", "{}", NO },
	{ ".a | not", "{}", YES },
	{ ".a | not | not", "{}", NO },
	{ "(.a)", "{\"a\":[]}", YES },
	/* paths */
	{ ".a.b == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".a.b == null", "{\"a\":{}}", YES },
	{ ".a.b == null", "{\"a\":null}", YES },
	{ ".a.b == null", "{}", YES },
	{ ".a.b == null", "{\"a\":5}", INDEX("number", "b") },
	{ ".a.b == 1", "{\"a\":\"x\"}", INDEX("string", "b") },
	{ ".a.b", "{\"a\":[]}", INDEX("array", "b") },
	{ ".a.b", "{\"a\":true}", INDEX("boolean", "b") },
	{ ".a.b.c", "{\"a\":{\"b\":5}}", INDEX("number", "c") },
	{ ".a.b.c", "{\"a\":5}", INDEX("number", "b") },
	{ ".a.b.c | not", "{\"a\":{\"b\":null}}", YES },
	{ ".a.b", "{\"a\":{\"b\":1},\"a\":5}", INDEX("number", "b") },
	{ ".a.b | not", "\xef\xbb\xbf{\"a\":5}", INDEX("number", "b") },
	{ ".\"a b\" == 1", "{\"a b\":1}", YES },
	{ ".[\"a b\"] == 1", "{\"a b\":1}", YES },
	{ ".a[\"b\"] == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".a [ \"b\" ] == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".a .b == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".a.\"b\" == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".and and .true", "{\"and\":1,\"true\":1}", YES },
	/* pipes */
	{ ".a | .b == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".a | .b | .c == 1", "{\"a\":{\"b\":{\"c\":1}}}", YES },
	{ ".a | . == 1", "{\"a\":1}", YES },
	{ "(.a | .b) == 1", "{\"a\":{\"b\":1}}", YES },
	{ ".a | .b == 1 and .c == 2", "{\"a\":{\"b\":1,\"c\":2}}", YES },
	{ ".a | .b or .c | not", "{\"a\":{}}", YES },
	{ "(.a | .b) and .c", "{\"a\":{\"b\":1},\"c\":1}", YES },
	{ ".a == 1 | not", "{\"a\":2}", YES },
	{ ".a | not or .b", "{}", YES },
	/* and, or: the right side only where it is needed, and how they bind */
	{ ".a and .b.c", "{\"b\":5}", NO },
	{ ".a and .b.c", "{\"a\":1,\"b\":5}", INDEX("number", "c") },
	{ ".a or .b.c", "{\"a\":1,\"b\":5}", YES },
	{ ".a or .b.c", "{\"b\":5}", INDEX("number", "c") },
	{ ".b.c and .a", "{\"b\":5}", INDEX("number", "c") },
	{ ".b.c or .a", "{\"a\":1,\"b\":5}", INDEX("number", "c") },
	{ ".a or .b and .c", "{\"a\":1}", YES },
	{ "(.a or .b) and .c", "{\"a\":1}", NO },
	{ ".a and .b or .c", "{\"c\":1}", YES },
	{ ".a==1 and.b==2", "{\"a\":1,\"b\":2}", YES },
	{ ".a == 1 # and more\n\tand .b", "{\"a\":1,\"b\":2}", YES },
	/* has */
	{ "has(\"a\")", "{\"a\":null}", YES },
	{ "has(\"a\")", "{}", NO },
	{ ".a | has(\"b\")", "{\"a\":{\"b\":null}}", YES },
	{ ".a | has(\"b\")", "{\"a\":{}}", NO },
	{ ".a | has(\"b\")", "{\"a\":null}", NO },
	{ ".a | has(\"b\")", "{}", NO },
	{ ".a | has(\"b\")", "{\"a\":[]}", HAS("array") },
	{ ".a | has(\"b\")", "{\"a\":5}", HAS("number") },
	{ ".a.b | has(\"c\")", "{\"a\":5}", INDEX("number", "b") },
	/* startswith, endswith */
	{ ".a | startswith(\"/api\")", "{\"a\":\"/api/x\"}", YES },
	{ ".a | startswith(\"/api\")", "{\"a\":\"/ap\"}", NO },
	{ ".a | startswith(\"\")", "{\"a\":\"\"}", YES },
	{ ".a | startswith(\"/\")", "{\"a\":\"\\/api\"}", YES },
	{ ".a | startswith(\"abcdefghijklmnopqrs\")", "{\"a\":\"abcdefghijklmnopqrst\"}", YES },
	{ ".a | startswith(\"abcdefghijklmnopqrs\")", "{\"a\":\"abcdefghijXlmnopqrst\"}", NO },
	{ ".a | startswith(\"/api\")", "{}", STARTS },
	{ ".a | startswith(\"/api\")", "{\"a\":5}", STARTS },
	{ ".a.b | startswith(\"/api\")", "{\"a\":5}", INDEX("number", "b") },
	{ ".a | endswith(\".js\")", "{\"a\":\"x.js\"}", YES },
	{ ".a | endswith(\".js\")", "{\"a\":\"js\"}", NO },
	{ ".a | endswith(\".js\")", "{\"a\":\"x.\\u006as\"}", YES },
	{ ".a | endswith(\".js\")", "{\"a\":null}", ENDS },
	{ ".a | endswith(\".js\") and startswith(\"x\")", "{\"a\":\"x.js\"}", YES },
	/* IN */
	{ ".a | IN(500, 502)", "{\"a\":502.0}", YES },
	{ ".a | IN(500, 502)", "{\"a\":501}", NO },
	{ ".a | IN(\"x\", 5, null, true)", "{}", YES },
	{ ".a | IN(\"x\", 5, null, true)", "{\"a\":true}", YES },
	{ ".a | IN(\"x\", 5, null, true)", "{\"a\":false}", NO },
	{ ".a | IN(\"x\", 5, null, true)", "{\"a\":\"x\"}", YES },
	{ ".a | IN(\"x\", 5, null, true)", "{\"a\":\"\\u0078\"}", YES },
	{ ".a | IN(\"x\", 5, null, true)", "{\"a\":[]}", NO },
	{ ".a | IN(1e400, 0.12345678901, 3)", "{\"a\":0.12345678901}", YES },
	{ ".a | IN(1e400, 0.12345678901, 3)", "{\"a\":10e399}", YES },
	{ ".a | IN(1e400, 0.12345678901, 3)", "{\"a\":3.0}", YES },
	{ "IN(.a; 500, 502)", "{\"a\":500}", YES },
	{ "IN(.a.b; 500, 502)", "{\"a\":500}", INDEX("number", "b") },
	{ ".a | IN(.b; 1)", "{\"a\":{\"b\":1}}", YES },
	{ ".a | IN(.; 1)", "{\"a\":1}", YES },
};

static void single_lines(void)
{
	for (size_t i = 0; i < COUNT(singles); i++) {
		struct bench b;
		struct err why = ERR_INIT;
		const char *got = NO;
		char line[200], name[300];
		snprintf(line, sizeof(line), "%s\n", singles[i].line);
		snprintf(name, sizeof(name), "%s  %s", singles[i].condition, singles[i].line);
		if (!bench_open(&b, singles[i].condition)) {
			is_str(b.err.msg, "", name);
			continue;
		}
		struct predicate_sets sets = bench_run(&b, bench_scan(&b, line));
		if (sets.wrong)
			predicate_why(b.p, &b.batch, scan_width(b.scan), 0, &why);
		got = sets.wrong ? why.msg : sets.holds ? YES : NO;
		is_str(sets.wrong & sets.holds ? "both" : got, singles[i].verdict, name);
		bench_close(&b);
	}
}

/* ---- batches: each line as alone ---- */

static uint64_t state = 1;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static const char *const values[] = {
	"5",         "5.0",
	"6",         "-5",
	"1e400",     "0.12345678901",
	"\"x\"",     "\"\\u0078\"",
	"\"xy\"",    "null",
	"true",      "false",
	"[]",        "{}",
	"{\"b\":5}", "{\"b\":\"x\"}",
};

static const char *const conditions[] = {
	".a == 5 or .c == \"x\"",
	".a.b == 5 and (.c | not)",
	".a < 5e1 or (.c | IN(5, \"x\", null))",
	"(.a | startswith(\"x\")) or .c > 5",
	"(.c | has(\"b\")) and .a != \"xy\"",
	"(.a <= \"x\" | not) and .c.b",
};

static void make_lines(struct buf *b)
{
	for (unsigned i = 0; i < LINES_MAX; i++)
		buf_printf(b, below(8) ? "{\"a\":%s,\"c\":%s}\n" : "{\"d\":%s,\"c\":%s}\n",
			   values[below(COUNT(values))], values[below(COUNT(values))]);
}

static unsigned differing_lines(struct bench *b, uint64_t lines)
{
	struct predicate_sets all = bench_run(b, lines);
	unsigned wrong = (all.holds & all.wrong) != 0 || (all.holds | all.wrong) & ~lines;
	for (unsigned i = 0; i < LINES_MAX; i++) {
		uint64_t bit = UINT64_C(1) << i;
		struct predicate_sets one = bench_run(b, lines & bit);
		wrong += one.holds != (all.holds & bit) || one.wrong != (all.wrong & bit);
	}
	return wrong;
}

static void batches(void)
{
	for (size_t i = 0; i < COUNT(conditions); i++) {
		struct bench b;
		unsigned wrong = 0;
		if (!ok(bench_open(&b, conditions[i]), "%s", conditions[i]))
			continue;
		for (int round = 0; round < 200; round++) {
			struct buf lines = { 0 };
			make_lines(&lines);
			bench_scan(&b, buf_z(&lines));
			wrong += differing_lines(&b, below(2) ? b.batch.valid : state);
			buf_fini(&lines);
		}
		is_int(wrong, 0, conditions[i]);
		bench_close(&b);
	}
}

/* ---- fields ---- */

static void asked_fields(void)
{
	struct bench b;
	bench_open(&b, ".a.b == 1 and (.a | .b) and .a.\"b\" != 2 and (.a | has(\"b\")) and .c");
	is_int(predicate_fields(b.p), 2, "a path is asked for once");
	is_str(predicate_field(b.p, 0)->name, "a.b", "the first path");
	is_str(predicate_field(b.p, 1)->name, "c", "the second path");
	bench_close(&b);
}

/* ---- numbers of any size ---- */

static const char *const ascending[] = {
	"-1e1000",
	"-1e999",
	"-123.456e2",
	"-12345.59",
	"-1.5",
	"-0.00001",
	"-1e-400",
	"0",
	"1e-400",
	"0.00002",
	"0.000020000000001",
	"0.5",
	"5e0",
	"50.5e-1",
	"9.99999999999999999999",
	"10",
	"12345678901234567890.1",
	"12345678901234567890.2",
	"1e300",
	"1.1e300",
	"2e300",
	"1e999999999999",
};

static void any_numbers(void)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < COUNT(ascending); i++)
		for (size_t k = 0; k < COUNT(ascending); k++) {
			int got = predicate_number_cmp(slice_z(ascending[i]),
						       slice_z(ascending[k]));
			wrong += (got > 0) - (got < 0) != (i > k) - (i < k);
		}
	is_int(wrong, 0, "numbers in their order");
	is_int(predicate_number_cmp(slice_z("100"), slice_z("1.000e2")), 0, "equal numbers");
	is_int(predicate_number_cmp(slice_z("-0.0"), slice_z("0e9")), 0, "zeros");
}

/* ---- texts that are none ---- */

static const struct {
	const char *text;
	int at; /* the character */
	const char *says;
} refusals[] = {
	{ "", 1, "ends where a path, a value or a function is expected" },
	{ ".a = 5", 4, "\"=\" assigns, write \"==\"" },
	{ ".a == 5 && .b", 9, "write \"and\"" },
	{ ".a == 5 || .b", 9, "write \"or\"" },
	{ ".a <> 5", 5, "write \"!=\"" },
	{ "status == 5", 1, "a path begins with a dot" },
	{ ".a == 'x'", 7, "strings have double quotes" },
	{ ".a == 5 AND .b", 9, "write \"and\"" },
	{ ".a == None", 7, "write \"null\"" },
	{ ".a == TRUE", 7, "write \"true\"" },
	{ "not .a", 1, "\"not\" stands behind: (..) | not" },
	{ "! .a", 1, "(..) | not" },
	{ ".a in [1, 2]", 4, "a list is .path | IN(500, 502)" },
	{ ".a | in(1, 2)", 6, "a list is .path | IN(500, 502)" },
	{ ".a | startsWith(\"x\")", 6, "write .path | startswith(\"x\")" },
	{ "startswith(\"x\")", 1, "write .path | startswith(\"x\")" },
	{ ".a | has(b)", 10, "a string in double quotes is expected" },
	{ ".a == .b", 7, "only jq itself compares two paths" },
	{ ".a + 1 == 2", 4, "an operator or the end" },
	{ ".a == 1 == true", 9, "an operator or the end" },
	{ "(.a == 1) == true", 1, "only a path is compared with a value" },
	{ ".a == 1 | .b", 11, "\"not\" is expected" },
	{ ".a == 1 | not and .b", 15, "an operator or the end" },
	{ ".a | length > 5", 6, "a path, a value or a function is expected" },
	{ ".a | test(\"x\")", 6, "only jq itself may know this function" },
	{ ".a[0] == 1", 4, "a string in double quotes is expected" },
	{ ".a[] == 1", 4, "a string in double quotes is expected" },
	{ ".a? == 1", 3, "an operator or the end" },
	{ ".a..b", 3, "an operator is expected" },
	{ ".a.5 == 1", 3, "an operator is expected" },
	{ "(.a).b", 5, "an operator is expected" },
	{ ". == 1", 1, "\".\" is the whole line" },
	{ "IN(1, 2)", 1, "\".\" is the whole line" },
	{ "true", 1, "a constant decides nothing" },
	{ ".a and 1", 8, "a constant decides nothing" },
	{ ".a == 05", 7, "not a JSON number" },
	{ ".a == .5", 7, "only jq itself" },
	{ ".a == 5.", 7, "not a JSON number" },
	{ ".a == \"x", 7, "not a JSON string" },
	{ ".a == \"\\(1)\"", 7, "not a JSON string" },
	{ ".a == \"\\ud800\"", 7, "half of a surrogate pair" },
	{ "(.a == 1", 9, "ends where \")\" is expected" },
	{ ".a == 1)", 8, "an operator or the end is expected" },
	{ ".a == 1, .b", 8, "an operator or the end is expected" },
	{ ".a == \xc3\xa9", 7, "\"\xc3\xa9\" where" },
};

static void refused_texts(void)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct err err = ERR_INIT;
		char place[40];
		struct predicate *p = predicate_new(slice_z(refusals[i].text), &err);
		snprintf(place, sizeof(place), ", character %d: ", refusals[i].at);
		ok(!p && err.code == EX_USAGE && strstr(err.msg, place) &&
			   strstr(err.msg, refusals[i].says),
		   "%s: %s", refusals[i].text, err.msg);
		predicate_free(p);
	}
}

static void limits(void)
{
	struct buf deep = { 0 }, wide = { 0 }, paths = { 0 };
	for (int i = 0; i < 200; i++)
		buf_addc(&deep, '(');
	for (int i = 0; i < 2000; i++)
		buf_addz(&wide, ".a or ");
	for (int i = 0; i < 70; i++)
		buf_printf(&paths, ".a%d or ", i);
	buf_addz(&wide, ".a");
	buf_addz(&paths, ".a");
	ok(!predicate_new(buf_slice(&deep), NULL), "200 parentheses");
	ok(!predicate_new(buf_slice(&wide), NULL), "2000 operators");
	ok(!predicate_new(buf_slice(&paths), NULL), "71 paths");
	buf_fini(&deep);
	buf_fini(&wide);
	buf_fini(&paths);
}

int main(void)
{
	single_lines();
	batches();
	asked_fields();
	any_numbers();
	refused_texts();
	limits();
	return done();
}
