/* Which windows nothing more comes for: the rule of the view hta_final, for stores that have no
 * view and for who reads many rows. Pure: positions in, a mark out.
 *
 *   partitions of the job, at this sink        mark
 *   none                                       none: nothing is final
 *   one is not idle and has no watermark yet   none
 *   at least one is not idle                   the lowest watermark of those that are not idle
 *   every one is idle                          the highest watermark of all; none where none has
 *                                              one
 *
 *   final: window_start >= since (where there is one) and window_end + lateness <= mark
 *   open:  window_end + lateness > mark
 *
 * A window before `since` is neither: it lacks the events from before the metric began, and none
 * will come. Rows of a plain stream (no job) are final as they come. tests/store/finality.tsv holds
 * the views of the stores and this module to one table of cases. */
#ifndef PROTO_FINALITY_H
#define PROTO_FINALITY_H

#include "proto/pos.h"

struct finality {
	int64_t until_us; /* mark less lateness; INT64_MAX: all is final, POS_NONE: nothing is */
	int64_t since_us; /* POS_NONE: none */
};

/* Of a plain metric. */
struct finality finality_plain(void);

/* Of a job's metric. p: the sink's positions of the job, NULL where it has none of it. */
struct finality finality_of_job(const struct positions *p, int64_t lateness_us, int64_t since_us);

bool finality_open(const struct finality *f, int64_t end_us);
bool finality_final(const struct finality *f, int64_t start_us, int64_t end_us);

#endif
