/* Which events were seen lately: a set of (topic, event_id), bounded by time and by number.
 *
 * A key is XXH3-128 of topic \0 event_id. With it stands the ticket of the append that took the
 * event, so that a duplicate of what is not durable yet can be told apart, and 32 bits of the
 * payload's hash.
 *
 * Two generations: keys go to the current one; when it is as old as the window, or full, it becomes
 * the previous one and what that held is forgotten. So a key is remembered for one to two windows,
 * or until ids/2 to ids others came. Memory: 24 bytes a slot, 34 an id, mapped when first used.
 *
 * Tickets are numbers that the caller gives its appends in order; they may wrap around, if less
 * than 2^31 of them lie in two windows. Pure; belongs to one thread. */
#ifndef INTAKE_SEEN_H
#define INTAKE_SEEN_H

#include "base/str.h"

struct seen_key {
	uint64_t half[2]; /* never both 0 */
};

struct seen_entry {
	struct seen_key key;
	uint32_t ticket;
	uint32_t check; /* of the payload; 0: not known */
};

struct seen;

/* window_us and ids are at least 1; a generation holds `least` keys at least, whatever ids says
 * (a request's events must fit). */
struct seen *seen_new(int64_t window_us, size_t ids, size_t least);
void seen_free(struct seen *s);

struct seen_key seen_key_of(struct slice topic, struct slice event_id);
/* The same for any text, apart from all events. */
struct seen_key seen_key_other(struct slice text);

/* Before a request: makes room for n keys (at most `least`). now_us never goes back; where it does,
 * nothing is forgotten. */
void seen_begin(struct seen *s, int64_t now_us, size_t n);

/* Begins to load the slots of a key that is asked for soon. */
void seen_prefetch(const struct seen *s, struct seen_key key);
/* The entry of that key, valid until the next call of another function; NULL: there is none. */
const struct seen_entry *seen_find(const struct seen *s, struct seen_key key);
/* The key is not there yet. */
void seen_add(struct seen *s, const struct seen_entry *e);
/* Takes back the last n added, which no seen_begin came behind. */
void seen_undo(struct seen *s, size_t n);

/* Whether `ticket` is not behind `durable`: its append is not durable yet. */
static inline bool seen_waits(uint32_t ticket, uint32_t durable)
{
	return (int32_t)(ticket - durable) > 0;
}

struct seen_stats {
	size_t ids;         /* keys held */
	size_t bytes;       /* of slots, whether they were used or not */
	int64_t since_us;   /* what came from then on is remembered; 0: nothing is */
	uint64_t forgotten; /* generations that went because they were full, not old */
};
struct seen_stats seen_stats(const struct seen *s);

#endif
