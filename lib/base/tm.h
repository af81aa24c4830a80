/* Time: signed 64-bit microseconds since 1970-01-01T00:00:00Z. Calendar is proleptic Gregorian, UTC, no leap seconds
 * (":60" is read as the first instant of the next minute). */
#ifndef BASE_TM_H
#define BASE_TM_H

#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

#define TM_S 1000000LL                              /* microseconds in a second */
#define TM_MIN_US 0LL                               /* event times outside 1970 .. 2200 are bad data: no store of ours holds them all */
#define TM_MAX_US 7258118400000000LL                /* 2200-01-01T00:00:00Z, exclusive */

enum { TM_TEXT_BYTES = 40 };

int64_t tm_now_us(void);                            /* CLOCK_REALTIME */
int64_t tm_mono_us(void);                           /* CLOCK_MONOTONIC */

/* RFC 3339 (T, t or a space; Z, z or an offset; any fraction, cut to us) spanning the whole slice. 0 / -1. */
int tm_parse(struct slice text, int64_t *us);

/* RFC 3339 in UTC with the fewest of 0, 3 or 6 decimals that are exact: 2026-11-20T15:00:00Z. Returns the length, no NUL. */
size_t tm_text(int64_t us, char out[TM_TEXT_BYTES]);
size_t tm_text_ms(int64_t us, char out[TM_TEXT_BYTES]);  /* always three decimals */

/* What people type: RFC 3339, a date (UTC midnight), "now", "-2h" (before now_us), "@1700000000", "s@1700000000000" (kcat: ms).
 * EX_USAGE with the accepted forms. */
int tm_parse_human(const char *text, int64_t now_us, int64_t *us, struct err *err);

#endif
