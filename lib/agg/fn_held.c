/* first(x), last(x): the value of the earliest or latest record that has one. arg_min(x, y),
 * arg_max(x, y): that of the record with the lowest or highest y, the earliest or latest of
 * several. The column has all that decides (sketch/held.h), the value at its end. */
#include "agg/fn.h"
#include "agg/fn_sql.h"
#include "sketch/held.h"

static bool held_value_of(const struct fn_row *row, struct buf *out)
{
	const struct cell *c = row->cell;

	if (row->n != 1 || (c->column.rule != COLUMN_LOWEST && c->column.rule != COLUMN_HIGHEST))
		return false;
	if (!c->empty)
		return held_json(c->sketch, out);
	buf_addz(out, "null");
	return true;
}

static bool held_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CAST({estimate} AS TEXT)", out);
}

const struct agg_fn fn_first = {
	.name = "first",
	.help = "value of the earliest record",
	.input = FN_HELD,
	.parts = 1,
	.part = { { COLUMN_LOWEST, "held" } },
	.value = held_value_of,
	.sql = held_sql,
};

const struct agg_fn fn_last = {
	.name = "last",
	.help = "value of the latest record",
	.input = FN_HELD,
	.parts = 1,
	.part = { { COLUMN_HIGHEST, "held" } },
	.value = held_value_of,
	.sql = held_sql,
};

const struct agg_fn fn_arg_min = {
	.name = "arg_min",
	.help = "value of the record with the lowest of another: arg_min(x, y)",
	.input = FN_HELD,
	.parts = 1,
	.part = { { COLUMN_LOWEST, "held" } },
	.value = held_value_of,
	.sql = held_sql,
};

const struct agg_fn fn_arg_max = {
	.name = "arg_max",
	.help = "value of the record with the highest of another: arg_max(x, y)",
	.input = FN_HELD,
	.parts = 1,
	.part = { { COLUMN_HIGHEST, "held" } },
	.value = held_value_of,
	.sql = held_sql,
};
