/* Forms of times other than RFC 3339: "clf", "http", or a pattern as for strptime. Names are
 * English and the locale does not matter.
 *
 *   clf    10/Oct/2000:13:55:36 -0700, in brackets or not
 *   http   RFC 9110: Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:49:37 GMT;
 *          Sun Nov  6 08:49:37 1994
 *
 * Patterns: white space stands for one or more blanks, % and a letter for what the table says,
 * all else for itself. What is not in the text is 0: a pattern without a time of day means
 * midnight.
 *
 *   Y  four digits of the year    y  two: 69 to 99 are 1969 to 1999, 00 to 68 2000 to 2068
 *   m d H I M S  one or two digits of month, day, hour (24), hour (12), minute, second; a second
 *                of 60 is the next minute
 *   e  d, with a blank before it or not           j  day of the year, one to three digits
 *   b B  month, whole or three letters, any case  a A  day of the week, likewise: no matter which
 *   p  AM or PM, any case         f  fraction of the second, one to nine digits
 *   z  offset: Z, +01, +0100, +01:00              s  seconds since 1970
 *   Z  UTC, GMT, UT, Z, an offset, or what the zone calls its time then ("CEST")
 *   F T R D  %Y-%m-%d, %H:%M:%S, %H:%M, %m/%d/%y  n t %  white space twice, a percent sign */
#ifndef BASE_TIMEFORM_H
#define BASE_TIMEFORM_H

#include "base/err.h"
#include "base/tm.h"

struct timeform;

/* What a text has, piece by piece, before it is a time. */
struct timeform_parts {
	int year, month, day, year_day, hour, minute, second;
	bool is_pm, has_epoch, has_east;
	int32_t east_s;
	int64_t epoch_s, fraction_us;
	struct slice zone;
};

/* The text before the seconds, and what it said: most times have it in common with the time before.
 * {0} is an empty one; one a thread. */
enum { TIMEFORM_MEMO_BYTES = 40 };
struct timeform_memo {
	unsigned n;       /* 0: empty */
	unsigned pattern; /* which of the form's patterns it was */
	char text[TIMEFORM_MEMO_BYTES];
	struct timeform_parts parts;
};

/* EX_USAGE: a letter that is not in the table, a pattern that fixes no day, something that
 * stands twice. */
struct timeform *timeform_new(const char *text, struct err *err);
void timeform_free(struct timeform *f);

/* The canonical spelling: "clf", "http", or the pattern with %F, %T, %R, %D, %B, %A and white space
 * written out as %Y-%m-%d, %H:%M:%S, %H:%M, %m/%d/%y, %b, %a and single spaces. */
const char *timeform_name(const struct timeform *f);
/* None of its times says an offset or a zone. */
bool timeform_is_local(const struct timeform *f);

/* Reads a whole text. 0 / -1. The result's zone points into the text. */
int timeform_read(const struct timeform *f, struct timeform_memo *memo, struct slice text,
		  struct tm_wall *w);

/* A form that a text seems to have: what to pass to timeform_new, or NULL. For messages. */
const char *timeform_guess(struct slice text);

#endif
