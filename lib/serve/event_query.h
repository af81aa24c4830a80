/* Queries for stored events, newest first: what /events and GraphQL have in common. */
#ifndef SERVE_EVENT_QUERY_H
#define SERVE_EVENT_QUERY_H

#include "serve/serve.h"

struct event_query {
	struct serve_query q;
	struct arena arena; /* of texts */
	struct events_range range;
	struct events_place place; /* of after */
	const char *after;
	int64_t before; /* an offset of the log; POS_NONE: none */
	uint64_t limit, given;
	bool zulu; /* received_at with its zone */
};

/* An event as people see it; slices are valid during the call, p NULL: null. */
struct event_told {
	int64_t id; /* the offset in its log; -1: none */
	struct slice text[EVENT_TEXTS];
	struct slice place; /* a cursor: events.h's text of it, or the offset in the log */
	struct slice timestamp, received_at;
	struct slice payload; /* JSON */
};
/* 0 to go on; 1: the page is full; -1 with err. */
typedef int event_told_fn(void *arg, const struct event_told *e, struct err *err);

struct event_query *event_query_new(void); /* freed as a query */

/* A cursor of ours, which e points into: of a table of events, or of the log. False: it is none. */
bool event_query_cursor(struct event_query *e, const char *text);

/* In a worker. next: where the next page begins, empty if there is none. From the log a page may
 * be short, or empty, and another one follow: it has looked at EVENT_LOG_BYTES. EX_NO: the cursor
 * is of another kind of source. */
int event_query_read(struct event_query *e, struct serve_reader *reader, event_told_fn *fn,
		     void *arg, struct buf *next, struct err *err);

/* Where reading failed because there is no table of events the problem says the way to one, where
 * the cursor was no good that: 0. */
int event_query_problem(struct serve_result *out, const struct err *err);

/* At the start: where events come from is logged. */
void event_query_say_source(struct serve *s);
extern const char event_query_way[];

#endif
