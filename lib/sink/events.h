/* What --events makes of records: the values by which a store finds them again, and the key by
 * which it knows them. Pure: no store, no stream.
 *
 * A record is stored as it came. Beside it stand a few of its members as columns, each null where
 * the record has none that the column can hold: a text without NUL, of at most EVENT_COLUMN_BYTES
 * (an index of Postgres takes 2,700), and a time.
 *
 * The key is the record's place in the log, or with `key` the values of some members: hashed as
 * dims_hash is (row/dims.h), each under the name of its path, so that 1 and "1" differ and 1 and
 * 1.0 do not. */
#ifndef SINK_EVENTS_H
#define SINK_EVENTS_H

#include "scan/scan.h"

enum { EVENT_KEY_BYTES = 16, EVENT_COLUMN_BYTES = 1024 };
#define EVENT_KEY_TOPIC "@topic" /* in --key: the log's topic */

enum event_text { EVENT_TOPIC, EVENT_ID, EVENT_TYPE, EVENT_USER, EVENT_SOURCE, EVENT_TEXTS };

/* Options, as SINK_EVENTS_OPTS (driver.h) sets them. */
struct events_conf {
	bool on;
	const char *key; /* "topic,event_id"; NULL: the place in the log */
	/* the column topic is this member, else the log's topic; NULL: with a key "topic", else the
	 * log's */
	const char *topic_path;
	const char *id, *type, *user, *source, *time; /* paths */
	int time_unit;                                /* enum value_unit */
};
extern const char *const events_units[]; /* of --time-unit */

struct sink_event {
	struct slice text[EVENT_TEXTS]; /* p NULL: null */
	int64_t ts_us;                  /* POS_NONE: null */
	uint8_t key[EVENT_KEY_BYTES];   /* where the conf has one */
};

struct events;

/* EX_USAGE: a path is none, --topic-path without --key. */
struct events *events_new(const struct events_conf *conf, struct err *err);
void events_free(struct events *e); /* NULL is fine */
bool events_keyed(const struct events *e);

/* The next lines of a block, as scan_lines; *fields: those of line i at i * the returned width. */
size_t events_scan(struct events *e, const char *p, size_t n, struct scan_batch *batch);

/* One valid line, by its fields. topic: the log's; p NULL: none (a plain stream). Texts point into
 * the line, topic or e, until the next call. EX_DATAERR with the reason: the record lacks a part of
 * its key, or has a structure there. */
int events_read(struct events *e, const struct field *field, struct slice topic,
		struct sink_event *out, struct err *why);

#endif
