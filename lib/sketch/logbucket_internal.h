#ifndef SKETCH_LOGBUCKET_INTERNAL_H
#define SKETCH_LOGBUCKET_INTERNAL_H

#include "sketch/logbucket.h"

struct logbucket_entry {
	uint32_t count;
	uint32_t place;
};

/* See logbucket.c. */
struct logbucket {
	union {
		struct logbucket_entry
			*list; /* `range` entries, `used` of them in use, ascending */
		void *counts;  /* of the places [low, low + range) */
	};
	uint16_t low, range;
	uint16_t used;  /* buckets in use */
	uint16_t floor; /* lower places count as this one; 0 while fewer than MOST are in use */
	uint8_t form;   /* LIST, else DENSE + the binary logarithm of a count's bytes */
};
enum { LOGBUCKET_LIST = 0, LOGBUCKET_DENSE = 1 };

/* Slots have counts, ascending by place; those of a dense one may be 0. */
static inline size_t logbucket_slots(const struct logbucket *s)
{
	return s->form == LOGBUCKET_LIST ? s->used : s->range;
}

static inline unsigned logbucket_slot_place(const struct logbucket *s, size_t at)
{
	return s->form == LOGBUCKET_LIST ? s->list[at].place : s->low + (unsigned)at;
}

static inline uint64_t logbucket_slot(const struct logbucket *s, size_t at)
{
	switch (s->form) {
	case LOGBUCKET_LIST:
		return s->list[at].count;
	case LOGBUCKET_DENSE:
		return ((const uint8_t *)s->counts)[at];
	case LOGBUCKET_DENSE + 1:
		return ((const uint16_t *)s->counts)[at];
	case LOGBUCKET_DENSE + 2:
		return ((const uint32_t *)s->counts)[at];
	default:
		return ((const uint64_t *)s->counts)[at];
	}
}

/* A walk over the buckets in use, ascending: struct logbucket_walk w = { s };
 * while (logbucket_next(&w)) .. w.place, w.count */
struct logbucket_walk {
	const struct logbucket *s;
	size_t at;
	unsigned place;
	uint64_t count;
};
bool logbucket_next(struct logbucket_walk *w);

#endif
