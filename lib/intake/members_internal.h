/* What the quick walks over an event's names share: the names of the objects that are open.
 *
 * A frame is an open container. Its names are hashes in one stack, of which it has those from
 * `first` on; `some` has a bit set for each of them, so that most names are new without a look at
 * the others. Equal hashes, and what does not fit, are left to members_check. */
#ifndef INTAKE_MEMBERS_INTERNAL_H
#define INTAKE_MEMBERS_INTERNAL_H

#include <endian.h>

#include "intake/members.h"

enum { MEMBERS_HELD = 256 };

struct members_frame {
	uint64_t some;
	uint32_t first;
};

struct members_open {
	struct members_frame frame[MEMBERS_DEPTH + 1]; /* [0]: outside of the event */
	unsigned depth;
	uint32_t n;
	uint64_t hash[MEMBERS_HELD];
};

static inline void members_begin(struct members_open *o)
{
	o->depth = 0;
	o->n = 0;
}

static inline bool members_push(struct members_open *o)
{
	if (o->depth == MEMBERS_DEPTH)
		return false;
	o->frame[++o->depth] = (struct members_frame){ .first = o->n };
	return true;
}

static inline void members_pop(struct members_open *o)
{
	o->n = o->frame[o->depth--].first;
}

/* Of the name p[0..n): its length, its first and its last eight bytes. 8 bytes before it and
 * behind it are readable. */
static inline uint64_t members_hash(const char *p, size_t n)
{
	uint64_t head, tail, h;

	memcpy(&head, p, 8);
	memcpy(&tail, p + n - 8, 8);
	head = le64toh(head);
	if (n < 8)
		head = tail = head & (((uint64_t)1 << 8 * n) - 1);
	h = (head ^ n * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 32 ^ tail) * 0x94d049bb133111eb;
	return h ^ h >> 31;
}

/* False: it may be there already. */
static inline bool members_add(struct members_open *o, uint64_t hash)
{
	struct members_frame *f = &o->frame[o->depth];
	uint64_t bit = (uint64_t)1 << (hash >> 58);

	if (f->some & bit)
		for (uint32_t i = f->first; i < o->n; i++)
			if (o->hash[i] == hash)
				return false;
	f->some |= bit;
	if (o->n == MEMBERS_HELD)
		return false;
	o->hash[o->n++] = hash;
	return true;
}

bool members_fine_avx2(struct slice object);

#endif
