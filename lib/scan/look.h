/* What a line that is no JSON object seems to be, for a reason that says what to do about it.
 * A function of the line alone. Slow: for lines that are refused. */
#ifndef SCAN_LOOK_H
#define SCAN_LOOK_H

#include "base/str.h"

enum look {
	LOOK_UNKNOWN,
	LOOK_UTF16,       /* begins with its byte order mark, or as ASCII does in it, with a NUL
	                      * in every other byte; lines are cut inside of their newlines */
	LOOK_FRAMED_JSON, /* a schema registry's five bytes, 0 and a schema id, then JSON */
	LOOK_FRAMED,      /* the same, then something else */
	LOOK_ARRAY,       /* a whole array */
	LOOK_OPENS,       /* a line of JSON that goes over several, and something is open */
	LOOK_CLOSES,      /* the same, and it may end here */
};

enum look look_at(struct slice line);

/* The text of a message: what the line seems to be, and what to do. NULL for LOOK_UNKNOWN. */
const char *look_words(enum look look);

#endif
