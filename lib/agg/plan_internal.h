/* Inside of the plan: plan_builder.c (options), plan.c (what becomes of them), plan_keys.c (keys
 * that metrics share), plan_rules.c (rules as options), plan_describe.c (what others are told). */
#ifndef AGG_PLAN_INTERNAL_H
#define AGG_PLAN_INTERNAL_H

#include "agg/plan.h"
#include "base/arena.h"

struct plan_dim {
	struct slice path, as;
	struct shape shape;
};

/* Options of one metric, or everybody's. NULL or false: not given. */
struct scope {
	const char *name;
	struct window_given window;
	struct window_given line; /* what of it rules in one line say */
	bool has_by, has_agg;
	struct buf by;        /* lists, joined by commas */
	struct plan_dim *dim; /* those of rules that are more than a path */
	size_t n_dims;
	const char *value, *uniq, *where, *top, *fold;
	uint64_t groups_max; /* 0: not given */
	const char **agg;
	size_t n_aggs;
};

struct plan_builder {
	struct scope *scope; /* [0] is everybody's */
	size_t n;
	int64_t max_ahead_us;
	bool ahead_dead;
	struct zone *zone;
	struct timeform *form;
	struct arena texts; /* of rules */
};

/* Where options go now: everybody's, or the last metric's. */
struct scope *plan_scope(struct plan_builder *b);

/* A length that was given before and is another one now, by a rule in one line or beside one: two
 * windows are asked for. EX_USAGE. */
int plan_one_window(const struct window_given *before, const char *option, int64_t us,
		    struct err *err);

/* Adds the dimensions that were given to a metric. EX_USAGE. */
int plan_add_dims(const struct scope *s, struct metric *m, struct err *err);

/* The number of the metric's key, a new one if need be; its fields are known. */
size_t plan_key_of(struct plan *p, const struct plan_metric *m);

#endif
