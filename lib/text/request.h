/* The first line of a request as an access log has it, GET /a?b=c HTTP/1.1, and other fields that
 * every log of requests has. */
#ifndef TEXT_REQUEST_H
#define TEXT_REQUEST_H

#include "text/quote.h"

/* The most that the writers below add beside the pieces. */
enum { REQUEST_PAD = 64 };

/* Is it the mark of a value that is not there? */
static inline bool text_is_none(struct slice s)
{
	return s.n == 1 && *s.p == '-';
}

/* Members method, path (with its query) and protocol, each with a comma in front; where it is not
 * METHOD TARGET PROTOCOL, with one blank between them, a member request. "-": nothing. */
void request_put(struct text_out *out, struct slice line, enum text_form form);

#endif
