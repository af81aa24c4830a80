/* Sizes are counted as DynamoDB says it counts them: names and texts by their bytes of UTF-8,
 * numbers by an upper bound. */
#include "drv/dynamo/dynamo_item.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/tm.h"

enum { NAMES_BYTES = 100, NUMBERS_BYTES = 4 * 21, TIMES_BYTES = 3 * DYNAMO_TIME_CHARS };

static const int64_t day_us = 86400 * TM_S;

static const char *const text_names[EVENT_TEXTS] = {
	[EVENT_TOPIC] = "topic",  [EVENT_ID] = "event_id",   [EVENT_TYPE] = "event_type",
	[EVENT_USER] = "user_id", [EVENT_SOURCE] = "source",
};

/* ---- times */

void dynamo_time(int64_t us, char out[DYNAMO_TIME_CHARS + 1])
{
	int64_t part = (us % TM_S + TM_S) % TM_S;
	char text[TM_TEXT_BYTES];
	size_t n = tm_text(us - part, text);

	snprintf(out, DYNAMO_TIME_CHARS + 1, "%.*s.%06dZ", (int)(n - 1), text, (int)part);
}

void dynamo_day(int64_t day, char out[DYNAMO_DAY_CHARS + 1])
{
	char text[TM_TEXT_BYTES];

	tm_text(day * day_us, text);
	memcpy(out, text, DYNAMO_DAY_CHARS);
	out[DYNAMO_DAY_CHARS] = '\0';
}

int64_t dynamo_day_of(int64_t us)
{
	return us / day_us - (us % day_us < 0);
}

/* ---- what can be an item */

static int check_size(const struct sink_record *record, const struct sink_event *event,
		      struct err *why)
{
	size_t bytes = NAMES_BYTES + NUMBERS_BYTES + TIMES_BYTES + record->line.n + record->topic.n;

	for (int i = EVENT_ID; i < EVENT_TEXTS; i++)
		bytes += event->text[i].n;
	return bytes <= DYNAMO_ITEM_BYTES
		       ? 0
		       : err_set(why, EX_DATAERR,
				 "an item of %zu bytes: DynamoDB has %d at most (400 KB)", bytes,
				 DYNAMO_ITEM_BYTES);
}

void dynamo_key_hash(struct slice id, int64_t ts_us, uint8_t key[EVENT_KEY_BYTES])
{
	char text[EVENT_COLUMN_BYTES + sizeof(ts_us)];

	memcpy(text, &ts_us, sizeof(ts_us));
	memcpy(text + sizeof(ts_us), id.p, id.n);
	hash_128(text, sizeof(ts_us) + id.n, key);
}

int dynamo_event_key(const struct events_conf *conf, const struct sink_record *record,
		     struct sink_event *event, struct err *why)
{
	struct slice id = event->text[EVENT_ID];

	if (!id.n)
		return err_set(why, EX_DATAERR,
			       "%s is no text of 1 to %d bytes: it is the item's key (--id-path)",
			       conf->id, EVENT_COLUMN_BYTES);
	if (slice_is(id, DYNAMO_DAYS))
		return err_set(why, EX_DATAERR,
			       "%s is \"%s\", under which the table keeps its days", conf->id,
			       DYNAMO_DAYS);
	if (event->ts_us == POS_NONE)
		return err_set(why, EX_DATAERR,
			       "%s is no time: it is part of the item's key (--time)", conf->time);
	if (!str_utf8(record->line.p, record->line.n))
		return err_set(why, EX_DATAERR, "it is not UTF-8, which DynamoDB's texts are");
	if (check_size(record, event, why))
		return -1;
	dynamo_key_hash(id, event->ts_us, event->key);
	return 0;
}

/* ---- items */

static void add_quoted(struct buf *out, const char *name, struct slice text)
{
	buf_addc(out, out->p[out->n - 1] == '{' ? '"' : ',');
	if (out->p[out->n - 1] == ',')
		buf_addc(out, '"');
	buf_addz(out, name);
	buf_addz(out, "\":{\"S\":");
	json_quote(out, text);
	buf_addc(out, '}');
}

static void add_number(struct buf *out, const char *name, int64_t v)
{
	buf_addz(out, ",\"");
	buf_addz(out, name);
	buf_addz(out, "\":{\"N\":\"");
	buf_addi(out, v);
	buf_addz(out, "\"}");
}

static void add_time(struct buf *out, const char *name, int64_t us)
{
	char text[DYNAMO_TIME_CHARS + 1];

	dynamo_time(us, text);
	add_quoted(out, name, slice(text, DYNAMO_TIME_CHARS));
}

static void add_day(struct buf *out, const struct sink_event *e)
{
	char text[DYNAMO_DAY_CHARS + 8];
	struct slice id = e->text[EVENT_ID];

	dynamo_day(dynamo_day_of(e->ts_us), text);
	text[DYNAMO_DAY_CHARS] = '#';
	text[DYNAMO_DAY_CHARS + 1] = (char)('0' + hash_64(id.p, id.n) % DYNAMO_SHARDS);
	add_quoted(out, "day", slice(text, DYNAMO_DAY_CHARS + 2));
}

void dynamo_put_event(const struct sink_record *record, int64_t now_us, int64_t expires_s,
		      struct buf *out)
{
	const struct sink_event *e = record->event;

	buf_addc(out, '{');
	for (int i = EVENT_ID; i < EVENT_TEXTS; i++)
		if (e->text[i].n)
			add_quoted(out, text_names[i], e->text[i]);
	add_time(out, "timestamp", e->ts_us);
	add_day(out, e);
	add_quoted(out, "payload", record->line);
	if (record->topic.p) {
		add_quoted(out, "topic", record->topic);
		add_number(out, "partition", record->partition);
		add_number(out, "offset", record->offset);
	}
	add_time(out, "received_at", now_us);
	if (expires_s)
		add_number(out, "expires", expires_s);
	buf_addc(out, '}');
}

void dynamo_put_day(int64_t day, int64_t expires_s, struct buf *out)
{
	char text[DYNAMO_DAY_CHARS + 1];

	dynamo_day(day, text);
	buf_addc(out, '{');
	add_quoted(out, "event_id", slice_z(DYNAMO_DAYS));
	add_quoted(out, "timestamp", slice(text, DYNAMO_DAY_CHARS));
	if (expires_s)
		add_number(out, "expires", expires_s);
	buf_addc(out, '}');
}

void dynamo_put_expires(int64_t expires_s, struct buf *out)
{
	buf_printf(out, ",\"ExpressionAttributeValues\":{\":expires\":{\"N\":\"%" PRId64 "\"}}",
		   expires_s);
}

/* What of it makes it another letter: all but the time. */
static void add_dead_id(const struct sink_dead *dead, const char *job, struct buf *out)
{
	struct buf all = { 0 }, id = { 0 };
	uint8_t hash[16];

	buf_printf(&all, "%s|%" PRIu64 "|%.*s|%" PRId32 "|%" PRId64 "|%.*s|", job ? job : "",
		   (uint64_t)dead->nth << 1 | dead->late, (int)dead->topic.n,
		   dead->topic.p ? dead->topic.p : "", dead->partition, dead->offset,
		   (int)dead->stage.n, dead->stage.p ? dead->stage.p : "");
	buf_adds(&all, dead->record);
	hash_128(all.p, all.n, hash);
	buf_hex(&id, hash, sizeof(hash));
	add_quoted(out, "id", buf_slice(&id));
	buf_fini(&all);
	buf_fini(&id);
}

void dynamo_put_dead(const struct sink_dead *dead, const char *job, const char *sink,
		     int64_t now_us, struct buf *out)
{
	buf_addc(out, '{');
	add_dead_id(dead, job, out);
	add_quoted(out, "job", slice_z(job ? job : ""));
	add_quoted(out, "sink", slice_z(sink));
	add_quoted(out, "kind", slice_z(dead->late ? "late" : "dead"));
	add_quoted(out, "stage", dead->stage);
	add_quoted(out, "reason", dead->why);
	if (dead->topic.p) {
		add_quoted(out, "topic", dead->topic);
		add_number(out, "partition", dead->partition);
		add_number(out, "offset", dead->offset);
		if (dead->inexact)
			add_number(out, "inexact", 1);
	}
	add_number(out, "retries", (int64_t)dead->retries);
	add_number(out, "size", (int64_t)dead->size);
	add_quoted(out, "encoding", slice_z(dead->base64 ? "base64" : "utf8"));
	add_quoted(out, "record", dead->record);
	add_time(out, "at", now_us);
	buf_addc(out, '}');
}

/* ---- items that are read */

bool dynamo_attribute(const struct json *j, uint32_t item, const char *name, struct buf *out)
{
	uint32_t at = json_get(j, item, name), value;

	if (!at || j->node[at].type != JSON_OBJECT)
		return false;
	value = json_get(j, at, "S");
	if (!value)
		value = json_get(j, at, "N");
	return value && j->node[value].type == JSON_STRING && json_string(j, value, out) == 0;
}

static bool number_of(const struct json *j, uint32_t item, const char *name, int64_t *out)
{
	uint32_t at = json_get(j, item, name);

	return at && json_get_i64(j, at, "N", out);
}

static int64_t time_of(const struct json *j, uint32_t item, const char *name, struct buf *out)
{
	size_t at = out->n;
	int64_t us = POS_NONE;

	if (!dynamo_attribute(j, item, name, out) || tm_parse(slice(out->p + at, out->n - at), &us))
		us = POS_NONE;
	out->n = at;
	return us;
}

/* Texts move while `out` grows: where each begins and how long it is comes first. */
struct span {
	size_t at, n;
	bool there;
};

static struct span take_text(const struct json *j, uint32_t item, const char *name, struct buf *out)
{
	struct span s = { .at = out->n };

	s.there = dynamo_attribute(j, item, name, out);
	s.n = out->n - s.at;
	return s;
}

static struct slice text_at(const struct buf *out, struct span s)
{
	return s.there ? slice(out->p + s.at, s.n) : slice(NULL, 0);
}

int dynamo_take_event(const struct json *j, uint32_t item, struct buf *out, struct stored_event *e,
		      struct err *err)
{
	struct span text[EVENT_TEXTS], payload;
	int64_t partition = 0;

	*e = (struct stored_event){ .place.ts_us = time_of(j, item, "timestamp", out),
				    .received_us = time_of(j, item, "received_at", out) };
	for (int i = 0; i < EVENT_TEXTS; i++)
		text[i] = take_text(j, item, text_names[i], out);
	payload = take_text(j, item, "payload", out);
	for (int i = 0; i < EVENT_TEXTS; i++)
		e->text[i] = text_at(out, text[i]);
	e->record = text_at(out, payload);
	if (!payload.there || !e->text[EVENT_ID].n || e->text[EVENT_ID].n > EVENT_COLUMN_BYTES ||
	    e->place.ts_us == POS_NONE)
		return err_set(err, EX_DATAERR,
			       "an item without event_id, timestamp or payload: it is none of "
			       "hta-sink-dynamo's");
	e->place.topic = e->text[EVENT_TOPIC];
	e->place.in_log = number_of(j, item, "partition", &partition) &&
			  number_of(j, item, "offset", &e->place.offset);
	e->place.partition = (int32_t)partition;
	e->place.keyed = true;
	dynamo_key_hash(e->text[EVENT_ID], e->place.ts_us, e->place.key);
	return 0;
}

bool dynamo_same_place(const struct json *j, uint32_t item, const struct sink_record *record)
{
	struct buf topic = { 0 };
	int64_t partition, offset;
	bool same = record->topic.p && number_of(j, item, "partition", &partition) &&
		    number_of(j, item, "offset", &offset) && partition == record->partition &&
		    offset == record->offset && dynamo_attribute(j, item, "topic", &topic) &&
		    slice_eq(buf_slice(&topic), record->topic);

	buf_fini(&topic);
	return same;
}
