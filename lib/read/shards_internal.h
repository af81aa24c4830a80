/* Inside of the reader of shards: shards.c (what a store is), shards_feed.c (a part's rows, read by
 * a thread of their own). */
#ifndef READ_SHARDS_INTERNAL_H
#define READ_SHARDS_INTERNAL_H

#include "base/arena.h"
#include "read/driver.h"

struct feed;

struct shard {
	unsigned number; /* from 1 */
	struct sink_conf conf;
	char *where, *place;
	struct loop *loop;
	const struct read_driver *driver;
	void *d;
	struct feed *feed; /* while rows are read */
};

struct shards {
	struct shard *part;
	size_t n;
	struct arena arena; /* of the metrics */
	struct read_metric *metric;
	size_t metrics;
};

/* Reads the rows of the range, ahead of who takes them by some thousands. range is borrowed until
 * feed_stop; the reader d belongs to the feed until then. */
struct feed *feed_start(const struct read_driver *driver, void *d, const struct read_range *range);
/* Waits. The next row, valid until feed_next; NULL: there is none, see feed_failed. */
const struct rollup *feed_head(struct feed *f);
void feed_next(struct feed *f);
/* At the end of the rows: whether it is one by an error. */
bool feed_failed(struct feed *f, struct err *err);
/* Waits for the thread, which is told to give up. */
void feed_stop(struct feed *f);

/* A copy of a row in the arena. */
void feed_copy(struct arena *arena, const struct rollup *row, struct rollup *to);

#endif
