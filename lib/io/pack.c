/* A note of zstd is a skippable frame, which begins with MARK: others use such frames too, and
 * theirs are passed over. A note of gzip is cut into members, for an extra field has 65,535 bytes.
 *
 *   zstd   [50 2a 4d 18 | length | "hta1" note] [frame]   ..
 *   gzip   [header with "HT" note | empty] ..   [member]  ..
 *
 * What a frame is stands in its first 4 bytes, 8 of a skippable one, which may come one at a time:
 * they are gathered in `head`. */
#include "io/pack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "io/zstd_feed.h"

#define MARK "hta1"

enum {
	HEAD_BYTES = 8,
	MARK_BYTES = 4,
	GZIP_WINDOW = 16 + MAX_WBITS,
	GZIP_MEMORY = 9,
	GZIP_LEVEL = 6,
	ZSTD_LEVEL = 3,
	EXTRA_HEAD = 4, /* "HT", and a length */
	EXTRA_MAX = 65535,
	WINDOW_LOG_MAX = 27,
};

static const uint32_t zstd_magic = 0xfd2fb528, skippable = 0x184d2a50;

struct pack {
	enum pack_kind kind;
	ZSTD_CCtx *zstd;
	z_stream z;
};

/* ---- writing */

struct pack *pack_new(enum pack_kind kind, int level)
{
	struct pack *p = mem_zalloc(sizeof(*p));

	p->kind = kind;
	if (kind == PACK_GZIP) {
		if (deflateInit2(&p->z, level ? level : GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
				 GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
			BUG("zlib");
		return p;
	}
	p->zstd = ZSTD_createCCtx();
	if (!p->zstd)
		BUG("zstd");
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level ? level : ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	return p;
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	if (p->kind == PACK_GZIP)
		deflateEnd(&p->z);
	ZSTD_freeCCtx(p->zstd);
	free(p);
}

static void add_le32(struct buf *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		buf_addc(out, (char)(v >> 8 * i));
}

static void add_frame(struct pack *p, struct slice text, struct buf *out)
{
	size_t room = ZSTD_compressBound(text.n);
	size_t n = ZSTD_compress2(p->zstd, buf_room(out, room), room, text.p, text.n);

	if (ZSTD_isError(n))
		BUG("zstd: %s", ZSTD_getErrorName(n));
	out->n += n;
}

static void add_skippable(struct slice note, struct buf *out)
{
	add_le32(out, skippable);
	add_le32(out, (uint32_t)(MARK_BYTES + note.n));
	buf_addz(out, MARK);
	buf_adds(out, note);
}

/* extra.p NULL: no note. */
static void add_member(struct pack *p, struct slice extra, struct slice text, struct buf *out)
{
	z_stream *z = &p->z;
	gz_header head = { .os = 3 /* Unix */ };
	size_t room;

	deflateReset(z);
	head.extra = (Bytef *)(uintptr_t)extra.p;
	head.extra_len = (uInt)extra.n;
	deflateSetHeader(z, &head);
	room = deflateBound(z, text.n) + extra.n;
	z->next_in = (Bytef *)(uintptr_t)text.p;
	z->avail_in = (uInt)text.n;
	z->next_out = (Bytef *)buf_room(out, room);
	z->avail_out = (uInt)room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		BUG("zlib");
	out->n += room - z->avail_out;
}

static void add_extras(struct pack *p, struct slice note, struct buf *out)
{
	struct buf extra = { 0 };

	while (note.n) {
		size_t n = note.n < EXTRA_MAX - EXTRA_HEAD ? note.n : EXTRA_MAX - EXTRA_HEAD;

		extra.n = 0;
		buf_addz(&extra, "HT");
		buf_addc(&extra, (char)n);
		buf_addc(&extra, (char)(n >> 8));
		buf_add(&extra, note.p, n);
		add_member(p, buf_slice(&extra), slice("", 0), out);
		note = slice(note.p + n, note.n - n);
	}
	buf_fini(&extra);
}

void pack_note(struct pack *p, struct slice note, struct buf *out)
{
	if (p->kind == PACK_GZIP)
		add_extras(p, note, out);
	else if (note.n)
		add_skippable(note, out);
}

void pack_part(struct pack *p, struct slice note, struct slice text, struct buf *out)
{
	pack_note(p, note, out);
	if (p->kind == PACK_GZIP)
		add_member(p, slice(NULL, 0), text.p ? text : slice("", 0), out);
	else
		add_frame(p, text, out);
}

/* ---- reading */

struct parts {
	enum pack_kind kind;
	/* zstd */
	ZSTD_DCtx *zstd;
	uint8_t head[HEAD_BYTES];
	size_t head_n;
	enum { AT_HEAD, IN_FRAME, IN_SKIPPED } at;
	struct zstd_feed feed;
	size_t skip, skipped; /* bytes of the skippable frame, those that have come */
	bool ours;
	/* gzip */
	z_stream z;
	gz_header extra;
	uint8_t *extra_bytes;
	bool in_member, extra_seen;
};

struct parts *parts_new(enum pack_kind kind)
{
	struct parts *p = mem_zalloc(sizeof(*p));

	p->kind = kind;
	if (kind == PACK_GZIP) {
		if (inflateInit2(&p->z, GZIP_WINDOW) != Z_OK)
			BUG("zlib");
		p->extra_bytes = mem_alloc(EXTRA_MAX);
		return p;
	}
	p->zstd = ZSTD_createDCtx();
	if (!p->zstd)
		BUG("zstd");
	ZSTD_DCtx_setParameter(p->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	return p;
}

void parts_free(struct parts *p)
{
	if (!p)
		return;
	if (p->kind == PACK_GZIP)
		inflateEnd(&p->z);
	ZSTD_freeDCtx(p->zstd);
	free(p->extra_bytes);
	free(p);
}

bool parts_whole(const struct parts *p)
{
	return p->kind == PACK_GZIP ? !p->in_member : p->at == AT_HEAD && p->head_n == 0;
}

static void take_bytes(struct slice *in, size_t n)
{
	*in = slice(in->p + n, in->n - n);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int refuse_stream(const char *kind, const char *why, struct err *err)
{
	return err_set(err, EX_DATAERR, "%s data is damaged: %s", kind, why);
}

/* What libzstd says of more bytes: behind a frame's header all that are there, for an error ends
 * the stream. */
static int read_frame(struct parts *p, struct slice *in, size_t most, struct buf *text,
		      struct err *err)
{
	bool header = zstd_feed_in_header(&p->feed) && in->n;
	ZSTD_inBuffer from = { in->p, header ? 1 : in->n, 0 };
	ZSTD_outBuffer to = { buf_room(text, most), most, 0 };
	size_t left = ZSTD_decompressStream(p->zstd, &to, &from);

	if (ZSTD_isError(left))
		return refuse_stream("zstd", ZSTD_getErrorName(left), err);
	if (header)
		zstd_feed_said(&p->feed, left);
	take_bytes(in, from.pos);
	text->n += to.pos;
	if (left == 0) {
		p->at = AT_HEAD;
		p->head_n = 0;
	}
	return 0;
}

/* The frame's first bytes have come already. */
static int begin_frame(struct parts *p, struct err *err)
{
	struct slice head = slice((const char *)p->head, p->head_n);
	struct buf none = { 0 };
	int rc;

	ZSTD_DCtx_reset(p->zstd, ZSTD_reset_session_only);
	p->at = IN_FRAME;
	p->feed = (struct zstd_feed){ 0 };
	do
		rc = read_frame(p, &head, 1, &none, err);
	while (rc == 0 && head.n);
	buf_fini(&none);
	p->head_n = 0;
	return rc;
}

static int read_head(struct parts *p, struct slice *in, struct err *err)
{
	bool skips;

	p->head[p->head_n++] = (uint8_t)*in->p;
	take_bytes(in, 1);
	if (p->head_n < 4)
		return 0;
	skips = (le32(p->head) & ~15u) == skippable;
	if (!skips && le32(p->head) != zstd_magic)
		return refuse_stream("zstd", "no frame begins where one has to", err);
	if (!skips)
		return begin_frame(p, err);
	if (p->head_n < HEAD_BYTES)
		return 0;
	p->skip = le32(p->head + 4);
	p->skipped = p->head_n = 0;
	p->ours = p->skip >= MARK_BYTES;
	p->at = p->skip ? IN_SKIPPED : AT_HEAD;
	return 0;
}

static void read_skipped(struct parts *p, struct slice *in, struct buf *note)
{
	for (; p->skipped < MARK_BYTES && p->skipped < p->skip && in->n; p->skipped++) {
		p->ours = p->ours && *in->p == MARK[p->skipped];
		take_bytes(in, 1);
	}
	if (p->skipped >= MARK_BYTES || p->skipped == p->skip) {
		size_t n = p->skip - p->skipped < in->n ? p->skip - p->skipped : in->n;

		if (p->ours)
			buf_add(note, in->p, n);
		take_bytes(in, n);
		p->skipped += n;
	}
	if (p->skipped == p->skip)
		p->at = AT_HEAD;
}

static int read_zstd(struct parts *p, struct slice *in, size_t most, struct buf *text,
		     struct buf *note, struct err *err)
{
	size_t had = text->n;

	while (text->n - had < most) {
		size_t room = most - (text->n - had), before = text->n, fed = in->n;

		if (p->at == IN_FRAME) {
			if (read_frame(p, in, room, text, err))
				return -1;
			/* nothing came in and nothing went out */
			if (text->n == before && in->n == fed && p->at == IN_FRAME)
				return 0;
			continue;
		}
		if (in->n == 0)
			return 0;
		if (p->at == IN_SKIPPED)
			read_skipped(p, in, note);
		else if (read_head(p, in, err))
			return -1;
	}
	return 0;
}

static void begin_member(struct parts *p)
{
	inflateReset(&p->z);
	p->extra = (gz_header){ .extra = p->extra_bytes, .extra_max = EXTRA_MAX };
	inflateGetHeader(&p->z, &p->extra);
	p->in_member = true;
	p->extra_seen = false;
}

static void take_extra(struct parts *p, struct buf *note)
{
	size_t n = p->extra.extra && p->extra.extra_len > EXTRA_HEAD ? p->extra.extra_len : 0;

	p->extra_seen = true;
	if (n && memcmp(p->extra_bytes, "HT", 2) == 0 &&
	    n == EXTRA_HEAD + (size_t)p->extra_bytes[2] + ((size_t)p->extra_bytes[3] << 8))
		buf_add(note, p->extra_bytes + EXTRA_HEAD, n - EXTRA_HEAD);
}

static int read_gzip(struct parts *p, struct slice *in, size_t most, struct buf *text,
		     struct buf *note, struct err *err)
{
	size_t had = text->n;

	while (text->n - had < most && (in->n || p->in_member)) {
		size_t room = most - (text->n - had);
		int rc;

		if (!p->in_member)
			begin_member(p);
		p->z.next_in = (Bytef *)(uintptr_t)in->p;
		p->z.avail_in = (uInt)in->n;
		p->z.next_out = (Bytef *)buf_room(text, room);
		p->z.avail_out = (uInt)room;
		rc = inflate(&p->z, Z_NO_FLUSH);
		take_bytes(in, in->n - p->z.avail_in);
		text->n += room - p->z.avail_out;
		if (!p->extra_seen && p->extra.done == 1)
			take_extra(p, note);
		if (rc == Z_STREAM_END)
			p->in_member = false;
		else if (rc == Z_BUF_ERROR)
			return 0;
		else if (rc != Z_OK)
			return refuse_stream("gzip", p->z.msg ? p->z.msg : "no member", err);
	}
	return 0;
}

int parts_read(struct parts *p, struct slice *in, size_t most, struct buf *text, struct buf *note,
	       struct err *err)
{
	return p->kind == PACK_GZIP ? read_gzip(p, in, most, text, note, err)
				    : read_zstd(p, in, most, text, note, err);
}
