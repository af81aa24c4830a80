/* Keys of groups: equal for equal values however they are written, different for different ones,
 * ordered by type and size. */
#include "agg/key.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/dec.h"
#include "tap.h"

enum { ROOM = 16 << 10 };

/* A field from JSON text: its type by its first character; the text stays inside a padded place
 * of its own. */
static struct field field(const char *json)
{
	static char place[8][ROOM];
	static unsigned next;
	char *p = place[next++ % 8] + SCAN_PAD;
	size_t n = strlen(json);
	struct field f = { 0 };
	memset(p - SCAN_PAD, 'x', ROOM);
	memcpy(p, json, n);
	f.p = p;
	f.n = (uint32_t)n;
	switch (json[0]) {
	case '\0':
		f.type = FIELD_MISSING;
		break;
	case 'n':
		f.type = FIELD_NULL;
		break;
	case 't':
		f.type = FIELD_TRUE;
		break;
	case 'f':
		f.type = FIELD_FALSE;
		break;
	case '[':
		f.type = FIELD_ARRAY;
		break;
	case '{':
		f.type = FIELD_OBJECT;
		break;
	case '"':
		f.p++;
		f.n -= 2;
		f.type = memchr(f.p, '\\', f.n) ? FIELD_ESCAPED : FIELD_STRING;
		break;
	default:
		f.type = FIELD_NUMBER;
	}
	return f;
}

static const uint8_t both[] = { 0, 1 };
static struct key_scratch scratch;

static enum key_result build(const char *a, const char *b, uint64_t window, char *out)
{
	struct field f[2] = { field(a), field(b) };
	size_t at;
	enum key_result r = key_build(f, both, 2, window, &scratch, out, &at);
	if (r == KEY_OK && key_bytes(out) > key_room(1, f[0].n + f[1].n, 2))
		ok(false, "length of the key of %s, %s", a, b);
	return r;
}

static bool equal(const char *a, const char *b)
{
	static char x[ROOM], y[ROOM];
	build(a, "1", 7, x);
	build(b, "1", 7, y);
	return key_bytes(x) == key_bytes(y) && memcmp(x, y, key_bytes(x)) == 0;
}

static void test_equal(void)
{
	static const char *const same[][2] = {
		{ "200", "200.0" },
		{ "200", "2e2" },
		{ "200", "20.0E+1" },
		{ "-0", "0" },
		{ "-0.0e9", "0" },
		{ "0.50", "5e-1" },
		{ "\"a\"", "\"\\u0061\"" },
		{ "\"\\/\"", "\"/\"" },
		{ "\"\xc3\xa9\"", "\"\\u00e9\"" },
		{ "\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"" },
		{ "\"\\t\"", "\"\\u0009\"" },
		{ "1234567890123456789012345678901234567890",
		  "1234567890123456789012345678901234567890.0" },
		{ "1e400", "10e399" },
	};
	static const char *const different[][2] = {
		{ "", "null" },
		{ "", "\"\"" },
		{ "null", "\"\"" },
		{ "null", "false" },
		{ "true", "false" },
		{ "true", "\"true\"" },
		{ "200", "\"200\"" },
		{ "200", "2000" },
		{ "-1", "1" },
		{ "0", "" },
		{ "\"a\"", "\"a \"" },
		{ "\"a\"", "\"A\"" },
		{ "\"sixteen bytes ok\"", "\"sixteen bytes ok!\"" },
		{ "1e400", "1e401" },
		{ "0.1", "0.10000000000000001" },
		{ "\"abcdefghijklmnopqrstuvwxyz012345678\"",
		  "\"abcdefghijklmnopqrstuvwxyz012345679\"" },
		{ "12345678", "123456789" },
		{ "12345678901234567", "12345678901234568" },
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		ok(equal(same[i][0], same[i][1]), "%s equals %s", same[i][0], same[i][1]);
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++)
		ok(!equal(different[i][0], different[i][1]), "%s is not %s", different[i][0],
		   different[i][1]);
}

/* What moves a byte from one dimension to its neighbour is another key; so is another window. */
static void test_borders(void)
{
	static char a[ROOM], b[ROOM];
	build("\"ab\"", "\"c\"", 1, a);
	build("\"a\"", "\"bc\"", 1, b);
	ok(memcmp(a, b, key_bytes(a)), "ab,c and a,bc");
	build("\"ab\"", "\"c\"", 2, b);
	ok(memcmp(a, b, key_bytes(a)), "window 1 and 2");
	is_int(key_window(b), 2, "window of a key");
	build("\"a\"", "\"b\"", KEY_WINDOW_MASK, a);
	ok(key_window(a) == KEY_WINDOW_MASK, "highest window");
}

static void test_refused(void)
{
	static char out[ROOM], text[ROOM];
	is_int(build("[1]", "1", 0, out), KEY_STRUCTURE, "array");
	is_int(build("1", "{}", 0, out), KEY_STRUCTURE, "object");
	is_int(build("\"\\ud800\"", "1", 0, out), KEY_SURROGATE, "lone surrogate");
	is_int(build("\"a\\u0000\"", "1", 0, out), KEY_NUL, "NUL");
	snprintf(text, sizeof(text), "\"%0*d\"", KEY_VALUE_MAX, 0);
	is_int(build(text, "1", 0, out), KEY_OK, "string of the longest length");
	snprintf(text, sizeof(text), "\"%0*d\"", KEY_VALUE_MAX + 1, 0);
	is_int(build(text, "1", 0, out), KEY_LONG, "one byte more");
	snprintf(text, sizeof(text), "\"\\n%0*d\"", KEY_VALUE_MAX - 1, 0);
	is_int(build(text, "1", 0, out), KEY_OK,
	       "escaped string of the longest length once decoded");
	snprintf(text, sizeof(text), "\"\\n%0*d\"", KEY_VALUE_MAX, 0);
	is_int(build(text, "1", 0, out), KEY_LONG, "one byte more");
	snprintf(text, sizeof(text), "1%0*d1", KEY_VALUE_MAX, 0);
	is_int(build(text, "1", 0, out), KEY_NUMBER, "number of too many digits");
	snprintf(text, sizeof(text), "-1%0*d.%0*d", KEY_VALUE_MAX - 1, 0, KEY_VALUE_MAX, 0);
	is_int(build(text, "1", 0, out), KEY_OK, "many digits of a short number");
}

/* What a number has written without an exponent decides, however it was written. */
static void test_numbers_refused(void)
{
	static const struct {
		const char *head;
		int digits;
		const char *tail;
		enum key_result want;
	} table[] = {
		{ "1", 0, "e4095", KEY_OK },
		{ "1", 0, "e4096", KEY_NUMBER },
		{ "-1", 0, "e4095", KEY_OK },
		{ "-1", 0, "E+4096", KEY_NUMBER },
		{ "1", 0, "e-4094", KEY_OK },
		{ "1", 0, "e-4095", KEY_NUMBER },
		{ "15", 0, "e-4094", KEY_OK },
		{ "15", 0, "e-4095", KEY_NUMBER },
		{ "1", 0, "e999999", KEY_NUMBER },
		{ "1", 0, "e99999999999999999999999", KEY_NUMBER },
		{ "1", 0, "e-99999999999999999999999", KEY_NUMBER },
		{ "0", 0, "e99999999999999999999999", KEY_OK },
		{ "-0.00", 0, "e-999999", KEY_OK },
		{ "0.001", 0, "e4098", KEY_OK },
		{ "0.001", 0, "e4099", KEY_NUMBER },
		{ "", 4096, "", KEY_OK },
		{ "-", 4096, "", KEY_OK },
		{ "", 4097, "", KEY_NUMBER },
		{ "", 4096, ".0", KEY_OK },
		{ "", 4096, "00e-2", KEY_OK },
		{ "", 4094, ".5", KEY_OK },
		{ "", 4095, ".5", KEY_NUMBER },
		{ "0.", 4094, "", KEY_OK },
		{ "0.", 4095, "", KEY_NUMBER },
		{ "5.", 4094, "e4094", KEY_OK },
		{ "5.", 4094, "e4095", KEY_OK },
		{ "5.", 4094, "e4096", KEY_NUMBER },
		{ "5.", 4095, "e4095", KEY_OK },
		{ "5.", 4095, "e4094", KEY_NUMBER },
	};
	static char out[ROOM], text[ROOM];
	struct dim d[2];
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t n = strlen(table[i].head);
		memcpy(text, table[i].head, n);
		memset(text + n, '7', (size_t)table[i].digits);
		memcpy(text + n + (size_t)table[i].digits, table[i].tail,
		       strlen(table[i].tail) + 1);
		enum key_result got = build("true", text, 0, out);
		ok(got == table[i].want, "%s%dx7%s: %d, not %d", table[i].head, table[i].digits,
		   table[i].tail, got, table[i].want);
		if (got == KEY_OK)
			key_dims(out, 2, d);
		ok(got || (d[1].value.n <= KEY_VALUE_MAX + 8 &&
			   dims_number_chars(d[1].value) <= KEY_VALUE_MAX),
		   "and is as long as a key has room for");
	}
}

static void test_dims(void)
{
	static char out[ROOM];
	struct dim d[2];
	build("2.50", "\"x\\ny\"", 3, out);
	key_dims(out, 2, d);
	is_int(d[0].tag, DIM_NUMBER, "tag of a number");
	is_bytes(d[0].value.p, d[0].value.n, "2.5", "canonical number");
	is_int(d[1].tag, DIM_STRING, "tag of a string");
	is_bytes(d[1].value.p, d[1].value.n, "x\ny", "decoded string");
	build("", "null", 3, out);
	key_dims(out, 2, d);
	is_int(d[0].tag, DIM_MISSING, "missing");
	is_int(d[1].tag, DIM_NULL, "null");
}

/* A key with other dimensions is the one that is built of these. */
static void test_replaced(void)
{
	static const char *const of[] = { "\"x\"", "1.5", "null",
					  "true",  "",    "\"sixteen bytes yes\"" };
	static char key[ROOM], want[ROOM];
	struct buf got = { 0 };

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		for (size_t k = 0; k < sizeof(of) / sizeof(*of); k++)
			for (uint32_t which = 0; which < 4; which++) {
				build(of[i], of[k], 7, key);
				build(which & 1 ? "\"__other__\"" : of[i],
				      which & 2 ? "\"__other__\"" : of[k], 7, want);
				key_replace(key, 2, which, slice_z("__other__"), &got);
				ok(got.n == key_bytes(want) && memcmp(got.p, want, got.n) == 0,
				   "%s and %s, %u of them replaced", of[i], of[k], which);
			}
	buf_fini(&got);
}

static void test_order(void)
{
	static const char *const rising[] = {
		"",
		"null",
		"false",
		"true",
		"-9e4095",
		"-1e4095",
		"-9e4094",
		"-1e400",
		"-1000000000000",
		"-200",
		"-20",
		"-3",
		"-2.5",
		"-2",
		"-0.5",
		"-0.05",
		"-1e-400",
		"-1e-4094",
		"0",
		"1e-4094",
		"9e-4094",
		"1e-4093",
		"1e-400",
		"0.00049",
		"0.05",
		"0.5",
		"2",
		"2.0000000000001",
		"2.00000000000010000000001",
		"2.5",
		"3",
		"19",
		"20",
		"199",
		"200",
		"1000",
		"99999999999",
		"100000000000",
		"100000000001",
		"1234567890123",
		"1234567890124",
		"1e39",
		"1e40",
		"1.5e40",
		"1e400",
		"1e4094",
		"9e4094",
		"1e4095",
		"9e4095",
		"\"\"",
		"\"\\u0001\"",
		"\"1000\"",
		"\"200\"",
		"\"a\"",
		"\"aaaaaaa\"",
		"\"aaaaaaaa\"",
		"\"aaaaaaab\"",
		"\"b\"",
		"\"\xc3\xa9\"",
		"\"\xff\"",
	};
	enum { N = sizeof(rising) / sizeof(rising[0]) };
	static char key[N][256];
	int wrong = 0, prefix_wrong = 0;
	for (size_t i = 0; i < N; i++)
		build(rising[i], "0", 0, key[i]);
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < N; k++) {
			int want = (i > k) - (i < k), got = key_cmp(key[i], key[k], 2);
			uint64_t x = key_prefix(key[i], 0, 0), y = key_prefix(key[k], 0, 0);
			if ((got > 0) - (got < 0) != want)
				printf("# %s against %s: %d\n", rising[i], rising[k], got), wrong++;
			if ((x < y && want >= 0) || (x > y && want <= 0))
				printf("# prefix of %s against %s\n", rising[i], rising[k]),
					prefix_wrong++;
		}
	is_int(wrong, 0, "order of types and sizes");
	is_int(prefix_wrong, 0, "prefixes agree with it");
	build("\"abcdefgh1\"", "0", 0, key[0]);
	build("\"abcdefgh2\"", "0", 0, key[1]);
	build("\"abc\"", "0", 0, key[2]);
	build("5", "0", 0, key[3]);
	ok(key_prefix(key[0], 0, 0) == key_prefix(key[1], 0, 0) &&
		   key_prefix(key[0], 0, 8) < key_prefix(key[1], 0, 8),
	   "what is common can be left out");
	is_int(key_common(key[0], key[1], 0), 8, "common bytes of two strings");
	is_int(key_common(key[0], key[2], 0), 3, "one is the start of the other");
	ok(key_is_string(key[0], 0) && !key_is_string(key[3], 0) && !key_is_string(key[0], 1),
	   "strings");
	ok(key_prefix(key[2], 0, 3) < key_prefix(key[0], 0, 3),
	   "a string that ends there comes first");
	build("\"abc\"", "0.5", 7, key[4]);
	ok(key_same(key[2], key[4], 0) && !key_same(key[2], key[4], 1) &&
		   !key_same(key[0], key[1], 0),
	   "the same in one dimension");
	ok(key_prefix(key[2], 1, 0) < key_prefix(key[4], 1, 0), "the second dimension");
	build("1", "\"a\"", 0, key[0]);
	build("1.0", "\"b\"", 0, key[1]);
	ok(key_cmp(key[0], key[1], 2) < 0, "the second dimension decides where the first is equal");
}

static void random_number(char *out)
{
	char *p = out;
	if (rand() % 3 == 0)
		*p++ = '-';
	if (rand() % 4 == 0) {
		*p++ = '0';
	} else {
		*p++ = (char)('1' + rand() % 9);
		for (int n = rand() % 44; n > 0; n--)
			*p++ = (char)('0' + (rand() % 3 ? rand() % 10 : 0));
	}
	if (rand() % 3 == 0) {
		*p++ = '.';
		for (int n = 1 + rand() % 45; n > 0; n--)
			*p++ = (char)('0' + (rand() % 2 ? rand() % 10 : 0));
	}
	if (rand() % 3 == 0)
		p += sprintf(p, "%c%s%d", rand() % 2 ? 'e' : 'E',
			     rand() % 2   ? ""
			     : rand() % 2 ? "+"
					  : "-",
			     rand() % 60);
	*p = 0;
}

/* The short way to a canonical number against dec_canonical, which has its own tests. */
static void test_numbers(void)
{
	struct buf want = { 0 };
	int wrong = 0;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char text[256];
		struct field f;
		struct slice got;
		random_number(text);
		f = field(text);
		want.n = 0;
		dec_canonical(slice(f.p, f.n), &want);
		if (key_text(&f, &scratch, &got) || !slice_eq(got, buf_slice(&want))) {
			if (wrong++ == 0)
				printf("# %s: got %.*s, want %.*s\n", text, (int)got.n, got.p,
				       (int)want.n, want.p);
		}
	}
	is_int(wrong, 0, "20,000 numbers are canonical");
	buf_fini(&want);
}

/* More values than are interned, some too long for it, each many times: the keys of what they
 * stand for. */
static void test_interned(void)
{
	static char x[ROOM], y[ROOM];
	int wrong = 0;
	srand(2);
	for (int i = 0; i < 100000; i++) {
		char text[256], plain[256];
		int n = rand() % 8000, fill = n % 90;
		sprintf(text, "\"\\/v\\u0031\\/%d%.*s\"", n, fill,
			"a-value-that-grows-until-it-is-longer-than-a-place-of-the-table-has-room-"
			"for-and-then-some");
		sprintf(plain, "\"/v1/%d%.*s\"", n, fill,
			"a-value-that-grows-until-it-is-longer-than-a-place-of-the-table-has-room-"
			"for-and-then-some");
		if (build(text, "1", 7, x) != KEY_OK || build(plain, "1", 7, y) != KEY_OK ||
		    key_bytes(x) != key_bytes(y) || memcmp(x, y, key_bytes(x)) != 0)
			wrong++;
	}
	is_int(wrong, 0, "100,000 values with escapes have the keys of those without");
}

int main(void)
{
	test_equal();
	test_borders();
	test_refused();
	test_numbers_refused();
	test_dims();
	test_replaced();
	test_order();
	test_numbers();
	test_interned();
	key_scratch_fini(&scratch);
	return done();
}
