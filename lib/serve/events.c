/* GET /events: what a sink keeps of events, newest first by event time, or what the log of an
 * intake has, newest first as they came, a page of so many. The payload is the record's member of
 * that name, else the whole record. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "net/problem.h"
#include "serve/event_query.h"

enum { EVENTS_USUAL = 100 };

static void add_text(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.p)
		json_quote(out, text);
	else
		buf_addz(out, "null");
}

static int write_event(void *arg, const struct event_told *e, struct err *err)
{
	struct buf *out = arg;

	(void)err;
	buf_addz(out, out->p[out->n - 1] == '[' ? "{\"id\":" : ",{\"id\":");
	if (e->id >= 0)
		buf_addi(out, e->id);
	else
		buf_addz(out, "null");
	add_text(out, "topic", e->text[EVENT_TOPIC]);
	add_text(out, "event_id", e->text[EVENT_ID]);
	add_text(out, "event_type", e->text[EVENT_TYPE]);
	add_text(out, "user_id", e->text[EVENT_USER]);
	add_text(out, "timestamp", e->timestamp);
	add_text(out, "source", e->text[EVENT_SOURCE]);
	buf_addz(out, ",\"payload\":");
	buf_adds(out, e->payload);
	add_text(out, "received_at", e->received_at);
	buf_addc(out, '}');
	return out->n > SERVE_BODY_BYTES;
}

static int run_events(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		      struct err *err)
{
	struct event_query *e = (struct event_query *)q;
	int rc;

	buf_addz(&out->body, "{\"events\":[");
	rc = event_query_read(e, reader, write_event, &out->body, &out->next, err);
	if (rc)
		return event_query_problem(out, err);
	buf_printf(&out->body, "],\"count\":%" PRIu64, e->given);
	if (out->next.n) {
		buf_addz(&out->body, ",\"next\":");
		json_quote(&out->body, buf_slice(&out->next));
	}
	buf_addz(&out->body, "}\n");
	return 0;
}

void serve_get_events(void *serve, struct http_request *req)
{
	static const char *const names[EVENT_TEXTS] = { [EVENT_TOPIC] = "topic",
							[EVENT_TYPE] = "type",
							[EVENT_USER] = "user",
							[EVENT_SOURCE] = "source" };
	static const char *const times[] = { "plain", "zulu", NULL };
	struct event_query *e = event_query_new();
	struct serve_args args = { .req = req, .key = &e->q.key, .arena = &e->arena };
	int64_t now_us = tm_now_us();
	const char *cursor;

	serve_args_begin(&args, "events");
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (names[i])
			e->range.text[i] = serve_args_text(&args, names[i]);
	e->range.since_us = serve_args_time(&args, "from", now_us, POS_NONE);
	e->range.until_us = serve_args_time(&args, "to", now_us, POS_NONE);
	e->limit = serve_args_count(&args, "limit", EVENTS_USUAL, SERVE_EVENTS);
	e->zulu = serve_args_choice(&args, "times", times) == 1;
	cursor = serve_args_text(&args, "cursor");
	if (cursor && !event_query_cursor(e, cursor))
		serve_args_refuse(&args, "cursor is none that was given here");
	if (e->range.since_us != POS_NONE && e->range.until_us != POS_NONE &&
	    e->range.until_us < e->range.since_us)
		serve_args_refuse(&args, "to is before from");
	e->q.run = run_events;
	if (args.refused)
		serve_query_free(&e->q);
	else
		serve_answer(serve, req, &e->q);
}
