/* The owner fills `in`, decoder_read empties it: [used, filled) is not decompressed yet.
 *
 *	mark -> member -> zeros -> member ... -> the stream's end
 *
 * zlib gives out what it has before it says that the next byte is wrong. zstd does not, and gets
 * what zstd_feed.h says: nothing while it may owe text, and else all of that at once, also where
 * the owner fills in less: it gives out parts of a block that is not compressed, so what an error
 * takes along would depend on how the stream is fed. */
#include "io/decoder.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/zstd_feed.h"

enum { GZIP_WINDOW = 16 + MAX_WBITS };

enum codec { CODEC_GZIP, CODEC_ZSTD, CODEC_NONE };

struct format {
	enum codec codec;
	const char *name;
	const char
		*command;   /* the command that decompresses the format, a file or standard input */
	const char *filter; /* the command for standard input, where it is another one */
	size_t n;
	uint8_t mark[DECODER_MARK_BYTES];
	uint8_t nibble; /* 1 + the mark's byte whose lower half is any; 0: none is */
};

static const struct format formats[] = {
	{ CODEC_GZIP, "gzip", "gzip -dc", NULL, 2, { 0x1f, 0x8b }, 0 },
	{ CODEC_ZSTD, "zstd", "zstd -dc", NULL, 4, { 0x28, 0xb5, 0x2f, 0xfd }, 0 },
	{ CODEC_ZSTD, "zstd", "zstd -dc", NULL, 4, { 0x50, 0x2a, 0x4d, 0x18 }, 1 },
	{ CODEC_NONE, "bzip2", "bzip2 -dc", NULL, 10, { "BZh01AY&SY" }, 4 },
	{ CODEC_NONE, "bzip2", "bzip2 -dc", NULL, 10, { "BZh0\x17rE8P\x90" }, 4 },
	{ CODEC_NONE, "compress", "gzip -dc", NULL, 2, { 0x1f, 0x9d }, 0 },
	{ CODEC_NONE, "lz4", "lz4 -dc", NULL, 4, { 0x04, 0x22, 0x4d, 0x18 }, 0 },
	{ CODEC_NONE, "lz4", "lz4 -dc", NULL, 4, { 0x02, 0x21, 0x4c, 0x18 }, 0 },
	{ CODEC_NONE, "lzip", "lzip -dc", NULL, 5, { 'L', 'Z', 'I', 'P', 1 }, 0 },
	{ CODEC_NONE, "xz", "xz -dc", NULL, 6, { 0xfd, '7', 'z', 'X', 'Z', 0 }, 0 },
	{ CODEC_NONE, "zip", "unzip -p", "funzip", 4, { 'P', 'K', 3, 4 }, 0 },
	{ CODEC_NONE, "zip", "unzip -p", "funzip", 4, { 'P', 'K', 5, 6 }, 0 },
};

struct decoder {
	const struct format *format;
	char *name; /* NULL: standard input */
	const char *into;
	char *in;
	size_t used, filled;
	bool ended;        /* the owner has no more */
	bool inside;       /* a member has begun and not ended */
	bool behind;       /* a member has ended: zeros are padding */
	int64_t raw, text; /* bytes of the stream before `in`, bytes given out */
	z_stream z;
	ZSTD_DStream *zstd;
	struct zstd_feed feed;
	struct buf held; /* of the bytes of a call those that came before the ones in `in` */
	bool owes;       /* zstd may have text that the last call had no room for */
	struct err failed;
};

/* ---- what is it? */

static bool fits(const struct format *f, const char *p, size_t n)
{
	for (size_t i = 0; i < n && i < f->n; i++) {
		uint8_t mask = i + 1 == f->nibble ? 0xf0 : 0xff;

		if (((uint8_t)p[i] & mask) != f->mark[i])
			return false;
	}
	return true;
}

/* The format whose mark these bytes begin with, or are the beginning of. */
static const struct format *find_format(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (fits(&formats[i], p, n))
			return &formats[i];
	return NULL;
}

enum decoder_look decoder_look(const char *p, size_t n)
{
	const struct format *f = n ? find_format(p, n) : &formats[0];

	return !f ? DECODER_TEXT : n < f->n ? DECODER_UNSURE : DECODER_PACKED;
}

bool decoder_file(int fd)
{
	char start[DECODER_MARK_BYTES];
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t n = at < 0 ? -1 : pread(fd, start, sizeof(start), at);

	return n > 0 && decoder_look(start, (size_t)n) == DECODER_PACKED;
}

/* ---- life */

struct decoder *decoder_new(const char *start, size_t n, const char *name, const char *into)
{
	struct decoder *d = mem_zalloc(sizeof(*d));

	d->format = find_format(start, n);
	if (!d->format)
		BUG("a decoder for what is not compressed");
	d->name = name ? mem_strdup(name) : NULL;
	d->into = into;
	d->in = mem_alloc(DECODER_ROOM_BYTES);
	if (d->format->codec == CODEC_GZIP && inflateInit2(&d->z, GZIP_WINDOW) != Z_OK)
		BUG("inflateInit2");
	if (d->format->codec == CODEC_ZSTD && !(d->zstd = ZSTD_createDStream()))
		BUG("ZSTD_createDStream");
	return d;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	if (d->format->codec == CODEC_GZIP)
		inflateEnd(&d->z);
	ZSTD_freeDStream(d->zstd);
	buf_fini(&d->held);
	free(d->in);
	free(d->name);
	free(d);
}

char *decoder_room(struct decoder *d)
{
	return d->in;
}

void decoder_filled(struct decoder *d, size_t n)
{
	d->raw += (int64_t)d->filled;
	d->used = 0;
	d->filled = n;
	d->ended = n == 0;
}

/* ---- what goes wrong */

static const char *decoder_name_of(const struct decoder *d)
{
	return d->name ? d->name : "standard input";
}

static int damaged_decoder(struct decoder *d, const char *why)
{
	long long at = (long long)d->raw + (long long)d->used - (long long)d->held.n;

	return err_set(&d->failed, EX_DATAERR,
		       "%s: %s data are damaged at byte %lld, behind %lld bytes of text: %s",
		       decoder_name_of(d), d->format->name, at, (long long)d->text, why);
}

/* Nothing is damaged, but another program has to read it. */
static int refuse_decoder(struct decoder *d, const char *what, const char *command)
{
	const char *filter = d->format->filter && !d->name ? d->format->filter : command;
	const char *into = d->into ? d->into : "| ", *program = d->into ? "" : log_program();
	const char *name = d->name ? d->name : "";

	return err_set(&d->failed, EX_DATAERR, "%s: %s, which is not read here: %s%s%s %s%s",
		       decoder_name_of(d), what, filter, d->name ? " " : "", name, into, program);
}

static int no_memory(struct decoder *d)
{
	return err_set(&d->failed, EX_TEMPFAIL, "%s: not enough memory to decompress it",
		       decoder_name_of(d));
}

static int refuse_format(struct decoder *d)
{
	char what[64];

	snprintf(what, sizeof(what), "is in the format of %s", d->format->name);
	return refuse_decoder(d, what, d->format->command);
}

static int zstd_failed(struct decoder *d, size_t rc)
{
	char what[64];

	switch (ZSTD_getErrorCode(rc)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		snprintf(what, sizeof(what), "has a zstd window of more than %d MiB",
			 DECODER_WINDOW_BYTES >> 20);
		return refuse_decoder(d, what, "zstd -dc --long=31");
	case ZSTD_error_dictionary_wrong:
		return refuse_decoder(d, "was compressed by zstd with a dictionary",
				      "zstd -dc -D DICTIONARY");
	case ZSTD_error_memory_allocation:
		return no_memory(d);
	default:
		return damaged_decoder(d, ZSTD_getErrorName(rc));
	}
}

/* ---- members */

/* Whether a member of the same codec may begin with this byte. */
static bool may_begin(const struct decoder *d, const char *p)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i].codec == d->format->codec && fits(&formats[i], p, 1))
			return true;
	return false;
}

/* The next member. 1: it has begun; 0: no byte is left that could tell. */
static int begin_member(struct decoder *d)
{
	while (d->behind && d->used < d->filled && d->in[d->used] == 0)
		d->used++;
	if (d->used == d->filled)
		return 0;
	if (d->behind && !may_begin(d, d->in + d->used))
		return damaged_decoder(d, "what stands behind their end is no such data");
	if (d->format->codec == CODEC_GZIP)
		inflateReset(&d->z);
	d->feed = (struct zstd_feed){ 0 };
	d->inside = true;
	return 1;
}

static void end_member(struct decoder *d)
{
	d->inside = false;
	d->behind = true;
}

static ssize_t gunzip(struct decoder *d, char *p, size_t n)
{
	z_stream *z = &d->z;
	size_t room = n > 1 << 30 ? 1 << 30 : n;
	int rc;

	z->next_in = (Bytef *)d->in + d->used;
	z->avail_in = (unsigned)(d->filled - d->used);
	z->next_out = (Bytef *)p;
	z->avail_out = (unsigned)room;
	rc = inflate(z, Z_NO_FLUSH);
	d->used = d->filled - z->avail_in;
	if (rc == Z_STREAM_END)
		end_member(d);
	else if (rc == Z_MEM_ERROR)
		return no_memory(d);
	else if (rc != Z_OK && rc != Z_BUF_ERROR && z->avail_out == room)
		return damaged_decoder(d, z->msg ? z->msg : "not in gzip format");
	return (ssize_t)(room - z->avail_out);
}

/* All that one call of zstd may have. False: not all is there yet. What is longer than a block is
 * skipped, not decoded, and need not be whole. */
static bool take_whole(struct decoder *d, ZSTD_inBuffer *in)
{
	size_t give = zstd_feed_next(&d->feed);
	size_t left = d->filled - d->used, missing = d->held.n < give ? give - d->held.n : 0;

	if (d->held.n == 0 && (left >= give || give > ZSTD_BLOCKSIZE_MAX)) {
		*in = (ZSTD_inBuffer){ .src = d->in + d->used, .size = give < left ? give : left };
		return true;
	}
	if (missing > left)
		missing = left;
	buf_add(&d->held, d->in + d->used, missing);
	d->used += missing;
	*in = (ZSTD_inBuffer){ .src = d->held.p, .size = d->held.n };
	return d->held.n >= give || d->ended;
}

/* A frame's last byte stays until all its text is out. */
static void drop_held(struct decoder *d, size_t n)
{
	memmove(d->held.p, d->held.p + n, d->held.n - n);
	d->held.n -= n;
}

static ssize_t unzstd(struct decoder *d, char *p, size_t n)
{
	ZSTD_inBuffer in = { .src = d->in };
	ZSTD_outBuffer out = { .dst = p, .size = n };
	size_t rc;

	if (!d->owes && !take_whole(d, &in))
		return 0;
	rc = ZSTD_decompressStream(d->zstd, &out, &in);
	if (ZSTD_isError(rc))
		return zstd_failed(d, rc);
	if (in.src == d->held.p)
		drop_held(d, in.pos);
	else
		d->used += in.pos;
	zstd_feed_said(&d->feed, rc);
	d->owes = out.pos == n;
	if (rc == 0)
		end_member(d);
	return (ssize_t)out.pos;
}

/* 0: what is filled in is used up. */
static ssize_t decode_decoder(struct decoder *d, char *p, size_t n)
{
	for (;;) {
		int rc = d->inside ? 1 : begin_member(d);
		bool dry = d->used == d->filled;
		ssize_t k;

		if (rc <= 0)
			return rc;
		/* what is inside may owe text without needing more */
		k = d->format->codec == CODEC_GZIP ? gunzip(d, p, n) : unzstd(d, p, n);
		if (k != 0)
			return k;
		if (dry && d->ended)
			return damaged_decoder(d, "they end in the middle");
		if (dry)
			return 0;
	}
}

ssize_t decoder_read(struct decoder *d, char *p, size_t n, struct err *err)
{
	ssize_t k = -1;

	if (!d->failed.code)
		k = d->format->codec == CODEC_NONE ? refuse_format(d) : decode_decoder(d, p, n);
	if (k > 0)
		d->text += k;
	if (k < 0)
		err_copy(err, &d->failed);
	return k;
}
