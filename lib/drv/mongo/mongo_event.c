/* Events and dead letters as documents:
 *
 *   _id          topic/partition/offset; with --key 32 hex digits
 *   topic partition offset event_id event_type user_id source    null: it has none
 *   ts           event time, received_at: dates, of milliseconds
 *   event        the record's members (mongo_value.c); left out where they have no form in BSON
 *   record       the record as it came, text
 *
 * Pure, but for the buffers of struct mongo. */
#include <inttypes.h>

#include "base/hash.h"
#include "drv/mongo/mongo_internal.h"

static const char *const texts[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

int64_t mongo_ms(int64_t us)
{
	return us / 1000 - (us % 1000 < 0);
}

static void append_text(bson_t *to, const char *name, struct slice text)
{
	if (text.p)
		bson_append_utf8(to, name, -1, text.p, (int)text.n);
	else
		bson_append_null(to, name, -1);
}

static void append_time(bson_t *to, const char *name, int64_t us)
{
	if (us == POS_NONE)
		bson_append_null(to, name, -1);
	else
		bson_append_date_time(to, name, -1, mongo_ms(us));
}

void mongo_event_key(bson_t *to, const struct sink_record *r, bool keyed)
{
	struct buf id = { 0 };

	if (keyed)
		buf_hex(&id, r->event->key, EVENT_KEY_BYTES);
	else
		buf_printf(&id, "%.*s/%" PRId32 "/%" PRId64, (int)r->topic.n, r->topic.p,
			   r->partition, r->offset);
	bson_append_utf8(to, "_id", 3, id.p, (int)id.n);
	buf_fini(&id);
}

void mongo_event_append(struct mongo *m, bson_t *to, const struct sink_record *r, bool members,
			int64_t now_us)
{
	const struct sink_event *e = r->event;

	append_text(to, "topic", e->text[EVENT_TOPIC]);
	if (r->topic.p) {
		bson_append_int32(to, "partition", -1, r->partition);
		bson_append_int64(to, "offset", -1, r->offset);
	} else {
		bson_append_null(to, "partition", -1);
		bson_append_null(to, "offset", -1);
	}
	for (int i = EVENT_ID; i < EVENT_TEXTS; i++)
		append_text(to, texts[i], e->text[i]);
	append_time(to, "ts", e->ts_us);
	bson_append_date_time(to, "received_at", -1, mongo_ms(now_us));
	if (members)
		mongo_value_append(m, to, "event", r->line);
	append_text(to, "record", r->line);
}

void mongo_order_append(bson_t *to, bool keyed)
{
	static const char *const order[] = { "ts", "topic", "partition", "offset" };

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		bson_append_int32(to, order[i], -1, -1);
	if (keyed)
		bson_append_int32(to, "_id", -1, -1);
}

/* ---- dead letters */

void mongo_dead_key(bson_t *to, const struct sink_dead *d, const char *job, const char *sink)
{
	struct buf id = { 0 };

	buf_printf(&id, "%s\n%s\n%.*s/%" PRId32 "/%" PRId64 "\n%.*s\n%s\n%016" PRIx64, job, sink,
		   (int)d->topic.n, d->topic.p ? d->topic.p : "", d->partition, d->offset,
		   (int)d->stage.n, d->stage.p, d->late ? "late" : "dead",
		   hash_64(d->record.p ? d->record.p : "", d->record.n));
	if (d->nth)
		buf_printf(&id, ".%" PRIu32, d->nth);
	bson_append_utf8(to, "_id", 3, id.p, (int)id.n);
	buf_fini(&id);
}

void mongo_dead_append(bson_t *to, const struct sink_dead *d, const char *job, const char *sink,
		       int64_t now_us)
{
	struct slice record = d->record;

	if (record.n > MONGO_LINE_MAX)
		record = slice(NULL, 0);
	append_text(to, "job", slice_z(job));
	append_text(to, "sink", slice_z(sink));
	append_text(to, "kind", slice_z(d->late ? "late" : "dead"));
	append_text(to, "topic", d->topic);
	bson_append_int32(to, "partition", -1, d->partition);
	bson_append_int64(to, "offset", -1, d->offset);
	bson_append_bool(to, "inexact", -1, d->inexact);
	append_text(to, "stage", d->stage);
	append_text(to, "reason", d->why);
	bson_append_int64(to, "retries", -1, (int64_t)d->retries);
	bson_append_int64(to, "size", -1, (int64_t)d->size);
	append_text(to, "encoding", slice_z(d->base64 ? "base64" : "utf8"));
	append_text(to, "record", record);
	bson_append_date_time(to, "at", -1, mongo_ms(now_us));
}
