/* Views of a metric: how a store's rows are shown by the names of its dimensions and measures in
 * plain SQL. The texts here serve Postgres and SQLite alike; what differs is a struct sql_store,
 * and where the rows come from is the driver's:
 *
 *   SELECT metric_sql_values FROM (SELECT window_start, window_end, dims, dims_hash, seconds,
 *                                  metric_sql_cells FROM .. [GROUP BY ..]) r
 *
 * The inner select gives the parts of measures as c0, c1, .. (agg/fn_sql.h), of one stored row or
 * of all that belong to a step of time, put together by the rules of their columns
 * (row/columns.h). The outer one makes values of them.
 *
 * A view is ours where its mark says so: what anybody else has made is never touched. */
#ifndef SINK_METRIC_SQL_H
#define SINK_METRIC_SQL_H

#include "sink/metric_shape.h"

struct sql_store {
	size_t name_max;       /* bytes that a name of a column may have */
	const char *json_type; /* NULL: JSON is text */
	const char *decimal;   /* %s, a decimal as the table has it, as a number */
	/* Of a store that adds doubles: the decimal's whole part and its billionths, as integers
	 * where they are small enough to be added without an overflow. NULL: it adds decimals. */
	const char *whole, *billionths;
	/* Appends an expression: the member of `dims` as text. False: it cannot be said. */
	bool (*dim)(struct slice name, struct buf *out);
	/* Appends what the table has of the i-th column. */
	void (*cell)(const struct metric_shape *shape, size_t i, struct buf *out);
	/* fn_sql_store; reads the inner select's `estimates` */
	void (*estimate)(struct slice measure, struct buf *out);
	/* what the inner select takes as `estimates` */
	const char *estimates;
	/* uniq of several rows; NULL: it cannot be told */
	const char *merged_uniq;
};

/* Appends the list of the outer select: window_start, window_end, a text a dimension, dims,
 * dims_hash, count; value_count, sum, min, max, avg and uniq where the metric has them; the
 * measures. A dimension whose name is that of another column, too long or not to be said is left
 * out (it stands in dims); a measure whose name is that of a column before it gets a _ behind it.
 * merged: of several rows, where what is read from sketches is null. */
void metric_sql_values(const struct metric_shape *shape, const struct sql_store *store, bool merged,
		       struct buf *out);

/* Appends the inner select's columns from count on. */
void metric_sql_cells(const struct metric_shape *shape, const struct sql_store *store, bool merged,
		      struct buf *out);

/* Appends what marks a view as ours: hta {"rollups":..,"metric":..,"view":..}, without a slash
 * that is not escaped, so that it may stand in a comment of SQL. view: "rows", "hours", .. */
void metric_sql_mark(struct slice rollups, struct slice metric, const char *view, struct buf *out);
/* What the marks of everything of ours begin with. */
#define METRIC_SQL_MARK "hta {\"rollups\":"

/* Appends 'text' and "name" with the quotes in them doubled. */
void metric_sql_text(struct slice text, struct buf *out);
void metric_sql_name(struct slice name, struct buf *out);

#endif
