/* The ClickHouse driver, over HTTP.
 *
 * Tables: events_agg (or --table), whose rows are added up by merges, with a marker a claim;
 * TABLE_final, final rows, the newest of a key; TABLE_v, a view of both for people; events_fact (or
 * --table) for --events; hta_dead. ClickHouse has no transactions: positions, and which metric is
 * whose, stand in another store (--positions). Deltas are claimed (sink_claims.h); events and final
 * rows have keys of their own, by which a repetition replaces what it repeats. */
#ifndef DRV_CLICKHOUSE_CLICKHOUSE_H
#define DRV_CLICKHOUSE_CLICKHOUSE_H

#include "read/driver.h"
#include "sink/driver.h"

extern const struct sink_driver clickhouse_driver;
extern const struct read_driver clickhouse_reader;

#endif
