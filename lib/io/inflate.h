/* A compressed body that comes piece by piece: gzip (RFC 1952), zlib (RFC 1950, which HTTP calls
 * deflate) and zstd (RFC 8878), by what it is said to be. Members and frames may follow each
 * other; anything else behind the last is damage. The bound is on the text: how small the body
 * was does not matter. Libraries: zlib, zstd. */
#ifndef IO_INFLATE_H
#define IO_INFLATE_H

#include "base/str.h"

enum inflate_kind {
	INFLATE_GZIP,
	INFLATE_ZLIB,
	INFLATE_ZSTD,
	INFLATE_MESSAGE, /* raw deflate that ends with a flush (deflate.h); 00 00 ff ff is to be
			    added behind it by the caller */
	INFLATE_KINDS
};

/* A zstd frame may ask for this much memory (RFC 8878 has decoders take 8 MiB). */
enum { INFLATE_WINDOW_BYTES = 8 << 20 };

enum inflate_state { INFLATE_OK, INFLATE_DAMAGED, INFLATE_LONG };

struct inflate;

struct inflate *inflate_new(enum inflate_kind kind);
void inflate_free(struct inflate *i);
/* Ready for another body. */
void inflate_reset(struct inflate *i);

/* Adds the text of the body's next bytes to out. LONG: out has `most` bytes (it holds no more) and
 * there is more. From DAMAGED and LONG on only reset and free are allowed. */
enum inflate_state inflate_add(struct inflate *i, struct slice in, size_t most, struct buf *out);

/* The body has ended: DAMAGED where it ends in the middle. An empty body is no compressed text. */
enum inflate_state inflate_end(const struct inflate *i);

#endif
