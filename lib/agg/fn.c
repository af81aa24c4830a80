/* The registry, and a row's way from cells to measures. Cells of a row stand in order of rule
 * and name, a measure's parts so in several places: they are gathered measure by measure. Rows
 * have few columns. */
#include "agg/fn.h"

#include <string.h>

#include "agg/rule.h"
#include "base/real.h"
#include "base/wide.h"

extern const struct agg_fn fn_arg_max, fn_arg_min, fn_avg, fn_count, fn_first, fn_histogram,
	fn_last, fn_max, fn_min, fn_rate, fn_stddev, fn_percentile, fn_quantiles, fn_sum, fn_uniq,
	fn_uniq_exact;

const struct agg_fn *const fn_all[] = { &fn_arg_max, &fn_arg_min,    &fn_avg,       &fn_count,
					&fn_first,   &fn_histogram,  &fn_last,      &fn_max,
					&fn_min,     &fn_percentile, &fn_quantiles, &fn_rate,
					&fn_stddev,  &fn_sum,        &fn_uniq,      &fn_uniq_exact,
					NULL };

const struct agg_fn *fn_find(struct slice name)
{
	dec q;

	for (size_t i = 0; fn_all[i]; i++)
		if (slice_is(name, fn_all[i]->name))
			return fn_all[i];
	return rule_op_quantile(name, &q) ? &fn_percentile : NULL;
}

unsigned fn_parts(const struct agg_fn *fn, const struct fn_args *a, struct fn_part *out)
{
	if (fn->list)
		return fn->list(a, out);
	memcpy(out, fn->part, fn->parts * sizeof(*out));
	return fn->parts;
}

const struct cell *fn_cell(const struct fn_row *row, enum column_rule rule, const char *part)
{
	for (size_t i = 0; i < row->n; i++)
		if (row->cell[i].column.rule == rule && slice_is(row->part[i], part))
			return &row->cell[i];
	return NULL;
}

void fn_put_double(double v, struct buf *out)
{
	out->n += real_text(v, buf_room(out, REAL_TEXT_BYTES));
}

void fn_put_ratio(dec above, dec below, struct buf *out)
{
	wide_u128 a = above < 0 ? -(wide_u128)above : (wide_u128)above;
	double v = wide_ratio(wide_of(a), wide_of((wide_u128)below));

	fn_put_double(above < 0 ? -v : v, out);
}

/* ---- from cells to measures */

/* The cells of one measure and operation. */
struct measure_cells {
	struct cell cell[COLUMNS_MAX];
	struct slice part[COLUMNS_MAX];
	size_t n;
};

static void gather_cells(struct slice measure, struct slice operation, const struct cell *cell,
			 size_t n, struct measure_cells *out)
{
	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct column_name name;

		if (!column_name_parse(cell[i].column.name, &name) ||
		    !slice_eq(name.measure, measure) || !slice_eq(name.operation, operation))
			continue;
		out->cell[out->n] = cell[i];
		out->part[out->n++] = name.part;
	}
}

bool fn_next_measure(const struct cell *cell, size_t n, struct slice last, struct column_name *next)
{
	struct column_name name;

	next->measure = slice(NULL, 0);
	for (size_t i = 0; i < n; i++)
		if (column_name_parse(cell[i].column.name, &name) &&
		    (!last.p || slice_cmp(name.measure, last) > 0) &&
		    (!next->measure.p || slice_cmp(name.measure, next->measure) < 0))
			*next = name;
	return next->measure.p != NULL;
}

/* Those of one --agg. */
static void each_of_one(const struct agg_fn *fn, struct slice measure, struct fn_row *row,
			fn_measure *call, void *arg)
{
	struct buf name = { 0 }, value = { 0 };

	for (;; row->nth++) {
		name.n = value.n = 0;
		buf_adds(&name, measure);
		if (fn->suffix ? !fn->suffix(row, &name) : row->nth > 0)
			break;
		if (fn->value(row, &value))
			call(arg, buf_slice(&name), buf_slice(&value));
	}
	buf_fini(&name);
	buf_fini(&value);
}

void fn_each_measure(const struct cell *cell, size_t n, int64_t window_us, fn_measure *call,
		     void *arg)
{
	struct measure_cells own;
	struct slice last = { 0 };
	struct column_name name;

	for (; fn_next_measure(cell, n, last, &name); last = name.measure) {
		const struct agg_fn *fn = fn_find(name.operation);
		struct fn_row row = { .cell = own.cell,
				      .part = own.part,
				      .operation = name.operation,
				      .window_us = window_us };

		if (!fn)
			continue;
		gather_cells(name.measure, name.operation, cell, n, &own);
		row.n = own.n;
		each_of_one(fn, name.measure, &row, call, arg);
	}
}

static void put_measure(void *arg, struct slice name, struct slice value)
{
	struct buf *out = arg;

	buf_addz(out, out->p[out->n - 1] == '{' ? "\"" : ",\"");
	buf_adds(out, name);
	buf_addz(out, "\":");
	buf_adds(out, value);
}

void fn_measures(const struct cell *cell, size_t n, int64_t window_us, struct buf *out)
{
	buf_addc(out, '{');
	fn_each_measure(cell, n, window_us, put_measure, out);
	buf_addc(out, '}');
}

/* Sketches stand behind all other columns. */
bool fn_estimates(const struct cell *cell, size_t n, struct buf *out)
{
	size_t first = columns_first_sketch(cell, n);

	if (first == n)
		return false;
	fn_measures(cell + first, n - first, 0, out);
	return true;
}
