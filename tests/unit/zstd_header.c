/* Frames of zstd whose header, from its fifth or seventh byte on, looks like a frame that is to be
 * skipped: each reader of streams says what libzstd says of the whole. No encoder writes such
 * headers; RFC 8878 allows them. */
#include <stdlib.h>
#include <zstd.h>

#include "io/decoder.h"
#include "io/inflate.h"
#include "io/pack.h"
#include "tap.h"

enum { RLE = 1, BLOCK_MAX = 128 << 10, MOST = 4 << 20 };

static void add_rle(size_t n, bool last, char c, struct buf *out)
{
	unsigned head = (unsigned)last | RLE << 1 | (unsigned)n << 3;

	for (int i = 0; i < 3; i++)
		buf_addc(out, (char)(head >> 8 * i));
	buf_addc(out, c);
}

static void add_blocks(size_t n, char c, struct buf *out)
{
	for (; n > BLOCK_MAX; n -= BLOCK_MAX)
		add_rle(BLOCK_MAX, false, c, out);
	add_rle(n, true, c, out);
}

/* The header's rest begins with its descriptor: two bytes of content size, a bit that nobody uses.
 * What follows is as long as the frame to be skipped would be. */
static void make_descriptor(struct buf *out)
{
	buf_add(out,
		"\x28\xb5\x2f\xfd"
		"\x50"
		"\x2a"
		"\x4d\x18",
		8);
	add_blocks(0x184d + 256, '\0', out);
	for (int i = 0; i < 20; i++) {
		struct buf line = { 0 };

		buf_printf(&line, "%05000d\n", i);
		out->n += ZSTD_compress(buf_room(out, 8192), 8192, line.p, line.n, -100);
		buf_add(out, "\x50\x2a\x4d\x18\x00\x10\x00\x00", 8);
		memset(buf_room(out, 4096), 0, 4096);
		out->n += 4096;
		buf_fini(&line);
	}
}

/* The rest begins with the number of a dictionary, which nobody has, and then says four bytes of
 * text. Behind the header stands another frame. */
static void make_dictionary(struct buf *out)
{
	buf_add(out,
		"\x28\xb5\x2f\xfd"
		"\xc3"
		"\x50"
		"\x50\x2a\x4d\x18"
		"\4\0\0\0\0\0\0\0",
		18);
	out->n += ZSTD_compress(buf_room(out, 64), 64, "text", 4, 1);
}

static void read_parts(struct slice in, size_t piece, struct buf *out)
{
	struct parts *p = parts_new(PACK_ZSTD);
	struct err err = ERR_INIT;
	struct buf note = { 0 };
	int rc = 0;

	while (rc == 0 && in.n) {
		struct slice some = slice(in.p, in.n < piece ? in.n : piece);
		size_t given = some.n;

		rc = parts_read(p, &some, MOST - out->n, out, &note, &err);
		in = slice(in.p + given - some.n, in.n - given + some.n);
	}
	if (rc || !parts_whole(p))
		out->n = 0;
	parts_free(p);
	buf_fini(&note);
}

static void read_inflate(struct slice in, size_t piece, struct buf *out)
{
	struct inflate *i = inflate_new(INFLATE_ZSTD);
	enum inflate_state state = INFLATE_OK;

	buf_room(out, MOST);
	while (state == INFLATE_OK && in.n) {
		struct slice some = slice(in.p, in.n < piece ? in.n : piece);

		state = inflate_add(i, some, MOST, out);
		in = slice(in.p + some.n, in.n - some.n);
	}
	if (state != INFLATE_OK || inflate_end(i) != INFLATE_OK)
		out->n = 0;
	inflate_free(i);
}

static void read_decoder(struct slice in, size_t piece, struct buf *out)
{
	struct decoder *d = decoder_new(in.p, DECODER_MARK_BYTES, "f", NULL);
	struct err err = ERR_INIT;
	bool ended = false;
	ssize_t k;

	if (piece > DECODER_ROOM_BYTES)
		piece = DECODER_ROOM_BYTES;
	while ((k = decoder_read(d, buf_room(out, MOST - out->n), MOST - out->n, &err)) > 0 ||
	       (k == 0 && !ended)) {
		size_t n = k ? 0 : in.n < piece ? in.n : piece;

		out->n += (size_t)k;
		if (k)
			continue;
		ended = n == 0;
		if (n)
			memcpy(decoder_room(d), in.p, n);
		decoder_filled(d, n);
		in = slice(in.p + n, in.n - n);
	}
	if (k < 0)
		out->n = 0;
	decoder_free(d);
}

static void check(const char *name, void (*make)(struct buf *), bool reads)
{
	static const struct {
		const char *name;
		void (*read)(struct slice in, size_t piece, struct buf *out);
	} readers[] = { { "parts", read_parts },
			{ "inflate", read_inflate },
			{ "decoder", read_decoder } };
	static const size_t pieces[] = { 1, 2, 5, 13, MOST };
	struct buf stream = { 0 }, want = { 0 }, got = { 0 };
	size_t n;

	make(&stream);
	n = ZSTD_decompress(buf_room(&want, MOST), MOST, stream.p, stream.n);
	ok(reads == !ZSTD_isError(n), "%s: libzstd says: %s", name, ZSTD_getErrorName(n));
	want.n = reads ? n : 0;
	for (size_t r = 0; r < sizeof(readers) / sizeof(*readers); r++)
		for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
			got.n = 0;
			readers[r].read(buf_slice(&stream), pieces[i], &got);
			ok(slice_eq(buf_slice(&got), buf_slice(&want)), "%s: %s in pieces of %zu",
			   name, readers[r].name, pieces[i]);
		}
	buf_fini(&stream);
	buf_fini(&want);
	buf_fini(&got);
}

int main(void)
{
	check("a descriptor", make_descriptor, true);
	check("a dictionary", make_dictionary, false);
	return done();
}
