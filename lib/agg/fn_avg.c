/* avg(x): how many values, and their sum. The quotient of two exact numbers, rounded once. */
#include "agg/fn.h"
#include "base/wide.h"

static void avg_value(const struct cell *cell, struct buf *out)
{
	dec sum = cell[1].value;
	double v;

	if (cell[0].count == 0) {
		buf_addz(out, "null");
		return;
	}
	v = wide_ratio(wide_of(sum < 0 ? -(wide_u128)sum : (wide_u128)sum),
		       wide_mul(wide_of(cell[0].count), 1000000000));
	fn_put_double(sum < 0 ? -v : v, out);
}

const struct agg_fn fn_avg = {
	.name = "avg",
	.help = "mean of the values",
	.parts = 2,
	.part = { { COLUMN_COUNT, "n" }, { COLUMN_SUM, "sum" } },
	.value = avg_value,
};
