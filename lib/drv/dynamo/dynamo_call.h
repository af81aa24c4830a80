/* The middle layer: calls side by side, and what their answers mean. A call is sent again, with
 * growing pauses of random length, after
 *
 *	no answer, or half of one, or one that is no JSON     it may have been done
 *	500, 502, 503, 504, 429, 408
 *	a throttle                  ProvisionedThroughputExceededException, ThrottlingException, ..
 * and given up after DYNAMO_TRIES times in which nothing else was stored either: a table that
 * throttles takes some, and is waited for. Sent again once each, without a pause, after
 *
 *	a time that is not the server's     the clock's difference is taken out of the field Date
 *	ExpiredTokenException               credentials are asked for anew
 * All else is final. */
#ifndef DRV_DYNAMO_DYNAMO_CALL_H
#define DRV_DYNAMO_DYNAMO_CALL_H

#include "drv/dynamo/dynamo_request.h"
#include "json/json.h"
#include "sink/keeper.h"

enum { DYNAMO_TRIES = 8 };

enum dynamo_outcome {
	DYNAMO_DONE,
	DYNAMO_NONE,   /* no such table */
	DYNAMO_EXISTS, /* the condition does not hold; the table is there, or in another's hands */
	/* it failed each time, in a way that may pass: err EX_TEMPFAIL */
	DYNAMO_AGAIN,
	/* err: EX_CONFIG for what was refused, EX_DATAERR for what the server cannot take */
	DYNAMO_FATAL,
	DYNAMO_LEAVE, /* the program has to leave now: err is the loop's */
};

struct dynamo_call;

/* body is borrowed until dynamo_call_end. Never NULL. */
struct dynamo_call *dynamo_call_begin(struct dynamo_conn *c, const char *action, struct slice body);
/* Waits for the outcome, sending again; others that are under way move on meanwhile. err is set for
 * all but the first; says the same again. */
enum dynamo_outcome dynamo_call_wait(struct dynamo_call *call, struct err *err);
/* Of a call that was answered last; valid until dynamo_call_end, or the next. */
const struct json *dynamo_call_answer(const struct dynamo_call *call);
/* Sends it with another body, after a pause as for a throttle: some of it was not done. */
void dynamo_call_rest(struct dynamo_call *call, struct slice body);
void dynamo_call_end(struct dynamo_call *call); /* NULL is fine */

/* Begins, waits and keeps the call for its answer. */
enum dynamo_outcome dynamo_ask(struct dynamo_conn *c, const char *action, struct slice body,
			       struct dynamo_call **call, struct err *err);

/* What an outcome is to a sink. DYNAMO_NONE, DYNAMO_EXISTS: SINK_FATAL, EX_CONFIG. */
enum sink_result dynamo_result(enum dynamo_outcome o);

#endif
