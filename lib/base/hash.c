/* XXH3-64 and XXH3-128 as in the xxHash specification 0.8 (doc/xxhash_spec.md, "XXH3"), default
 * secret, seed 0; inlined, so that short keys of known length cost a few instructions.
 * MurmurHash64A as Austin Appleby published it (MurmurHash2.cpp), reading little-endian words as
 * Redis does. */
#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/err.h"

uint64_t hash_64(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

void hash_64_each(const char *const *p, const uint32_t *bytes, size_t n, uint64_t *out)
{
	for (size_t i = 0; i < n; i++)
		/* a constant length is twice as fast */
		out[i] = bytes[i] == 32 ? XXH3_64bits(p[i], 32) : XXH3_64bits(p[i], bytes[i]);
}

void hash_128(const void *p, size_t n, uint8_t out[16])
{
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(p, n));
	memcpy(out, canonical.digest, 16);
}

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

uint64_t hash_murmur64a(const void *data, size_t n)
{
	const uint64_t m = 0xc6a4a7935bd1e995u;
	const uint8_t *p = data;
	uint64_t h = 0xadc83b19u ^ (n * m);
	for (const uint8_t *end = p + (n & ~(size_t)7); p != end; p += 8) {
		uint64_t k = load_le64(p) * m;
		k ^= k >> 47;
		h = (h ^ k * m) * m;
	}
	if (n & 7) {
		uint64_t tail = 0;
		for (size_t i = n & 7; i-- > 0;)
			tail = tail << 8 | p[i];
		h = (h ^ tail) * m;
	}
	h = (h ^ h >> 47) * m;
	return h ^ h >> 47;
}

void hash_random(void *out, size_t n)
{
	for (char *p = out; n > 0;) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno != EINTR)
			BUG("getrandom: %s", strerrordesc_np(errno));
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
}
