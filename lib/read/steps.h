/* Steps: stretches of time that windows are added up into when they are read. Pure arithmetic over
 * a zone (base/zone.h).
 *
 *   1h, 1d             of that length, from 1970 on, in UTC
 *   day, week, month   from midnight to midnight where the zone's clocks hang; weeks begin on
 *                      Monday. A midnight that comes twice is the first, one that is skipped is the
 *                      instant at which the clocks are set, so a day has 23, 24 or 25 hours, and
 *                      one that the zone never had (Samoa, 2011-12-30) none
 *
 * Steps of a kind tile the time and are numbered without a hole. */
#ifndef READ_STEPS_H
#define READ_STEPS_H

#include "base/zone.h"

enum step_kind { STEP_NONE, STEP_1H, STEP_1D, STEP_DAY, STEP_WEEK, STEP_MONTH, STEP_KINDS };

extern const char *const step_names[STEP_KINDS + 1]; /* "none" to "month", NULL */

struct steps {
	enum step_kind kind;     /* not STEP_NONE */
	const struct zone *zone; /* of STEP_DAY, STEP_WEEK, STEP_MONTH */
};

/* Whether a zone matters. */
bool steps_local(enum step_kind kind);

/* The step that holds an instant, for the years 1970 to 2199. */
int64_t steps_number(const struct steps *s, int64_t us);
/* Its first instant. It ends where the next one begins. */
int64_t steps_start(const struct steps *s, int64_t number);

/* The window [*start_us, *end_us) becomes the step that holds it. EX_USAGE: none holds it all. */
int steps_hold(const struct steps *s, int64_t *start_us, int64_t *end_us, struct err *err);

/* Whether windows of that length, which tile the time from 1970 on, are each held by one step, from
 * the step of from_us to that of to_us. EX_USAGE with the reason. */
int steps_check(const struct steps *s, int64_t window_us, int64_t from_us, int64_t to_us,
		struct err *err);

/* Appends "1h", "day, Europe/Berlin". */
void steps_text(const struct steps *s, struct buf *out);

#endif
