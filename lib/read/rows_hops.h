/* Windows that overlap, out of what is stored of them: panes of the slide (agg/window_kind.h). Each
 * window has all stored rows of its panes, as if they had been stored under it, so that whoever
 * reads rows adds them up as he does rows of steps. */
#ifndef READ_ROWS_HOPS_H
#define READ_ROWS_HOPS_H

#include "read/driver.h"

/* Of one metric. A window is shown where all its panes lie in what is kept, between the two times;
 * a pane without rows there is one without events. */
struct hops {
	int64_t size_us, slide_us; /* slide 0: windows do not overlap, and are stored as they are */
	int64_t kept_from_us;      /* POS_NONE: from the first pane that is read */
	int64_t kept_to_us;
};

/* Out of a metric's definition as stores have it: size and slide. Slide 0 where there is none. */
struct hops hops_of_definition(struct slice def);

/* The rows of panes that driver->rows gives, each once for each of its windows that starts in the
 * range and is shown; windows in order, those without rows left out. Several rows of a window may
 * have one key: they are to be added up. *kept_from_us: as above, where it was not known.
 * EX_DATAERR where stored windows are not panes of the slide. */
int hops_read(const struct read_store *store, const struct hops *hops,
	      const struct read_range *range, read_row_fn *fn, void *arg, int64_t *kept_from_us,
	      struct err *err);

#endif
