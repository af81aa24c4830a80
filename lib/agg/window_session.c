/* Sessions: events of a key, each less than --gap behind the one before it and less than
 * --max-length behind the first. So what a window is depends on other events, and only a plain
 * stream has them all.
 *
 * Counted are panes of the gap: events of one key in one pane are less than a gap apart, so without
 * a longest length they are of one session whatever else comes, and a group a key and pane is
 * enough. With one a session may end between any two events: then a group is one time of a key
 * (struct window_kind's `exact`). agg/sessions.h joins groups to sessions.
 *
 * An event is late once it is further behind the highest time than the lateness: a session closes
 * as its end is, and none that has closed may grow. */
#include "agg/window_kind.h"

static int make_session(struct window_spec *w, struct err *err)
{
	w->size_us = w->option_us[0];
	if (w->option_us[1] != WINDOW_NONE_US && w->option_us[1] < w->option_us[0])
		return err_set(err, EX_USAGE, "--max-length is shorter than --gap");
	return 0;
}

/* The spec of the panes. */
static struct window_spec panes_of(const struct window_spec *w)
{
	struct window_spec panes = *w;

	panes.pane_us = w->option_us[0];
	return panes;
}

static void find_ids(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		     uint64_t id[WINDOW_BATCH])
{
	struct window_spec panes = panes_of(w);

	window_pane_ids(&panes, us, live, id);
}

static void find_ends(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		      int64_t end_us[WINDOW_BATCH])
{
	(void)w;
	for (; live; live &= live - 1) {
		unsigned i = (unsigned)__builtin_ctzll(live);

		end_us[i] = us[i] < end_us[i] ? us[i] + 1 : end_us[i];
	}
}

static void find_bounds(const struct window_spec *w, uint64_t id, int64_t *start_us,
			int64_t *end_us)
{
	struct window_spec panes = panes_of(w);

	window_pane_bounds(&panes, id, start_us, end_us);
}

const struct window_kind window_session = {
	.name = "session",
	.option = { { "gap", "a gap", "windows are sessions: they end with DUR without an event",
		      0 },
		    { "max-length", "a longest session",
		      "a session has no event DUR or more behind its first", WINDOW_NONE_US } },
	.make = make_session,
	.ids = find_ids,
	.ends = find_ends,
	.bounds = find_bounds,
	.joined = true,
};
