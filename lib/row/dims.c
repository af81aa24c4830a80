/* Dimensions as bytes to hash, as JSON, and the order of their numbers.
 *
 * The hash's input has a length before each piece, so that no value can be read as the end of one
 * and the beginning of the next. It is built in a scratch buffer and hashed at once: a group's few
 * dimensions are some hundred bytes.
 *
 * Numbers are compared as texts. A dimension may be any JSON number, of hundreds of digits or an
 * exponent of a billion, which no integer or double holds. A canonical text is taken apart once:
 *
 *	-0.00123  negative, top -3, digits 123          1e400  top 400, digits 1
 *
 * Then signs, then the powers of ten of the first digit, then the digits from the left decide, the
 * point among them being passed over. Cost: the length of the texts, no allocation. */
#include "row/dims.h"

#include "base/hash.h"
#include "json/json.h"

static void add_piece(struct slice s, struct buf *out)
{
	uint32_t n = (uint32_t)s.n;
	const uint8_t length[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
				    (uint8_t)(n >> 24) };
	buf_add(out, length, sizeof(length));
	buf_adds(out, s);
}

static bool has_value(const struct dim *d)
{
	return d->tag == DIM_STRING || d->tag == DIM_NUMBER;
}

void dims_hash(const struct dim *d, size_t n, struct buf *scratch, uint8_t out[16])
{
	scratch->n = 0;
	for (size_t i = 0; i < n; i++) {
		add_piece(d[i].name, scratch);
		buf_addc(scratch, (char)d[i].tag);
		add_piece(has_value(&d[i]) ? d[i].value : slice("", 0), scratch);
	}
	hash_128(scratch->n ? scratch->p : "", scratch->n, out);
}

static void add_value(const struct dim *d, struct buf *out)
{
	switch (d->tag) {
	case DIM_STRING:
		json_quote(out, d->value);
		break;
	case DIM_NUMBER:
		buf_adds(out, d->value);
		break;
	case DIM_TRUE:
		buf_addz(out, "true");
		break;
	case DIM_FALSE:
		buf_addz(out, "false");
		break;
	case DIM_NULL:
		buf_addz(out, "null");
		break;
	case DIM_MISSING:
		break;
	}
}

void dims_json(const struct dim *d, size_t n, struct buf *out)
{
	const char *before = "{";
	for (size_t i = 0; i < n; i++) {
		if (d[i].tag == DIM_MISSING)
			continue;
		buf_addz(out, before);
		json_quote(out, d[i].name);
		buf_addc(out, ':');
		add_value(&d[i], out);
		before = ",";
	}
	buf_addz(out, *before == '{' ? "{}" : "}");
}

/* ---- numbers */

#define TOP_MAX 1000000000000000000LL

static int64_t exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t e = 0;

	for (p += negative; p < end; p++)
		e = e < TOP_MAX / 10 ? e * 10 + (*p - '0') : TOP_MAX;
	return negative ? -e : e;
}

struct dims_number dims_number(struct slice text)
{
	const char *p = text.p, *end = p + text.n, *e, *point;
	struct dims_number s = { .negative = *p == '-' };

	p += s.negative;
	e = memchr(p, 'e', (size_t)(end - p));
	if (e) {
		s.top = exponent(e + 1, end);
		end = e;
	}
	point = memchr(p, '.', (size_t)(end - p));
	s.top += (point ? point : end) - p - 1;
	while (p < end && (*p == '0' || *p == '.'))
		s.top -= *p++ == '0';
	s.digits = slice(p, (size_t)(end - p));
	s.zero = p == end;
	return s;
}

uint64_t dims_number_chars(struct slice text)
{
	struct dims_number x = dims_number(text);
	uint64_t digits = x.digits.n, whole = (uint64_t)x.top + 1;

	if (x.zero)
		return 1;
	digits -= memchr(x.digits.p, '.', x.digits.n) != NULL;
	if (x.top < 0)
		return 1 + (uint64_t)-x.top + digits; /* 0. and zeros */
	return whole >= digits ? whole : digits + 1;
}

static int digits_cmp(struct slice a, struct slice b)
{
	const char *p = a.p, *q = b.p, *p_end = p + a.n, *q_end = q + b.n;

	for (;; p++, q++) {
		p += p < p_end && *p == '.';
		q += q < q_end && *q == '.';
		if (p == p_end || q == q_end)
			return (p < p_end) - (q < q_end);
		if (*p != *q)
			return *p < *q ? -1 : 1;
	}
}

int dims_number_cmp(struct slice a, struct slice b)
{
	struct dims_number x = dims_number(a), y = dims_number(b);
	int sign_x = x.zero ? 0 : x.negative ? -1 : 1, sign_y = y.zero ? 0 : y.negative ? -1 : 1, c;

	if (sign_x != sign_y || sign_x == 0)
		return (sign_x > sign_y) - (sign_x < sign_y);
	c = x.top != y.top ? (x.top < y.top ? -1 : 1) : digits_cmp(x.digits, y.digits);
	return c ? c * sign_x : slice_cmp(a, b);
}
