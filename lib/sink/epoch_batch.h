/* The ledger: what an epoch owes to the store. Rows and dead records are copied in as they come and handed out at the barrier: each key once, in key
 * order (sinks that lock in one order never deadlock), deltas of one key added up, sketches merged.
 * Memory is bounded by the epoch's rows; reset keeps it for the next one. */
#ifndef SINK_EPOCH_BATCH_H
#define SINK_EPOCH_BATCH_H

#include "base/arena.h"
#include "sink/driver.h"

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);
void ledger_reset(struct ledger *l);

/* Copies one row. */
void ledger_row(struct ledger *l, const struct rollup *row);
void ledger_dead(struct ledger *l, const struct sink_dead *dead);
size_t ledger_rows(const struct ledger *l);

/* Sorts and merges, fills rows and dead of the batch; valid until the reset. EX_DATAERR: two "set" rows of one key that differ, a sum out of range, or a
 * sketch that is none, named. */
int ledger_close(struct ledger *l, struct sink_batch *batch, struct err *err);

#endif
