/* Finds partitions in an array by topic and number: what sets of ranges, of positions and of
 * partitions share.
 *
 * Entries of any type that begin as struct partition does (char *topic; int32_t partition);
 * `stride` is their size. Up to a few entries are looked through, more are hashed (open
 * addressing, at most half full), so that each of ten thousand is found at once. The array is its
 * owner's, which calls partition_index_added and _moved when it changes the array. */
#ifndef PROTO_PARTITION_INDEX_H
#define PROTO_PARTITION_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct partition_index {
	uint32_t *slot;
	size_t slots;
}; /* {0}: of an empty array */

void partition_index_fini(struct partition_index *x);

/* The entry's number, or n where there is none. */
size_t partition_index_find(const struct partition_index *x, const void *v, size_t stride, size_t n,
			    struct slice topic, int32_t number);
/* An entry was added as the last of n. */
void partition_index_added(struct partition_index *x, const void *v, size_t stride, size_t n);
/* Entries were put in another order. */
void partition_index_moved(struct partition_index *x, const void *v, size_t stride, size_t n);

/* Order of topics' bytes, then of numbers: for qsort over such entries. */
int partition_cmp(const void *a, const void *b);

#endif
