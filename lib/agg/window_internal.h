/* Inside of the engine: window.c (counting), window_why.c (what is wrong with a line that does not count). */
#ifndef AGG_WINDOW_INTERNAL_H
#define AGG_WINDOW_INTERNAL_H

#include "agg/key.h"
#include "agg/window.h"

struct window_metric {
	struct table *table;
	struct buf keys;             /* of the batch, one behind the other */
	const char *key[SCAN_BATCH];
	int64_t start_us;            /* window of the last line: most are in the same */
	uint64_t index;
};

struct window {
	const struct plan *plan;
	int64_t lateness_us, every_min_us;
	struct scan *scan;
	struct scan_batch batch;
	struct window_metric *metric;
	struct window_counts counts;
	struct value_clock clock;
	struct key_scratch scratch;

	/* Of the batch: an entry a line, sets with a bit a line. */
	int64_t time_us[SCAN_BATCH];
	dec (*value)[SCAN_BATCH];            /* a row a column of the plan */
	uint64_t *has_value, *rounded;
	uint64_t (*uniq)[SCAN_BATCH];
	uint64_t *has_uniq;
};

static inline const struct field *window_field(const struct window *w, unsigned line, size_t field)
{
	return &w->batch.field[line * w->plan->n_fields + field];
}

/* Why the line of the batch is dead, as text of err. BUG where it is not. */
void window_why(struct window *w, unsigned line, struct err *why);

#endif
