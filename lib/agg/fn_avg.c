/* avg(x): how many values, and their sum. The quotient of two exact numbers, rounded once. */
#include "agg/fn.h"
#include "agg/fn_sql.h"

static bool avg_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *n = fn_cell(row, COLUMN_COUNT, "n"),
			  *sum = fn_cell(row, COLUMN_SUM, "sum");

	if (!n || !sum)
		return false;
	if (n->count == 0)
		buf_addz(out, "null");
	else
		fn_put_ratio(sum->value, (dec)n->count * 1000000000, out);
	return true;
}

static bool avg_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CAST({sum} AS DOUBLE PRECISION) / NULLIF({n}, 0)", out);
}

const struct agg_fn fn_avg = {
	.name = "avg",
	.help = "mean of the values",
	.input = FN_VALUES,
	.parts = 2,
	.part = { { COLUMN_COUNT, "n" }, { COLUMN_SUM, "sum" } },
	.value = avg_value,
	.sql = avg_sql,
};
