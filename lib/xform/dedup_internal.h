/* Inside of the rules of hta-dedup: dedup.c (records, what is loaded), dedup_epoch.c (barriers),
 * dedup_drop.c (what is forgotten), dedup_shared.c (a state that judges by itself). */
#ifndef XFORM_DEDUP_INTERNAL_H
#define XFORM_DEDUP_INTERNAL_H

#include "proto/partition_index.h"
#include "xform/dedup.h"
#include "xform/dedup_shared.h"

enum {
	/* Epochs that may be on their way between this stage and the last sink: a source has four
	 * in flight, and one more where partitions are revoked. */
	DEDUP_FLIGHTS = 8,
	/* After so many epochs a partition of the state that none of them had is not read here any
	 * more. */
	DEDUP_UNREAD_EPOCHS = 64,
	/* A chunk with fewer entries is written again with the next epoch's. */
	DEDUP_CHUNK_ENTRIES = 4096,
};

/* Where a partition stood behind an epoch. */
struct dedup_reached {
	uint32_t part, time_s;
	int64_t to;
};

struct dedup_flight {
	struct dedup_reached *v;
	size_t n, cap;
};

struct dedup {
	struct dedup_conf conf;
	struct dedup_about about;
	struct dedup_table *table;
	struct dedup_part *part;
	size_t parts, part_cap;
	struct partition_index index;
	/* the chunk that grows, and its entries */
	struct dedup_chunk open;
	struct dedup_entry *entry;
	size_t entry_cap;
	uint64_t saved; /* of them, by the last save */
	/* those that are closed, oldest first */
	struct dedup_chunk *chunk;
	size_t chunks, chunk_cap;
	uint64_t kept;   /* their entries, together */
	bool announced;  /* what is read, in this run */
	uint64_t epochs; /* of this run */
	struct dedup_flight flight[DEDUP_FLIGHTS];
	uint64_t forgotten;
	/* plain streams */
	size_t sweep_at;
	int64_t oldest, latest; /* offsets that are held: from, up to */
	uint32_t newest_s;
	/* a shared state: records that wait for their verdicts */
	struct dedup_entry *ask_entry;
	struct dedup_place *ask_place;
	size_t asked;
	uint64_t shared_keys;
};

static inline struct dedup_part *dedup_part_of(const struct dedup *d, uint32_t number)
{
	return &d->part[number - 1];
}

/* Whether the state has the entries, and the table those of the open epoch only. */
static inline bool dedup_finds(const struct dedup *d)
{
	return d->conf.ops && d->conf.ops->find;
}

static inline const struct dedup_shared *dedup_shared_of(const struct dedup *d)
{
	return d->conf.ops ? d->conf.ops->shared : NULL;
}

/* Puts a chunk behind those that are closed, and opens the next. */
void dedup_add_chunk(struct dedup *d, const struct dedup_chunk *c);
/* dedup_drop.c: plain streams: makes room where it is time to. */
void dedup_sweep(struct dedup *d);
/* Removes chunks from memory, as the rule of dedup.h has it, and raises floors: their ids, appended
 * to *ids. */
int dedup_drop_chunks(struct dedup *d, uint64_t **ids, size_t *n, struct err *err);
void dedup_chunk_fini(struct dedup_chunk *c);

/* ---- dedup_epoch.c, for both kinds of states */
/* EX_CONFIG: the stream has another generation than the state. */
int dedup_check_generation(struct dedup *d, struct slice gen, struct err *err);
/* EX_CONFIG: p->next is behind r->next. */
int dedup_refuse_part(const struct dedup *d, const struct ctl_reading_part *r,
		      const struct dedup_part *p, struct err *err);
/* EX_DATAERR, EX_CONFIG: a range that was not announced, or is below a floor. */
int dedup_check_ranges(struct dedup *d, const struct ranges *ranges, struct err *err);
/* Notes where the ranges end, and what the epochs before have brought to all sinks. */
void dedup_fly(struct dedup *d, const struct ranges *ranges);

/* ---- dedup_shared.c */
int dedup_shared_read_on(struct dedup *d, const struct ctl_reading *reading, struct err *err);
int dedup_shared_close(struct dedup *d, struct slice gen, const struct ranges *ranges,
		       struct err *err);

#endif
