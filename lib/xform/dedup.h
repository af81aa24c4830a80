/* Which records are unique. The rules of hta-dedup, over keys in memory (dedup_table.h) and a
 * state that outlives the process (dedup_state.h):
 *
 *   a record is below the stage's own position of its partition: a replay
 *     unique if this very record has a place in its key, else a duplicate
 *   at or above it
 *     unique if it has a place (a crash has brought it twice), or the key has none, or the latest
 *     is further back than the horizon: it gets a place then. Else a duplicate
 *
 * Keys are in memory, or those beyond the open epoch in a state that finds them.
 * So a replay gets the verdict of the first run, wherever it was cut and whatever came since. Time
 * is the log's, never a clock's. Where a record stands and its own position may be two: those of a
 * dead letter that was sent again, which is known by its original's place.
 *
 * When a chunk of entries is dropped: all sinks are beyond it, and it is older than the horizon by
 * the time of the partition that is furthest behind; or there are more than max_keys, which is
 * counted. The floor of a partition then says below what a replay has no answer any more. */
#ifndef XFORM_DEDUP_H
#define XFORM_DEDUP_H

#include "xform/dedup_state.h"

struct dedup_conf {
	uint32_t horizon_s; /* 0: none */
	uint64_t max_keys;
	bool adopt; /* an epoch that begins where the state knows nothing is taken */
	/* ops NULL: a plain stream, nothing is kept */
	const struct dedup_state *ops;
	void *state;
	const char *where; /* the state's name, for messages */
};

struct dedup *dedup_new(const struct dedup_conf *conf);
void dedup_free(struct dedup *d);

/* ---- what was stored, to be called by the state's `load` */
void dedup_load_about(struct dedup *d, struct slice job, struct slice gen, struct slice key);
/* In the order of their numbers. EX_DATAERR: twice the same. */
int dedup_load_part(struct dedup *d, struct slice topic, int32_t partition, int64_t next,
		    int64_t floor, struct err *err);
/* In the order of their ids. Slices of whole structs, of any alignment. EX_DATAERR: entries or ends
 * are damaged. */
int dedup_load_chunk(struct dedup *d, uint64_t id, struct slice ends, struct slice entries,
		     struct err *err);
/* The same of a state that keeps the entries: how many there are, and their highest time. */
int dedup_load_outline(struct dedup *d, uint64_t id, struct slice ends, uint64_t entries,
		       uint32_t newest_s, struct err *err);

/* Reads the state. EX_CONFIG: it is of another job, or of other fields. */
int dedup_begin(struct dedup *d, const char *job, struct slice key, struct err *err);

/* ---- records */

/* The number of a partition. */
uint32_t dedup_part_number(struct dedup *d, struct slice topic, int32_t partition);

struct dedup_place {
	uint32_t part; /* where the record stands */
	int64_t offset;
	uint32_t own_part; /* its own position */
	int64_t own_offset;
	uint32_t time_s; /* 0: not known; that of what its partition had before is taken */
};

/* For keys that are judged soon: the first for all of them, then the second. */
void dedup_prefetch(const struct dedup *d, const uint64_t key[2]);
void dedup_prefetch_entry(const struct dedup *d, const uint64_t key[2]);
/* 1: unique, 0: a duplicate; -1: the state could not be asked. */
int dedup_judge(struct dedup *d, const uint64_t key[2], const struct dedup_place *at,
		struct err *err);

/* ---- epochs */

/* What is read from here on: checks the state against it. EX_CONFIG: the state is older than the
 * sinks, knows nothing of a partition that they have begun, or is of another generation; the
 * message has the way out. */
int dedup_read_on(struct dedup *d, const struct ctl_reading *reading, struct err *err);
/* A barrier has come: makes the epoch durable. EX_CONFIG, and nothing is stored: a range begins
 * below the floor of its partition. */
int dedup_close_epoch(struct dedup *d, struct slice gen, const struct ranges *ranges,
		      struct err *err);

/* ---- a state of several hosts (dedup_shared.h), in place of dedup_judge */

/* Puts a record into the next question; at most DEDUP_ASK_MOST wait. */
enum { DEDUP_ASK_MOST = 4096 };
void dedup_ask(struct dedup *d, const uint64_t key[2], const struct dedup_place *at);
/* Asks for all of them: 1 unique, 0 a duplicate, in their order. -1: EX_TEMPFAIL where this host
 * has to begin anew. */
int dedup_answer(struct dedup *d, uint8_t *unique, struct err *err);

uint64_t dedup_keys(const struct dedup *d);
uint64_t dedup_forgotten(const struct dedup *d); /* keys that made room for others */
/* Whether records are asked for together. */
bool dedup_is_shared(const struct dedup *d);

#endif
