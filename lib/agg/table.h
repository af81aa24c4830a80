/* The groups of one metric: an exact hash table from keys (key.h) to counts, made for many small additions.
 *
 * Keys are compared byte by byte; their hash only finds the place. A group costs about 13 bytes of index, its key, and 32 bytes (count only) or
 * 80 (with a value). Memory is kept by table_clear for the next epoch. Belongs to one thread. */
#ifndef AGG_TABLE_H
#define AGG_TABLE_H

#include <stdbool.h>
#include "base/dec.h"
#include "base/err.h"
#include "sketch/hll.h"

enum { TABLE_BATCH = 64 };

struct table;

/* One group. Field order is the layout; the key stands behind it (table_key). */
struct group {
	uint32_t tag;                /* low half of XXH3-64 of the key, 1 where that is 0 */
	uint32_t next;               /* in its window's list */
	struct hll *uniq;            /* NULL until the first unique */
	uint64_t count;              /* 0: taken out with its window */
	uint64_t value_count;
	dec sum, min, max;           /* only there with a value; undefined while value_count is 0 */
};

struct table_shape {
	bool value, uniq;            /* what a group holds */
	bool windows;                /* groups are listed by window: table_window, table_drop */
};

struct table *table_new(struct table_shape shape);
void table_free(struct table *t);

/* Up to TABLE_BATCH records out of a batch of lines. A record is counted once; its value and unique are added where the bit of its line is set. */
struct table_batch {
	unsigned n;
	const uint8_t *line;         /* n indexes into the arrays below, each below TABLE_BATCH */
	const char *const *key;
	uint64_t has_value, has_uniq;
	const dec *value;
	const uint64_t *uniq;        /* hash_murmur64a */
};
/* EX_DATAERR: a sum left the range of its type, or the groups 64 GiB. What was added then is undefined. */
int table_add(struct table *t, const struct table_batch *b, struct err *err);

/* Adds all groups of `from`, which is left as it was but for its sketches, which may have been taken. */
int table_merge(struct table *t, struct table *from, struct err *err);

void table_clear(struct table *t);
size_t table_groups(const struct table *t);
size_t table_memory(const struct table *t);            /* bytes held, sketches included */

/* All groups, in order of their arrival: for (g = table_first(t); g; g = table_next(t, g)). */
struct group *table_first(const struct table *t);
struct group *table_next(const struct table *t, const struct group *g);
const char *table_key(const struct table *t, const struct group *g);

/* Tables with windows: the earliest open window into *window, false if there is none. */
bool table_earliest(const struct table *t, uint64_t *window);
size_t table_window_groups(const struct table *t);      /* how many groups the earliest window has */
struct group *table_window_first(const struct table *t);
struct group *table_window_next(const struct table *t, const struct group *g);
/* Forgets the earliest window. No key of it may be added any more. Groups move: no pointer to one is valid after it. */
void table_drop_earliest(struct table *t);

#endif
