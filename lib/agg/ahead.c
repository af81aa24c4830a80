/* Times that wait are few: each event is for all of them or drops some, and with 16 events for it a
 * time waits no more, so there are never more than 16. That is where the cost ends, for a stream in
 * which every event is ahead of the last one too; one whose times go on in small steps never comes
 * here (ahead_calm). */
#include "agg/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "proto/pos.h"

void ahead_init(struct ahead *a, int64_t bound_us)
{
	*a = (struct ahead){ .bound_us = bound_us, .highest_us = POS_NONE, .dropped_us = POS_NONE };
}

static void drop(struct ahead *a, int64_t us)
{
	a->dropped++;
	if (us > a->dropped_us)
		a->dropped_us = us;
}

/* Tells the times that wait of an event. Returns the highest that has now enough events for it,
 * POS_NONE where none has. */
static int64_t tell_waiting(struct ahead *a, int64_t us)
{
	int64_t proved = POS_NONE;
	unsigned left = 0;

	for (unsigned i = 0; i < a->n; i++) {
		if (us < a->us[i] - a->bound_us) {
			drop(a, a->us[i]);
		} else if (a->followed[i] + 1 == AHEAD_EVENTS) {
			proved = a->us[i] > proved ? a->us[i] : proved;
		} else {
			a->us[left] = a->us[i];
			a->followed[left++] = (uint8_t)(a->followed[i] + 1);
		}
	}
	a->n = left;
	return proved;
}

static void wait_for_others(struct ahead *a, int64_t us)
{
	a->us[a->n] = us;
	a->followed[a->n++] = 0;
}

/* Takes what has come near the highest time, which may bring it near to others. */
static void take_near(struct ahead *a)
{
	for (unsigned i = 0; i < a->n;) {
		if (a->us[i] > a->highest_us + a->bound_us) {
			i++;
			continue;
		}
		a->highest_us = a->us[i] > a->highest_us ? a->us[i] : a->highest_us;
		a->n--;
		memmove(a->us + i, a->us + i + 1, (a->n - i) * sizeof(*a->us));
		memmove(a->followed + i, a->followed + i + 1, a->n - i);
		i = 0;
	}
}

static int time_cmp(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* The first events, once more, with a highest time. */
static void begin_ahead(struct ahead *a, int64_t highest_us)
{
	int64_t first[AHEAD_EVENTS + 1];
	unsigned n = a->n;

	memcpy(first, a->us, n * sizeof(*first));
	a->n = 0;
	a->highest_us = highest_us;
	for (unsigned i = 0; i < n; i++)
		ahead_event(a, first[i]);
}

static void begin_by_median(struct ahead *a)
{
	int64_t sorted[AHEAD_EVENTS + 1];

	memcpy(sorted, a->us, a->n * sizeof(*sorted));
	qsort(sorted, a->n, sizeof(*sorted), time_cmp);
	begin_ahead(a, sorted[(a->n - 1) / 2]);
}

void ahead_event(struct ahead *a, int64_t us)
{
	int64_t proved;

	if (a->highest_us == POS_NONE) {
		a->us[a->n++] = us;
		if (a->bound_us == AHEAD_OFF || a->n == AHEAD_EVENTS + 1)
			begin_by_median(a);
		return;
	}
	if (us < a->highest_us - a->bound_us)
		return;
	proved = tell_waiting(a, us);
	a->highest_us = proved > a->highest_us ? proved : a->highest_us;
	wait_for_others(a, us);
	take_near(a);
}

void ahead_before(struct ahead *a, const int64_t *us, size_t n)
{
	int64_t known = a->highest_us, high = INT64_MIN / 2;
	struct ahead was = *a;

	for (size_t i = 0; i < n; i++) {
		if (known == POS_NONE) {
			ahead_event(a, us[i]);
			continue;
		}
		if (us[i] < high - a->bound_us)
			continue;
		tell_waiting(a, us[i]);
		if (us[i] <= known)
			high = us[i] > high ? us[i] : high;
		else if (us[i] > known + a->bound_us)
			wait_for_others(a, us[i]);
	}
	a->dropped = was.dropped;
	a->dropped_us = was.dropped_us;
}

void ahead_known(struct ahead *a, int64_t us)
{
	if (a->highest_us == POS_NONE) {
		begin_ahead(a, us);
	} else if (us > a->highest_us) {
		a->highest_us = us;
		take_near(a);
	}
}

void ahead_end(struct ahead *a)
{
	if (a->highest_us == POS_NONE && a->n > 1)
		begin_by_median(a);
}
