/* Candidates are written once a record and compared by memcmp ever after, so all that an order
 * takes (types, signs, powers of ten) is put into bytes at the start:
 *
 *   first(price), 12.5 at T      00 | T: 8 bytes | 04 03 8002 "125" 00 "12.5"
 *   arg_max(user, price)         04 03 8002 "125" 00 | T: 8 bytes | 05 "ann"
 *
 * Digits stay ASCII: packed they would take half the bytes, and a candidate of a few dozen bytes
 * would save five. A number is compared exactly, whatever its length, as no double could.
 *
 * What is read back is checked in full, since it came from a store: a number's order must be that
 * of its text, so that equal candidates have equal bytes. */
#include "sketch/held.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "json/json.h"

enum { TIME_BYTES = 8, TOP_BIAS = 32768, EXPONENT_MAX = 1000000, CAP_UNIT = 16 };
enum { BELOW = 1, ZERO, ABOVE };

/* ---- numbers */

/* Digits between the first and the last that are not 0; without any the number is zero. */
struct number {
	bool negative;
	size_t n;
	int64_t top; /* E */
	char digit[HELD_VALUE_MAX];
};

/* Reads digits from *at on; those that count are kept. */
static size_t take_digits(struct slice s, size_t *at, struct number *x, size_t *zeros)
{
	size_t from = *at;

	for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at) {
		if (s.p[*at] == '0') {
			++*zeros;
			continue;
		}
		for (; x->n && *zeros; --*zeros)
			x->digit[x->n++] = '0';
		*zeros = 0;
		x->digit[x->n++] = s.p[*at];
	}
	return *at - from;
}

static bool take_exponent(struct slice s, size_t *at, int64_t *out)
{
	bool negative = false;
	size_t from;

	*out = 0;
	if (*at == s.n || (s.p[*at] | 0x20) != 'e')
		return true;
	++*at;
	if (*at < s.n && (s.p[*at] == '-' || s.p[*at] == '+'))
		negative = s.p[(*at)++] == '-';
	for (from = *at; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at)
		if (*out < EXPONENT_MAX)
			*out = *out * 10 + (s.p[*at] - '0');
	if (negative)
		*out = -*out;
	return *at > from;
}

/* Characters without exponent and sign. */
static int64_t plain_chars(const struct number *x)
{
	int64_t n = (int64_t)x->n;

	if (x->top <= 0)
		return 2 - x->top + n; /* 0. and zeros */
	return x->top >= n ? x->top : n + 1;
}

/* False: no number, or one beyond HELD_VALUE_MAX. */
static bool read_number(struct slice s, struct number *x)
{
	size_t at = 0, whole, zeros = 0, first;
	int64_t exponent;

	x->n = 0;
	x->negative = s.n && s.p[0] == '-';
	at += x->negative;
	first = at;
	if (s.n > HELD_VALUE_MAX || !(whole = take_digits(s, &at, x, &zeros)) ||
	    (whole > 1 && s.p[first] == '0'))
		return false;
	/* how many digits stand before the point, from the first that is not 0 on */
	x->top = x->n ? (int64_t)whole : 0;
	if (at < s.n && s.p[at] == '.') {
		bool below_one = x->n == 0;
		size_t fraction = at + 1;

		at++;
		if (below_one)
			zeros = 0;
		if (!take_digits(s, &at, x, &zeros))
			return false;
		if (below_one && x->n)
			while (s.p[fraction++] == '0')
				x->top--;
	}
	if (!take_exponent(s, &at, &exponent) || at != s.n)
		return false;
	x->top += exponent;
	return x->n == 0 || plain_chars(x) <= HELD_VALUE_MAX;
}

bool held_number_ok(struct slice text)
{
	struct number x;

	return read_number(text, &x);
}

static void put_order(const struct number *x, struct buf *out)
{
	uint16_t top = (uint16_t)(x->top + TOP_BIAS);
	char invert = x->negative ? (char)0xff : 0;
	char *p = buf_room(out, x->n + 4);

	*p = (char)(x->n == 0 ? ZERO : x->negative ? BELOW : ABOVE);
	out->n++;
	if (x->n == 0)
		return;
	p[1] = (char)((char)(top >> 8) ^ invert);
	p[2] = (char)((char)top ^ invert);
	for (size_t i = 0; i < x->n; i++)
		p[3 + i] = (char)(x->digit[i] ^ invert);
	p[3 + x->n] = invert;
	out->n += x->n + 3;
}

/* ---- writing */

static bool put_value(struct held_value v, struct buf *out)
{
	struct number x;

	buf_addc(out, (char)v.type);
	if (v.type == HELD_STRING)
		buf_adds(out, v.text);
	if (v.type != HELD_NUMBER)
		return true;
	if (!read_number(v.text, &x))
		return false;
	put_order(&x, out);
	return true;
}

bool held_candidate(struct held_value by, int64_t time_us, struct held_value value, struct buf *out)
{
	uint64_t time = htobe64((uint64_t)time_us ^ 1ULL << 63);
	size_t before = out->n;
	bool good = put_value(by, out);

	if (by.type == HELD_STRING)
		buf_addc(out, 0);
	buf_add(out, &time, TIME_BYTES);
	good = good && put_value(value, out);
	if (good && value.type == HELD_NUMBER)
		buf_adds(out, value.text);
	if (!good)
		out->n = before;
	return good;
}

/* ---- reading */

/* What is left of a candidate: each function takes its part off the front, or says false. */

static bool take_type(struct slice *s, enum held_type *out)
{
	if (s->n == 0)
		return false;
	*out = (enum held_type)(unsigned char)s->p[0];
	*s = slice(s->p + 1, s->n - 1);
	return *out == HELD_NONE || (*out >= HELD_FALSE && *out <= HELD_STRING);
}

static bool digits_ok(const char *p, size_t n, char invert)
{
	for (size_t i = 0; i < n; i++) {
		char c = (char)(p[i] ^ invert);

		if (c < '0' || c > '9' || (c == '0' && (i == 0 || i == n - 1)))
			return false;
	}
	return n > 0 && n <= HELD_VALUE_MAX;
}

static bool take_order(struct slice *s)
{
	char sign = s->n ? s->p[0] : 0, invert = sign == BELOW ? (char)0xff : 0;
	const char *end;
	size_t n;

	if (sign == ZERO) {
		*s = slice(s->p + 1, s->n - 1);
		return true;
	}
	if ((sign != BELOW && sign != ABOVE) || s->n < 4 ||
	    !(end = memchr(s->p + 3, invert, s->n - 3)))
		return false;
	n = (size_t)(end - s->p) + 1;
	if (!digits_ok(s->p + 3, n - 4, invert))
		return false;
	*s = slice(s->p + n, s->n - n);
	return true;
}

static bool string_ok(struct slice s)
{
	return s.n <= HELD_VALUE_MAX && (s.n == 0 || !memchr(s.p, 0, s.n)) && str_utf8(s.p, s.n);
}

static bool take_by(struct slice *s)
{
	enum held_type type;
	const char *end;

	if (!take_type(s, &type))
		return false;
	if (type == HELD_NUMBER)
		return take_order(s);
	if (type != HELD_STRING)
		return true;
	end = s->n ? memchr(s->p, 0, s->n) : NULL;
	if (!end || !string_ok(slice(s->p, (size_t)(end - s->p))))
		return false;
	*s = slice(end + 1, s->n - (size_t)(end + 1 - s->p));
	return true;
}

/* The rest is a number's order and its text. */
static bool number_rest(struct slice s, struct slice *text)
{
	struct slice order = s;
	struct buf want = { 0 };
	struct number x;
	bool same;

	if (!take_order(&s) || !read_number(s, &x))
		return false;
	order.n -= s.n;
	put_order(&x, &want);
	same = slice_eq(order, buf_slice(&want));
	buf_fini(&want);
	*text = s;
	return same;
}

static bool read_candidate(struct slice s, struct held_value *value)
{
	if (!take_by(&s) || s.n < TIME_BYTES)
		return false;
	s = slice(s.p + TIME_BYTES, s.n - TIME_BYTES);
	if (!take_type(&s, &value->type) || value->type == HELD_NONE)
		return false;
	value->text = s;
	if (value->type == HELD_NUMBER)
		return number_rest(s, &value->text);
	return value->type == HELD_STRING ? string_ok(s) : s.n == 0;
}

bool held_json(struct slice candidate, struct buf *out)
{
	struct held_value v;

	if (!read_candidate(candidate, &v))
		return false;
	if (v.type == HELD_STRING)
		json_quote(out, v.text);
	else if (v.type == HELD_NUMBER)
		buf_adds(out, v.text);
	else
		buf_addz(out, v.type == HELD_TRUE ? "true" : "false");
	return true;
}

/* ---- what is held */

struct held {
	char *p;
	uint32_t n, cap;
};

struct held *held_new(void)
{
	return mem_zalloc(sizeof(struct held));
}

void held_free(struct held *h)
{
	if (!h)
		return;
	free(h->p);
	free(h);
}

void held_clear(struct held *h)
{
	free(h->p);
	*h = (struct held){ 0 };
}

size_t held_bytes(const struct held *h)
{
	return sizeof(*h) + h->cap;
}

struct slice held_peek(const struct held *h)
{
	return slice(h->p, h->n);
}

void held_encode(const struct held *h, struct buf *out)
{
	buf_adds(out, held_peek(h));
}

static void keep_candidate(struct held *h, struct slice c)
{
	if (c.n > h->cap) {
		free(h->p);
		h->cap = (uint32_t)((c.n + CAP_UNIT - 1) / CAP_UNIT * CAP_UNIT);
		h->p = mem_alloc(h->cap);
	}
	memcpy(h->p, c.p, c.n);
	h->n = (uint32_t)c.n;
}

void held_lower(struct held *h, struct slice candidate)
{
	if (h->n == 0 || slice_cmp(candidate, held_peek(h)) < 0)
		keep_candidate(h, candidate);
}

void held_higher(struct held *h, struct slice candidate)
{
	if (h->n == 0 || slice_cmp(candidate, held_peek(h)) > 0)
		keep_candidate(h, candidate);
}

struct held *held_decode(struct slice candidate)
{
	struct held_value ignored;
	struct held *h;

	if (!read_candidate(candidate, &ignored))
		return NULL;
	h = held_new();
	keep_candidate(h, candidate);
	return h;
}
