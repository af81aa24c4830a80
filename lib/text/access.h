/* Lines of the common and the combined log format, as Apache, nginx and many others write them, as
 * JSON records:
 *
 *   host ident user [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "referer" "agent"
 *
 * Members host, ident, user, time (RFC 3339, UTC), method, path with its query, protocol, status
 * and bytes (numbers); combined: referer, agent. A "-" is no member. What Apache and nginx escape
 * is decoded (TEXT_ESCAPED). A request that is not METHOD TARGET PROTOCOL is a member request. */
#ifndef TEXT_ACCESS_H
#define TEXT_ACCESS_H

#include "base/err.h"
#include "text/clf_time.h"

/* {combined} is a reader of lines; access_fini frees what it made. */
struct access {
	bool combined;
	struct clf_time time;
};
void access_fini(struct access *a);

/* Appends the record, with its \n. The line is without its \n; a \r at its end is not of it. It has
 * TEXT_PAD readable bytes behind it. EX_DATAERR with what does not fit and where, bytes from 1
 * on: nothing was appended. */
int access_line(struct access *a, struct slice line, struct buf *out, struct err *why);

#endif
