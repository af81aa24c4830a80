/* A directory is a table whose groups count nothing: the place of the count holds the number of
 * the key, plus one, 0 in a new group. */
#include "agg/directory.h"

#include <stdlib.h>

#include "agg/table_internal.h"
#include "base/mem.h"

struct directory {
	struct table *table;
};

struct directory *directory_new(void)
{
	struct directory *d = mem_zalloc(sizeof(*d));

	d->table = table_new((struct table_shape){ 0 });
	return d;
}

void directory_free(struct directory *d)
{
	if (d)
		table_free(d->table);
	free(d);
}

size_t directory_keys(const struct directory *d)
{
	return table_groups(d->table);
}

void directory_clear(struct directory *d)
{
	table_clear(d->table);
}

bool directory_find(struct directory *d, const char *const *key, const struct table_keys *known,
		    uint64_t lines, uint32_t number[TABLE_BATCH])
{
	uint32_t ref[TABLE_BATCH], numbered = (uint32_t)table_groups(d->table);
	struct table_batch b = { .key = key, .known = known };
	uint8_t line[TABLE_BATCH];

	for (uint64_t left = lines; left; left &= left - 1)
		line[b.n++] = (uint8_t)__builtin_ctzll(left);
	b.line = line;
	table_reserve(d->table, b.n);
	if (!table_seek_batch(d->table, &b, ref))
		return false;
	for (unsigned k = 0; k < b.n; k++) {
		struct group *g = group_at(d->table, ref[k]);

		if (!g->count)
			g->count = ++numbered;
		number[line[k]] = (uint32_t)g->count - 1;
	}
	return true;
}
