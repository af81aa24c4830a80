/* Numbers that no decimal of ours holds: 1e400, 0.1234567890123. A number is its sign, the power
 * of ten of its first significant digit, and its digits, read where they stand. */
#include "scan/predicate_internal.h"

struct number {
	int sign;        /* 0: zero */
	int64_t top;     /* power of ten of the first significant digit */
	const char *p;   /* that digit, and what is behind it up to the exponent */
	const char *end; /* of the mantissa */
};

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static int64_t exponent_of(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t e = 0;
	for (; p < end; p++)
		if (is_digit(*p) && e < 1000000000000000)
			e = e * 10 + (*p - '0');
	return negative ? -e : e;
}

static struct number read_number(struct slice s)
{
	bool negative = s.p[0] == '-';
	struct number x = { .p = s.p + negative, .end = s.p };
	const char *end = s.p + s.n, *point = NULL;
	while (x.end < end && (*x.end | 0x20) != 'e')
		x.end++;
	const char *whole = x.p;
	point = memchr(whole, '.', (size_t)(x.end - whole));
	while (x.p < x.end && (*x.p == '0' || *x.p == '.'))
		x.p++;
	if (x.p == x.end)
		return x;
	x.sign = negative ? -1 : 1;
	x.top = (point ? point : x.end) - x.p;
	x.top -= x.top > 0; /* the first digit of the fraction is -1 already */
	if (x.end < end)
		x.top += exponent_of(x.end + 1, end);
	return x;
}

/* The next digit; 0 behind the last one. */
static char next_digit(struct number *x)
{
	if (x->p < x->end && *x->p == '.')
		x->p++;
	return x->p < x->end ? *x->p++ : '0';
}

static int magnitude_cmp(struct number *a, struct number *b)
{
	if (a->top != b->top)
		return a->top < b->top ? -1 : 1;
	while (a->p < a->end || b->p < b->end) {
		char x = next_digit(a), y = next_digit(b);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

int predicate_number_cmp(struct slice a, struct slice b)
{
	struct number x = read_number(a), y = read_number(b);
	if (x.sign != y.sign || x.sign == 0)
		return (x.sign > y.sign) - (x.sign < y.sign);
	return x.sign * magnitude_cmp(&x, &y);
}
