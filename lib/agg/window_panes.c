/* Panes as windows, a batch at a time. Nearly always all times of a batch are in one pane: then
 * 64 are compared and 64 ids are the same, in loops without a branch. Else a division is made
 * where a time is not in the pane of the time before it. */
#include "agg/window_kind.h"
#include "row/panes.h"

_Static_assert(WINDOW_BATCH == 64, "a batch is one set of 64 bits");

struct pane {
	uint64_t id;
	int64_t start_us;
};

static inline bool is_in_pane(const struct pane *p, int64_t us, int64_t pane_us)
{
	return (uint64_t)(us - p->start_us) < (uint64_t)pane_us;
}

static struct pane find_pane(int64_t us, int64_t pane_us)
{
	uint64_t id = pane_of(us, pane_us);

	return (struct pane){ id, pane_start(id, pane_us) };
}

/* By the sign of how far each is behind the start, and before the end: two subtractions, which
 * every processor can do for several times at once. */
static bool are_in_pane(const struct pane *p, const int64_t us[WINDOW_BATCH], int64_t pane_us)
{
	int64_t signs = 0;

	for (unsigned i = 0; i < WINDOW_BATCH; i++)
		signs |= (us[i] - p->start_us) | (p->start_us + pane_us - 1 - us[i]);
	return signs >= 0;
}

void window_pane_ids(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		     uint64_t id[WINDOW_BATCH])
{
	struct pane p;

	if (!live)
		return;
	p = find_pane(us[__builtin_ctzll(live)], w->pane_us);
	if (live == UINT64_MAX && are_in_pane(&p, us, w->pane_us)) {
		for (unsigned i = 0; i < WINDOW_BATCH; i++)
			id[i] = p.id;
		return;
	}
	for (; live; live &= live - 1) {
		unsigned i = (unsigned)__builtin_ctzll(live);

		if (!is_in_pane(&p, us[i], w->pane_us))
			p = find_pane(us[i], w->pane_us);
		id[i] = p.id;
	}
}

void window_pane_ends(const struct window_spec *w, const int64_t us[WINDOW_BATCH], uint64_t live,
		      int64_t end_us[WINDOW_BATCH])
{
	struct pane p;

	if (live)
		p = find_pane(us[__builtin_ctzll(live)], w->pane_us);
	for (; live; live &= live - 1) {
		unsigned i = (unsigned)__builtin_ctzll(live);
		int64_t end;

		if (!is_in_pane(&p, us[i], w->pane_us))
			p = find_pane(us[i], w->pane_us);
		end = p.start_us + w->pane_us;
		end_us[i] = end < end_us[i] ? end : end_us[i];
	}
}

void window_pane_bounds(const struct window_spec *w, uint64_t id, int64_t *start_us,
			int64_t *end_us)
{
	*start_us = pane_start(id, w->pane_us);
	*end_us = *start_us + w->pane_us;
}
