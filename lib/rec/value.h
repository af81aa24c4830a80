/* From a scanned field (scan.h) to what is added up: event times and decimals. Hot: the common forms go by fixed positions and 64-bit words,
 * everything else by tm_parse and dec_parse, with the same results.
 * A field must be as scan_lines left it: SCAN_PAD readable bytes stand around its block, and numbers are valid. */
#ifndef REC_VALUE_H
#define REC_VALUE_H

#include "base/dec.h"
#include "rec/scan.h"

enum value_unit { VALUE_RFC3339 /* numbers are not times */, VALUE_S, VALUE_MS, VALUE_US, VALUE_NS };

enum value_time_result {
	VALUE_TIME_OK,
	VALUE_TIME_MISSING,      /* no such member, or null */
	VALUE_TIME_NONE,         /* a string that is not RFC 3339, or of a type that is no time */
	VALUE_TIME_UNIT,         /* a number, but unit is VALUE_RFC3339: --time-unit was not given */
	VALUE_TIME_RANGE,        /* outside TM_MIN_US .. TM_MAX_US */
};

/* The last minute seen. {0} is an empty one; one a thread. */
struct value_clock { char minute[16]; int64_t us; };

/* A string is RFC 3339 whatever the unit (tm_parse); a number (dec_parse) counts units since 1970, fractions and exponents too; what is
 * below a microsecond is cut. *us is set on VALUE_TIME_OK only. */
enum value_time_result value_time(struct value_clock *clock, struct field field, enum value_unit unit, int64_t *us);

/* As dec_parse; DEC_SYNTAX where the field is no FIELD_NUMBER. */
enum dec_result value_dec(struct field field, dec *out);

/* One field of many lines: that of line i is field[i * width]. Lines are given as sets, line i by bit i; entry i of the results is set for those that have one. */
struct value_column { const struct field *field; size_t width; };

/* Returns the lines whose time is VALUE_TIME_OK. */
uint64_t value_times(struct value_clock *clock, struct value_column c, uint64_t lines, enum value_unit unit, int64_t *us);

/* Lines with DEC_OK, DEC_ROUNDED, and without the member or with null; all others are wrong. */
struct value_sets { uint64_t exact, rounded, none; };
struct value_sets value_decs(struct value_column c, uint64_t lines, dec *out);

#endif
