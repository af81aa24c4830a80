/* Events out of an intake's log: what /events and GraphQL answer where no store has a table of
 * them. Newest first by the order in which they came, which is that of their offsets. An event's
 * columns are its members event_id, event_type, user_id, topic, source and timestamp. */
#ifndef SERVE_EVENT_LOG_H
#define SERVE_EVENT_LOG_H

#include "serve/reader.h"
#include "source/wal_tail.h"

/* How much of the log a query looks at. */
enum { EVENT_LOG_BYTES = 256 << 20 };

/* Those in range, `limit` of them, that stand before offset `before` of the open log; fn as of an
 * events_driver. `after` of the range is not looked at. *left: the others, if there are any, stand
 * before that offset; 0: there are none. */
int event_log_read(struct wal_tail *log, const struct events_range *range, int64_t before,
		   struct serve_reader *reader, events_fn *fn, void *arg, int64_t *left,
		   struct err *err);

#endif
