/*	begin --> answered? --2xx, no table, condition--> outcome
 *	  ^          |--again, or lost--> tries left? --no--> DYNAMO_AGAIN
 *	  |          |                      | yes: pause
 *	  |          |--clock, token: mended once each
 *	  +----------+----------------------+
 *
 * A call is sent again by whoever waits for it; one for which nobody waits rests meanwhile. */
#include "drv/dynamo/dynamo_call.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "net/aws_service.h"
#include "sink/retry.h"

enum { FIRST_PAUSE_US = 50000, MOST_DOUBLINGS = 6, CODE_BYTES = 96 };

struct dynamo_call {
	struct dynamo_conn *conn;
	const char *action;
	struct slice body;
	struct dynamo_request request;
	struct json answer;
	unsigned tries, pauses;
	uint64_t seen; /* conn->progress at the last try */
	bool clock_mended, token_mended, rest_owed, over;
	enum dynamo_outcome outcome;
	struct err err;
	char code[CODE_BYTES];
};

/* ---- what an answer says */

static void keep_code(struct dynamo_call *call)
{
	struct slice type;
	const char *mark;

	call->code[0] = '\0';
	if (!call->answer.n || !json_get_text(&call->answer, 0, "__type", &type))
		return;
	mark = memchr(type.p, '#', type.n);
	if (mark)
		type = slice(mark + 1, type.n - (size_t)(mark + 1 - type.p));
	if (type.n < CODE_BYTES) {
		memcpy(call->code, type.p, type.n);
		call->code[type.n] = '\0';
	}
}

/* The table's servers say "message", those before them "Message". */
static void say_answer(struct dynamo_call *call, int status, int code)
{
	struct buf text = { 0 };
	uint32_t at = call->answer.n ? json_get(&call->answer, 0, "message") : 0;

	if (!at && call->answer.n)
		at = json_get(&call->answer, 0, "Message");
	if (at && call->answer.node[at].type == JSON_STRING)
		json_string(&call->answer, at, &text);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ')
			text.p[i] = ' ';
	err_set(&call->err, code, "%s: %s: status %d%s%s%s%.*s", call->conn->place.host,
		call->action, status, *call->code ? " " : "", call->code, text.n ? ": " : "",
		(int)(text.n < 500 ? text.n : 500), text.n ? text.p : "");
	buf_fini(&text);
}

static bool is_one_of(const char *code, const char *const *codes)
{
	for (; *codes; codes++)
		if (strcmp(code, *codes) == 0)
			return true;
	return false;
}

static const char *const throttles[] = { "ProvisionedThroughputExceededException",
					 "ThrottlingException",
					 "RequestLimitExceeded",
					 "Throttling",
					 "LimitExceededException",
					 NULL };

static bool may_pass(const struct dynamo_call *call, int status)
{
	static const char *const codes[] = { "InternalServerError", "InternalServerErrorException",
					     "ServiceUnavailable",  "TransactionConflictException",
					     "RequestTimeout",      NULL };

	return status >= 500 || status == 429 || status == 408 || is_one_of(call->code, codes) ||
	       is_one_of(call->code, throttles);
}

/* ---- what is mended */

static bool mend_clock(struct dynamo_call *call)
{
	static const char *const codes[] = { "InvalidSignatureException", "RequestExpired",
					     "RequestTimeTooSkewed", NULL };

	if (call->clock_mended || !is_one_of(call->code, codes))
		return false;
	call->clock_mended = aws_skew_mend(http_call_field(call->request.call, "Date"),
					   call->request.skew_us, &call->conn->skew_us,
					   call->conn->place.host);
	return call->clock_mended;
}

static bool mend_token(struct dynamo_call *call)
{
	if (call->token_mended || strcmp(call->code, "ExpiredTokenException") != 0)
		return false;
	call->token_mended = aws_credentials_drop(&call->conn->credentials);
	return call->token_mended;
}

/* ---- the way of a call */

enum step { STEP_OVER, STEP_AGAIN, STEP_AT_ONCE };

static enum step end_call(struct dynamo_call *call, enum dynamo_outcome outcome)
{
	call->outcome = outcome;
	call->over = true;
	return STEP_OVER;
}

static enum step judge_error(struct dynamo_call *call, int status)
{
	static const char *const exists[] = { "ConditionalCheckFailedException",
					      "ResourceInUseException", NULL };
	static const char *const data[] = { "ValidationException", "SerializationException",
					    "ItemCollectionSizeLimitExceededException", NULL };

	keep_code(call);
	if (mend_clock(call) || mend_token(call))
		return STEP_AT_ONCE;
	if (may_pass(call, status)) {
		say_answer(call, status, EX_TEMPFAIL);
		if (is_one_of(call->code, throttles) && !call->conn->throttle_told)
			log_info("%s throttles (%s): it is waited for", call->conn->place.host,
				 call->code);
		call->conn->throttle_told |= is_one_of(call->code, throttles);
		return STEP_AGAIN;
	}
	say_answer(call, status, is_one_of(call->code, data) ? EX_DATAERR : EX_CONFIG);
	return end_call(call, strcmp(call->code, "ResourceNotFoundException") == 0 ? DYNAMO_NONE
			      : is_one_of(call->code, exists)                      ? DYNAMO_EXISTS
										   : DYNAMO_FATAL);
}

static enum step judge_answer(struct dynamo_call *call)
{
	int status = http_call_status(call->request.call);
	struct err why = ERR_INIT;

	if (json_parse(&call->answer, http_call_body(call->request.call), &why) ||
	    call->answer.node[0].type != JSON_OBJECT)
		call->answer.n = 0;
	if (status != 200)
		return judge_error(call, status);
	if (call->answer.n)
		return end_call(call, DYNAMO_DONE);
	err_set(&call->err, EX_TEMPFAIL, "%s: %s: an answer that is no JSON: is it a DynamoDB?",
		call->conn->place.host, call->action);
	return STEP_AGAIN;
}

static enum step take_outcome(struct dynamo_call *call)
{
	switch (http_call_wait(call->request.call, &call->err)) {
	case HTTP_ANSWERED:
		return judge_answer(call);
	case HTTP_LEAVE:
		return end_call(call, DYNAMO_LEAVE);
	case HTTP_REFUSED:
		err_in(&call->err, "%s", call->conn->place.host);
		return end_call(call, DYNAMO_FATAL);
	default:
		err_in(&call->err, "%s", call->conn->place.host);
		return STEP_AGAIN;
	}
}

static void send_call(struct dynamo_call *call)
{
	dynamo_request_end(&call->request);
	if (dynamo_request_begin(&call->request, call->conn, call->action, call->body, &call->err))
		end_call(call, call->err.code == EX_TEMPFAIL ? DYNAMO_AGAIN : DYNAMO_FATAL);
}

static int pause_before_try(struct dynamo_call *call)
{
	unsigned doublings = call->pauses < MOST_DOUBLINGS ? call->pauses : MOST_DOUBLINGS;
	int64_t us = retry_jitter((int64_t)FIRST_PAUSE_US << doublings);

	call->pauses++;
	return loop_sleep(call->conn->loop, tm_mono_us() + us, &call->err);
}

static bool gives_up(struct dynamo_call *call)
{
	if (call->seen != call->conn->progress)
		call->tries = 0;
	call->seen = call->conn->progress;
	return ++call->tries >= (call->conn->tries ? call->conn->tries : DYNAMO_TRIES);
}

struct dynamo_call *dynamo_call_begin(struct dynamo_conn *c, const char *action, struct slice body)
{
	struct dynamo_call *call = mem_zalloc(sizeof(*call));

	call->conn = c;
	call->action = action;
	call->body = body;
	call->seen = c->progress;
	send_call(call);
	return call;
}

void dynamo_call_rest(struct dynamo_call *call, struct slice body)
{
	call->body = body;
	call->over = false;
	call->rest_owed = true;
	err_set(&call->err, EX_TEMPFAIL, "%s: %s: some of it is left undone",
		call->conn->place.host, call->action);
}

static enum step next_step(struct dynamo_call *call)
{
	if (!call->rest_owed)
		return take_outcome(call);
	call->rest_owed = false;
	return STEP_AGAIN;
}

enum dynamo_outcome dynamo_call_wait(struct dynamo_call *call, struct err *err)
{
	while (!call->over) {
		enum step step = next_step(call);

		if (step == STEP_AGAIN && gives_up(call))
			end_call(call, DYNAMO_AGAIN);
		else if (step == STEP_AGAIN && pause_before_try(call))
			end_call(call, DYNAMO_LEAVE);
		else if (step != STEP_OVER)
			send_call(call);
	}
	if (call->outcome != DYNAMO_DONE)
		err_copy(err, &call->err);
	return call->outcome;
}

const struct json *dynamo_call_answer(const struct dynamo_call *call)
{
	return &call->answer;
}

void dynamo_call_end(struct dynamo_call *call)
{
	if (!call)
		return;
	dynamo_request_end(&call->request);
	json_fini(&call->answer);
	free(call);
}

enum dynamo_outcome dynamo_ask(struct dynamo_conn *c, const char *action, struct slice body,
			       struct dynamo_call **call, struct err *err)
{
	*call = dynamo_call_begin(c, action, body);
	return dynamo_call_wait(*call, err);
}

enum sink_result dynamo_result(enum dynamo_outcome o)
{
	return o == DYNAMO_DONE ? SINK_OK : o == DYNAMO_AGAIN ? SINK_RETRY : SINK_FATAL;
}
