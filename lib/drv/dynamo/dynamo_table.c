/* The tables, as CreateTable makes them: paid by the request, so that nobody has to guess a
 * capacity. All of an item is in each index, so that a page of events is one query. What is there
 * already is left as it is, but for an index that is missing and expiry that is off.
 *
 *	missing --create--> CREATING --> ACTIVE --index missing--> UPDATING --> ACTIVE
 *
 * An index is added one at a time, and is filled by the server from what is there. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/dynamo/dynamo_internal.h"

enum { INDEXES = 3, TABLE_BYTES = 256, WAIT_US = 60000000, LOOK_US = 500000 };

struct index {
	const char *name, *hash;
};

static const struct index indexes[INDEXES] = {
	{ "by_type", "event_type" },
	{ "by_user", "user_id" },
	{ "by_day", "day" },
};

/* What is known of a table. */
struct look {
	bool there, active, all_active;
	const struct index *missing; /* the first; NULL: none is */
	char status[32];
};

int dynamo_table_missing(const struct dynamo_conn *c, const char *table, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "there is no table %s at %s: run hta-sink-dynamo --init %s%s/TABLE", table,
		       c->place.host, DYNAMO_SCHEME, c->place.region);
}

/* ---- looking */

static bool has_key(const struct json *j, uint32_t keys, const char *name, const char *kind)
{
	struct slice is, type;

	for (uint32_t i = keys ? json_first(j, keys) : 0; keys && i < j->node[keys].next;
	     i = j->node[i].next)
		if (json_get_text(j, i, "AttributeName", &is) && slice_is(is, name) &&
		    json_get_text(j, i, "KeyType", &type) && slice_is(type, kind))
			return true;
	return false;
}

static uint32_t find_index(const struct json *j, uint32_t list, const char *name)
{
	struct slice is;

	for (uint32_t i = list ? json_first(j, list) : 0; list && i < j->node[list].next;
	     i = j->node[i].next)
		if (json_get_text(j, i, "IndexName", &is) && slice_is(is, name))
			return i;
	return 0;
}

static int look_at_indexes(const struct json *j, uint32_t table, struct look *out, struct err *err)
{
	uint32_t list = json_get(j, table, "GlobalSecondaryIndexes");
	struct slice status;

	for (int i = 0; i < INDEXES; i++) {
		uint32_t at = find_index(j, list, indexes[i].name), keys;

		if (!at) {
			if (!out->missing)
				out->missing = &indexes[i];
			continue;
		}
		keys = json_get(j, at, "KeySchema");
		if (!has_key(j, keys, indexes[i].hash, "HASH") ||
		    !has_key(j, keys, "timestamp", "RANGE"))
			return err_set(err, EX_CONFIG, "index %s is not of %s and timestamp",
				       indexes[i].name, indexes[i].hash);
		if (!json_get_text(j, at, "IndexStatus", &status) || !slice_is(status, "ACTIVE"))
			out->all_active = false;
	}
	return 0;
}

static int read_look(const struct json *j, bool events, struct look *out, struct err *err)
{
	uint32_t table = json_get(j, 0, "Table"), keys;
	struct slice status;

	if (!table || !json_get_text(j, table, "TableStatus", &status) ||
	    status.n >= sizeof(out->status))
		return err_set(err, EX_CONFIG, "an answer that tells of no table");
	memcpy(out->status, status.p, status.n);
	out->there = out->all_active = true;
	out->active = slice_is(status, "ACTIVE") || slice_is(status, "UPDATING");
	keys = json_get(j, table, "KeySchema");
	if (events ? has_key(j, keys, "event_id", "HASH") && has_key(j, keys, "timestamp", "RANGE")
		   : has_key(j, keys, "id", "HASH"))
		return events ? look_at_indexes(j, table, out, err) : 0;
	return err_set(err, EX_CONFIG, "its key is not %s: take another name (--table)",
		       events ? "event_id and timestamp" : "id");
}

static enum dynamo_outcome look_at(struct dynamo_conn *c, const char *table, bool events,
				   struct look *out, struct err *err)
{
	struct dynamo_call *call;
	struct buf body = { 0 };
	enum dynamo_outcome o;

	*out = (struct look){ .there = false };
	buf_printf(&body, "{\"TableName\":\"%s\"}", table);
	o = dynamo_ask(c, "DescribeTable", buf_slice(&body), &call, err);
	if (o == DYNAMO_DONE && read_look(dynamo_call_answer(call), events, out, err)) {
		err_in(err, "table %s at %s", table, c->place.host);
		o = DYNAMO_FATAL;
	}
	dynamo_call_end(call);
	buf_fini(&body);
	return o == DYNAMO_NONE ? DYNAMO_DONE : o;
}

enum dynamo_outcome dynamo_table_look(struct dynamo_conn *c, const char *table, struct err *err)
{
	struct look look;
	enum dynamo_outcome o = look_at(c, table, true, &look, err);

	if (o != DYNAMO_DONE)
		return o;
	if (!look.there)
		dynamo_table_missing(c, table, err);
	else if (look.missing)
		err_set(err, EX_CONFIG,
			"table %s at %s has no index %s: hta-sink-dynamo --init adds it", table,
			c->place.host, look.missing->name);
	else
		return DYNAMO_DONE;
	return DYNAMO_FATAL;
}

/* ---- making */

static void add_attribute(struct buf *body, const char *name)
{
	buf_printf(body, "%s{\"AttributeName\":\"%s\",\"AttributeType\":\"S\"}",
		   body->p[body->n - 1] == '[' ? "" : ",", name);
}

static void add_keys(struct buf *body, const char *hash, const char *range)
{
	buf_printf(body, "\"KeySchema\":[{\"AttributeName\":\"%s\",\"KeyType\":\"HASH\"}", hash);
	if (range)
		buf_printf(body, ",{\"AttributeName\":\"%s\",\"KeyType\":\"RANGE\"}", range);
	buf_addc(body, ']');
}

static void add_index(struct buf *body, const struct index *i)
{
	buf_printf(body, "{\"IndexName\":\"%s\",", i->name);
	add_keys(body, i->hash, "timestamp");
	buf_addz(body, ",\"Projection\":{\"ProjectionType\":\"ALL\"}}");
}

static void write_create(const char *table, bool events, struct buf *body)
{
	buf_printf(body, "{\"TableName\":\"%s\",\"BillingMode\":\"PAY_PER_REQUEST\",", table);
	add_keys(body, events ? "event_id" : "id", events ? "timestamp" : NULL);
	buf_addz(body, ",\"AttributeDefinitions\":[");
	add_attribute(body, events ? "event_id" : "id");
	if (events) {
		add_attribute(body, "timestamp");
		for (int i = 0; i < INDEXES; i++)
			add_attribute(body, indexes[i].hash);
		buf_addz(body, "],\"GlobalSecondaryIndexes\":[");
		for (int i = 0; i < INDEXES; i++) {
			buf_addz(body, i ? "," : "");
			add_index(body, &indexes[i]);
		}
	}
	buf_addz(body, "]}");
}

static void write_add_index(const char *table, const struct index *i, struct buf *body)
{
	buf_printf(body, "{\"TableName\":\"%s\",\"AttributeDefinitions\":[", table);
	add_attribute(body, i->hash);
	add_attribute(body, "timestamp");
	buf_addz(body, "],\"GlobalSecondaryIndexUpdates\":[{\"Create\":");
	add_index(body, i);
	buf_addz(body, "}]}");
}

/* Who comes second finds it there: that is no error. */
static enum dynamo_outcome ask_change(struct dynamo_conn *c, const char *action, struct buf *body,
				      struct err *err)
{
	struct dynamo_call *call;
	enum dynamo_outcome o = dynamo_ask(c, action, buf_slice(body), &call, err);

	dynamo_call_end(call);
	buf_fini(body);
	return o == DYNAMO_EXISTS ? DYNAMO_DONE : o;
}

/* The next step towards the table as it has to be; *done: there is none. */
static enum dynamo_outcome step_on(struct dynamo_conn *c, const char *table, bool events,
				   const struct look *look, bool *done, struct err *err)
{
	struct buf body = { 0 };

	*done = look->active && look->all_active && !look->missing;
	if (!look->there) {
		write_create(table, events, &body);
		return ask_change(c, "CreateTable", &body, err);
	}
	if (!look->missing || strcmp(look->status, "ACTIVE") != 0 || !look->all_active)
		return DYNAMO_DONE;
	log_note("table %s: index %s is added", table, look->missing->name);
	write_add_index(table, look->missing, &body);
	return ask_change(c, "UpdateTable", &body, err);
}

/* A change whose answer was lost, or that another made first, is refused when it is asked for
 * again: the table has moved on then. */
static bool has_moved(struct dynamo_conn *c, const char *table, bool events,
		      const struct look *before)
{
	struct err ignored = ERR_INIT;
	struct look now;

	return look_at(c, table, events, &now, &ignored) == DYNAMO_DONE &&
	       (now.there != before->there || now.missing != before->missing);
}

static enum sink_result make_table(struct dynamo_conn *c, const char *table, bool events,
				   struct err *err)
{
	int64_t until = tm_mono_us() + WAIT_US;
	struct look look;
	bool done = false;

	while (!done) {
		enum dynamo_outcome o = look_at(c, table, events, &look, err);

		if (o == DYNAMO_DONE)
			o = step_on(c, table, events, &look, &done, err);
		if (o == DYNAMO_FATAL && err->code == EX_DATAERR &&
		    has_moved(c, table, events, &look))
			o = DYNAMO_DONE;
		if (o != DYNAMO_DONE)
			return dynamo_result(o);
		if (!done && tm_mono_us() > until) {
			err_set(err, EX_TEMPFAIL, "table %s at %s is %s still, or an index of it",
				table, c->place.host, look.there ? look.status : "not there");
			return SINK_RETRY;
		}
		if (!done && loop_sleep(c->loop, tm_mono_us() + LOOK_US, err))
			return SINK_FATAL;
	}
	return SINK_OK;
}

/* ---- expiry */

static enum sink_result look_at_expiry(struct dynamo_conn *c, const char *table, bool *on,
				       struct err *err)
{
	struct dynamo_call *call;
	struct buf body = { 0 };
	const struct json *j;
	enum dynamo_outcome o;
	struct slice status;

	buf_printf(&body, "{\"TableName\":\"%s\"}", table);
	o = dynamo_ask(c, "DescribeTimeToLive", buf_slice(&body), &call, err);
	j = dynamo_call_answer(call);
	*on = o == DYNAMO_DONE &&
	      json_get_text(j, json_get(j, 0, "TimeToLiveDescription"), "TimeToLiveStatus",
			    &status) &&
	      (slice_is(status, "ENABLED") || slice_is(status, "ENABLING"));
	dynamo_call_end(call);
	buf_fini(&body);
	return dynamo_result(o);
}

static enum sink_result make_expiry(struct dynamo_conn *c, const char *table, struct err *err)
{
	struct buf body = { 0 };
	struct err ignored = ERR_INIT;
	bool on;
	enum sink_result r = look_at_expiry(c, table, &on, err);

	if (r != SINK_OK || on)
		return r;
	buf_printf(&body,
		   "{\"TableName\":\"%s\",\"TimeToLiveSpecification\":{\"AttributeName\":"
		   "\"expires\",\"Enabled\":true}}",
		   table);
	r = dynamo_result(ask_change(c, "UpdateTimeToLive", &body, err));
	/* the same: it may have been done */
	if (r == SINK_FATAL && err->code == EX_DATAERR &&
	    look_at_expiry(c, table, &on, &ignored) == SINK_OK && on)
		r = SINK_OK;
	return r;
}

/* ---- both tables */

static enum sink_result check_table(struct dynamo_conn *c, const char *table, bool events,
				    struct err *err)
{
	struct look look;
	enum dynamo_outcome o = look_at(c, table, events, &look, err);

	if (o != DYNAMO_DONE)
		return dynamo_result(o);
	if (!look.there) {
		dynamo_table_missing(c, table, err);
		return SINK_FATAL;
	}
	if (look.active)
		return SINK_OK;
	err_set(err, EX_TEMPFAIL, "table %s at %s is %s", table, c->place.host, look.status);
	return SINK_RETRY;
}

enum sink_result dynamo_tables(struct dynamo *d, struct err *err)
{
	struct dynamo_conn *c = &d->conn;
	enum sink_result r;

	if (!d->conf->sink.create) {
		r = check_table(c, d->table, true, err);
		return r == SINK_OK ? check_table(c, d->dead, false, err) : r;
	}
	r = make_table(c, d->table, true, err);
	if (r == SINK_OK)
		r = make_table(c, d->dead, false, err);
	return r == SINK_OK ? make_expiry(c, d->table, err) : r;
}

enum sink_result dynamo_probe(void *self, const struct probe *probe, struct err *err)
{
	struct dynamo *d = self;
	struct look look;
	enum sink_result r = dynamo_result(look_at(&d->conn, d->table, true, &look, err));

	if (r != SINK_OK)
		return r;
	probe_say(probe, PROBE_GOOD, "table %s at %s is %s", d->table, d->conn.place.host,
		  look.status);
	if (look.missing)
		probe_say(probe, PROBE_WARNING,
			  "table %s has no index %s, so events are not found by it: run "
			  "hta-sink-dynamo --init once",
			  d->table, look.missing->name);
	return SINK_OK;
}
