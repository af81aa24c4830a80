/* Tumbling: one behind the other, none overlaps. Each window is a pane. */
#include "agg/window_kind.h"

static int make_tumbling(struct window_spec *w, struct err *err)
{
	(void)err;
	w->pane_us = w->size_us = w->option_us[0];
	return 0;
}

const struct window_kind window_tumbling = {
	.name = "tumbling",
	.option = { { "every", "a window", "length of its windows, aligned to the epoch [1m]",
		      60000000 } },
	.make = make_tumbling,
	.ids = window_pane_ids,
	.ends = window_pane_ends,
	.bounds = window_pane_bounds,
};
