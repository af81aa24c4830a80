#include "base/sha1.h"

#include "base/sha_pad.h"

static uint32_t turn_left(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void add_block(uint32_t h[5], const uint8_t *p)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = turn_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
			     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
			     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
				      : (b ^ c ^ d) + 0xca62c1d6;
		f += turn_left(a, 5) + e + w[i];
		e = d;
		d = c;
		c = turn_left(b, 30);
		b = a;
		a = f;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void sha1(const void *bytes, size_t n, uint8_t out[SHA1_BYTES])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	const uint8_t *p = bytes;
	uint8_t last[2 * SHA_BLOCK];
	size_t end = sha_pad(p, n, last);

	for (size_t i = 0; i + SHA_BLOCK <= n; i += SHA_BLOCK)
		add_block(h, p + i);
	for (size_t i = 0; i < end; i += SHA_BLOCK)
		add_block(h, last + i);
	for (int i = 0; i < SHA1_BYTES; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}
