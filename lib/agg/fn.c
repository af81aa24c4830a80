/* The registry, and a row's way from cells to measures. Cells of a row stand in order of rule
 * and name, a measure's parts so in several places: they are gathered by the parts' names. Rows
 * have few columns. */
#include "agg/fn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct agg_fn fn_avg, fn_stddev;

const struct agg_fn *const fn_all[] = { &fn_avg, &fn_stddev, NULL };

const struct agg_fn *fn_find(struct slice name)
{
	for (size_t i = 0; fn_all[i]; i++)
		if (slice_is(name, fn_all[i]->name))
			return fn_all[i];
	return NULL;
}

void fn_put_double(double v, struct buf *out)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_addz(out, text);
}

/* The cells of one measure and operation, in the order of its parts. False: one is missing. */
static bool gather_parts(const struct agg_fn *fn, struct slice measure, const struct cell *cell,
			 size_t n, struct cell out[FN_PARTS_MAX])
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		struct column_name name;

		if (!column_name_parse(cell[i].column.name, &name) ||
		    !slice_eq(name.measure, measure) || !slice_is(name.operation, fn->name))
			continue;
		for (unsigned k = 0; k < fn->parts; k++)
			if (slice_is(name.part, fn->part[k].name) &&
			    cell[i].column.rule == fn->part[k].rule) {
				out[k] = cell[i];
				found |= 1u << k;
			}
	}
	return found == (1u << fn->parts) - 1;
}

/* The measure whose name comes next in order; false: none is left. */
static bool next_measure(const struct cell *cell, size_t n, struct slice last,
			 struct column_name *next)
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

void fn_each_measure(const struct cell *cell, size_t n, fn_measure *call, void *arg)
{
	struct slice last = { 0 };
	struct column_name name;
	struct buf value = { 0 };

	for (; next_measure(cell, n, last, &name); last = name.measure) {
		const struct agg_fn *fn = fn_find(name.operation);
		struct cell part[FN_PARTS_MAX];

		if (!fn || !gather_parts(fn, name.measure, cell, n, part))
			continue;
		value.n = 0;
		fn->value(part, &value);
		call(arg, name.measure, buf_slice(&value));
	}
	buf_fini(&value);
}

static void put_measure(void *arg, struct slice name, struct slice value)
{
	struct buf *out = arg;

	buf_addz(out, out->p[out->n - 1] == '{' ? "\"" : ",\"");
	buf_adds(out, name);
	buf_addz(out, "\":");
	buf_adds(out, value);
}

void fn_measures(const struct cell *cell, size_t n, struct buf *out)
{
	buf_addc(out, '{');
	fn_each_measure(cell, n, put_measure, out);
	buf_addc(out, '}');
}
