/* A directory: the keys of groups by numbers 0, 1, 2, .. in the order of their first coming. Tables
 * that get the same keys look each up here once instead of once a table, and find their group by
 * its number (table_batch). Belongs to one thread. */
#ifndef AGG_DIRECTORY_H
#define AGG_DIRECTORY_H

#include "agg/table.h"

struct directory;

struct directory *directory_new(void);
void directory_free(struct directory *d); /* NULL is fine */

/* The numbers of the keys of a set of lines, into number[line]. False: there is no room for more
 * keys. */
bool directory_find(struct directory *d, const char *const *key, const struct table_keys *known,
		    uint64_t lines, uint32_t number[TABLE_BATCH]);

size_t directory_keys(const struct directory *d);
/* Begins anew at 0. */
void directory_clear(struct directory *d);

#endif
