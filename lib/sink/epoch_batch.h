/* The batch of an epoch: what it owes to the store. Rows, records and dead records are copied in
 * as they come and handed out at the barrier: rows each key once, in key order (sinks that lock in
 * one order never deadlock), deltas of one key added up, sketches merged. Memory is bounded by the
 * epoch's rows or records; reset keeps it for the next one. */
#ifndef SINK_EPOCH_BATCH_H
#define SINK_EPOCH_BATCH_H

#include "base/arena.h"
#include "sink/driver.h"

struct epoch_batch;

struct epoch_batch *epoch_batch_new(void);
void epoch_batch_free(struct epoch_batch *l);
void epoch_batch_reset(struct epoch_batch *l);

/* Copies one row. */
void epoch_batch_row(struct epoch_batch *l, const struct rollup *row);
/* Its event, too. */
void epoch_batch_record(struct epoch_batch *l, const struct sink_record *record);
void epoch_batch_dead(struct epoch_batch *l, const struct sink_dead *dead);
size_t epoch_batch_rows(const struct epoch_batch *l);
size_t epoch_batch_records(const struct epoch_batch *l);

/* Records with an event, by their key, equal ones by their place: for stores that lock by it. */
void epoch_batch_sort_events(struct epoch_batch *l);

/* Sorts and merges, fills rows, records and dead of the batch; valid until the reset. EX_DATAERR:
 * two "set" rows of one key that differ, a sum out of range, or a sketch that is none, named. */
int epoch_batch_close(struct epoch_batch *l, struct sink_batch *batch, struct err *err);

#endif
