/* The bytes of a regular file from its beginning, decompressed where they are compressed
 * (decoder.h). Bytes behind the limit, which the caller takes from the file's size, are not read.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

struct stream;

/* fd stays the caller's and is read with pread, whatever its offset is. name: for messages,
 * borrowed. limit: bytes of the file, compressed ones where it is compressed, to read at most.
 * into: as for decoder_new. */
struct stream *stream_new(int fd, const char *name, int64_t limit, const char *into);
void stream_free(struct stream *s);

/* Puts 1 to n bytes to p; 0: the end. -1: EX_IOERR, or as decoder_read has it. Fits
 * lines_new_from. */
ssize_t stream_read(void *stream, void *p, size_t n, struct err *err);

/* Goes on at this byte, which is not before stream_at: a file that is not compressed in no time,
 * else by reading. -1: EX_CONFIG where the file ends before. */
int stream_skip(struct stream *s, int64_t to, struct err *err);

int64_t stream_at(const struct stream *s);  /* bytes of text given out or skipped */
bool stream_packed(const struct stream *s); /* the file is compressed */

#endif
