/* Counts as pictures, in eighths of a character where the terminal takes UTF-8.
 *
 *   /a  200  1234  ########################    latest, top: a bar a row, the longest as wide as
 *                                              the terminal leaves room
 *   /b  500    17  #
 *   /a  200  ::=+#@#+=::.  max 99              history: a line a series, each to its own
 *                                              maximum; a place is one window, or several (their
 *                                              sum) where
 *                                              there are more windows than places; a place
 *                                              without a row is empty */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "read/render.h"
#include "read/stored_dims.h"

enum { LEAST_PLACES = 10, MOST_PLACES = 1000 };

/* Places that names and numbers take in a line, the gap behind them included. */
static unsigned places_taken(const struct render *r, const struct rows_row *const *row, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < r->dims->n; i++) {
		unsigned most = grid_places(r->dims->v[i], r->utf8);

		for (size_t k = 0; k < n; k++) {
			struct buf text = { 0 };
			unsigned places;

			stored_dim_text(stored_dim(row[k]->dim, row[k]->dims, r->dims->v[i]),
					&text);
			places = grid_places(buf_slice(&text), r->utf8);
			most = places > most ? places : most;
			buf_fini(&text);
		}
		sum += most + 2;
	}
	return sum;
}

static unsigned places_left(unsigned places, unsigned taken)
{
	return places > taken + LEAST_PLACES ? places - taken : LEAST_PLACES;
}

/* A column of numbers up to n under this name, and the gap beside it. */
static unsigned plot_column(const char *name, uint64_t n)
{
	char text[24];
	int digits = snprintf(text, sizeof(text), "%" PRIu64, n);

	return 2 + (strlen(name) > (size_t)digits ? (unsigned)strlen(name) : (unsigned)digits);
}

/* ---- bars */

/* n of `most` as a bar of at most `width` places; what is not nothing is seen. */
static void bar(struct buf *out, uint64_t n, uint64_t most, unsigned width, bool utf8)
{
	static const char *const part[] = { "",       "\u258f", "\u258e", "\u258d",
					    "\u258c", "\u258b", "\u258a", "\u2589" };
	unsigned steps = utf8 ? 8 : 1;
	unsigned k = most ? (unsigned)((double)n / (double)most * width * steps + 0.5) : 0;

	k = n && !k ? 1 : k;
	for (unsigned i = 0; i < k / steps; i++)
		buf_addz(out, utf8 ? "\u2588" : "#");
	buf_addz(out, utf8 ? part[k % 8] : "");
}

void render_bars(const struct render *r, unsigned places, struct buf *out)
{
	const struct rows_window *w = r->rows->window[0];
	const struct rows_row **row = mem_array(w->n, sizeof(*row));
	struct grid *g = grid_new();
	struct buf text = { 0 };
	uint64_t most = 0;
	unsigned width;

	for (size_t i = 0; i < w->n; i++) {
		row[i] = &w->row[i];
		most = w->row[i].r.count > most ? w->row[i].r.count : most;
	}
	width = places_left(places, places_taken(r, row, w->n) + plot_column("count", most));
	render_dim_columns(r, g);
	grid_column(g, "count", GRID_RIGHT);
	grid_column(g, "", GRID_LEFT);
	for (size_t i = 0; i < w->n; i++) {
		render_dim_cells(r, row[i], g);
		grid_cellu(g, row[i]->r.count);
		text.n = 0;
		bar(&text, row[i]->r.count, most, width, r->utf8);
		grid_cell(g, buf_slice(&text));
	}
	render_title(r, out);
	grid_print(g, 0, r->width, r->utf8, out);
	grid_free(g);
	buf_fini(&text);
	free(row);
}

/* ---- sparklines */

struct series {
	const struct rows_row *row;
	uint64_t sum, most;
	uint64_t *place;
};

struct series_list {
	struct series *v;
	size_t n, cap;
	int64_t first_us, step_us;
	uint64_t windows, per_place;
	unsigned places;
};

static int plot_by_dims(const void *a, const void *b)
{
	const struct rows_row *x = ((const struct series *)a)->row,
			      *y = ((const struct series *)b)->row;

	return stored_dims_cmp(x->dim, x->dims, y->dim, y->dims);
}

static int plot_by_sum(const void *a, const void *b)
{
	const struct series *x = a, *y = b;

	return x->sum == y->sum ? plot_by_dims(a, b) : x->sum > y->sum ? -1 : 1;
}

/* All rows as series of one row each, in order of their dimensions; then equal ones become one.
 * Windows come in order, so a series' rows do. */
static void find_series(const struct rows_list *r, struct series_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->window[i]->n; k++) {
			mem_reserve(&l->v, &l->cap, l->n + 1, sizeof(*l->v));
			l->v[l->n++] = (struct series){ .row = &r->window[i]->row[k],
							.sum = r->window[i]->row[k].r.count };
		}
	qsort(l->v, l->n, sizeof(*l->v), plot_by_dims);
	for (size_t i = 0; i < l->n; i++) {
		if (n && plot_by_dims(&l->v[n - 1], &l->v[i]) == 0)
			l->v[n - 1].sum += l->v[i].sum;
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

/* Windows from the first one to that which starts there, whether they have rows or not. */
static uint64_t windows_before(const struct render *r, const struct series_list *l, int64_t us)
{
	if (r->steps)
		return (uint64_t)(steps_number(r->steps, us) - steps_number(r->steps, l->first_us));
	return (uint64_t)((us - l->first_us) / l->step_us);
}

/* The axis: from the first window to the last one, `per_place` windows a place. */
static void find_places(const struct render *r, struct series_list *l, unsigned width)
{
	const struct rows_window *first = r->rows->window[0],
				 *last = r->rows->window[r->rows->n - 1];

	width = width > MOST_PLACES ? MOST_PLACES : width;
	l->first_us = first->start_us;
	l->step_us = first->end_us > first->start_us ? first->end_us - first->start_us : 1;
	l->step_us = r->every_us ? r->every_us : l->step_us;
	l->windows = windows_before(r, l, last->start_us) + 1;
	l->per_place = (l->windows + width - 1) / width;
	l->places = (unsigned)((l->windows + l->per_place - 1) / l->per_place);
	for (size_t i = 0; i < l->n; i++)
		l->v[i].place = mem_array(l->places, sizeof(*l->v[i].place));
}

static void fill_places(const struct render *r, struct series_list *l)
{
	for (size_t i = 0; i < r->rows->n; i++) {
		const struct rows_window *w = r->rows->window[i];
		uint64_t at = windows_before(r, l, w->start_us) / l->per_place;

		for (size_t k = 0; k < w->n; k++) {
			struct series key = { .row = &w->row[k] };
			struct series *s = bsearch(&key, l->v, l->n, sizeof(*l->v), plot_by_dims);

			s->place[at] += key.row->r.count;
			s->most = s->place[at] > s->most ? s->place[at] : s->most;
		}
	}
}

static void spark(const struct series_list *l, const struct series *s, bool utf8, struct buf *out)
{
	static const char *const block[] = { " ",      "\u2581", "\u2582", "\u2583", "\u2584",
					     "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char ascii[] = " .:-=+*#@";

	for (unsigned i = 0; i < l->places; i++) {
		unsigned level = (unsigned)((double)s->place[i] / (double)(s->most ? s->most : 1) *
						    8 +
					    0.5);

		level = s->place[i] && !level ? 1 : level;
		if (utf8)
			buf_addz(out, block[level]);
		else
			buf_addc(out, ascii[level]);
	}
}

static void add_axis(const struct render *r, const struct series_list *l, struct buf *out)
{
	char text[TM_TEXT_BYTES];

	buf_addz(out, r->metric);
	buf_addz(out, ", ");
	buf_add(out, text, tm_text(l->first_us, text));
	buf_addz(out, " to ");
	buf_add(out, text, tm_text(r->rows->window[r->rows->n - 1]->end_us, text));
	buf_addz(out, ", ");
	if (r->steps && l->per_place > 1)
		buf_printf(out, "%" PRIu64 " x ", l->per_place);
	if (r->steps)
		steps_text(r->steps, out);
	else
		buf_add(out, text,
			(size_t)num_duration_text(l->step_us * (int64_t)l->per_place, text));
	buf_addz(out, " a place\n");
}

static void draw_series(const struct render *r, const struct series_list *l, size_t n,
			struct buf *out)
{
	struct grid *g = grid_new();
	struct buf text = { 0 };

	render_dim_columns(r, g);
	grid_column(g, "count", GRID_LEFT);
	grid_column(g, "max", GRID_RIGHT);
	grid_column(g, "sum", GRID_RIGHT);
	for (size_t i = 0; i < n; i++) {
		render_dim_cells(r, l->v[i].row, g);
		text.n = 0;
		spark(l, &l->v[i], r->utf8, &text);
		grid_cell(g, buf_slice(&text));
		grid_cellu(g, l->v[i].most);
		grid_cellu(g, l->v[i].sum);
	}
	add_axis(r, l, out);
	grid_print(g, 0, r->width, r->utf8, out);
	grid_free(g);
	buf_fini(&text);
}

/* The rows of all series and their widest number. */
static unsigned places_of_series(const struct render *r, const struct series_list *l)
{
	const struct rows_row **row = mem_array(l->n, sizeof(*row));
	uint64_t total = 0;
	unsigned taken;

	for (size_t i = 0; i < l->n; i++) {
		row[i] = l->v[i].row;
		total = l->v[i].sum > total ? l->v[i].sum : total;
	}
	taken = places_taken(r, row, l->n) + plot_column("max", total) + plot_column("sum", total);
	free(row);
	return taken;
}

bool render_sparks(const struct render *r, unsigned places, uint64_t limit, struct buf *out)
{
	struct series_list l = { 0 };
	bool all;

	find_series(r->rows, &l);
	find_places(r, &l, places_left(places, places_of_series(r, &l)));
	fill_places(r, &l);
	qsort(l.v, l.n, sizeof(*l.v), plot_by_sum);
	all = !limit || limit >= l.n;
	draw_series(r, &l, all ? l.n : limit, out);
	for (size_t i = 0; i < l.n; i++)
		free(l.v[i].place);
	free(l.v);
	return all;
}
