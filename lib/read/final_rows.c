/* Rows of a range of ends, over rows_read, which knows ranges of starts: a window that ends behind
 * `after` starts behind `after` less the length of windows, and whatever else comes is passed over
 * by its end. Where windows overlap, what is stored and handed on are their panes: a table that
 * they are written to has the same definition, so whoever reads it adds them up as here. */
#include "read/final_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/tm.h"

struct final_reading {
	const struct final_range *range;
	rows_window_fn *fn;
	void *arg;
	uint64_t rows;
	int64_t reached_us;
	bool enough;
};

int64_t final_mark(const struct metric_found *m)
{
	return m->finality.until_us < TM_MAX_US ? m->finality.until_us : TM_MAX_US;
}

static int by_key(const void *a, const void *b)
{
	const struct rows_row *x = a, *y = b;

	return memcmp(x->r.dims_hash, y->r.dims_hash, sizeof(x->r.dims_hash));
}

static int take_final(void *arg, struct rows_window *w, struct err *err)
{
	struct final_reading *g = arg;
	const struct final_range *r = g->range;

	if (w->end_us <= r->after_us || w->end_us > r->until_us ||
	    !finality_whole(r->finality, w->start_us, w->end_us)) {
		rows_window_free(w);
		return 0;
	}
	if (r->enough && r->length_us && g->rows >= r->enough && w->end_us > g->reached_us) {
		rows_window_free(w);
		g->enough = true;
		return -1;
	}
	qsort(w->row, w->n, sizeof(*w->row), by_key);
	g->rows += w->n;
	g->reached_us = w->end_us;
	return g->fn(g->arg, w, err);
}

int final_rows_read(const struct read_store *store, const struct final_range *r, rows_window_fn *fn,
		    void *arg, int64_t *reached_us, struct err *err)
{
	struct final_reading g = { r, fn, arg, .reached_us = POS_NONE };
	struct dims_filter all = { 0 };
	struct rows_range range = { .metric = r->metric,
				    .to_us = r->until_us,
				    .sketch = true,
				    .finality = finality_plain(),
				    .filter = &all };
	struct rows_found found = { 0 };
	int rc;

	*reached_us = r->after_us;
	if (r->until_us <= r->after_us)
		return 0;
	range.from_us = r->length_us && r->after_us >= TM_MIN_US + r->length_us
				? r->after_us - r->length_us + 1
				: TM_MIN_US;
	rc = rows_read(store, &range, take_final, &g, &found, err);
	rows_found_fini(&found);
	if (rc && !g.enough)
		return -1;
	*reached_us = g.enough ? g.reached_us : r->until_us;
	return 0;
}
