/* Token buckets: how much a key may send. Pure: the time is the caller's, microseconds of a clock
 * that never goes back.
 *
 * A bucket of `burst` tokens is filled at per_s a second. A request of n passes if n of them are
 * there, or all that there can be: one larger than the burst passes when the bucket is full, and
 * puts it into debt. Bounds: per_s and burst at most RATE_MOST. */
#ifndef INTAKE_RATE_H
#define INTAKE_RATE_H

#include <stdint.h>

#define RATE_MOST 1000000000000ULL

/* per_s 0: no limit. burst at least 1. */
struct rate_limit {
	uint64_t per_s, burst;
};

/* {0} is a full one. */
struct rate {
	int64_t level; /* millionths of a token; below 0: debt */
	int64_t at_us; /* 0: never used */
};

/* 0: n tokens may be taken now; else after so many microseconds, if nobody else takes any. */
int64_t rate_wait_us(const struct rate_limit *l, struct rate *r, uint64_t n, int64_t now_us);

/* Takes them, whether they are there or not; rate_wait_us was asked first. n is at most
 * RATE_MOST. */
void rate_take(const struct rate_limit *l, struct rate *r, uint64_t n, int64_t now_us);

/* Whole tokens that are there, and microseconds until the bucket is full. */
uint64_t rate_left(const struct rate_limit *l, struct rate *r, int64_t now_us);
int64_t rate_full_us(const struct rate_limit *l, struct rate *r, int64_t now_us);

#endif
