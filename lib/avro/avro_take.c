/* Times are brought into the one form that tm_parse reads: a date gets a midnight, a time of day
 * the first day, a local time a Z. Their fraction is taken out before, since tm_parse cuts it.
 *
 * A decimal is a number of any length: the digits that count are multiplied up byte by byte, at
 * most AVRO_DIGITS of them, so that a number of a million digits costs no more than reading it. */
#include "avro/avro_take.h"

#include <math.h>
#include <stdlib.h>

#include "base/tm.h"

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* ---- times */

enum { SECOND_CHARS = 19, MOST_CHARS = 64 };

/* Takes ".25" out of a text of MOST_CHARS; its nanoseconds. False: no digits, or more than nine. */
static bool cut_fraction(char *text, size_t *n, int64_t *ns)
{
	size_t end = SECOND_CHARS + 1, unit = 100000000;

	*ns = 0;
	if (*n <= SECOND_CHARS || text[SECOND_CHARS] != '.')
		return true;
	for (; end < *n && is_digit(text[end]); end++, unit /= 10) {
		if (unit == 0 && text[end] != '0')
			return false;
		*ns += (int64_t)unit * (text[end] - '0');
	}
	memmove(text + SECOND_CHARS, text + end, *n - end);
	*n -= end - SECOND_CHARS;
	return end > SECOND_CHARS + 1;
}

static bool instant_of(const char *before, struct slice text, const char *behind, int64_t *s,
		       int64_t *ns)
{
	char form[MOST_CHARS];
	size_t n = strlen(before) + text.n + strlen(behind);
	int64_t us;

	if (text.n > MOST_CHARS / 2 || n > MOST_CHARS)
		return false;
	memcpy(form, before, strlen(before));
	memcpy(form + strlen(before), text.p, text.n);
	memcpy(form + strlen(before) + text.n, behind, strlen(behind));
	if (!cut_fraction(form, &n, ns) || tm_parse(slice(form, n), &us))
		return false;
	*s = us / TM_S;
	return true;
}

/* How many units a second has; 0: it is a date. */
static int64_t units_of(enum avro_logical logical)
{
	switch (logical) {
	case AVRO_TIME_MILLIS:
	case AVRO_TIMESTAMP_MILLIS:
	case AVRO_LOCAL_MILLIS:
		return 1000;
	case AVRO_TIME_MICROS:
	case AVRO_TIMESTAMP_MICROS:
	case AVRO_LOCAL_MICROS:
		return 1000000;
	case AVRO_DATE:
		return 0;
	default:
		return 1000000000;
	}
}

static bool read_instant(enum avro_logical logical, struct slice text, int64_t *s, int64_t *ns)
{
	if (logical == AVRO_DATE)
		return text.n == 10 && instant_of("", text, "T00:00:00Z", s, ns);
	if (logical == AVRO_TIME_MILLIS || logical == AVRO_TIME_MICROS)
		return instant_of("1970-01-01T", text, "Z", s, ns) && *s < 86400;
	if (logical >= AVRO_LOCAL_MILLIS && logical <= AVRO_LOCAL_NANOS)
		return instant_of("", text, "Z", s, ns);
	return instant_of("", text, "", s, ns);
}

const char *avro_take_time(enum avro_logical logical, struct slice text, int64_t *v)
{
	int64_t s, ns, units = units_of(logical);

	if (!read_instant(logical, text, &s, &ns))
		return logical == AVRO_DATE          ? "not a date (2026-11-20)"
		       : logical <= AVRO_TIME_MICROS ? "not a time of day (15:04:05.250)"
		       : logical < AVRO_LOCAL_MILLIS ? "not a time (2026-11-20T15:04:05Z)"
						     : "not a local time (2026-11-20T15:04:05)";
	if (units == 0) {
		*v = s / 86400;
		return NULL;
	}
	if (ns % (1000000000 / units))
		return "a time finer than its type holds";
	if (__builtin_mul_overflow(s, units, v) ||
	    __builtin_add_overflow(*v, ns / (1000000000 / units), v))
		return "a time that its type does not hold";
	return NULL;
}

/* ---- numbers */

static bool is_number(struct slice text)
{
	static const char *const words[] = { "NaN", "Infinity", "-Infinity" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_is(text, words[i]))
			return true;
	return text.n > 0 && (is_digit(text.p[0]) || (text.n > 1 && text.p[0] == '-')) &&
	       is_digit(text.p[text.n - 1]) && !memchr(text.p, 'x', text.n) &&
	       !memchr(text.p, 'X', text.n);
}

/* The text, with a NUL behind it, or NULL: no number. */
static const char *number_z(struct slice text, struct buf *z)
{
	if (!is_number(text))
		return NULL;
	buf_adds(z, text);
	return buf_z(z);
}

static const char *judge_number(struct slice text, bool whole, bool infinite, const char *beyond)
{
	if (!whole)
		return "not a number";
	return infinite && text.p[text.n - 1] != 'y' ? beyond : NULL;
}

const char *avro_take_double(struct slice text, double *v)
{
	struct buf z = { 0 };
	const char *number = number_z(text, &z), *why = "not a number";
	char *end;

	if (number) {
		*v = strtod(number, &end);
		why = judge_number(text, !*end, isinf(*v), "a number beyond the doubles");
	}
	buf_fini(&z);
	return why;
}

const char *avro_take_float(struct slice text, float *v)
{
	struct buf z = { 0 };
	const char *number = number_z(text, &z), *why = "not a number";
	char *end;

	if (number) {
		*v = strtof(number, &end);
		why = judge_number(text, !*end, isinf(*v), "a number beyond the floats");
	}
	buf_fini(&z);
	return why;
}

/* ---- decimals */

/* A number as `digits` x 10^exponent, without zeros at either end. */
struct number {
	bool minus;
	char digits[AVRO_DIGITS];
	size_t n;
	int64_t exponent;
};

/* The exponent behind e; false: none, or one beyond what any decimal has. */
static bool read_exponent(const char *p, const char *end, int64_t *exponent)
{
	bool minus = p < end && *p == '-';
	int64_t v = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	for (; p < end && is_digit(*p); p++)
		v = v > 1000000000 ? v : v * 10 + (*p - '0');
	*exponent = minus ? -v : v;
	return p == end;
}

/* Adds a digit; zeros are counted first, and added when another digit comes behind them. */
static bool add_digit(struct number *number, char digit, size_t *zeros)
{
	if (digit == '0') {
		*zeros += number->n > 0;
		return true;
	}
	if (number->n + *zeros >= sizeof(number->digits))
		return false;
	memset(number->digits + number->n, '0', *zeros);
	number->n += *zeros;
	number->digits[number->n++] = digit;
	*zeros = 0;
	return true;
}

static const char *read_number(struct slice text, struct number *number)
{
	const char *p = text.p, *end = text.p + text.n, *point = NULL;
	int64_t exponent = 0;
	size_t zeros = 0, decimals = 0, any = 0;

	*number = (struct number){ .minus = p < end && *p == '-' };
	for (p += number->minus; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
		if (*p == '.') {
			point = p;
			continue;
		}
		any++;
		decimals += point != NULL;
		if (!add_digit(number, *p, &zeros))
			return "a decimal of too many digits";
	}
	if (any == 0 || (p < end && ((*p | 0x20) != 'e' || !read_exponent(p + 1, end, &exponent))))
		return "not a number";
	number->exponent = exponent + (int64_t)zeros - (int64_t)decimals;
	return NULL;
}

/* out = out * 10 + digit, n bytes, big-endian. */
static void times_ten(uint8_t *out, size_t n, unsigned digit)
{
	for (size_t i = n; i-- > 0;) {
		digit += out[i] * 10u;
		out[i] = (uint8_t)digit;
		digit >>= 8;
	}
}

static void negate(uint8_t *out, size_t n)
{
	unsigned carry = 1;

	for (size_t i = n; i-- > 0;) {
		carry += (uint8_t)~out[i];
		out[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* Moves the number to the front, without the bytes that only repeat its sign. How many are left. */
static size_t shorten(uint8_t *out, size_t n)
{
	size_t from = 0;
	const uint8_t sign = out[0] & 0x80 ? 0xff : 0;

	while (from + 1 < n && out[from] == sign && (out[from + 1] & 0x80) == (sign & 0x80))
		from++;
	memmove(out, out + from, n - from);
	return n - from;
}

const char *avro_take_decimal(struct slice text, uint32_t precision, uint32_t scale,
			      uint8_t out[AVRO_DECIMAL_BYTES], size_t *n)
{
	struct number number;
	const char *why = read_number(text, &number);
	int64_t zeros = number.exponent + scale;

	if (why)
		return why;
	memset(out, 0, AVRO_DECIMAL_BYTES);
	if (number.n > 0 && zeros < 0)
		return "a decimal of more decimals than its scale";
	if (number.n > 0 && (int64_t)number.n + zeros > precision)
		return "a decimal of more digits than its precision";
	for (size_t i = 0; i < number.n; i++)
		times_ten(out, AVRO_DECIMAL_BYTES, (unsigned)(number.digits[i] - '0'));
	for (int64_t i = 0; number.n > 0 && i < zeros; i++)
		times_ten(out, AVRO_DECIMAL_BYTES, 0);
	if (number.minus)
		negate(out, AVRO_DECIMAL_BYTES);
	*n = shorten(out, AVRO_DECIMAL_BYTES);
	return NULL;
}

/* ---- fixed ones */

const char *avro_take_uuid(struct slice text, uint8_t out[16])
{
	static const char *const why = "not a UUID (6ba7b810-9dad-11d1-80b4-00c04fd430c8)";
	static const size_t groups[] = { 4, 2, 2, 2, 6 };
	const char *p = text.p;

	if (text.n != 36)
		return why;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (i > 0 && *p++ != '-')
			return why;
		if (str_unhex(slice(p, 2 * groups[i]), out, groups[i]))
			return why;
		out += groups[i];
		p += 2 * groups[i];
	}
	return NULL;
}

static void put_little(uint8_t *out, uint64_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> 8 * i);
}

/* Digits and a letter at *p: up to 32 bits. False, and *p stays: they are none. */
static bool read_part(const char **p, const char *end, char unit, uint64_t *v)
{
	const char *at = *p;

	*v = 0;
	for (; at < end && is_digit(*at) && *v <= UINT32_MAX; at++)
		*v = *v * 10 + (uint64_t)(*at - '0');
	if (at == *p || at == end || *at != unit || *v > UINT32_MAX)
		return false;
	*p = at + 1;
	return true;
}

/* "T3.004S" at p to the end: milliseconds. */
static bool read_seconds(const char *p, const char *end, uint64_t *ms)
{
	uint64_t s, fraction = 0, unit = 100;

	if (*p != 'T' || end[-1] != 'S')
		return false;
	p++;
	if (read_part(&p, end, 'S', &s)) {
		*ms = s * 1000;
		return p == end && *ms <= UINT32_MAX;
	}
	if (!read_part(&p, end, '.', &s))
		return false;
	for (; p < end - 1 && is_digit(*p); p++, unit /= 10) {
		if (unit == 0 && *p != '0')
			return false;
		fraction += unit * (uint64_t)(*p - '0');
	}
	*ms = s * 1000 + fraction;
	return p == end - 1 && *ms <= UINT32_MAX;
}

const char *avro_take_duration(struct slice text, uint8_t out[12])
{
	const char *p = text.p + 1, *end = text.p + text.n;
	uint64_t months = 0, days = 0, ms = 0;

	if (text.n < 3 || text.p[0] != 'P')
		return "not a duration (P1M2DT3.004S)";
	if (!read_part(&p, end, 'M', &months))
		months = 0;
	if (!read_part(&p, end, 'D', &days))
		days = 0;
	if (p < end && !read_seconds(p, end, &ms))
		return "not a duration (P1M2DT3.004S)";
	put_little(out, months);
	put_little(out + 4, days);
	put_little(out + 8, ms);
	return NULL;
}
