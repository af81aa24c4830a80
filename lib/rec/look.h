/* What a line that is no JSON object seems to be, for a reason that says what to do about it. Slow: for lines that are refused.
 * A function of the line alone. */
#ifndef REC_LOOK_H
#define REC_LOOK_H

#include "base/str.h"

enum look {
	LOOK_UNKNOWN,
	LOOK_UTF16,          /* begins with its byte order mark, or as ASCII in it: every other byte is NUL. A newline's other byte may stand in front */
	LOOK_FRAMED_JSON,    /* a schema registry's five bytes, 0 and a schema id, then JSON */
	LOOK_FRAMED,         /* the same, then something else */
	LOOK_ARRAY,          /* a whole array */
	LOOK_OPENS,          /* one line of a JSON text that goes over several: it goes on on the next line */
	LOOK_CLOSES,         /* the same: it ends here, or nothing is open */
};

enum look look_at(struct slice line);

/* What it is, and what to do. NULL for LOOK_UNKNOWN. */
const char *look_words(enum look look);

#endif
