/* The bytes of one file from its beginning, decompressed: plain, gzip (RFC 1952, several members too) or zstd (RFC 8878, several frames too),
 * told by the name's ending. What stood behind the limit when the file was opened is not read. */
#ifndef SOURCE_STREAM_H
#define SOURCE_STREAM_H

#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

enum stream_kind { STREAM_PLAIN, STREAM_GZIP, STREAM_ZSTD };
enum stream_kind stream_kind(const char *path);

struct stream;

/* name: for messages, borrowed. fd stays the caller's; a regular file is read with pread from its beginning, whatever its offset is. limit: bytes of the file
 * (compressed ones where it is compressed) to read at most, -1: until it ends. */
struct stream *stream_new(int fd, const char *name, enum stream_kind kind, int64_t limit);
void stream_free(struct stream *s);

/* Puts 1 to n bytes to p; 0: the end. -1: EX_IOERR, EX_DATAERR not of that format, or it ends in the middle. Fits lines_new_from. */
ssize_t stream_read(void *stream, void *p, size_t n, struct err *err);

/* Goes on at this byte, which is not before stream_at: a plain regular file in no time, else by reading. -1 with EX_CONFIG where the file ends before. */
int stream_skip(struct stream *s, int64_t to, struct err *err);

int64_t stream_at(const struct stream *s);     /* decompressed bytes given out or skipped */

#endif
