/* sum(x): the values added up, and how many there were: without one there is no sum. */
#include "agg/fn.h"

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

const struct agg_fn fn_sum = {
	.name = "sum",
	.help = "sum of the values, exact",
	.input = FN_VALUES,
	.parts = 2,
	.part = { { COLUMN_COUNT, "n" }, { COLUMN_SUM, "sum" } },
	.value = sum_value,
};
