/* Sessions of one metric, out of groups of panes of the gap (window_session.c), each with the times
 * of its first and last event. In the order of time, a group goes on with its key's session if it
 * is less than the gap behind the last event of that and less than the longest length behind the
 * first. So sessions depend on the events alone, and on which were late.
 *
 * Pane by pane: a pane whose end the caller's mark has passed has all its events, and tells which
 * sessions of the pane before it have ended. Those are written, in the order of their ends, then of
 * their dimensions. */
#ifndef AGG_SESSIONS_H
#define AGG_SESSIONS_H

#include "agg/emit.h"

struct sessions;

struct sessions *sessions_new(struct metric_def *def);
void sessions_free(struct sessions *s); /* NULL is fine */

/* As closing_next and closing_close (agg/closing.h): of the next pane. */
bool sessions_next(const struct sessions *s, const struct metric_state *m, int64_t *end_us);
int sessions_close(struct sessions *s, struct metric_state *m, struct emit *e, struct err *err);

#endif
