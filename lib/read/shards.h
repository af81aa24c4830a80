/* The shards of a store, read as one: each has the rows whose dimensions fall to it
 * (hta-sink-pg --shard 2/4), so a window's rows are those of all of them, and a metric is final
 * where it is in each. A place is "shards:PLACE,PLACE,..", in the order of their numbers; a place
 * cannot have a comma. Alerts, dead letters and events are not read this way. */
#ifndef READ_SHARDS_H
#define READ_SHARDS_H

#include "read/stores.h"

bool read_is_shards(const char *store);

/* The calls of struct read_driver. `stores` has the kinds of the parts. Where a shard has a place
 * of its own (Redis) it is PLACE:I. Opening is EX_CONFIG where a part is another shard, or none. */
#define READ_SHARDS_TABLE "hta_rollups" /* the default: of each part its own */
void *read_shards_open(const struct read_stores *stores, const struct sink_conf *conf,
		       struct err *err);
void read_shards_close(void *d);
int read_shards_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err);
int read_shards_sinks(void *d, const char *job, struct read_sinks *out, struct err *err);
int read_shards_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
		       int64_t *start_us, int64_t *end_us, struct err *err);
int read_shards_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		     struct err *err);

#endif
