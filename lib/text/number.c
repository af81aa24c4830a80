/* A number is split into its digits and its exponent; what a double holds follows from how many
 * digits count. */
#include "text/number.h"

void text_put_digits(struct text_out *out, struct slice digits)
{
	while (digits.n > 1 && *digits.p == '0') {
		digits.p++;
		digits.n--;
	}
	text_add(out, digits.p, digits.n);
}

static const char *digits_end(const char *p, const char *end)
{
	while (p < end && (unsigned char)(*p - '0') < 10)
		p++;
	return p;
}

/* Its parts: whole and fraction are digits, exponent has its sign. */
struct number {
	struct slice whole, fraction, exponent;
};

static bool split_number(struct slice text, struct number *n)
{
	const char *p = text.p, *end = text.p + text.n, *from;

	*n = (struct number){ 0 };
	p += p < end && *p == '-';
	from = p;
	p = digits_end(p, end);
	n->whole = slice(from, (size_t)(p - from));
	if (n->whole.n == 0 || (n->whole.n > 1 && *from == '0'))
		return false;
	if (p < end && *p == '.') {
		from = ++p;
		p = digits_end(p, end);
		n->fraction = slice(from, (size_t)(p - from));
		if (p == from)
			return false;
	}
	if (p < end && (*p | 0x20) == 'e') {
		n->exponent.p = ++p;
		p += p < end && (*p == '+' || *p == '-');
		from = p;
		p = digits_end(p, end);
		n->exponent.n = (size_t)(p - n->exponent.p);
		if (p == from)
			return false;
	}
	return p == end;
}

bool text_is_number(struct slice text)
{
	struct number n;

	return split_number(text, &n);
}

/* An exponent of at most three digits. */
static bool read_exponent(struct slice text, int *out)
{
	size_t sign = text.n && (*text.p == '+' || *text.p == '-');
	int v = 0;

	if (text.n - sign > 3)
		return false;
	for (size_t i = sign; i < text.n; i++)
		v = v * 10 + (text.p[i] - '0');
	*out = text.n && *text.p == '-' ? -v : v;
	return true;
}

static struct slice without_zeros_in_front(struct slice s)
{
	while (s.n && *s.p == '0') {
		s.p++;
		s.n--;
	}
	return s;
}

static struct slice without_zeros_behind(struct slice s)
{
	while (s.n && s.p[s.n - 1] == '0')
		s.n--;
	return s;
}

/* The power of ten of its first digit that counts, without the exponent. */
static int place_of_first(const struct number *n)
{
	size_t whole = without_zeros_in_front(n->whole).n, most = 1000;
	size_t zeros = n->fraction.n - without_zeros_in_front(n->fraction).n;

	if (whole)
		return (int)(whole < most ? whole : most);
	return -(int)(zeros < most ? zeros : most);
}

bool text_is_exact(struct slice text)
{
	static const char most[] = "9007199254740992"; /* 2^53 */
	struct number n;
	struct slice whole, fraction;
	int exponent;

	if (!split_number(text, &n) || !read_exponent(n.exponent, &exponent))
		return false;
	whole = without_zeros_in_front(n.whole);
	fraction = without_zeros_behind(n.fraction);
	if (fraction.n == 0 && n.exponent.n == 0 && whole.n == sizeof(most) - 1 &&
	    memcmp(whole.p, most, whole.n) <= 0)
		return true;
	if (fraction.n == 0)
		whole = without_zeros_behind(whole);
	else if (whole.n == 0)
		fraction = without_zeros_in_front(fraction);
	exponent += place_of_first(&n);
	return whole.n + fraction.n <= 15 && exponent > -300 && exponent <= 300;
}
