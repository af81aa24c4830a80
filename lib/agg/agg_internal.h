/* Inside of hta-window: agg_main.c (options), agg.c (the filter), agg_tell.c (what it tells people). */
#ifndef AGG_AGG_INTERNAL_H
#define AGG_AGG_INTERNAL_H

#include "agg/crew.h"
#include "agg/emit.h"
#include "agg/plan.h"
#include "agg/window.h"
#include "tool/dead.h"
#include "tool/stage.h"

struct agg {
	/* options */
	struct plan_builder *builder;
	const char *time, *late;
	int unit;                    /* enum value_unit */
	bool has_lateness, no_sketch, exact;
	int64_t lateness_us;
	uint64_t threads, max_groups;
	const char **file;           /* operands */
	size_t n_files;

	/* at work */
	struct stage *stage;
	struct plan *plan;
	struct window *window;
	struct crew *crew;           /* NULL: one thread */
	struct emit *emit;
	struct dead_file *late_file;
	struct window_counts total;
	bool in_file;                /* the crew reads, not the skeleton */
	bool endless;                /* nobody knows when the input ends */
	bool told_fields;
};

extern const struct filter agg_filter;

/* At the end of a plain stream on a terminal rows may be long in coming. */
void agg_tell_patience(const struct agg *a);
/* After lines were counted: what an endless input would never tell at its end. */
void agg_tell_early(struct agg *a);
/* At the end: fields that no line had, late and rounded ones. */
void agg_tell_end(struct agg *a);
/* EX_DATAERR, naming the dimension with the most values. */
int agg_too_many_groups(struct agg *a, struct err *err);

#endif
