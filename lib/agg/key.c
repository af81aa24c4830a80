/* Building: a value is copied as one or two fixed 16-byte moves, which run over its end; what
 * follows overwrites that, zeros end it. Numbers in the forms that nearly all have, without an
 * exponent and of at most 40 characters, are canonical as they stand, but for zeros at their
 * end. */
#include "agg/key.h"

#include "base/dec.h"

enum { COPY = 16, LENGTH_BITS = 13, CANONICAL_PLAIN_MAX = 40 };
_Static_assert(COPY * 2 <= SCAN_PAD && COPY * 2 + 2 <= KEY_SLACK,
	       "fixed-size copies stay inside the paddings");
_Static_assert(KEY_VALUE_MAX + 8 < 1 << LENGTH_BITS, "a length fits its bits, d.ddde-4095 too");

/* Numbers of tags: the order of types, as jq has it, with missing first. */
enum { RANK_MISSING, RANK_NULL, RANK_FALSE, RANK_TRUE, RANK_NUMBER, RANK_STRING };
static const enum dim_tag tags[8] = { DIM_MISSING, DIM_NULL,   DIM_FALSE,
				      DIM_TRUE,    DIM_NUMBER, DIM_STRING };

static inline char *put_value(char *out, unsigned rank, const char *p, size_t n)
{
	uint16_t head = (uint16_t)(rank << LENGTH_BITS | n);

	memcpy(out, &head, 2);
	memcpy(out + 2, p, COPY);
	if (__builtin_expect(n > COPY, 0)) {
		if (n > 2 * COPY)
			memcpy(out + 2 + COPY, p + COPY, n - COPY);
		else
			memcpy(out + 2 + COPY, p + COPY, COPY);
	}
	return out + 2 + n;
}

static inline char *put_rank(char *out, unsigned rank)
{
	uint16_t head = (uint16_t)(rank << LENGTH_BITS);

	memcpy(out, &head, 2);
	return out + 2;
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

void key_scratch_fini(struct key_scratch *s)
{
	buf_fini(&s->text);
	intern_fini(&s->intern);
}

static void slack(struct buf *scratch)
{
	buf_room(scratch, SCAN_PAD);
	memset(scratch->p + scratch->n, 0, SCAN_PAD);
}

static enum key_result unescape_key(const struct field *f, struct buf *scratch, struct slice *out)
{
	scratch->n = 0;
	if (scan_unescape(slice(f->p, f->n), scratch))
		return KEY_SURROGATE;
	slack(scratch);
	*out = buf_slice(scratch);
	return out->n && memchr(out->p, 0, out->n) ? KEY_NUL : KEY_OK;
}

/* How many bytes of a number without an exponent are its canonical text; 0: it is not that
 * simple. */
static size_t without_zeros(const char *p, size_t n)
{
	bool point = false;

	if (n > CANONICAL_PLAIN_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if ((p[i] | 0x20) == 'e')
			return 0;
		point |= p[i] == '.';
	}
	while (point && p[n - 1] == '0')
		n--;
	n -= p[n - 1] == '.';
	return n == 2 && p[0] == '-' && p[1] == '0' ? 0 : n;
}

static struct slice key_number(const struct field *f, struct buf *scratch)
{
	size_t n = canonical(f->p, f->n) ? f->n : without_zeros(f->p, f->n);

	if (n)
		return slice(f->p, n);
	scratch->n = 0;
	dec_canonical(slice(f->p, f->n), scratch);
	slack(scratch);
	return buf_slice(scratch);
}

enum key_result key_text(const struct field *f, struct key_scratch *s, struct slice *out)
{
	switch ((enum field_type)f->type) {
	case FIELD_STRING:
	case FIELD_TRUE:
	case FIELD_FALSE:
		*out = slice(f->p, f->n);
		return KEY_OK;
	case FIELD_NUMBER:
		*out = key_number(f, &s->text);
		return KEY_OK;
	case FIELD_ESCAPED: {
		enum key_result r = unescape_key(f, &s->text, out);

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

static enum key_result put_text(struct slice text, char **out)
{
	if (text.n > KEY_VALUE_MAX)
		return KEY_LONG;
	*out = put_value(*out, RANK_STRING, text.p, text.n);
	return KEY_OK;
}

/* A number that stands as it was written has no exponent and is short. */
static enum key_result put_number(const struct field *f, struct key_scratch *s, char **out)
{
	struct slice text = key_number(f, &s->text);

	if (text.p != f->p && dims_number_chars(text) > KEY_VALUE_MAX)
		return KEY_NUMBER;
	*out = put_value(*out, RANK_NUMBER, text.p, text.n);
	return KEY_OK;
}

static enum key_result put_escaped(const struct field *f, struct key_scratch *s, char **out)
{
	struct slice text = slice(f->p, f->n), value = intern_find(&s->intern, text);

	if (!value.p) {
		enum key_result r = unescape_key(f, &s->text, &value);

		if (r)
			return r;
		intern_keep(&s->intern, text, value);
	}
	return put_text(value, out);
}

static enum key_result put_other(const struct field *f, struct key_scratch *s, char **out)
{
	switch ((enum field_type)f->type) {
	case FIELD_STRING:
		return put_text(slice(f->p, f->n), out);
	case FIELD_NUMBER:
		return put_number(f, s, out);
	case FIELD_ESCAPED:
		return put_escaped(f, s, out);
	case FIELD_MISSING:
		*out = put_rank(*out, RANK_MISSING);
		return KEY_OK;
	case FIELD_NULL:
		*out = put_rank(*out, RANK_NULL);
		return KEY_OK;
	case FIELD_FALSE:
		*out = put_rank(*out, RANK_FALSE);
		return KEY_OK;
	case FIELD_TRUE:
		*out = put_rank(*out, RANK_TRUE);
		return KEY_OK;
	case FIELD_ARRAY:
	case FIELD_OBJECT:
		break;
	}
	return KEY_STRUCTURE;
}

/* What nearly all fields are: short plain strings, and numbers of one to eight digits without a
 * leading zero or sign. */
static inline enum key_result put_field(const struct field *f, struct key_scratch *s, char **out)
{
	if (__builtin_expect(f->type == FIELD_STRING && f->n <= 2 * COPY, 1)) {
		*out = put_value(*out, RANK_STRING, f->p, f->n);
		return KEY_OK;
	}
	if (f->type == FIELD_NUMBER && f->n <= 8 && digits8(f->p, f->n)) {
		*out = put_value(*out, RANK_NUMBER, f->p, f->n);
		return KEY_OK;
	}
	return put_other(f, s, out);
}

static inline char *finish_key(char *out, char *p, uint64_t window)
{
	uint64_t head, length;

	memset(p, 0, KEY_UNIT);
	length = ((uint64_t)(p - out) + KEY_UNIT - 1) / KEY_UNIT;
	head = window | length << 48;
	memcpy(out, &head, sizeof(head));
	return out + length * KEY_UNIT;
}

enum key_result key_build(const struct field *fields, const uint8_t *index, size_t n,
			  uint64_t window, struct key_scratch *s, char *out, size_t *at)
{
	char *p = out + sizeof(uint64_t);

	for (*at = 0; *at < n; ++*at) {
		enum key_result r = put_field(&fields[index[*at]], s, &p);

		if (r)
			return r;
	}
	finish_key(out, p, window);
	return KEY_OK;
}

uint64_t key_build_lines(const struct field *fields, size_t width, uint64_t live,
			 const uint8_t *index, size_t n, const uint64_t *window,
			 struct key_scratch *s, char *out, const char **key)
{
	uint64_t good = live;

	for (uint64_t left = live; left; left &= left - 1) {
		unsigned line = (unsigned)__builtin_ctzll(left);
		const struct field *f = fields + line * width;
		char *p = out + sizeof(uint64_t);
		enum key_result r = KEY_OK;

		for (size_t i = 0; i < n && r == KEY_OK; i++)
			r = put_field(&f[index[i]], s, &p);
		key[line] = out;
		if (__builtin_expect(r == KEY_OK, 1))
			out = finish_key(out, p, window[line]);
		else
			good &= ~(1ULL << line);
	}
	return good;
}

/* ---- reading */

struct value {
	unsigned rank;
	struct slice text;
};

static inline const char *value_at(const char *p, struct value *v)
{
	uint16_t head;

	memcpy(&head, p, 2);
	v->rank = head >> LENGTH_BITS;
	v->text = slice(p + 2, head & ((1u << LENGTH_BITS) - 1));
	return v->text.p + v->text.n;
}

void key_dims(const char *key, size_t n, struct dim *out)
{
	const char *p = key + sizeof(uint64_t);

	for (size_t i = 0; i < n; i++) {
		struct value v;

		p = value_at(p, &v);
		out[i].tag = tags[v.rank];
		out[i].value = v.text;
	}
}

void key_replace(const char *key, size_t n, uint32_t which, struct slice text, struct buf *out)
{
	const uint16_t string = (uint16_t)(RANK_STRING << LENGTH_BITS | text.n);
	const char *p = key + sizeof(uint64_t), *next;
	struct value v;

	out->n = 0;
	buf_add(out, key, sizeof(uint64_t));
	for (size_t i = 0; i < n; i++, p = next) {
		next = value_at(p, &v);
		if (which >> i & 1) {
			buf_add(out, (const char *)&string, sizeof(string));
			buf_adds(out, text);
		} else {
			buf_add(out, p, (size_t)(next - p));
		}
	}
	buf_room(out, KEY_UNIT);
	out->n = (size_t)(finish_key(out->p, out->p + out->n, key_window(key)) - out->p);
}

int key_cmp(const char *a, const char *b, size_t n)
{
	const char *p = a + sizeof(uint64_t), *q = b + sizeof(uint64_t);

	for (size_t i = 0; i < n; i++) {
		struct value x, y;
		int c;

		p = value_at(p, &x);
		q = value_at(q, &y);
		if (x.rank != y.rank)
			return x.rank < y.rank ? -1 : 1;
		if (x.rank < RANK_NUMBER)
			continue;
		c = x.rank == RANK_STRING ? slice_cmp(x.text, y.text)
					  : dims_number_cmp(x.text, y.text);
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
	struct dims_number s = dims_number(text);
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

static inline struct value key_value_of(const char *key, size_t dim)
{
	const char *p = key + sizeof(uint64_t);
	struct value v;

	for (size_t i = 0; i <= dim; i++)
		p = value_at(p, &v);
	return v;
}

uint64_t key_prefix(const char *key, size_t dim, size_t skip)
{
	struct value x = key_value_of(key, dim);
	uint64_t v = 0;

	if (x.rank == RANK_NUMBER) {
		v = number_prefix(x.text);
	} else if (x.rank == RANK_STRING) {
		for (size_t i = skip; i < skip + 7; i++)
			v = v << 8 | (i < x.text.n ? (unsigned char)x.text.p[i] : 0);
	}
	return (uint64_t)x.rank << 56 | v;
}

bool key_is_string(const char *key, size_t dim)
{
	return key_value_of(key, dim).rank == RANK_STRING;
}

size_t key_common(const char *a, const char *b, size_t dim)
{
	struct slice x = key_value_of(a, dim).text, y = key_value_of(b, dim).text;
	size_t n = 0;

	while (n < x.n && n < y.n && x.p[n] == y.p[n])
		n++;
	return n;
}

bool key_same(const char *a, const char *b, size_t dim)
{
	struct value x = key_value_of(a, dim), y = key_value_of(b, dim);

	return x.rank == y.rank && x.text.n == y.text.n &&
	       (x.text.n == 0 || memcmp(x.text.p, y.text.p, x.text.n) == 0);
}
