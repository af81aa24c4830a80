/* The next control line of a block, near the speed of memory.
 *
 * A control line that does not stand first follows a newline:     \n { " $ h t a ...
 *                                                                 0  1 2 3
 * A data line begins with \n{" nearly always, with a $ behind that nearly never. So 128 bytes at
 * a time are compared with \n, the same bytes three further on with $, and where both agree the
 * whole prefix is compared. Two loads and three operations for 32 bytes; no line is looked at by
 * itself. What is left at the end, and processors without AVX2, go from newline to newline. */
#include "proto/ctl_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Whether the line at `at` is a control line. */
static bool is_control(const struct ctl_inc *inc, const char *p, size_t n, size_t at)
{
	return n - at >= CTL_PREFIX_BYTES && memcmp(p + at, inc->prefix, CTL_PREFIX_BYTES) == 0;
}

/* The same as ctl_find for lines that start at `at` or later; `at` need not be the start of a
 * line. */
static size_t after_newlines(const struct ctl_inc *inc, const char *p, size_t n, size_t at)
{
	while (at < n) {
		const char *newline = memchr(p + at, '\n', n - at);
		if (!newline)
			return n;
		at = (size_t)(newline + 1 - p);
		if (n - at >= 4 && p[at + 2] == '$' && is_control(inc, p, n, at))
			return at;
	}
	return n;
}

size_t ctl_find_portable(const struct ctl_inc *inc, const char *p, size_t n)
{
	return is_control(inc, p, n, 0) ? 0 : after_newlines(inc, p, n, 0);
}

#if defined(__x86_64__)
/* Bits of the bytes in p[0..32) that are a newline with a $ three further on. */
__attribute__((target("avx2"))) static inline __m256i candidates(const char *p)
{
	__m256i here = _mm256_loadu_si256((const __m256i_u *)p),
		there = _mm256_loadu_si256((const __m256i_u *)(p + 3));
	__m256i newline = _mm256_cmpeq_epi8(here, _mm256_set1_epi8('\n'));
	return _mm256_and_si256(newline, _mm256_cmpeq_epi8(there, _mm256_set1_epi8('$')));
}

/* The first control line among the candidates of p[at..at+32); n: none. */
__attribute__((target("avx2"))) static size_t judge(const struct ctl_inc *inc, const char *p,
						    size_t n, size_t at, __m256i found)
{
	for (uint32_t bits = (uint32_t)_mm256_movemask_epi8(found); bits; bits &= bits - 1) {
		size_t line = at + (size_t)__builtin_ctz(bits) + 1;
		if (is_control(inc, p, n, line))
			return line;
	}
	return n;
}

__attribute__((target("avx2"))) size_t ctl_find_avx2(const struct ctl_inc *inc, const char *p,
						     size_t n)
{
	enum { STEP = 128 };
	size_t at = 0;
	if (is_control(inc, p, n, 0))
		return 0;
	for (; n - at >= STEP + 3; at += STEP) {
		__m256i c[4];
		for (size_t i = 0; i < 4; i++)
			c[i] = candidates(p + at + 32 * i);
		__m256i any = _mm256_or_si256(_mm256_or_si256(c[0], c[1]),
					      _mm256_or_si256(c[2], c[3]));
		if (_mm256_testz_si256(any, any))
			continue;
		for (size_t i = 0; i < 4; i++) {
			size_t line = judge(inc, p, n, at + 32 * i, c[i]);
			if (line < n)
				return line;
		}
	}
	return after_newlines(inc, p, n, at);
}
#endif

size_t ctl_find(const struct ctl_inc *inc, const char *p, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return ctl_find_avx2(inc, p, n);
#endif
	return ctl_find_portable(inc, p, n);
}
