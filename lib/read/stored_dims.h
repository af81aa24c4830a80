/* Dimensions as a store gives them back, a JSON object whose members stand in any order: read,
 * ordered, and as people see them. */
#ifndef READ_STORED_DIMS_H
#define READ_STORED_DIMS_H

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"
#include "row/dims.h"

/* {0} to start, reuse */
struct stored_dims {
	struct json json;
	struct buf scratch;
};
void stored_dims_fini(struct stored_dims *p);

/* The members in order of their names, in `a`. EX_DATAERR: no object, or a member that is no
 * dimension. */
int stored_dims_parse(struct stored_dims *p, struct slice text, struct arena *a, struct dim **out,
		      size_t *n, struct err *err);

/* NULL: there is none of that name, or it is DIM_MISSING. */
const struct dim *stored_dim(const struct dim *d, size_t n, struct slice name);

/* The order of rows: by name; missing, null, false, true, numbers by their size, strings by their
 * bytes. It is the order in which hta-window writes the groups of a window. */
int stored_dims_cmp(const struct dim *a, size_t na, const struct dim *b, size_t nb);

/* Appends the value as people read it: "-" missing, "" an empty string. d NULL: missing. */
void stored_dim_text(const struct dim *d, struct buf *out);

#endif
