/* The middle layer: requests side by side, and what their answers mean. A call is sent again, up to
 * S3_TRIES times with growing pauses of random length, after
 *
 *	no answer, or half of one           it may have been done: whoever calls has to bear that
 *	500, 502, 503, 504, 429, 408        among them SlowDown
 *	400 RequestTimeout
 *	409 ConditionalRequestConflict      another such request was under way
 *	an error in an answer of status 200 (late_error) that is one of the above by its code
 * and once each, without a pause, after
 *	RequestTimeTooSkewed                the clock's difference is taken out of the field Date
 *	301, 307, a region that is wrong    x-amz-bucket-region is the region from here on
 *	ExpiredToken                        credentials are asked for anew
 * All else is final. */
#ifndef DRV_S3_S3_QUEUE_H
#define DRV_S3_S3_QUEUE_H

#include "drv/s3/s3_request.h"

enum { S3_TRIES = 6 };

enum s3_outcome {
	S3_DONE,   /* 2xx */
	S3_NONE,   /* no such object, or upload; never of the bucket itself */
	S3_EXISTS, /* 412: the condition does not hold */
	/* it failed each time, in a way that may pass: err EX_TEMPFAIL */
	S3_AGAIN,
	/* err: EX_CONFIG for what was refused (403, no such bucket, a certificate) */
	S3_FATAL,
	S3_LEAVE, /* the program has to leave now: err is the loop's */
};

struct s3_call;

/* ask is borrowed until s3_call_end, its texts too. Never NULL. */
struct s3_call *s3_call_begin(struct s3_conn *c, const struct s3_ask *ask);
/* Waits for the outcome, sending again; others that are under way move on meanwhile. Says the same
 * again. */
enum s3_outcome s3_call_wait(struct s3_call *call, struct err *err);
/* The same with other tries, and no longer than until_us (tm_mono_us) for an answer: S3_AGAIN. */
enum s3_outcome s3_call_wait_until(struct s3_call *call, unsigned tries, int64_t until_us,
				   struct err *err);
/* Of a call that was answered last; valid until s3_call_end. */
struct slice s3_call_body(const struct s3_call *call);
struct slice s3_call_field(const struct s3_call *call, const char *name);
/* It was sent more than once: an earlier one may have been done, or half. */
bool s3_call_repeated(const struct s3_call *call);
void s3_call_end(struct s3_call *call); /* NULL is fine */

#endif
