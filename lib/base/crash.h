/* Crash points: an operator, or a test, has a program die by SIGKILL to itself at a named place,
 * to try a set-up. HTA_CRASH=POINT[:N] in the environment of the program: at its N-th passage
 * (1). Compiled in always; unset, a point costs one test of a static number. Global state by
 * nature (one process); set once at the start of a program. */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#include <stdbool.h>
#include "base/err.h"

enum crash_point {
	CRASH_NOWHERE,
	/* any: a write to standard output is cut in the middle of a line */
	CRASH_LINE_HALF,
	/* any filter: a barrier has come; nothing of its epoch was stored, or acknowledged */
	CRASH_BARRIER_BEFORE,
	/* any filter: its epoch is stored, or acknowledged; it has not passed */
	CRASH_BARRIER_AFTER,
	/* sink: generation and starts are stored; the init line has not passed */
	CRASH_SINK_INIT,
	/* sink: the change of the rules is stored; the record that says it has not passed */
	CRASH_SINK_RULES,
	CRASH_SINK_INSIDE, /* pg, sqlite, kafka: inside the transaction of an epoch */
	/* pg, redis: COMMIT, or the script, was sent; its answer was not read. kafka: it was
	 * answered, and nothing was done with that */
	CRASH_SINK_SENT,
	CRASH_SINK_CLAIMED,   /* sink: an epoch is claimed; nothing of it is written */
	CRASH_SINK_WRITTEN,   /* sink: a claimed epoch is written; its positions have not moved */
	CRASH_STATE_INSIDE,   /* hta-dedup: inside the transaction of its state */
	CRASH_ALERTS_PRINTED, /* hta-trend: alerts were written; the store does not have them */
	CRASH_ALERTS_INSIDE,  /* hta-trend: inside the transaction (pg, sqlite) */
	CRASH_ALERTS_STORED,  /* hta-trend: the store has them */
	CRASH_DLQ_TAKEN,      /* hta-dlq: letters are taken; nothing of them is sent */
	CRASH_DLQ_INSIDE,     /* hta-dlq: inside the transaction that sends */
	CRASH_DLQ_SENT,       /* hta-dlq: they are sent; the store does not have it */
	CRASH_SOURCE_INIT,    /* source: an init line was written */
	/* source: partitions came in a rebalance; no probe was sent */
	CRASH_SOURCE_ASSIGNED,
	/* source: partitions go in a rebalance; the epoch was cut and acknowledged, not
	 * committed */
	CRASH_SOURCE_REVOKED,
	/* source: acknowledgements have come, the group's commit is not under way */
	CRASH_SOURCE_BEFORE_COMMIT,
	CRASH_SOURCE_AFTER_COMMIT, /* source: the commit was handed to the client library */
	CRASH_LOG_HALF,            /* intake's log: a group is written in half */
	CRASH_LOG_WRITTEN,         /* intake's log: a group is durable; nobody was told */
	CRASH_LOG_TOLD,            /* intake's log: its readers may know; nothing was answered */
	CRASH_LOG_ZEROS,           /* intake's log: a piece of the next segment was written */
	CRASH_LOG_CUT,   /* intake's log: a segment was cut to its data; there is no next one */
	CRASH_LOG_NAMED, /* intake's log: the next segment has its name, and nothing in it */
	CRASH_LOG_TAIL,  /* intake's log: a torn tail was cut; the log was not begun again */
};

/* Reads HTA_CRASH. -1: EX_USAGE, there is no such point; the message lists all of them. */
int crash_setup(struct err *err);

extern enum crash_point crash_armed;

bool crash_count(void); /* counts a passage; true at the N-th */
_Noreturn void crash_die(void);

/* True once: now is the time to leave things half done and crash_die(). */
static inline bool crash_now(enum crash_point p)
{
	return __builtin_expect(crash_armed == p, 0) && crash_count();
}

static inline void crash_at(enum crash_point p)
{
	if (crash_now(p))
		crash_die();
}

#endif
