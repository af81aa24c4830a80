/* What an engine has counted for one metric: its groups, open windows among them, and counters.
 * An object of its own, so that it outlives the plan it began under: where rules change
 * (engine_replan), the state of a metric that stays moves to the new plan as it is.
 *
 * It holds its definition, and nothing of a plan: which fields and columns of a scan the metric
 * is counted from is the engine's business, and is told to it anew with each plan. */
#ifndef AGG_METRIC_STATE_H
#define AGG_METRIC_STATE_H

#include "agg/metric_def.h"
#include "agg/table.h"

struct metric_state {
	struct metric_def *def; /* a reference */
	struct table *table;
	uint64_t counted; /* lines, each element of an array as one, since the metric began */
};

/* Empty. windows: its table lists groups by window, so that they can close one by one; where
 * closing_by_window says so it does in any case. */
struct metric_state *metric_state_new(struct metric_def *def, bool windows);
void metric_state_free(struct metric_state *s); /* NULL is fine */

/* Adds all groups of `from`, which has an equal definition and is empty then. EX_DATAERR as from
 * table_merge. */
int metric_state_merge(struct metric_state *s, struct metric_state *from, struct err *err);

/* Forgets all groups; what was counted stays. */
void metric_state_clear(struct metric_state *s);

#endif
