/* Rows come from the store a window at a time and in any order inside it.
 *
 *   driver -> step -> match -> group (rows_group.c) -> window complete: order -> fn
 *                                                                             `-> kept, limit -> fn
 *
 * Without a limit a window is handed out as it is complete. With one the newest rows are wanted,
 * and which those are is known at the end: windows are kept, and the oldest fall out as soon as
 * the others have enough, so memory is that of the limit and one window. */
#include "read/rows.h"

#include <stdlib.h>

#include "base/mem.h"
#include "read/rows_internal.h"
#include "sketch/hll.h"

/* ---- windows */

static struct rows_window *rows_window_new(const struct read_span *span, const struct finality *f)
{
	struct rows_window *w = mem_zalloc(sizeof(*w));

	w->start_us = span->start_us;
	w->end_us = span->end_us;
	w->open = finality_open(f, span->end_us);
	return w;
}

void rows_window_free(struct rows_window *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		hll_free(w->row[i].hll);
	free(w->row);
	arena_fini(&w->arena);
	free(w);
}

void rows_list_fini(struct rows_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		rows_window_free(l->window[i]);
	free(l->window);
	*l = (struct rows_list){ 0 };
}

int rows_list_take(void *list, struct rows_window *w, struct err *err)
{
	struct rows_list *l = list;

	(void)err;
	mem_reserve(&l->window, &l->cap, l->n + 1, sizeof(*l->window));
	l->window[l->n++] = w;
	l->rows += w->n;
	return 0;
}

void rows_found_fini(struct rows_found *f)
{
	names_fini(&f->seen);
	names_fini(&f->shown);
}

static int rows_by_dims(const void *a, const void *b)
{
	const struct rows_row *x = a, *y = b;

	return stored_dims_cmp(x->dim, x->dims, y->dim, y->dims);
}

static int rows_by_count(const void *a, const void *b)
{
	const struct rows_row *x = a, *y = b;

	return x->r.count == y->r.count ? rows_by_dims(a, b) : x->r.count > y->r.count ? -1 : 1;
}

/* ---- the limit */

/* Drops the oldest windows of which the limit leaves nothing. */
static bool drop_windows(struct rows_list *l, uint64_t limit)
{
	size_t gone = 0;

	while (gone < l->n && l->rows - l->window[gone]->n >= limit) {
		l->rows -= l->window[gone]->n;
		rows_window_free(l->window[gone++]);
	}
	memmove(l->window, l->window + gone, (l->n - gone) * sizeof(*l->window));
	l->n -= gone;
	return gone;
}

/* What is beyond the limit in the oldest window: its first rows, or its last ones. */
static bool cut_window(struct rows_list *l, uint64_t limit, bool last)
{
	struct rows_window *w = l->n ? l->window[0] : NULL;
	uint64_t beyond = l->rows > limit ? l->rows - limit : 0;

	if (!beyond)
		return false;
	l->rows = limit;
	w->n -= beyond;
	if (!last)
		memmove(w->row, w->row + beyond, w->n * sizeof(*w->row));
	return true;
}

bool rows_list_newest(struct rows_list *l, uint64_t limit)
{
	bool dropped = drop_windows(l, limit);

	return cut_window(l, limit, false) || dropped;
}

static int hand_out(struct rows_reading *g, struct rows_window *w, struct err *err)
{
	g->found->rows += w->n;
	return g->fn(g->arg, w, err);
}

static int hand_out_kept(struct rows_reading *g, struct err *err)
{
	int rc = 0;

	if (g->range->limit && cut_window(&g->kept, g->range->limit, g->range->one))
		g->found->more = true;
	for (size_t i = 0; i < g->kept.n && rc == 0; i++) {
		struct rows_window *w = g->kept.window[i];

		g->kept.window[i] = NULL;
		rc = hand_out(g, w, err);
	}
	return rc;
}

/* ---- rows */

static void note_shown(struct rows_reading *g, const struct rows_window *w)
{
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->row[i].dims; k++)
			if (w->row[i].dim[k].tag != DIM_MISSING || g->range->filter->has_by)
				names_add(&g->found->shown, w->row[i].dim[k].name);
}

static bool is_wanted(const struct rows_reading *g, const struct rows_window *w)
{
	return w->n &&
	       (!g->range->final || finality_final(&g->range->finality, w->start_us, w->end_us));
}

static int end_window(struct rows_reading *g, struct err *err)
{
	struct rows_window *w = g->now;

	g->now = NULL;
	if (!w || !is_wanted(g, w)) {
		rows_window_free(w);
		return 0;
	}
	rows_group_close(g, w);
	qsort(w->row, w->n, sizeof(*w->row), g->range->top ? rows_by_count : rows_by_dims);
	note_shown(g, w);
	if (!g->range->limit)
		return hand_out(g, w, err);
	rows_list_take(&g->kept, w, err);
	if (!g->range->one && drop_windows(&g->kept, g->range->limit))
		g->found->more = true;
	return 0;
}

/* g->window becomes the window that the rows of g->stored come into. */
static int find_window(struct rows_reading *g, struct err *err)
{
	const struct steps *steps = g->range->steps;
	int64_t length_us = g->stored.end_us - g->stored.start_us;

	g->window = g->stored;
	if (!steps)
		return 0;
	if (length_us <= 0)
		return err_set(err, EX_DATAERR, "metric %s: a stored window has no length",
			       g->range->metric);
	if (g->stored.start_us % length_us)
		return err_set(
			err, EX_USAGE,
			"metric %s: windows there overlap, or are of no fixed length: a step "
			"would have events several times",
			g->range->metric);
	if (length_us != g->checked_us &&
	    steps_check(steps, length_us, g->stored.start_us, g->range->to_us, err))
		return -1;
	g->checked_us = length_us;
	return steps_hold(steps, &g->window.start_us, &g->window.end_us, err);
}

static int take_stored_row(void *arg, const struct rollup *row, struct err *err)
{
	struct rows_reading *g = arg;
	struct read_span stored = { row->start_us, row->end_us };
	struct dim *d;
	size_t n;

	if (read_span_cmp(&g->stored, &stored) != 0) {
		g->stored = stored;
		if (find_window(g, err))
			return -1;
	}
	if (g->now &&
	    (g->now->start_us != g->window.start_us || g->now->end_us != g->window.end_us) &&
	    end_window(g, err))
		return -1;
	if (!g->now)
		g->now = rows_window_new(&g->window, &g->range->finality);
	arena_reset(&g->scratch);
	if (stored_dims_parse(&g->dims, row->dims, &g->scratch, &d, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		names_add(&g->found->seen, d[i].name);
	return dims_filter_match(g->range->filter, d, n) ? rows_group_add(g, row, d, n, err) : 0;
}

/* The store may choose the highest counts itself where each of its rows is one of ours; one more
 * than the limit tells that there are others. */
static struct read_range range_of_store(const struct rows_range *r)
{
	bool all = !rows_merge(r) && !r->filter->terms;

	return (struct read_range){ .metric = r->metric,
				    .from_us = r->from_us,
				    .to_us = r->to_us,
				    .end_us = r->end_us,
				    .sketch = r->sketch || rows_merge(r),
				    .top = r->top && all && r->limit ? r->limit + 1 : 0 };
}

int rows_read(const struct read_store *store, const struct rows_range *range, rows_window_fn *fn,
	      void *arg, struct rows_found *found, struct err *err)
{
	struct rows_reading g = { .range = range, .fn = fn, .arg = arg, .found = found };
	struct read_range of_store = range_of_store(range);
	int rc;

	if (range->hops)
		rc = hops_read(store, range->hops, &of_store, take_stored_row, &g,
			       &found->kept_from_us, err);
	else
		rc = store->driver->rows(store->d, &of_store, take_stored_row, &g, err);
	if (rc == 0)
		rc = end_window(&g, err);
	if (rc == 0)
		rc = hand_out_kept(&g, err);
	rows_window_free(g.now);
	rows_list_fini(&g.kept);
	stored_dims_fini(&g.dims);
	arena_fini(&g.scratch);
	buf_fini(&g.text);
	free(g.slot);
	return rc;
}
