/* HTTP/2 (RFC 9113) by libnghttp2: bytes in, bytes out, and each stream a request as those of
 * HTTP/1.1 are: the head of a stream is read by the rules of net/http_head.h, its body by those of
 * net/http_body.h.
 * Bounds: 100 streams of a connection, a head of 16 KiB; bodies share the server's budget, beyond
 * which they are refused (503). Times are the server's: a header block has head_us, a body its
 * rate, an answer that is not taken stall_us, a connection without a stream idle_us. */
#ifndef DRV_H2_H2_H
#define DRV_H2_H2_H

#include "net/http_protocol.h"

extern const struct http_protocol h2_protocol;

#endif
