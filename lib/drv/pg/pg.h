/* The Postgres driver (libpq, server 12 or newer). All waiting is done in the program's loop.
 *
 * Tables (schema 1, in hta_schema): hta_rollups (or --table, may name a schema), hta_job,
 * hta_pos, hta_metric, hta_dead; views hta_final and hta_numbers (TABLE_final, TABLE_numbers for
 * another table); function hta_advance, the compare-and-set, which raises ZHT01 (applied
 * already) and ZHT02 (conflict), so that what follows in the same pipeline is skipped and
 * nothing of it is committed.
 * uniq_sketch is of type hll where the extension is installed in the database when the table is
 * made, else bytea (hll_encode). */
#ifndef DRV_PG_PG_H
#define DRV_PG_PG_H

#include "sink/driver.h"
#include "read/driver.h"

extern const struct sink_driver pg_driver;
extern const struct read_driver pg_reader;

#endif
