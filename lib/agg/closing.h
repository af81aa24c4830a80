/* Windows of one metric closing, on a plain stream: from groups to final rows.
 *
 * A window closes once, all its rows together, in the order of their ends; when, is the caller's
 * business. What the table holds are panes (window_kind.h): a window of several is added up here,
 * and a pane is forgotten with the last window that has it. */
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
 * panes is out of range; else what emit's function returns. */
int closing_close(struct closing *c, struct metric_state *s, struct emit *e, struct err *err);

#endif
