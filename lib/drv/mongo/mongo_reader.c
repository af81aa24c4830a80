/* Reading events, newest first, along the indexes that --init makes. Those with a time and those
 * without are two queries. Behind a place in the order of read/events.h is what has a lower value
 * in the first member that differs; null is below all else, and no $lt finds it, so it is asked for
 * by name:
 *
 *   ts <= T, and (ts < T, or ts = T and (topic < X or topic null, or topic = X and (partition ..
 *
 * There are no rollups here: the reader of rows says so as it is opened. */
#include <stdlib.h>

#include "base/mem.h"
#include "drv/mongo/mongo_internal.h"
#include "read/events.h"
#include "sink/sink_errors.h"

struct mongo_events {
	struct sink_conf conf;
	struct mongo *m;
};

static const char *const texts[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

static void events_close(void *d)
{
	struct mongo_events *e = d;

	if (!e)
		return;
	mongo_close(e->m);
	free(e);
}

static void *events_open(const struct sink_conf *conf, struct err *err)
{
	struct mongo_events *e = mem_zalloc(sizeof(*e));
	struct err ignored;

	err = err ? err : &ignored;
	e->conf = *conf;
	e->conf.name = "";
	e->m = mongo_open(&e->conf, true, err);
	if (e->m && sink_error_result(mongo_connect(e->m, err), err) == 0)
		return e;
	events_close(e);
	return NULL;
}

static int events_rest(void *d)
{
	struct mongo_events *e = d;

	return e->m->stopped.code ? -1 : 0;
}

static int events_again(void *d, struct err *err)
{
	struct mongo_events *e = d;

	return sink_error_result(mongo_look_at_events(e->m, err), err);
}

/* ---- the query */

/* A member of the order, and its value at the place. */
struct member {
	const char *name;
	bool null;
	void (*append)(bson_t *to, const char *name, const struct member *m);
	int64_t number;
	struct slice text;
};

static void append_date(bson_t *to, const char *name, const struct member *m)
{
	bson_append_date_time(to, name, -1, m->number);
}

static void append_number(bson_t *to, const char *name, const struct member *m)
{
	bson_append_int64(to, name, -1, m->number);
}

static void append_text(bson_t *to, const char *name, const struct member *m)
{
	bson_append_utf8(to, name, -1, m->text.p, (int)m->text.n);
}

static void append_equal(bson_t *to, const struct member *m)
{
	if (m->null)
		bson_append_null(to, m->name, -1);
	else
		m->append(to, m->name, m);
}

static void append_below(bson_t *to, const struct member *m)
{
	bson_t bound;

	bson_append_document_begin(to, m->name, -1, &bound);
	m->append(&bound, "$lt", m);
	bson_append_document_end(to, &bound);
}

/* {$or: [{m < v}, {m: null}, {m = v, $or: [.. of the next one ..]}]} */
static void append_behind(bson_t *to, const struct member *m, size_t n)
{
	bson_t list, one;
	const char *nth[] = { "0", "1", "2" };
	size_t at = 0;

	bson_append_array_begin(to, "$or", -1, &list);
	if (!m->null) {
		bson_append_document_begin(&list, nth[at++], -1, &one);
		append_below(&one, m);
		bson_append_document_end(&list, &one);
		bson_append_document_begin(&list, nth[at++], -1, &one);
		bson_append_null(&one, m->name, -1);
		bson_append_document_end(&list, &one);
	}
	if (n > 1) {
		bson_append_document_begin(&list, nth[at++], -1, &one);
		append_equal(&one, m);
		append_behind(&one, m + 1, n - 1);
		bson_append_document_end(&list, &one);
	}
	/* nothing is below null: an $or of nothing is an error */
	if (!at) {
		bson_append_document_begin(&list, nth[at], -1, &one);
		bson_append_int32(&one, "_id", -1, 0);
		bson_append_document_end(&list, &one);
	}
	bson_append_array_end(to, &list);
}

static void append_after(bson_t *to, const struct events_place *p, bool dated, bool keyed)
{
	struct buf key = { 0 };
	struct member m[5] = {
		{ .name = "ts", .append = append_date, .number = mongo_ms(p->ts_us) },
		{ .name = "topic", .null = !p->topic.p, .append = append_text, .text = p->topic },
		{ .name = "partition",
		  .null = !p->in_log,
		  .append = append_number,
		  .number = p->partition },
		{ .name = "offset",
		  .null = !p->in_log,
		  .append = append_number,
		  .number = p->offset },
		{ .name = "_id", .append = append_text },
	};

	buf_hex(&key, p->key, EVENT_KEY_BYTES);
	m[4].text = buf_slice(&key);
	append_behind(to, dated ? m : m + 1, (dated ? 4 : 3) + keyed);
	buf_fini(&key);
}

static int64_t ms_above(int64_t us)
{
	return -mongo_ms(-us);
}

static void append_times(bson_t *to, const struct events_range *r)
{
	bson_t bound;

	if (!r->dated) {
		bson_append_null(to, "ts", -1);
		return;
	}
	bson_append_document_begin(to, "ts", -1, &bound);
	bson_append_null(&bound, "$ne", -1);
	if (r->since_us != POS_NONE)
		bson_append_date_time(&bound, "$gte", -1, ms_above(r->since_us));
	if (r->until_us != POS_NONE)
		bson_append_date_time(&bound, "$lt", -1, ms_above(r->until_us));
	if (r->after)
		bson_append_date_time(&bound, "$lte", -1, mongo_ms(r->after->ts_us));
	bson_append_document_end(to, &bound);
}

static mongoc_cursor_t *query_events(const struct mongo *m, const struct events_range *r)
{
	bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, sort;
	mongoc_cursor_t *cursor;

	for (int i = 0; i < EVENT_TEXTS; i++)
		if (r->text[i])
			bson_append_utf8(&filter, texts[i], -1, r->text[i], -1);
	append_times(&filter, r);
	if (r->after)
		append_after(&filter, r->after, r->dated, m->keyed);
	bson_append_document_begin(&opts, "sort", -1, &sort);
	mongo_order_append(&sort, m->keyed);
	bson_append_document_end(&opts, &sort);
	if (r->limit && r->limit <= INT64_MAX)
		bson_append_int64(&opts, "limit", -1, (int64_t)r->limit);
	if (m->conf->read_for_us)
		bson_append_int64(&opts, "maxTimeMS", -1, m->conf->read_for_us / 1000 + 1);
	cursor = mongoc_collection_find_with_opts(m->events, &filter, &opts, NULL);
	bson_destroy(&filter);
	bson_destroy(&opts);
	return cursor;
}

/* ---- the answer */

static struct slice text_at(const bson_iter_t *it)
{
	uint32_t n;
	const char *p;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return slice(NULL, 0);
	p = bson_iter_utf8(it, &n);
	return slice(p, n);
}

static int64_t time_at(const bson_iter_t *it)
{
	return BSON_ITER_HOLDS_DATE_TIME(it) ? bson_iter_date_time(it) * 1000 : POS_NONE;
}

static void take_member(const bson_iter_t *it, bool keyed, struct stored_event *out)
{
	const char *name = bson_iter_key(it);
	struct events_place *p = &out->place;

	for (int i = 0; i < EVENT_TEXTS; i++)
		if (strcmp(name, texts[i]) == 0)
			out->text[i] = text_at(it);
	if (strcmp(name, "ts") == 0)
		p->ts_us = time_at(it);
	else if (strcmp(name, "received_at") == 0)
		out->received_us = time_at(it);
	else if (strcmp(name, "record") == 0)
		out->record = text_at(it);
	else if (strcmp(name, "partition") == 0)
		p->partition = (int32_t)bson_iter_as_int64(it);
	else if (strcmp(name, "offset") == 0 && BSON_ITER_HOLDS_NUMBER(it))
		p->in_log = true, p->offset = bson_iter_as_int64(it);
	else if (strcmp(name, "_id") == 0 && keyed)
		p->keyed = str_unhex(text_at(it), p->key, EVENT_KEY_BYTES) == 0;
}

static int take_event(const struct mongo *m, const bson_t *doc, struct stored_event *out,
		      struct err *err)
{
	bson_iter_t it;

	*out = (struct stored_event){ .place.ts_us = POS_NONE, .received_us = POS_NONE };
	if (bson_iter_init(&it, doc))
		while (bson_iter_next(&it))
			take_member(&it, m->keyed, out);
	out->place.topic = out->text[EVENT_TOPIC];
	return out->record.p ? 0
			     : err_set(err, EX_DATAERR, "%s: a document of %s has no record",
				       m->host, m->conf->place);
}

static int read_events(void *d, const struct events_range *r, events_fn *fn, void *arg,
		       struct err *err)
{
	struct mongo *m = ((struct mongo_events *)d)->m;
	mongoc_cursor_t *cursor = query_events(m, r);
	struct stored_event event;
	const bson_t *doc;
	bson_error_t why;
	int rc = 0;

	while (rc == 0 && mongoc_cursor_next(cursor, &doc)) {
		rc = take_event(m, doc, &event, err);
		if (rc == 0)
			rc = fn(arg, &event, err);
	}
	if (rc == 0 && mongoc_cursor_error(cursor, &why))
		rc = sink_error_result(mongo_failed(m, &why, err), err);
	mongoc_cursor_destroy(cursor);
	return rc;
}

static const struct events_driver mongo_events = {
	.default_table = "hta_events",
	.open = events_open,
	.close = events_close,
	.rest = events_rest,
	.again = events_again,
	.events = read_events,
};

/* ---- rows, of which there are none */

static void *rows_open(const struct sink_conf *conf, struct err *err)
{
	(void)conf;
	err_set(err, EX_CONFIG,
		"MongoDB holds events (hta-query events, /events), no rollups: ask the store that "
		"has them");
	return NULL;
}

static void rows_close(void *d)
{
	(void)d;
}

const struct read_driver mongo_reader = {
	.default_table = "hta_events",
	.open = rows_open,
	.close = rows_close,
	.letters = &mongo_letters,
	.events = &mongo_events,
};
