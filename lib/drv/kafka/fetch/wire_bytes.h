/* Numbers of the protocol: big endian, wherever they lie. Inside of wire.c and wire_records.c. */
#ifndef DRV_KAFKA_FETCH_WIRE_BYTES_H
#define DRV_KAFKA_FETCH_WIRE_BYTES_H

#include <stdint.h>
#include <string.h>

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

#endif
