#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agg/fn.h"
#include "base/num.h"
#include "base/tm.h"
#include "app/query_internal.h"
#include "read/grid.h"

/* ---- NDJSON: rows as hta-window prints them, and "open":true */

void query_row_json(const struct query_row *row, bool open, bool sketch, struct buf *out)
{
	rollup_format(&row->r, sketch, out);
	if (!open)
		return;
	out->n -= 2; /* }\n */
	buf_addz(out, ",\"open\":true}\n");
}

/* ---- tables */

/* What at least one row has. */
struct shown {
	bool values, differ, uniq, open;
	const struct rollup *measures; /* a row that has some */
};

static struct shown look_of(const struct query_result *r)
{
	struct shown s = { 0 };

	for (size_t i = 0; i < r->n; i++) {
		s.open = s.open || r->window[i]->open;
		for (size_t k = i ? 0 : r->skip; k < r->window[i]->n; k++) {
			const struct rollup *x = &r->window[i]->row[k].r;

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

void query_dim_columns(struct grid *g, const struct query_result *r)
{
	for (size_t i = 0; i < r->dims.n; i++) {
		struct buf name = { 0 };

		buf_adds(&name, r->dims.v[i]);
		grid_column(g, buf_z(&name), GRID_SHRINKS);
		buf_fini(&name);
	}
}

void query_dim_cells(struct grid *g, const struct query_result *r, const struct query_row *row)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < r->dims.n; i++) {
		text.n = 0;
		query_dim_text(query_dim(row->dim, row->dims, r->dims.v[i]), &text);
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
	fn_each_measure(m->row->cell, m->row->cells, put_wanted, m);
	if (!m->put)
		grid_cell(m->g, slice("-", 1));
}

static void columns(struct grid *g, const struct query_result *r, const struct shown *s, bool one)
{
	static const char *const values[] = { "sum", "min", "max", "avg" };

	if (!one)
		grid_column(g, "window", GRID_LEFT);
	query_dim_columns(g, r);
	grid_column(g, "count", GRID_RIGHT);
	if (s->differ)
		grid_column(g, "values", GRID_RIGHT);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values) && s->values; i++)
		grid_column(g, values[i], GRID_RIGHT);
	if (s->uniq)
		grid_column(g, "uniq", GRID_RIGHT);
	if (s->measures)
		fn_each_measure(s->measures->cell, s->measures->cells, measure_column, g);
	if (s->open && !one)
		grid_column(g, "", GRID_LEFT);
}

static void measures(struct grid *g, const struct rollup *x, const struct shown *s)
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
		fn_each_measure(s->measures->cell, s->measures->cells, measure_cell,
				&(struct measure_cells){ .g = g, .row = x });
}

/* "events, 2026-11-20T15:00:00Z, 1m, open"; of many windows their length alone. */
void query_title(const struct query_result *r, bool one, struct buf *out)
{
	const struct query_window *w = r->window[0];
	char text[TM_TEXT_BYTES];

	buf_adds(out, r->metric);
	if (one) {
		buf_addz(out, ", ");
		buf_add(out, text, tm_text(w->start_us, text));
	}
	buf_addz(out, ", ");
	buf_add(out, text, (size_t)num_duration_text(w->end_us - w->start_us, text));
	if (one && w->open)
		buf_addz(out, ", open");
	buf_addc(out, '\n');
}

void query_table(const struct query *q, const struct query_result *r, struct buf *out)
{
	struct shown s = look_of(r);
	struct grid *g = grid_new();
	bool one = strcmp(q->command, "history") != 0;

	columns(g, r, &s, one);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = i ? 0 : r->skip; k < r->window[i]->n; k++) {
			if (!one)
				cell_time(g, r->window[i]->start_us);
			query_dim_cells(g, r, &r->window[i]->row[k]);
			measures(g, &r->window[i]->row[k].r, &s);
			if (s.open && !one)
				grid_cellz(g, r->window[i]->open ? "open" : "");
		}
	query_title(r, one, out);
	grid_print(g, 0, q->width, q->utf8, out);
	grid_free(g);
}
