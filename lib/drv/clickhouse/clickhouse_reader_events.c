/* Reading events, newest first, each once (LIMIT 1 BY): what came twice is not merged yet. A range
 * without a limit is read in pieces, each behind the last event of the one before. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "drv/clickhouse/clickhouse_reader.h"
#include "sink/sink_errors.h"

enum { PIECE_EVENTS = 20000 };

static const char *const text_columns[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

struct events_reader {
	struct sink_conf conf;
	struct clickhouse *c;
};

static void events_close(void *d)
{
	struct events_reader *e = d;

	if (!e)
		return;
	clickhouse_driver.close(e->c);
	free(e);
}

static void *events_open(const struct sink_conf *conf, struct err *err)
{
	struct events_reader *e = mem_zalloc(sizeof(*e));

	e->conf = *conf;
	e->conf.name = "";
	e->c = clickhouse_driver.open(&e->conf, err);
	if (e->c && sink_error_result(clickhouse_driver.connect(e->c, err), err) == 0)
		return e;
	events_close(e);
	return NULL;
}

/* ---- the select */

static void add_time(struct buf *sql, const char *how, int64_t us)
{
	if (us != POS_NONE)
		buf_printf(sql, " AND timestamp %s fromUnixTimestamp64Micro(%" PRId64 ", 'UTC')",
			   how, us);
}

/* Behind the place in the order of read/events.h. */
static void add_after(struct buf *sql, const struct events_place *p)
{
	buf_addz(sql, " AND (timestamp, topic, partition, offset) < (fromUnixTimestamp64Micro(");
	buf_addi(sql, p->ts_us == POS_NONE ? clickhouse_no_time_us : p->ts_us);
	buf_addz(sql, ", 'UTC'), ");
	clickhouse_literal(sql, p->topic.p ? p->topic : slice("", 0));
	buf_printf(sql, ", %d, %" PRId64 ")", p->in_log ? p->partition : -1,
		   p->in_log ? p->offset : -1);
}

static void add_select(const struct events_reader *e, const struct events_range *r,
		       const struct events_place *after, uint64_t limit, struct buf *sql)
{
	buf_printf(sql,
		   "SELECT topic, event_id, event_type, user_id, source, "
		   "toUnixTimestamp64Micro(timestamp), partition, offset, "
		   "toUnixTimestamp64Micro(received_at), raw FROM %s WHERE timestamp %s "
		   "fromUnixTimestamp64Micro(%" PRId64 ", 'UTC')",
		   e->c->table, r->dated ? ">" : "=", clickhouse_no_time_us);
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (r->text[i]) {
			buf_printf(sql, " AND %s = ", text_columns[i]);
			clickhouse_literal(sql, slice_z(r->text[i]));
		}
	if (r->dated) {
		add_time(sql, ">=", r->since_us);
		add_time(sql, "<", r->until_us);
	}
	if (after)
		add_after(sql, after);
	buf_printf(sql,
		   " ORDER BY timestamp DESC, topic DESC, partition DESC, offset DESC LIMIT 1 BY "
		   "timestamp, topic, partition, offset LIMIT %" PRIu64,
		   limit);
}

/* ---- the answer */

static struct slice text_or_none(struct slice text)
{
	return text.n ? text : slice(NULL, 0);
}

static void take_event(struct rowbinary *a, struct stored_event *out)
{
	*out = (struct stored_event){ 0 };
	for (int i = 0; i < EVENT_TEXTS; i++)
		out->text[i] = text_or_none(rowbinary_get_text(a));
	out->place.topic = out->text[EVENT_TOPIC];
	out->place.ts_us = rowbinary_get_i64(a);
	if (out->place.ts_us == clickhouse_no_time_us)
		out->place.ts_us = POS_NONE;
	out->place.in_log = true;
	out->place.partition = rowbinary_get_i32(a);
	out->place.offset = rowbinary_get_i64(a);
	out->received_us = rowbinary_get_i64(a);
	out->record = rowbinary_get_text(a);
}

/* *n: how many there were; *last: the last one, its topic in `topic`. */
static int read_piece(struct events_reader *e, const char *sql, events_fn *fn, void *arg,
		      uint64_t *n, struct events_place *last, struct buf *topic, struct err *err)
{
	struct stored_event event;
	struct rowbinary answer;
	int rc = sink_error_result(clickhouse_query(e->c, &answer, err, "%s", sql), err);

	for (*n = 0; rc == 0 && rowbinary_more(&answer); ++*n) {
		take_event(&answer, &event);
		rc = answer.broken ? clickhouse_answer_broken(e->c, err) : fn(arg, &event, err);
		*last = event.place;
	}
	if (rc == 0 && *n) {
		topic->n = 0;
		buf_adds(topic, last->topic.p ? last->topic : slice("", 0));
		last->topic = buf_slice(topic);
	}
	return rc;
}

static int read_events(void *d, const struct events_range *r, events_fn *fn, void *arg,
		       struct err *err)
{
	struct events_place last;
	const struct events_place *after = r->after;
	struct buf sql = { 0 }, topic = { 0 };
	uint64_t left = r->limit ? r->limit : UINT64_MAX, n = PIECE_EVENTS;
	int rc = 0;

	while (rc == 0 && left && n == PIECE_EVENTS) {
		uint64_t limit = left < PIECE_EVENTS ? left : PIECE_EVENTS;

		sql.n = 0;
		add_select(d, r, after, limit, &sql);
		rc = read_piece(d, buf_z(&sql), fn, arg, &n, &last, &topic, err);
		after = &last;
		left -= n;
	}
	buf_fini(&sql);
	buf_fini(&topic);
	return rc;
}

const struct events_driver clickhouse_events = {
	.default_table = "events_fact",
	.open = events_open,
	.close = events_close,
	.events = read_events,
};
