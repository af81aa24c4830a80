/* Rows as a table for people: a column a dimension, then what at least one row has of count,
 * values, estimates and measures. Which columns there are is found out in a first walk over all
 * rows, so that a metric that only counts has a table of two columns. */
#include "agg/fn.h"
#include "base/num.h"
#include "base/tm.h"
#include "read/render.h"
#include "read/stored_dims.h"

/* What at least one row has. */
struct table_look {
	bool values, differ, uniq, open;
	const struct rollup *measures; /* a row that has some */
};

static struct table_look look_of(const struct rows_list *l)
{
	struct table_look s = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		s.open = s.open || l->window[i]->open;
		for (size_t k = 0; k < l->window[i]->n; k++) {
			const struct rollup *x = &l->window[i]->row[k].r;

			s.values = s.values || x->has_value;
			s.differ = s.differ || (x->has_value && x->value_count != x->count);
			s.uniq = s.uniq || x->has_uniq;
			s.measures = x->cells ? x : s.measures;
		}
	}
	return s;
}

static void cell_time(struct grid *g, int64_t us)
{
	char text[TM_TEXT_BYTES];

	grid_cell(g, slice(text, tm_text(us, text)));
}

static void cell_dec(struct grid *g, bool is, dec v)
{
	char text[DEC_TEXT_BYTES];

	grid_cell(g, is ? slice(text, dec_text(v, text)) : slice("-", 1));
}

/* Rounded half to even, to six decimals: a dec has nine. */
static dec average(dec sum, uint64_t n)
{
	const dec unit = 1000, per = (dec)n * unit;
	dec whole = sum / per, rest = sum % per;
	dec twice = rest < 0 ? -2 * rest : 2 * rest;

	if (twice > per || (twice == per && whole % 2))
		whole += sum < 0 ? -1 : 1;
	return whole * unit;
}

void render_dim_columns(const struct render *r, struct grid *g)
{
	for (size_t i = 0; i < r->dims->n; i++) {
		struct buf name = { 0 };

		buf_adds(&name, r->dims->v[i]);
		grid_column(g, buf_z(&name), GRID_SHRINKS);
		buf_fini(&name);
	}
}

void render_dim_cells(const struct render *r, const struct rows_row *row, struct grid *g)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < r->dims->n; i++) {
		text.n = 0;
		stored_dim_text(stored_dim(row->dim, row->dims, r->dims->v[i]), &text);
		grid_cell(g, buf_slice(&text));
	}
	buf_fini(&text);
}

static void measure_column(void *g, struct slice name, struct slice value)
{
	struct buf text = { 0 };

	(void)value;
	buf_adds(&text, name);
	grid_column(g, buf_z(&text), GRID_RIGHT);
	buf_fini(&text);
}

/* A cell a measure of the table, whatever the row has. */
struct measure_cells {
	struct grid *g;
	const struct rollup *row;
	struct slice wanted;
	bool put;
};

static void put_wanted(void *arg, struct slice name, struct slice value)
{
	struct measure_cells *m = arg;

	if (!slice_eq(name, m->wanted) || m->put)
		return;
	grid_cell(m->g, slice_is(value, "null") ? slice("-", 1) : value);
	m->put = true;
}

static void measure_cell(void *arg, struct slice name, struct slice value)
{
	struct measure_cells *m = arg;

	(void)value;
	m->wanted = name;
	m->put = false;
	fn_each_measure(m->row->cell, m->row->cells, m->row->end_us - m->row->start_us, put_wanted,
			m);
	if (!m->put)
		grid_cell(m->g, slice("-", 1));
}

static void add_columns(const struct render *r, const struct table_look *s, struct grid *g)
{
	static const char *const values[] = { "sum", "min", "max", "avg" };

	if (!r->one)
		grid_column(g, "window", GRID_LEFT);
	render_dim_columns(r, g);
	grid_column(g, "count", GRID_RIGHT);
	if (s->differ)
		grid_column(g, "values", GRID_RIGHT);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values) && s->values; i++)
		grid_column(g, values[i], GRID_RIGHT);
	if (s->uniq)
		grid_column(g, "uniq", GRID_RIGHT);
	if (s->measures)
		fn_each_measure(s->measures->cell, s->measures->cells,
				s->measures->end_us - s->measures->start_us, measure_column, g);
	for (size_t i = 0; r->ratios && i < r->ratios->n; i++)
		grid_column(g, r->ratios->v[i].text, GRID_RIGHT);
	if (s->open && !r->one)
		grid_column(g, "", GRID_LEFT);
}

static void unknown_cell(void *g, struct slice name, struct slice value)
{
	(void)name, (void)value;
	grid_cellz(g, "?");
}

/* As many as value_cells and ratio_cells put. */
static void unknown_cells(const struct render *r, const struct table_look *s, struct grid *g)
{
	size_t n = 1 + s->differ + 4 * (size_t)s->values + s->uniq + (r->ratios ? r->ratios->n : 0);

	for (size_t i = 0; i < n; i++)
		grid_cellz(g, "?");
	if (s->measures)
		fn_each_measure(s->measures->cell, s->measures->cells,
				s->measures->end_us - s->measures->start_us, unknown_cell, g);
}

static void value_cells(const struct rollup *x, const struct table_look *s, struct grid *g)
{
	bool is = x->has_value && x->value_count;

	grid_cellu(g, x->count);
	if (s->differ)
		grid_cellu(g, x->value_count);
	if (s->values) {
		cell_dec(g, is, x->sum);
		cell_dec(g, is, x->min);
		cell_dec(g, is, x->max);
		cell_dec(g, is, is ? average(x->sum, x->value_count) : 0);
	}
	if (s->uniq)
		grid_cellu(g, x->uniq);
	if (s->measures)
		fn_each_measure(s->measures->cell, s->measures->cells,
				s->measures->end_us - s->measures->start_us, measure_cell,
				&(struct measure_cells){ .g = g, .row = x });
}

void render_title(const struct render *r, struct buf *out)
{
	const struct rows_window *w = r->rows->window[0];
	char text[TM_TEXT_BYTES];

	buf_addz(out, r->metric);
	if (r->one) {
		buf_addz(out, ", ");
		buf_add(out, text, tm_text(w->start_us, text));
	}
	buf_addz(out, ", ");
	if (r->steps)
		steps_text(r->steps, out);
	else
		buf_add(out, text, (size_t)num_duration_text(w->end_us - w->start_us, text));
	if (r->one && w->open)
		buf_addz(out, ", open");
	buf_addc(out, '\n');
}

static void ratio_cells(const struct ratios *ratios, const struct rollup *x, struct grid *g)
{
	struct buf text = { 0 };

	for (size_t i = 0; ratios && i < ratios->n; i++) {
		text.n = 0;
		ratio_value(&ratios->v[i], x, &text);
		grid_cell(g, slice_is(buf_slice(&text), "null") ? slice("-", 1) : buf_slice(&text));
	}
	buf_fini(&text);
}

static void row_cells(const struct render *r, const struct rows_window *w,
		      const struct rows_row *row, const struct table_look *s, struct grid *g)
{
	if (!r->one)
		cell_time(g, w->start_us);
	render_dim_cells(r, row, g);
	if (row->unknown) {
		unknown_cells(r, s, g);
	} else {
		value_cells(&row->r, s, g);
		ratio_cells(r->ratios, &row->r, g);
	}
	if (s->open && !r->one)
		grid_cellz(g, w->open ? "open" : "");
}

void render_table(const struct render *r, struct buf *out)
{
	struct table_look s = look_of(r->rows);
	struct grid *g = grid_new();

	add_columns(r, &s, g);
	for (size_t i = 0; i < r->rows->n; i++)
		for (size_t k = 0; k < r->rows->window[i]->n; k++)
			row_cells(r, r->rows->window[i], &r->rows->window[i]->row[k], &s, g);
	render_title(r, out);
	grid_print(g, 0, r->width, r->utf8, out);
	grid_free(g);
}
