/* The registry, and a row's way from cells to measures. Cells of a row stand in order of rule and name, a
 * measure's parts so in several places: they are gathered by the parts' names. Rows have few columns. */
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
static bool gather_parts(const struct agg_fn *fn, struct slice measure, const struct cell *cell, size_t n,
			 struct cell out[FN_PARTS_MAX])
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		struct column_name name;

		if (!column_name_parse(cell[i].column.name, &name) || !slice_eq(name.measure, measure) ||
		    !slice_is(name.operation, fn->name))
			continue;
		for (unsigned k = 0; k < fn->parts; k++)
			if (slice_is(name.part, fn->part[k].name) && cell[i].column.rule == fn->part[k].rule) {
				out[k] = cell[i];
				found |= 1u << k;
			}
	}
	return found == (1u << fn->parts) - 1;
}

void fn_measures(const struct cell *cell, size_t n, struct buf *out)
{
	struct slice last = { 0 };
	bool more = false;

	buf_addc(out, '{');
	for (;;) {
		struct column_name name, next = { 0 };
		struct cell parts[FN_PARTS_MAX];
		const struct agg_fn *fn;

		for (size_t i = 0; i < n; i++)
			if (column_name_parse(cell[i].column.name, &name) &&
			    (!last.p || slice_cmp(name.measure, last) > 0) &&
			    (!next.measure.p || slice_cmp(name.measure, next.measure) < 0))
				next = name;
		if (!next.measure.p)
			break;
		last = next.measure;
		fn = fn_find(next.operation);
		if (!fn || !gather_parts(fn, next.measure, cell, n, parts))
			continue;
		buf_addz(out, more ? ",\"" : "\"");
		buf_adds(out, next.measure);
		buf_addz(out, "\":");
		fn->value(parts, out);
		more = true;
	}
	buf_addc(out, '}');
}
