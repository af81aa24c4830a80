/* Rows of a range of windows: filtered, added up (by dimensions, and windows into steps of time,
 * which are then the windows), ordered and handed out a window at a time. For
 * whoever shows what is stored: it knows no terminal, no option and no format. */
#ifndef READ_ROWS_H
#define READ_ROWS_H

#include "proto/finality.h"
#include "read/dims_filter.h"
#include "read/driver.h"
#include "read/names.h"
#include "read/rows_hops.h"
#include "read/steps.h"

struct rows_row {
	struct rollup r; /* its slices and cells are in the window's arena */
	struct dim *dim; /* in order of names */
	size_t dims;
	struct hll *hll; /* of rows_read; NULL in a window that was handed out */
	bool unknown;    /* of rows_fill: no row, in a window that is not final */
};

struct rows_window {
	int64_t start_us, end_us;
	bool open; /* by rows_range.finality */
	struct rows_row *row;
	size_t n, cap;
	struct arena arena;
};
void rows_window_free(struct rows_window *w); /* NULL is fine */

/* Windows that are kept, oldest first. {0} is empty */
struct rows_list {
	struct rows_window **window;
	size_t n, cap;
	uint64_t rows;
};
void rows_list_fini(struct rows_list *l);

/* Drops all but the newest rows; true: there were others. */
bool rows_list_newest(struct rows_list *l, uint64_t limit);

struct rows_range {
	const char *metric;             /* borrowed by the rows */
	int64_t from_us, to_us, end_us; /* as struct read_range has them */
	bool one;                       /* the range is one window: end_us is its end */
	bool final;                     /* only windows that are */
	bool top;                       /* by count, the highest first; else by dimensions */
	bool sketch;                    /* uniq_sketch is wanted */
	uint64_t limit; /* rows at most, 0: all. Of one window the first, else the newest */
	struct finality finality; /* of the metric: which windows are open */
	const struct dims_filter *filter;
	const struct steps *steps; /* windows are added up into these. NULL: they stay */
	const struct hops *hops;   /* ... from panes into these, without steps. NULL: they stay */
};

/* What was met. {0} to start */
struct rows_found {
	struct names seen;    /* dimensions of all rows, wanted or not */
	struct names shown;   /* of wanted rows, those beyond the limit among them */
	uint64_t rows;        /* handed out */
	bool more;            /* the limit has left out others */
	int64_t kept_from_us; /* of hops: as in struct hops, when all was read */
};
void rows_found_fini(struct rows_found *f);

/* Takes a window that has rows: rows_window_free, now or later. 0 to go on, -1 with err. */
typedef int rows_window_fn(void *arg, struct rows_window *w, struct err *err);

/* Keeps it; list is a struct rows_list. */
int rows_list_take(void *list, struct rows_window *w, struct err *err);

/* Windows in order of start and end. Without a limit each is handed out as soon as it is
 * complete, so memory is that of one window; with one, when all is read. 0, or -1 with err: the
 * driver's, fn's, EX_DATAERR where stored dimensions, sketches or sums are damaged, EX_USAGE where
 * a window does not fit into a step. found is filled in either case. */
int rows_read(const struct read_store *store, const struct rows_range *range, rows_window_fn *fn,
	      void *arg, struct rows_found *found, struct err *err);

#endif
