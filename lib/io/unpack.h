/* Blocks that were compressed one by one (a batch of a Kafka topic), each decompressed as a
 * whole. Libraries: zlib, zstd. */
#ifndef IO_UNPACK_H
#define IO_UNPACK_H

#include "base/str.h"

enum unpack_kind { UNPACK_GZIP, UNPACK_ZSTD };

struct unpack {
	struct unpack_state *state; /* NULL until the first block */
};                                  /* {0}; what is worth keeping from block to block */

/* Replaces what is in out. 0; -1: damaged, or more than `most` bytes. */
int unpack_block(struct unpack *u, enum unpack_kind kind, struct slice block, size_t most,
		 struct buf *out);
void unpack_fini(struct unpack *u);

#endif
