/* The groups of a table with the highest numbers, of final rows with --top. */
#ifndef AGG_HIGHEST_H
#define AGG_HIGHEST_H

#include "agg/metric_def.h"
#include "agg/table.h"

/* {0} at first */
struct highest {
	struct highest_entry *entry;
	size_t n, cap;
	struct buf text, scratch, sketches;
};
void highest_fini(struct highest *t);

/* A group; hash: of its dimensions, by which equal numbers are in order, the highest first. */
struct highest_entry {
	const struct group *g;
	size_t at, bytes; /* of the number in the text; bytes 0: it has none, and comes last */
	const char *text;
	uint8_t hash[16];
};

/* All groups of a table into entry[0..n), those with the highest numbers of metric.final.top_by
 * first. window_us: how long their window is. */
void highest_order(struct highest *t, const struct metric_def *d, const struct table *table,
		   int64_t window_us);

#endif
