/* The source's end of the ack channel: listens at a socket that the hello names, takes what
 * hta-commit sends, in its order.
 *
 * It works inside the loop: messages are received whatever the source waits for, and handed out
 * by ack_next. A `fail` from below and, before ack_ending, a closed channel stop the loop
 * (loop_stop): nothing that was written from then on would be acknowledged. */
#ifndef JOB_ACK_H
#define JOB_ACK_H

#include "base/err.h"
#include "io/loop.h"
#include "proto/ctl.h"

struct ack;

/* path: absolute, for hta-commit; a dead socket there is taken over, a live one refused
 * (EX_CONFIG). */
struct ack *ack_new(struct loop *l, const char *path, const struct ctl_inc *inc, struct err *err);
void ack_free(struct ack *a);

enum ack_kind { ACK_NONE, ACK_HELLO, ACK_PROBE, ACK_EPOCH };
struct ack_event {
	enum ack_kind kind;
	/* HELLO, PROBE: the record without newline, valid until the next ack_next */
	struct slice line;
	uint64_t epoch, rows; /* EPOCH */
};
/* The oldest message that was not handed out; kind ACK_NONE: there is none. */
struct ack_event ack_next(struct ack *a);

/* `end` was written: that the channel is closed is no error any more. */
void ack_ending(struct ack *a);
bool ack_closed(const struct ack *a); /* by the other end */

/* We leave because a reader left or the like: whether the cause comes over the channel before
 * timeout_us or its end. Waits by itself, the loop being stopped. True: err is the
 * `fail` of a stage, its message empty since the stage has told it. The other end may not have
 * come yet:
 * a stage that fails early passes the hello on first. */
bool ack_last_word(struct ack *a, int64_t timeout_us, struct err *err);
/* We leave and all is well: the other end comes, if it has not yet, and goes. Waits by itself. */
void ack_linger(struct ack *a, int64_t timeout_us);

#endif
