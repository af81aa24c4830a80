/* Inside of rows: rows.c (windows and the limit), rows_group.c (a row of the store into the
 * window at work). */
#ifndef READ_ROWS_INTERNAL_H
#define READ_ROWS_INTERNAL_H

#include "read/rows.h"
#include "read/stored_dims.h"

struct rows_reading {
	const struct rows_range *range;
	rows_window_fn *fn;
	void *arg;
	struct rows_found *found;
	struct rows_list kept;   /* with a limit */
	struct rows_window *now; /* the window at work; NULL: none */
	struct read_span stored; /* the stored window that was met last, */
	struct read_span window; /* and the one that its rows come into */
	int64_t checked_us;      /* windows of this length fit into the steps */
	struct stored_dims dims;
	struct arena scratch; /* of one row */
	struct buf text;
	/* adding up: rows of this window by hash; 0: free, else index + 1 */
	uint32_t *slot;
	size_t slots;
};

/* Whether several stored rows may become one. */
static inline bool rows_merge(const struct rows_range *r)
{
	return r->filter->has_by || r->steps || r->hops;
}

/* Adds a stored row with dimensions d to the window g->now: as a row of its own, or where rows
 * are merged to the row of its group. EX_DATAERR. */
int rows_group_add(struct rows_reading *g, const struct rollup *row, const struct dim *d, size_t n,
		   struct err *err);

/* The window is complete: values of measures, estimates and sketches of what was merged. */
void rows_group_close(struct rows_reading *g, struct rows_window *w);

#endif
