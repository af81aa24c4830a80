/* Items as DynamoDB has them, and what events become there. Pure: no server, no clock.
 *
 *	event_id     S  hash key      \ together the key: an event that comes again takes
 *	timestamp    S  range key     / the place of itself
 *	event_type, user_id, source    S, where the event has them; the first two have an index
 *	day          S  "2026-01-01#3": the day of timestamp, and one of ten shards
 *	payload      S  the record as it came
 *	topic S, partition N, offset N   where it stood in the log; not of a plain stream
 *	received_at  S  when it was written
 *	expires      N  seconds since 1970: from then on it is no more (--ttl)
 *
 * Times are texts of one length, so that their order is that of their bytes. The days that have
 * events are items, too, of the event_id DYNAMO_DAYS, the day being their timestamp. */
#ifndef DRV_DYNAMO_DYNAMO_ITEM_H
#define DRV_DYNAMO_DYNAMO_ITEM_H

#include "json/json.h"
#include "read/events.h"

#define DYNAMO_DAYS "hta:days"

enum {
	DYNAMO_TIME_CHARS = 27, /* 2026-01-01T00:00:00.000000Z */
	DYNAMO_DAY_CHARS = 10,
	DYNAMO_SHARDS = 10,
	DYNAMO_ITEM_BYTES = 400 * 1024,
};

void dynamo_time(int64_t us, char out[DYNAMO_TIME_CHARS + 1]);
/* "2026-01-01", of days since 1970. */
void dynamo_day(int64_t day, char out[DYNAMO_DAY_CHARS + 1]);
int64_t dynamo_day_of(int64_t us);

/* Sets event->key, which copies of the event share. EX_DATAERR with the reason: no item can hold
 * it. conf: whose paths are named in that. */
int dynamo_event_key(const struct events_conf *conf, const struct sink_record *record,
		     struct sink_event *event, struct err *why);
void dynamo_key_hash(struct slice id, int64_t ts_us, uint8_t key[EVENT_KEY_BYTES]);

/* Append an item, {"event_id":{"S":..}}. expires_s 0: never. */
void dynamo_put_event(const struct sink_record *record, int64_t now_us, int64_t expires_s,
		      struct buf *out);
void dynamo_put_day(int64_t day, int64_t expires_s, struct buf *out);
/* Appends what :expires of a condition is, after an item. */
void dynamo_put_expires(int64_t expires_s, struct buf *out);
/* Of the table of dead letters: the hash key is `id`, of all that makes it another one. */
void dynamo_put_dead(const struct sink_dead *dead, const char *job, const char *sink,
		     int64_t now_us, struct buf *out);

/* An attribute's text, S or N, decoded, appended to `out`: false where there is none. */
bool dynamo_attribute(const struct json *j, uint32_t item, const char *name, struct buf *out);
/* An event out of an item; texts are appended to `out`, and valid until it changes. EX_DATAERR: it
 * is none of hta's. */
int dynamo_take_event(const struct json *j, uint32_t item, struct buf *out, struct stored_event *e,
		      struct err *err);
/* Does the item's record stand at this place of the log? */
bool dynamo_same_place(const struct json *j, uint32_t item, const struct sink_record *record);

#endif
