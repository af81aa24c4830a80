/* Final rows of a metric, each once: those of all windows with after < window_end <= until, where
 * `until` lies at most at the store's mark (finality.h). For whoever hands rows on and remembers,
 * as the only thing, until when they are out.
 *
 *   windows of a minute     |-------|-------|-------|-------|->
 *   position T1, mark T2            T1              T2          the second and the third are read
 *
 * The mark may go back (a partition that was idle wakes up): nothing is read then. What has been
 * read is never read again, although such events may still correct the stored row. */
#ifndef READ_FINAL_ROWS_H
#define READ_FINAL_ROWS_H

#include "read/metric_lookup.h"
#include "read/rows.h"

struct final_range {
	const char *metric;         /* borrowed by the rows */
	int64_t after_us, until_us; /* after_us POS_NONE: from the first window on */
	/* of metric_lookup: only windows that are whole by it are read, whatever its mark */
	const struct finality *finality;
	int64_t length_us; /* of metric_lookup */
	/* not 0: after the window with which so many rows are reached, it is enough. Not for a
	 * length of 0, where ends of windows need not ascend */
	uint64_t enough;
};

/* Until when windows of the metric are final: metric_found.finality.until_us, at most TM_MAX_US
 * (a plain stream's rows, which are final as they come). POS_NONE: no window is. */
int64_t final_mark(const struct metric_found *m);

/* Windows in order of start and end (so of one length in order of their ends), the rows of each in
 * the order of keys (dims_hash), with sketches, columns and measures. *reached_us: until when all
 * is out, until_us, or earlier where it was enough; then the store has rows on their way, and all
 * that may be done with it is to close it. It is never below after_us, and nothing is read where
 * until_us is not above that. 0, or -1 with the err of rows_read.
 *
 * Mark and rows are of one moment where the store was opened for both. Redis knows no snapshot: ask
 * for the mark first, then rows are those of the mark or newer. */
int final_rows_read(const struct read_store *store, const struct final_range *range,
		    rows_window_fn *fn, void *arg, int64_t *reached_us, struct err *err);

#endif
