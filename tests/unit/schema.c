/* The parts of hta-validate that have no program of their own: numbers, references, formats,
 * patterns, what a batch's fields tell. The keywords are tried by the public suite
 * (tests/cli/validate.bats). */
#include "schema/schema.h"

#include <stdlib.h>

#include "base/mem.h"
#include "schema/format.h"
#include "schema/number.h"
#include "schema/regex.h"
#include "schema/uri.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- numbers ---- */

static void test_numbers(void)
{
	/* ascending; those of one row are equal */
	static const char *const rows[][3] = {
		{ "-1e400", "-10e399", "-0.1e401" },
		{ "-12.5", "-1.25e1", "-125e-1" },
		{ "-0.1", "-1e-1", "-0.10" },
		{ "0", "-0", "0.000e999" },
		{ "1e-400", "10e-401", "0.1e-399" },
		{ "0.001", "1e-3", "0.1E-2" },
		{ "1", "1.0", "100e-2" },
		{ "9007199254740993", "9007199254740993.0", "9.007199254740993e15" },
		{ "9007199254740994", "9007199254740994", "9007199254740994" },
		{ "1e400", "10.0e+399", "1000e397" },
	};
	bool good = true;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k < COUNT(rows); k++)
			for (unsigned a = 0; a < 3; a++)
				for (unsigned b = 0; b < 3; b++)
					good &= number_cmp(slice_z(rows[i][a]),
							   slice_z(rows[k][b])) ==
						(i > k) - (i < k);
	ok(good, "numbers compare by their values, whatever they are written like");

	static const struct {
		const char *number, *divisor;
		bool is;
	} multiples[] = {
		{ "0.07", "0.01", true },
		{ "0.075", "0.01", false },
		{ "0", "7", true },
		{ "-21", "7", true },
		{ "22", "7", false },
		{ "1e308", "0.123456789", false },
		{ "1e308", "0.5", true },
		{ "7e400", "7e-400", true },
		{ "1e400", "3", false },
		{ "4500", "1.5e3", true },
		{ "4500", "2e3", false },
		{ "1e-3", "1e-2", false },
		{ "12391239123", "1e-8", true },
		{ "123456789012345678901234567890", "10", true },
	};
	for (size_t i = 0; i < COUNT(multiples); i++) {
		struct number_divisor d;
		ok(number_divisor(slice_z(multiples[i].divisor), &d) &&
			   number_is_multiple(slice_z(multiples[i].number), &d) == multiples[i].is,
		   "%s is %sa multiple of %s", multiples[i].number, multiples[i].is ? "" : "not ",
		   multiples[i].divisor);
	}
	struct number_divisor d;
	ok(!number_divisor(slice_z("0.0"), &d) && !number_divisor(slice_z("-1"), &d) &&
		   !number_divisor(slice_z("1234567890123456789"), &d),
	   "no divisors");
	ok(number_is_integer(slice_z("1.0")) && number_is_integer(slice_z("1.5e1")) &&
		   number_is_integer(slice_z("-0.0")) && !number_is_integer(slice_z("15e-1")) &&
		   number_is_integer(slice_z("1e999999999999999999999")),
	   "integers");
}

/* ---- references: RFC 3986, section 5.4 ---- */

static void test_references(void)
{
	static const char *const cases[][2] = {
		{ "g:h", "g:h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q#s" },
		{ "g?y#s", "http://a/b/c/g?y#s" },
		{ ";x", "http://a/b/c/;x" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ "..g", "http://a/b/c/..g" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
	};
	struct buf out = { 0 };
	for (size_t i = 0; i < COUNT(cases); i++) {
		out.n = 0;
		uri_resolve(slice_z("http://a/b/c/d;p?q"), slice_z(cases[i][0]), &out);
		is_bytes(out.p, out.n, cases[i][1], cases[i][0]);
	}
	buf_fini(&out);
}

/* ---- formats ---- */

static void test_formats(void)
{
	static const struct {
		const char *name, *good, *bad; /* texts, a | behind each */
	} cases[] = {
		{ "date-time",
		  "2026-11-20T15:00:00Z|2026-11-20t15:00:00.123456789z|2000-02-29T00:00:00+23:59|"
		  "1990-12-31T23:59:60Z|1990-12-31T15:59:60-08:00|0000-01-01T00:00:00Z|",
		  "2026-11-20 15:00:00Z|2026-11-20T15:00Z|2026-11-20T15:00:00|2026-02-29T00:00:00Z|"
		  "2026-11-20T24:00:00Z|2026-11-20T15:00:60Z|2026-11-20T15:00:00.Z|"
		  "2026-11-20T15:00:00+24:00|2026-11-20T15:00:00+0100|2026-11-20T|x||" },
		{ "date", "2026-11-20|2024-02-29|",
		  "2026-11-31|2023-02-29|2026-1-20|20261120|26-11-20|" },
		{ "time", "15:00:00Z|23:59:60Z|01:29:60+01:30|",
		  "15:00:00|15:00Z|23:58:60Z|24:00:00Z||" },
		{ "uuid",
		  "2EB8AA08-aa98-11ea-b4aa-73b441d16380|00000000-0000-0000-0000-000000000000|",
		  "2eb8aa08-aa98-11ea-b4aa-73b441d1638|2eb8aa08aa9811eab4aa73b441d16380|"
		  "2eb8aa08-aa98-11ea-b4ga-73b441d16380||" },
		{ "email",
		  "a@b.example|te~st@example.com|\"a b\"@x|a.b+c@[127.0.0.1]|x@[IPv6:::1]|",
		  "a|a@|@b|.a@b|a.@b|a..b@c|a@b_c|a@-b|a@b-|a b@c|a@[1.2.3]|\"a\"b@c|" },
		{ "ipv4", "0.0.0.0|255.255.255.255|",
		  "1.2.3|1.2.3.4.5|256.0.0.1|01.2.3.4|1.2.3.|0x1.2.3.4||" },
		{ "ipv6",
		  "::|::1|1::|1:2:3:4:5:6:7:8|::ffff:1.2.3.4|1:2:3:4:5:6:1.2.3.4|fe80::a:b|1::3:4:"
		  "5:6:7:8|",
		  "1|:1|1:|:::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|12345::|::1%eth0|::1.2.3|1:"
		  "2:3:4:5:6:7:1.2.3.4||"
		  ":2:3:4:5:6:7:8|::1:2:3:4:5:6:7:8|" },
		{ "uri",
		  "http://x/a?b#c|urn:a:b|mailto:a@b.c|http://[::1]:80/|a:|http://a%20b/|ftp://"
		  "u:p@h/|",
		  "//x/a|/a|a "
		  "b:c|http://[::1|http://a\\b|http://x/%zz|1a:b|http://x:8a/|http://\xc3\xa9/"
		  "|:a||" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum format format = format_named(slice_z(cases[i].name));
		for (int side = 0; side < 2; side++) {
			const char *p = side ? cases[i].bad : cases[i].good;
			for (const char *end; (end = strchr(p, '|')); p = end + 1)
				ok(format_check(format, slice(p, (size_t)(end - p))) == !side,
				   "%s: \"%.*s\" is %s", cases[i].name, (int)(end - p), p,
				   side ? "none" : "one");
		}
	}
	ok(format_named(slice_z("hostname")) == FORMAT_KNOWN &&
		   format_named(slice_z("color")) == FORMAT_NONE,
	   "formats that are not checked");
}

/* ---- patterns ---- */

static const char *find_text(const char *pattern, const char *text)
{
	static struct err err;
	uint64_t fuel = 10000000;
	struct regex *p = regex_new(slice_z(pattern), &err);
	if (!p)
		return "refused";
	enum regex_result result = regex_find(p, slice_z(text), &fuel);
	regex_free(p);
	return result == REGEX_YES ? "yes" : result == REGEX_NO ? "no" : "costly";
}

static void test_patterns(void)
{
	static const char *const cases[][3] = {
		{ "es", "expression", "yes" },
		{ "^a$", "a\n", "no" },
		{ "^.$", "\xf0\x9f\x90\xb2", "yes" },
		{ "^.$", "\xe2\x80\xa8", "no" },
		{ "^\\s$", "\xc2\xa0", "yes" },
		{ "^[\\s]$", "\xef\xbb\xbf", "yes" },
		{ "^\\S$", "\xc2\xa0", "no" },
		{ "^[\\S]$", "\xc3\xa9", "yes" },
		{ "^[^\\S]$", " ", "yes" },
		{ "^[\\s\\S]$", "\n", "yes" },
		{ "^\\d$", "\xd9\xa1", "no" },
		{ "^\\w$", "\xc3\xa9", "no" },
		{ "^\\W$", "\xc3\xa9", "yes" },
		{ "^\\p{Letter}+$", "a\xc3\xa9", "yes" },
		{ "^\\P{Letter}$", "1", "yes" },
		{ "^\\p{gc=Decimal_Number}$", "\xd9\xa1", "yes" },
		{ "^\\p{Script=Greek}$", "\xce\xb1", "yes" },
		{ "^[\\p{Lu}_]$", "\xc3\x89", "yes" },
		{ "\\p{^L}", "1", "refused" },
		{ "\\p{Nothing}", "1", "refused" },
		{ "^\\u00e9$", "\xc3\xa9", "yes" },
		{ "^\\xe9$", "\xc3\xa9", "yes" },
		{ "^\\ud83d\\udc32$", "\xf0\x9f\x90\xb2", "yes" },
		{ "^\\u{1F432}$", "\xf0\x9f\x90\xb2", "yes" },
		{ "\\ud83d", "a", "refused" },
		{ "^\\cJ$", "\n", "yes" },
		{ "^[\\b]$", "\b", "yes" },
		{ "^\\v$", "\v", "yes" },
		{ "^\\v$", "\n", "no" },
		{ "^[[a]$", "[", "yes" },
		{ "^[[:alpha:]$", ":", "yes" },
		{ "^[a^]$", "^", "yes" },
		{ "^[\\d-z]$", "-", "yes" },
		{ "[]", "a", "no" },
		{ "^[^]$", "\n", "yes" },
		{ "^{$", "{", "yes" },
		{ "^a{2}$", "aa", "yes" },
		{ "^a{2,}?$", "aaa", "yes" },
		{ "^(a)?b\\1$", "b", "yes" },
		{ "^(?<x>a)\\k<x>$", "aa", "yes" },
		{ "(?<!a)b", "ab", "no" },
		{ "a++", "a", "refused" },
		{ "a**", "a", "refused" },
		{ "(?>a)", "a", "refused" },
		{ "(?i)a", "a", "refused" },
		{ "(*ACCEPT)", "a", "refused" },
		{ "\\Qa", "a", "refused" },
		{ "\\Z", "a", "refused" },
		{ "\\a", "a", "refused" },
		{ "\\", "a", "refused" },
		{ "[a", "a", "refused" },
		{ "[b-a]", "a", "refused" },
		{ "\\2(a)", "a", "refused" },
		{ "^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "costly" },
		{ "^(a|b|ab)*c$", "ababababababababababababababababababababcx", "costly" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[100];
		snprintf(name, sizeof(name), "%s", cases[i][0]);
		is_str(find_text(cases[i][0], cases[i][1]), cases[i][2], name);
	}
	char *text = mem_zalloc(1000001);
	memset(text, 'a', 1000000);
	is_str(find_text("a$", text), "yes", "a long text");
	is_str(find_text("^[a-z]+$", text), "yes", "a long text in a class");
	is_str(find_text("b", text), "no", "a long text without it");
	is_str(find_text("a*[bc]", text), "costly", "a long text from everywhere");
	free(text);
}

/* ---- the quick way ---- */

static void judge(struct schema_set *set, const struct schema_scan *s, const char *line, bool sure,
		  bool valid)
{
	struct schema_check *c = schema_check_new(set);
	struct path path[SCAN_FIELDS] = { 0 };
	struct buf block = { 0 };
	struct scan_batch batch;
	struct err why = ERR_INIT;
	size_t n = 0;
	for (const char *const *p = schema_scan_paths(s); *p; p++)
		path_parse(&path[n++], slice_z(*p), NULL);
	struct scan *scan = scan_new(path, n, NULL);
	memset(buf_room(&block, SCAN_PAD), 0, SCAN_PAD);
	block.n = SCAN_PAD;
	buf_addz(&block, line);
	buf_addc(&block, '\n');
	size_t end = block.n;
	memset(buf_room(&block, SCAN_PAD), 0, SCAN_PAD);
	scan_lines(scan, block.p + SCAN_PAD, end - SCAN_PAD, &batch);
	ok(schema_scan_line(s, 0, batch.field, c) == sure, "%s: %s", line,
	   sure ? "sure" : "not sure");
	ok(schema_check_text(c, 0, slice_z(line), &why) == valid, "%s: %s", line,
	   valid ? "valid" : why.msg);
	while (n)
		path_fini(&path[--n]);
	scan_free(scan);
	buf_fini(&block);
	schema_check_free(c);
}

static void test_scan(void)
{
	static const char text[] =
		"{\"type\":\"object\",\"required\":[\"a\",\"o\"],\"properties\":{\"a\":{\"type\":"
		"\"integer\"},"
		"\"b\":{\"enum\":[\"x\",1,null]},\"free\":{},\"l\":{\"items\":{\"maximum\":2}},"
		"\"o\":{\"allOf\":[{\"$ref\":\"#/$defs/"
		"o\"}]}},\"$defs\":{\"o\":{\"type\":\"object\","
		"\"properties\":{\"x\":{\"pattern\":\"^a\"},\"y\":true}, \"required\":[\"y\"]}}}";
	struct schema_set *set = schema_set_new(true);
	struct err err = ERR_INIT;
	ok(schema_set_add(set, "s.json", slice_z(text), &err) == 0 &&
		   schema_set_compile(set, &err) == 0,
	   "compiles: %s", err.msg);
	struct schema_scan *s = schema_scan_new(set, NULL);
	ok(schema_scan_has(s, 0), "has a quick way");
	size_t n = 0;
	while (schema_scan_paths(s)[n])
		n++;
	is_int(n, 5, "a, b, l, o.x, o.y are asked for");
	judge(set, s, "{\"a\":1,\"o\":{\"y\":null}}", true, true);
	judge(set, s, "{\"a\":1,\"o\":{\"y\":null,\"x\":\"ab\"},\"b\":1.0,\"l\":[1,2]}", true,
	      true);
	judge(set, s, "{\"a\":1,\"o\":{\"y\":null,\"x\":\"\\u0061b\"}}", false, true);
	judge(set, s, "{\"a\":1,\"o\":{\"y\":1},\"l\":[3]}", false, false);
	judge(set, s, "{\"a\":1,\"o\":{\"y\":1},\"o\":[]}", false, false);
	judge(set, s, "{\"a\":1,\"o\":{\"x\":\"a\"}}", false, false);
	judge(set, s, "{\"a\":1.5,\"o\":{\"y\":1}}", false, false);
	judge(set, s, "{\"o\":{\"y\":1}}", false, false);
	schema_scan_free(s);
	schema_set_free(set);
}

int main(void)
{
	test_numbers();
	test_references();
	test_formats();
	test_patterns();
	test_scan();
	return done();
}
