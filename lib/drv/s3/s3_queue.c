/*	begin --> answered? --2xx, 404, 412--> outcome
 *	  ^          |--again, or lost--> tries left? --no--> S3_AGAIN
 *	  |          |                      | yes: pause
 *	  |          |--clock, region, token: mended once each
 *	  +----------+----------------------+
 *
 * A call is sent again by whoever waits for it; one for which nobody waits rests meanwhile. */
#include "drv/s3/s3_queue.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/s3/s3_xml.h"
#include "net/aws_service.h"
#include "sink/retry.h"

enum { FIRST_PAUSE_US = 100000, CODE_BYTES = 64, MESSAGE_BYTES = 256 };

struct s3_call {
	struct s3_conn *conn;
	const struct s3_ask *ask;
	struct s3_request request;
	unsigned tries;
	bool clock_mended, region_mended, token_mended;
	bool over;
	enum s3_outcome outcome;
	struct err err;
	/* of the last answer that was an error */
	char code[CODE_BYTES], message[MESSAGE_BYTES];
};

/* ---- what an answer says */

static void keep_text(char *to, size_t room, struct slice text)
{
	size_t n = text.n < room - 1 ? text.n : room - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i];
	to[n] = '\0';
}

static void take_error(void *arg, const char *path, struct slice text)
{
	struct s3_call *call = arg;

	if (strcmp(path, "Error/Code") == 0)
		keep_text(call->code, sizeof(call->code), text);
	if (strcmp(path, "Error/Message") == 0)
		keep_text(call->message, sizeof(call->message), text);
}

/* An answer of status 200 whose body is no document says nothing. */
static bool read_error(struct s3_call *call)
{
	struct err unread = ERR_INIT;

	call->code[0] = call->message[0] = '\0';
	return xml_read(s3_call_body(call), take_error, call, &unread) == 0;
}

static bool is_code(const struct s3_call *call, const char *code)
{
	return strcmp(call->code, code) == 0;
}

static bool may_pass(const struct s3_call *call, int status)
{
	switch (status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	case 409:
		return is_code(call, "ConditionalRequestConflict") ||
		       is_code(call, "OperationAborted");
	default:
		return is_code(call, "RequestTimeout") || is_code(call, "InternalError") ||
		       is_code(call, "SlowDown") || is_code(call, "ServiceUnavailable");
	}
}

static void name_call(const struct s3_call *call, int code, struct err *err)
{
	const struct s3_ask *ask = call->ask;

	err_set(err, code, "%s %s%s/%.*s: %.*s", ask->method, S3_SCHEME, call->conn->place.bucket,
		(int)ask->key.n, ask->key.n ? ask->key.p : "", (int)sizeof(call->err.msg) / 2,
		call->err.msg);
}

static void say_answer(struct s3_call *call, int status)
{
	err_set(&call->err, EX_TEMPFAIL, "status %d%s%s%s%s", status, *call->code ? " " : "",
		call->code, *call->message ? ": " : "", call->message);
}

/* ---- what is mended */

static bool mend_clock(struct s3_call *call)
{
	if (call->clock_mended || !is_code(call, "RequestTimeTooSkewed"))
		return false;
	call->clock_mended = aws_skew_mend(s3_call_field(call, "Date"), call->request.skew_us,
					   &call->conn->skew_us, call->conn->place.bucket);
	return call->clock_mended;
}

static bool mend_region(struct s3_call *call, int status)
{
	struct slice region = s3_call_field(call, "x-amz-bucket-region");
	struct s3_place *place = &call->conn->place;

	if (call->region_mended || region.n == 0 || slice_is(region, place->region) ||
	    (status != 301 && status != 307 && status != 400))
		return false;
	log_info("bucket %s is in region %.*s", place->bucket, (int)region.n, region.p);
	free(place->region);
	place->region = mem_dup(region.p, region.n);
	call->region_mended = true;
	return true;
}

static bool mend_token(struct s3_call *call)
{
	if (call->token_mended || !is_code(call, "ExpiredToken"))
		return false;
	call->token_mended = aws_credentials_drop(&call->conn->credentials);
	return call->token_mended;
}

/* ---- the way of a call */

enum step { STEP_OVER, STEP_AGAIN, STEP_AT_ONCE };

static enum step end_call(struct s3_call *call, enum s3_outcome outcome)
{
	call->outcome = outcome;
	call->over = true;
	return STEP_OVER;
}

static enum step refuse_call(struct s3_call *call, int status)
{
	struct err words;

	if (is_code(call, "NoSuchBucket"))
		err_set(&call->err, EX_CONFIG, "there is no such bucket");
	else
		say_answer(call, status);
	words = call->err;
	name_call(call, EX_CONFIG, &words);
	call->err = words;
	return end_call(call, S3_FATAL);
}

static enum step judge_answer(struct s3_call *call)
{
	int status = http_call_status(call->request.call);
	bool good = status >= 200 && status < 300;

	if (good && !call->ask->late_error)
		return end_call(call, S3_DONE);
	if (!read_error(call) && good) {
		err_set(&call->err, EX_TEMPFAIL, "an answer that is no document");
		return STEP_AGAIN;
	}
	if (good && !*call->code)
		return end_call(call, S3_DONE);
	if (mend_clock(call) || mend_region(call, status) || mend_token(call))
		return STEP_AT_ONCE;
	/* InvalidPart: the upload is being ended while it is completed */
	if (is_code(call, "NoSuchUpload") || is_code(call, "InvalidPart") ||
	    is_code(call, "NoSuchKey") || (status == 404 && !*call->code && call->ask->key.n))
		return end_call(call, S3_NONE);
	if (status == 412 || is_code(call, "PreconditionFailed"))
		return end_call(call, S3_EXISTS);
	if (!may_pass(call, status))
		return refuse_call(call, status);
	say_answer(call, status);
	return STEP_AGAIN;
}

static enum step take_outcome(struct s3_call *call)
{
	struct err words;

	switch (http_call_wait(call->request.call, &call->err)) {
	case HTTP_ANSWERED:
		return judge_answer(call);
	case HTTP_LEAVE:
		return end_call(call, S3_LEAVE);
	case HTTP_REFUSED:
		words = call->err;
		name_call(call, EX_CONFIG, &words);
		call->err = words;
		return end_call(call, S3_FATAL);
	default:
		return STEP_AGAIN;
	}
}

static void send_call(struct s3_call *call)
{
	s3_request_end(&call->request);
	if (s3_request_begin(&call->request, call->conn, call->ask, &call->err) == 0)
		return;
	end_call(call, call->err.code == EX_TEMPFAIL ? S3_AGAIN : S3_FATAL);
}

static int pause_before_try(struct s3_call *call)
{
	int64_t us = retry_jitter((int64_t)FIRST_PAUSE_US << call->tries);

	return loop_sleep(call->conn->loop, tm_mono_us() + us, &call->err);
}

static void give_up(struct s3_call *call)
{
	struct err words = call->err;

	name_call(call, EX_TEMPFAIL, &words);
	call->err = words;
	end_call(call, S3_AGAIN);
}

struct s3_call *s3_call_begin(struct s3_conn *c, const struct s3_ask *ask)
{
	struct s3_call *call = mem_zalloc(sizeof(*call));

	call->conn = c;
	call->ask = ask;
	send_call(call);
	return call;
}

/* False: there was none in time, or the program has to leave; the call is over. */
static bool wait_for_answer(struct s3_call *call, int64_t until_us)
{
	while (http_call_outcome(call->request.call, &call->err) == HTTP_UNDER_WAY) {
		if (tm_mono_us() >= until_us) {
			err_set(&call->err, EX_TEMPFAIL, "no answer in time");
			give_up(call);
			return false;
		}
		if (loop_turn(call->conn->loop, until_us, &call->err) < 0) {
			end_call(call, S3_LEAVE);
			return false;
		}
	}
	return true;
}

enum s3_outcome s3_call_wait(struct s3_call *call, struct err *err)
{
	return s3_call_wait_until(call, S3_TRIES, INT64_MAX, err);
}

enum s3_outcome s3_call_wait_until(struct s3_call *call, unsigned tries, int64_t until_us,
				   struct err *err)
{
	while (!call->over) {
		enum step step = wait_for_answer(call, until_us) ? take_outcome(call) : STEP_OVER;

		if (step == STEP_AGAIN && ++call->tries >= tries)
			give_up(call);
		else if (step == STEP_AGAIN && pause_before_try(call))
			end_call(call, S3_LEAVE);
		else if (step != STEP_OVER)
			send_call(call);
	}
	if (call->outcome >= S3_AGAIN)
		err_copy(err, &call->err);
	return call->outcome;
}

struct slice s3_call_body(const struct s3_call *call)
{
	return call->request.call ? http_call_body(call->request.call) : slice(NULL, 0);
}

struct slice s3_call_field(const struct s3_call *call, const char *name)
{
	return call->request.call ? http_call_field(call->request.call, name) : slice(NULL, 0);
}

bool s3_call_repeated(const struct s3_call *call)
{
	return call->tries > 0;
}

void s3_call_end(struct s3_call *call)
{
	if (!call)
		return;
	s3_request_end(&call->request);
	free(call);
}
