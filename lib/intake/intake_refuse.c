/* Why a body is refused. The first wrong byte of a body is the first one of the first line that is
 * no JSON (cut.h), so that line alone is read again, at most as much of it as an event may have. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "intake/intake_internal.h"

int intake_fail(struct intake *in, enum intake_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	in->out.status = status;
	vsnprintf(in->out.detail, sizeof(in->out.detail), fmt, ap);
	va_end(ap);
	return -1;
}

int intake_too_many(struct intake *in)
{
	return intake_fail(in, INTAKE_TOO_MANY,
			   "more than %u events; send them in several requests",
			   in->conf.max_events);
}

static int too_large(struct intake *in, uint32_t index)
{
	return intake_fail(in, INTAKE_TOO_LARGE, "event %u has more than %u bytes", index,
			   in->conf.max_event_bytes);
}

/* "byte 17: , expected, not ]" with the byte counted in the body, or in the line. */
static int malformed(struct intake *in, const char *why, size_t offset, uint32_t index)
{
	char *reason;
	unsigned long long byte = strtoull(why + strlen("byte "), &reason, 10) + offset;

	if (in->cut.form != CUT_LINES)
		return intake_fail(in, INTAKE_MALFORMED, "byte %llu%s", byte, reason);
	intake_errors_add(&in->out.errors, index, "malformed-json", slice("", 0), "byte %llu%s",
			  byte, reason);
	return 0;
}

static int not_an_event(struct intake *in, const char *code, uint32_t index, const char *text)
{
	intake_errors_add(&in->out.errors, index, code, slice("", 0), "%s", text);
	return 0;
}

/* So deep that no reader of ours says whether it is JSON, and so where an array goes on. */
static int too_deep(struct intake *in, uint32_t index)
{
	not_an_event(in, "too-deep", index, "nested deeper than 64");
	if (in->cut.form == CUT_LINES)
		return 0;
	in->out.rejected = 1;
	return intake_fail(in, INTAKE_INVALID, "event %u is nested deeper than %d", index,
			   MEMBERS_DEPTH);
}

static int blank_piece(struct intake *in, size_t at)
{
	const struct slice body = in->rq->body;

	if (at >= body.n)
		return intake_fail(in, INTAKE_MALFORMED,
				   "byte %zu: a value expected, but the text ends", at + 1);
	return intake_fail(in, INTAKE_MALFORMED, "byte %zu: a value expected, not %c", at + 1,
			   body.p[at]);
}

int intake_explain(struct intake *in, struct slice line, uint32_t index)
{
	size_t offset = cut_offset(&in->cut, line.p), most = in->conf.max_event_bytes;
	bool lines = in->cut.form == CUT_LINES, large = line.n > most;
	/* as the client sent it: the cutter's mended newlines would be told of as other bytes */
	struct slice sent = slice(in->rq->body.p + offset, large ? most : line.n);
	struct err why = ERR_INIT;
	size_t blank = 0;

	if (offset + sent.n > in->rq->body.n)
		sent.n = in->rq->body.n - offset;
	if (!lines && str_mark(sent))
		return intake_fail(in, INTAKE_MALFORMED,
				   "byte %zu: a value expected, not byte 0xef", offset + 1);
	while (blank < line.n && strchr(" \t\r", line.p[blank]))
		blank++;
	if (blank == line.n)
		return blank_piece(in, offset + blank);
	if (json_parse(&in->judge.json, sent, &why)) {
		if (strstr(why.msg, "nested deeper"))
			return too_deep(in, index);
		if (large && strstr(why.msg, "text ends"))
			return too_large(in, index);
		return malformed(in, why.msg, lines ? 0 : offset, index);
	}
	if (large)
		return too_large(in, index);
	return not_an_event(in, "not-an-object", index, "expected an object");
}

int intake_fault(struct intake *in)
{
	const struct slice body = in->rq->body;
	size_t at = in->cut.fault;
	const char *text = in->cut.fault_text;
	unsigned char c = at < body.n ? (unsigned char)body.p[at] : 0;

	if (at >= body.n)
		return intake_fail(in, INTAKE_MALFORMED, "byte %zu: %s, but the text ends", at + 1,
				   text);
	if (!strstr(text, "expected"))
		return intake_fail(in, INTAKE_MALFORMED, "byte %zu: %s", at + 1, text);
	if (c > 0x20 && c < 0x7f)
		return intake_fail(in, INTAKE_MALFORMED, "byte %zu: %s, not %c", at + 1, text, c);
	return intake_fail(in, INTAKE_MALFORMED, "byte %zu: %s, not byte 0x%02x", at + 1, text, c);
}

/* ---- what statuses are called */

static const struct {
	const char *code, *title;
	unsigned http;
} statuses[] = {
	[INTAKE_OK] = { "ok", "accepted", 202 },
	[INTAKE_MALFORMED] = { "malformed-json", "the body is not JSON", 400 },
	[INTAKE_TOO_MANY] = { "too-many-events", "there are too many events", 413 },
	[INTAKE_TOO_LARGE] = { "event-too-large", "an event is too large", 413 },
	[INTAKE_EMPTY] = { "no-events", "there is no event", 422 },
	[INTAKE_INVALID] = { "invalid-event", "an event is not valid", 422 },
	[INTAKE_MISMATCH] = { "idempotency-mismatch", "the key was used for another body", 422 },
};

const char *intake_code(enum intake_status status)
{
	return statuses[status].code;
}

unsigned intake_http_status(enum intake_status status)
{
	return statuses[status].http;
}

const char *intake_title(enum intake_status status)
{
	return statuses[status].title;
}
