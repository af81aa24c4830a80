#include "io/deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

enum { RAW_WINDOW = -MAX_WBITS, MEMORY = 8, TAIL_BYTES = 4, FLUSH_BYTES = 16 };

struct deflate {
	z_stream z;
};

struct deflate *deflate_new(void)
{
	struct deflate *d = mem_zalloc(sizeof(*d));

	if (deflateInit2(&d->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_WINDOW, MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		BUG("zlib");
	return d;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	deflateEnd(&d->z);
	free(d);
}

void deflate_message(struct deflate *d, struct slice text, struct buf *out)
{
	size_t room = deflateBound(&d->z, text.n) + FLUSH_BYTES;

	if (room > UINT32_MAX)
		BUG("a message of %zu bytes", text.n);
	d->z.next_in = (Bytef *)(uintptr_t)text.p;
	d->z.avail_in = (uInt)text.n;
	d->z.next_out = (Bytef *)buf_room(out, room);
	d->z.avail_out = (uInt)room;
	if (deflate(&d->z, Z_SYNC_FLUSH) != Z_OK || d->z.avail_in || !d->z.avail_out)
		BUG("zlib");
	out->n += room - d->z.avail_out - TAIL_BYTES;
	deflateReset(&d->z);
}
