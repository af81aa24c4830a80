/* A partition as the fetcher reads it. Its state is an enum, and fetch_enter() alone changes it.
 *
 *	              the leader answers      a batch ahead is not readable here
 *	     ASKING --------------------> READING ---------------------> ENDING
 *	      ^   ^                        |  ^  |                         |  |
 *	  add |   | leader known again     |  |  |  a connection made anew |  | all before that
 *	      |   |                        |  +--|-------------------------+  | batch is handed out
 *	     OFF  |  error, connection     |     |                            v
 *	      |   +- AWAY <----------------+     +----------------------> UNREADABLE
 *	      |       ^  (from ASKING and ENDING too)   damaged inside        ^
 *	      +-------+ no leader is known                                    |
 *	      +---------------------------------------------------------------+ known to be so
 *
 *	READING -> GONE: its leader does not know it any more. Any -> OFF: nothing is read.
 *
 * In OFF, AWAY, GONE and UNREADABLE the partition is the client library's, or nobody's. */
#ifndef DRV_KAFKA_FETCH_FETCHER_PART_H
#define DRV_KAFKA_FETCH_FETCHER_PART_H

#include "source/input.h"

enum fetch_state {
	FETCH_OFF,
	FETCH_ASKING,     /* read here; no answer yet */
	FETCH_READING,    /* read here; its leader has answered */
	FETCH_ENDING,     /* read here; nothing more is asked for */
	FETCH_AWAY,       /* not read here for now: no leader, its error, a lost connection */
	FETCH_GONE,       /* not read here: the topic was deleted, and may be there anew */
	FETCH_UNREADABLE, /* not read here for good: its batches are not for us */
	FETCH_STATES,
};

enum { FETCH_WHY_BYTES = 64 };

/* `next`, the offset behind what was handed out, is kept here. Zeroed, with part and next set, is
 * OFF. */
struct fetcher_part {
	const struct partition *part;
	enum fetch_state state;
	int64_t next;
	int64_t asked;             /* next request's offset */
	int64_t end_told;          /* the log's end that was told last, -1: none */
	char why[FETCH_WHY_BYTES]; /* AWAY, GONE, UNREADABLE: what led there, for people */
};

/* Changes the state. BUG() where the drawing above has no such way. */
void fetch_enter(struct fetcher_part *p, enum fetch_state to);

/* Read by the fetcher, and still asked for. */
static inline bool fetch_is_asked(const struct fetcher_part *p)
{
	return p->state == FETCH_ASKING || p->state == FETCH_READING;
}
/* Read by the fetcher. */
static inline bool fetch_is_ours(const struct fetcher_part *p)
{
	return fetch_is_asked(p) || p->state == FETCH_ENDING;
}

#endif
