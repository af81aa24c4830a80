/* Aggregates: what --agg NAME=avg(PATH) asks for. Each is one file, fn_NAME.c, and one line in
 * fn.c.
 *
 * An aggregate says which columns (row/columns.h) it keeps of a group, what one record contributes
 * to each of them, and how the measure's value is read back from them. All else is done by the
 * columns' rules and is nobody's business here: adding up, merging of threads, of epochs, of
 * stores. So a new aggregate obeys the law of any cut and any order as soon as each contribution
 * is a function of its record alone.
 *
 * Reading back needs nothing but the columns: what of its arguments the value depends on stands in
 * the names of its parts. */
#ifndef AGG_FN_H
#define AGG_FN_H

#include "row/columns.h"

enum { FN_PARTS_MAX = 64, FN_OWN_MAX = 4, FN_PART_CHARS = 96, FN_BATCH = 64 };

/* Which records contribute. */
enum fn_input {
	FN_NONE,    /* there is no such form of it */
	FN_LINES,   /* all */
	FN_PRESENT, /* those that have something other than null at the path */
	FN_VALUES,  /* those that have a number there; what is no number is bad data */
	/* those that have a string, a number or a boolean there; what is none of these and not
	 * null is bad data */
	FN_ELEMENTS,
	/* those that have such a one there and, with a second path, one there too, of at most
	 * HELD_VALUE_MAX; the only part is a LOWEST or a HIGHEST of their candidates
	 * (sketch/held.h) */
	FN_HELD,
};

/* What stands between the brackets behind the path: bounds of a histogram. */
struct fn_args {
	bool has_path;
	const dec *v;
	size_t n;
};

struct fn_part {
	enum column_rule rule;
	char name[FN_PART_CHARS];
};

/* The columns of one measure in a row. */
struct fn_row {
	const struct cell *cell;
	const struct slice *part; /* the name of each */
	size_t n;
	struct slice operation; /* as it was asked for: p99 */
	int64_t window_us;      /* how long the row's window is; 0: not known */
	unsigned nth;           /* which of its measures is wanted */
};

struct fn_sql;

struct agg_fn {
	const char *name, *help;
	enum fn_input bare, input; /* without a path, with one */

	/* Its columns; with `list` they depend on the arguments: at most FN_PARTS_MAX, 0 where the
	 * arguments do not fit into names. */
	unsigned parts;
	struct fn_part part[FN_OWN_MAX];
	unsigned (*list)(const struct fn_args *a, struct fn_part *out);

	/* What a value of larger magnitude is to this aggregate: bad data. 0: no bound but the
	 * decimals' own. */
	dec limit;

	/* The contributions of n values: out[k][i] of value[i] to part k. Of a COUNT it is
	 * always 1 and is not asked for. NULL: the value itself to each part. */
	void (*contribute)(const dec *value, unsigned n, dec *const out[FN_OWN_MAX]);

	/* Of an aggregate whose only part is a sketch of values: the items of n values. Where it
	 * takes elements the items are their hashes. */
	void (*items)(const dec *value, unsigned n, uint64_t *out);

	/* Of the records in `has` (bit i: value[i]) those that contribute to the part. NULL:
	 * all. */
	uint64_t (*select)(const struct fn_args *a, unsigned part, const dec value[FN_BATCH],
			   uint64_t has);

	/* Appends the measure's value as JSON, null where there is none. False: a column is
	 * missing, or the value cannot be told. The same text whoever calls it: a double is printed
	 * as the shortest decimal that reads back as it. */
	bool (*value)(const struct fn_row *row, struct buf *out);

	/* Appends what stands behind the name of row->nth of its measures ("_p50"). False: it has
	 * not as many. NULL: there is one, without anything. */
	bool (*suffix)(const struct fn_row *row, struct buf *out);

	/* The value in SQL (agg/fn_sql.h). NULL: it cannot be told there, and views of stores leave
	 * the measure out. */
	bool (*sql)(const struct fn_sql *m, struct buf *out);
	bool sql_halves; /* struct fn_sql: halves */
};

/* NULL: there is none of this name. p and the digits of a quantile are a name of one. */
const struct agg_fn *fn_find(struct slice name);
/* All of them, NULL behind the last. */
extern const struct agg_fn *const fn_all[];

/* The columns of a measure; how many there are. */
unsigned fn_parts(const struct agg_fn *fn, const struct fn_args *a, struct fn_part *out);

/* The cell of that part and rule; NULL: there is none. */
const struct cell *fn_cell(const struct fn_row *row, enum column_rule rule, const char *part);

/* Appends a finite double. */
void fn_put_double(double v, struct buf *out);
/* Appends the exact quotient of two numbers, rounded once to a double. below > 0. */
void fn_put_ratio(dec above, dec below, struct buf *out);

/* The measure of a row whose name comes next behind `last` (p NULL: the first), with one of its
 * columns. False: there is none. */
bool fn_next_measure(const struct cell *cell, size_t n, struct slice last,
		     struct column_name *next);

/* The measures of a row in order of their names, those of one --agg together, from its cells:
 * value is JSON. Measures of
 * operations that are not known here are left out. Slices are valid during the call. */
typedef void fn_measure(void *arg, struct slice name, struct slice value);
void fn_each_measure(const struct cell *cell, size_t n, int64_t window_us, fn_measure *call,
		     void *arg);

/* Appends the measures that are read from sketches as an object, for stores that keep them beside
 * the sketches, so that reading a number needs no function. False, and nothing is added: there is
 * no sketch. */
bool fn_estimates(const struct cell *cell, size_t n, struct buf *out);

/* Appends them as an object: {"latency":4.5,..}. */
void fn_measures(const struct cell *cell, size_t n, int64_t window_us, struct buf *out);

#endif
