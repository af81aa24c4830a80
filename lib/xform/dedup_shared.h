/* The contract of a state that several hosts share, each with partitions of its own of one job: the
 * state judges, in calls of many records (tests/model/dedup_hosts.pml has the rules, and
 * hta-protocol(7)). It takes the place of load, save and find of dedup_state.h.
 *
 * What it holds, for one job and one list of key fields: places of keys with their times; of each
 * partition the stage's own position (`next`), the floor, a fence, and the claims that no barrier
 * has gone over yet.
 *
 * A call is one step of the server: all of it or nothing. It names the fences of the partitions
 * that it is about; a partition that somebody else has taken since refuses the whole call, and so
 * does a server that is another process than the one that gave the fences. Calls return 0, -1 with
 * err, or 1: the state refuses, for a reason that is told in `refusal`. After -1 and 1 nothing more
 * may be asked: the stage ends. EX_TEMPFAIL where the server cannot be reached any more. */
#ifndef XFORM_DEDUP_SHARED_H
#define XFORM_DEDUP_SHARED_H

#include "io/loop.h"
#include "xform/dedup_state.h"

enum dedup_refused {
	DEDUP_STALE,      /* the partition was taken by another, or the state is gone */
	DEDUP_SERVER,     /* the server is another process: what was not durable is gone */
	DEDUP_OLDER,      /* the state is behind the sinks, or knows nothing of the partition */
	DEDUP_GENERATION, /* it is of another generation */
	DEDUP_KEY,        /* it has keys of other fields */
	DEDUP_BELOW,      /* records below the floor */
	DEDUP_HOLE,       /* a range from above the position */
};

struct dedup_refusal {
	enum dedup_refused why;
	size_t part;    /* which of the call's partitions */
	int64_t stored; /* DEDUP_OLDER: its position, -1: none; DEDUP_BELOW: its floor */
	char text[128]; /* DEDUP_GENERATION, DEDUP_KEY: what is stored */
};

/* ---- take: the partitions that are read from here on */

struct dedup_take_part {
	const char *topic;
	int32_t partition;
	int64_t init, from, next; /* as `read` has them (proto/ctl.h) */
	bool idle;
	/* the answer */
	uint64_t fence;
	int64_t stored; /* its position now */
	bool adopted;   /* keys below `next` are not known */
};

struct dedup_take {
	const struct dedup_about *about;
	struct slice gen;
	bool adopt; /* DEDUP_OLDER is none */
	struct dedup_take_part *part;
	size_t n;
	uint64_t keys; /* the answer: how many there are */
};

/* ---- claim: the verdicts of records of one partition */

struct dedup_claim {
	const struct dedup_part *part; /* where they stand; its fence is named */
	/* whose offsets the entries have: `part`, or where the one record stood at first, and
	 * `stands` is its offset now (else -1) */
	const struct dedup_part *own;
	int64_t stands;
	int64_t first, last; /* the lowest and highest offset at which they stand */
	uint32_t newest_s, horizon_s;
	bool adopt;                      /* what is below the floor is taken for new */
	const struct dedup_entry *entry; /* times are set; `part` is of no matter */
	size_t n;
};

/* ---- advance: a barrier */

struct dedup_advance_part {
	const struct dedup_part *part; /* safe, safe_s, idle, fence */
	int64_t from, to;              /* from == to: nothing new */
};

struct dedup_advance {
	struct slice gen;
	const struct dedup_advance_part *part; /* all that are read */
	size_t n;
	uint32_t horizon_s;
	uint64_t max_keys;
	bool adopt;
	/* the answer */
	uint64_t keys, forgotten; /* forgotten: now, to make room */
	uint64_t released;        /* claims of records that nobody can read any more */
};

struct dedup_shared {
	/* Connects, waits for a server that is not there yet. EX_CONFIG: one that cannot keep a
	 * state. EX_UNAVAILABLE: not reached. where: as the user gave it, with the scheme. */
	void *(*open)(const char *where, const char *job, struct loop *loop, struct err *err);
	void (*close)(void *s);
	/* The state's name in messages: without a password. Valid until close. */
	const char *(*name)(void *s);
	/* What it is of, through dedup_load_about; nothing where there is none yet. */
	int (*load)(void *s, struct dedup *into, struct err *err);
	int (*take)(void *s, struct dedup_take *take, struct dedup_refusal *why, struct err *err);
	/* unique: n bytes, 1 or 0 each. DEDUP_STALE, DEDUP_BELOW. */
	int (*claim)(void *s, const struct dedup_claim *claim, uint8_t *unique,
		     struct dedup_refusal *why, struct err *err);
	/* Positions move, claims that the ranges go over stand; durable when it returns. */
	int (*advance)(void *s, struct dedup_advance *advance, struct dedup_refusal *why,
		       struct err *err);
};

#endif
