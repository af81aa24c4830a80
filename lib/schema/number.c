/* A number is its sign, its significant digits, read where they stand, and a power of ten.
 *
 *   -0.00120e5    sign -1, digits 1 2, low 0: the power of ten of the last of them
 *
 * A multiple: a x 10^i is one of b x 10^k where neither a nor b ends in 0. If i < k, it is none,
 * as a would have to end in zeros. Else it is one if b divides a x 10^(i-k), and that remainder
 * is found digit by digit, the power by squares: no exponent makes it long. */
#include "schema/number.h"

/* 128 bits: a product of two remainders */
__extension__ typedef unsigned __int128 wide;

enum { DIVISOR_DIGITS = 18 };
/* beyond any count of digits; exponents are cut there */
static const int64_t EXPONENT_MAX = 1000000000000000;

struct number {
	int sign;        /* 0: zero */
	const char *p;   /* the first significant digit */
	const char *end; /* behind the last one; a point may stand between them */
	int64_t digits;
	int64_t low; /* power of ten of the last digit */
};

static bool is_number_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static int64_t read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t e = 0;

	for (; p < end; p++)
		if (is_number_digit(*p) && e < EXPONENT_MAX)
			e = e * 10 + (*p - '0');
	return negative ? -e : e;
}

static struct number read_number(struct slice s)
{
	const char *end = s.p + s.n, *mantissa, *point;
	bool negative = s.p[0] == '-';
	struct number x = { .p = s.p + negative, .end = s.p };

	while (x.end < end && (*x.end | 0x20) != 'e')
		x.end++;
	mantissa = x.end;
	point = memchr(x.p, '.', (size_t)(mantissa - x.p));
	while (x.p < x.end && (*x.p == '0' || *x.p == '.'))
		x.p++;
	if (x.p == x.end)
		return x;
	while (x.end[-1] == '0' || x.end[-1] == '.')
		x.end--;
	x.sign = negative ? -1 : 1;
	x.digits = (x.end - x.p) - (point && point > x.p && point < x.end);
	if (!point)
		x.low = mantissa - x.end;
	else if (point >= x.end)
		x.low = point - x.end;
	else
		x.low = -(x.end - point - 1);
	if (mantissa < end)
		x.low += read_exponent(mantissa + 1, end);
	return x;
}

/* The next digit; 0 behind the last one. */
static char next_digit(struct number *x)
{
	if (x->p < x->end && *x->p == '.')
		x->p++;
	return x->p < x->end ? *x->p++ : '0';
}

static int cmp_magnitude(struct number a, struct number b)
{
	int64_t top_a = a.low + a.digits, top_b = b.low + b.digits;

	if (top_a != top_b)
		return top_a < top_b ? -1 : 1;
	while (a.p < a.end || b.p < b.end) {
		char x = next_digit(&a), y = next_digit(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

int number_cmp(struct slice a, struct slice b)
{
	struct number x = read_number(a), y = read_number(b);

	if (x.sign != y.sign || x.sign == 0)
		return (x.sign > y.sign) - (x.sign < y.sign);
	return x.sign * cmp_magnitude(x, y);
}

bool number_is_integer(struct slice number)
{
	size_t i = number.p[0] == '-';
	struct number x;

	while (i < number.n && is_number_digit(number.p[i]))
		i++;
	if (i == number.n)
		return true;
	x = read_number(number);
	return x.sign == 0 || x.low >= 0;
}

bool number_divisor(struct slice number, struct number_divisor *out)
{
	struct number x = read_number(number);

	if (x.sign <= 0 || x.digits > DIVISOR_DIGITS)
		return false;
	*out = (struct number_divisor){ .low = x.low };
	for (int64_t left = x.digits; left; left--)
		out->digits = out->digits * 10 + (uint64_t)(next_digit(&x) - '0');
	return true;
}

static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
	return (uint64_t)((wide)a * b % modulus);
}

static uint64_t power_of_ten_mod(uint64_t exponent, uint64_t modulus)
{
	uint64_t power = 1 % modulus;

	for (uint64_t square = 10 % modulus; exponent; exponent >>= 1) {
		if (exponent & 1)
			power = mul_mod(power, square, modulus);
		square = mul_mod(square, square, modulus);
	}
	return power;
}

bool number_is_multiple(struct slice number, const struct number_divisor *divisor)
{
	struct number x = read_number(number);
	uint64_t modulus = divisor->digits, rest = 0;

	if (x.sign == 0)
		return true;
	if (x.low < divisor->low)
		return false;
	for (int64_t left = x.digits; left; left--)
		rest = (uint64_t)(((wide)rest * 10 + (unsigned)(next_digit(&x) - '0')) % modulus);
	return mul_mod(rest, power_of_ten_mod((uint64_t)(x.low - divisor->low), modulus),
		       modulus) == 0;
}
