/* Columns by vectors of 16 bytes. What is not the common form goes to value_time and value_dec,
 * so the results are theirs.
 *
 * Times: the sixteen bytes up to the minute are compared at once; ":07.250Z" XOR ":00.000Z" is
 * digits, which two multiplications with weights add up.
 *
 * Numbers: the sixteen bytes that end with the number are loaded and what stands before it is
 * cleared; what stands before the point is moved up one byte, over it; three multiplications
 * make two integers of eight digits (pairs, fours, eights). */
#include "scan/scan_internal.h"
#include "scan/value_internal.h"

#ifdef __x86_64__

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))

TARGET static always_inline __m128i load_column(const void *p)
{
	return _mm_loadu_si128(p);
}

/* ---- times */

TARGET static always_inline bool minute_is(const struct value_clock *clock, const char *p)
{
	return _mm_movemask_epi8(_mm_cmpeq_epi8(load_column(p), load_column(clock->minute))) ==
	       0xffff;
}

/* ":07.250Z" -> microseconds; false if it is not of that form. */
TARGET static always_inline bool second_at(const char *p, int64_t *us)
{
	const uint64_t form = scan_load(":00.000Z"),
		       room = scan_load("\x7f\x7a\x76\x7f\x76\x76\x76\x7f"); /* 7f - the most */
	const __m128i pairs = _mm_setr_epi8(0, 10, 1, 0, 100, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		      fours = _mm_setr_epi16(1000, 1000, 1, 1, 0, 0, 0, 0);
	uint64_t digits = scan_load(p) ^ form;
	if (unlikely(((digits + room) | digits) & 0x8080808080808080))
		return false;
	uint64_t both = (uint64_t)_mm_cvtsi128_si64(_mm_madd_epi16(
		_mm_maddubs_epi16(_mm_cvtsi64_si128((int64_t)digits), pairs), fours));
	*us = (int64_t)((both & UINT32_MAX) + (both >> 32)) * 1000;
	return true;
}

TARGET struct value_time_sets value_times_avx2(struct value_clock *clock, struct value_column c,
					       uint64_t lines, const struct value_when *when,
					       int64_t *us)
{
	struct value_time_sets sets = { .good = lines };
	for (uint64_t left = lines; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		const struct field *f = c.field + i * c.width;
		enum value_time_result result;
		int64_t of_minute;
		if (likely(f->type == FIELD_STRING && f->n == 24 && minute_is(clock, f->p) &&
			   second_at(f->p + 16, &of_minute)))
			us[i] = clock->us + of_minute;
		else if ((result = value_time(clock, *f, when, &us[i])) != VALUE_TIME_OK)
			value_time_in(&sets, result, i);
	}
	return sets;
}

/* ---- decimals */

/* By the place of the point, 16 for none: which byte goes where, and what makes the digits
 * nano-units; 0 where there are more than nine decimals. */
#define TO(i, point) ((i) <= (point) && (point) < 16 ? (i)-1 : (i))
#define OVER(point)                                                                                \
	{                                                                                          \
		TO(0, point), TO(1, point), TO(2, point), TO(3, point), TO(4, point),              \
			TO(5, point), TO(6, point), TO(7, point), TO(8, point), TO(9, point),      \
			TO(10, point), TO(11, point), TO(12, point), TO(13, point), TO(14, point), \
			TO(15, point)                                                              \
	}
static const int8_t over[17][16] = { OVER(0),  OVER(1),  OVER(2),  OVER(3),  OVER(4),  OVER(5),
				     OVER(6),  OVER(7),  OVER(8),  OVER(9),  OVER(10), OVER(11),
				     OVER(12), OVER(13), OVER(14), OVER(15), OVER(16) };
static const uint64_t unit_of[17] = { 0,       0,        0,         0,          0,         0,
				      1,       10,       100,       1000,       10000,     100000,
				      1000000, 10000000, 100000000, 1000000000, 1000000000 };
static const uint8_t behind[32] = { [16] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				    0xff,        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

TARGET static always_inline uint64_t sixteen_digits(__m128i v)
{
	const __m128i tens = _mm_set1_epi16(1 << 8 | 10), hundreds = _mm_set1_epi32(1 << 16 | 100),
		      myriads = _mm_set1_epi32(1 << 16 | 10000);
	__m128i fours = _mm_madd_epi16(_mm_maddubs_epi16(v, tens), hundreds);
	uint64_t both = (uint64_t)_mm_cvtsi128_si64(
		_mm_madd_epi16(_mm_packus_epi32(fours, fours), myriads));
	return (both & UINT32_MAX) * 100000000 + (both >> 32);
}

/* False where value_dec has to look: not a number, longer than 16, an exponent, more than nine
 * decimals. */
TARGET static always_inline bool dec_at(const struct field *f, dec *out)
{
	if (unlikely(f->type != FIELD_NUMBER))
		return false;
	bool negative = *f->p == '-';
	size_t n = f->n - negative;
	if (unlikely(n > 16))
		return false;
	__m128i digits = _mm_and_si128(
		_mm_xor_si128(load_column(f->p + f->n - 16), _mm_set1_epi8('0')),
		load_column(behind + n));
	unsigned point = _tzcnt_u32(
		(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(digits, _mm_set1_epi8('.' ^ '0'))) |
		1 << 16);
	digits = _mm_shuffle_epi8(digits, load_column(over[point]));
	if (unlikely(!_mm_testz_si128(digits, _mm_set1_epi8((char)0xf0)) || !unit_of[point]))
		return false;
	dec v = (dec)sixteen_digits(digits) * (dec)unit_of[point];
	*out = negative ? -v : v;
	return true;
}

TARGET struct value_sets value_decs_avx2(struct value_column c, uint64_t lines, dec *out)
{
	struct value_sets sets = { .exact = lines };
	for (uint64_t left = lines; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		const struct field *f = c.field + i * c.width;
		if (unlikely(!dec_at(f, &out[i])))
			value_dec_in(&sets, f, i, out);
	}
	return sets;
}

#endif
