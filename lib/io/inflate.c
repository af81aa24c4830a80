/* Text goes straight to the end of the caller's buffer, which doubles, 16 KiB at first. Where
 * exactly `most` bytes are there, the library is given a spare byte of its own to write to: only
 * so is a body of just that length told from a longer one.
 *
 * What libzstd says of damage depends on how it is fed. It gets what zstd_feed.h says, and that at
 * once, so that a body has one verdict, however it comes. */
#include "io/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/zstd_feed.h"

enum { ROOM_MIN = 16 << 10 };
enum { WINDOW_LOG = 23 };

/* Of a z_stream's data_type: the end of a block, as opposed to its middle. */
enum { BLOCK_ENDED = 128 };

/* By kind, as inflateInit2 takes it. */
static const int zlib_windows[INFLATE_KINDS] = { 16 + MAX_WBITS, MAX_WBITS, 0, -MAX_WBITS };

_Static_assert(1 << WINDOW_LOG == INFLATE_WINDOW_BYTES, "one bound");

struct inflate {
	enum inflate_kind kind;
	z_stream z;
	ZSTD_DCtx *zstd;
	bool open; /* within a member or frame */
	bool any;  /* a member or frame was there */
	/* of the number that the zstd frame begins with, lowest byte first */
	uint32_t magic;
	unsigned magic_bytes;
	struct zstd_feed feed;
	bool owes; /* libzstd may have text that the last call had no room for */
	struct buf held;
};

struct inflate *inflate_new(enum inflate_kind kind)
{
	struct inflate *i = mem_zalloc(sizeof(*i));

	i->kind = kind;
	if (kind == INFLATE_ZSTD) {
		if (!(i->zstd = ZSTD_createDCtx()) ||
		    ZSTD_isError(ZSTD_DCtx_setParameter(i->zstd, ZSTD_d_windowLogMax, WINDOW_LOG)))
			BUG("zstd");
	} else if (inflateInit2(&i->z, zlib_windows[kind]) != Z_OK) {
		BUG("zlib");
	}
	return i;
}

void inflate_free(struct inflate *i)
{
	if (!i)
		return;
	if (i->kind != INFLATE_ZSTD)
		inflateEnd(&i->z);
	ZSTD_freeDCtx(i->zstd);
	buf_fini(&i->held);
	free(i);
}

void inflate_reset(struct inflate *i)
{
	i->open = i->any = false;
	i->magic_bytes = 0;
	i->feed = (struct zstd_feed){ 0 };
	i->owes = false;
	i->held.n = 0;
	if (i->kind == INFLATE_ZSTD)
		ZSTD_DCtx_reset(i->zstd, ZSTD_reset_session_only);
	else
		inflateReset(&i->z);
}

/* One call of the library. `n` bytes at `to` are free, *wrote of them are used, *took bytes of in
 * are read. Sets open. False: damaged. */
static bool step_zlib(struct inflate *i, struct slice in, char *to, size_t n, size_t *took,
		      size_t *wrote)
{
	uInt most_in = in.n < UINT32_MAX ? (uInt)in.n : UINT32_MAX;
	uInt most_out = n < UINT32_MAX ? (uInt)n : UINT32_MAX;
	int rc;

	i->z.next_in = (Bytef *)(uintptr_t)in.p;
	i->z.avail_in = most_in;
	i->z.next_out = (Bytef *)to;
	i->z.avail_out = most_out;
	rc = inflate(&i->z, Z_NO_FLUSH);
	*took = most_in - i->z.avail_in;
	*wrote = most_out - i->z.avail_out;
	i->open = rc != Z_STREAM_END &&
		  (i->kind != INFLATE_MESSAGE || !(i->z.data_type & BLOCK_ENDED));
	if (rc == Z_STREAM_END)
		inflateReset(&i->z);
	return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR;
}

/* False: what begins here is no frame of RFC 8878, nor one to be skipped. libzstd would read the
 * formats before it too, and says of damage there one thing to a whole and another to pieces. */
static bool is_zstd_frame(struct inflate *i, struct slice in)
{
	for (size_t k = 0; k < in.n && i->magic_bytes < sizeof(i->magic); k++) {
		unsigned shift = 8 * i->magic_bytes++;

		i->magic = (shift ? i->magic : 0) | (uint32_t)(unsigned char)in.p[k] << shift;
	}
	return i->magic_bytes < sizeof(i->magic) || i->magic == ZSTD_MAGICNUMBER ||
	       (i->magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

/* What the next call of libzstd gets, of one header or one block, from in to held. False: not all
 * of it is there yet. What is longer than a block is skipped, and need not be whole. */
static bool hold_whole(struct inflate *i, struct slice in, size_t *took)
{
	size_t give = zstd_feed_next(&i->feed);
	size_t missing = i->held.n < give ? give - i->held.n : 0;

	*took = missing < in.n ? missing : in.n;
	if (*took > ZSTD_BLOCKSIZE_MAX)
		*took = ZSTD_BLOCKSIZE_MAX;
	buf_add(&i->held, in.p, *took);
	return *took == missing || give > ZSTD_BLOCKSIZE_MAX;
}

static bool call_zstd(struct inflate *i, char *to, size_t n, size_t *wrote)
{
	ZSTD_inBuffer from = { i->held.p, i->held.n, 0 };
	ZSTD_outBuffer into = { to, n, 0 };
	size_t rc = ZSTD_decompressStream(i->zstd, &into, &from);

	if (ZSTD_isError(rc))
		return false;
	i->held.n -= from.pos;
	if (from.pos && i->held.n)
		memmove(i->held.p, i->held.p + from.pos, i->held.n);
	*wrote = into.pos;
	i->owes = into.pos == n;
	i->open = rc != 0;
	zstd_feed_said(&i->feed, rc);
	if (i->open)
		return true;
	i->feed = (struct zstd_feed){ 0 };
	i->magic_bytes = 0;
	return true;
}

static bool step_zstd(struct inflate *i, struct slice in, char *to, size_t n, size_t *took,
		      size_t *wrote)
{
	bool whole;

	*took = *wrote = 0;
	if (i->owes && !call_zstd(i, to, n, wrote))
		return false;
	if (*wrote || !in.n)
		return true;
	whole = hold_whole(i, in, took);
	if (!is_zstd_frame(i, slice(in.p, *took)))
		return false;
	i->open = true;
	return !whole || call_zstd(i, to, n, wrote);
}

enum inflate_state inflate_add(struct inflate *i, struct slice in, size_t most, struct buf *out)
{
	/* A step that fills all of its room may have more text in store. */
	for (bool full = false; in.n || (full && i->open);) {
		size_t room = most - out->n, took, wrote;
		char spare;
		if (room && out->cap - out->n < 1) {
			size_t more = out->cap < ROOM_MIN ? ROOM_MIN : out->cap;
			buf_room(out, more < room ? more : room);
		}
		if (room > out->cap - out->n)
			room = out->cap - out->n;
		i->any = true;
		if (!(i->kind == INFLATE_ZSTD ? step_zstd : step_zlib)(
			    i, in, room ? out->p + out->n : &spare, room ? room : 1, &took, &wrote))
			return INFLATE_DAMAGED;
		if (!room && wrote)
			return INFLATE_LONG;
		if (!took && !wrote)
			return in.n ? INFLATE_DAMAGED : INFLATE_OK;
		full = wrote == (room ? room : 1);
		out->n += wrote;
		in = slice(in.p + took, in.n - took);
	}
	return INFLATE_OK;
}

enum inflate_state inflate_end(const struct inflate *i)
{
	return i->open || !i->any ? INFLATE_DAMAGED : INFLATE_OK;
}
