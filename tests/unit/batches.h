/* Record batches of format 2, built by the protocol's own text. */
#ifndef TESTS_UNIT_BATCHES_H
#define TESTS_UNIT_BATCHES_H

#include <string.h>

#include "base/str.h"

static void put(struct buf *b, int64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		buf_addc(b, (char)((uint64_t)v >> (8 * i)));
}

static void varint(struct buf *b, int64_t v)
{
	uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

	for (; z > 127; z >>= 7)
		buf_addc(b, (char)(z | 128));
	buf_addc(b, (char)z);
}

static void field(struct buf *b, const char *text)
{
	varint(b, text ? (int64_t)strlen(text) : -1);
	if (text)
		buf_addz(b, text);
}

static void record(struct buf *b, int64_t time, int64_t delta, const char *key, size_t key_n,
		   const char *value)
{
	struct buf r = { 0 };

	buf_addc(&r, 0);
	varint(&r, time);
	varint(&r, delta);
	varint(&r, key ? (int64_t)key_n : -1);
	buf_add(&r, key ? key : "", key_n);
	field(&r, value);
	varint(&r, 1); /* a header */
	field(&r, "name");
	field(&r, NULL);
	varint(b, (int64_t)r.n);
	buf_adds(b, buf_slice(&r));
	buf_fini(&r);
}

static void batch(struct buf *b, int64_t base, int32_t last_delta, int attributes, int64_t producer,
		  int count, const struct buf *records)
{
	put(b, base, 8);
	put(b, (int64_t)(49 + records->n), 4);
	put(b, 7, 4);
	put(b, 2, 1);
	put(b, 0, 4);
	put(b, attributes, 2);
	put(b, last_delta, 4);
	put(b, 1000, 8);
	put(b, 2000, 8);
	put(b, producer, 8);
	put(b, 0, 2);
	put(b, 0, 4);
	put(b, count, 4);
	buf_adds(b, buf_slice(records));
}

#endif
