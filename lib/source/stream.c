#include "source/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

enum { IN_BYTES = 128 << 10, SKIP_BYTES = 64 << 10, GZIP_WINDOW = 16 + MAX_WBITS };

struct stream {
	int fd;
	const char *name;
	enum stream_kind kind;
	bool seekable, eof;
	int64_t limit, raw;         /* bytes of the file read so far */
	int64_t at;
	unsigned char *in;          /* compressed bytes: [used, filled) are not decompressed yet */
	size_t used, filled;
	z_stream z;
	ZSTD_DStream *zstd;
	bool inside;                /* a member or frame has begun and not ended */
};

enum stream_kind stream_kind(const char *path)
{
	size_t n = strlen(path);

	if (n > 3 && strcmp(path + n - 3, ".gz") == 0)
		return STREAM_GZIP;
	if (n > 4 && strcmp(path + n - 4, ".zst") == 0)
		return STREAM_ZSTD;
	return STREAM_PLAIN;
}

struct stream *stream_new(int fd, const char *name, enum stream_kind kind, int64_t limit)
{
	struct stream *s = mem_zalloc(sizeof *s);

	s->fd = fd;
	s->name = name;
	s->kind = kind;
	s->limit = limit < 0 ? INT64_MAX : limit;
	s->seekable = lseek(fd, 0, SEEK_CUR) >= 0;
	if (kind != STREAM_PLAIN)
		s->in = mem_alloc(IN_BYTES);
	if (kind == STREAM_GZIP && inflateInit2(&s->z, GZIP_WINDOW) != Z_OK)
		BUG("inflateInit2");
	if (kind == STREAM_ZSTD && !(s->zstd = ZSTD_createDStream()))
		BUG("ZSTD_createDStream");
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->kind == STREAM_GZIP)
		inflateEnd(&s->z);
	ZSTD_freeDStream(s->zstd);
	free(s->in);
	free(s);
}

int64_t stream_at(const struct stream *s)
{
	return s->at;
}

static ssize_t read_raw(struct stream *s, void *p, size_t n, struct err *err)
{
	int64_t left = s->limit - s->raw;
	ssize_t k;

	if ((int64_t)n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	do
		k = s->seekable ? pread(s->fd, p, n, (off_t)s->raw) : read(s->fd, p, n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(err, EX_IOERR, "%s", s->name);
	s->raw += k;
	return k;
}

static int bad(struct stream *s, const char *why, struct err *err)
{
	return err_set(err, EX_DATAERR, "%s: %s data are damaged after %lld bytes of text: %s", s->name, s->kind == STREAM_GZIP ? "gzip" : "zstd",
		       (long long)s->at, why);
}

/* More compressed bytes. 0: none left, which is right only between two members. */
static int fill(struct stream *s, struct err *err)
{
	ssize_t k = read_raw(s, s->in, IN_BYTES, err);

	if (k < 0)
		return -1;
	if (k == 0 && s->inside)
		return bad(s, "they end in the middle", err);
	s->used = 0;
	s->filled = (size_t)k;
	return k > 0;
}

static ssize_t gunzip(struct stream *s, void *p, size_t n, struct err *err)
{
	int rc;

	if (!s->inside)
		inflateReset(&s->z);
	s->inside = true;
	s->z.next_in = s->in + s->used;
	s->z.avail_in = (unsigned)(s->filled - s->used);
	s->z.next_out = p;
	s->z.avail_out = n > 1 << 30 ? 1 << 30 : (unsigned)n;
	n = s->z.avail_out;
	rc = inflate(&s->z, Z_NO_FLUSH);
	s->used = s->filled - s->z.avail_in;
	if (rc == Z_STREAM_END)
		s->inside = false;
	else if (rc != Z_OK && rc != Z_BUF_ERROR)
		return bad(s, s->z.msg ? s->z.msg : "not in gzip format", err);
	return (ssize_t)(n - s->z.avail_out);
}

static ssize_t unzstd(struct stream *s, void *p, size_t n, struct err *err)
{
	ZSTD_inBuffer in = { .src = s->in, .size = s->filled, .pos = s->used };
	ZSTD_outBuffer out = { .dst = p, .size = n };
	size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);

	if (ZSTD_isError(rc))
		return bad(s, ZSTD_getErrorName(rc), err);
	s->used = in.pos;
	s->inside = rc != 0;
	return (ssize_t)out.pos;
}

static ssize_t decompress(struct stream *s, void *p, size_t n, struct err *err)
{
	for (;;) {
		ssize_t k = 0;

		/* what is inside may owe output without needing input */
		if (s->used < s->filled || s->inside)
			k = s->kind == STREAM_GZIP ? gunzip(s, p, n, err) : unzstd(s, p, n, err);
		if (k != 0)
			return k;
		if (s->used < s->filled)
			continue;
		int more = fill(s, err);
		if (more <= 0)
			return more;
	}
}

ssize_t stream_read(void *stream, void *p, size_t n, struct err *err)
{
	struct stream *s = stream;
	ssize_t k;

	if (s->eof || n == 0)
		return 0;
	k = s->kind == STREAM_PLAIN ? read_raw(s, p, n, err) : decompress(s, p, n, err);
	if (k > 0)
		s->at += k;
	s->eof = k == 0;
	return k;
}

int stream_skip(struct stream *s, int64_t to, struct err *err)
{
	char *sink;
	ssize_t k = 1;

	if (to < s->at)
		BUG("skip back from %lld to %lld", (long long)s->at, (long long)to);
	if (s->kind == STREAM_PLAIN && s->seekable) {
		off_t end = lseek(s->fd, 0, SEEK_END);

		s->raw = s->at = to <= end && to <= s->limit ? to : s->at;
		k = s->at == to;
	} else {
		sink = mem_alloc(SKIP_BYTES);
		while (k > 0 && s->at < to)
			k = stream_read(s, sink, to - s->at < SKIP_BYTES ? (size_t)(to - s->at) : SKIP_BYTES, err);
		free(sink);
	}
	if (k < 0)
		return -1;
	if (s->at < to)
		return err_set(err, EX_CONFIG, "%s: ends at byte %lld, before the stored position %lld: the file was replaced or cut off; give back the old one, "
			       "or name this one with -t NAME to read it as a new file", s->name, (long long)s->at, (long long)to);
	return 0;
}
