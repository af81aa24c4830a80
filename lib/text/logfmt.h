/* Lines of logfmt, as many programs in Go write them, as JSON records:
 *
 *   level=info msg="took a while" took=12.5 cached
 *
 * Words are divided by white space. KEY=VALUE is a member: a number where it is a JSON number
 * without quotes, else a string; in quotes it has the escapes of a JSON string (TEXT_JSON). A word
 * without = is a member that is true. Of equal keys the last one is taken. */
#ifndef TEXT_LOGFMT_H
#define TEXT_LOGFMT_H

#include "base/err.h"
#include "base/str.h"

/* {0} is a reader of lines; logfmt_fini frees what it made. */
struct logfmt_word;
struct logfmt {
	struct logfmt_word *word;
	size_t words, cap;
};
void logfmt_fini(struct logfmt *l);

/* As access_line. A line is bad too where none of its words has a =, and where it has more than
 * LOGFMT_WORDS. */
enum { LOGFMT_WORDS = 1024 };
int logfmt_line(struct logfmt *l, struct slice line, struct buf *out, struct err *why);

#endif
