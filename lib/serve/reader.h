/* What a query reads from, in a worker's thread: the store, opened when a query first needs it and
 * closed behind it, so that no transaction is held while nobody asks and each query sees what is
 * stored now. Readers share nothing (each has its connection and its loop), and so any number of
 * threads may have one each. */
#ifndef SERVE_READER_H
#define SERVE_READER_H

#include "read/driver.h"
#include "read/events.h"

/* Of all readers; borrowed for as long as they live. */
struct serve_source {
	const struct read_driver *driver;
	struct sink_conf conf, events; /* events: conf of the table of events */
};

struct serve_reader;

struct serve_reader *serve_reader_new(const struct serve_source *source);
void serve_reader_free(struct serve_reader *r); /* NULL is fine */

/* Connected, or -1 with the driver's err; EX_USAGE: the store keeps no events. Both are valid until
 * serve_reader_close. */
int serve_reader_rows(struct serve_reader *r, struct read_store *out, struct err *err);
int serve_reader_events(struct serve_reader *r, const struct events_driver **driver, void **d,
			struct err *err);

/* Behind each query. */
void serve_reader_close(struct serve_reader *r);

/* From another thread: what waits for the store, or asks serve_reader_cancelled, ends with
 * EX_TEMPFAIL; until the next serve_reader_close. */
void serve_reader_cancel(struct serve_reader *r);
/* For queries between two rows: 0, or -1 with err. */
int serve_reader_cancelled(struct serve_reader *r, struct err *err);

#endif
