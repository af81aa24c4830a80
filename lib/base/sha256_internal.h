/* The two ways through the blocks of a message, for sha256.c and its test. */
#ifndef BASE_SHA256_INTERNAL_H
#define BASE_SHA256_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const uint32_t sha256_constants[64];

/* Adds n whole blocks of 64 bytes to the state. */
void sha256_blocks(uint32_t state[8], const uint8_t *p, size_t n);
/* The same by instructions that a processor may have; false, and nothing is done: it has none. */
bool sha256_blocks_x86(uint32_t state[8], const uint8_t *p, size_t n);

#endif
