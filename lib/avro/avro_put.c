/* Numbers are written two digits at a time out of a table.
 *
 * Doubles and floats that people write have a few decimals: with k of them one is an integer over
 * 10^k, which a division tells. All others go through base/real, floats through printf and strtof.
 *
 * A time is written from its days and seconds: base/tm, which takes any year, needs three times as
 * many instructions.
 *
 * A decimal of up to eight bytes is an integer of the machine. A longer one is divided by 10^9
 * until nothing is left, 32 words at most. */
#include "avro/avro_put.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/real.h"

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

/* n / 10^k, k < REAL_TENS. */
static char *put_decimals(char *p, bool minus, uint64_t n, unsigned k)
{
	uint64_t whole = n / real_tens[k];

	if (minus)
		*p++ = '-';
	p = put_u64(p, whole);
	if (k == 0)
		return p;
	*p++ = '.';
	return put_padded(p, n - whole * real_tens[k], (int)k);
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

static char *put_two(char *p, unsigned v)
{
	memcpy(p, pairs + 2 * v, 2);
	return p + 2;
}

/* "2026-11-20", by the arithmetic of base/tm.c. Years 0 to 9999. */
static char *put_day(char *p, int64_t days)
{
	unsigned since = (unsigned)(days + 719468 + 146097); /* 400 years earlier: never negative */
	unsigned era = since / 146097, of_era = since % 146097;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned march = (5 * of_year + 2) / 153, month = march < 10 ? march + 3 : march - 9;

	year = year + 400 * era + (month <= 2) - 400;
	p = put_two(p, year / 100);
	p = put_two(p, year % 100);
	*p++ = '-';
	p = put_two(p, month);
	*p++ = '-';
	return put_two(p, of_year - (153 * march + 2) / 5 + 1);
}

/* "15:04:05" and a fraction of 0, 3, 6 or 9 digits. */
static char *put_clock(char *p, unsigned s, unsigned ns)
{
	p = put_two(p, s / 3600);
	*p++ = ':';
	p = put_two(p, s / 60 % 60);
	*p++ = ':';
	p = put_two(p, s % 60);
	if (ns == 0)
		return p;
	*p++ = '.';
	if (ns % 1000000 == 0)
		return put_padded(p, ns / 1000000, 3);
	return ns % 1000 == 0 ? put_padded(p, ns / 1000, 6) : put_padded(p, ns, 9);
}

static char *put_timestamp(char *p, int64_t v, int64_t a_second, bool local)
{
	int64_t rest, days, of_day, s = floor_of(v, a_second, &rest);

	if (s < year_0_s || s >= year_10000_s)
		return avro_put_i64(p, v);
	days = floor_of(s, 86400, &of_day);
	*p++ = '"';
	p = put_day(p, days);
	*p++ = 'T';
	p = put_clock(p, (unsigned)of_day, (unsigned)(rest * (1000000000 / a_second)));
	if (!local)
		*p++ = 'Z';
	*p++ = '"';
	return p;
}

static char *put_date(char *p, int64_t days)
{
	if (days < year_0_s / 86400 || days >= year_10000_s / 86400)
		return avro_put_i64(p, days);
	*p++ = '"';
	p = put_day(p, days);
	*p++ = '"';
	return p;
}

static char *put_time_of_day(char *p, int64_t v, int64_t a_second)
{
	int64_t rest, s = floor_of(v, a_second, &rest);

	if (s < 0 || s >= 86400)
		return avro_put_i64(p, v);
	*p++ = '"';
	p = put_clock(p, (unsigned)s, (unsigned)(rest * (1000000000 / a_second)));
	*p++ = '"';
	return p;
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

/* The decimal of more bytes, or more decimals, than a machine's integer has. */
static char *put_long_decimal(char *p, const uint8_t *bytes, size_t n, bool minus, uint32_t scale)
{
	uint32_t word[DECIMAL_WORDS];
	char text[AVRO_DIGITS + 16];
	char *const end = text + sizeof(text);

	words_of(bytes, n, minus, word);
	const char *from = long_digits(end, word);
	size_t digits = (size_t)(end - from), zeros = digits > scale ? 0 : scale + 1 - digits;

	if (minus)
		*p++ = '-';
	memset(p, '0', zeros);
	memcpy(p + zeros, from, digits);
	p += zeros + digits;
	if (scale == 0)
		return p;
	memmove(p - scale + 1, p - scale, scale);
	p[-(ptrdiff_t)scale] = '.';
	return p + 1;
}

char *avro_put_decimal(char *p, const uint8_t *bytes, size_t n, uint32_t scale)
{
	bool minus = n > 0 && bytes[0] & 0x80;
	uint64_t v = minus ? ~0ULL : 0;

	if (n > sizeof(v) || scale > (REAL_TENS - 1))
		return put_long_decimal(p, bytes, n, minus, scale);
	for (size_t i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return put_decimals(p, minus, minus ? 0 - v : v, scale);
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
