/* Rows for windows that have none of a series: a final window without a row is a proven zero, and
 * one that is not final is not known. */
#ifndef READ_ROWS_FILL_H
#define READ_ROWS_FILL_H

#include "read/rows.h"

struct rows_filling {
	const struct rows_range *range; /* that the rows were read with, all of them */
	bool final;                     /* windows that are not are left out in the end */
	int64_t from_us, to_us;         /* windows that start there; POS_NONE: where rows do */
};

/* Series are those of the list, windows those that its windows tile the time with. What is added
 * has a count of 0, and of all else what no event makes of it; or it is unknown (struct rows_row).
 * EX_USAGE: windows are of different lengths, or there are too many. */
int rows_fill(struct rows_list *l, const struct rows_filling *f, struct err *err);

/* What a row of the same measures has without an event: count and measures, no window and no
 * dimensions. Its cells are in the arena. */
struct rollup rows_fill_none(const struct rollup *of, struct arena *a);

#endif
