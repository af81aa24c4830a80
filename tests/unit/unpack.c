/* Blocks in both formats: of any length, damaged, cut, longer than allowed, longer than they
 * say. */
#include "io/unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "tap.h"

static void fill(struct buf *b, size_t n)
{
	b->n = 0;
	buf_room(b, n);
	for (size_t i = 0; i < n; i++)
		b->p[i] = (char)(i * i % 251 * (i / 7 % 5));
	b->n = n;
}

/* says: the length stands in front of a zstd block. */
static void pack(enum unpack_kind kind, struct slice from, bool says, struct buf *to)
{
	to->n = 0;
	if (kind == UNPACK_ZSTD) {
		ZSTD_CCtx *c = ZSTD_createCCtx();
		ZSTD_inBuffer in = { from.p, from.n, 0 };
		ZSTD_outBuffer out = { buf_room(to, ZSTD_compressBound(from.n)),
				       ZSTD_compressBound(from.n), 0 };

		ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, says);
		if (says)
			ZSTD_CCtx_setPledgedSrcSize(c, from.n);
		ok(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end) == 0, "packed");
		to->n = out.pos;
		ZSTD_freeCCtx(c);
	} else {
		z_stream z = { .next_in = (Bytef *)(uintptr_t)from.p, .avail_in = (uInt)from.n };

		deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
		z.avail_out = (uInt)deflateBound(&z, from.n);
		z.next_out = (Bytef *)buf_room(to, z.avail_out);
		ok(deflate(&z, Z_FINISH) == Z_STREAM_END, "packed");
		to->n = z.total_out;
		deflateEnd(&z);
	}
}

static void test_kind(enum unpack_kind kind, bool says)
{
	static const size_t lengths[] = { 1, 100, 65536, 3000000, 0, 17, 1000000 };
	struct unpack u = { 0 };
	struct buf plain = { 0 }, packed = { 0 }, out = { 0 };
	int taken = 0;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fill(&plain, lengths[i]);
		pack(kind, buf_slice(&plain), says, &packed);
		ok(unpack_block(&u, kind, buf_slice(&packed), 1 << 22, &out) == 0 &&
			   slice_eq(buf_slice(&out), buf_slice(&plain)),
		   "%zu bytes", lengths[i]);
	}
	ok(unpack_block(&u, kind, buf_slice(&packed), 1000000, &out) == 0 && out.n == 1000000,
	   "exactly as long as is allowed");
	ok(unpack_block(&u, kind, buf_slice(&packed), 999999, &out) == -1, "one byte longer");
	for (size_t n = 0; n < packed.n; n += 1 + packed.n / 500) {
		char *cut = malloc(n + 1);

		memcpy(cut, packed.p, n);
		taken += unpack_block(&u, kind, slice(cut, n), 1 << 22, &out) == 0;
		free(cut);
	}
	is_int(taken, 0, "cut anywhere it is refused");
	packed.p[packed.n / 2] ^= 0x40;
	packed.p[packed.n / 2 + 1] ^= 0x11;
	/* gzip has a checksum, zstd here none */
	(void)unpack_block(&u, kind, buf_slice(&packed), 1 << 22, &out);
	fill(&plain, 1 << 22);
	memset(plain.p, 'x', plain.n);
	pack(kind, buf_slice(&plain), says, &packed);
	unpack_fini(&u);
	buf_fini(&out);
	ok(unpack_block(&u, kind, buf_slice(&packed), 1 << 22, &out) == 0 &&
		   slice_eq(buf_slice(&out), buf_slice(&plain)),
	   "4 MiB out of %zu bytes", packed.n);
	ok(unpack_block(&u, kind, slice("no block", 8), 1 << 22, &out) == -1, "something else");
	unpack_fini(&u);
	buf_fini(&plain);
	buf_fini(&packed);
	buf_fini(&out);
}

int main(void)
{
	test_kind(UNPACK_GZIP, false);
	test_kind(UNPACK_ZSTD, true);
	test_kind(UNPACK_ZSTD, false);
	return done();
}
