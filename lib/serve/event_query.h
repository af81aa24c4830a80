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
	uint64_t limit, given;
	bool zulu; /* received_at with its zone */
};

/* An event as people see it; slices are valid during the call, p NULL: null. */
struct event_told {
	int64_t id; /* the offset in its log; -1: none */
	struct slice text[EVENT_TEXTS];
	struct slice place; /* events.h's text of it: a cursor */
	struct slice timestamp, received_at;
	struct slice payload; /* JSON */
};
typedef int event_told_fn(void *arg, const struct event_told *e, struct err *err);

struct event_query *event_query_new(void); /* freed as a query */

/* In a worker. next: where the next page begins, empty if there is none. */
int event_query_read(struct event_query *e, struct serve_reader *reader, event_told_fn *fn,
		     void *arg, struct buf *next, struct err *err);

/* Where reading failed because there is no table of events the problem says the way to one: 0. */
int event_query_problem(struct serve_result *out, const struct err *err);
extern const char event_query_way[];

#endif
