/* The view: where each sink stands on each partition that is ours, with all epochs that were sent applied. And what is to be read next:
 * where sinks differ, one partition alone, from the lowest position up to the next sink's; everything once all agree (the rule of catch-up:
 * an epoch must be needed by the same sinks as a whole and straddle no sink's position). Pure. */
#ifndef JOB_CATCHUP_H
#define JOB_CATCHUP_H

#include "proto/ctl.h"
#include "source/input.h"

struct view_part {
	char *topic;
	int32_t partition;
	int64_t *next;                /* of each sink */
	bool idle;                    /* all sinks have it so */
	int64_t watermark_us;         /* the lowest of the sinks that stand lowest; POS_NONE: none */
};

struct view { struct view_part *v; size_t n, sinks; };

void view_fini(struct view *v);

/* The positions that the sinks answered for these partitions, which all of them know (else BUG). */
void view_probed(struct view *v, const struct ctl_sink_state *sinks, size_t n, const struct log_parts *parts);
/* No sink keeps positions: these starts (from) stand for them. */
void view_started(struct view *v, const struct ranges *start);

/* An epoch was sent. */
void view_sent(struct view *v, const struct ranges *epoch);

int64_t view_lowest(const struct view_part *p, size_t sinks);
int64_t view_highest(const struct view_part *p, size_t sinks);

/* What to read next: `start` (from, idle, watermark_us) is filled anew, in the order of the view.
 * Returns true while sinks differ: start has one partition then, to be read up to `to` exactly; else
 * all partitions, `to` INT64_MAX. */
bool view_step(const struct view *v, struct ranges *start);

#endif
