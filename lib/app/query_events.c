/* events: records that a sink has stored as events, newest first. On a pipe each is the line that
 * came; where there are more than were asked for, the place to go on from is told. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "app/query_internal.h"
#include "base/log.h"
#include "base/tm.h"
#include "json/json.h"
#include "read/events.h"
#include "read/grid.h"

struct event_listing {
	struct query *q;
	struct grid *grid;     /* NULL: JSON */
	struct buf line, last; /* last: the place of the last one that was shown */
	uint64_t shown, limit;
	bool more;
};

static const char *const names[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};
static const enum event_text order[EVENT_TEXTS] = { EVENT_TYPE, EVENT_USER, EVENT_SOURCE,
						    EVENT_TOPIC, EVENT_ID };

/* ---- JSON */

static void add_text_member(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.p)
		json_quote(out, text);
	else
		buf_addz(out, "null");
}

static void add_time_member(struct buf *out, const char *name, int64_t us)
{
	char text[TM_TEXT_BYTES];

	add_text_member(out, name,
			us == POS_NONE ? slice(NULL, 0) : slice(text, tm_text(us, text)));
}

static void add_meta(struct event_listing *l, const struct stored_event *e)
{
	struct buf *out = &l->line;

	buf_addz(out, "{\"topic\":");
	if (e->text[EVENT_TOPIC].p)
		json_quote(out, e->text[EVENT_TOPIC]);
	else
		buf_addz(out, "null");
	if (e->place.in_log)
		buf_printf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64,
			   e->place.partition, e->place.offset);
	else
		buf_addz(out, ",\"partition\":null,\"offset\":null");
	for (int i = EVENT_ID; i < EVENT_TEXTS; i++)
		add_text_member(out, names[i], e->text[i]);
	add_time_member(out, "ts", e->place.ts_us);
	add_time_member(out, "received_at", e->received_us);
	add_text_member(out, "cursor", buf_slice(&l->last));
	buf_addz(out, ",\"record\":");
	buf_adds(out, e->record);
	buf_addz(out, "}\n");
}

static int put_event(struct event_listing *l, const struct stored_event *e, struct err *err)
{
	if (l->q->meta) {
		add_meta(l, e);
	} else {
		buf_adds(&l->line, e->record);
		buf_addc(&l->line, '\n');
	}
	return query_put(l->q, &l->line, err);
}

/* ---- a table */

static struct grid *make_grid(const struct query *q)
{
	struct grid *g = grid_new();

	grid_column(g, "ts", GRID_LEFT);
	for (int i = 0; i < EVENT_TEXTS; i++)
		grid_column(g, names[order[i]], GRID_SHRINKS);
	if (q->meta) {
		grid_column(g, "partition", GRID_RIGHT);
		grid_column(g, "offset", GRID_RIGHT);
		grid_column(g, "received_at", GRID_LEFT);
	}
	grid_column(g, "record", GRID_SHRINKS);
	return g;
}

static void add_time_cell(struct grid *g, int64_t us)
{
	char text[TM_TEXT_BYTES];

	grid_cell(g, us == POS_NONE ? slice_z("-") : slice(text, tm_text(us, text)));
}

static void add_cells(const struct event_listing *l, const struct stored_event *e)
{
	struct grid *g = l->grid;
	char text[24] = "-";

	add_time_cell(g, e->place.ts_us);
	for (int i = 0; i < EVENT_TEXTS; i++)
		grid_cell(g, e->text[order[i]].p ? e->text[order[i]] : slice_z("-"));
	if (l->q->meta) {
		if (e->place.in_log)
			snprintf(text, sizeof(text), "%" PRId32, e->place.partition);
		grid_cellz(g, text);
		if (e->place.in_log)
			snprintf(text, sizeof(text), "%" PRId64, e->place.offset);
		grid_cellz(g, text);
		add_time_cell(g, e->received_us);
	}
	grid_cell(g, e->record);
}

/* ---- the command */

static int show_event(void *arg, const struct stored_event *e, struct err *err)
{
	struct event_listing *l = arg;

	if (l->limit && l->shown == l->limit) {
		l->more = true;
		return 0;
	}
	l->shown++;
	l->last.n = 0;
	events_place_format(&e->place, &l->last);
	if (!l->grid)
		return put_event(l, e, err);
	add_cells(l, e);
	return 0;
}

static int set_range(const struct query *q, struct events_range *r, struct err *err)
{
	r->text[EVENT_TOPIC] = q->event_topic;
	r->text[EVENT_TYPE] = q->event_type;
	r->text[EVENT_USER] = q->event_user;
	r->text[EVENT_SOURCE] = q->event_source;
	r->since_us = r->until_us = POS_NONE;
	if (q->since && tm_parse_human(q->since, q->now_us, &r->since_us, err))
		return err_in(err, "--since");
	if (q->until && tm_parse_human(q->until, q->now_us, &r->until_us, err))
		return err_in(err, "--until");
	if (q->since && q->until && r->since_us >= r->until_us)
		return err_set(err, EX_USAGE, "--since %s is not before --until %s", q->since,
			       q->until);
	return 0;
}

/* Events with a time, then those without; one more than is shown, to know that there is one. */
static int list_events(struct event_listing *l, const struct events_driver *driver, void *d,
		       struct events_range *r, const struct events_place *after, struct err *err)
{
	bool bounded = r->since_us != POS_NONE || r->until_us != POS_NONE;

	r->limit = l->limit ? l->limit + 1 : 0;
	r->dated = true;
	r->after = after;
	if (!after || after->ts_us != POS_NONE) {
		if (driver->events(d, r, show_event, l, err))
			return -1;
		r->after = NULL;
	}
	if (bounded || l->more)
		return 0;
	r->dated = false;
	r->limit = l->limit ? l->limit + 1 - l->shown : 0;
	return driver->events(d, r, show_event, l, err);
}

static int show_listing(struct event_listing *l, struct err *err)
{
	struct query *q = l->q;

	if (l->grid && l->shown) {
		grid_print(l->grid, 0, q->width, q->utf8, &l->line);
		if (query_put(q, &l->line, err))
			return -1;
	}
	if (out_flush(q->out, err))
		return -1;
	if (l->more)
		log_note("there are more: --after %s", buf_z(&l->last));
	return l->shown ? 0 : err_set(err, EX_NO, "there is no such event");
}

static int open_events(struct query *q, const struct events_driver **driver, void **d,
		       struct err *err)
{
	const struct read_driver *reader;

	if (q->input)
		return err_set(err, EX_USAGE, "events are of a store: -d STORE");
	q->conf.place = q->table;
	reader = read_stores_choose(q->program->stores, q->where, "hta-query", &q->conf, err);
	if (!reader)
		return -1;
	if (!reader->events)
		return err_set(err, EX_USAGE,
			       "this store keeps no events: name one of hta-sink-pg, "
			       "hta-sink-sqlite or hta-sink-clickhouse with --events, of "
			       "hta-sink-mongo or of hta-sink-dynamo");
	q->conf.place = q->table ? q->table : reader->events->default_table;
	q->conf.events.on = true;
	q->conf.loop = q->loop = loop_new();
	*driver = reader->events;
	*d = (*driver)->open(&q->conf, err);
	return *d ? 0 : -1;
}

int query_events(struct query *q, struct err *err)
{
	struct event_listing l = { .q = q, .limit = query_limit(q) };
	struct events_range range = { 0 };
	struct events_place after;
	const struct events_driver *driver = NULL;
	void *d = NULL;
	int rc = set_range(q, &range, err);

	if (rc == 0 && q->after)
		rc = events_place_parse(q->after, &after, err) ? err_in(err, "--after") : 0;
	if (rc == 0)
		rc = open_events(q, &driver, &d, err);
	if (rc == 0 && !q->json)
		l.grid = make_grid(q);
	if (rc == 0)
		rc = list_events(&l, driver, d, &range, q->after ? &after : NULL, err);
	if (rc == 0)
		rc = show_listing(&l, err);
	if (d)
		driver->close(d);
	grid_free(l.grid);
	buf_fini(&l.line);
	buf_fini(&l.last);
	return rc;
}
