/* Log buckets in two forms:
 *
 *     list    up to 16 buckets in use, ascending, 8 bytes each
 *     dense   an array of counts over the range of places in use; a count has 1, 2, 4 or 8 bytes,
 *             as many as the largest needs
 *
 * Values of one group lie close together: those of a log-normal distribution with sigma 1 are
 * spread over some 500 places, 500 bytes until one has more than 255. Bytes at first are not for
 * memory alone: of 6,000 groups that take events in turn the counts fit the second cache.
 *
 * The limit. With MOST buckets in use `floor` is the lowest, and whatever is lower counts as it.
 * One more bucket above moves it: its count goes to the next one. So the kept buckets are the MOST
 * highest of all values so far, whatever their order, and the floor has what lies at or below
 * it: a function of the multiset, and of two such states the merged one is that of all values. */
#include "sketch/logbucket.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sketch/logbucket_internal.h"

enum { LIST_MIN = 4, LIST_MAX = 16 };

_Static_assert(sizeof(struct logbucket) <= 24, "the handle fits the smallest allocation");

struct logbucket *logbucket_new(void)
{
	return mem_zalloc(sizeof(struct logbucket));
}

void logbucket_clear(struct logbucket *s)
{
	free(s->counts);
	*s = (struct logbucket){ .form = LOGBUCKET_LIST };
}

void logbucket_free(struct logbucket *s)
{
	if (s)
		logbucket_clear(s);
	free(s);
}

static size_t place_bytes(const struct logbucket *s)
{
	return s->form == LOGBUCKET_LIST ? sizeof *s->list
					 : (size_t)1 << (s->form - LOGBUCKET_DENSE);
}

size_t logbucket_bytes(const struct logbucket *s)
{
	return sizeof *s + s->range * place_bytes(s);
}

/* the largest count in 1, 2, 4, 8 bytes */
static const uint64_t dense_most[] = { UINT8_MAX, UINT16_MAX, UINT32_MAX, LOGBUCKET_COUNT_MAX };

static inline void dense_set(struct logbucket *s, size_t at, uint64_t count)
{
	switch (s->form) {
	case LOGBUCKET_DENSE:
		((uint8_t *)s->counts)[at] = (uint8_t)count;
		break;
	case LOGBUCKET_DENSE + 1:
		((uint16_t *)s->counts)[at] = (uint16_t)count;
		break;
	case LOGBUCKET_DENSE + 2:
		((uint32_t *)s->counts)[at] = (uint32_t)count;
		break;
	default:
		((uint64_t *)s->counts)[at] = count;
	}
}

bool logbucket_next(struct logbucket_walk *w)
{
	for (size_t n = logbucket_slots(w->s); w->at < n;) {
		w->place = logbucket_slot_place(w->s, w->at);
		w->count = logbucket_slot(w->s, w->at++);
		if (w->count)
			return true;
	}
	return false;
}

/* Dense from whatever it was: its places are `low` to `end`, where all in use lie, its counts of
 * 2^log bytes. */
static void to_dense(struct logbucket *s, unsigned low, unsigned end, unsigned log)
{
	struct logbucket to = { .low = (uint16_t)low,
				.range = (uint16_t)(end - low),
				.used = s->used,
				.floor = s->floor,
				.form = (uint8_t)(LOGBUCKET_DENSE + log) };
	to.counts = mem_array(to.range, (size_t)1 << log);
	if (s->form == to.form) {
		memcpy((char *)to.counts + ((size_t)(s->low - low) << log), s->counts,
		       (size_t)s->range << log);
	} else {
		struct logbucket_walk w = { .s = s };
		while (logbucket_next(&w))
			dense_set(&to, w.place - low, w.count);
	}
	free(s->counts);
	*s = to;
}

/* Room on the side where the place lies, an eighth more than it takes. */
static void dense_cover(struct logbucket *s, unsigned place)
{
	unsigned low = s->low, end = low + s->range, more = s->range / 8 + 8;
	if (place < low)
		low = place > more ? place - more : 0;
	else
		end = place + more < LOGBUCKET_PLACES ? place + more : LOGBUCKET_PLACES;
	to_dense(s, low, end, s->form - LOGBUCKET_DENSE);
}

/* From the lowest place's bucket to the next one in use. */
static void raise_floor(struct logbucket *s)
{
	size_t at = s->floor - s->low;
	uint64_t moved = logbucket_slot(s, at);
	dense_set(s, at, 0);
	while (logbucket_slot(s, ++at) == 0)
		;
	s->used--;
	s->floor = (uint16_t)(s->low + at);
	logbucket_put(s, s->floor, moved);
}

/* An empty bucket has got its first count. */
static void count_used(struct logbucket *s)
{
	s->used++;
	if (s->used > LOGBUCKET_MOST) {
		raise_floor(s);
	} else if (s->used == LOGBUCKET_MOST) {
		struct logbucket_walk w = { .s = s };
		logbucket_next(&w);
		s->floor = (uint16_t)w.place;
	}
}

static void dense_put(struct logbucket *s, unsigned place, uint64_t count)
{
	if (place - s->low >= s->range)
		dense_cover(s, place);
	size_t at = place - s->low;
	uint64_t before = logbucket_slot(s, at);
	count = count < LOGBUCKET_COUNT_MAX - before ? before + count : LOGBUCKET_COUNT_MAX;
	while (count > dense_most[s->form - LOGBUCKET_DENSE])
		to_dense(s, s->low, s->low + s->range, s->form - LOGBUCKET_DENSE + 1u);
	dense_set(s, at, count);
	if (before == 0)
		count_used(s);
}

static void list_insert(struct logbucket *s, unsigned at, struct logbucket_entry entry)
{
	if (s->used == s->range) {
		s->range = (uint16_t)(s->range ? s->range * 2 : LIST_MIN);
		s->list = mem_grow(s->list, s->range, sizeof *s->list);
	}
	memmove(&s->list[at + 1], &s->list[at], (s->used - at) * sizeof *s->list);
	s->list[at] = entry;
	s->used++;
}

static void list_put(struct logbucket *s, unsigned place, uint64_t count)
{
	unsigned at = 0;
	while (at < s->used && s->list[at].place < place)
		at++;
	bool found = at < s->used && s->list[at].place == place;
	if (count <= UINT32_MAX - (found ? s->list[at].count : 0) &&
	    (found || s->used < LIST_MAX)) {
		if (found)
			s->list[at].count += (uint32_t)count;
		else
			list_insert(s, at, (struct logbucket_entry){ (uint32_t)count, place });
		return;
	}
	unsigned low = place, end = place + 1, log = 0;
	for (unsigned i = 0; i < s->used; i++) {
		low = s->list[i].place < low ? s->list[i].place : low;
		end = s->list[i].place >= end ? s->list[i].place + 1 : end;
		while (s->list[i].count > dense_most[log])
			log++;
	}
	to_dense(s, low, end, log);
	dense_put(s, place, count);
}

/* What nearly all additions are: one to a count of one byte that has room, nowhere near the limit
 * of buckets. Half of them find an empty place, so that is no branch. */
static inline bool put_one(struct logbucket *s, unsigned place)
{
	size_t at = place - s->low;
	uint8_t *count;

	if (s->form != LOGBUCKET_DENSE || at >= s->range || s->used >= LOGBUCKET_MOST - 1)
		return false;
	count = (uint8_t *)s->counts + at;
	if (*count == UINT8_MAX)
		return false;
	s->used = (uint16_t)(s->used + (*count == 0));
	++*count;
	return true;
}

/* The same of wider counts, and more than one. */
static inline bool put_quickly(struct logbucket *s, unsigned place, uint64_t count)
{
	size_t at = place - s->low;
	if (s->form == LOGBUCKET_LIST || at >= s->range || s->used >= LOGBUCKET_MOST - 1)
		return false;
	uint64_t before = logbucket_slot(s, at);
	if (count > dense_most[s->form - LOGBUCKET_DENSE] - before)
		return false;
	dense_set(s, at, before + count);
	s->used = (uint16_t)(s->used + (before == 0));
	return true;
}

void logbucket_put(struct logbucket *s, unsigned place, uint64_t count)
{
	if (count == 0 || put_quickly(s, place, count))
		return;
	if (place < s->floor)
		place = s->floor;
	if (s->form == LOGBUCKET_LIST)
		list_put(s, place, count);
	else
		dense_put(s, place, count);
}

/* Sketches of a batch lie apart: each is a miss, and what it names another. */
void logbucket_add_each(void *const *sketch, const uint64_t *place, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct logbucket *s = sketch[i];
		size_t at = s->form == LOGBUCKET_LIST ? 0 : (unsigned)place[i] - s->low;

		/* a place that is not there yet may lie anywhere */
		__builtin_prefetch((const void *)((uintptr_t)s->counts + at * place_bytes(s)), 1);
	}
	for (size_t i = 0; i < n; i++)
		if (!put_one(sketch[i], (unsigned)place[i]))
			logbucket_put(sketch[i], (unsigned)place[i], 1);
}

void logbucket_add(struct logbucket *s, dec v)
{
	logbucket_put(s, logbucket_place(v), 1);
}

void logbucket_merge(struct logbucket *into, const struct logbucket *from)
{
	struct logbucket_walk w = { .s = from };
	while (logbucket_next(&w))
		logbucket_put(into, w.place, w.count);
}

uint64_t logbucket_count(const struct logbucket *s)
{
	uint64_t all = 0;
	for (size_t i = 0, n = logbucket_slots(s); i < n; i++) {
		uint64_t count = logbucket_slot(s, i);
		all = count < LOGBUCKET_COUNT_MAX - all ? all + count : LOGBUCKET_COUNT_MAX;
	}
	return all;
}
