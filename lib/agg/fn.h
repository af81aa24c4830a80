/* Aggregates: what --agg NAME=avg(PATH) asks for. Each is one file, fn_NAME.c, and one line in
 * fn.c.
 *
 * An aggregate says which columns (row/columns.h) it keeps of a group, what one value
 * contributes to each of them, and how the measure's value is read back from them. All else is
 * done by the columns' rules and is nobody's business here: adding up, merging of threads, of
 * epochs, of stores. So a new aggregate obeys the law of any cut and any order as soon as each
 * contribution is a function of its value alone. */
#ifndef AGG_FN_H
#define AGG_FN_H

#include "row/columns.h"

enum { FN_PARTS_MAX = 4 };

struct agg_fn {
	const char *name, *help;
	unsigned parts;
	struct {
		enum column_rule rule;
		const char *name;
	} part[FN_PARTS_MAX];

	/* What a value of larger magnitude is to this aggregate: bad data. 0: no bound but the
	 * decimals' own. */
	dec limit;

	/* The contributions of n values: out[k][i] of value[i] to part k. Of a COUNT it is
	 * always 1 and is not asked for. NULL: the value itself to each part. */
	void (*contribute)(const dec *value, unsigned n, dec *const out[FN_PARTS_MAX]);

	/* Appends the measure's value as JSON, null where there is none; cell: in the order of
	 * the parts. The same text whoever calls it: a double is printed as the shortest decimal
	 * that reads back as it. */
	void (*value)(const struct cell *cell, struct buf *out);
};

/* NULL: there is none of this name. */
const struct agg_fn *fn_find(struct slice name);
/* All of them, NULL behind the last. */
extern const struct agg_fn *const fn_all[];

/* Appends a finite double. */
void fn_put_double(double v, struct buf *out);

/* The measures of a row in order of their names, from its cells: value is JSON. Cells of
 * operations that are not known here are left out. Slices are valid during the call. */
typedef void fn_measure(void *arg, struct slice name, struct slice value);
void fn_each_measure(const struct cell *cell, size_t n, fn_measure *call, void *arg);

/* Appends them as an object: {"latency":4.5,..}. */
void fn_measures(const struct cell *cell, size_t n, struct buf *out);

#endif
