/* The groups of one metric: an exact hash table from keys (key.h) to counts, made for many small
 * additions.
 *
 * Keys are compared byte by byte; their hash only finds the place. A group costs about 13 bytes
 * of index, its key, and 16 bytes (count only) or 48 (with a value; 64 once a table has seen a
 * value beyond +-9.2e9), 16 more with uniques or windows, and 16 a column of --agg; sketches are
 * memory of their own. Memory but for that of sketches is kept by table_clear for the next epoch.
 * At that first large value the table is there twice for a moment. Belongs to one thread. */
#ifndef AGG_TABLE_H
#define AGG_TABLE_H

#include <stdbool.h>
#include "base/dec.h"
#include "base/err.h"
#include "row/columns.h"
#include "sketch/hll.h"

enum { TABLE_BATCH = 64 };

struct table;

struct group; /* one of a table */

struct group_counts {
	uint64_t count, value_count;
	dec sum, min, max; /* undefined while value_count is 0 */
	struct hll *uniq;  /* the table's; NULL until the first unique */
};

struct table_shape {
	bool value, uniq; /* what a group holds */
	bool windows;     /* groups are listed by window: table_window, table_drop */
	/* of aggregates; their rules are borrowed for the table's life */
	unsigned columns;
	const enum column_rule *rule;
};

struct table *table_new(struct table_shape shape);
void table_free(struct table *t);

/* What all tables want to know of the keys of a batch, by line: several that get the same keys need
 * it worked out once. */
struct table_keys {
	uint32_t bytes[TABLE_BATCH], tag[TABLE_BATCH];
	bool one; /* all keys are equal */
};
/* Of the keys of a set of lines; the other places stay as they are. */
void table_know_keys(struct table_keys *out, const char *const *key, uint64_t lines);

/* Up to TABLE_BATCH records out of a batch of lines. A record is counted once; its value and
 * unique are added where the bit of its line is set. */
struct table_batch {
	unsigned n;
	const uint8_t *line; /* n ascending indexes into the arrays below */
	const char *const *key;
	const struct table_keys *known; /* NULL: nothing */
	/* With `known`: the number of each key in a directory (agg/directory.h), all below
	 * `numbers`; NULL: they have none. The table keeps where it has the group of a number until
	 * table_forget_numbers, so a table stays with one directory. */
	const uint32_t *number;
	size_t numbers;
	uint64_t has_value, has_uniq;
	const dec *value;
	const uint64_t *uniq; /* hash_murmur64a */
	/* By column of the shape: the lines that contribute, and what: items to a sketch, nothing
	 * to a COUNT, to which each adds 1, values to all others. */
	const uint64_t *contributes;
	const struct table_contribution {
		const dec *value;
		const uint64_t *item;
	} * contribution;
};
/* EX_DATAERR: a sum left the range of its type, or the groups 64 GiB. What was added then is
 * undefined. */
int table_add(struct table *t, const struct table_batch *b, struct err *err);

/* The same in two steps, between which nothing else may come to the table: its groups are found and
 * asked for, then they are added to. */
int table_find(struct table *t, const struct table_batch *b, uint32_t ref[TABLE_BATCH],
	       struct err *err);
int table_add_found(struct table *t, const struct table_batch *b, uint32_t ref[TABLE_BATCH],
		    struct err *err);

/* Asks for the memory where table_add looks first: for a table that nobody has used for long. */
void table_ask(const struct table *t);

/* The directory began anew, or another one comes. */
void table_forget_numbers(struct table *t);

/* Adds all groups of `from`, which is left as it was but for its sketches, which may have been
 * taken. */
int table_merge(struct table *t, struct table *from, struct err *err);

/* Adds a group of `from`, another table of this shape, under that key, whose room is the caller's;
 * `from` is left as it was. */
int table_add_group(struct table *t, const char *key, const struct table *from,
		    const struct group *g, struct err *err);

void table_clear(struct table *t);
size_t table_groups(const struct table *t);
size_t table_memory(const struct table *t); /* bytes held, sketches included */

/* All groups, in order of their arrival: for (g = table_first(t); g; g = table_next(t, g)). */
struct group *table_first(const struct table *t);
struct group *table_next(const struct table *t, const struct group *g);
const char *table_key(const struct table *t, const struct group *g);
struct group_counts table_counts(const struct table *t, const struct group *g);
struct hll *table_uniq(const struct table *t, const struct group *g);
/* Fills what the group has in each column of the shape; the cells' columns are the caller's.
 * Sketches are encoded into `sketches`, which is overwritten. */
void table_cells(const struct table *t, const struct group *g, struct cell *out,
		 struct buf *sketches);
/* What it has in a column that is no sketch. */
dec table_number(const struct table *t, const struct group *g, unsigned column);
/* A group in four bytes, as long as nothing is added or dropped. */
uint32_t table_ref(const struct table *t, const struct group *g);
struct group *table_at(const struct table *t, uint32_t ref);

/* Tables with windows: the earliest open window into *window, false if there is none. */
bool table_earliest(const struct table *t, uint64_t *window);
/* how many groups the earliest window has */
size_t table_window_groups(const struct table *t);
struct group *table_window_first(const struct table *t);
struct group *table_window_next(const struct table *t, const struct group *g);
/* The first group of the nth open window, in their order, and which window that is; NULL: there are
 * not as many. Others follow by table_window_next. */
struct group *table_nth_window(const struct table *t, size_t nth, uint64_t *window);
/* How many groups that window has; 0: there is none. */
size_t table_nth_groups(const struct table *t, size_t nth);
/* Forgets that window, of which keys may be added again. Groups move, as below. */
void table_drop_nth(struct table *t, size_t nth);
/* Forgets the earliest window. No key of it may be added any more. Groups move: no pointer to
 * one is valid after it. */
void table_drop_earliest(struct table *t);

#endif
