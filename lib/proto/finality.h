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
 * A metric of rules has spans of the log in which it was counted (sink/rule_doc.h). Then a final
 * window is within one of them besides: window_start >= its since, and window_end + lateness <= its
 * until, both where it has one. Where the last one has an end, no window beyond it is final; it is
 * as open as if the mark stood there, for the metric may be resumed.
 *
 * A window before `since` is neither: it lacks the events from before the metric began, and none
 * will come. Rows of a plain stream (no job) are final as they come. tests/store/finality.tsv holds
 * the views of the stores and this module to one table of cases. */
#ifndef PROTO_FINALITY_H
#define PROTO_FINALITY_H

#include "proto/pos.h"

enum { FINALITY_SPANS = 16 };

struct finality {
	/* mark less lateness, or the end of the last span; INT64_MAX: all is final, POS_NONE:
	 * nothing is */
	int64_t until_us;
	int64_t since_us; /* POS_NONE: none */
	int64_t mark_us;  /* where there are spans: mark less lateness */
	unsigned spans;   /* 0: it is not of rules */
	/* until less lateness. The last ones: windows of older ones are not called final */
	struct finality_span {
		int64_t since_us, until_us; /* POS_NONE: none */
	} span[FINALITY_SPANS];
};

/* The metric has this span, too; in their order. */
void finality_add_span(struct finality *f, int64_t since_us, int64_t until_us, int64_t lateness_us);

/* Of a plain metric. */
struct finality finality_plain(void);

/* Of a job's metric. p: the sink's positions of the job, NULL where it has none of it. */
struct finality finality_of_job(const struct positions *p, int64_t lateness_us, int64_t since_us);

/* Whether all events of a window were counted: it begins behind `since`, and no gap between spans
 * cuts it. */
bool finality_whole(const struct finality *f, int64_t start_us, int64_t end_us);

bool finality_open(const struct finality *f, int64_t end_us);
bool finality_final(const struct finality *f, int64_t start_us, int64_t end_us);

#endif
