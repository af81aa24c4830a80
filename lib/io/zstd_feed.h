/* How many bytes one call of ZSTD_decompressStream gets. It goes through as many blocks as it has
 * input for, and an error takes their text with it; so it gets the bytes of one block or of a
 * block's header, never both: it says how many it wants, and the last three of them are the header
 * behind a block. The header of a frame it gets byte by byte: it takes the input of the call that
 * completes one for the frame from its start on, and the rest of a header may look like a frame
 * that is to be skipped. Begun by zeros, for each frame anew. */
#ifndef IO_ZSTD_FEED_H
#define IO_ZSTD_FEED_H

#include <stdbool.h>
#include <stddef.h>

struct zstd_feed {
	unsigned header; /* bytes given of the frame's header; ZSTD_FEED_HEADER_MAX: all */
	size_t wanted;   /* behind the header: what the last call said */
};

enum { ZSTD_FEED_HEADER_MAX = 18, ZSTD_FEED_BLOCK_HEADER = 3 };

static inline bool zstd_feed_in_header(const struct zstd_feed *f)
{
	return f->header < ZSTD_FEED_HEADER_MAX;
}

/* What the next call gets, whole. */
static inline size_t zstd_feed_next(const struct zstd_feed *f)
{
	if (zstd_feed_in_header(f))
		return 1;
	return f->wanted > ZSTD_FEED_BLOCK_HEADER ? f->wanted - ZSTD_FEED_BLOCK_HEADER : f->wanted;
}

/* Such a call has returned rc, and no error. */
static inline void zstd_feed_said(struct zstd_feed *f, size_t rc)
{
	f->wanted = rc;
	if (zstd_feed_in_header(f))
		f->header = rc > ZSTD_FEED_BLOCK_HEADER ? f->header + 1 : ZSTD_FEED_HEADER_MAX;
}

#endif
