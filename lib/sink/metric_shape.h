/* What a metric's views depend on: read from its definition, or from rows where it has none. */
#ifndef SINK_METRIC_SHAPE_H
#define SINK_METRIC_SHAPE_H

#include "base/arena.h"
#include "base/err.h"
#include "row/columns.h"

/* What decides a metric's views. */
struct metric_shape {
	struct slice name;
	struct slice *dim; /* names, as rows have them */
	size_t dims;
	bool has_value, has_uniq;
	int64_t every_us; /* length of its windows; 0: not known, of a plain stream */
	int64_t pane_us;  /* what is stored: windows, or where they overlap what they slide by */
	const struct column *column;
	size_t columns;
};

/* Reads a metric's definition (agg/metric.h, metric_describe), or of a plain stream what
 * metric_shape_of_row has written; name and column are the caller's and stay. EX_DATAERR. */
int metric_shape_read(struct metric_shape *shape, struct slice def, struct arena *arena,
		      struct err *err);

/* Appends {"dims":["region"],"value":true,"uniq":true}: what a row shows of a metric that has no
 * definition. dims: the row's, as JSON. False: they are no object. */
bool metric_shape_of_row(struct slice dims, bool has_value, bool has_uniq, struct buf *out);

/* Whether windows of that length, which begin at multiples of it, tile the step. 0 us: not known,
 * and the view itself has to look. */
bool metric_shape_fits(int64_t every_us, int64_t step_us);
/* Whether its windows overlap, so that they are added up from panes. */
static inline bool metric_shape_hops(const struct metric_shape *shape)
{
	return shape->pane_us < shape->every_us;
}

#endif
