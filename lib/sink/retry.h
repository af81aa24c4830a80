/* Backoff with jitter: waits 0.1 s, 0.2 s, .. at most 10 s, each shortened at random by up to a
 * half (so that a restarted store is not stormed), until
 * --retry-for is used up. The first failure is told, then one line a minute. */
#ifndef SINK_RETRY_H
#define SINK_RETRY_H

#include "io/loop.h"

struct retry {
	int64_t started_us, told_us;
	unsigned tries;
}; /* {0}: nothing failed yet */

/* Another failure, told by why->msg: waits. 0: try again. -1: EX_UNAVAILABLE with why's message
 * and the time spent, or what the loop says. `who`: "postgres". */
int retry_wait(struct retry *r, struct loop *loop, const char *who, int64_t retry_for_us,
	       const struct err *why, struct err *err);
/* The same for a caller that waits by itself. flag: what set the time, " (--retry-for)", or "".
 * 0: try again. -1: EX_UNAVAILABLE. */
int retry_note(struct retry *r, const char *who, int64_t retry_for_us, const char *flag,
	       const struct err *why, struct err *err);
/* How long such a caller waits after that. */
int64_t retry_pause_us(const struct retry *r);
/* A pause of us, shortened at random by up to a half. */
int64_t retry_jitter(int64_t us);
/* It worked: tells so where a failure was told. */
void retry_done(struct retry *r, const char *who);

#endif
