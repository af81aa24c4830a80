/* Rows out of group tables. A delta shows a pane of its metric's windows, a final row the whole
 * window that begins with it. Final rows are in the order of metric, window start and dimensions
 * (key_cmp), which depends on the groups only; deltas in that of the table: a sink sorts them
 * its own way. */
#ifndef AGG_EMIT_H
#define AGG_EMIT_H

#include "agg/metric_state.h"

/* Takes rows: whole lines. 0, or -1 with err, which ends the emission. */
typedef int emit_fn(void *arg, struct slice lines, uint64_t rows, struct err *err);

/* Runs call(arg, 0) .. call(arg, n - 1) at the same time, and returns when all have. */
struct emit_threads {
	unsigned n;
	void (*run)(void *self, unsigned n, void (*call)(void *arg, unsigned i), void *arg);
	void *self;
};

struct emit;

/* add: rows are deltas ("op":"add"), else final. sketch: with uniq_sketch. threads:
 * who formats large numbers of rows; n 0: the caller alone. */
struct emit *emit_new(bool add, bool sketch, const struct emit_threads *threads, emit_fn *fn,
		      void *arg);
void emit_free(struct emit *e);

/* All groups of a metric, which stay. */
int emit_table(struct emit *e, const struct metric_state *s, struct err *err);
/* Its earliest window (tables with windows). */
int emit_earliest(struct emit *e, const struct metric_state *s, struct err *err);

/* Hands over what is left of the last calls. */
int emit_flush(struct emit *e, struct err *err);

#endif
