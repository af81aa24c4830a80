/* Pages lent to the reader of a pipe instead of being copied into it (vmsplice(2)): the writer's
 * half of a pipe costs hardly anything then.
 *
 * What is lent must stay as it is until the reader has it. A reader that moves pages on (splice,
 * tee: pv does) may have them for ever, and nothing tells when it is done. So pages are lent
 * only to a reader that says that it copies, by a read lock (fcntl(2), F_SETLK) on byte
 * PIPE_ZEROCOPY_BYTE of the pipe; the lock goes with the process, and with the first descriptor
 * of the pipe that it closes, the writing one too. Memory is written again when the pipe holds
 * less unread than was written behind it, and the same process has the lock still: so it is this
 * process that took it, and it took a copy. Where the lock is gone or another's, what was lent
 * is given up and nothing more is lent. */
#ifndef IO_PIPE_ZEROCOPY_H
#define IO_PIPE_ZEROCOPY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PIPE_ZEROCOPY_BYTE = 0x687461 /* "hta" */, PIPE_ZEROCOPY_CHUNK_BYTES = 256 << 10 };

/* The reader's side: fd will be read by read(2) alone, by this process alone, until
 * pipe_zerocopy_read_end. Nothing happens where fd is no pipe. */
void pipe_zerocopy_read(int fd);
void pipe_zerocopy_read_end(int fd);

/* fd, the writing end of a pipe, is read so: by a stage. */
bool pipe_zerocopy_is_read(int fd);

struct pipe_zerocopy;

/* fd: the writing end of a pipe, the caller's */
struct pipe_zerocopy *pipe_zerocopy_new(int fd);
/* what is lent stays readable */
void pipe_zerocopy_free(struct pipe_zerocopy *l);

/* PIPE_ZEROCOPY_CHUNK_BYTES to fill that nobody reads, the same ones until some of them are
 * lent. NULL: none now; all chunks got before are the caller's no more. */
char *pipe_zerocopy_chunk(struct pipe_zerocopy *l);

/* As write(2), without waiting: bytes of the chunk are lent where they are many, all others are
 * copied. Not for more than one chunk at once. */
ssize_t pipe_zerocopy_write(struct pipe_zerocopy *l, const char *p, size_t n);

uint64_t pipe_zerocopy_bytes(const struct pipe_zerocopy *l); /* lent so far */

#endif
