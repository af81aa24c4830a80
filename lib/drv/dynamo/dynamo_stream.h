/* A query of a table or an index, newest first, page after page. A page has 1 MB at most, counted
 * before the filter: it may be empty, and others may follow all the same. */
#ifndef DRV_DYNAMO_DYNAMO_STREAM_H
#define DRV_DYNAMO_DYNAMO_STREAM_H

#include "drv/dynamo/dynamo_call.h"
#include "read/events.h"

struct dynamo_query {
	const char *table, *index; /* index NULL: the table itself, read consistently */
	const char *hash;          /* name of the hash key, and its value */
	struct slice value;
	const char *from, *to; /* of the range key timestamp, both included */
	/* other texts that are wanted; NULL: any. What the hash key is stays out of it */
	const char *const *text;
	int64_t now_s; /* what has expired by then is left out */
	uint64_t page; /* most items of a page */
};

struct dynamo_stream {
	struct dynamo_conn *conn;
	struct buf head, body; /* the request but for where it goes on; the request */
	struct dynamo_call *call;
	uint32_t item, end; /* of the page: the next item; item == end: it is used up */
	bool last;          /* no page follows */
};

/* Writes and begins the first request. */
void dynamo_stream_init(struct dynamo_stream *s, struct dynamo_conn *c,
			const struct dynamo_query *q);
void dynamo_stream_fini(struct dynamo_stream *s); /* {0} is fine */
/* 1: *j and *item are the next one, until dynamo_stream_next; 0: there is none; -1: err, as a
 * reader has it. */
int dynamo_stream_peek(struct dynamo_stream *s, const struct json **j, uint32_t *item,
		       struct err *err);
void dynamo_stream_next(struct dynamo_stream *s);

#endif
