/* Lines of text into records: what the suite parse.bats does not reach through files. Each text is
 * tried at every place of a step of sixteen bytes, with bytes behind it that need care. */
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"
#include "tap.h"
#include "text/access.h"
#include "text/clf_time.h"
#include "text/csv.h"
#include "text/logfmt.h"
#include "text/number.h"

enum { PAD = 64 };

/* A copy with what readers want around it: quotes, so that reading too far shows. */
static struct slice padded(struct buf *b, struct slice text)
{
	b->n = 0;
	memset(buf_room(b, 2 * PAD + text.n), '"', 2 * PAD + text.n);
	b->n = PAD;
	buf_adds(b, text);
	return slice(b->p + PAD, text.n);
}

static void is_put(struct slice text, enum text_form form, const char *want, const char *name)
{
	struct buf in = { 0 }, out = { 0 }, whole = { 0 };

	for (size_t front = 0; front < 20; front++) {
		struct text_out o = { 0 };

		whole.n = 0;
		for (size_t i = 0; i < front; i++)
			buf_addc(&whole, 'x');
		buf_adds(&whole, text);
		out.n = 0;
		o.p = buf_room(&out, whole.n * TEXT_GROWS + TEXT_PAD);
		text_put(&o, padded(&in, buf_slice(&whole)), form);
		out.n = (size_t)(o.p - out.p);
		if (out.n != front + strlen(want) || memcmp(out.p + front, want, out.n - front) ||
		    o.bad) {
			ok(false, "%s, behind %zu bytes: %.*s", name, front, (int)out.n, out.p);
			goto end;
		}
	}
	ok(true, "%s", name);
end:
	buf_fini(&in);
	buf_fini(&out);
	buf_fini(&whole);
}

static void test_texts(void)
{
	static const struct {
		enum text_form form;
		const char *text, *want;
	} cases[] = {
		{ TEXT_RAW, "", "" },
		{ TEXT_RAW, "a\"b\\c\x01\t\x1f\x7f", "a\\\"b\\\\c\\u0001\\t\\u001f\x7f" },
		{ TEXT_RAW, "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80" },
		{ TEXT_ESCAPED, "\\\"\\\\\\t\\n\\r", "\\\"\\\\\\t\\n\\r" },
		{ TEXT_ESCAPED, "\\x41\\x22\\x5c\\x00\\x0A", "A\\\"\\\\\\u0000\\n" },
		{ TEXT_ESCAPED, "\\xC3\\xa9\\xF0\\x9F\\x98\\x80", "\xc3\xa9\xf0\x9f\x98\x80" },
		{ TEXT_ESCAPED, "\\xC3x\\xED\\xA0\\x80", "\\\\xC3x\\\\xED\\\\xA0\\\\x80" },
		{ TEXT_ESCAPED, "\\b\\u0041\\x4\\", "\\\\b\\\\u0041\\\\x4\\\\" },
		{ TEXT_DOUBLED, "a\"\"b\"\"\\n", "a\\\"b\\\"\\\\n" },
		{ TEXT_TABBED, "\\t\\\\\\\"\"\\x41", "\\t\\\\\\\\\\\"\\\"\\\\x41" },
		{ TEXT_JSON, "\\/\\b\\u00e9\\ud83d\\ude00", "/\\b\\u00e9\\ud83d\\ude00" },
		{ TEXT_JSON, "\\ud83d\\u0041\\ude00\\x41", "\\\\ud83d\\u0041\\\\ude00\\\\x41" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_put(slice_z(cases[i].text), cases[i].form, cases[i].want, cases[i].text);
}

static void test_not_utf8(void)
{
	static const char *const texts[] = {
		"\xff", "\xc3", "a\xc3(", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\x80"
	};
	struct buf in = { 0 }, out = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct slice text = padded(&in, slice_z(texts[i]));
		struct text_out o = { buf_room(&out, 200), NULL };

		text_put(&o, text, TEXT_RAW);
		ok(o.bad == text.p + (*texts[i] == 'a'), "not UTF-8: %zu", i);
	}
	buf_fini(&in);
	buf_fini(&out);
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool number, exact;
	} cases[] = {
		{ "0", true, true },
		{ "-0", true, true },
		{ "-0.0", true, true },
		{ "1e5", true, true },
		{ "1E+05", true, true },
		{ "12.50", true, true },
		{ "9007199254740992", true, true },
		{ "-9007199254740993", true, false },
		{ "9100000000000000", true, true },
		{ "123456789012345", true, true },
		{ "1234567890123456e1", true, false },
		{ "0.123456789012345", true, true },
		{ "0.1234567890123456", true, false },
		{ "0.000000000000000000012345", true, true },
		{ "100000000000000000000000", true, true },
		{ "1e299", true, true },
		{ "1e309", true, false },
		{ "1e-400", true, false },
		{ "1e99999999999", true, false },
		{ "", false, false },
		{ "-", false, false },
		{ "01", false, false },
		{ "1.", false, false },
		{ ".5", false, false },
		{ "+1", false, false },
		{ "1e", false, false },
		{ "0x10", false, false },
		{ "1 ", false, false },
		{ "NaN", false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ok(text_is_number(slice_z(cases[i].text)) == cases[i].number, "number: \"%s\"",
		   cases[i].text);
		ok(text_is_exact(slice_z(cases[i].text)) == cases[i].exact, "exact: \"%s\"",
		   cases[i].text);
	}
}

/* What is kept of the last time must not show in the next one: each is read behind each. */
static void test_times(void)
{
	static const struct {
		const char *text, *want; /* NULL: none */
	} cases[] = {
		{ "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z" },
		{ "10/Oct/2000:13:55:37 -0700", "2000-10-10T20:55:37Z" },
		{ "10/Oct/2000:13:55:60 -0700", "2000-10-10T20:56:00Z" },
		{ "10/Oct/2000:13:55:61 -0700", NULL },
		{ "10/Oct/2000:13:55:36 +0530", "2000-10-10T08:25:36Z" },
		{ "1/Oct/2000:13:55:36 -07:00", "2000-10-01T20:55:36Z" },
		{ "1/Oct/2000:13:55::36-07:00", NULL },
		{ "10/Oct/2000:13:55:3x -0700", NULL },
		{ "10/Oct/2000:13:55.36 -0700", NULL },
		{ "10/Oct/2000:13:55:36 -0760", NULL },
		{ "10/Oct/2000:13:55:36", NULL },
		{ "30/Feb/2000:13:55:36 +0000", NULL },
		{ "10/Oct/2300:13:55:36 +0000", NULL },
		{ "", NULL },
	};
	const size_t n = sizeof(cases) / sizeof(*cases);
	struct clf_time t = { 0 };
	struct buf in = { 0 };

	for (size_t i = 0; i < n * n * 2; i++) {
		size_t k = i % 2 ? i / 2 % n : i / 2 / n;
		char text[64];
		struct text_out out = { text, NULL };
		bool good = clf_time_put(&t, padded(&in, slice_z(cases[k].text)), &out);
		size_t bytes = (size_t)(out.p - text);

		if (good != (cases[k].want != NULL) ||
		    (good &&
		     (bytes != strlen(cases[k].want) || memcmp(text, cases[k].want, bytes) != 0)))
			ok(false, "%s at %zu: %.*s", cases[k].text, i, (int)bytes, text);
	}
	ok(true, "times one behind the other");
	clf_time_fini(&t);
	buf_fini(&in);
}

static void test_open_quotes(void)
{
	static const struct {
		const char *line;
		bool inside, open;
	} cases[] = {
		{ "a,b", false, false },       { "a,\"b", false, true },
		{ "a,\"b\"", false, false },   { "a,\"b\"\"", false, true },
		{ "\"\",\"", false, true },    { "a\"b,c", false, false },
		{ "\"a\"b,\"c", false, true }, { "", true, true },
		{ "x\",\"y", true, true },     { "x\",y", true, false },
		{ "x\"\"", true, true },
	};
	struct csv *csv = csv_new(',', false), *tsv = csv_new('\t', true);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(csv_is_open(csv, slice_z(cases[i].line), cases[i].inside) == cases[i].open,
		   "open: %s", cases[i].line);
	ok(!csv_is_open(tsv, slice_z("\"a"), false), "a quote in TSV is a character");
	csv_free(csv);
	csv_free(tsv);
}

static void test_many_words(void)
{
	struct logfmt l = { 0 };
	struct buf text = { 0 }, in = { 0 }, out = { 0 };
	struct err err = ERR_INIT;

	for (int i = 0; i < LOGFMT_WORDS; i++)
		buf_printf(&text, "k%d=%d ", i % 500, i);
	ok(logfmt_line(&l, padded(&in, buf_slice(&text)), &out, &err) == 0, "as many as it takes");
	ok(memmem(out.p, out.n, "\"k23\":1023", 10) && !memmem(out.p, out.n, "\"k23\":523", 9),
	   "the last of equal keys");
	buf_addz(&text, "more");
	ok(logfmt_line(&l, padded(&in, buf_slice(&text)), &out, &err) && err.code == EX_DATAERR,
	   "one more");
	logfmt_fini(&l);
	buf_fini(&text);
	buf_fini(&in);
	buf_fini(&out);
}

int main(void)
{
	test_texts();
	test_not_utf8();
	test_numbers();
	test_times();
	test_open_quotes();
	test_many_words();
	return done();
}
