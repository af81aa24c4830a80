/* The quotient: a is shifted until it lies in [b, 2b), then 55 bits come out one by one; what is
 * left over is one sticky bit. 55 bits and the sticky one are more than the 53 of a double and
 * its rounding bit, so they round as the exact quotient would. Where the result is subnormal the
 * last step would round twice: quotients of decimals of 1e-9 are far from there. Two numbers that
 * are doubles themselves, which nearly all are, have the machine's division, which rounds likewise.
 */
#include "base/wide.h"

#include <float.h>
#include <math.h>

struct wide wide_of(wide_u128 v)
{
	return (struct wide){ { (uint64_t)v, (uint64_t)(v >> 64) } };
}

struct wide wide_mul(struct wide a, uint64_t b)
{
	struct wide r;
	wide_u128 carry = 0;

	for (int i = 0; i < WIDE_WORDS; i++) {
		carry += (wide_u128)a.word[i] * b;
		r.word[i] = (uint64_t)carry;
		carry >>= 64;
	}
	return r;
}

static struct wide add_shifted(struct wide a, struct wide b, int words)
{
	wide_u128 carry = 0;

	for (int i = words; i < WIDE_WORDS; i++) {
		carry += (wide_u128)a.word[i] + b.word[i - words];
		a.word[i] = (uint64_t)carry;
		carry >>= 64;
	}
	return a;
}

struct wide wide_square(wide_u128 v)
{
	struct wide w = wide_of(v);

	return add_shifted(wide_mul(w, w.word[0]), wide_mul(w, w.word[1]), 1);
}

struct wide wide_sub(struct wide a, struct wide b)
{
	uint64_t borrow = 0;

	for (int i = 0; i < WIDE_WORDS; i++) {
		wide_u128 d = (wide_u128)a.word[i] - b.word[i] - borrow;

		a.word[i] = (uint64_t)d;
		borrow = (uint64_t)(d >> 64) & 1;
	}
	return a;
}

int wide_cmp(struct wide a, struct wide b)
{
	for (int i = WIDE_WORDS - 1; i >= 0; i--)
		if (a.word[i] != b.word[i])
			return a.word[i] < b.word[i] ? -1 : 1;
	return 0;
}

static int bits_of(struct wide a)
{
	for (int i = WIDE_WORDS - 1; i >= 0; i--)
		if (a.word[i])
			return 64 * (i + 1) - __builtin_clzll(a.word[i]);
	return 0;
}

static struct wide shift_left(struct wide a, int bits)
{
	struct wide r = { { 0 } };
	int words = bits / 64, rest = bits % 64;

	for (int i = WIDE_WORDS - 1; i >= words; i--) {
		r.word[i] = a.word[i - words] << rest;
		if (rest && i > words)
			r.word[i] |= a.word[i - words - 1] >> (64 - rest);
	}
	return r;
}

double wide_ratio(struct wide a, struct wide b)
{
	int bits_a = bits_of(a), bits_b = bits_of(b), shift = bits_a - bits_b;
	uint64_t q = 0;

	if (bits_a == 0)
		return 0;
	if (bits_a <= DBL_MANT_DIG && bits_b <= DBL_MANT_DIG)
		return (double)a.word[0] / (double)b.word[0];
	if (shift >= 0)
		b = shift_left(b, shift);
	else
		a = shift_left(a, -shift);
	if (wide_cmp(a, b) < 0) {
		a = shift_left(a, 1);
		shift--;
	}
	for (int i = 0; i < 55; i++) {
		q <<= 1;
		if (wide_cmp(a, b) >= 0) {
			a = wide_sub(a, b);
			q |= 1;
		}
		a = shift_left(a, 1);
	}
	q = q << 1 | (bits_of(a) != 0);
	/* 56 bits into 53: the last three decide */
	q = (q >> 3) + ((q & 7) > 4 || ((q & 7) == 4 && (q >> 3 & 1)));
	return ldexp((double)q, shift - 52);
}
