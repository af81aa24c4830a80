/* What a query reads from, in a worker's thread: the stores, each opened when a query first needs
 * it and closed behind it, so that no transaction is held while nobody asks and each query sees
 * what is stored now. Where a driver can, only the transaction ends, and its connection rests until
 * the next query. Readers share nothing (each has its connections and its loop), and so any
 * number of threads may have one each.
 *
 * With several stores a query goes through them until one has what it asks for. One that cannot be
 * read is passed over: what the others have is answered all the same. */
#ifndef SERVE_READER_H
#define SERVE_READER_H

#include "read/driver.h"
#include "read/events.h"
#include "source/wal_tail.h"

enum { SERVE_STORES = 8 };

struct serve_store {
	const struct read_driver *driver;
	struct sink_conf conf, events; /* events: conf of the table of events */
	struct buf name;               /* "Postgres", "Postgres 2": how it is told */
	unsigned takes;                /* of what writes it (sink/driver.h); 0: not known */
	bool in_memory;                /* it is asked first for what is newest */
	bool away;                     /* atomic: it could not be read when it was looked at */
};

/* Of all readers; borrowed for as long as they live. */
struct serve_source {
	struct serve_store store[SERVE_STORES];
	size_t n;
	const char *log; /* the folder of an intake's log; NULL: none */
};

struct serve_reader;

struct serve_reader *serve_reader_new(const struct serve_source *source);
void serve_reader_free(struct serve_reader *r); /* NULL is fine */

/* Store i, connected, until serve_reader_close; -1 with the driver's err. */
int serve_reader_rows(struct serve_reader *r, size_t i, struct read_store *out, struct err *err);
/* Its table of events, in the same way; EX_USAGE: a store of this kind has none. */
int serve_reader_events_of(struct serve_reader *r, size_t i, const struct events_driver **driver,
			   void **d, struct err *err);

/* Calls fn with one store after the other, in their order or those in memory first, until it says
 * 1; 0 is to go on, -1 as well. 1: it has said so; 0: it has not; -1: it has not, and err is that
 * of the first store that could not be read, or for which fn said -1. A store that was away when
 * it was looked at is not asked while there are others. */
typedef int serve_store_fn(void *arg, const struct read_store *store, struct err *err);
int serve_reader_each(struct serve_reader *r, bool newest, serve_store_fn *fn, void *arg,
		      struct err *err);

/* The table of events of the first store that has one. EX_USAGE: none of them can have any;
 * EX_CONFIG: none has; EX_UNAVAILABLE: one that could have it cannot be asked. */
int serve_reader_events(struct serve_reader *r, const struct events_driver **driver, void **d,
			struct err *err);

bool serve_reader_has_log(const struct serve_reader *r);
/* The intake's log, open until serve_reader_close; the source has one. EX_UNAVAILABLE: there is
 * none in that folder, or none that can be read. */
int serve_reader_log(struct serve_reader *r, struct wal_tail **out, struct err *err);

/* Behind each query. */
void serve_reader_close(struct serve_reader *r);
/* Whether connections rest; closes those. */
bool serve_reader_rests(const struct serve_reader *r);
void serve_reader_disconnect(struct serve_reader *r);

/* From another thread: what waits for a store, or asks serve_reader_cancelled, ends with
 * EX_TEMPFAIL; until the next serve_reader_close. */
void serve_reader_cancel(struct serve_reader *r);
/* For queries between two rows: 0, or -1 with err. */
int serve_reader_cancelled(struct serve_reader *r, struct err *err);

#endif
