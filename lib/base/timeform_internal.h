/* What the files of forms share. Not for others: timeform.h is the contract.
 *
 *   timeform.c       making a form: the canonical pattern, and what is wrong with it
 *   timeform_read.c  reading a text by it */
#ifndef BASE_TIMEFORM_INTERNAL_H
#define BASE_TIMEFORM_INTERNAL_H

#include "base/timeform.h"

enum { TIMEFORM_PATTERNS_MAX = 3 };

/* A form is one or more patterns, which are tried in turn; a text is of one of them at most. A
 * canonical pattern has the letters Y y m b d e j H I M S f p a z Z s and %, single blanks, and
 * other characters. */
struct timeform {
	char *name;
	const char *pattern[TIMEFORM_PATTERNS_MAX + 1];
	const char *seconds[TIMEFORM_PATTERNS_MAX]; /* its %S, NULL: it has none */
	bool utc;                                   /* a time without an offset is UTC */
	bool is_local;
	bool year_day, half_day; /* %j instead of month and day, %I instead of %H */
};

/* The text is of that canonical pattern; numbers are not looked at any closer. */
bool timeform_fits(const char *pattern, struct slice text);

static inline bool timeform_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

#endif
