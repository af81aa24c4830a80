/* 64 bytes of JSON at a time: marks of bytes, and which stand in strings. For files that are
 * compiled for AVX2; empty on other machines.
 *
 * Which bytes stand in strings is known for a whole block without a loop: the quotes that no
 * backslash escapes, multiplied without carries by all ones, are a mask of what lies between them
 * (Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019, section 3.1). */
#ifndef INTAKE_AVX2_BLOCK_H
#define INTAKE_AVX2_BLOCK_H

#ifdef __x86_64__

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx2,pclmul,bmi,bmi2,popcnt")))
#define always_inline inline __attribute__((always_inline))
#define unlikely(x) __builtin_expect(!!(x), 0)
#define likely(x) __builtin_expect(!!(x), 1)

enum { AVX2_BLOCK = 64 };

struct avx2_block {
	__m256i low, high;
};

/* What goes over from block to block; {0} at the start of a text. */
struct avx2_strings {
	uint64_t escaping; /* 1: the first byte of the next block is escaped */
	uint64_t inside;   /* all ones: the next block begins in a string */
	bool slashed;      /* there was a backslash */
	bool stray;        /* one stood outside of strings: no JSON, and the marks may be wrong */
};

TARGET static always_inline struct avx2_block avx2_block_at(const char *p)
{
	return (struct avx2_block){
		_mm256_loadu_si256((const __m256i_u *)(const void *)p),
		_mm256_loadu_si256((const __m256i_u *)(const void *)(p + 32)),
	};
}

/* { and [ differ in one bit, as } and ] do: both become the first. */
TARGET static always_inline struct avx2_block avx2_block_lower(struct avx2_block b)
{
	return (struct avx2_block){ _mm256_or_si256(b.low, _mm256_set1_epi8(0x20)),
				    _mm256_or_si256(b.high, _mm256_set1_epi8(0x20)) };
}

TARGET static always_inline uint64_t avx2_marks(struct avx2_block b, char c)
{
	__m256i all = _mm256_set1_epi8(c);

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b.low, all)) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b.high, all)) << 32;
}

/* Bytes that a backslash escapes: every second one of a run of backslashes, and the byte behind an
 * odd run. The sum carries through each run that begins at an odd place (simdjson). */
static always_inline uint64_t avx2_escaped(uint64_t slashes, uint64_t *escaping)
{
	const uint64_t even = 0x5555555555555555;
	unsigned long long sum;
	uint64_t follows;

	slashes &= ~*escaping;
	follows = slashes << 1 | *escaping;
	*escaping = __builtin_uaddll_overflow(slashes & ~even & ~follows, slashes, &sum);
	return (even ^ (uint64_t)sum << 1) & follows;
}

/* Marks of what stands in strings, opening quotes included, closing ones not; *quotes: of the
 * quotes that open and close. */
TARGET static always_inline uint64_t avx2_in_strings(struct avx2_strings *s, struct avx2_block b,
						     uint64_t *quotes)
{
	uint64_t slashes = avx2_marks(b, '\\'), in;
	bool slashed = slashes | s->escaping;

	*quotes = avx2_marks(b, '"');
	if (unlikely(slashed)) {
		*quotes &= ~avx2_escaped(slashes, &s->escaping);
		s->slashed = true;
	}
	in = (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)*quotes),
							      _mm_set1_epi8(-1), 0)) ^
	     s->inside;
	s->inside = 0 - (in >> 63);
	if (unlikely(slashed))
		s->stray |= (slashes & ~in) != 0;
	return in;
}

#endif

#endif
