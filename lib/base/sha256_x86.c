/* SHA-256 by the processor's own instructions (SHA-NI), five times as fast as words in C. The
 * state stands in two registers as those want it, A B E F and C D G H; four rounds a step, whose
 * four words of the schedule come from the four steps before. */
#include "base/sha256_internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

static bool look_for_sha(void)
{
	enum { LEAF = 7, SHA = 1 << 29 };
	unsigned a, b, c, d;

	return __get_cpuid_count(LEAF, 0, &a, &b, &c, &d) && b & SHA &&
	       __builtin_cpu_supports("sse4.1");
}

/* Asked once: in a virtual machine each CPUID is a trap, which costs more than a KiB's hash. */
static bool has_sha(void)
{
	enum { UNKNOWN, NO, YES };
	static int known = UNKNOWN;
	int is = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (is == UNKNOWN) {
		is = look_for_sha() ? YES : NO;
		__atomic_store_n(&known, is, __ATOMIC_RELAXED);
	}
	return is == YES;
}

TARGET static inline __m128i load_words(const uint8_t *p)
{
	const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), order);
}

TARGET static inline __m128i next_words(const __m128i w[4], int at)
{
	__m128i last = w[(at + 3) & 3];
	__m128i sum = _mm_sha256msg1_epu32(w[at & 3], w[(at + 1) & 3]);

	sum = _mm_add_epi32(sum, _mm_alignr_epi8(last, w[(at + 2) & 3], 4));
	return _mm_sha256msg2_epu32(sum, last);
}

TARGET static void add_block(__m128i *abef, __m128i *cdgh, const uint8_t *p)
{
	__m128i w[4], x = *abef, y = *cdgh;

#pragma GCC unroll 16
	for (int at = 0; at < 16; at++) {
		__m128i k = _mm_loadu_si128(
			(const __m128i *)(const void *)(sha256_constants + 4 * at));

		w[at & 3] = at < 4 ? load_words(p + 16 * at) : next_words(w, at);
		k = _mm_add_epi32(k, w[at & 3]);
		y = _mm_sha256rnds2_epu32(y, x, k);
		x = _mm_sha256rnds2_epu32(x, y, _mm_shuffle_epi32(k, 0x0e));
	}
	*abef = _mm_add_epi32(*abef, x);
	*cdgh = _mm_add_epi32(*cdgh, y);
}

TARGET static void add_blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	__m128i *at = (__m128i *)(void *)state;
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128(at), 0xb1);
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128(at + 1), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

	for (; n; n--, p += 64)
		add_block(&abef, &cdgh, p);
	low = _mm_shuffle_epi32(abef, 0x1b);
	high = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128(at, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128(at + 1, _mm_alignr_epi8(high, low, 8));
}

bool sha256_blocks_x86(uint32_t state[8], const uint8_t *p, size_t n)
{
	if (!has_sha())
		return false;
	add_blocks(state, p, n);
	return true;
}
#else
bool sha256_blocks_x86(uint32_t state[8], const uint8_t *p, size_t n)
{
	(void)state, (void)p, (void)n;
	return false;
}
#endif
