/* Decompression of a stream that comes piece by piece: gzip (RFC 1952) and zstd (RFC 8878), any
 * number of members or frames behind each other, skippable frames among them. Zero bytes behind a
 * member are padding, as for gzip(1).
 *
 * Compression is known by the first bytes and never by a name: no text begins with one of the
 * marks. A message names formats that are known but not read, with the command that reads them. The
 * text before a damaged place is given out before decoder_read fails; a wrong checksum shows only
 * behind its member. Libraries: zlib, zstd. */
#ifndef IO_DECODER_H
#define IO_DECODER_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

enum { DECODER_MARK_BYTES = 10, DECODER_ROOM_BYTES = 256 << 10, DECODER_WINDOW_BYTES = 128 << 20 };

/* What a stream is that begins with these bytes. UNSURE: more bytes will tell; at the end of the
 * stream it is TEXT. */
enum decoder_look { DECODER_TEXT, DECODER_PACKED, DECODER_UNSURE };
enum decoder_look decoder_look(const char *p, size_t n);

/* Whether the regular file is compressed, from where its descriptor stands on. */
bool decoder_file(int fd);

struct decoder;

/* start: the stream's first n bytes, which are PACKED; they are only looked at. name: for messages,
 * copied; NULL: standard input. into: what stands behind the command that a message proposes,
 * borrowed; NULL: a pipe to this program. */
struct decoder *decoder_new(const char *start, size_t n, const char *name, const char *into);
void decoder_free(struct decoder *d);

/* Where the next bytes of the stream go, DECODER_ROOM_BYTES: at the beginning, and each time
 * decoder_read gave 0. */
char *decoder_room(struct decoder *d);
void decoder_filled(struct decoder *d, size_t n); /* so many are there; 0: it has ended */

/* Puts 1 to n bytes of text to p. 0: it needs the next bytes of the stream, or that has ended and
 * all is given out. -1, from then on at each call: EX_DATAERR for damage, a stream that ends in the
 * middle, a format or a window that is not read; EX_TEMPFAIL for want of memory. */
ssize_t decoder_read(struct decoder *d, char *p, size_t n, struct err *err);

#endif
