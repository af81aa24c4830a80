/* Reading events, newest first. An id is asked of the table itself, a type and a user of their
 * index: one query each. All others are found by day, from the newest day that has events on, each
 * by ten queries, one a shard, whose answers are merged:
 *
 *	day 2026-01-02   #0 .. #9  \
 *	day 2026-01-01   #0 .. #9   > the newest of all, of equal times the highest place
 *
 * An index follows its table after a moment: what was just written may not be in it yet. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/dynamo/dynamo_internal.h"
#include "drv/dynamo/dynamo_stream.h"
#include "sink/sink_errors.h"

enum { PAGE_ITEMS = 1000, PAGE_SHARD_MIN = 10, READER_TRIES = 3, GROUP_SPARE = 1000 };

struct dynamo_reader {
	struct dynamo_conn conn;
	struct loop *own_loop; /* where the conf has none */
	char *table;
};

/* ---- life */

static void events_close(void *self)
{
	struct dynamo_reader *d = self;

	if (!d)
		return;
	dynamo_conn_fini(&d->conn);
	loop_free(d->own_loop);
	free(d->table);
	free(d);
}

static int connect_reader(struct dynamo_reader *d, const struct sink_conf *conf, struct err *err)
{
	struct dynamo_place place;
	struct loop *loop = conf->loop;

	if (dynamo_place_init(&place, conf->where, err))
		return -1;
	d->table = mem_strdup(place.table ? place.table : conf->place);
	if (!loop)
		loop = d->own_loop = loop_new();
	if (dynamo_place_check(d->table, err)) {
		dynamo_place_fini(&place);
		return -1;
	}
	if (dynamo_conn_init(&d->conn, &place, loop, conf->read_for_us, err))
		return -1;
	d->conn.tries = READER_TRIES;
	return sink_error_result(dynamo_result(dynamo_table_look(&d->conn, d->table, err)), err);
}

static void *events_open(const struct sink_conf *conf, struct err *err)
{
	struct dynamo_reader *d = mem_zalloc(sizeof(*d));

	if (connect_reader(d, conf, err) == 0)
		return d;
	events_close(d);
	return NULL;
}

/* ---- what is asked */

struct reading {
	struct dynamo_reader *d;
	const struct events_range *range;
	events_fn *fn;
	void *arg;
	int64_t low_us, high_us; /* both included */
	int64_t now_s;
	uint64_t left; /* events to be given; UINT64_MAX: all */
	/* of one time */
	struct arena arena;
	struct stored_event *group;
	size_t n, cap;
	struct buf texts;
};

/* False: nothing can be in it. */
static bool set_bounds(struct reading *r)
{
	const struct events_range *range = r->range;

	r->low_us = range->since_us == POS_NONE ? TM_MIN_US : range->since_us;
	r->high_us = range->until_us == POS_NONE ? TM_MAX_US - 1 : range->until_us - 1;
	if (range->after && range->after->ts_us < r->high_us)
		r->high_us = range->after->ts_us;
	if (r->low_us < TM_MIN_US)
		r->low_us = TM_MIN_US;
	if (r->high_us >= TM_MAX_US)
		r->high_us = TM_MAX_US - 1;
	return r->low_us <= r->high_us;
}

static bool is_filtered(const struct events_range *range, enum event_text but)
{
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (range->text[i] && i != (int)but)
			return true;
	return false;
}

/* Texts that the sink writes into no item: the server refuses some of them in a key. */
static bool asks_in_vain(const struct events_range *range)
{
	for (int i = 0; i < EVENT_TEXTS; i++) {
		size_t n = range->text[i] ? strlen(range->text[i]) : 1;

		if (n == 0 || (i != EVENT_TOPIC && n > EVENT_COLUMN_BYTES))
			return true;
	}
	return range->text[EVENT_ID] && strcmp(range->text[EVENT_ID], DYNAMO_DAYS) == 0;
}

static uint64_t page_of(const struct reading *r, enum event_text but, unsigned streams)
{
	uint64_t n = r->left / streams + PAGE_SHARD_MIN;

	return is_filtered(r->range, but) || n > PAGE_ITEMS ? PAGE_ITEMS : n;
}

/* ---- events of one time */

static int compare_texts(struct slice a, struct slice b)
{
	return slice_cmp(a.p ? a : slice("", 0), b.p ? b : slice("", 0));
}

/* The order of read/events.h within a time: < 0 where a is below b. */
static int place_cmp(const struct events_place *a, const struct events_place *b)
{
	int c = compare_texts(a->topic, b->topic);
	int32_t ap = a->in_log ? a->partition : -1, bp = b->in_log ? b->partition : -1;
	int64_t ao = a->in_log ? a->offset : -1, bo = b->in_log ? b->offset : -1;

	c = c ? c : (ap > bp) - (ap < bp);
	c = c ? c : (ao > bo) - (ao < bo);
	return c ? c : memcmp(a->key, b->key, EVENT_KEY_BYTES);
}

static int highest_first(const void *a, const void *b)
{
	const struct stored_event *x = a, *y = b;

	return place_cmp(&y->place, &x->place);
}

static void copy_texts(struct arena *arena, struct stored_event *e)
{
	for (int i = 0; i < EVENT_TEXTS; i++)
		if (e->text[i].p)
			e->text[i] = arena_copy(arena, e->text[i]);
	e->place.topic = e->text[EVENT_TOPIC];
	e->record = arena_copy(arena, e->record);
}

/* A time may have any number of events: of those that are more than wanted the lowest go. */
static void drop_lowest(struct reading *r)
{
	struct arena kept = { 0 };

	qsort(r->group, r->n, sizeof(*r->group), highest_first);
	r->n = r->left;
	for (size_t i = 0; i < r->n; i++)
		copy_texts(&kept, &r->group[i]);
	arena_fini(&r->arena);
	r->arena = kept;
}

static bool is_given(const struct reading *r, const struct stored_event *e)
{
	const struct events_place *after = r->range->after;

	return after && e->place.ts_us == after->ts_us && place_cmp(&e->place, after) >= 0;
}

static int keep_event(struct reading *r, const struct json *j, uint32_t item, struct err *err)
{
	struct stored_event *e;

	mem_reserve(&r->group, &r->cap, r->n + 1, sizeof(*r->group));
	e = &r->group[r->n];
	r->texts.n = 0;
	if (dynamo_take_event(j, item, &r->texts, e, err))
		return err_in(err, "table %s", r->d->table);
	if (is_given(r, e))
		return 0;
	copy_texts(&r->arena, e);
	r->n++;
	if (r->left < SIZE_MAX / 4 && r->n >= 2 * r->left + GROUP_SPARE)
		drop_lowest(r);
	return 0;
}

static int give_group(struct reading *r, struct err *err)
{
	int rc = 0;

	if (r->n > 1)
		qsort(r->group, r->n, sizeof(*r->group), highest_first);
	for (size_t i = 0; i < r->n && rc == 0 && r->left; i++) {
		rc = r->fn(r->arg, &r->group[i], err);
		r->left -= r->left != UINT64_MAX;
	}
	r->n = 0;
	arena_reset(&r->arena);
	return rc;
}

/* ---- merging */

/* 1: *us is the stream's next time; 0: it has ended. */
static int peek_time(struct dynamo_stream *s, struct buf *text, int64_t *us, struct err *err)
{
	const struct json *j;
	uint32_t item;
	int rc = dynamo_stream_peek(s, &j, &item, err);

	text->n = 0;
	if (rc == 1 &&
	    (!dynamo_attribute(j, item, "timestamp", text) || tm_parse(buf_slice(text), us)))
		return err_set(err, EX_DATAERR, "an item whose timestamp is no time");
	return rc;
}

/* All of the stream's events of that time. */
static int take_time(struct reading *r, struct dynamo_stream *s, int64_t us, struct err *err)
{
	int64_t next;
	const struct json *j;
	uint32_t item;
	int rc;

	while ((rc = peek_time(s, &r->texts, &next, err)) == 1 && next == us) {
		if (dynamo_stream_peek(s, &j, &item, err) != 1 || keep_event(r, j, item, err))
			return -1;
		dynamo_stream_next(s);
	}
	return rc < 0 ? -1 : 0;
}

static int newest_time(struct reading *r, struct dynamo_stream *s, size_t n, bool *any, int64_t *us,
		       struct err *err)
{
	*any = false;
	for (size_t i = 0; i < n; i++) {
		int64_t next;
		int rc = peek_time(&s[i], &r->texts, &next, err);

		if (rc < 0)
			return -1;
		if (rc && (!*any || next > *us))
			*us = next;
		*any |= rc == 1;
	}
	return 0;
}

static int merge_streams(struct reading *r, struct dynamo_stream *s, size_t n, struct err *err)
{
	int64_t us = 0;
	bool any = true;

	while (r->left) {
		if (newest_time(r, s, n, &any, &us, err))
			return -1;
		if (!any)
			return 0;
		for (size_t i = 0; i < n; i++)
			if (take_time(r, &s[i], us, err))
				return -1;
		if (give_group(r, err))
			return -1;
	}
	return 0;
}

/* ---- one query */

static void set_query(const struct reading *r, struct dynamo_query *q,
		      char from[DYNAMO_TIME_CHARS + 1], char to[DYNAMO_TIME_CHARS + 1])
{
	dynamo_time(r->low_us, from);
	dynamo_time(r->high_us, to);
	*q = (struct dynamo_query){ .table = r->d->table,
				    .from = from,
				    .to = to,
				    .text = r->range->text,
				    .now_s = r->now_s };
}

static int read_one(struct reading *r, enum event_text by, const char *index, const char *hash,
		    struct err *err)
{
	char from[DYNAMO_TIME_CHARS + 1], to[DYNAMO_TIME_CHARS + 1];
	struct dynamo_query q;
	struct dynamo_stream s;
	int rc;

	set_query(r, &q, from, to);
	q.index = index;
	q.hash = hash;
	q.value = slice_z(r->range->text[by]);
	q.page = page_of(r, by, 1);
	dynamo_stream_init(&s, &r->d->conn, &q);
	rc = merge_streams(r, &s, 1, err);
	dynamo_stream_fini(&s);
	return rc;
}

/* ---- by day */

static int read_day(struct reading *r, struct slice day, struct err *err)
{
	char from[DYNAMO_TIME_CHARS + 1], to[DYNAMO_TIME_CHARS + 1];
	char value[DYNAMO_DAY_CHARS + 2];
	struct dynamo_stream s[DYNAMO_SHARDS];
	struct dynamo_query q;
	int rc;

	set_query(r, &q, from, to);
	q.index = "by_day";
	q.hash = "day";
	q.page = page_of(r, EVENT_TEXTS, DYNAMO_SHARDS);
	memcpy(value, day.p, DYNAMO_DAY_CHARS);
	value[DYNAMO_DAY_CHARS] = '#';
	q.value = slice(value, sizeof(value));
	for (int i = 0; i < DYNAMO_SHARDS; i++) {
		value[DYNAMO_DAY_CHARS + 1] = (char)('0' + i);
		dynamo_stream_init(&s[i], &r->d->conn, &q);
	}
	rc = merge_streams(r, s, DYNAMO_SHARDS, err);
	for (int i = 0; i < DYNAMO_SHARDS; i++)
		dynamo_stream_fini(&s[i]);
	return rc;
}

/* Their item is in the table, read consistently. */
static int read_days(struct reading *r, struct err *err)
{
	char from[DYNAMO_DAY_CHARS + 1], to[DYNAMO_DAY_CHARS + 1];
	struct dynamo_query q = { .table = r->d->table,
				  .hash = "event_id",
				  .value = slice_z(DYNAMO_DAYS),
				  .from = from,
				  .to = to,
				  .now_s = r->now_s,
				  .page = PAGE_ITEMS };
	struct dynamo_stream s;
	const struct json *j;
	struct buf day = { 0 };
	uint32_t item;
	int rc = 0;

	dynamo_day(dynamo_day_of(r->low_us), from);
	dynamo_day(dynamo_day_of(r->high_us), to);
	dynamo_stream_init(&s, &r->d->conn, &q);
	while (r->left && (rc = dynamo_stream_peek(&s, &j, &item, err)) == 1) {
		day.n = 0;
		if (!dynamo_attribute(j, item, "timestamp", &day) || day.n != DYNAMO_DAY_CHARS)
			rc = err_set(err, EX_DATAERR, "table %s: an item of %s is no day",
				     r->d->table, DYNAMO_DAYS);
		if (rc < 0 || read_day(r, buf_slice(&day), err)) {
			rc = -1;
			break;
		}
		dynamo_stream_next(&s);
	}
	dynamo_stream_fini(&s);
	buf_fini(&day);
	return rc < 0 ? -1 : 0;
}

static int read_events(void *self, const struct events_range *range, events_fn *fn, void *arg,
		       struct err *err)
{
	struct reading r = { .d = self,
			     .range = range,
			     .fn = fn,
			     .arg = arg,
			     .now_s = tm_now_us() / TM_S,
			     .left = range->limit ? range->limit : UINT64_MAX };
	int rc;

	/* a timestamp is part of the key: all have one */
	if (!range->dated || (range->after && range->after->ts_us == POS_NONE) ||
	    asks_in_vain(range) || !set_bounds(&r))
		return 0;
	if (range->text[EVENT_ID])
		rc = read_one(&r, EVENT_ID, NULL, "event_id", err);
	else if (range->text[EVENT_USER])
		rc = read_one(&r, EVENT_USER, "by_user", "user_id", err);
	else if (range->text[EVENT_TYPE])
		rc = read_one(&r, EVENT_TYPE, "by_type", "event_type", err);
	else
		rc = read_days(&r, err);
	arena_fini(&r.arena);
	buf_fini(&r.texts);
	free(r.group);
	return rc;
}

static const struct events_driver dynamo_events = {
	.default_table = "events",
	.open = events_open,
	.close = events_close,
	.events = read_events,
};

/* ---- rows: there are none */

static void *reader_open(const struct sink_conf *conf, struct err *err)
{
	err_set(err, EX_CONFIG, "%s: DynamoDB has events, and no rollups", conf->where);
	return NULL;
}

static void reader_close(void *self)
{
	(void)self;
}

const struct read_driver dynamo_reader = {
	.default_table = "events",
	.open = reader_open,
	.close = reader_close,
	.letters = &dynamo_letters,
	.events = &dynamo_events,
};
