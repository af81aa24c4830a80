/* Inside of the reader: clickhouse_reader.c (opening, metrics, positions),
 * clickhouse_reader_rows.c, clickhouse_reader_events.c, clickhouse_letters.c. */
#ifndef DRV_CLICKHOUSE_CLICKHOUSE_READER_H
#define DRV_CLICKHOUSE_CLICKHOUSE_READER_H

#include "drv/clickhouse/clickhouse_internal.h"
#include "read/events.h"

/* What a sink has in the store of the positions, which stands there under the sink's name. */
struct clickhouse_positions {
	char *sink;
	struct sink_conf conf;
	struct read_store store;
};

struct clickhouse_reader {
	struct sink_conf conf;
	struct clickhouse *c;
	/* of the sinks that have written into the table; none: nobody says where positions stand */
	struct clickhouse_positions *positions;
	size_t sinks;
	struct cell cell[COLUMNS_MAX]; /* of the row that is handed over */
};

int clickhouse_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			     int64_t *start_us, int64_t *end_us, struct err *err);
int clickhouse_reader_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
			   struct err *err);
extern const struct events_driver clickhouse_events;
struct letters_driver;
extern const struct letters_driver clickhouse_letters;

/* EX_DATAERR: an answer has not the bytes that were asked for. */
int clickhouse_answer_broken(const struct clickhouse *c, struct err *err);

#endif
