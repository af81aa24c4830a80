/* Every engine of the scanner against json_parse: over a learned line with each of its bytes
 * changed, over values and escapes of every kind, over deep and over long lines. */
#include "scan_reference.h"

/* A line of every kind of value, often enough to be learned, then with each of its bytes
 * replaced by others, taken out, and doubled. */
static void every_byte(void)
{
	static const char line[] =
		" {\"ts\":\"2026-11-20T15:00:00.250Z\",\"a\":{\"b\":{\"c\":-1.5e3}},\"status\":200,"
		" \"latency_ms\" : 0.125,"
		"\"tags\":[\"x\",{\"y\":[1,2]},null],\"endpoint\":\"/a\\u00e9\\n \xc3\xa9 a long "
		"one, longer than 32 bytes, and longer than 64 too\","
		"\"ok\":true,\"none\":null,\"payload\":{\"price\":10,\"a\":\"\"},\"id\":\"24c12312-"
		"6ffd-4722-8230-04ef8df510e6\"}\r";
	static const char others[] = "\"\\{}[]:, \t\r01-.eu/n\x01\x7f\x80\xc3\xff";
	struct wanted wanted[2];
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	ask(&wanted[0], asked[0]);
	ask(&wanted[1], asked[1]);
	for (size_t at = 0; at + 1 < sizeof line; at++) {
		unsigned lines = 0;
		b.n = 0;
		for (size_t k = 0; k < sizeof others + 1; k++) {
			for (int same = 0; same < 2; same++, lines++)
				buf_printf(&b, "%s\n", line);
			buf_add(&b, line, at);
			if (k < sizeof others - 1)
				buf_addc(&b, others[k]);
			else if (k == sizeof others)
				buf_add(&b, line + at, 2);
			buf_printf(&b, "%s\n", line + at + 1);
			lines++;
		}
		right_everywhere(&wanted[at % 2], &b, lines, wrong, counts);
	}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted[0].scan[e])
			ok(wrong[e] == 0,
			   "%s: a learned line with one byte changed is what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_BAD] > 5000 && counts[SCAN_OK] > 2 * counts[SCAN_BAD],
	   "%u good lines, %u bad", counts[SCAN_OK], counts[SCAN_BAD]);
	unask(&wanted[0]);
	unask(&wanted[1]);
	buf_fini(&b);
}

/* Lines of the same texts with values that are of every kind, or of none. */
static void every_kind(void)
{
	static const char *const values[] = {
		"1", "0", "12.5", "-1", "1e5", "1234567890123456", "12345678901234567",
		"123456789012.345", "true", "false", "null", "\"\"", "\"x\"", "\"\\n\"",
		"\"a string of exactly thirty-two..\"",
		"\"a string that is longer than thirty-two bytes\"", "[]", "[1]", "[[],{}]", "{}",
		"{\"a\":1}",
	}, *const broken[] = {
		"", "tru", "nul", "truefalse", "01", "-", "1.", ".5", "1e", "+1", "\"x", "x\"",
		"\"\\x\"", "\"\t\"", "[", "]", "[1,]", "[1}", "{", "{\"a\"}", "\"\"\"\"", "1 1",
		",",
	};
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	ask(&wanted, (const char *const[8]){ "a", "b", "payload.a" });
	for (unsigned i = 0; i < 1500; i++) {
		unsigned lines = 1 + below(100), kinds = 1 + below(3), first = below(COUNT(values));
		b.n = 0;
		for (unsigned k = 0; k < lines; k++) {
			const char *v[3];
			for (int m = 0; m < 3; m++)
				v[m] = one_in(30)
					       ? broken[below(COUNT(broken))]
					       : values[(first + below(kinds) * 5 + (unsigned)m) %
							COUNT(values)];
			buf_printf(&b, "{\"a\":%s,\"payload\":{\"a\":%s},\"b\":%s}\n", v[0], v[1],
				   v[2]);
		}
		right_everywhere(&wanted, &b, lines, wrong, counts);
	}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0,
			   "%s: values of every kind and none are what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_BAD] > 10000 && counts[SCAN_OK] > counts[SCAN_BAD], "%u good lines, %u bad",
	   counts[SCAN_OK], counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

/* Every byte behind a backslash, and at each place of \uXXXX, near the beginning of a string and
 * beyond its first 32 and 64 bytes. */
static void every_escape(void)
{
	static const struct {
		const char *before, *behind;
	} forms[] = {
		{ "\\", "" },       { "\\u", "000" },       { "\\u0", "00" }, { "\\u00", "0" },
		{ "\\u000", "" },   { "\\\\", "" },         { "", "" },       { "\xc3", "" },
		{ "\xe2\x82", "" }, { "\xf0\x9f\x98", "" }, { "", "\xbf" },   { "", "\x80\x80" },
	};
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 };
	struct buf b = { 0 };
	ask(&wanted, (const char *const[8]){ "a" });
	for (size_t form = 0; form < COUNT(forms); form++)
		for (unsigned before = 0; before < 140; before += 1 + before % 7) {
			unsigned lines = 0;
			b.n = 0;
			for (int c = 1; c < 256; c++)
				if (c != '\n') {
					buf_printf(&b, "{\"a\":\"%.*s", (int)before,
						   "..............................................."
						   "................."
						   "..............................................."
						   ".............................");
					buf_printf(&b, "%s%c%s%s\"}\n", forms[form].before, c,
						   forms[form].behind, c % 3 ? "" : " and on");
					lines++;
				}
			right_everywhere(&wanted, &b, lines, wrong, counts);
		}
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0, "%s: every escape is what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_BAD] > 10000 && counts[SCAN_OK] > 10000, "%u good lines, %u bad",
	   counts[SCAN_OK], counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

static void add_times(struct buf *b, const char *text, unsigned n)
{
	for (; n > 0; n--)
		buf_addz(b, text);
}

/* An array that is one value of what was learned, at the bottom of 100 objects: its own depth is
 * not all that counts. */
static void depth(void)
{
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 }, lines = 0;
	struct buf b = { 0 };
	ask(&wanted, asked[0]);
	for (; lines < 60; lines++) {
		unsigned arrays = lines % 5 == 4 ? JSON_DEPTH - 99 : JSON_DEPTH - 100 - lines % 5;
		add_times(&b, "{\"a\":", 100);
		add_times(&b, "[", arrays);
		add_times(&b, "]", arrays);
		add_times(&b, "}", 100);
		buf_addc(&b, '\n');
	}
	right_everywhere(&wanted, &b, lines, wrong, counts);
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0, "%s: deep lines are what json_parse says",
			   engines[e].name);
	ok(counts[SCAN_OK] == 4 * counts[SCAN_BAD], "%u good lines, %u bad", counts[SCAN_OK],
	   counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

/* Long lines: of more names than are guessed, of long strings, of texts too long to be learned. */
static void long_lines(void)
{
	struct wanted wanted;
	unsigned wrong[COUNT(engines)] = { 0 }, counts[3] = { 0 }, lines = 0;
	struct buf b = { 0 };
	ask(&wanted, asked[0]);
	for (; lines < 60; lines++) {
		buf_addz(&b, "{\"status\":1");
		for (unsigned k = below(3000); k > 0; k--)
			buf_printf(&b, ",\"k%u\":%u", k, k);
		buf_addz(&b, ",\"text\":\"");
		for (unsigned k = below(9000); k > 0; k--)
			buf_addz(&b, one_in(300)    ? "\\u00e9"
				     : one_in(300)  ? "\xe2\x82\xac"
				     : one_in(300)  ? "\\\\"
				     : one_in(9000) ? "\t"
						    : "ten letters");
		buf_printf(&b, "\",\"endpoint\":\"%u\",\"list\":[", lines);
		for (unsigned k = below(2000); k > 0; k--)
			buf_printf(&b, "{\"ts\":%u},", k);
		buf_addz(&b, "[]],\"ts\":\"x\"}\n");
	}
	right_everywhere(&wanted, &b, lines, wrong, counts);
	for (size_t e = 0; e < COUNT(engines); e++)
		if (wanted.scan[e])
			ok(wrong[e] == 0, "%s: %zu kB in %u lines are what json_parse says",
			   engines[e].name, b.n / 1000, lines);
	ok(counts[SCAN_OK] > 0 && counts[SCAN_BAD] > 0, "%u good, %u bad", counts[SCAN_OK],
	   counts[SCAN_BAD]);
	unask(&wanted);
	buf_fini(&b);
}

int main(void)
{
	every_byte();
	every_escape();
	every_kind();
	depth();
	long_lines();
	return done();
}
