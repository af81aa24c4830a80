/* A list of chunks, filled one after the other; `now` is the one that is filled, `used` its bytes.
 *
 *	first -> [##########] -> now [####......] -> [..........] -> NULL
 *	          full                 used            from an earlier round
 *
 * Allocation adds to `used`, so a piece costs an addition and a comparison. Reset goes back to the
 * first chunk and keeps all of them: a sink fills its arena with the rows of one epoch after the
 * other, of about the same size, and calls malloc for the first only. A piece that is larger than a
 * chunk gets a chunk of its own size, put in behind `now`; smaller ones in between are passed by
 * until the next reset. One block that doubles would waste less at its end, but it would move, and
 * the rows of an epoch point into it. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_BYTES = 256 << 10, ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(ALIGN) char data[];
};

void arena_fini(struct arena *a)
{
	struct arena_chunk *c = a->first, *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){ 0 };
}

void arena_reset(struct arena *a)
{
	a->now = a->first;
	a->used = 0;
}

/* Goes on to the next chunk that can hold n bytes; chunks of earlier rounds that are too small
 * are passed by until the next reset. */
static void grow(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->now ? a->now->next : NULL;

	while (c && c->size < n)
		c = c->next;
	if (!c) {
		size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;

		c = mem_alloc(sizeof(*c) + size);
		c->size = size;
		c->next = a->now ? a->now->next : NULL;
		if (a->now)
			a->now->next = c;
		else
			a->first = c;
	}
	a->now = c;
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	size_t n = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	void *p;

	if (!a->now || a->now->size - a->used < n)
		grow(a, n);
	p = a->now->data + a->used;
	a->used += n;
	return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p;

	if (s.n == 0)
		return s.p ? slice("", 0) : s;
	p = arena_alloc(a, s.n);
	memcpy(p, s.p, s.n);
	return slice(p, s.n);
}
