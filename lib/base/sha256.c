#include "base/sha256.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/sha256_internal.h"
#include "base/sha_pad.h"

const uint32_t sha256_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t turn_right(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t small_sigma(uint32_t x, int a, int b, int shift)
{
	return turn_right(x, a) ^ turn_right(x, b) ^ x >> shift;
}

static uint32_t large_sigma(uint32_t x, int a, int b, int c)
{
	return turn_right(x, a) ^ turn_right(x, b) ^ turn_right(x, c);
}

/* The schedule of 64 words of a block. */
static void spread_block(const uint8_t *p, uint32_t w[64])
{
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = small_sigma(w[i - 2], 17, 19, 10) + w[i - 7] +
		       small_sigma(w[i - 15], 7, 18, 3) + w[i - 16];
}

/* A round moves every word on by one; it is the names that move here: D and H are what it writes.
 * Words in an array would be kept in memory. */
#define ROUND(A, B, C, D, E, F, G, H, at)                                       \
	do {                                                                    \
		H += large_sigma(E, 6, 11, 25) + ((E & F) ^ (~E & G)) + w[at] + \
		     sha256_constants[at];                                      \
		D += H;                                                         \
		H += large_sigma(A, 2, 13, 22) + ((A & B) ^ (A & C) ^ (B & C)); \
	} while (0)

static void add_block(uint32_t v[8], const uint8_t *p)
{
	uint32_t w[64], a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6],
			h = v[7];

	spread_block(p, w);
	for (int i = 0; i < 64; i += 8) {
		ROUND(a, b, c, d, e, f, g, h, i);
		ROUND(h, a, b, c, d, e, f, g, i + 1);
		ROUND(g, h, a, b, c, d, e, f, i + 2);
		ROUND(f, g, h, a, b, c, d, e, i + 3);
		ROUND(e, f, g, h, a, b, c, d, i + 4);
		ROUND(d, e, f, g, h, a, b, c, i + 5);
		ROUND(c, d, e, f, g, h, a, b, i + 6);
		ROUND(b, c, d, e, f, g, h, a, i + 7);
	}
	v[0] += a;
	v[1] += b;
	v[2] += c;
	v[3] += d;
	v[4] += e;
	v[5] += f;
	v[6] += g;
	v[7] += h;
}

void sha256_blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	for (; n; n--, p += SHA_BLOCK)
		add_block(state, p);
}

static void add_blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	if (!sha256_blocks_x86(state, p, n))
		sha256_blocks(state, p, n);
}

void sha256(const void *bytes, size_t n, uint8_t out[SHA256_BYTES])
{
	uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	const uint8_t *p = bytes;
	uint8_t last[2 * SHA_BLOCK];
	size_t end = sha_pad(p, n, last);

	add_blocks(h, p, n / SHA_BLOCK);
	add_blocks(h, last, end / SHA_BLOCK);
	for (int i = 0; i < SHA256_BYTES; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* The key, padded to a block and masked, then `text`. */
static void hash_keyed(const uint8_t key[SHA_BLOCK], uint8_t mask, const void *text, size_t n,
		       uint8_t out[SHA256_BYTES])
{
	uint8_t *whole = mem_alloc(SHA_BLOCK + n);

	for (int i = 0; i < SHA_BLOCK; i++)
		whole[i] = key[i] ^ mask;
	if (n)
		memcpy(whole + SHA_BLOCK, text, n);
	sha256(whole, SHA_BLOCK + n, out);
	free(whole);
}

void sha256_hmac(const void *key, size_t key_n, const void *p, size_t n, uint8_t out[SHA256_BYTES])
{
	enum { INNER = 0x36, OUTER = 0x5c };
	uint8_t block[SHA_BLOCK] = { 0 }, inner[SHA256_BYTES];

	if (key_n > SHA_BLOCK)
		sha256(key, key_n, block);
	else if (key_n)
		memcpy(block, key, key_n);
	hash_keyed(block, INNER, p, n, inner);
	hash_keyed(block, OUTER, inner, sizeof(inner), out);
}
