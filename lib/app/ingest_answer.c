/* What clients are told of their events. Bodies are made when a request is read, since what the
 * intake knows of it lasts until the next one, and sent when the log has it. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "json/json.h"

static const char json_type[] = "application/json", problem_type[] = "application/problem+json";

/* ---- events that were taken */
static void add_errors(struct buf *b, const struct intake_errors *e)
{
	buf_addz(b, ",\"errors\":[");
	for (unsigned i = 0; i < e->n; i++) {
		const struct intake_error *one = &e->list[i];

		buf_printf(b, "%s{\"index\":%u,\"pointer\":", i ? "," : "", one->index);
		json_quote(b, one->pointer);
		buf_printf(b, ",\"code\":\"%s\",\"detail\":", one->code);
		json_quote(b, one->detail);
		buf_addc(b, '}');
	}
	buf_printf(b, "],\"errors_total\":%llu", (unsigned long long)e->total);
}

static void add_rejected(struct buf *b, const struct intake_result *r)
{
	if (!r->rejected)
		return;
	buf_printf(b, ",\"rejected\":%u", r->rejected);
	add_errors(b, &r->errors);
}

static void answer_batch(const struct intake_result *r, struct ingest_waiter *w)
{
	buf_printf(&w->body, "{\"status\":\"accepted\",\"count\":%u,\"duplicates\":%u",
		   r->fresh + r->duplicates, r->duplicates);
	add_rejected(&w->body, r);
	buf_addz(&w->body, "}\n");
}

static void answer_event(const struct intake_result *r, struct ingest_waiter *w)
{
	buf_addz(&w->body, "{\"event_id\":");
	buf_adds(&w->body, buf_slice(&r->event_id));
	buf_addz(&w->body,
		 ",\"status\":\"accepted\",\"message\":\"Event accepted for processing\"");
	buf_addz(&w->body, r->duplicates ? ",\"duplicate\":true}\n" : "}\n");
}

static void answer_typed(const struct ingest_endpoint *e, const struct intake_result *r,
			 struct ingest_waiter *w)
{
	struct slice own = e->route->conf.own_id;

	buf_addz(&w->body, "{\"event_id\":");
	buf_adds(&w->body, buf_slice(&r->event_id));
	if (own.n && !slice_is(own, "event_id")) {
		buf_addc(&w->body, ',');
		json_quote(&w->body, own);
		buf_addc(&w->body, ':');
		buf_adds(&w->body, buf_slice(&r->event_id));
	}
	buf_addz(&w->body, ",\"status\":\"accepted\",\"topic\":");
	buf_adds(&w->body, buf_slice(&r->topic));
	buf_addz(&w->body, r->duplicates ? ",\"duplicate\":true}\n" : "}\n");
}

/* A problem with more members: those of the event, or of the batch. */
static void begin_duplicate(const struct http_request *req, struct ingest_waiter *w)
{
	const struct problem p = { .status = 409,
				   .code = "duplicate",
				   .detail = slice_z("what was published is there already") };

	w->status = 409;
	w->type = problem_type;
	problem_json(&p, req->path, req->id, &w->body);
	w->body.n -= 2; /* the closing brace and the line's end */
}

static void answer_published(const struct http_request *req, const struct intake_result *r,
			     struct ingest_waiter *w)
{
	bool seen = r->fresh == 0 && r->rejected == 0;

	if (seen)
		begin_duplicate(req, w);
	else
		buf_printf(&w->body, "{\"status\":\"%s\"", r->fresh ? "created" : "accepted");
	if (r->form == CUT_ONE && !r->rejected) {
		buf_addz(&w->body, ",\"topic\":");
		buf_adds(&w->body, buf_slice(&r->topic));
		buf_addz(&w->body, ",\"event_id\":");
		buf_adds(&w->body, buf_slice(&r->event_id));
		if (!seen)
			buf_printf(&w->body, ",\"received_at\":\"%s\"", r->received_at);
	} else {
		buf_printf(&w->body, ",\"received\":%u,\"created\":%u,\"duplicates\":%u", r->events,
			   r->fresh, r->duplicates);
		add_rejected(&w->body, r);
	}
	buf_addz(&w->body, "}\n");
}

void ingest_answer_make(const struct ingest *g, const struct ingest_endpoint *e,
			const struct http_request *req, const struct intake_result *r,
			struct ingest_waiter *w)
{
	bool one = r->events == 1 && !r->rejected;

	w->status = e->kind == INGEST_PUBLISH && r->fresh ? 201 : 202;
	w->type = json_type;
	w->replayed = r->replayed;
	w->lenient = http_field_has(req, "Prefer", "handling=lenient");
	if (e->kind == INGEST_PUBLISH)
		answer_published(req, r, w);
	else if (e->kind == INGEST_BATCH || !one)
		answer_batch(r, w);
	else if (e->kind == INGEST_TYPED)
		answer_typed(e, r, w);
	else
		answer_event(r, w);
	if (g->conf.is_volatile) {
		w->body.n -= 2;
		buf_addz(&w->body, ",\"durable\":false}\n");
	}
	w->wait_us = w->status < 300 ? ingest_acks_wish(g, req) : 0;
}

void ingest_answer_send(struct http_request *req, const struct ingest_waiter *w)
{
	struct http_field fields[4];
	char place[40];
	struct http_answer a = {
		.status = w->status, .type = w->type, .fields = fields, .body = buf_slice(&w->body)
	};

	if (w->replayed)
		fields[a.n_fields++] = (struct http_field){ slice_z("Idempotency-Replayed"),
							    slice_z("true") };
	if (w->lenient)
		fields[a.n_fields++] = (struct http_field){ slice_z("Preference-Applied"),
							    slice_z("handling=lenient") };
	if (w->waited == INGEST_ACKED)
		fields[a.n_fields++] = (struct http_field){ slice_z("Preference-Applied"),
							    slice_z("wait") };
	snprintf(place, sizeof(place), "/acks/%" PRId64, w->end);
	if (w->waited == INGEST_NOT_ACKED)
		fields[a.n_fields++] = (struct http_field){ slice_z("Location"), slice_z(place) };
	http_answer(req, &a);
}

/* ---- refusals */
void ingest_answer_refuse(struct http_request *req, const struct intake_result *r)
{
	struct problem_error errors[PROBLEM_ERRORS];
	struct problem p = { .status = intake_http_status(r->status),
			     .code = intake_code(r->status),
			     .title = intake_title(r->status),
			     .detail = slice_z(r->detail),
			     .errors = errors,
			     .errors_total = r->errors.total };

	for (; p.n_errors < r->errors.n && p.n_errors < PROBLEM_ERRORS; p.n_errors++) {
		const struct intake_error *e = &r->errors.list[p.n_errors];

		errors[p.n_errors] = (struct problem_error){ e->index, e->pointer, e->code,
							     e->detail };
	}
	problem_answer(req, &p);
}

void ingest_answer_later(struct http_request *req, const char *code, const char *detail,
			 unsigned retry_after_s)
{
	problem_answer(req, &(struct problem){ .status = 503,
					       .code = code,
					       .detail = slice_z(detail),
					       .retry_after_s = retry_after_s });
}
