/* A block is decompressed straight into the caller's buffer. The buffer doubles where a block does
 * not say how long its text is, or says that it is very long. Blocks of one topic are alike and the
 * buffer is kept between them, so that it seldom grows. */
#include "io/unpack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"
#include "base/mem.h"

enum { ROOM_MIN = 64 << 10, USUAL_RATIO = 4, BELIEVED_RATIO = 256, GZIP_WINDOW = 16 + MAX_WBITS };

struct unpack_state {
	z_stream z;
	ZSTD_DCtx *zstd;
}; /* each made when it is first needed */

void unpack_fini(struct unpack *u)
{
	if (!u->state)
		return;
	inflateEnd(&u->state->z);
	ZSTD_freeDCtx(u->state->zstd);
	free(u->state);
	u->state = NULL;
}

/* False: out has `most` already. */
static bool more_room(struct buf *out, size_t most)
{
	size_t cap = out->cap < most / 2 ? 2 * out->cap : most;

	if (out->cap >= most)
		return false;
	buf_room(out, cap - out->n);
	return true;
}

static int unpack_gzip(struct unpack_state *s, struct slice block, size_t most, struct buf *out)
{
	z_stream *z = &s->z;
	int rc = Z_OK;

	if ((z->state ? inflateReset(z) : inflateInit2(z, GZIP_WINDOW)) != Z_OK)
		BUG("zlib");
	z->next_in = (Bytef *)(uintptr_t)block.p;
	z->avail_in = (uInt)block.n;
	while (rc == Z_OK) {
		size_t room = (out->cap < most ? out->cap : most) - out->n;

		z->next_out = (Bytef *)out->p + out->n;
		z->avail_out = (uInt)room;
		rc = inflate(z, Z_NO_FLUSH);
		out->n += room - z->avail_out;
		if (rc == Z_OK && (z->avail_out || !more_room(out, most)))
			return -1; /* cut off, or too long */
	}
	return rc == Z_STREAM_END ? 0 : -1;
}

static int unpack_zstd(struct unpack_state *s, struct slice block, size_t most, struct buf *out)
{
	unsigned long long says = ZSTD_getFrameContentSize(block.p, block.n);
	size_t n;

	if (!s->zstd && !(s->zstd = ZSTD_createDCtx()))
		BUG("zstd");
	if (says == ZSTD_CONTENTSIZE_ERROR || (says != ZSTD_CONTENTSIZE_UNKNOWN && says > most))
		return -1;
	if (says != ZSTD_CONTENTSIZE_UNKNOWN && says / BELIEVED_RATIO <= block.n)
		buf_room(out, says);
	do {
		n = ZSTD_decompressDCtx(s->zstd, out->p, out->cap < most ? out->cap : most, block.p,
					block.n);
	} while (ZSTD_isError(n) && ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall &&
		 more_room(out, most));
	if (ZSTD_isError(n))
		return -1;
	out->n = n;
	return 0;
}

int unpack_block(struct unpack *u, enum unpack_kind kind, struct slice block, size_t most,
		 struct buf *out)
{
	size_t room = block.n * USUAL_RATIO < ROOM_MIN ? ROOM_MIN : block.n * USUAL_RATIO;

	if (!u->state)
		u->state = mem_zalloc(sizeof(*u->state));
	out->n = 0;
	buf_room(out, room < most ? room : most);
	switch (kind) {
	case UNPACK_GZIP:
		return unpack_gzip(u->state, block, most, out);
	case UNPACK_ZSTD:
		return unpack_zstd(u->state, block, most, out);
	}
	return -1;
}
