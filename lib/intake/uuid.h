/* UUIDs as RFC 9562 has them, as text: 36 characters, lower case. */
#ifndef INTAKE_UUID_H
#define INTAKE_UUID_H

#include <stdint.h>

enum { UUID_CHARS = 36 };

/* Version 7: a time, then a counter of 24 bits (its low ones), then 50 random bits: those of one
 * request are in order. */
void uuid_v7(int64_t now_us, uint32_t counter, uint64_t random, char out[UUID_CHARS]);

/* Version 8: sixteen bytes of a hash, but for six bits. */
void uuid_v8(const uint8_t hash[16], char out[UUID_CHARS]);

#endif
