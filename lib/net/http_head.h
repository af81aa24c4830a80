/* Heads of requests of HTTP/1.0 and 1.1 (RFC 9110, 9112), strictly: what two readers could take
 * for two different requests is refused. Pure: bytes in, slices of them out.
 *
 * Refused, the connection has to end: a line that ends with LF alone, a folded line, a blank
 * before a colon, control bytes, a bare CR, a second Content-Length (an equal one too),
 * Content-Length beside Transfer-Encoding, a transfer coding other than one final `chunked`,
 * Transfer-Encoding in HTTP/1.0, no Host in HTTP/1.1, two of them or one that is none, a target
 * of absolute form whose authority is not Host, a target with a broken escape or an escaped NUL.
 * One empty line in front of a request line is passed over (RFC 9112 section 2.2). */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include "net/http.h"

enum { HTTP_HEAD_BYTES = 16 << 10, HTTP_TARGET_BYTES = 8 << 10, HTTP_FIELDS = 100 };

/* Why bytes are refused; constant. code is the problem's (problem.h), detail a phrase for it. */
struct http_fault {
	unsigned status;
	const char *code, *detail;
};

/* Where a head ends, found by looking at each byte once, however many pieces it comes in.
 * {0}, or a limit alone, at the start of each request. */
struct http_scan {
	size_t most;       /* bytes that a head may have; 0: HTTP_HEAD_BYTES */
	size_t looked;     /* bytes looked at */
	size_t line;       /* where the line begins that has not ended yet */
	size_t start;      /* where the request line begins: 0, or 2 behind an empty line */
	size_t first_line; /* where the request line ends; 0: not yet */
};

enum http_scan_state { HTTP_SCAN_MORE, HTTP_SCAN_END, HTTP_SCAN_FAULT };

/* p: all that has come of the request so far, n bytes. END: *end is behind the empty line, the
 * head is [scan->start, *end). FAULT: *fault is set; also as soon as a head cannot become good
 * any more by its size, its line ends or its first byte. */
enum http_scan_state http_scan(struct http_scan *scan, const char *p, size_t n, size_t *end,
			       const struct http_fault **fault);

enum http_coding { HTTP_PLAIN, HTTP_GZIP, HTTP_ZSTD, HTTP_DEFLATE, HTTP_CODING_UNKNOWN };

/* What a head says. Slices point into its bytes. */
struct http_head {
	enum http_method method;
	struct slice method_text, path, query, host; /* as in struct http_request */
	unsigned minor;                              /* of HTTP/1.x: 0 or 1 */
	bool keep_alive;                             /* the client allows it */
	bool expects;                                /* 100-continue, and it may be sent */
	bool upgrade;                                /* Connection and Upgrade are there */
	bool chunked;
	bool has_length;
	uint64_t length;         /* of Content-Length, below 2^63 */
	enum http_coding coding; /* of Content-Encoding */
	struct slice id;         /* X-Request-Id if it is 1 to 64 token characters, else n 0 */
	size_t n_fields;
	struct http_field fields[HTTP_FIELDS];
};

/* bytes: from http_scan, the empty line included. NULL, or why it is refused; *h is then not to
 * be used. */
const struct http_fault *http_head_parse(struct slice bytes, struct http_head *h);

/* Whether the byte may stand in a token (a field's name), and in a field's value. */
bool http_is_token(char c);
bool http_is_value(char c);

#endif
