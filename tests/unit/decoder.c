/* Streams of gzip and zstd, fed in pieces: members, padding, damage anywhere; what is no such
 * stream. */
#include "io/decoder.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

enum kind { GZIP, ZSTD, KINDS };
static const char *const kinds[] = { "gzip", "zstd" };

static void gzip(struct slice from, struct buf *to)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)from.p, .avail_in = (uInt)from.n };

	deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	z.avail_out = (uInt)deflateBound(&z, from.n);
	z.next_out = (Bytef *)buf_room(to, z.avail_out);
	deflate(&z, Z_FINISH);
	to->n += z.total_out;
	deflateEnd(&z);
}

/* Appends a member, or a frame with a checksum. */
static void pack(enum kind kind, struct slice from, struct buf *to)
{
	ZSTD_CCtx *c;

	if (kind == GZIP) {
		gzip(from, to);
		return;
	}
	c = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	to->n += ZSTD_compress2(c, buf_room(to, ZSTD_compressBound(from.n)),
				ZSTD_compressBound(from.n), from.p, from.n);
	ZSTD_freeCCtx(c);
}

/* Text that neither packs to nothing nor not at all. */
static void make_text(size_t n, struct buf *out)
{
	uint32_t state = 1;

	while (out->n < n) {
		state = state * 1664525 + 1013904223;
		buf_printf(out, "line %zu of some text, and a number: %u\n", out->n, state >> 12);
	}
	out->n = n;
}

/* All that comes of it into out: 0 or the code of the error. Fed by `step` bytes, asked for `most`
 * at a time. */
static int unpack(struct slice s, size_t step, size_t most, struct buf *out, struct err *err)
{
	struct decoder *d = decoder_new(s.p, s.n < DECODER_MARK_BYTES ? s.n : DECODER_MARK_BYTES,
					"f", NULL);
	bool ended = false;

	out->n = 0;
	err_clear(err);
	for (;;) {
		ssize_t k = decoder_read(d, buf_room(out, most), most, err);

		if (k < 0 || (k == 0 && ended))
			break;
		out->n += (size_t)k;
		if (k > 0)
			continue;
		if (step > s.n)
			step = s.n;
		ended = step == 0;
		if (step)
			memcpy(decoder_room(d), s.p, step);
		decoder_filled(d, step);
		s = slice(s.p + step, s.n - step);
	}
	if (err->code) {
		struct err again = ERR_INIT;
		char c;

		ok(decoder_read(d, &c, 1, &again) == -1 && again.code == err->code,
		   "an error stays");
	}
	decoder_free(d);
	return err->code;
}

static void whole(enum kind kind)
{
	static const size_t lengths[] = { 0, 1, 5000, 400000 },
			    steps[] = { 1, 7, 1000, DECODER_ROOM_BYTES },
			    mosts[] = { 1, 100, 300000 };
	struct buf text = { 0 }, packed = { 0 }, out = { 0 };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		bool good = true;

		text.n = packed.n = 0;
		make_text(lengths[i], &text);
		pack(kind, buf_slice(&text), &packed);
		for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
			for (size_t m = 0; m < sizeof mosts / sizeof *mosts; m++)
				good &= unpack(buf_slice(&packed), steps[s], mosts[m], &out,
					       &err) == 0 &&
					slice_eq(buf_slice(&out), buf_slice(&text));
		ok(good, "%s: %zu bytes, in any pieces", kinds[kind], lengths[i]);
	}
	buf_fini(&text);
	buf_fini(&packed);
	buf_fini(&out);
}

/* Members, empty ones too, padding between and behind them, frames to be skipped. */
static void members(enum kind kind)
{
	static const char skip[] = "\x5a\x2a\x4d\x18\x05\0\0\0what?";
	struct buf packed = { 0 }, out = { 0 };
	struct err err = ERR_INIT;

	if (kind == ZSTD)
		buf_add(&packed, skip, sizeof skip - 1);
	pack(kind, slice_z("one\n"), &packed);
	pack(kind, slice_z(""), &packed);
	pack(kind, slice_z("two\n"), &packed);
	buf_add(&packed, "\0\0\0", 3);
	pack(kind, slice_z("three\n"), &packed);
	if (kind == ZSTD)
		buf_add(&packed, skip, sizeof skip - 1);
	for (size_t step = 1; step < 200; step += 33) {
		ok(unpack(buf_slice(&packed), step, 100, &out, &err) == 0,
		   "%s: members by %zu bytes", kinds[kind], step);
		is_bytes(out.p, out.n, "one\ntwo\nthree\n", "their text");
	}
	memset(buf_room(&packed, 100000), 0, 100000);
	packed.n += 100000;
	ok(unpack(buf_slice(&packed), 4096, 100, &out, &err) == 0 && out.n == 14,
	   "%s: zeros behind the end are padding", kinds[kind]);
	buf_addz(&packed, "x");
	ok(unpack(buf_slice(&packed), 4096, 100, &out, &err) == EX_DATAERR && out.n == 14,
	   "%s: ... and an x is not", kinds[kind]);
	ok(strstr(err.msg, "behind 14 bytes of text: what stands behind their end is no such data"),
	   "%s", err.msg);
	buf_fini(&packed);
	buf_fini(&out);
}

/* Cut off anywhere: a prefix of the text, and the error. */
static void cut(enum kind kind)
{
	struct buf text = { 0 }, packed = { 0 }, out = { 0 };
	struct err err = ERR_INIT;
	const size_t slack = kind == GZIP ? 100000 : 300000; /* blocks of zstd come whole */
	bool good = true;

	make_text(2000000, &text);
	pack(kind, buf_slice(&text), &packed);
	for (size_t n = 4; n < packed.n; n += 1 + packed.n / 20) {
		good &= unpack(slice(packed.p, n), 997, 5000, &out, &err) == EX_DATAERR &&
			out.n <= text.n && memcmp(out.p, text.p, out.n) == 0;
		good &= out.n + slack >= text.n * n / packed.n;
		good &= strstr(err.msg, "they end in the middle") != NULL;
	}
	ok(good, "%s: cut off, its beginning comes out", kinds[kind]);
	ok(unpack(slice(packed.p, packed.n - 1), 997, 5000, &out, &err) == EX_DATAERR &&
		   out.n == text.n,
	   "%s: ... all of it where a byte of the checksum is missing", kinds[kind]);
	packed.p[packed.n - (kind == GZIP ? 8 : 4)] ^= 1;
	ok(unpack(buf_slice(&packed), 997, 5000, &out, &err) == EX_DATAERR && out.n == text.n,
	   "%s: ... or wrong: %s", kinds[kind], err.msg);
	buf_fini(&text);
	buf_fini(&packed);
	buf_fini(&out);
}

/* Pieces that can each be read without those behind them: flushed blocks. What stands before a
 * damaged one comes out, however it is fed and asked for. */
static void damaged_gzip(struct slice piece, int pieces, struct buf *packed, size_t *at)
{
	z_stream z = { 0 };

	deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	for (int i = 0; i < pieces; i++) {
		at[i] = packed->n;
		z.next_in = (Bytef *)(uintptr_t)piece.p;
		z.avail_in = (uInt)piece.n;
		z.next_out = (Bytef *)buf_room(packed, piece.n + 1000);
		z.avail_out = (uInt)piece.n + 1000;
		deflate(&z, Z_FULL_FLUSH);
		packed->n += piece.n + 1000 - z.avail_out;
	}
	deflateEnd(&z);
}

static void damaged_zstd(struct slice piece, int pieces, struct buf *packed, size_t *at)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	for (int i = 0; i < pieces; i++) {
		ZSTD_inBuffer in = { piece.p, piece.n, 0 };
		ZSTD_outBuffer out = { buf_room(packed, piece.n + 1000), piece.n + 1000, 0 };

		at[i] = packed->n;
		ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush);
		packed->n += out.pos;
	}
	ZSTD_freeCCtx(c);
}

static void damaged(enum kind kind)
{
	enum { PIECES = 20 };
	static const size_t steps[] = { 1, 100, 5000, DECODER_ROOM_BYTES },
			    mosts[] = { 100, 300000 };
	struct buf text = { 0 }, packed = { 0 }, out = { 0 };
	struct err err = ERR_INIT;
	size_t at[PIECES];
	bool good = true;

	make_text(3000, &text);
	(kind == GZIP ? damaged_gzip : damaged_zstd)(buf_slice(&text), PIECES, &packed, at);
	packed.p[at[12]] |= 6; /* in both formats a kind of block that does not exist */
	for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
		for (size_t m = 0; m < sizeof mosts / sizeof *mosts; m++)
			good &= unpack(buf_slice(&packed), steps[s], mosts[m], &out, &err) ==
					EX_DATAERR &&
				out.n == 12 * text.n;
	ok(good, "%s: all that stands before the damage comes out", kinds[kind]);
	ok(strstr(err.msg, "f: ") == err.msg && strstr(err.msg, "behind 36000 bytes of text"), "%s",
	   err.msg);
	buf_fini(&text);
	buf_fini(&packed);
	buf_fini(&out);
}

static void marks(void)
{
	static const struct {
		const char *p;
		size_t n;
		enum decoder_look is;
	} table[] = {
		{ "", 0, DECODER_UNSURE },
		{ "{", 1, DECODER_TEXT },
		{ "\n", 1, DECODER_TEXT },
		{ "\0", 1, DECODER_TEXT },
		{ "\xef\xbb\xbf{", 4, DECODER_TEXT },
		{ "\x1f", 1, DECODER_UNSURE },
		{ "\x1f\x8b", 2, DECODER_PACKED },
		{ "\x1f\x8c", 2, DECODER_TEXT },
		{ "\x1f\x9d\x90", 3, DECODER_PACKED },
		{ "\x28\xb5\x2f", 3, DECODER_UNSURE },
		{ "(\xb5/\xfd", 4, DECODER_PACKED },
		{ "(abc", 4, DECODER_TEXT },
		{ "P*M\x18", 4, DECODER_PACKED },
		{ "_*M\x18", 4, DECODER_PACKED },
		{ "`*M\x18", 4, DECODER_TEXT },
		{ "P", 1, DECODER_UNSURE },
		{ "P\n", 2, DECODER_TEXT },
		{ "BZh91AY&SY", 10, DECODER_PACKED },
		{ "BZh91AY&S", 9, DECODER_UNSURE },
		{ "BZh9\x17rE8P\x90", 10, DECODER_PACKED },
		{ "BZhx1AY&SY", 10, DECODER_TEXT },
		{ "\xfd"
		  "7zXZ\0",
		  6, DECODER_PACKED },
		{ "\x04\x22\x4d\x18", 4, DECODER_PACKED },
		{ "\x02\x21\x4c\x18", 4, DECODER_PACKED },
		{ "LZIP\x01", 5, DECODER_PACKED },
		{ "LZIP1", 5, DECODER_TEXT },
		{ "PK\x03\x04", 4, DECODER_PACKED },
		{ "PK\x05\x06", 4, DECODER_PACKED },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		is_int(decoder_look(table[i].p, table[i].n), table[i].is, "a beginning");
}

/* What another program has to read. */
static void refused(void)
{
	static const struct {
		const char *p;
		size_t n;
		const char *says;
	} table[] = {
		{ "\xfd"
		  "7zXZ\0",
		  6, "f: is in the format of xz, which is not read here: xz -dc f | " },
		{ "BZh91AY&SY", 10, "bzip2 -dc f | " },
		{ "\x1f\x9d", 2, "format of compress, which is not read here: gzip -dc f | " },
		{ "\x04\x22\x4d\x18", 4, "lz4 -dc f | " },
		{ "LZIP\x01", 5, "lzip -dc f | " },
		{ "PK\x03\x04", 4, "unzip -p f | " },
		{ "\x28\xb5\x2f\xfd\0\xa8\x21\0\0text", 13,
		  "f: has a zstd window of more than 128 MiB, which is not read here: zstd -dc "
		  "--long=31 f | " },
		{ "\x28\xb5\x2f\xfd\x01\x60\x07\x21\0\0text", 14, "zstd -dc -D DICTIONARY f | " },
	};
	struct buf out = { 0 };
	struct err err = ERR_INIT;
	struct decoder *d;
	char c;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		ok(unpack(slice(table[i].p, table[i].n), 5, 100, &out, &err) == EX_DATAERR &&
			   out.n == 0 && strstr(err.msg, table[i].says),
		   "%s", err.msg);
	d = decoder_new("PK\x05\x06", 4, NULL, ">FILE");
	ok(decoder_read(d, &c, 1, &err) == -1 &&
		   strcmp(err.msg, "standard input: is in the format of zip, which is not read "
				   "here: funzip >FILE") == 0,
	   "%s", err.msg);
	decoder_free(d);
	decoder_free(NULL);
	buf_fini(&out);
}

/* 128 MiB is what a window may have. */
static void largest_window(void)
{
	struct buf out = { 0 };
	struct err err = ERR_INIT;

	is_int(unpack(slice("\x28\xb5\x2f\xfd\0\x88\x21\0\0text", 13), 5, 100, &out, &err), 0,
	       "a window of 128 MiB");
	is_bytes(out.p, out.n, "text", "its text");
	is_int(unpack(slice("\x28\xb5\x2f\xfd\0\x89\x21\0\0text", 13), 5, 100, &out, &err),
	       EX_DATAERR, "a larger one");
	buf_fini(&out);
}

int main(void)
{
	for (enum kind kind = GZIP; kind < KINDS; kind++) {
		whole(kind);
		members(kind);
		cut(kind);
		damaged(kind);
	}
	marks();
	refused();
	largest_window();
	return done();
}
