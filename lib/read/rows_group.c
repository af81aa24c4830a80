/* A row of the store becomes a row of the window: copied as it is, or merged into the row of its
 * group where keys are given or windows become steps. Groups are found by the hash of what is left
 * of their dimensions, in a table of open addressing at most half full, emptied where a window
 * begins: a window of a million rows is added up without a search. Sketches are merged decoded and
 * encoded once, when the window is complete. */
#include <stdlib.h>

#include "agg/fn.h"
#include "base/mem.h"
#include "read/rows_internal.h"
#include "sketch/hll.h"

static struct rows_row *add_row(struct rows_window *w)
{
	mem_reserve(&w->row, &w->cap, w->n + 1, sizeof(*w->row));
	w->row[w->n] = (struct rows_row){ 0 };
	return &w->row[w->n++];
}

static struct dim *copy_dims(const struct dim *d, size_t n, struct arena *a)
{
	struct dim *out = arena_alloc(a, (n + 1) * sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = (struct dim){ .name = arena_copy(a, d[i].name),
				       .tag = d[i].tag,
				       .value = arena_copy(a, d[i].value) };
	return out;
}

static struct cell *copy_cells(const struct rollup *row, struct arena *a)
{
	struct cell *out = row->cells ? arena_alloc(a, row->cells * sizeof(*out)) : NULL;

	for (size_t i = 0; i < row->cells; i++) {
		out[i].column.rule = row->cell[i].column.rule;
		out[i].column.name = arena_copy(a, row->cell[i].column.name);
		cell_copy(&out[i], &row->cell[i], a);
	}
	return out;
}

static struct rows_row *new_row(struct rows_reading *g, const struct rollup *row,
				const struct dim *d, size_t n)
{
	struct rows_window *w = g->now;
	struct rows_row *x = add_row(w);

	x->r = *row;
	x->r.start_us = w->start_us;
	x->r.end_us = w->end_us;
	x->r.metric = slice_z(g->range->metric);
	x->r.cell = copy_cells(row, &w->arena);
	x->dim = copy_dims(d, n, &w->arena);
	x->dims = n;
	g->text.n = 0;
	dims_json(x->dim, n, &g->text);
	x->r.dims = arena_copy(&w->arena, buf_slice(&g->text));
	x->r.sketch = rows_merge(g->range) || !g->range->sketch
			      ? slice(NULL, 0)
			      : arena_copy(&w->arena, row->sketch);
	return x;
}

/* The place of a hash among the groups of this window: *place is its slot. */
static struct rows_row *find_group(struct rows_reading *g, const uint8_t hash[16], size_t *place)
{
	uint64_t h;

	memcpy(&h, hash, sizeof(h));
	for (*place = h & (g->slots - 1); g->slot[*place]; *place = (*place + 1) & (g->slots - 1)) {
		struct rows_row *x = &g->now->row[g->slot[*place] - 1];

		if (memcmp(x->r.dims_hash, hash, 16) == 0)
			return x;
	}
	return NULL;
}

/* At most half full; emptied where a window begins. */
static void make_slots(struct rows_reading *g)
{
	size_t was = g->slots, place;

	if (g->now->n && 2 * (g->now->n + 1) <= g->slots)
		return;
	g->slots = was ? was : 64;
	while (2 * (g->now->n + 1) > g->slots)
		g->slots *= 2;
	if (g->slots != was)
		g->slot = mem_grow(g->slot, g->slots, sizeof(*g->slot));
	memset(g->slot, 0, g->slots * sizeof(*g->slot));
	for (size_t i = 0; i < g->now->n; i++) {
		find_group(g, g->now->row[i].r.dims_hash, &place);
		g->slot[place] = (uint32_t)i + 1;
	}
}

static int merge_uniq(struct rows_row *x, const struct rollup *row, struct err *err)
{
	struct hll *h;

	if (!row->has_uniq)
		return 0;
	h = hll_decode(row->sketch);
	if (!h)
		return err_set(err, EX_DATAERR, "metric %.*s: a stored sketch of %.*s is damaged",
			       (int)x->r.metric.n, x->r.metric.p,
			       (int)(row->dims.n > 200 ? 200 : row->dims.n), row->dims.p);
	x->r.has_uniq = true;
	if (!x->hll) {
		x->hll = h;
		return 0;
	}
	hll_merge(x->hll, h);
	hll_free(h);
	return 0;
}

static int add_to_group(struct rows_reading *g, const struct rollup *row, const struct dim *d,
			size_t n, struct err *err)
{
	struct rows_row *x;
	uint8_t hash[16];
	size_t place;

	memcpy(hash, row->dims_hash, sizeof(hash));
	if (g->range->filter->has_by) {
		d = dims_filter_reduce(g->range->filter, d, n, &g->scratch);
		n = g->range->filter->n_by;
		g->text.n = 0;
		dims_hash(d, n, &g->text, hash);
	}
	make_slots(g);
	x = find_group(g, hash, &place);
	if (!x) {
		x = new_row(g, row, d, n);
		memcpy(x->r.dims_hash, hash, sizeof(hash));
		g->slot[place] = (uint32_t)g->now->n;
	} else if (!rollup_add(&x->r, row, &g->now->arena)) {
		return err_set(err, EX_DATAERR,
			       "metric %.*s: a sum over %.*s is out of range, its rows have "
			       "different measures, or a stored sketch is damaged",
			       (int)x->r.metric.n, x->r.metric.p, (int)x->r.dims.n, x->r.dims.p);
	}
	return merge_uniq(x, row, err);
}

int rows_group_add(struct rows_reading *g, const struct rollup *row, const struct dim *d, size_t n,
		   struct err *err)
{
	if (rows_merge(g->range))
		return add_to_group(g, row, d, n, err);
	new_row(g, row, d, n);
	return 0;
}

/* Measures; estimate and sketch of what was merged. */
static void close_row(struct rows_reading *g, struct rows_window *w, struct rows_row *row)
{
	if (row->r.cells) {
		g->text.n = 0;
		fn_measures(row->r.cell, row->r.cells, w->end_us - w->start_us, &g->text);
		row->r.measures = arena_copy(&w->arena, buf_slice(&g->text));
	}
	if (!row->hll)
		return;
	row->r.uniq = hll_count(row->hll);
	g->text.n = 0;
	if (g->range->sketch)
		hll_encode(row->hll, &g->text);
	row->r.sketch = arena_copy(&w->arena, buf_slice(&g->text));
	hll_free(row->hll);
	row->hll = NULL;
}

void rows_group_close(struct rows_reading *g, struct rows_window *w)
{
	for (size_t i = 0; i < w->n; i++)
		close_row(g, w, &w->row[i]);
}
