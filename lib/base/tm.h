/* Time: signed 64-bit microseconds since 1970-01-01T00:00:00Z. Calendar is proleptic Gregorian,
 * UTC, no leap seconds (":60" is read as the first instant of the next minute). */
#ifndef BASE_TM_H
#define BASE_TM_H

#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

#define TM_S 1000000LL /* microseconds in a second */
#define TM_MIN_US 0LL  /* Event times outside of these are bad data: no store holds all of them. */
#define TM_MAX_US 7258118400000000LL /* 2200-01-01T00:00:00Z, exclusive */

enum { TM_TEXT_BYTES = 40 };

int64_t tm_now_us(void);  /* CLOCK_REALTIME */
int64_t tm_mono_us(void); /* CLOCK_MONOTONIC */

/* RFC 3339 (T, t or a space; Z, z or an offset; any fraction, cut to us) spanning the whole
 * slice. 0 / -1. */
int tm_parse(struct slice text, int64_t *us);

/* A time as its text has it: what the clock showed, in us since 1970-01-01T00:00:00 of that
 * clock, and how far the clock stands east of UTC, if the text says so. zone: the name of a zone
 * that stands in the text and says no offset by itself ("CEST", borrowed); n is 0 where there is
 * none. */
struct tm_wall {
	int64_t us;
	int32_t east_s;
	bool has_east;
	struct slice zone;
};

enum { TM_MINUTE_CHARS = 16 };

/* The wider forms of event times, about which nothing is ambiguous, in two steps, so that a
 * caller can keep the minute: "2026-11-20T15:00" (T, t or a space), and what stands behind it:
 * seconds with a fraction behind a point or a comma, or neither; then an offset, with one space
 * at most before it, or nothing. An offset is one of tm_east's, UTC or GMT. Seconds of 60 are
 * the next minute. tm_minute reads TM_MINUTE_CHARS bytes and sets *us; tm_rest sets all of *w,
 * starting from a minute. 0 / -1. All that tm_parse reads is among them, with the same result. */
int tm_minute(const char *p, int64_t *us);
int tm_rest(struct slice text, int64_t minute_us, struct tm_wall *w);

/* The longest of Z, z, +01, +0100 and +01:00 (either sign) at p: seconds east of UTC.
 * Where it ends, or NULL if there is none. */
const char *tm_east(const char *p, const char *end, int32_t *east_s);

/* Days since 1970-01-01, years 0 to 9999. False: there is no such date. */
bool tm_date(unsigned year, unsigned month, unsigned day, int64_t *days);

/* RFC 3339 in UTC with the fewest of 0, 3 or 6 decimals that are exact: 2026-11-20T15:00:00Z.
 * Returns the length, no NUL. */
size_t tm_text(int64_t us, char out[TM_TEXT_BYTES]);
size_t tm_text_ms(int64_t us, char out[TM_TEXT_BYTES]); /* always three decimals */

/* What people type: RFC 3339 and the wider forms with an offset, a date (UTC midnight), "now",
 * "-2h" (before now_us), "@1700000000", "s@1700000000000" (kcat: ms). EX_USAGE with the accepted
 * forms. */
int tm_parse_human(const char *text, int64_t now_us, int64_t *us, struct err *err);

#endif
