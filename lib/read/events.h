/* Where a store keeps records as events (--events of its sink): a small contract of its own beside
 * the reader's (driver.h), because events have a table of their own.
 *
 * Order: newest first. By event time, those without one last; equal times by topic, partition and
 * offset, all descending, null below all else; where the table has keys (--key) at last by the
 * key's hash, so that the order is total. A page goes on behind a place in that order.
 *
 * Written as text, a place is TIME/TOPIC/PARTITION/OFFSET, or TIME/TOPIC/PARTITION/OFFSET/KEY, what
 * is null being empty. TOPIC may have slashes: the others do not. */
#ifndef READ_EVENTS_H
#define READ_EVENTS_H

#include "sink/driver.h"

struct events_place {
	int64_t ts_us;      /* POS_NONE: null */
	struct slice topic; /* p NULL: null */
	bool in_log;        /* false: partition and offset are null */
	int32_t partition;
	int64_t offset;
	bool keyed;
	uint8_t key[EVENT_KEY_BYTES];
};

/* EX_USAGE. topic points into the text. */
int events_place_parse(const char *text, struct events_place *out, struct err *err);
void events_place_format(const struct events_place *p, struct buf *out); /* appends */

struct events_range {
	/* only those with this text; NULL: all. No index has EVENT_ID */
	const char *text[EVENT_TEXTS];
	bool dated;                       /* those with an event time, or those without one */
	int64_t since_us, until_us;       /* dated: since <= ts < until; POS_NONE: no bound */
	const struct events_place *after; /* behind this one; NULL: from the newest on */
	uint64_t limit;                   /* 0: all */
};

struct stored_event {
	struct events_place place; /* keyed where the table has keys */
	struct slice text[EVENT_TEXTS];
	int64_t received_us;
	struct slice record;
};

/* 0 to go on, -1 with err to end it. Slices are valid during the call. */
typedef int events_fn(void *arg, const struct stored_event *e, struct err *err);

/* All return 0, or -1 with err as a reader does (EX_UNAVAILABLE not reached, EX_CONFIG login or
 * missing table). */
struct events_driver {
	const char *default_table; /* as its sink has it */
	/* conf is borrowed for ever; conf->events.on is set. */
	void *(*open)(const struct sink_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	int (*rest)(void *d);   /* these two as a reader has them (driver.h) */
	int (*again)(void *d, struct err *err);
	/* In order. */
	int (*events)(void *d, const struct events_range *range, events_fn *fn, void *arg,
		      struct err *err);
};

#endif
