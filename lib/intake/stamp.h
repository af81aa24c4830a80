/* Lines as the log has them: an event's own bytes, then what its client left out. */
#ifndef INTAKE_STAMP_H
#define INTAKE_STAMP_H

#include "intake/event.h"
#include "intake/idempotency.h"

/* The texts that all events of a request share. {0}; stamps_begin for each request. */
struct stamps {
	struct buf tail[4]; /* by has_time and, twice that, has_topic */
	struct buf own;     /* ,"order_id":" or empty */
	struct buf total;   /* ,"total": or empty */
	char now[TM_TEXT_BYTES];
	size_t most; /* bytes that a line is longer than its event, at most */
};

void stamps_begin(struct stamps *s, const struct intake_route *r, int64_t now_us);
void stamps_fini(struct stamps *s);

/* Appends the line. made: UUID_CHARS of an id that was made for it, NULL: it has its own.
 * request: IDEMPOTENCY_CHARS, or NULL. */
void stamps_add(const struct stamps *s, const struct intake_event *e, const char *made,
		const char *request, struct buf *lines);

/* Appends the line of an event that was refused: `record` is its bytes in the body. */
void stamps_add_dead(struct slice record, struct slice reason, struct slice request_id,
		     struct buf *lines);

#endif
