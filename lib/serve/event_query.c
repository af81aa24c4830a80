#include "serve/event_query.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "serve/event_log.h"

const char event_query_way[] =
	"the store has no table of events: one of hta-sink-pg --events or hta-sink-sqlite --events "
	"is asked for, or the log of hta-ingest (--log)";

static void release_event_query(struct serve_query *q)
{
	struct event_query *e = (struct event_query *)q;

	arena_fini(&e->arena);
	free(e);
}

struct event_query *event_query_new(void)
{
	struct event_query *e = mem_zalloc(sizeof(*e));

	e->q.release = release_event_query;
	e->range.since_us = e->range.until_us = e->before = POS_NONE;
	return e;
}

bool event_query_cursor(struct event_query *e, const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits && digits < 19 && !text[digits]) {
		e->before = strtoll(text, NULL, 10);
		return true;
	}
	e->after = text;
	return events_place_parse(text, &e->place, NULL) == 0;
}

int event_query_problem(struct serve_result *out, const struct err *err)
{
	if (err->code == EX_NO)
		return serve_result_problem(out, 422, "bad-parameter", "%s", err->msg);
	if (err->code != EX_USAGE && err->code != EX_CONFIG)
		return -1;
	return serve_result_problem(out, 404, "no-events", "%s", event_query_way);
}

/* ---- one event */
struct telling {
	struct event_query *e;
	struct serve_reader *reader;
	event_told_fn *fn;
	void *arg;
	struct buf *next;
	struct json json;
	bool more, full, from_log;
};

static size_t time_text(const struct event_query *e, int64_t us, char text[TM_TEXT_BYTES])
{
	size_t n = tm_text(us, text);

	return e->zulu ? n : n - 1;
}

/* When it was taken in, as the intake has stamped it; else when it was stored. */
static int64_t received_at(const struct json *j, const struct stored_event *s)
{
	struct slice text;
	int64_t us;

	return j->n && json_get_text(j, 0, "received_at", &text) && tm_parse(text, &us) == 0
		       ? us
		       : s->received_us;
}

static struct slice payload_of(const struct json *j, struct slice record)
{
	uint32_t at = j->n ? json_get(j, 0, "payload") : 0;

	if (!at)
		return record;
	return j->node[at].type == JSON_STRING
		       ? slice(j->node[at].text.p - 1, j->node[at].text.n + 2)
		       : j->node[at].text;
}

static int tell_event(struct telling *t, const struct stored_event *s, struct err *err)
{
	char happened[TM_TEXT_BYTES], received[TM_TEXT_BYTES];
	struct event_told told = { .id = s->place.in_log ? s->place.offset : -1 };
	int64_t us;

	if (json_parse(&t->json, s->record, NULL))
		t->json.n = 0;
	memcpy(told.text, s->text, sizeof(told.text));
	told.place = buf_slice(t->next);
	if (s->place.ts_us != POS_NONE)
		told.timestamp = slice(happened, tm_text(s->place.ts_us, happened));
	else if (t->json.n)
		json_get_text(&t->json, 0, "timestamp", &told.timestamp);
	us = received_at(&t->json, s);
	if (us != POS_NONE)
		told.received_at = slice(received, time_text(t->e, us, received));
	told.payload = payload_of(&t->json, s->record);
	return t->fn(t->arg, &told, err);
}

static int take_event(void *arg, const struct stored_event *s, struct err *err)
{
	struct telling *t = arg;
	struct event_query *e = t->e;
	int rc;

	if (serve_reader_cancelled(t->reader, err))
		return -1;
	t->more = e->given == e->limit || t->full;
	if (t->more) /* of those beyond the limit there is one */
		return t->full ? err_set(err, EX_NO, "the page is full") : 0;
	e->given++;
	t->next->n = 0;
	if (t->from_log)
		buf_addi(t->next, s->place.offset);
	else
		events_place_format(&s->place, t->next);
	rc = tell_event(t, s, err);
	t->full = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* ---- a page: those with a time, then those without; one more, to know that there is one */
static int read_page(struct telling *t, const struct events_driver *driver, void *d,
		     struct err *err)
{
	struct event_query *e = t->e;
	struct events_range r = e->range;
	bool bounded = r.since_us != POS_NONE || r.until_us != POS_NONE;

	r.limit = e->limit + 1;
	r.dated = true;
	r.after = e->after ? &e->place : NULL;
	if (!e->after || e->place.ts_us != POS_NONE) {
		if (driver->events(d, &r, take_event, t, err))
			return -1;
		r.after = NULL;
	}
	if (bounded || t->more)
		return 0;
	r.dated = false;
	r.limit = e->limit + 1 - e->given;
	return driver->events(d, &r, take_event, t, err);
}

/* ---- of the log: as many as are before its offset */
static int read_log_page(struct telling *t, struct err *err)
{
	struct event_query *e = t->e;
	struct events_range r = e->range;
	struct wal_tail *log;
	int64_t left = 0;

	t->from_log = true;
	r.limit = e->limit + 1;
	if (serve_reader_log(t->reader, &log, err) ||
	    event_log_read(log, &r, e->before == POS_NONE ? INT64_MAX : e->before, t->reader,
			   take_event, t, &left, err))
		return -1;
	if (t->more || !left)
		return 0;
	t->more = true;
	t->next->n = 0;
	buf_addi(t->next, left);
	return 0;
}

static int read_some_page(struct telling *t, struct err *err)
{
	const struct event_query *e = t->e;
	const struct events_driver *driver;
	void *d;
	int rc = serve_reader_events(t->reader, &driver, &d, err);
	bool log = rc && (err->code == EX_USAGE || err->code == EX_CONFIG) &&
		   serve_reader_has_log(t->reader);

	if (rc && !log)
		return -1;
	err_clear(err);
	if (log ? e->after != NULL : e->before != POS_NONE)
		return err_set(err, EX_NO, "cursor is none that was given here");
	return log ? read_log_page(t, err) : read_page(t, driver, d, err);
}

int event_query_read(struct event_query *e, struct serve_reader *reader, event_told_fn *fn,
		     void *arg, struct buf *next, struct err *err)
{
	struct telling t = { .e = e, .reader = reader, .fn = fn, .arg = arg, .next = next };
	int rc = read_some_page(&t, err);

	if (!t.more)
		next->n = 0;
	json_fini(&t.json);
	return rc && t.more ? 0 : rc;
}

/* ---- where they come from */
static int look_for_source(struct serve_query *q, struct serve_reader *reader,
			   struct serve_result *out, struct err *err)
{
	const struct events_driver *driver;
	void *d;

	(void)q;
	if (serve_reader_events(reader, &driver, &d, err) == 0)
		buf_addz(&out->body, "events: of the first store that has a table of them");
	else if (err->code != EX_USAGE && err->code != EX_CONFIG)
		buf_printf(&out->body, "events: not known yet: %s", err->msg);
	else if (serve_reader_has_log(reader))
		buf_addz(&out->body, "events: of the log, as no store has a table of them");
	else
		serve_result_problem(out, 404, "no-events", "/events: %s", event_query_way);
	err_clear(err);
	return 0;
}

static void say_source(void *arg, struct serve_result *r)
{
	(void)arg;
	if (r && r->code)
		log_note("%.*s", (int)r->detail.n, r->detail.p);
	else if (r)
		log_info("%.*s", (int)r->body.n, r->body.p);
}

static void release_source(struct serve_query *q)
{
	free(q);
}

void event_query_say_source(struct serve *s)
{
	struct serve_query *q = mem_zalloc(sizeof(*q));

	q->run = look_for_source;
	q->release = release_source;
	buf_addz(&q->key, "source of events");
	serve_workers_ask(s->workers, q, say_source, s);
}
