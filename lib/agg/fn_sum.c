/* sum(x): the values added up, and how many there were: without one there is no sum. */
#include "agg/fn.h"
#include "agg/fn_sql.h"

static bool sum_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *n = fn_cell(row, COLUMN_COUNT, "n"),
			  *sum = fn_cell(row, COLUMN_SUM, "sum");
	char text[DEC_TEXT_BYTES];

	if (!n || !sum)
		return false;
	if (n->count == 0)
		buf_addz(out, "null");
	else
		buf_add(out, text, dec_text(sum->value, text));
	return true;
}

static bool sum_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CASE WHEN {n} > 0 THEN CAST({sum} AS DOUBLE PRECISION) END", out);
}

const struct agg_fn fn_sum = {
	.name = "sum",
	.help = "sum of the values, exact",
	.input = FN_VALUES,
	.parts = 2,
	.part = { { COLUMN_COUNT, "n" }, { COLUMN_SUM, "sum" } },
	.value = sum_value,
	.sql = sum_sql,
};
