/* The end of a message as SHA-1 and SHA-256 have it (FIPS 180-4, section 5.1.1). */
#ifndef BASE_SHA_PAD_H
#define BASE_SHA_PAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SHA_BLOCK = 64 };

/* What is to be added behind the last whole block of the message p of n bytes: returns how many
 * bytes of `last`, one block or two. */
static inline size_t sha_pad(const uint8_t *p, size_t n, uint8_t last[2 * SHA_BLOCK])
{
	uint64_t bits = (uint64_t)n * 8;
	size_t left = n % SHA_BLOCK, end = left + 9 <= SHA_BLOCK ? SHA_BLOCK : 2 * SHA_BLOCK;

	memset(last, 0, end);
	if (left)
		memcpy(last, p + (n - left), left);
	last[left] = 0x80;
	for (size_t i = 0; i < 8; i++)
		last[end - 1 - i] = (uint8_t)(bits >> 8 * i);
	return end;
}

#endif
