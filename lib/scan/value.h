/* From a scanned field (scan.h) to what is added up: event times and decimals. Hot: the common
 * forms go by fixed positions and 64-bit words, everything else by tm_parse and dec_parse, with
 * the same results.
 * A field must be as scan_lines left it: SCAN_PAD readable bytes stand around its block, and
 * numbers are valid. */
#ifndef SCAN_VALUE_H
#define SCAN_VALUE_H

#include "base/dec.h"
#include "base/timeform.h"
#include "base/zone.h"
#include "scan/scan.h"

enum value_unit {
	VALUE_RFC3339 /* numbers are not times */,
	VALUE_S,
	VALUE_MS,
	VALUE_US,
	VALUE_NS,
};

/* How the times of a run are written. zone, form: NULL where there is none; borrowed, shared by
 * all threads. */
struct value_when {
	enum value_unit unit;
	const struct zone *zone;
	const struct timeform *form;
};

enum value_time_result {
	VALUE_TIME_OK,
	VALUE_TIME_TWICE,   /* good: a local time that came twice, the first one */
	VALUE_TIME_SKIPPED, /* good: one that never was, moved forward. The last good result */
	VALUE_TIME_MISSING, /* no such member, or null */
	VALUE_TIME_NONE,    /* a string of another form, or of a type that is no time */
	/* a number, but unit is VALUE_RFC3339: --time-unit was not given */
	VALUE_TIME_UNIT,
	VALUE_TIME_LOCAL, /* has no offset, and there is no zone */
	VALUE_TIME_NAME,  /* names a time that the zone does not have then: "EST", Berlin */
	VALUE_TIME_RANGE, /* outside TM_MIN_US .. TM_MAX_US */
};

/* What the last times had: minute ("2026-11-20T15:00", us as if it were UTC), the span of the
 * zone, the text before the seconds. {0} is an empty one; one a thread, and for one value_when. */
struct value_clock {
	char minute[16];
	int64_t us;
	const struct zone_span *span;
	struct timeform_memo memo;
};

/* A string is of the form, or where there is none RFC 3339 or one of the wider forms (tm.h);
 * without an offset the zone tells which time it is. A number, or a string whose whole text is a
 * JSON number and not of the form, counts units since 1970, fractions and exponents too; a number
 * without a unit is read by the form. What is below a microsecond is cut. *us is set where the
 * result is good. */
enum value_time_result value_time(struct value_clock *clock, struct field field,
				  const struct value_when *when, int64_t *us);

/* As dec_parse, of a number or of a string whose whole text is a JSON number; DEC_SYNTAX for all
 * else. */
enum dec_result value_dec(struct field field, dec *out);

/* One field of many lines: that of line i is field[i * width]. Lines are given as sets, line i
 * by bit i; entry i of the results is set for those that have one. */
struct value_column {
	const struct field *field;
	size_t width;
};

/* Lines whose time is good, and those of them that are VALUE_TIME_TWICE and VALUE_TIME_SKIPPED. */
struct value_time_sets {
	uint64_t good, twice, skipped;
};
struct value_time_sets value_times(struct value_clock *clock, struct value_column c, uint64_t lines,
				   const struct value_when *when, int64_t *us);

/* Lines with DEC_OK, DEC_ROUNDED, and without the member or with null; all others are wrong. */
struct value_sets {
	uint64_t exact, rounded, none;
};
struct value_sets value_decs(struct value_column c, uint64_t lines, dec *out);

#endif
