/* A new list is made: for each window of the axis the one that was read, or an empty one, gets rows
 * of the series that it lacks. Series and the rows of a window are both in order of their
 * dimensions, so that is a merge. */
#include "read/rows_fill.h"

#include <stdlib.h>

#include "agg/fn.h"
#include "base/mem.h"
#include "read/stored_dims.h"
#include "sketch/hll.h"

enum { FILLED_MAX = 5000000 }; /* rows, which are all in memory */

/* Windows that tile the time: numbered, with bounds. */
struct axis {
	const struct steps *steps; /* NULL: of one length */
	int64_t origin_us, length_us;
	int64_t every_us; /* from a start to the next: less than the length where they overlap */
};

struct series_set {
	const struct rows_row **row; /* one of each series, in order */
	size_t n, cap;
};

/* ---- the axis */

static int64_t axis_start(const struct axis *a, int64_t number)
{
	return a->steps ? steps_start(a->steps, number) : a->origin_us + number * a->every_us;
}

static int64_t axis_end(const struct axis *a, int64_t number)
{
	return a->steps ? steps_start(a->steps, number + 1) : axis_start(a, number) + a->length_us;
}

/* The number of the first window that starts at us or later. */
static int64_t axis_number(const struct axis *a, int64_t us)
{
	int64_t from_origin = us - a->origin_us, n;

	if (a->steps) {
		n = steps_number(a->steps, us);
		return n + (steps_start(a->steps, n) < us);
	}
	n = from_origin / a->every_us;
	return n + (from_origin % a->every_us > 0);
}

static int make_axis(const struct rows_list *l, const struct rows_range *range, struct axis *a,
		     struct err *err)
{
	const struct steps *steps = range->steps;
	const struct rows_window *first = l->window[0];

	*a = (struct axis){ steps, first->start_us, first->end_us - first->start_us, 0 };
	a->every_us = range->hops ? range->hops->slide_us : a->length_us;
	for (size_t i = 0; i < l->n && !steps; i++) {
		const struct rows_window *w = l->window[i];

		if (a->length_us <= 0 || w->end_us - w->start_us != a->length_us ||
		    (w->start_us - a->origin_us) % a->every_us)
			return err_set(err, EX_USAGE,
				       "windows there have different lengths: --fill cannot tell "
				       "which are missing (--step adds them up)");
	}
	return 0;
}

/* ---- series */

static int fill_by_dims(const void *a, const void *b)
{
	const struct rows_row *x = *(const struct rows_row *const *)a,
			      *y = *(const struct rows_row *const *)b;

	return stored_dims_cmp(x->dim, x->dims, y->dim, y->dims);
}

static void collect_series(const struct rows_list *l, struct series_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->window[i]->n; k++) {
			mem_reserve(&s->row, &s->cap, s->n + 1, sizeof(const struct rows_row *));
			s->row[s->n++] = &l->window[i]->row[k];
		}
	qsort(s->row, s->n, sizeof(const struct rows_row *), fill_by_dims);
	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || fill_by_dims(&s->row[n - 1], &s->row[i]) != 0)
			s->row[n++] = s->row[i];
	s->n = n;
}

/* ---- rows */

static struct cell *empty_cells(const struct rollup *of, struct arena *a)
{
	struct cell *cell = of->cells ? arena_alloc(a, of->cells * sizeof(*cell)) : NULL;

	for (size_t i = 0; i < of->cells; i++) {
		enum column_rule rule = of->cell[i].column.rule;

		cell[i] = (struct cell){ .empty = rule >= COLUMN_MIN };
		cell[i].column = (struct column){ rule, arena_copy(a, of->cell[i].column.name) };
		if (rule == COLUMN_SUM)
			cell[i].value = 0;
	}
	return cell;
}

struct rollup rows_fill_none(const struct rollup *of, struct arena *a)
{
	return (struct rollup){ .has_value = of->has_value,
				.has_uniq = of->has_uniq,
				.cell = empty_cells(of, a),
				.cells = of->cells };
}

static void add_texts(struct rows_row *row, bool sketch, struct arena *a)
{
	struct hll *none = hll_new();
	struct buf text = { 0 };

	if (row->r.cells) {
		fn_measures(row->r.cell, row->r.cells, row->r.end_us - row->r.start_us, &text);
		row->r.measures = arena_copy(a, buf_slice(&text));
	}
	text.n = 0;
	if (row->r.has_uniq && sketch) {
		hll_encode(none, &text);
		row->r.sketch = arena_copy(a, buf_slice(&text));
	}
	buf_fini(&text);
	hll_free(none);
}

static struct dim *own_dims(const struct rows_row *of, struct arena *a)
{
	struct dim *d = arena_alloc(a, (of->dims + 1) * sizeof(*d));

	for (size_t i = 0; i < of->dims; i++)
		d[i] = (struct dim){ arena_copy(a, of->dim[i].name), of->dim[i].tag,
				     arena_copy(a, of->dim[i].value) };
	return d;
}

/* A row of the series of `of` without an event. All that it points to is of its own window. */
static struct rows_row empty_row(const struct rows_row *of, struct rows_window *w, bool unknown,
				 bool sketch)
{
	struct rows_row row = { .dims = of->dims, .unknown = unknown };

	row.dim = own_dims(of, &w->arena);
	row.r = (struct rollup){ .metric = of->r.metric,
				 .start_us = w->start_us,
				 .end_us = w->end_us,
				 .dims = arena_copy(&w->arena, of->r.dims) };
	memcpy(row.r.dims_hash, of->r.dims_hash, sizeof(row.r.dims_hash));
	if (unknown)
		return row;
	row.r.has_value = of->r.has_value;
	row.r.has_uniq = of->r.has_uniq;
	row.r.cell = empty_cells(&of->r, &w->arena);
	row.r.cells = of->r.cells;
	add_texts(&row, sketch, &w->arena);
	return row;
}

/* The window's rows are replaced by as many as there are series. Returns the array that they were
 * in: the series are in those. */
static struct rows_row *fill_window(struct rows_window *w, const struct series_set *s,
				    const struct rows_range *range)
{
	bool unknown = !finality_final(&range->finality, w->start_us, w->end_us);
	struct rows_row *row = mem_array(s->n, sizeof(*row)), *was = w->row;
	size_t had = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct rows_row *next = had < w->n ? &w->row[had] : NULL;

		if (next && fill_by_dims(&next, &s->row[i]) == 0)
			row[i] = w->row[had++];
		else
			row[i] = empty_row(s->row[i], w, unknown, range->sketch);
	}
	w->row = row;
	w->n = w->cap = s->n;
	return was;
}

static void fill_windows(struct rows_list *l, const struct series_set *s,
			 const struct rows_range *range)
{
	struct rows_row **was = mem_array(l->n, sizeof(struct rows_row *));

	for (size_t i = 0; i < l->n; i++)
		was[i] = fill_window(l->window[i], s, range);
	for (size_t i = 0; i < l->n; i++)
		free(was[i]);
	free(was);
	l->rows = l->n * s->n;
}

/* ---- windows */

static struct rows_window *empty_window(const struct axis *a, int64_t number,
					const struct finality *f)
{
	struct rows_window *w = mem_zalloc(sizeof(*w));

	w->start_us = axis_start(a, number);
	w->end_us = axis_end(a, number);
	w->open = finality_open(f, w->end_us);
	return w;
}

/* Windows of the axis from the one numbered `from` to the one before `to`, into out: those of l,
 * others without a row. What is left out stays in l. */
static void lay_out(struct rows_list *l, const struct axis *a, int64_t from, int64_t to,
		    const struct rows_filling *f, struct rows_list *out)
{
	const struct finality *finality = &f->range->finality;
	struct err none;
	size_t had = 0;

	for (int64_t n = from; n < to; n++) {
		int64_t start_us = axis_start(a, n), end_us = axis_end(a, n);
		bool left_out = f->final && !finality_final(finality, start_us, end_us);
		bool is;

		if (end_us == start_us)
			continue;
		is = had < l->n && l->window[had]->start_us == start_us;
		if (!left_out)
			rows_list_take(out, is ? l->window[had] : empty_window(a, n, finality),
				       &none);
		if (is && !left_out)
			l->window[had] = NULL;
		had += is;
	}
}

int rows_fill(struct rows_list *l, const struct rows_filling *f, struct err *err)
{
	struct series_set series = { 0 };
	struct rows_list out = { 0 };
	struct axis a;
	int64_t from_us, to_us, from, to;
	int rc = 0;

	if (!l->n)
		return 0;
	if (make_axis(l, f->range, &a, err))
		return -1;
	from_us = l->window[0]->start_us;
	to_us = l->window[l->n - 1]->start_us + 1;
	from_us = f->from_us != POS_NONE && f->from_us < from_us ? f->from_us : from_us;
	to_us = f->to_us != POS_NONE && f->to_us > to_us ? f->to_us : to_us;
	from = axis_number(&a, from_us);
	to = axis_number(&a, to_us);
	collect_series(l, &series);
	if ((uint64_t)(to - from) > FILLED_MAX / series.n)
		rc = err_set(
			err, EX_USAGE,
			"%llu windows of %zu series are too many to fill: take a shorter time, "
			"a longer --step or --by",
			(unsigned long long)(to - from), series.n);
	if (rc == 0) {
		lay_out(l, &a, from, to, f, &out);
		fill_windows(&out, &series, f->range);
		rows_list_fini(l);
		*l = out;
	}
	free(series.row);
	return rc;
}
