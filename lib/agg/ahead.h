/* Which event times are too far ahead to be believed: one clock that is wrong must not carry a
 * watermark away. Where records have a timestamp of their own each event is judged by that alone
 * (proto/ctl.h, `at`). Elsewhere the order in which events are read decides, and never a clock:
 * that rule is this module. Pure: no I/O, no clock; a state of some 300 bytes a partition.
 *
 * There is a highest time. A time up to `bound` ahead of it raises it; one further ahead waits, and
 * the events behind it tell:
 *
 *   ---------|------------- highest -------------|----------------|--------- waiting -------->
 *      highest - bound                highest + bound      waiting - bound
 *   decides   \________________ against it _______________________/ for it
 *   nothing
 *
 *   an event's time t | the highest time h | t itself | each time w that waits
 *   t < h - bound     | stays              |          | stays: old events are everywhere
 *   t < w - bound     |                    |          | goes: it is dropped, and counted
 *   else              |                    |          | one more for it: the 16th raises h to w
 *   t <= h + bound    | max(h, t)          |          | counts too where h comes that near to it
 *   else              | stays              | waits    |
 *
 * So days that follow days pass, however few their events, and one event of the year 2199 does not.
 * The first highest time is the median (the lower one) of the first 17, which are then taken as
 * above: neither a first event of 2199 nor devices without a clock (1970) begin it wrongly.
 *
 * Of two runs over the same events one of which began later, with the highest time that the
 * other had then (ahead_known), the later one is never higher. For suppose it raises h to a w
 * above the other's h: the 16 events for w are not too old for the other either, and none that
 * is against w there would be too old here; so the other has raised h to w as well. With the
 * last events before (ahead_before) it is the same as the other, if they reach back to all that
 * waits. */
#ifndef AGG_AHEAD_H
#define AGG_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AHEAD_EVENTS = 16 };
#define AHEAD_OFF (INT64_MAX / 2) /* a bound that nothing is ahead of; times are below it, too */

struct ahead {
	int64_t bound_us;
	int64_t highest_us; /* POS_NONE: not known yet */
	uint64_t dropped;   /* times that were dropped */
	int64_t dropped_us; /* the highest of them */
	unsigned n;         /* times below */
	/* that wait, or before there is a highest the first ones */
	int64_t us[AHEAD_EVENTS + 1];
	uint8_t followed[AHEAD_EVENTS + 1]; /* by that many events for it */
};

void ahead_init(struct ahead *a, int64_t bound_us);

/* An event was read. us: 0 .. AHEAD_OFF. */
void ahead_event(struct ahead *a, int64_t us);

/* Events of which high_us is the highest need no more than to raise the highest time to it: none
 * waits, and none would. */
static inline bool ahead_calm(const struct ahead *a, int64_t high_us)
{
	return a->n == 0 && high_us <= a->highest_us + a->bound_us;
}

/* That time was the highest before the events to come (a stored watermark). */
void ahead_known(struct ahead *a, int64_t us);

/* The last events that were read, by a run before this one, up to where that time was the highest;
 * in their order, before any other. Those that waited there wait here as well, but for those that
 * an old event has followed: which one was against them is not known any more. */
void ahead_before(struct ahead *a, const int64_t *us, size_t n);

/* The input is at its end as far as anybody knows. Where there is no highest time yet, the median
 * of what there is begins it; one event alone does not. */
void ahead_end(struct ahead *a);

#endif
