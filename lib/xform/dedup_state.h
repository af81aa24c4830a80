/* The contract of a state: where hta-dedup keeps its keys on an acknowledged stream.
 *
 * A state holds, for one job and one list of key fields,
 *   partitions  numbered from 1 in the order of their coming; of each the stage's own position
 *               (`next`) and its `floor`, below which entries were dropped
 *   chunks      the entries of one or several epochs, and up to where each partition was read with
 *               them; dropped as a whole
 * Invariant: what `save` was given is all there or not at all, and durable when it returns. The
 * stage lets a barrier pass after that only, so its positions are never below a sink's.
 * One process has a state at a time. Calls return 0, or -1 with err.
 *
 * Entries are in memory, all of them; or, in a state that has `find`, those of the open epoch only,
 * and each key is asked for. */
#ifndef XFORM_DEDUP_STATE_H
#define XFORM_DEDUP_STATE_H

#include "base/err.h"
#include "proto/ctl.h"
#include "xform/dedup_table.h"

/* What a state is of. Owned by who has it. */
struct dedup_about {
	char *job, *key; /* key: canonical (dedup_key.h); job NULL: an empty state */
	char gen[CTL_INC_CHARS + 1];
};

/* Begins as struct partition does (proto/partition_index.h). */
struct dedup_part {
	char *topic;
	int32_t partition;
	int64_t next;  /* all below it was judged, and the verdicts stand; -1: nothing was */
	int64_t floor; /* a key that has no place may have had one below it */
	bool changed;  /* since the last save */
	/* of this run, not stored */
	bool read;       /* it is being read */
	bool idle;       /* its position was the log's end */
	uint32_t time_s; /* the highest time that was read */
	int64_t safe;    /* all sinks are there, as far as is known; -1: nothing is known */
	uint32_t safe_s; /* the highest time below it */
	uint64_t fence;  /* of a shared state: what was given for it */
};

struct dedup_end {
	uint32_t part;
	int64_t to;
};

struct dedup_chunk {
	uint64_t id; /* grows */
	uint64_t entries;
	uint32_t newest_s; /* the highest time of its entries */
	struct dedup_end *end;
	size_t ends, cap;
};

/* What one barrier makes durable. */
struct dedup_save {
	const struct dedup_about *about;
	const struct dedup_part *part; /* all; those that are `changed` are written */
	size_t parts;
	const struct dedup_chunk *chunk; /* NULL: none; replaces one of its id */
	const struct dedup_entry *entry; /* chunk->entries of them */
	uint64_t known;                  /* so many of them were saved before, unchanged */
	const uint64_t *dropped;         /* ids of chunks */
	size_t drops;
};

struct dedup;
struct dedup_shared;

struct dedup_state {
	/* What its names begin with, "lmdb:"; NULL: any other name is this one's. */
	const char *scheme;
	/* A state of several hosts (dedup_shared.h): all below is NULL then. */
	const struct dedup_shared *shared;
	/* EX_CONFIG: another process has it, or it is none. Made where it is missing. */
	void *(*open)(const char *where, struct err *err);
	void (*close)(void *s);
	/* Everything, through dedup_load_about, _part, _chunk; where there is `find`, _outline in
	 * place of _chunk. */
	int (*load)(void *s, struct dedup *into, struct err *err);
	/* Where there is `find`, the entries of dropped chunks are not found any more. */
	int (*save)(void *s, const struct dedup_save *save, struct err *err);
	/* The entries of a chunk, appended. NULL where there is `find`. */
	int (*recall)(void *s, uint64_t chunk, struct buf *entries, struct err *err);
	/* Adds what was saved of the key to *seen. NULL: entries are in memory. */
	int (*find)(void *s, const uint64_t key[2], uint32_t part, int64_t offset,
		    struct dedup_seen *seen, struct err *err);
};

/* The one of `states` (NULL behind the last) that the text of --state names; *where becomes its
 * name without the scheme. NULL with EX_CONFIG: none of them. */
const struct dedup_state *dedup_state_find(const struct dedup_state *const *states,
					   const char *text, const char **where, struct err *err);

#endif
