/* Which windows of a metric are meant by "the newest one", also where windows overlap, so that what
 * is stored are their panes (rows_hops.h). metric and finality of a range are set by whoever asks;
 * hops are those of metric_lookup. EX_NO: there is none. */
#ifndef READ_NEWEST_H
#define READ_NEWEST_H

#include "read/rows.h"

/* The range becomes the newest window that has begun, or the newest one that is final. */
int newest_window(const struct read_store *store, struct rows_range *range, struct hops *hops,
		  int64_t now_us, bool final, struct err *err);

/* The stored window that starts last, at or before not_after_us. none: what there is none of, in
 * EX_NO's text. */
int newest_stored(const struct read_store *store, const char *metric, int64_t not_after_us,
		  struct read_span *span, const char *none, struct err *err);

/* Of windows that overlap: which of the range are kept, up to the newest stored one, and those that
 * are final without an event. Sets hops' bounds and the range's hops. */
int newest_kept(const struct read_store *store, struct rows_range *range, struct hops *hops,
		const struct read_span *newest, struct err *err);

#endif
