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
/* bytes aligned to 16, uninitialised; they live until the next reset */
void *arena_alloc(struct arena *a, size_t bytes);
/* A copy of s that lives until the next reset. An empty slice takes no memory; NULL stays NULL. */
struct slice arena_copy(struct arena *a, struct slice s);

#endif
