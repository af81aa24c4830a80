/* Inside of the SQLite driver, its reading side: sqlite_reader.c (metrics, positions),
 * sqlite_reader_rows.c (windows and rows). */
#ifndef DRV_SQLITE_SQLITE_READER_H
#define DRV_SQLITE_SQLITE_READER_H

#include "drv/sqlite/sqlite_internal.h"
#include "read/driver.h"

struct sqlite_reader {
	struct sink_conf conf;
	struct sqlite *s;
	struct json json;
	struct buf sketches;
	struct cell cell[COLUMNS_MAX];
};

/* A statement over the table (%w). NULL: err. */
sqlite3_stmt *sqlite_reader_prepare(struct sqlite_reader *r, const char *text, struct err *err);
/* The code that a statement ended with. */
int sqlite_reader_ended(struct sqlite_reader *r, int code, struct err *err);

extern const struct alerts_driver sqlite_alerts;   /* sqlite_alerts.c */
extern const struct letters_driver sqlite_letters; /* sqlite_letters.c */
extern const struct events_driver sqlite_events;   /* sqlite_reader_events.c */

int sqlite_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			 int64_t *start_us, int64_t *end_us, struct err *err);
int sqlite_reader_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		       struct err *err);

#endif
