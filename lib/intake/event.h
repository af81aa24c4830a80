/* Whether an event is valid by its route: members, types, times, names; and what of it is needed to
 * know it again and to stamp it. */
#ifndef INTAKE_EVENT_H
#define INTAKE_EVENT_H

#include "base/dec.h"
#include "intake/errors.h"
#include "intake/members.h"
#include "intake/route.h"
#include "intake/seen.h"
#include "scan/value.h"

struct intake_event {
	uint32_t index;
	struct slice object;    /* without white space around it */
	struct slice topic, id; /* decoded; id.n 0: the client gave none */
	bool has_topic;         /* it is the client's */
	bool has_time;
	uint32_t check; /* of the payload (seen.h) */
	dec total;      /* where the route has one */
};

/* What judges events. One a thread; init with {0} and set the settings. */
struct event_judge {
	struct value_when when; /* how times are written */
	int64_t max_ahead_us;   /* a time further ahead of now is refused */
	int64_t now_us;
	enum cut_engine engine;
	struct intake_errors *errors;

	struct value_clock clock;
	struct members names;
	struct json json;
	struct arena text; /* decoded ids and topics; the caller resets it */
	struct buf pointer;
};

void event_judge_fini(struct event_judge *j);

/* Judges the lines of a batch that are in `lines` (all of them valid for the scanner); index[] of
 * each is set in event[]. Returns the set of those that are good, whose event[] is filled; of the
 * others errors tell. */
uint64_t event_judge_batch(struct event_judge *j, const struct intake_route *r,
			   const struct scan_batch *b, uint64_t lines, struct intake_event *event);

#endif
