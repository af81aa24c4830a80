/* Messages compressed one by one: each is raw deflate (RFC 1951) of its own, flushed to a byte and
 * without the four bytes 00 00 ff ff that a flush ends with, as permessage-deflate has it (RFC 7692
 * section 7.2.1). Library: zlib. inflate.h's INFLATE_MESSAGE reads them. */
#ifndef IO_DEFLATE_H
#define IO_DEFLATE_H

#include "base/str.h"

struct deflate;

struct deflate *deflate_new(void);
void deflate_free(struct deflate *d);

/* Adds the compressed message to out. It refers to no message before it. */
void deflate_message(struct deflate *d, struct slice text, struct buf *out);

#endif
