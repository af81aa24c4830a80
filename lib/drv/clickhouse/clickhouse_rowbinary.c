#include "drv/clickhouse/clickhouse_rowbinary.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

void rowbinary_length(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_addc(out, (char)(n | 0x80));
	buf_addc(out, (char)n);
}

void rowbinary_text(struct buf *out, struct slice text)
{
	rowbinary_length(out, text.p ? text.n : 0);
	if (text.p)
		buf_adds(out, text);
}

void rowbinary_u64(struct buf *out, uint64_t v)
{
	rowbinary_fixed(out, &v, sizeof(v));
}

void rowbinary_i64(struct buf *out, int64_t v)
{
	rowbinary_fixed(out, &v, sizeof(v));
}

void rowbinary_i32(struct buf *out, int32_t v)
{
	rowbinary_fixed(out, &v, sizeof(v));
}

void rowbinary_maybe_u64(struct buf *out, bool there, uint64_t v)
{
	buf_addc(out, !there);
	if (there)
		rowbinary_u64(out, v);
}

void rowbinary_maybe_dec(struct buf *out, bool there, dec v)
{
	buf_addc(out, !there);
	if (there)
		rowbinary_fixed(out, &v, sizeof(v));
}

/* ---- reading */

struct rowbinary rowbinary_of(struct slice text)
{
	return (struct rowbinary){ text.p, text.p + text.n, false };
}

bool rowbinary_more(const struct rowbinary *r)
{
	return !r->broken && r->p < r->end;
}

void rowbinary_get_fixed(struct rowbinary *r, void *out, size_t n)
{
	if (r->broken || (size_t)(r->end - r->p) < n) {
		r->broken = true;
		memset(out, 0, n);
		return;
	}
	memcpy(out, r->p, n);
	r->p += n;
}

uint64_t rowbinary_get_length(struct rowbinary *r)
{
	uint64_t n = 0;
	uint8_t byte = 0x80;

	for (unsigned shift = 0; shift < 63 && byte & 0x80; shift += 7) {
		rowbinary_get_fixed(r, &byte, 1);
		n |= (uint64_t)(byte & 0x7f) << shift;
	}
	r->broken |= byte & 0x80;
	return n;
}

struct slice rowbinary_get_text(struct rowbinary *r)
{
	uint64_t n = rowbinary_get_length(r);
	struct slice text;

	if (r->broken || (uint64_t)(r->end - r->p) < n) {
		r->broken = true;
		return slice("", 0);
	}
	text = slice(r->p, (size_t)n);
	r->p += n;
	return text;
}

uint64_t rowbinary_get_u64(struct rowbinary *r)
{
	uint64_t v;

	rowbinary_get_fixed(r, &v, sizeof(v));
	return v;
}

int64_t rowbinary_get_i64(struct rowbinary *r)
{
	int64_t v;

	rowbinary_get_fixed(r, &v, sizeof(v));
	return v;
}

int32_t rowbinary_get_i32(struct rowbinary *r)
{
	int32_t v;

	rowbinary_get_fixed(r, &v, sizeof(v));
	return v;
}

static bool get_maybe(struct rowbinary *r, void *out, size_t n)
{
	uint8_t null;

	rowbinary_get_fixed(r, &null, 1);
	r->broken |= null > 1;
	if (null || r->broken) {
		memset(out, 0, n);
		return false;
	}
	rowbinary_get_fixed(r, out, n);
	return !r->broken;
}

bool rowbinary_get_maybe_u64(struct rowbinary *r, uint64_t *out)
{
	return get_maybe(r, out, sizeof(*out));
}

bool rowbinary_get_maybe_dec(struct rowbinary *r, dec *out)
{
	return get_maybe(r, out, sizeof(*out));
}
