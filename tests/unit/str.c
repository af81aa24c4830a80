#include "base/str.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"

static void slices(void)
{
	ok(slice_eq(slice(NULL, 0), slice_z("")), "empty slices are equal");
	ok(slice_is(slice("abc", 2), "ab"), "slice_is");
	ok(str_same("aZ@[`{\xc9", "Az@[`{\xc9", 7) && !str_same("@", "`", 1) &&
		   !str_same("\xc9", "\xe9", 1),
	   "letters of any case, ASCII only");
	ok(slice_cmp(slice_z("ab"), slice_z("abc")) < 0, "a prefix comes first");
	ok(slice_cmp(slice_z("b"), slice_z("abc")) > 0, "by bytes");
	ok(slice_cmp(slice_z("\xff"), slice_z("a")) > 0, "bytes are unsigned");
	ok(slice_cmp(slice(NULL, 0), slice(NULL, 0)) == 0, "empty ones compare equal");
}

static void buffers(void)
{
	struct buf b = { 0 };
	is_str(buf_z(&b), "", "the view of an empty buffer");
	buf_add(&b, NULL, 0);
	is_int(b.n, 0, "adding nothing");
	buf_addz(&b, "a");
	buf_addc(&b, 'b');
	buf_adds(&b, slice("cd", 1));
	buf_addu(&b, UINT64_MAX);
	buf_addc(&b, ' ');
	buf_addi(&b, INT64_MIN);
	buf_addi(&b, 0);
	buf_hex(&b, "\x01\xaf", 2);
	buf_printf(&b, "<%s>", "");
	is_str(buf_z(&b), "abc18446744073709551615 -9223372036854775808001af<>", "all the adders");
	b.n = 0;
	buf_printf(&b, "%0500d", 7);
	is_int(b.n, 500, "a long printf");
	ok(b.p[499] == '7', "and all of it");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, 'x');
	ok(b.n == 100500 && b.p[100499] == 'x', "growing");
	buf_fini(&b);
	ok(!b.p && !b.n && !b.cap, "empty after fini");
}

static const struct {
	const char *plain, *text;
} base64_cases[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfd\xfb\xef", "//79++8=" },
};

static void base64(void)
{
	static const char *const bad[] = { "Z",    "Zg",   "Zg=",      "Zg= =", "Z===",  "====",
					   "Zh==", "Zm9=", "Zg==Zg==", "Zm9*",  "Zm9\n", "Zm-_" };
	struct buf b = { 0 };
	for (size_t i = 0; i < sizeof base64_cases / sizeof *base64_cases; i++) {
		b.n = 0;
		buf_base64(&b, base64_cases[i].plain, strlen(base64_cases[i].plain));
		is_bytes(b.p, b.n, base64_cases[i].text, "base64");
		b.n = 0;
		is_int(str_unbase64(slice_z(base64_cases[i].text), &b), 0, "unbase64");
		is_bytes(b.p, b.n, base64_cases[i].plain, "unbase64 gives");
	}
	b.n = 0;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(str_unbase64(slice_z(bad[i]), &b) == -1 && b.n == 0, "not base64: %zu", i);
	buf_fini(&b);
}

static void hex(void)
{
	unsigned char out[3] = { 9, 9, 9 };
	ok(str_unhex(slice_z("00fFa1"), out, 3) == 0 && out[0] == 0 && out[1] == 0xff &&
		   out[2] == 0xa1,
	   "unhex");
	is_int(str_unhex(slice_z("00ff"), out, 3), -1, "too short");
	is_int(str_unhex(slice_z("00ff0"), out, 2), -1, "odd");
	is_int(str_unhex(slice_z("00fg"), out, 2), -1, "no digit");
	is_int(str_unhex(slice_z("@0"), out, 1), -1, "a character that case folding makes another");
	is_int(str_unhex(slice_z(""), out, 0), 0, "nothing");
	ok(out[0] == 0 && out[1] == 0xff, "what fails writes nothing");
}

static const struct {
	const char *text;
	size_t n;
	bool good;
} utf8_cases[] = {
	{ "", 0, true },
	{ "a\0b", 3, true },
	{ "abcdefgh", 8, true },
	{ "abcdefg\xc3\xa9", 9, true },
	{ "\x7f", 1, true },
	{ "\xc2\x80", 2, true },
	{ "\xdf\xbf", 2, true },
	{ "\xe0\xa0\x80", 3, true },
	{ "\xed\x9f\xbf", 3, true },
	{ "\xee\x80\x80", 3, true },
	{ "\xef\xbf\xbf", 3, true },
	{ "\xf0\x90\x80\x80", 4, true },
	{ "\xf4\x8f\xbf\xbf", 4, true },
	{ "\x80", 1, false },
	{ "\xc0\x80", 2, false },
	{ "\xc1\xbf", 2, false },
	{ "\xc2", 1, false },
	{ "\xc2\xc2", 2, false },
	{ "\xe0\x9f\xbf", 3, false },
	{ "\xed\xa0\x80", 3, false },
	{ "\xed\xbf\xbf", 3, false },
	{ "\xe1\x80", 2, false },
	{ "\xf0\x8f\xbf\xbf", 4, false },
	{ "\xf4\x90\x80\x80", 4, false },
	{ "\xf5\x80\x80\x80", 4, false },
	{ "\xff", 1, false },
	{ "\xf0\x90\x80", 3, false },
	{ "\xf1\x80\x80\x41", 4, false },
	{ "abcdefgh\xe2\x82", 10, false },
};

static void utf8(void)
{
	for (size_t i = 0; i < sizeof utf8_cases / sizeof *utf8_cases; i++) {
		char *copy = mem_dup(utf8_cases[i].text, utf8_cases[i].n);
		ok(str_utf8(copy, utf8_cases[i].n) == utf8_cases[i].good, "utf-8 case %zu", i);
		free(copy);
	}
}

static void nearest(void)
{
	static const char *const words[] = { "count", "sum", "min", "max", "uniques", NULL };
	static const struct {
		const char *word, *want;
	} cases[] = {
		{ "cuont", "count" }, { "coun", "count" }, { "counts", "count" },
		{ "conut", "count" }, { "sun", "sum" },    { "unique", "uniques" },
		{ "uniq", NULL },     { "xy", NULL },      { "", NULL },
		{ "mix", "min" },     { "smu", "sum" },    { "percentile", NULL },
		{ "max", "max" },
	};
	char long_word[200];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = str_nearest(cases[i].word, words);
		is_str(got ? got : "(none)", cases[i].want ? cases[i].want : "(none)", "nearest");
	}
	memset(long_word, 'c', sizeof long_word - 1);
	long_word[sizeof long_word - 1] = '\0';
	ok(!str_nearest(long_word, words), "a very long word has no neighbour");
}

static void memory(void)
{
	int *v = NULL;
	size_t cap = 0;
	for (int i = 0; i < 1000; i++) {
		mem_reserve(&v, &cap, (size_t)i + 1, sizeof *v);
		v[i] = i;
	}
	ok(v[999] == 999 && v[0] == 0 && cap >= 1000 && cap < 4000, "mem_reserve");
	free(v);
	char *z = mem_zalloc(100), *p = mem_printf("%d-%s", 4, "x"), *d = mem_dup("abcdef", 3);
	ok(z[0] == 0 && z[99] == 0, "mem_zalloc");
	is_str(p, "4-x", "mem_printf");
	is_str(d, "abc", "mem_dup");
	free(z);
	free(p);
	free(d);
}

int main(void)
{
	slices();
	buffers();
	base64();
	hex();
	utf8();
	nearest();
	memory();
	return done();
}
