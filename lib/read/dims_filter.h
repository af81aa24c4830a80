/* Which rows are wanted, by their dimensions, and which dimensions stay: KEY=VALUE terms and the
 * keys to add up by. */
#ifndef READ_DIMS_FILTER_H
#define READ_DIMS_FILTER_H

#include "base/arena.h"
#include "base/err.h"
#include "row/dims.h"

struct dims_term {
	struct slice key, value;
	struct buf number; /* canonical, where the value is one */
	bool exact;        /* the value has a type */
	enum dim_tag tag;
};

/* {0}: all rows, all dimensions. Keys and values are slices of the texts that were given. */
struct dims_filter {
	struct dims_term *term;
	size_t terms;
	bool has_by;
	struct slice *by; /* in order of bytes, distinct */
	size_t n_by;
};
void dims_filter_fini(struct dims_filter *f);

/* "KEY=VALUE", KEY a name or a path of one step (.name); text is borrowed until _fini. A value
 * stands for a string, and where it is one, for a number, true, false or null. EX_USAGE. */
int dims_filter_add(struct dims_filter *f, const char *text, struct err *err);

/* A term whose value is of this type: 200 is not "200". name and value are borrowed until _fini. */
void dims_filter_exact(struct dims_filter *f, const struct dim *d);

/* "KEY,KEY,..", borrowed likewise; "" is no key: all rows of a window become one. EX_USAGE. */
int dims_filter_by(struct dims_filter *f, const char *text, struct err *err);

/* Values of one key are alternatives, keys all hold. */
bool dims_filter_match(const struct dims_filter *f, const struct dim *d, size_t n);

/* The dimensions of `by` alone, those that are not there as DIM_MISSING: n_by entries, in a. */
struct dim *dims_filter_reduce(const struct dims_filter *f, const struct dim *d, size_t n,
			       struct arena *a);

#endif
