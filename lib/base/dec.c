/* Exact decimals.
 *
 *     text  -12.5e-1  ->  sign, digits "12" "5", exponent -1  ->  d1 . d2 d3 .. x 10^top  ->
 *                                                                 128-bit units of 1e-9
 *
 * dec_parse has a fast way for what nearly all numbers are: no exponent, at most 19 digits, at
 * most nine of them decimals. The mantissa fits 64 bits then, one multiplication scales it, and
 * the result is always in range. Everything else goes the slow way, which reads any number of
 * digits and any exponent: the first digits fill the 128-bit integer down to 1e-9, the rest only
 * decides the rounding (half to even) and is read once. The bound is checked after rounding. */
#include "base/dec.h"

#include "base/err.h"

/* magnitudes; the header says why these are typedefs */
__extension__ typedef unsigned __int128 udec;

enum { DECIMALS = 9, PLAIN_MAX = 40 };
/* beyond any count of digits; exponents are cut there */
static const int64_t EXPONENT_MAX = 100000000000000000;
static const uint64_t NANO = 1000000000;
static const uint64_t pow10_to_9[] = { 1,      10,      100,      1000,      10000,
				       100000, 1000000, 10000000, 100000000, 1000000000 };

/* A scanned number. Significant digits are those from `first` on, without trailing zeros. */
struct scan {
	bool negative, exponent_negative;
	const char *whole, *fraction, *exponent; /* digits only; exponent: without leading zeros */
	size_t whole_n, fraction_n, exponent_n;
	/* index of the first significant digit in whole+fraction; their number, 0: the value is
	 * zero */
	size_t first, digits;
};

static inline bool is_dec_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_dec_digit(*p))
		p++;
	return p;
}

static char digit_at(const struct scan *s, size_t i)
{
	return i < s->whole_n ? s->whole[i] : s->fraction[i - s->whole_n];
}

static void scan_significant(struct scan *s)
{
	size_t end = s->whole_n + s->fraction_n;
	while (s->first < end && digit_at(s, s->first) == '0')
		s->first++;
	while (end > s->first && digit_at(s, end - 1) == '0')
		end--;
	s->digits = end - s->first;
}

/* The grammar of RFC 8259 section 6. */
static bool scan_number(struct slice text, struct scan *s)
{
	const char *p = text.p, *const end = p + text.n;
	*s = (struct scan){ 0 };
	s->negative = p < end && *p == '-';
	s->whole = p += s->negative;
	p = skip_digits(p, end);
	s->whole_n = (size_t)(p - s->whole);
	if (s->whole_n == 0 || (s->whole_n > 1 && *s->whole == '0'))
		return false;
	if (p < end && *p == '.') {
		s->fraction = ++p;
		p = skip_digits(p, end);
		s->fraction_n = (size_t)(p - s->fraction);
		if (s->fraction_n == 0)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		s->exponent_negative = p < end && *p == '-';
		p += p < end && (*p == '-' || *p == '+');
		if (p == end || !is_dec_digit(*p))
			return false;
		while (p + 1 < end && *p == '0' && is_dec_digit(p[1]))
			p++;
		s->exponent = p;
		p = skip_digits(p, end);
		s->exponent_n = (size_t)(p - s->exponent);
	}
	scan_significant(s);
	return p == end;
}

/* The written exponent, cut at +-EXPONENT_MAX. */
static int64_t scan_exponent(const struct scan *s)
{
	int64_t e = 0;
	if (s->exponent_n > 17)
		e = EXPONENT_MAX;
	for (size_t i = 0; i < s->exponent_n && s->exponent_n <= 17; i++)
		e = e * 10 + (s->exponent[i] - '0');
	return s->exponent_negative ? -e : e;
}

/* What the position of the first significant digit adds to the written exponent. */
static int64_t scan_shift(const struct scan *s)
{
	return (int64_t)s->whole_n - 1 - (int64_t)s->first;
}

/* Whether the digits from the i-th significant one on are above (1), below (-1) or at (0) half
 * of the unit before them. */
static int against_half(const struct scan *s, size_t i)
{
	if (i >= s->digits)
		return -1;
	char d = digit_at(s, s->first + i);
	if (d != '5')
		return d > '5' ? 1 : -1;
	return i + 1 < s->digits; /* trailing zeros are no digits */
}

/* *out = the magnitude in nano units. */
static enum dec_result magnitude(const struct scan *s, udec *out)
{
	*out = 0;
	if (s->digits == 0)
		return DEC_OK;
	/* digits at or above 1e-9 */
	int64_t take = scan_exponent(s) + scan_shift(s) + 1 + DECIMALS;
	if (take > 39)
		return DEC_RANGE;
	if (take < 0)
		return DEC_ROUNDED;
	udec v = 0;
	for (size_t i = 0; i < (size_t)take; i++) {
		unsigned d = i < s->digits ? (unsigned)(digit_at(s, s->first + i) - '0') : 0;
		if (__builtin_mul_overflow(v, (udec)10, &v) ||
		    __builtin_add_overflow(v, (udec)d, &v))
			return DEC_RANGE;
	}
	*out = v;
	if (s->digits <= (size_t)take)
		return DEC_OK;
	int half = against_half(s, (size_t)take);
	bool up = half > 0 || (half == 0 && (v & 1));
	return __builtin_add_overflow(v, (udec)up, out) ? DEC_RANGE : DEC_ROUNDED;
}

/* Any number whose magnitude is at most max, or max + 1 below zero if `twos`: the type has one
 * more there. */
static enum dec_result parse_any(struct slice text, udec max, bool twos, dec *out)
{
	struct scan s;
	udec v;
	if (!scan_number(text, &s))
		return DEC_SYNTAX;
	enum dec_result result = magnitude(&s, &v);
	if (result == DEC_RANGE || v > max + (twos && s.negative))
		return DEC_RANGE;
	*out = (dec)(s.negative ? -v : v);
	return result;
}

static inline enum dec_result parse_dec(struct slice text, udec max, bool twos, dec *out)
{
	const char *p = text.p, *const end = p + text.n;
	bool negative = p < end && *p == '-';
	const char *whole = p += negative;
	uint64_t v = 0;
	size_t decimals = 0;
	if (text.n > 20)
		return parse_any(text, max, twos, out);
	for (; p < end && is_dec_digit(*p); p++)
		v = v * 10 + (uint64_t)(*p - '0');
	size_t digits = (size_t)(p - whole);
	if (digits == 0 || (digits > 1 && *whole == '0'))
		return DEC_SYNTAX;
	if (p < end && *p == '.') {
		const char *fraction = ++p;
		for (; p < end && is_dec_digit(*p); p++)
			v = v * 10 + (uint64_t)(*p - '0');
		decimals = (size_t)(p - fraction);
		if (decimals == 0)
			return DEC_SYNTAX;
	}
	if (p != end || digits + decimals > 19 || decimals > DECIMALS)
		return parse_any(text, max, twos, out);
	dec scaled = (dec)((udec)v * pow10_to_9[DECIMALS - decimals]);
	*out = negative ? -scaled : scaled;
	return DEC_OK;
}

enum dec_result dec_parse(struct slice text, dec *out)
{
	return parse_dec(text, (udec)NANO * 100000000000u * NANO, false, out); /* 1e20 */
}

enum dec_result dec_parse_sum(struct slice text, dec *out)
{
	return parse_dec(text, ~(udec)0 >> 1, true, out);
}

/* Decimal digits of v ending before `end`; returns their start. */
static char *digits_before(char *end, uint64_t v)
{
	do
		*--end = (char)('0' + v % 10);
	while (v /= 10);
	return end;
}

/* The same of a 128-bit number: 64-bit divisions only but for the splits. */
static char *wide_digits_before(char *end, udec v)
{
	const uint64_t e18 = NANO * NANO;
	while (v > UINT64_MAX) {
		char *start = digits_before(end, (uint64_t)(v % e18));
		for (end -= 18; start > end;)
			*--start = '0';
		v /= e18;
	}
	return digits_before(end, (uint64_t)v);
}

size_t dec_text(dec v, char out[DEC_TEXT_BYTES])
{
	/* at most 30 digits before the point */
	char text[DEC_TEXT_BYTES], *const point = text + 36, *end = point;
	udec size = v < 0 ? -(udec)v : (udec)v, whole;
	uint64_t nano;
	if (size <= UINT64_MAX) {
		whole = (uint64_t)size / NANO;
		nano = (uint64_t)size % NANO;
	} else {
		whole = size / NANO;
		nano = (uint64_t)(size % NANO);
	}
	char *start = wide_digits_before(point, whole);
	if (v < 0)
		*--start = '-';
	if (nano) {
		*point = '.';
		end = point + 1 + DECIMALS;
		for (char *p = end; p > point + 1; nano /= 10)
			*--p = (char)('0' + nano % 10);
		while (end[-1] == '0')
			end--;
	}
	memcpy(out, start, (size_t)(end - start));
	return (size_t)(end - start);
}

/* Appends exponent + shift, where the exponent has more digits than 64 bits hold and shift
 * therefore cannot turn its sign. */
static void add_long_exponent(const struct scan *s, int64_t shift, struct buf *out)
{
	int64_t carry = s->exponent_negative ? -shift : shift; /* what the magnitude changes by */
	char *to = buf_room(out, s->exponent_n + 2);
	for (size_t i = s->exponent_n; i-- > 0;) {
		int64_t d = carry + (s->exponent[i] - '0');
		carry = d / 10 - (d % 10 < 0);
		to[i + 1] = (char)('0' + (d - carry * 10));
	}
	to[0] = (char)('0' + carry);
	size_t zeros = 0, n = s->exponent_n + 1;
	while (zeros + 1 < n && to[zeros] == '0')
		zeros++;
	memmove(to, to + zeros, n - zeros);
	out->n += n - zeros;
}

static void add_digits(const struct scan *s, size_t from, size_t to, struct buf *out)
{
	char *p = buf_room(out, to - from);
	for (size_t i = from; i < to; i++)
		*p++ = i < s->digits ? digit_at(s, s->first + i) : '0';
	out->n += to - from;
}

/* Characters of the plain form of d1.d2..dn x 10^top, without sign. */
static uint64_t plain_length(uint64_t n, int64_t top)
{
	if (top < 0)
		return 1 + (uint64_t)-top + n;
	return (uint64_t)top + 1 >= n ? (uint64_t)top + 1 : n + 1;
}

static void add_plain(const struct scan *s, int64_t top, struct buf *out)
{
	size_t whole = top < 0 ? 0 : (size_t)top + 1;
	if (top < 0)
		buf_add(out, "0.0000000000000000000000000000000000000000", (size_t)(1 - top));
	else
		add_digits(s, 0, whole, out);
	if (s->digits <= whole)
		return;
	if (top >= 0)
		buf_addc(out, '.');
	add_digits(s, whole, s->digits, out);
}

void dec_canonical(struct slice number, struct buf *out)
{
	struct scan s;
	if (!scan_number(number, &s))
		BUG("\"%.*s\" is not a JSON number", number.n > 80 ? 80 : (int)number.n, number.p);
	if (s.digits == 0) {
		buf_addc(out, '0');
		return;
	}
	int64_t shift = scan_shift(&s), top = scan_exponent(&s) + shift;
	if (s.negative)
		buf_addc(out, '-');
	if (s.negative + plain_length(s.digits, top) <= PLAIN_MAX) {
		add_plain(&s, top, out);
		return;
	}
	add_digits(&s, 0, 1, out);
	if (s.digits > 1) {
		buf_addc(out, '.');
		add_digits(&s, 1, s.digits, out);
	}
	buf_addc(out, 'e');
	if (s.exponent_n <= 17) {
		buf_addi(out, top);
		return;
	}
	if (s.exponent_negative)
		buf_addc(out, '-');
	add_long_exponent(&s, shift, out);
}
