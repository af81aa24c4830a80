/* The time of a line of an access log, 10/Oct/2000:13:55:36 -0700, as an RFC 3339 time in UTC,
 * 2000-10-10T20:55:36Z. Lines of one minute share the work. */
#ifndef TEXT_CLF_TIME_H
#define TEXT_CLF_TIME_H

#include "base/timeform.h"
#include "text/quote.h"

enum { CLF_TIME_BYTES = 26 };

/* What the last time had. {0} is an empty one; clf_time_fini frees what it made. */
struct clf_time {
	struct timeform *form;
	struct timeform_memo memo;
	char minute[17], zone[6]; /* as in the line, of a time that was good */
	char text[17];            /* "2000-10-10T20:55:" of that minute */
};
void clf_time_fini(struct clf_time *t);

/* Appends the time that all of the text is. False: it is none, or of a year that event times do not
 * have (tm.h). */
bool clf_time_put(struct clf_time *t, struct slice text, struct text_out *out);

#endif
