/* Windows of one metric closing, on a plain stream: from groups to final rows.
 *
 * A window closes once, all its rows together, in the order of their ends; when, is the caller's
 * business. What the table holds are panes (window_kind.h): a window of several is added up here,
 * and a pane is forgotten with the last window that has it.
 *
 * Of a metric that folds (metric_final), a window with more groups than its bound has METRIC_OTHER
 * for those dimensions in all of its rows, whatever the order of lines: so its rows depend on its
 * events alone. closing_bound does that to panes before their windows close, so that no pane holds
 * many more groups than the bound. Then, of a metric with a top, all rows of a window but those of
 * the highest numbers become one, of METRIC_OTHER in all dimensions. */
#ifndef AGG_CLOSING_H
#define AGG_CLOSING_H

#include "agg/emit.h"

struct closing;

/* Whether final rows of such a metric come out window by window only: a table as it stands is not
 * what they show. */
bool closing_by_window(const struct metric_def *def);

struct closing *closing_new(struct metric_def *def);
void closing_free(struct closing *c); /* NULL is fine */

/* The end of the window that closes next; false: none is open. s is the metric's state, whose table
 * lists windows. */
bool closing_next(const struct closing *c, const struct metric_state *s, int64_t *end_us);

/* Writes that window's rows, and forgets what no later one has. EX_DATAERR: a sum over several
 * groups is out of range, or a folded window is still beyond its bound; else what emit's function
 * returns. */
int closing_close(struct closing *c, struct metric_state *s, struct emit *e, struct err *err);

/* Folds what is beyond the metric's bound; to be called now and then. EX_DATAERR as above. */
int closing_bound(struct closing *c, struct metric_state *s, struct err *err);

/* How many windows, or panes of them, were folded; text: the first of them and its heaviest
 * groups. */
uint64_t closing_folded(const struct closing *c, const char **text);

#endif
