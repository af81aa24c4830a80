/* The hot converter of decimals against dec_parse: a table of quoted ones, and texts from a seeded
 * generator. Columns, by every engine that the processor has, against the converter of one
 * field. */
#include "value_fields.h"

static unsigned add_digits(char *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = below(4) ? (char)('0' + below(10)) : "05"[below(2)];
	return n;
}

/* A number that the scanner lets through. */
static unsigned make_number(char *to)
{
	unsigned n = 0;
	if (below(4) == 0)
		to[n++] = '-';
	unsigned whole = 1 + below(below(4) ? 8 : 22);
	add_digits(to + n, whole);
	if (to[n] == '0' && whole > 1)
		to[n] = '7';
	n += whole;
	if (below(2)) {
		to[n++] = '.';
		n += add_digits(to + n, 1 + below(below(4) ? 6 : 16));
	}
	if (below(8) == 0) {
		to[n++] = "eE"[below(2)];
		if (below(2))
			to[n++] = "+-"[below(2)];
		n += add_digits(to + n, 1 + below(2));
	}
	return n;
}

static void decimals(void)
{
	unsigned wrong = 0, results[4] = { 0 };
	char text[80], first[80] = "";
	for (int i = 0; i < 1000000; i++) {
		unsigned n = make_number(text);
		dec want = 0, got = 0;
		enum dec_result result = dec_parse(slice(text, n), &want);
		results[result]++;
		if (value_dec(field_of(text, n, FIELD_NUMBER), &got) != result ||
		    (result != DEC_RANGE && got != want)) {
			wrong++;
			snprintf(first, sizeof first, "%.*s", (int)n, text);
		}
	}
	ok(wrong == 0, "1,000,000 numbers are what dec_parse reads: %u are not, such as %s", wrong,
	   first);
	ok(results[DEC_SYNTAX] == 0 && results[DEC_OK] > 100000 && results[DEC_ROUNDED] > 1000 &&
		   results[DEC_RANGE] > 1000,
	   "of all kinds: %u exact, %u rounded, %u out of range", results[DEC_OK],
	   results[DEC_ROUNDED], results[DEC_RANGE]);
	dec v = 77;
	ok(value_dec(field_of("", 0, FIELD_MISSING), &v) == DEC_SYNTAX &&
		   value_dec(field_of("1", 1, FIELD_TRUE), &v) == DEC_SYNTAX && v == 77,
	   "what is no number is no decimal");
}

static const struct {
	const char *text;
	enum dec_result result;
	int64_t nano;
} quoted[] = {
	{ "0.014", DEC_OK, 14000000 },
	{ "1", DEC_OK, 1000000000 },
	{ "-2.5e1", DEC_OK, -25000000000 },
	{ "1E2", DEC_OK, 100000000000 },
	{ "-0", DEC_OK, 0 },
	{ "0.0000000005", DEC_ROUNDED, 0 },
	{ "0.00000000050000000001", DEC_ROUNDED, 1 },
	{ "1e21", DEC_RANGE, 77 },
	{ "\\u0031", DEC_OK, 1000000000 },
	{ "1\\u002e5", DEC_OK, 1500000000 },
	{ "1\\u00005", DEC_SYNTAX, 77 },
	{ "\\ud800", DEC_SYNTAX, 77 },
	{ "1\\\"", DEC_SYNTAX, 77 },
	{ "", DEC_SYNTAX, 77 },
	{ "-", DEC_SYNTAX, 77 },
	{ " 1", DEC_SYNTAX, 77 },
	{ "1 ", DEC_SYNTAX, 77 },
	{ "1,5", DEC_SYNTAX, 77 },
	{ "0.014, 0.020", DEC_SYNTAX, 77 },
	{ "01", DEC_SYNTAX, 77 },
	{ "+1", DEC_SYNTAX, 77 },
	{ ".5", DEC_SYNTAX, 77 },
	{ "5.", DEC_SYNTAX, 77 },
	{ "0x10", DEC_SYNTAX, 77 },
	{ "1e", DEC_SYNTAX, 77 },
	{ "NaN", DEC_SYNTAX, 77 },
	{ "Infinity", DEC_SYNTAX, 77 },
	{ "1_000", DEC_SYNTAX, 77 },
	{ "12ms", DEC_SYNTAX, 77 },
	{ "null", DEC_SYNTAX, 77 },
};

static void decimals_in_quotes(void)
{
	for (size_t i = 0; i < COUNT(quoted); i++) {
		enum field_type type = strchr(quoted[i].text, '\\') ? FIELD_ESCAPED : FIELD_STRING;
		dec v = 77;
		enum dec_result result = value_dec(
			field_of(quoted[i].text, strlen(quoted[i].text), type), &v);
		ok(result == quoted[i].result && v == quoted[i].nano, "in quotes: \"%s\"",
		   quoted[i].text);
	}
}

static void dec_columns(void)
{
	unsigned wrong[COUNT(engines)] = { 0 }, rounded = 0;
	for (unsigned k = 0; k < COLUMNS; k++) {
		struct value_column c = make_column(make_number, FIELD_NUMBER);
		uint64_t lines = below(2) ? UINT64_MAX : next();
		struct value_sets want = { 0 };
		dec v[SCAN_BATCH], got[SCAN_BATCH];
		for (unsigned i = 0; i < SCAN_BATCH; i++) {
			uint64_t bit = lines & UINT64_C(1) << i;
			struct field f = c.field[i * WIDTH];
			enum dec_result result = f.type == FIELD_NUMBER || f.type == FIELD_STRING
							 ? dec_parse(slice(f.p, f.n), &v[i])
							 : DEC_SYNTAX;
			want.exact |= result == DEC_OK ? bit : 0;
			want.rounded |= result == DEC_ROUNDED ? bit : 0;
			want.none |= f.type <= FIELD_NULL ? bit : 0;
		}
		rounded += (unsigned)__builtin_popcountll(want.rounded);
		for (size_t e = 0; e < COUNT(engines) && engine_runs(e); e++) {
			struct value_sets sets = engines[e].decs(c, lines, got);
			wrong[e] += sets.exact != want.exact || sets.rounded != want.rounded ||
				    sets.none != want.none;
			for (unsigned i = 0; i < SCAN_BATCH; i++)
				wrong[e] += (want.exact | want.rounded) >> i & 1 && got[i] != v[i];
		}
	}
	for (size_t e = 0; e < COUNT(engines) && engine_runs(e); e++)
		ok(wrong[e] == 0 && rounded > COLUMNS, "%s: numbers in %d columns, %u rounded",
		   engines[e].name, COLUMNS, rounded);
}

int main(void)
{
	decimals();
	decimals_in_quotes();
	dec_columns();
	return done();
}
