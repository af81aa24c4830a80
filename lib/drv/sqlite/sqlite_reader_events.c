/* Reading events, newest first. Those with a time and those without are two selects, each along an
 * index: by type, by user, or else by time. A topic is no way to go along (+topic): SQLite would
 * take the key's index, and sort all that the topic has for one page. Where there is none of it,
 * that index spares reading every record. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/sqlite/sqlite_reader.h"
#include "read/events.h"

struct sqlite_events {
	struct sink_conf conf;
	struct sqlite *s;
	bool keyed;
};

static void events_close(void *d)
{
	struct sqlite_events *e = d;

	if (!e)
		return;
	sqlite_driver.close(e->s);
	free(e);
}

static void *events_open(const struct sink_conf *conf, struct err *err)
{
	struct sqlite_events *e = mem_zalloc(sizeof(*e));

	e->conf = *conf;
	e->conf.name = "";
	e->s = sqlite_driver.open(&e->conf, err);
	if (e->s && sqlite_reader_connect(e->s, err) == 0) {
		e->keyed = sqlite_events_keyed(e->s);
		return e;
	}
	events_close(e);
	return NULL;
}

/* ---- the select */

static const char *const text_columns[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

/* Parameters: text i is ?1 + i, then since, until, then the place: time, topic, partition, offset,
 * key; the limit is the last. */
enum { P_SINCE = EVENT_TEXTS + 1, P_UNTIL, P_TIME, P_TOPIC, P_PARTITION, P_OFFSET, P_KEY, P_LIMIT };

static void add_after(const struct sqlite_events *e, const struct events_range *r, struct buf *sql)
{
	if (!r->after)
		return;
	/* what the index is gone through from */
	buf_printf(sql, r->dated ? " AND ts <= ?%d AND (ts < ?%d OR" : " AND (false OR", P_TIME,
		   P_TIME);
	buf_printf(sql,
		   " (coalesce(topic, ''), coalesce(partition, -1), coalesce(record_offset, -1)%s) "
		   "< (?%d, ?%d, ?%d",
		   e->keyed ? ", key_hash" : "", P_TOPIC, P_PARTITION, P_OFFSET);
	if (e->keyed)
		buf_printf(sql, ", ?%d", P_KEY);
	buf_addz(sql, "))");
}

static void add_select(const struct sqlite_events *e, const struct events_range *r, struct buf *sql)
{
	buf_printf(sql,
		   "SELECT topic, event_id, event_type, user_id, source, ts, partition, "
		   "record_offset, received_at, record%s FROM \"%%w\" WHERE ts IS %sNULL",
		   e->keyed ? ", key_hash" : "", r->dated ? "NOT " : "");
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (r->text[i])
			buf_printf(sql, " AND %s%s = ?%d", i == EVENT_TOPIC ? "+" : "",
				   text_columns[i], 1 + i);
	if (r->text[EVENT_TOPIC] && !e->keyed)
		buf_printf(sql, " AND EXISTS (SELECT 1 FROM \"%%w\" WHERE topic = ?%d)",
			   1 + EVENT_TOPIC);
	if (r->since_us != POS_NONE)
		buf_printf(sql, " AND ts >= ?%d", P_SINCE);
	if (r->until_us != POS_NONE)
		buf_printf(sql, " AND ts < ?%d", P_UNTIL);
	add_after(e, r, sql);
	buf_printf(sql,
		   " ORDER BY ts DESC, coalesce(topic, '') DESC, coalesce(partition, -1) DESC, "
		   "coalesce(record_offset, -1) DESC%s LIMIT ?%d",
		   e->keyed ? ", key_hash DESC" : "", P_LIMIT);
}

static void bind_event_time(sqlite3_stmt *q, int at, int64_t us)
{
	char text[TM_TEXT_BYTES];

	if (us != POS_NONE)
		sqlite3_bind_text(q, at, text, (int)sqlite_events_time(us, text), SQLITE_TRANSIENT);
}

static void bind_range(sqlite3_stmt *q, const struct events_range *r)
{
	const struct events_place *p = r->after;

	for (int i = 0; i < EVENT_TEXTS; i++)
		if (r->text[i])
			sqlite_bind_slice(q, 1 + i, slice_z(r->text[i]));
	bind_event_time(q, P_SINCE, r->since_us);
	bind_event_time(q, P_UNTIL, r->until_us);
	sqlite3_bind_int64(q, P_LIMIT, r->limit && r->limit < INT64_MAX ? (int64_t)r->limit : -1);
	if (!p)
		return;
	bind_event_time(q, P_TIME, p->ts_us);
	sqlite_bind_slice(q, P_TOPIC, p->topic.p ? p->topic : slice_z(""));
	sqlite3_bind_int(q, P_PARTITION, p->in_log ? p->partition : -1);
	sqlite3_bind_int64(q, P_OFFSET, p->in_log ? p->offset : -1);
	sqlite3_bind_blob(q, P_KEY, p->key, p->keyed ? EVENT_KEY_BYTES : 0, SQLITE_STATIC);
}

/* ---- the answer */

static int64_t time_of(struct slice text)
{
	int64_t us;

	return text.p && tm_parse(text, &us) == 0 ? us : POS_NONE;
}

static void take_event(const struct sqlite_events *e, sqlite3_stmt *q, struct stored_event *out)
{
	struct slice key;

	*out = (struct stored_event){ .place.ts_us = time_of(sqlite_column(q, 5)) };
	for (int i = 0; i < EVENT_TEXTS; i++)
		out->text[i] = sqlite_column(q, i);
	out->place.topic = out->text[EVENT_TOPIC];
	out->place.in_log = sqlite3_column_type(q, 6) != SQLITE_NULL;
	out->place.partition = sqlite3_column_int(q, 6);
	out->place.offset = sqlite3_column_int64(q, 7);
	out->received_us = time_of(sqlite_column(q, 8));
	out->record = sqlite_column(q, 9);
	if (!e->keyed)
		return;
	key = sqlite_column(q, 10);
	out->place.keyed = key.n == EVENT_KEY_BYTES;
	if (out->place.keyed)
		memcpy(out->place.key, key.p, EVENT_KEY_BYTES);
}

static int read_events(void *d, const struct events_range *r, events_fn *fn, void *arg,
		       struct err *err)
{
	struct sqlite_events *e = d;
	struct buf sql = { 0 };
	sqlite3_stmt *q = NULL;
	struct stored_event event;
	char *text;
	int code, rc = 0;

	add_select(e, r, &sql);
	text = sqlite3_mprintf(buf_z(&sql), e->s->table, e->s->table);
	buf_fini(&sql);
	code = sqlite3_prepare_v2(e->s->db, text, -1, &q, NULL);
	sqlite3_free(text);
	if (code != SQLITE_OK)
		return sink_error_result(sqlite_failed(e->s, err), err);
	bind_range(q, r);
	while ((code = sqlite3_step(q)) == SQLITE_ROW && rc == 0) {
		take_event(e, q, &event);
		rc = fn(arg, &event, err);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = sink_error_result(sqlite_failed(e->s, err), err);
	sqlite3_finalize(q);
	return rc;
}

const struct events_driver sqlite_events = {
	.default_table = "hta_events",
	.open = events_open,
	.close = events_close,
	.events = read_events,
};
