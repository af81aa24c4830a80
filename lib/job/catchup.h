/* The view: where each sink stands on each partition that is ours, with all epochs that were
 * sent applied. And what is to be read next: where sinks differ, one partition alone, from the
 * lowest position up to the next sink's; everything once all agree (the rule of catch-up: an
 * epoch must be needed by the same sinks as a whole and straddle no sink's position). Pure. */
#ifndef JOB_CATCHUP_H
#define JOB_CATCHUP_H

#include "proto/ctl.h"
#include "proto/partitions.h"

struct catchup_part {
	char *topic;
	int32_t partition;
	int64_t *next; /* of each sink */
	bool idle;     /* all sinks have it so */
	/* the lowest of the sinks that stand lowest; POS_NONE: none */
	int64_t watermark_us;
};

struct catchup {
	struct catchup_part *v;
	size_t n, sinks;
};

void catchup_fini(struct catchup *v);

/* The positions that the sinks answered for these partitions, which all of them know (else BUG). */
void catchup_probed(struct catchup *v, const struct ctl_sink_state *sinks, size_t n,
		    const struct partitions *parts);
/* No sink keeps positions: these starts (from) stand for them. */
void catchup_started(struct catchup *v, const struct ranges *start);

/* An epoch was sent. */
void catchup_sent(struct catchup *v, const struct ranges *epoch);

int64_t catchup_lowest(const struct catchup_part *p, size_t sinks);

/* What to read next: `start` (from, idle, watermark_us) is filled anew, in the order of the
 * view. Returns true while sinks differ: start has one partition then, to be read up to `to`
 * exactly; else all partitions, `to` INT64_MAX. */
bool catchup_step(const struct catchup *v, struct ranges *start);

#endif
