/* A text in parts that are compressed one by one, behind each other in one stream: frames of zstd
 * (RFC 8878), members of gzip (RFC 1952). Whoever reads the format reads the text. Each part may
 * have a note, which stands before it where other readers pass it over: in a skippable frame, in
 * the extra field of a member without a text. Notes are one stream beside the text.
 * Libraries: zlib, zstd. */
#ifndef IO_PACK_H
#define IO_PACK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum pack_kind { PACK_ZSTD, PACK_GZIP };

struct pack;

/* level: 0 is the library's default. */
struct pack *pack_new(enum pack_kind kind, int level);
void pack_free(struct pack *p); /* NULL is fine */
/* Appends a part. An empty text is a part too: a stream of none would be no stream. */
void pack_part(struct pack *p, struct slice note, struct slice text, struct buf *out);

/* Appends a note alone, which is of the part that follows: beside its own, and before it. */
void pack_note(struct pack *p, struct slice note, struct buf *out);

/* The other way: the stream comes in pieces. */
struct parts;

struct parts *parts_new(enum pack_kind kind);
void parts_free(struct parts *p); /* NULL is fine */
/* Takes from the front of *in, and appends at most `most` bytes to *text, and notes to *note. What
 * is left in *in is for the next call: *in empty and less than `most` added: the next piece is
 * wanted. EX_DATAERR: damaged, or no stream of this kind. */
int parts_read(struct parts *p, struct slice *in, size_t most, struct buf *text, struct buf *note,
	       struct err *err);
/* So far the stream is whole: no part of it is open. */
bool parts_whole(const struct parts *p);

#endif
