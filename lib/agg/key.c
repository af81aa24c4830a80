/* Building: a value is copied as one or two fixed 16-byte moves, which run over its end; what follows overwrites that, zeros end it. Numbers in the
 * form that nearly all have, an integer without an exponent of at most 40 characters, are canonical as they stand. */
#include "agg/key.h"

#include "base/dec.h"

enum { COPY = 16, CANONICAL_PLAIN_MAX = 40 };
_Static_assert(COPY * 2 <= SCAN_PAD && COPY * 2 + 3 <= KEY_SLACK, "fixed-size copies stay inside the paddings");

static inline char *put(char *out, enum dim_tag tag, const char *p, size_t n)
{
	uint16_t length = (uint16_t)n;

	out[0] = (char)tag;
	memcpy(out + 1, &length, 2);
	memcpy(out + 3, p, COPY);
	if (n > 2 * COPY)
		memcpy(out + 3 + COPY, p + COPY, n - COPY);
	else if (n > COPY)
		memcpy(out + 3 + COPY, p + COPY, COPY);
	return out + 3 + n;
}

static inline char *put_tag(char *out, enum dim_tag tag)
{
	out[0] = (char)tag;
	out[1] = out[2] = 0;
	return out + 3;
}

/* Whether the first n of 8 bytes are digits. */
static inline bool digits8(const char *p, size_t n)
{
	uint64_t v, high = 0x8080808080808080ULL, all = n < 8 ? (1ULL << (8 * n)) - 1 : ~0ULL;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return (((v + 0x4646464646464646ULL) | (v - 0x3030303030303030ULL)) & high & all) == 0;
}

/* An RFC 8259 number that is its own canonical text. */
static inline bool canonical(const char *p, size_t n)
{
	if (n > CANONICAL_PLAIN_MAX)
		return false;
	if (*p == '-') {
		p++;
		n--;
		if (*p == '0')
			return false;
	}
	for (; n > 8; p += 8, n -= 8)
		if (!digits8(p, 8))
			return false;
	return digits8(p, n);
}

static void slack(struct buf *scratch)
{
	buf_room(scratch, SCAN_PAD);
	memset(scratch->p + scratch->n, 0, SCAN_PAD);
}

static enum key_result unescape(const struct field *f, struct buf *scratch, struct slice *out)
{
	scratch->n = 0;
	if (scan_unescape(slice(f->p, f->n), scratch))
		return KEY_SURROGATE;
	slack(scratch);
	*out = buf_slice(scratch);
	return out->n && memchr(out->p, 0, out->n) ? KEY_NUL : KEY_OK;
}

static inline struct slice number(const struct field *f, struct buf *scratch)
{
	if (canonical(f->p, f->n))
		return slice(f->p, f->n);
	scratch->n = 0;
	dec_canonical(slice(f->p, f->n), scratch);
	slack(scratch);
	return buf_slice(scratch);
}

enum key_result key_text(const struct field *f, struct buf *scratch, struct slice *out)
{
	switch ((enum field_type)f->type) {
	case FIELD_STRING:
	case FIELD_TRUE:
	case FIELD_FALSE:
		*out = slice(f->p, f->n);
		return KEY_OK;
	case FIELD_NUMBER:
		*out = number(f, scratch);
		return KEY_OK;
	case FIELD_ESCAPED: {
		enum key_result r = unescape(f, scratch, out);

		return r == KEY_NUL ? KEY_OK : r;
	}
	case FIELD_MISSING:
	case FIELD_NULL:
	case FIELD_ARRAY:
	case FIELD_OBJECT:
		break;
	}
	return KEY_STRUCTURE;
}

size_t key_room(const struct field *fields, const uint8_t *index, size_t n)
{
	size_t room = sizeof(uint64_t) + KEY_UNIT + KEY_SLACK;

	for (size_t i = 0; i < n; i++)
		room += 3 + fields[index[i]].n + CANONICAL_PLAIN_MAX;
	return room;
}

static inline enum key_result put_field(const struct field *f, struct buf *scratch, char **out)
{
	struct slice text;
	enum key_result r;

	switch ((enum field_type)f->type) {
	case FIELD_STRING:
		if (f->n > KEY_VALUE_MAX)
			return KEY_LONG;
		*out = put(*out, DIM_STRING, f->p, f->n);
		return KEY_OK;
	case FIELD_NUMBER:
		text = number(f, scratch);
		if (text.n > KEY_VALUE_MAX)
			return KEY_LONG;
		*out = put(*out, DIM_NUMBER, text.p, text.n);
		return KEY_OK;
	case FIELD_ESCAPED:
		r = unescape(f, scratch, &text);
		if (r)
			return r;
		if (text.n > KEY_VALUE_MAX)
			return KEY_LONG;
		*out = put(*out, DIM_STRING, text.p, text.n);
		return KEY_OK;
	case FIELD_MISSING:
		*out = put_tag(*out, DIM_MISSING);
		return KEY_OK;
	case FIELD_NULL:
		*out = put_tag(*out, DIM_NULL);
		return KEY_OK;
	case FIELD_FALSE:
		*out = put_tag(*out, DIM_FALSE);
		return KEY_OK;
	case FIELD_TRUE:
		*out = put_tag(*out, DIM_TRUE);
		return KEY_OK;
	case FIELD_ARRAY:
	case FIELD_OBJECT:
		break;
	}
	return KEY_STRUCTURE;
}

enum key_result key_build(const struct field *fields, const uint8_t *index, size_t n, uint64_t window, struct buf *scratch, char *out, uint32_t *bytes,
                          size_t *at)
{
	char *p = out + sizeof(uint64_t);
	uint64_t head;
	uint32_t length;

	for (size_t i = 0; i < n; i++) {
		enum key_result r = put_field(&fields[index[i]], scratch, &p);

		if (r) {
			*at = i;
			return r;
		}
	}
	memset(p, 0, KEY_UNIT);
	length = (uint32_t)(p - out + KEY_UNIT - 1) & ~(uint32_t)(KEY_UNIT - 1);
	head = window | (uint64_t)(length / KEY_UNIT) << 48;
	memcpy(out, &head, sizeof(head));
	*bytes = length;
	return KEY_OK;
}

/* ---- reading */

static inline const char *dim_at(const char *p, struct dim *d)
{
	uint16_t length;

	memcpy(&length, p + 1, 2);
	d->tag = (enum dim_tag)*p;
	d->value = slice(p + 3, length);
	return p + 3 + length;
}

void key_dims(const char *key, size_t n, struct dim *out)
{
	const char *p = key + sizeof(uint64_t);

	for (size_t i = 0; i < n; i++)
		p = dim_at(p, &out[i]);
}

/* A canonical number as 0.d1d2.. x 10^(top + 1): top is the power of its first digit, cut at +-TOP_MAX. */
struct shape { bool negative, zero; int64_t top; struct slice digits; /* may hold the point */ };
#define TOP_MAX 1000000000000000000LL

static int64_t exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t e = 0;

	for (p += negative; p < end; p++)
		e = e < TOP_MAX / 10 ? e * 10 + (*p - '0') : TOP_MAX;
	return negative ? -e : e;
}

static struct shape shape_of(struct slice text)
{
	const char *p = text.p, *end = p + text.n, *e, *point;
	struct shape s = { .negative = *p == '-' };

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

static int number_cmp(struct slice a, struct slice b)
{
	struct shape x = shape_of(a), y = shape_of(b);
	int sign_x = x.zero ? 0 : x.negative ? -1 : 1, sign_y = y.zero ? 0 : y.negative ? -1 : 1, c;

	if (sign_x != sign_y || sign_x == 0)
		return (sign_x > sign_y) - (sign_x < sign_y);
	c = x.top != y.top ? (x.top < y.top ? -1 : 1) : digits_cmp(x.digits, y.digits);
	return c ? c * sign_x : slice_cmp(a, b);
}

/* Order of types, as jq has it, with missing first. */
static inline int rank(enum dim_tag tag)
{
	switch (tag) {
	case DIM_MISSING:
		return 0;
	case DIM_NULL:
		return 1;
	case DIM_FALSE:
		return 2;
	case DIM_TRUE:
		return 3;
	case DIM_NUMBER:
		return 4;
	case DIM_STRING:
		break;
	}
	return 5;
}

int key_cmp(const char *a, const char *b, size_t n)
{
	const char *p = a + sizeof(uint64_t), *q = b + sizeof(uint64_t);

	for (size_t i = 0; i < n; i++) {
		struct dim x, y;
		int c;

		p = dim_at(p, &x);
		q = dim_at(q, &y);
		if (x.tag != y.tag)
			return rank(x.tag) < rank(y.tag) ? -1 : 1;
		if (x.tag != DIM_STRING && x.tag != DIM_NUMBER)
			continue;
		c = x.tag == DIM_STRING ? slice_cmp(x.value, y.value) : number_cmp(x.value, y.value);
		if (c)
			return c;
	}
	return 0;
}

/* 55 bits in the order of numbers: below or above zero, power of the first digit, first digits. */
static uint64_t number_prefix(struct slice text)
{
	enum { DIGIT_BITS = 37, DIGITS = 11, TOP_BIAS = 32768 };
	const uint64_t zero = 1ULL << 54;
	struct shape s = shape_of(text);
	uint64_t size, first = 0;
	size_t taken = 0;

	if (s.zero)
		return zero;
	for (size_t i = 0; i < s.digits.n && taken < DIGITS; i++)
		if (s.digits.p[i] != '.')
			first = first * 10 + (uint64_t)(s.digits.p[i] - '0'), taken++;
	for (; taken < DIGITS; taken++)
		first *= 10;
	if (s.top <= -TOP_BIAS)
		size = 1;
	else if (s.top >= TOP_BIAS - 1)
		size = (2ULL * TOP_BIAS - 1) << DIGIT_BITS;
	else
		size = (uint64_t)(s.top + TOP_BIAS) << DIGIT_BITS | first;
	return s.negative ? zero - size : zero + size;
}

uint64_t key_prefix(const char *key, size_t n)
{
	struct dim d;
	uint64_t v = 0;

	if (n == 0)
		return 0;
	dim_at(key + sizeof(uint64_t), &d);
	if (d.tag == DIM_NUMBER) {
		v = number_prefix(d.value);
	} else if (d.tag == DIM_STRING) {
		for (size_t i = 0; i < 7; i++)
			v = v << 8 | (i < d.value.n ? (unsigned char)d.value.p[i] : 0);
	}
	return (uint64_t)rank(d.tag) << 56 | v;
}
