/* RowBinary, ClickHouse's format of rows without types: values one behind the other, numbers little
 * endian, texts behind their length as a number of base 128, a value that may be null behind a byte
 * that says so. Pure. https://clickhouse.com/docs/interfaces/formats/RowBinary */
#ifndef DRV_CLICKHOUSE_CLICKHOUSE_ROWBINARY_H
#define DRV_CLICKHOUSE_CLICKHOUSE_ROWBINARY_H

#include "base/dec.h"
#include "base/str.h"

void rowbinary_length(struct buf *out, uint64_t n);
void rowbinary_text(struct buf *out, struct slice text); /* String; p NULL: an empty one */
/* A number of n bytes as memory has it: Int32, UInt64, DateTime64, FixedString. */
static inline void rowbinary_fixed(struct buf *out, const void *p, size_t n)
{
	buf_add(out, p, n);
}
void rowbinary_u64(struct buf *out, uint64_t v);
void rowbinary_i64(struct buf *out, int64_t v);
void rowbinary_i32(struct buf *out, int32_t v);
/* Nullable(UInt64), Nullable(Decimal(38, 9)): a dec is the same integer. */
void rowbinary_maybe_u64(struct buf *out, bool there, uint64_t v);
void rowbinary_maybe_dec(struct buf *out, bool there, dec v);

/* What is read: p moves on. broken: there was less than was asked for; values are empty then. */
struct rowbinary {
	const char *p, *end;
	bool broken;
};

/* How many entries a map has. */
uint64_t rowbinary_get_length(struct rowbinary *r);
struct rowbinary rowbinary_of(struct slice text);
bool rowbinary_more(const struct rowbinary *r); /* something is left, and nothing broken */
struct slice rowbinary_get_text(struct rowbinary *r);
void rowbinary_get_fixed(struct rowbinary *r, void *out, size_t n);
uint64_t rowbinary_get_u64(struct rowbinary *r);
int64_t rowbinary_get_i64(struct rowbinary *r);
int32_t rowbinary_get_i32(struct rowbinary *r);
/* False: it is null, *out is 0. */
bool rowbinary_get_maybe_u64(struct rowbinary *r, uint64_t *out);
bool rowbinary_get_maybe_dec(struct rowbinary *r, dec *out);

#endif
