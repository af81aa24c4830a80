/* An arena: many small pieces that die together. Pieces never move; reset keeps the memory for
 * the next round. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *first, *now;
	size_t used;
}; /* {0} is an empty one */

void arena_fini(struct arena *a);
void arena_reset(struct arena *a);
/* aligned to 16, uninitialised */
void *arena_alloc(struct arena *a, size_t bytes);
/* an empty slice stays as it is */
struct slice arena_copy(struct arena *a, struct slice s);

#endif
