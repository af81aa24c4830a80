/* pread at `raw` in the file, through a decoder where the first bytes are a compressed format's.
 *
 *	file bytes  --pread-->  decoder's room  --decoder_read-->  text
 *	0 .. raw .. limit                                          0 .. at
 *
 * pread leaves the descriptor's own offset alone, which is shared with other processes where the
 * file is standard input. `limit` is the size when the file was opened: what is appended later is
 * not read, so that the end of a file that grows is a place and not a matter of luck. Skipping a
 * text that is not compressed is an assignment; a compressed one is decompressed up to there,
 * because none of the formats has an index. */
#include "io/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/decoder.h"

enum { SKIP_BYTES = 64 << 10 };

struct stream {
	int fd;
	const char *name;
	bool eof;
	int64_t limit, raw; /* bytes of the file: to read at most, read so far */
	int64_t at;
	struct decoder *decoder; /* NULL: not compressed */
};

static ssize_t read_raw(struct stream *s, void *p, size_t n, struct err *err)
{
	int64_t left = s->limit - s->raw;
	ssize_t k;

	if ((int64_t)n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	do
		k = pread(s->fd, p, n, (off_t)s->raw);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(err, EX_IOERR, "%s", s->name);
	s->raw += k;
	return k;
}

struct stream *stream_new(int fd, const char *name, int64_t limit, const char *into)
{
	struct stream *s = mem_zalloc(sizeof(*s));
	char start[DECODER_MARK_BYTES];
	struct err ignored; /* the first read says it */
	ssize_t n;

	*s = (struct stream){ .fd = fd, .name = name, .limit = limit };
	n = read_raw(s, start, sizeof(start), &ignored);
	s->raw = 0;
	if (n > 0 && decoder_look(start, (size_t)n) == DECODER_PACKED)
		s->decoder = decoder_new(start, (size_t)n, name, into);
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	decoder_free(s->decoder);
	free(s);
}

int64_t stream_at(const struct stream *s)
{
	return s->at;
}

bool stream_packed(const struct stream *s)
{
	return s->decoder;
}

static ssize_t read_packed(struct stream *s, void *p, size_t n, struct err *err)
{
	for (;;) {
		ssize_t k = decoder_read(s->decoder, p, n, err), more;

		if (k != 0)
			return k;
		more = read_raw(s, decoder_room(s->decoder), DECODER_ROOM_BYTES, err);
		if (more < 0)
			return -1;
		decoder_filled(s->decoder, (size_t)more);
		if (more == 0)
			return decoder_read(s->decoder, p, n, err);
	}
}

ssize_t stream_read(void *stream, void *p, size_t n, struct err *err)
{
	struct stream *s = stream;
	ssize_t k;

	if (s->eof || n == 0)
		return 0;
	k = s->decoder ? read_packed(s, p, n, err) : read_raw(s, p, n, err);
	if (k > 0)
		s->at += k;
	s->eof = k == 0;
	return k;
}

/* Reads and forgets. */
static int skip_text(struct stream *s, int64_t to, struct err *err)
{
	char *sink = mem_alloc(SKIP_BYTES);
	ssize_t k = 1;

	while (k > 0 && s->at < to) {
		int64_t left = to - s->at;

		k = stream_read(s, sink, left < SKIP_BYTES ? (size_t)left : SKIP_BYTES, err);
	}
	free(sink);
	return k < 0 ? -1 : 0;
}

int stream_skip(struct stream *s, int64_t to, struct err *err)
{
	off_t end;

	if (to < s->at)
		BUG("skip back from %lld to %lld", (long long)s->at, (long long)to);
	if (s->decoder) {
		if (skip_text(s, to, err))
			return -1;
	} else {
		end = lseek(s->fd, 0, SEEK_END);
		s->raw = s->at = to <= end && to <= s->limit ? to : s->at;
	}
	if (s->at < to)
		return err_set(err, EX_CONFIG,
			       "%s: ends at byte %lld, before the stored position %lld: the file "
			       "was replaced or cut off; give back the old one, or name this one "
			       "with -t NAME to read it as a new file",
			       s->name, (long long)s->at, (long long)to);
	return 0;
}
