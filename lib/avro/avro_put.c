/* Numbers are written two digits at a time out of a table.
 *
 * Doubles and floats that people write have a few decimals: with k of them one is an integer over
 * 10^k, which a division tells. All others go through base/real, floats through printf and strtof.
 *
 * A decimal of up to eight bytes is an integer of the machine. A longer one is divided by 10^9 until
 * nothing is left, 32 words at most. */
#include "avro/avro_put.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/real.h"
#include "base/tm.h"

/* ---- integers */

enum { U64_DIGITS = 20 };

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
			    "34353637383940414243444546474849505152535455565758596061626364656667"
			    "6869707172737475767778798081828384858687888990919293949596979899";

/* The digits of v end before `end`; where they begin. */
static char *digits_before(char *end, uint64_t v)
{
	for (; v >= 100; v /= 100)
		memcpy(end -= 2, pairs + 2 * (v % 100), 2);
	if (v >= 10)
		return memcpy(end - 2, pairs + 2 * v, 2);
	*--end = (char)('0' + v);
	return end;
}

static char *put_u64(char *p, uint64_t v)
{
	char text[2 * U64_DIGITS];
	const char *from = digits_before(text + U64_DIGITS, v);

	memcpy(p, from, U64_DIGITS); /* most of them in vain, but of a known number */
	return p + (text + U64_DIGITS - from);
}

char *avro_put_i64(char *p, int64_t v)
{
	if (v < 0)
		*p++ = '-';
	return put_u64(p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* Exactly n digits. */
static char *put_padded(char *p, uint64_t v, int n)
{
	for (int i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

static char *put_text(char *p, const char *text)
{
	return stpcpy(p, text);
}

/* ---- floats */

static char *put_no_number(char *p, double v)
{
	return put_text(p, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
}

/* n / 10^k, k up to FEW. */
static char *put_decimals(char *p, bool minus, uint64_t n, unsigned k)
{
	static const uint64_t tens[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };
	uint64_t whole = n / tens[k];

	if (minus)
		*p++ = '-';
	p = put_u64(p, whole);
	if (k == 0)
		return p;
	*p++ = '.';
	return put_padded(p, n - whole * tens[k], (int)k);
}

enum { FEW = 6 };

static const double few_tens[FEW + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };

/* An integer below 2^53 over a power of ten is rounded once, so what gives v back is its text. At
 * most 15 digits: no other text of so few does. NULL: no few decimals give it back. */
static char *put_short_double(char *p, double v)
{
	double size = fabs(v);

	for (unsigned k = 0; k <= FEW && size >= 1e-4 && size * few_tens[k] < 1e15; k++) {
		uint64_t n = (uint64_t)(int64_t)(size * few_tens[k] + 0.5);

		if ((double)(int64_t)n / few_tens[k] == size)
			return put_decimals(p, v < 0, n, k);
	}
	return NULL;
}

char *avro_put_double(char *p, double v)
{
	char *end;

	if (!isfinite(v))
		return put_no_number(p, v);
	end = put_short_double(p, v);
	return end ? end : p + real_text(v, p);
}

/* As above, for floats. A double that lies exactly between two floats would be rounded twice. */
static char *put_short_float(char *p, float v)
{
	const uint64_t between = 0x1fffffff, middle = 0x10000000;
	double size = fabs((double)v);

	for (unsigned k = 0; k <= FEW && size >= 1e-3 && size * few_tens[k] < 9e8; k++) {
		uint64_t n = (uint64_t)(int64_t)(size * few_tens[k] + 0.5), bits;
		double back = (double)(int64_t)n / few_tens[k];

		memcpy(&bits, &back, sizeof(bits));
		if ((double)(float)back == size && (back == size || (bits & between) != middle))
			return put_decimals(p, v < 0, n, k);
	}
	return NULL;
}

char *avro_put_float(char *p, float v)
{
	char *end;
	int n = 0;

	if (!isfinite(v))
		return put_no_number(p, (double)v);
	if (v == 0)
		return put_text(p, signbit(v) ? "-0" : "0");
	end = put_short_float(p, v);
	for (int digits = 6; !end && digits <= 9; digits++) {
		n = snprintf(p, AVRO_PUT_BYTES, "%.*g", digits, (double)v);
		if (strtof(p, NULL) == v)
			break;
	}
	return end ? end : p + n;
}

/* ---- times */

static const int64_t year_0_s = -62167219200, year_10000_s = 253402300800;

/* v / unit towards the past; *rest is never negative. */
static int64_t floor_of(int64_t v, int64_t unit, int64_t *rest)
{
	int64_t whole = v / unit - (v % unit < 0);

	*rest = v - whole * unit;
	return whole;
}

/* Between quotes: the second, a fraction of 0, 3, 6 or 9 digits, and Z unless local. */
static char *put_instant(char *p, int64_t s, int64_t ns, bool local)
{
	int decimals = ns == 0 ? 0 : ns % 1000000 == 0 ? 3 : ns % 1000 == 0 ? 6 : 9;
	static const int64_t units[] = { 1, 1000000, 1000, 1 };

	*p++ = '"';
	p += tm_text(s * TM_S, p) - 1; /* without its Z */
	if (decimals) {
		*p++ = '.';
		p = put_padded(p, (uint64_t)(ns / units[decimals / 3]), decimals);
	}
	if (!local)
		*p++ = 'Z';
	*p++ = '"';
	return p;
}

static char *put_timestamp(char *p, int64_t v, int64_t a_second, bool local)
{
	int64_t rest, s = floor_of(v, a_second, &rest);

	if (s < year_0_s || s >= year_10000_s)
		return avro_put_i64(p, v);
	return put_instant(p, s, rest * (1000000000 / a_second), local);
}

static char *put_date(char *p, int64_t days)
{
	char text[TM_TEXT_BYTES];
	int64_t s = days * 86400;

	if (s < year_0_s || s >= year_10000_s)
		return avro_put_i64(p, days);
	tm_text(s * TM_S, text);
	*p++ = '"';
	memcpy(p, text, 10);
	p[10] = '"';
	return p + 11;
}

static char *put_time_of_day(char *p, int64_t v, int64_t a_second)
{
	char text[AVRO_PUT_BYTES];
	int64_t rest, s = floor_of(v, a_second, &rest);

	if (s < 0 || s >= 86400)
		return avro_put_i64(p, v);
	size_t n = (size_t)(put_instant(text, s, rest * (1000000000 / a_second), true) - text);
	static const size_t date = 11; /* 1970-01-01T */
	*p = '"';
	memcpy(p + 1, text + 1 + date, n - 1 - date);
	return p + n - date;
}

char *avro_put_time(char *p, enum avro_logical logical, int64_t v)
{
	switch (logical) {
	case AVRO_DATE:
		return put_date(p, v);
	case AVRO_TIME_MILLIS:
		return put_time_of_day(p, v, 1000);
	case AVRO_TIME_MICROS:
		return put_time_of_day(p, v, 1000000);
	case AVRO_TIMESTAMP_MILLIS:
	case AVRO_LOCAL_MILLIS:
		return put_timestamp(p, v, 1000, logical == AVRO_LOCAL_MILLIS);
	case AVRO_TIMESTAMP_MICROS:
	case AVRO_LOCAL_MICROS:
		return put_timestamp(p, v, 1000000, logical == AVRO_LOCAL_MICROS);
	case AVRO_TIMESTAMP_NANOS:
	case AVRO_LOCAL_NANOS:
		return put_timestamp(p, v, 1000000000, logical == AVRO_LOCAL_NANOS);
	default:
		return avro_put_i64(p, v);
	}
}

/* ---- decimals */

enum { DECIMAL_WORDS = AVRO_DECIMAL_BYTES / 4, TEN_9 = 1000000000 };

/* The size of the number as words, the least first. */
static void words_of(const uint8_t *bytes, size_t n, bool minus, uint32_t word[DECIMAL_WORDS])
{
	unsigned carry = minus;

	memset(word, 0, DECIMAL_WORDS * sizeof(word[0]));
	for (size_t i = 0; i < n; i++) {
		unsigned b = minus ? (uint8_t)~bytes[n - 1 - i] + carry : bytes[n - 1 - i];

		carry = minus && b > 0xff;
		word[i / 4] |= (uint32_t)(b & 0xff) << 8 * (i % 4);
	}
}

/* The digits of a long number end before `end`; where they begin. */
static char *long_digits(char *end, uint32_t word[DECIMAL_WORDS])
{
	size_t n = DECIMAL_WORDS;
	uint64_t rest;

	for (;; end = put_padded(end - 9, rest, 9) - 9) {
		rest = 0;
		for (size_t i = n; i-- > 0;) {
			rest = rest << 32 | word[i];
			word[i] = (uint32_t)(rest / TEN_9);
			rest %= TEN_9;
		}
		while (n > 0 && word[n - 1] == 0)
			n--;
		if (n == 0)
			return digits_before(end, rest);
	}
}

static char *digits_of(char *end, const uint8_t *bytes, size_t n, bool minus)
{
	uint32_t word[DECIMAL_WORDS];
	uint64_t v = minus ? ~0ULL : 0;

	if (n > sizeof(v)) {
		words_of(bytes, n, minus, word);
		return long_digits(end, word);
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return digits_before(end, minus ? 0 - v : v);
}

char *avro_put_decimal(char *p, const uint8_t *bytes, size_t n, uint32_t scale)
{
	char text[AVRO_DIGITS + 16];
	char *const end = text + sizeof(text);
	bool minus = n > 0 && bytes[0] & 0x80;
	const char *from = digits_of(end, bytes, n, minus);
	size_t digits = (size_t)(end - from), zeros = digits > scale ? 0 : scale + 1 - digits;

	if (minus)
		*p++ = '-';
	memset(p, '0', zeros);
	memcpy(p + zeros, from, digits);
	p += zeros + digits;
	if (scale > 0) {
		memmove(p - scale + 1, p - scale, scale);
		p[-(ptrdiff_t)scale] = '.';
		p++;
	}
	return p;
}

/* ---- fixed ones */

char *avro_put_uuid(char *p, const uint8_t *bytes)
{
	*p++ = '"';
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = "0123456789abcdef"[bytes[i] >> 4];
		*p++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*p++ = '"';
	return p;
}

static uint32_t little(const uint8_t *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static char *put_part(char *p, uint32_t v, char unit)
{
	if (v == 0)
		return p;
	p = put_u64(p, v);
	*p++ = unit;
	return p;
}

char *avro_put_duration(char *p, const uint8_t *bytes)
{
	uint32_t months = little(bytes), days = little(bytes + 4), ms = little(bytes + 8);

	p = put_text(p, "\"P");
	p = put_part(p, months, 'M');
	p = put_part(p, days, 'D');
	if (ms > 0 || (months == 0 && days == 0)) {
		*p++ = 'T';
		p = put_u64(p, ms / 1000);
		if (ms % 1000) {
			*p++ = '.';
			p = put_padded(p, ms % 1000, 3);
		}
		*p++ = 'S';
	}
	*p++ = '"';
	return p;
}
