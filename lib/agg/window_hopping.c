/* Hopping: as long as --every, one begins each --slide, so they overlap. Counted and stored are
 * panes of the slide: an event is added once, and who shows a window adds its panes up.
 *
 *   panes     | 0 | 1 | 2 | 3 | 4 |      slide
 *   windows   |-----------|              every = 3 slides
 *                 |-----------|
 *                     |-----------|
 *
 * An event is late once the first of its windows has closed, which ends with its pane: so no window
 * lacks what a later one of the same pane has. A slide as long as the window is none: such windows
 * are tumbling, under the canonical text that they always had. */
#include "agg/window_kind.h"

#include "base/num.h"

enum { HOPPING_PANES_MAX = 86400 };

extern const struct window_kind window_tumbling;

static int make_hopping(struct window_spec *w, struct err *err)
{
	char size[32], slide[32];

	w->size_us = w->option_us[0];
	w->pane_us = w->option_us[1];
	size[num_duration_text(w->size_us, size)] = 0;
	slide[num_duration_text(w->pane_us, slide)] = 0;
	if (w->size_us % w->pane_us)
		return err_set(err, EX_USAGE,
			       "--slide %s does not divide the window, --every %s: windows are "
			       "added up from whole slides",
			       slide, size);
	if (w->size_us / w->pane_us > HOPPING_PANES_MAX)
		return err_set(err, EX_USAGE,
			       "--every %s has more than %d times --slide %s: each event would be "
			       "in as many windows",
			       size, HOPPING_PANES_MAX, slide);
	if (w->size_us == w->pane_us)
		w->kind = &window_tumbling;
	return 0;
}

const struct window_kind window_hopping = {
	.name = "hopping",
	.option = { { "every", "a window", "", 0 },
		    { "slide", "a slide",
		      "a window begins each DUR, which divides --every: they overlap", 0 } },
	.own = 1,
	.make = make_hopping,
	.ids = window_pane_ids,
	.ends = window_pane_ends,
	.bounds = window_pane_bounds,
};
