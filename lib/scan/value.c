/* Times: events come nearly in order, so the first 16 bytes ("2026-11-20T15:00") are mostly
 * those of the event before. What is left, ":07.250Z" with none to nine decimals, has its digits
 * in one word. Seconds of 60, more decimals, offsets and all other forms go to value_time.c.
 *
 * Numbers: the characters are loaded so that the last one is the highest byte of a word (two
 * words beyond eight characters); what stands before the number is replaced by zeros, the point
 * is taken out by moving what is before it up one byte, and eight digits become an integer by
 * three multiplications (pairs, fours, eight). No loop, no branch that depends on the number's
 * length. An exponent shows as a byte that is no digit and goes to dec_parse, as do more than 16
 * characters. */
#include "base/tm.h"
#include "scan/scan_internal.h"
#include "scan/value_internal.h"

static const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

static always_inline uint64_t word_of(const char *eight)
{
	return scan_load(eight);
}

/* ---- digits */

static const uint64_t pow10_of[] = { 1,      10,      100,      1000,      10000,
				     100000, 1000000, 10000000, 100000000, 1000000000 };

/* Eight bytes 0..9, the first digit lowest. */
static always_inline uint64_t eight_digits(uint64_t v)
{
	v = v * 10 + (v >> 8);
	return ((v & 0x000000ff000000ff) * 0x000f424000000064 +
		(v >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
	       32;
}

/* Any byte that is above 9? */
static always_inline bool beyond_nine(uint64_t v)
{
	return (v + ones * 0x76) & tops;
}

/* ---- times */

/* ":07Z", ":07.250Z", up to nine digits: microseconds of the minute. False: time_string has to
 * look. */
static always_inline bool second_of(const char *p, size_t n, int64_t *us)
{
	unsigned tens = (unsigned char)p[1] - '0', second = (unsigned char)p[2] - '0';
	if (unlikely(n < 4 || n == 5 || n > 14 || p[n - 1] != 'Z' || p[0] != ':' || tens > 5 ||
		     second > 9))
		return false;
	*us = (tens * 10 + second) * TM_S;
	if (n == 4)
		return true;
	size_t digits = n - 5;
	uint64_t v = (word_of(p + 4) ^ ones * '0') << (digits < 8 ? 8 * (8 - digits) : 0);
	if (unlikely(p[3] != '.' || beyond_nine(v) || (v & tops) ||
		     (unsigned char)(p[n - 2] - '0') > 9))
		return false;
	v = eight_digits(v);
	*us += (int64_t)(digits <= 6 ? v * pow10_of[6 - digits] : digits == 7 ? v / 10 : v / 100);
	return true;
}

/* ---- decimals */

__extension__ typedef unsigned __int128 udec; /* magnitudes, as in dec.h */

/* The characters of a number are ASCII, so the top bits of these words are clear and no addition
 * carries into the next byte. */

static always_inline unsigned last_byte(uint64_t marks)
{
	return (unsigned)__builtin_ctzll(marks) >> 3;
}

/* Marks the zero bytes of v in their top bits. */
static always_inline uint64_t zero_bytes(uint64_t v)
{
	return ~(v + ~tops) & tops;
}

/* At most 8 characters of digits and one point: the digits as bytes in *v, decimals after the
 * point. p[-8] is readable. */
static always_inline unsigned load_eight(const char *p, size_t n, uint64_t *v)
{
	uint64_t digits = (scan_load(p + n - 8) ^ ones * '0') & (UINT64_MAX << (64 - 8 * n));
	uint64_t point = zero_bytes(digits ^ ones * ('.' ^ '0'));
	if (!point) {
		*v = digits;
		return 0;
	}
	unsigned at = last_byte(point);
	uint64_t before = ((uint64_t)1 << (8 * at)) - 1;
	*v = (digits & before) << 8 | (digits & ~(before << 8 | 0xff));
	return 7 - at;
}

/* The same of 9 to 16 characters: the first eight digits in v[0]. */
static always_inline unsigned load_sixteen(const char *p, size_t n, uint64_t v[2])
{
	uint64_t high = scan_load(p + n - 8) ^ ones * '0';
	uint64_t low = (scan_load(p + n - 16) ^ ones * '0') & (UINT64_MAX << (128 - 8 * n));
	uint64_t point_high = zero_bytes(high ^ ones * ('.' ^ '0')),
		 point_low = zero_bytes(low ^ ones * ('.' ^ '0'));
	v[0] = low;
	v[1] = high;
	if (point_high) {
		unsigned at = last_byte(point_high);
		uint64_t before = ((uint64_t)1 << (8 * at)) - 1;
		v[1] = (high & before) << 8 | (high & ~(before << 8 | 0xff)) | low >> 56;
		v[0] = low << 8;
		return 7 - at;
	}
	if (point_low) {
		unsigned at = last_byte(point_low);
		uint64_t before = ((uint64_t)1 << (8 * at)) - 1;
		v[0] = (low & before) << 8 | (low & ~(before << 8 | 0xff));
		return 15 - at;
	}
	return 0;
}

/* m x 10^-decimals in units of 1e-9. */
static always_inline enum dec_result scale(uint64_t m, unsigned decimals, bool negative, dec *out)
{
	enum dec_result result = DEC_OK;
	udec v;
	if (likely(decimals <= 9)) {
		v = (udec)m * pow10_of[9 - decimals];
	} else {
		uint64_t unit = pow10_of[decimals - 9], rest = m % unit;
		m /= unit;
		m += rest * 2 > unit || (rest * 2 == unit && (m & 1));
		v = m;
		result = rest ? DEC_ROUNDED : DEC_OK;
	}
	*out = negative ? -(dec)v : (dec)v;
	return result;
}

/* The digits of a number of at most 16 characters, without sign and point; false where dec_parse
 * has to do it. */
static always_inline bool mantissa(struct field field, uint64_t *m, unsigned *decimals)
{
	bool negative = *field.p == '-';
	const char *p = field.p + negative;
	size_t n = field.n - negative;
	uint64_t v[2] = { 0, 0 };
	if (n > 16)
		return false;
	*decimals = n > 8 ? load_sixteen(p, n, v) : load_eight(p, n, &v[1]);
	*m = eight_digits(v[0]) * 100000000 + eight_digits(v[1]);
	return !beyond_nine(v[0]) && !beyond_nine(v[1]);
}

/* The text is exactly a number, and a quote stands behind it. */
static inline bool is_number(struct field field)
{
	return field.n && scan_number(field.p) == field.p + field.n;
}

/* A FIELD_ESCAPED as the FIELD_STRING that it means, in b, with what must stand around a field.
 * False: it means no text. */
static bool unescape_value(struct field field, struct buf *b, struct field *out)
{
	memset(buf_room(b, 2 * SCAN_PAD + field.n), 0, SCAN_PAD); /* room for all */
	b->n = SCAN_PAD;
	if (scan_unescape(slice(field.p, field.n), b))
		return false;
	memset(buf_room(b, SCAN_PAD), '"', SCAN_PAD);
	*out = (struct field){ b->p + SCAN_PAD, (uint32_t)(b->n - SCAN_PAD), FIELD_STRING };
	return true;
}

/* A field that is no number: is it one in quotes? */
static enum dec_result dec_in_quotes(struct field field, dec *out)
{
	struct buf b = { 0 };
	enum dec_result result = DEC_SYNTAX;
	if (field.type == FIELD_ESCAPED && unescape_value(field, &b, &field)) {
		result = dec_parse(slice(field.p, field.n), out);
	} else if (field.type == FIELD_STRING && is_number(field)) {
		field.type = FIELD_NUMBER;
		result = value_dec(field, out);
	}
	buf_fini(&b);
	return result;
}

enum dec_result value_dec(struct field field, dec *out)
{
	uint64_t m;
	unsigned decimals;
	if (unlikely(field.type != FIELD_NUMBER))
		return dec_in_quotes(field, out);
	if (!mantissa(field, &m, &decimals))
		return dec_parse(slice(field.p, field.n), out);
	return scale(m, decimals, *field.p == '-', out);
}

/* ---- either */

static enum value_time_result time_number(struct field field, enum value_unit unit, int64_t *us)
{
	static const int64_t units[] = { [VALUE_S] = TM_S, [VALUE_MS] = 1000, [VALUE_US] = 1 };
	static const int64_t nanos[] = { [VALUE_S] = 1000,
					 [VALUE_MS] = 1000000,
					 [VALUE_US] = 1000000000,
					 [VALUE_NS] = 1000000000000 };
	uint64_t m;
	unsigned decimals;
	dec v;
	if (unit == VALUE_RFC3339)
		return VALUE_TIME_UNIT;
	if (unit != VALUE_NS && mantissa(field, &m, &decimals) && decimals == 0 && *field.p != '-')
		return m < (uint64_t)(TM_MAX_US / units[unit])
			       ? value_in_range((int64_t)m * units[unit], us)
			       : VALUE_TIME_RANGE;
	if (value_dec(field, &v) == DEC_RANGE || v < 0)
		return VALUE_TIME_RANGE;
	v /= nanos[unit];
	return v < TM_MAX_US ? value_in_range((int64_t)v, us) : VALUE_TIME_RANGE;
}

/* Not of the common form. A number is looked for first where no form could take it. */
static enum value_time_result time_string(struct value_clock *clock, struct field field,
					  const struct value_when *when, int64_t *us)
{
	enum value_time_result result = VALUE_TIME_NONE;
	bool has_unit = when->unit != VALUE_RFC3339;
	if (when->form || !has_unit || !is_number(field))
		result = value_time_text(clock, slice(field.p, field.n), when, us);
	if (result == VALUE_TIME_NONE && has_unit && is_number(field))
		result = time_number(field, when->unit, us);
	return result;
}

static enum value_time_result time_text_in_value(struct value_clock *clock, struct field field,
						 const struct value_when *when, int64_t *us)
{
	int64_t of_minute;
	if (unlikely(field.n < 20 || memcmp(field.p, clock->minute, 16) != 0 ||
		     !second_of(field.p + 16, field.n - 16, &of_minute)))
		return time_string(clock, field, when, us);
	*us = clock->us + of_minute;
	return VALUE_TIME_OK;
}

static enum value_time_result time_escaped(struct value_clock *clock, struct field field,
					   const struct value_when *when, int64_t *us)
{
	enum value_time_result result = VALUE_TIME_NONE;
	struct buf b = { 0 };
	if (unescape_value(field, &b, &field))
		result = time_string(clock, field, when, us);
	buf_fini(&b);
	return result;
}

enum value_time_result value_time(struct value_clock *clock, struct field field,
				  const struct value_when *when, int64_t *us)
{
	switch (field.type) {
	case FIELD_STRING:
		return time_text_in_value(clock, field, when, us);
	case FIELD_ESCAPED:
		return time_escaped(clock, field, when, us);
	case FIELD_NUMBER:
		if (unlikely(when->form && when->unit == VALUE_RFC3339))
			return value_time_text(clock, slice(field.p, field.n), when, us);
		return time_number(field, when->unit, us);
	case FIELD_MISSING:
	case FIELD_NULL:
		return VALUE_TIME_MISSING;
	default:
		return VALUE_TIME_NONE;
	}
}

/* ---- columns */

void value_time_in(struct value_time_sets *sets, enum value_time_result result, unsigned i)
{
	uint64_t bit = UINT64_C(1) << i;
	if (result == VALUE_TIME_TWICE)
		sets->twice |= bit;
	else if (result == VALUE_TIME_SKIPPED)
		sets->skipped |= bit;
	else
		sets->good &= ~bit;
}

struct value_time_sets value_times_portable(struct value_clock *clock, struct value_column c,
					    uint64_t lines, const struct value_when *when,
					    int64_t *us)
{
	struct value_time_sets sets = { .good = lines };
	for (uint64_t left = lines; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		const struct field *f = &c.field[i * c.width];
		enum value_time_result result = value_time(clock, *f, when, &us[i]);
		if (result != VALUE_TIME_OK)
			value_time_in(&sets, result, i);
	}
	return sets;
}

void value_dec_in(struct value_sets *sets, const struct field *f, unsigned i, dec *out)
{
	uint64_t bit = UINT64_C(1) << i;
	enum dec_result result = f->type <= FIELD_NULL ? DEC_SYNTAX : value_dec(*f, &out[i]);
	if (result != DEC_OK)
		sets->exact &= ~bit;
	if (result == DEC_ROUNDED)
		sets->rounded |= bit;
	if (f->type <= FIELD_NULL)
		sets->none |= bit;
}

struct value_sets value_decs_portable(struct value_column c, uint64_t lines, dec *out)
{
	struct value_sets sets = { .exact = lines };
	for (uint64_t left = lines; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		value_dec_in(&sets, &c.field[i * c.width], i, out);
	}
	return sets;
}

struct value_time_sets value_times(struct value_clock *clock, struct value_column c, uint64_t lines,
				   const struct value_when *when, int64_t *us)
{
#ifdef __x86_64__
	if (scan_has_avx2())
		return value_times_avx2(clock, c, lines, when, us);
#endif
	return value_times_portable(clock, c, lines, when, us);
}

struct value_sets value_decs(struct value_column c, uint64_t lines, dec *out)
{
#ifdef __x86_64__
	if (scan_has_avx2())
		return value_decs_avx2(c, lines, out);
#endif
	return value_decs_portable(c, lines, out);
}
