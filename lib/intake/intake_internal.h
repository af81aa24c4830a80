/* What the files of a request share. Not for others: intake.h is the contract.
 *
 *	intake.c         the request
 *	intake_batch.c   its events
 *	intake_refuse.c  bodies and lines that are no events
 */
#ifndef INTAKE_INTAKE_INTERNAL_H
#define INTAKE_INTAKE_INTERNAL_H

#include "intake/event.h"
#include "intake/intake.h"
#include "intake/stamp.h"

struct intake {
	struct intake_conf conf;
	struct cut cut;
	struct event_judge judge;
	struct stamps stamps;
	struct buf lines;
	struct intake_result out;

	/* of this request */
	const struct intake_request *rq;
	size_t added;                    /* entries of the table that intake_undo takes back */
	unsigned topic;                  /* in out.topics, of the last event */
	bool failed;                     /* an event is not valid, and that ends a strict request */
	struct seen_entry request;       /* check 0: it has no Idempotency-Key */
	bool requested;                  /* its stamp is in a line, of now or before */
	struct slice reason[SCAN_BATCH]; /* of the lines of a batch that are refused */
};

/* All lines; -1: the request is refused. */
int intake_read_lines(struct intake *in);
/* Takes back what was remembered and drops the lines. */
void intake_forget(struct intake *in);

/* Sets status and detail. Returns -1. */
int intake_fail(struct intake *in, enum intake_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int intake_too_many(struct intake *in);

/* A line that the scanner did not take, or that is too long. 0: it is an event that is not valid,
 * and there is an error for it; -1: the whole request is refused. */
int intake_explain(struct intake *in, struct slice line, uint32_t index);

/* The body ends wrongly, behind lines that are all right. */
int intake_fault(struct intake *in);

#endif
