/* count: records; count(x): those whose x is neither missing nor null. */
#include "agg/fn.h"
#include "agg/fn_sql.h"

static bool count_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *n = fn_cell(row, COLUMN_COUNT, "n");

	if (!n)
		return false;
	buf_addu(out, n->count);
	return true;
}

static bool count_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "{n}", out);
}

const struct agg_fn fn_count = {
	.name = "count",
	.help = "records, or those that have the field",
	.bare = FN_LINES,
	.input = FN_PRESENT,
	.parts = 1,
	.part = { { COLUMN_COUNT, "n" } },
	.value = count_value,
	.sql = count_sql,
};
