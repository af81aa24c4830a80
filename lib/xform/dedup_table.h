/* A set of places where keys were seen: what hta-dedup holds in memory. A key may have several
 * places, since one that comes again beyond the horizon is unique once more.
 *
 * Pure: memory and nothing else. 32 bytes an entry, and 8 bytes a slot, at most three quarters of
 * them full: 43 to 53 bytes a key. */
#ifndef XFORM_DEDUP_TABLE_H
#define XFORM_DEDUP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One unique record. Stored as it is (xform/dedup_state.h): native byte order. */
struct dedup_entry {
	uint64_t key[2]; /* XXH3-128 (xform/dedup_key.h) */
	int64_t offset;
	uint32_t part;   /* number of a partition, from 1 */
	uint32_t time_s; /* its log's time, seconds since 1970, cut at 2106; 0: not known */
};

/* What is known of a key. */
struct dedup_seen {
	bool any;          /* it has a place */
	bool same;         /* this very record is one of them */
	uint32_t latest_s; /* the highest time of its places */
};

/* Adds a place of the key to what is known of it; is_same: it is the record that is asked for. */
static inline void dedup_seen_add(struct dedup_seen *seen, bool is_same, uint32_t time_s)
{
	seen->any = true;
	seen->same = seen->same || is_same;
	seen->latest_s = time_s > seen->latest_s ? time_s : seen->latest_s;
}

struct dedup_table;

struct dedup_table *dedup_table_new(void);
void dedup_table_free(struct dedup_table *t);

/* Begins to load the slots of a key that is asked for soon; and, when they are there, the place
 * that they name. */
void dedup_table_prefetch(const struct dedup_table *t, const uint64_t key[2]);
void dedup_table_prefetch_entry(const struct dedup_table *t, const uint64_t key[2]);
struct dedup_seen dedup_table_find(const struct dedup_table *t, const uint64_t key[2],
				   uint32_t part, int64_t offset);
/* The entry is not there yet. */
void dedup_table_add(struct dedup_table *t, const struct dedup_entry *e);
/* False: it is not there. */
bool dedup_table_remove(struct dedup_table *t, const struct dedup_entry *e);
/* Removes all entries with a time below time_s or an offset below `offset`. Returns how many. */
size_t dedup_table_sweep(struct dedup_table *t, uint32_t time_s, int64_t offset);
/* Removes all entries. */
void dedup_table_clear(struct dedup_table *t);
size_t dedup_table_count(const struct dedup_table *t);

#endif
