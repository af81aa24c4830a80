/* A double is m / 2^s. What people measure lies between 1e-4 and 1e15: there s is 3 to 66, printf
 * writes no exponent, and m * 10^k, whose whole part in units of 2^s has the wanted digits, fits
 * into 128 bits. So the digits are exact, rounded as printf rounds them (half to even), and whether
 * they read back is one comparison: they do where they are not further than half a unit of m from
 * it. Below a power of two half a unit would be too far, but all of those are 15 digits or fewer.
 * Printf and strtod, which all other numbers go through, take ten times as many instructions. */
#include "base/real.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 real_u128;

enum { FEWEST = 15, MOST = 17, LOWEST = -4, MANTISSA_BITS = 52, BIAS = 1075 };

const uint64_t real_tens[REAL_TENS] = {
	1ULL,
	10ULL,
	100ULL,
	1000ULL,
	10000ULL,
	100000ULL,
	1000000ULL,
	10000000ULL,
	100000000ULL,
	1000000000ULL,
	10000000000ULL,
	100000000000ULL,
	1000000000000ULL,
	10000000000000ULL,
	100000000000000ULL,
	1000000000000000ULL,
	10000000000000000ULL,
	100000000000000000ULL,
	1000000000000000000ULL,
};

/* m / 2^shift, whose first digit stands for 10^top. */
struct real {
	uint64_t m;
	unsigned shift;
	int top;
};

/* The first n digits as a whole number. *back: they read back. */
static uint64_t first_digits(const struct real *r, int n, bool *back)
{
	int k = n - 1 - r->top;
	/* at most 10^20 */
	real_u128 power = k > MOST ? (real_u128)real_tens[MOST] * real_tens[k - MOST]
				   : real_tens[k];
	real_u128 exact = r->m * power, half = (real_u128)1 << (r->shift - 1), left, off;
	uint64_t digits = (uint64_t)(exact >> r->shift);

	left = exact - ((real_u128)digits << r->shift);
	if (left > half || (left == half && (digits & 1))) {
		digits++;
		off = 2 * half - left;
	} else {
		off = left;
	}
	*back = 2 * off < power || (2 * off == power && !(r->m & 1));
	return digits;
}

/* False: it is none of the numbers above. The powers of ten below one are doubles a little above
 * them, and none lies between. */
static bool take_apart(double v, struct real *r)
{
	static const double below_one[] = { 1e-3, 1e-2, 1e-1 };
	uint64_t bits;

	if (!(v >= 1e-4 && v < 1e15))
		return false;
	memcpy(&bits, &v, sizeof(bits));
	r->m = (bits & ((1ULL << MANTISSA_BITS) - 1)) | 1ULL << MANTISSA_BITS;
	r->shift = (unsigned)(BIAS - (int)(bits >> MANTISSA_BITS));
	if (v < 1) {
		for (r->top = LOWEST; r->top < -1 && v >= below_one[r->top - LOWEST]; r->top++)
			;
		return true;
	}
	for (r->top = 0; r->m >> r->shift >= real_tens[r->top + 1]; r->top++)
		;
	return true;
}

static size_t put_digits(uint64_t digits, int n, int top, char *out)
{
	char text[MOST + 1];
	char *p = out;

	for (int i = n; i-- > 0; digits /= 10)
		text[i] = (char)('0' + digits % 10);
	while (n > 1 && text[n - 1] == '0')
		n--;
	if (top < 0) {
		p = mempcpy(p, "0.000", (size_t)(1 - top));
		return (size_t)((char *)mempcpy(p, text, (size_t)n) - out);
	}
	for (int i = 0; i <= top || i < n; i++) {
		if (i == top + 1)
			*p++ = '.';
		*p++ = i < n ? text[i] : '0';
	}
	return (size_t)(p - out);
}

/* 0: not between the bounds, or rounded up to a power of ten. */
static size_t put_plain(double v, char *out)
{
	struct real r;
	uint64_t digits, fewer;
	bool back;
	int n = MOST - 1;

	if (!take_apart(v, &r))
		return 0;
	digits = first_digits(&r, n, &back);
	if (!back) {
		digits = first_digits(&r, ++n, &back);
	} else {
		fewer = first_digits(&r, FEWEST, &back);
		if (back) {
			digits = fewer;
			n = FEWEST;
		}
	}
	if (digits < real_tens[n - 1] || digits >= real_tens[n])
		return 0;
	return put_digits(digits, n, r.top, out);
}

/* 15 digits read back only where 16 do; most doubles want 16 or 17. */
static size_t put_by_printf(double v, char out[REAL_TEXT_BYTES])
{
	char fewer[REAL_TEXT_BYTES];
	int n = snprintf(out, REAL_TEXT_BYTES, "%.*g", MOST - 1, v);

	if (strtod(out, NULL) != v)
		return (size_t)snprintf(out, REAL_TEXT_BYTES, "%.*g", MOST, v);
	snprintf(fewer, sizeof(fewer), "%.*g", FEWEST, v);
	if (strtod(fewer, NULL) == v) {
		n = (int)strlen(fewer);
		memcpy(out, fewer, (size_t)n);
	}
	return (size_t)n;
}

size_t real_text(double v, char out[REAL_TEXT_BYTES])
{
	size_t n = v < 0 ? put_plain(-v, out + 1) : put_plain(v, out);

	if (n == 0)
		return put_by_printf(v, out);
	if (v < 0)
		*out = '-';
	return n + (v < 0);
}
