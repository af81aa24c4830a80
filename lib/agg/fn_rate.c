/* rate: records a second of the window; rate(x): the sum of the values a second. The quotient of
 * two exact numbers, rounded once. */
#include "agg/fn.h"
#include "agg/fn_sql.h"

static unsigned list_rate(const struct fn_args *a, struct fn_part *out)
{
	out[0] = a->has_path ? (struct fn_part){ COLUMN_SUM, "sum" }
			     : (struct fn_part){ COLUMN_COUNT, "n" };
	return 1;
}

static bool rate_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *n = fn_cell(row, COLUMN_COUNT, "n"),
			  *sum = fn_cell(row, COLUMN_SUM, "sum");

	if ((!n && !sum) || row->window_us <= 0)
		return false;
	/* both sides in units of 1e-9: a second has 1e6 microseconds */
	if (n)
		fn_put_ratio((dec)n->count * 1000000, row->window_us, out);
	else
		fn_put_ratio(sum->value, (dec)row->window_us * 1000, out);
	return true;
}

static bool rate_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CAST({} AS DOUBLE PRECISION) / {seconds}", out);
}

const struct agg_fn fn_rate = {
	.name = "rate",
	.help = "records a second of the window, or their values' sum a second",
	.bare = FN_LINES,
	.input = FN_VALUES,
	.list = list_rate,
	.value = rate_value,
	.sql = rate_sql,
};
