/* Reading events, newest first. Those with a time and those without are two selects, each along an
 * index: by type, by user, or else by time; Postgres sorts what has one time by the rest of the
 * order as it goes (incremental sort), so a page costs a page. Rows come one at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "read/events.h"

#define US(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

struct pg_events {
	struct sink_conf conf;
	struct pg *p;
};

static void events_close(void *d)
{
	struct pg_events *e = d;

	if (!e)
		return;
	pg_driver.close(e->p);
	free(e);
}

static void *events_open(const struct sink_conf *conf, struct err *err)
{
	struct pg_events *e = mem_zalloc(sizeof(*e));

	e->conf = *conf;
	e->p = pg_reader_open(&e->conf, err);
	if (e->p)
		return e;
	events_close(e);
	return NULL;
}

static int events_rest(void *d)
{
	return pg_reader_rest(((struct pg_events *)d)->p);
}

static int events_again(void *d, struct err *err)
{
	return pg_reader_again(((struct pg_events *)d)->p, err);
}

/* ---- the select */

static const char *const text_columns[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

enum { SELECT_PARAMS = EVENT_TEXTS + 8 };

/* The statement and its parameters, which are numbered as they are added. */
struct select {
	struct buf sql;
	int n;
	const char *value[SELECT_PARAMS];
	char time[3][TM_TEXT_BYTES], number[3][24], key[2 * EVENT_KEY_BYTES + 1];
	struct buf topic;
};

static void add_param(struct select *s, const char *before, const char *value, const char *after)
{
	s->value[s->n++] = value;
	buf_printf(&s->sql, "%s$%d%s", before, s->n, after);
}

static const char *select_time(char text[TM_TEXT_BYTES], int64_t us)
{
	text[tm_text(us, text)] = 0;
	return text;
}

/* Behind the place: what has its time, and what is older, from which the index is gone through. */
static void add_after(struct select *s, const struct pg *p, const struct events_place *at,
		      bool dated)
{
	struct buf hex = { 0 };

	if (dated) {
		add_param(s, " AND ts <= ", select_time(s->time[2], at->ts_us), "::timestamptz");
		buf_printf(&s->sql, " AND (ts < $%d::timestamptz OR", s->n);
	} else {
		buf_addz(&s->sql, " AND (false OR");
	}
	buf_adds(&s->topic, at->topic);
	snprintf(s->number[0], sizeof(s->number[0]), "%" PRId32, at->in_log ? at->partition : -1);
	snprintf(s->number[1], sizeof(s->number[1]), "%" PRId64, at->in_log ? at->offset : -1);
	buf_printf(&s->sql,
		   " (coalesce(topic, ''), coalesce(partition, -1), coalesce(record_offset, -1)%s) "
		   "<",
		   p->keyed ? ", key_hash" : "");
	add_param(s, " (", buf_z(&s->topic), "");
	add_param(s, ", ", s->number[0], "::int");
	add_param(s, ", ", s->number[1], "::bigint");
	if (p->keyed) {
		buf_hex(&hex, at->key, EVENT_KEY_BYTES);
		snprintf(s->key, sizeof(s->key), "%.*s", (int)hex.n, hex.p);
		buf_fini(&hex);
		add_param(s, ", ", s->key, "::uuid");
	}
	buf_addz(&s->sql, "))");
}

static void build_select(struct select *s, const struct pg *p, const struct events_range *r)
{
	buf_printf(&s->sql,
		   "SELECT topic, event_id, event_type, user_id, source, " US(
			   "ts") ", partition, "
				 "record_offset, " US(
					 "received_at") ", record%s FROM %s WHERE ts IS %sNULL",
		   p->keyed ? ", key_hash" : "", p->table, r->dated ? "NOT " : "");
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (r->text[i]) {
			buf_printf(&s->sql, " AND %s", text_columns[i]);
			add_param(s, " = ", r->text[i], "");
		}
	if (r->since_us != POS_NONE)
		add_param(s, " AND ts >= ", select_time(s->time[0], r->since_us), "::timestamptz");
	if (r->until_us != POS_NONE)
		add_param(s, " AND ts < ", select_time(s->time[1], r->until_us), "::timestamptz");
	if (r->after)
		add_after(s, p, r->after, r->dated);
	buf_printf(&s->sql,
		   " ORDER BY ts DESC NULLS LAST, coalesce(topic, '') DESC, coalesce(partition, "
		   "-1) DESC, coalesce(record_offset, -1) DESC%s",
		   p->keyed ? ", key_hash DESC" : "");
	if (!r->limit || r->limit > INT64_MAX)
		return;
	snprintf(s->number[2], sizeof(s->number[2]), "%" PRIu64, r->limit);
	add_param(s, " LIMIT ", s->number[2], "::bigint");
}

/* ---- the answer */

static struct slice text_of(const PGresult *res, int column)
{
	return PQgetisnull(res, 0, column)
		       ? slice(NULL, 0)
		       : slice(PQgetvalue(res, 0, column), (size_t)PQgetlength(res, 0, column));
}

static int64_t int_of(const PGresult *res, int column, int64_t none)
{
	return PQgetisnull(res, 0, column) ? none : strtoll(PQgetvalue(res, 0, column), NULL, 10);
}

/* A uuid's text has dashes. */
static bool read_uuid(const char *text, uint8_t key[EVENT_KEY_BYTES])
{
	char hex[2 * EVENT_KEY_BYTES];
	size_t n = 0;

	for (; *text && n < sizeof(hex); text++)
		if (*text != '-')
			hex[n++] = *text;
	return str_unhex(slice(hex, n), key, EVENT_KEY_BYTES) == 0;
}

static void take_event(const struct pg *p, const PGresult *res, struct stored_event *out)
{
	*out = (struct stored_event){ .place = { .ts_us = int_of(res, 5, POS_NONE),
						 .in_log = !PQgetisnull(res, 0, 6),
						 .partition = (int32_t)int_of(res, 6, 0),
						 .offset = int_of(res, 7, 0) },
				      .received_us = int_of(res, 8, POS_NONE),
				      .record = text_of(res, 9) };
	for (int i = 0; i < EVENT_TEXTS; i++)
		out->text[i] = text_of(res, i);
	out->place.topic = out->text[EVENT_TOPIC];
	if (p->keyed)
		out->place.keyed = read_uuid(PQgetvalue(res, 0, 10), out->place.key);
}

static int give_events(struct pg *p, events_fn *fn, void *arg, struct err *err)
{
	struct stored_event event;
	PGresult *res;
	int rc;

	for (;;) {
		rc = sink_error_result(pg_next(p, &res, err), err);
		if (rc || !res)
			return rc;
		if (PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
			take_event(p, res, &event);
			rc = fn(arg, &event, err);
		} else if (PQresultStatus(res) != PGRES_TUPLES_OK) {
			rc = sink_error_result(pg_failed(p, res, err), err);
		}
		PQclear(res);
		if (rc)
			return rc;
	}
}

static int read_events(void *d, const struct events_range *r, events_fn *fn, void *arg,
		       struct err *err)
{
	struct pg *p = ((struct pg_events *)d)->p;
	struct select s = { 0 };
	int sent;

	build_select(&s, p, r);
	sent = PQsendQueryParams(p->c, buf_z(&s.sql), s.n, NULL, s.value, NULL, NULL, 0);
	buf_fini(&s.sql);
	buf_fini(&s.topic);
	if (!sent || !PQsetSingleRowMode(p->c))
		return sink_error_result(pg_failed(p, NULL, err), err);
	return give_events(p, fn, arg, err);
}

const struct events_driver pg_events = {
	.default_table = "hta_events",
	.open = events_open,
	.close = events_close,
	.rest = events_rest,
	.again = events_again,
	.events = read_events,
};
