/* Numbers of the protocol: big endian, wherever they lie. Inside of wire*.c. */
#ifndef DRV_KAFKA_FETCH_WIRE_BYTES_H
#define DRV_KAFKA_FETCH_WIRE_BYTES_H

#include <stdint.h>
#include <string.h>
#include "base/str.h"

enum { WIRE_ABORTED_BYTES = 16 }; /* of a pair: producer, first offset */

static inline int16_t get16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return (int16_t)__builtin_bswap16(v);
}
static inline int32_t get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return (int32_t)__builtin_bswap32(v);
}
static inline int64_t get64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return (int64_t)__builtin_bswap64(v);
}

/* Zigzag, at most ten bytes. NULL: no varint before `end`. */
static inline const char *take_varint(const char *p, const char *end, int64_t *out)
{
	uint64_t v = 0;

	for (int shift = 0; p < end && shift < 64; shift += 7) {
		unsigned char c = (unsigned char)*p++;

		v |= (uint64_t)(c & 127) << shift;
		if (c < 128) {
			*out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
			return p;
		}
	}
	return NULL;
}

/* Length and bytes; none where the length is -1. */
static inline const char *take_field(const char *p, const char *end, struct slice *out)
{
	int64_t n;

	p = take_varint(p, end, &n);
	if (!p || n > end - p)
		return NULL;
	*out = n < 0 ? slice(NULL, 0) : slice(p, (size_t)n);
	return p + out->n;
}

#endif
