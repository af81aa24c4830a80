/* Panes: stretches of one length that tile the time from 1970 on, numbered from 0. What is
 * counted and stored are panes, whatever windows people ask for: a tumbling window is one pane,
 * windows that overlap are added up from several. A metric's description in the hello says the
 * length as every_us.
 *
 *   pane     0         1         2
 *       |---------|---------|---------|->  us
 *       0       pane_us   2 pane_us
 *
 * Pure arithmetic; times are microseconds since 1970 and not negative, unless said. */
#ifndef ROW_PANES_H
#define ROW_PANES_H

#include <stdint.h>

static inline uint64_t pane_of(int64_t us, int64_t pane_us)
{
	return (uint64_t)us / (uint64_t)pane_us;
}

static inline int64_t pane_start(uint64_t pane, int64_t pane_us)
{
	return (int64_t)pane * pane_us;
}

/* Start of the first pane all of whose times are after us, which may be negative: what a metric
 * has whole that is counted behind a watermark of us. pane_us 0, a length that is not known: us. */
static inline int64_t pane_first_whole(int64_t us, int64_t pane_us)
{
	if (pane_us <= 0)
		return us;
	return us - (us % pane_us + pane_us) % pane_us + pane_us;
}

#endif
