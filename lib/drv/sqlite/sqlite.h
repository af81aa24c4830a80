/* The SQLite driver: one file, no server. WAL, one transaction (BEGIN IMMEDIATE) an epoch,
 * synchronous=FULL.
 *
 * Tables (schema 1, in hta_schema): hta_rollups (or --table), hta_job, hta_pos, hta_metric,
 * hta_dead; views hta_final and hta_numbers (TABLE_final, TABLE_numbers for another table).
 * Times are RFC 3339 text, sums, minima and maxima canonical decimal text (SQLite has no
 * decimals), sketches hll_encode bytes. The views need none of our functions. */
#ifndef DRV_SQLITE_SQLITE_H
#define DRV_SQLITE_SQLITE_H

#include "sink/driver.h"
#include "read/driver.h"
#include "xform/dedup_state.h"

extern const struct sink_driver sqlite_driver;
extern const struct read_driver sqlite_reader;
extern const struct dedup_state sqlite_dedup;

#endif
