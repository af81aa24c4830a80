/* pNN(x), and quantiles(x, 0.5, 0.999): the values in logarithmic buckets, all quantiles of one
 * measure out of one sketch. Which ones stands in the names of columns: the operation p99, or the
 * part p50_p999. A quantile is called by its percents without their point, two digits at least:
 * p05, p50, p999; 1 is p100, which no other has since those do not end with 0 beyond two digits. */
#include "agg/fn.h"

#include <stdio.h>
#include <string.h>

#include "agg/fn_sql.h"
#include "agg/rule.h"
#include "sketch/logbucket.h"

#define ONE 1000000000

static void quantile_items(const dec *value, unsigned n, uint64_t *out)
{
	logbucket_places(value, n, out);
}

static size_t name_quantile(dec q, char out[16])
{
	size_t n;

	if (q >= ONE)
		return (size_t)snprintf(out, 16, "p100");
	n = (size_t)snprintf(out, 16, "p%09u", (unsigned)q);
	while (n > 3 && out[n - 1] == '0')
		n--;
	out[n] = 0;
	return n;
}

static unsigned list_quantiles(const struct fn_args *a, struct fn_part *out)
{
	size_t at = 0;

	out[0] = (struct fn_part){ .rule = COLUMN_QUANTILES };
	for (size_t i = 0; i < a->n; i++) {
		char name[16];
		size_t n = name_quantile(a->v[i], name);

		if (at + n + 2 > FN_PART_CHARS)
			return 0;
		at += (size_t)snprintf(out[0].name + at, FN_PART_CHARS - at, "%s%s", i ? "_" : "",
				       name);
	}
	return 1;
}

/* The nth of the names joined by _. */
static bool nth_name(struct slice part, unsigned nth, struct slice *out)
{
	for (;; nth--) {
		const char *end = memchr(part.p, '_', part.n);
		size_t n = end ? (size_t)(end - part.p) : part.n;

		*out = slice(part.p, n);
		if (nth == 0 || !end)
			return nth == 0;
		part = slice(part.p + n + 1, part.n - n - 1);
	}
}

static bool quantiles_suffix(const struct fn_row *row, struct buf *out)
{
	struct slice name;

	if (row->n != 1 || !nth_name(row->part[0], row->nth, &name))
		return false;
	buf_addc(out, '_');
	buf_adds(out, name);
	return true;
}

static bool put_quantile(const struct fn_row *row, dec q, struct buf *out)
{
	const struct cell *c = row->cell;
	bool empty = true;

	if (row->n != 1 || c->column.rule != COLUMN_QUANTILES)
		return false;
	if (!c->empty && logbucket_quantile_of(c->sketch, q, &empty, out))
		return true;
	if (empty)
		buf_addz(out, "null");
	return empty;
}

static bool quantiles_value(const struct fn_row *row, struct buf *out)
{
	struct slice name;
	dec q = ONE;

	return row->n == 1 && nth_name(row->part[0], row->nth, &name) &&
	       (slice_is(name, "p100") || rule_op_quantile(name, &q)) && put_quantile(row, q, out);
}

static bool percentile_value(const struct fn_row *row, struct buf *out)
{
	dec q;

	return rule_op_quantile(row->operation, &q) && put_quantile(row, q, out);
}

static bool quantile_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CAST({estimate} AS DOUBLE PRECISION)", out);
}

const struct agg_fn fn_quantiles = {
	.name = "quantiles",
	.help = "several quantiles of the values out of one sketch: quantiles(x, 0.5, 0.999)",
	.input = FN_VALUES,
	.list = list_quantiles,
	.items = quantile_items,
	.value = quantiles_value,
	.sql = quantile_sql,
	.suffix = quantiles_suffix,
};

const struct agg_fn fn_percentile = {
	.name = "p99",
	.help = "quantile of the values, within 0.55 %: p50, p99, p999",
	.input = FN_VALUES,
	.parts = 1,
	.part = { { COLUMN_QUANTILES, "sketch" } },
	.items = quantile_items,
	.value = percentile_value,
	.sql = quantile_sql,
};
