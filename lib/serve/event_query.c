#include "serve/event_query.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"

const char event_query_way[] =
	"the store has no table of events: one of hta-sink-pg --events or hta-sink-sqlite --events "
	"is asked for";

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
	e->range.since_us = e->range.until_us = POS_NONE;
	return e;
}

int event_query_problem(struct serve_result *out, const struct err *err)
{
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
	bool more;
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

	if (serve_reader_cancelled(t->reader, err))
		return -1;
	if (e->given == e->limit) {
		t->more = true;
		return 0;
	}
	e->given++;
	t->next->n = 0;
	events_place_format(&s->place, t->next);
	return tell_event(t, s, err);
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

int event_query_read(struct event_query *e, struct serve_reader *reader, event_told_fn *fn,
		     void *arg, struct buf *next, struct err *err)
{
	struct telling t = { .e = e, .reader = reader, .fn = fn, .arg = arg, .next = next };
	const struct events_driver *driver;
	void *d;
	int rc = serve_reader_events(reader, &driver, &d, err);

	if (rc == 0)
		rc = read_page(&t, driver, d, err);
	if (!t.more)
		next->n = 0;
	json_fini(&t.json);
	return rc;
}
