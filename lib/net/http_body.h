/* Bodies of requests: by Content-Length or chunked (RFC 9112 section 7.1), strictly, then their
 * Content-Encoding. Pure: bytes in, bytes out.
 *
 * Refused: a chunk size with anything but 1 to 16 hexadecimal digits in front of CR LF or an
 * extension, line ends other than CR LF, extensions of more than 4 KiB in all or with control
 * bytes, a trailer of more than 16 KiB or with a field that could not stand in a head. Extensions
 * and trailers are dropped.
 * The limit is looked at before bytes are read (Content-Length, a chunk's size), and while
 * inflating for the decoded body. */
#ifndef NET_HTTP_BODY_H
#define NET_HTTP_BODY_H

#include "net/http_head.h"

enum { HTTP_EXTENSION_BYTES = 4 << 10, HTTP_TRAILER_BYTES = 16 << 10 };

struct inflate;

/* Where a body stands. What is in it is http_body.c's. */
struct http_body {
	int state;
	unsigned digits;   /* of the chunk size that is being read */
	uint64_t left;     /* bytes of the body, or of the chunk, that have not come */
	uint64_t raw;      /* bytes of the body so far, as they came */
	size_t most;       /* of the raw body, and of the decoded one */
	size_t extensions; /* bytes of extensions so far */
	size_t trailer;
	struct inflate *inflate; /* NULL: no coding */
};

/* At a body's start. head: without an unknown coding. NULL, or why it is refused (413 by its
 * Content-Length: nothing of it is read). http_body_fini in either case. */
const struct http_fault *http_body_init(struct http_body *b, const struct http_head *head,
					size_t most);
/* A body whose end is told from outside (HTTP/2), without a limit by its length beforehand: take
 * says MORE or FAULT, end what it is then. */
void http_body_open(struct http_body *b, enum http_coding coding, size_t most);
const struct http_fault *http_body_end(struct http_body *b);
void http_body_fini(struct http_body *b);

enum http_body_state { HTTP_BODY_MORE, HTTP_BODY_END, HTTP_BODY_FAULT };

/* Takes bytes off *in and adds the decoded body to out, which holds no other bytes. MORE: *in is
 * used up. END: *in begins behind the body (with the next request). FAULT: *fault is set, the
 * connection has to end. */
enum http_body_state http_body_take(struct http_body *b, struct slice *in, struct buf *out,
				    const struct http_fault **fault);

/* How many bytes may be put to the end of the body without http_body_take: those that are left of
 * a body by Content-Length without a coding, else 0. The second says how many were. */
uint64_t http_body_direct(const struct http_body *b);
enum http_body_state http_body_took(struct http_body *b, size_t n);

#endif
