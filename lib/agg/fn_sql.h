/* Values of measures in SQL: the expressions that views of a store show them by.
 *
 * Each part of a measure, what its columns hold, is a column of a subselect, called c0, c1, .. by
 * its place in a row: integers of a COUNT, numbers of a SUM, a MIN, a MAX. An aggregate
 * (agg/fn.h, hook `sql`) says its value out of these. Postgres and SQLite take the same text. The
 * same expression serves one row and several that were put together, since it sees what came of
 * their parts. */
#ifndef AGG_FN_SQL_H
#define AGG_FN_SQL_H

#include "agg/fn.h"

/* One measure. */
struct fn_sql {
	struct fn_row row;     /* its columns, which hold nothing; nth */
	const unsigned *place; /* of each in the rows of its metric */
	/* the number that a store keeps beside the measure's sketch; "NULL" where it keeps none */
	const char *estimate;
	const char *seconds;   /* how long the window is, a floating-point number */
	const char *json_type; /* NULL: JSON is text there */
	/* a SUM of an aggregate that wants it (sql_halves) is there as its whole part and its
	 * billionths, too, which add up exactly: c7i and c7f beside c7, which is a double */
	bool halves;
};

/* Appends the template with what stands in braces filled in: {n} the part of that name, {} the
 * only one, {seconds}, {estimate}. False: there is no such part; what was added is of no use. */
bool fn_sql_put(const struct fn_sql *m, const char *template, struct buf *out);
/* Appends the name of the measure's i-th column. */
void fn_sql_column(const struct fn_sql *m, size_t i, struct buf *out);

/* How a store writes what differs. */
struct fn_sql_store {
	/* Appends the member of that name of the estimates beside a row's sketches. NULL: there are
	 * none, as where several rows are put together. */
	void (*estimate)(struct slice measure, struct buf *out);
	const char *seconds, *json_type;
	bool halves;
};

/* The measures of a metric with such columns, in order of their names; those that SQL cannot tell
 * are left out. Slices are valid during the call. */
typedef void fn_sql_measure(void *arg, struct slice name, struct slice expression);
void fn_sql_each(const struct column *column, size_t n, const struct fn_sql_store *store,
		 fn_sql_measure *call, void *arg);

#endif
