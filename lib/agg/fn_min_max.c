/* min(x), max(x): the lowest and the highest value. */
#include "agg/fn.h"
#include "agg/fn_sql.h"

static bool put_extreme(const struct cell *c, struct buf *out)
{
	char text[DEC_TEXT_BYTES];

	if (!c)
		return false;
	if (c->empty)
		buf_addz(out, "null");
	else
		buf_add(out, text, dec_text(c->value, text));
	return true;
}

static bool min_value(const struct fn_row *row, struct buf *out)
{
	return put_extreme(fn_cell(row, COLUMN_MIN, "value"), out);
}

static bool max_value(const struct fn_row *row, struct buf *out)
{
	return put_extreme(fn_cell(row, COLUMN_MAX, "value"), out);
}

static bool extreme_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CAST({value} AS DOUBLE PRECISION)", out);
}

const struct agg_fn fn_min = {
	.name = "min",
	.help = "lowest value",
	.input = FN_VALUES,
	.parts = 1,
	.part = { { COLUMN_MIN, "value" } },
	.value = min_value,
	.sql = extreme_sql,
};

const struct agg_fn fn_max = {
	.name = "max",
	.help = "highest value",
	.input = FN_VALUES,
	.parts = 1,
	.part = { { COLUMN_MAX, "value" } },
	.value = max_value,
	.sql = extreme_sql,
};
