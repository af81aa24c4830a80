/* Parts and their notes, there and back, however the stream is cut; and what is damaged. */
#include "io/pack.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/decoder.h"
#include "random.h"
#include "tap.h"

static const char *const names[] = { "zstd", "gzip" };

static void add_lines(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "{\"n\":%zu,\"x\":%u}\n", i, below(1000));
}

/* What comes out of the stream, in pieces of at most `piece` bytes, `most` at a time. */
static int unpack(enum pack_kind kind, struct slice stream, size_t piece, size_t most,
		  struct buf *text, struct buf *note, bool *whole)
{
	struct parts *p = parts_new(kind);
	struct err err = ERR_INIT;
	int rc = 0;

	while (rc == 0 && stream.n) {
		struct slice in = slice(stream.p, stream.n < piece ? stream.n : piece);
		size_t given = in.n, before;

		do {
			before = text->n;
			rc = parts_read(p, &in, most, text, note, &err);
		} while (rc == 0 && (in.n || text->n - before == most));
		stream = slice(stream.p + given, stream.n - given);
	}
	*whole = rc == 0 && parts_whole(p);
	parts_free(p);
	return rc;
}

static void check_same(enum pack_kind kind, const struct buf *stream, const struct buf *text,
		       const struct buf *note, size_t piece, size_t most)
{
	struct buf got = { 0 }, got_note = { 0 };
	bool whole;
	int rc = unpack(kind, buf_slice(stream), piece, most, &got, &got_note, &whole);

	ok(rc == 0 && whole && slice_eq(buf_slice(&got), buf_slice(text)) &&
		   slice_eq(buf_slice(&got_note), buf_slice(note)),
	   "%s: %zu parts' bytes in pieces of %zu, %zu at a time", names[kind], stream->n, piece,
	   most);
	buf_fini(&got);
	buf_fini(&got_note);
}

/* Another reader of the format sees the text and nothing else. */
static void check_other(enum pack_kind kind, const struct buf *stream, const struct buf *text)
{
	struct decoder *d = decoder_new(stream->p, stream->n, "here", NULL);
	struct buf got = { 0 };
	struct err err = ERR_INIT;
	size_t at = 0;
	ssize_t n;

	do {
		n = decoder_read(d, buf_room(&got, 4096), 4096, &err);
		if (n > 0)
			got.n += (size_t)n;
		if (n == 0 && at <= stream->n) {
			size_t some = stream->n - at < DECODER_ROOM_BYTES ? stream->n - at
									  : DECODER_ROOM_BYTES;

			memcpy(decoder_room(d), stream->p + at, some);
			decoder_filled(d, some);
			at += some ? some : 1;
			n = 1;
		}
	} while (n > 0);
	ok(n == 0 && slice_eq(buf_slice(&got), buf_slice(text)), "%s: another reader: %s",
	   names[kind], err.msg);
	decoder_free(d);
	buf_fini(&got);
}

static void test_kind(enum pack_kind kind)
{
	static const size_t lines[] = { 1000, 0, 1, 20000 }, notes[] = { 3, 0, 200000, 70000 };
	struct pack *p = pack_new(kind, 1);
	struct buf stream = { 0 }, text = { 0 }, note = { 0 };
	static const size_t cut[][2] = {
		{ 1, 1 << 20 }, { 7, 13 }, { 1 << 20, 1 }, { 4096, 999 }, { 1 << 24, 1 << 20 }
	};

	for (size_t i = 0; i < 4; i++) {
		size_t text_from = text.n, note_from = note.n;

		add_lines(&text, lines[i]);
		for (size_t k = 0; k < notes[i]; k++)
			buf_addc(&note, (char)below(256));
		pack_part(p, slice(note.p + note_from, note.n - note_from),
			  slice(text.p + text_from, text.n - text_from), &stream);
	}
	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++)
		check_same(kind, &stream, &text, &note, cut[i][0], cut[i][1]);
	check_other(kind, &stream, &text);
	pack_free(p);
	buf_fini(&stream);
	buf_fini(&text);
	buf_fini(&note);
}

static void test_damage(enum pack_kind kind)
{
	struct pack *p = pack_new(kind, 0);
	struct buf stream = { 0 }, text = { 0 }, got = { 0 }, note = { 0 };
	unsigned cut_seen = 0, turned_seen = 0, tries = 0;
	bool whole;

	add_lines(&text, 300);
	pack_note(p, slice_z("a "), &stream);
	pack_part(p, slice_z("note"), buf_slice(&text), &stream);
	for (size_t n = 1; n < stream.n; n += 7) {
		got.n = note.n = 0;
		cut_seen += unpack(kind, slice(stream.p, n), 64, 1 << 16, &got, &note, &whole) ||
			    !whole || got.n == 0;
		tries++;
	}
	is_int(cut_seen, tries, "cut anywhere: seen");
	for (tries = 0; tries < 200; tries++) {
		size_t at = below((unsigned)stream.n);
		char was = stream.p[at];

		stream.p[at] = (char)(was ^ (1 << below(8)));
		got.n = note.n = 0;
		turned_seen += unpack(kind, buf_slice(&stream), 64, 1 << 16, &got, &note, &whole) ||
			       !whole || slice_eq(buf_slice(&got), buf_slice(&text));
		stream.p[at] = was;
	}
	is_int(turned_seen, tries, "a bit turned: seen, or the text is the same");
	pack_free(p);
	buf_fini(&stream);
	buf_fini(&text);
	buf_fini(&got);
	buf_fini(&note);
}

int main(void)
{
	for (int kind = PACK_ZSTD; kind <= PACK_GZIP; kind++) {
		test_kind((enum pack_kind)kind);
		test_damage((enum pack_kind)kind);
	}
	return done();
}
