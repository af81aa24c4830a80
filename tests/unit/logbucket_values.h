/* Numbers for the tests of logbucket: repeatable ones of any size. */
#ifndef TESTS_UNIT_LOGBUCKET_VALUES_H
#define TESTS_UNIT_LOGBUCKET_VALUES_H

#include "sketch/logbucket.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define WHOLE ((dec)1000000000)

static uint64_t rng = 88172645463325252;

static inline uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1d;
}

/* Of any size up to 2^bits, as many small ones as large ones. */
static inline dec random_dec(unsigned bits)
{
	unsigned __int128 m = (unsigned __int128)next_random() << 64 | next_random();
	return (dec)(m >> (128 - 1 - next_random() % bits));
}

#endif
