/* Writer: buffers, writes all or fails, never blocks outside the loop.
 *
 * With a loop, pipes and sockets are set non-blocking (until out_free or exit) and the loop is
 * served while they are full; pipes are enlarged to 1 MiB, and a reader that is one of ours is
 * lent pages instead of getting copies (pipe_zerocopy.h). Every write is checked. A loop
 * callback may out_write what fits into the buffer, and no more; while a piece larger than the
 * buffer is written, nothing does. Errors: ENOSPC and others EX_IOERR 74; a reader that left
 * (EPIPE): EX_TEMPFAIL 75 "the reader of standard output has left". (On a plain stream SIGPIPE
 * keeps its default and ends the program before that; see stage.h.) */
#ifndef IO_OUT_H
#define IO_OUT_H

#include "base/str.h"
#include "io/loop.h"

struct out;

/* l NULL: plain blocking writes */
struct out *out_new(struct loop *l, int fd, size_t buffer_bytes);
void out_free(struct out *o); /* does not flush */

/* Copies n bytes into the buffer; writes it out when it is full. Large pieces go to write(2)
 * directly, where pages are not lent. */
int out_write(struct out *o, const void *p, size_t n, struct err *err);

/* n writable bytes in place (flushes first where needed; n up to the buffer's size or more: it
 * grows), then out_used(bytes). */
char *out_room(struct out *o, size_t n, struct err *err);
void out_used(struct out *o, size_t n);

int out_flush(struct out *o, struct err *err);

size_t out_pending(const struct out *o);
uint64_t out_bytes(const struct out *o);      /* accepted so far */
uint64_t out_lent_bytes(const struct out *o); /* of those: lent, not copied (pipe_zerocopy.h) */
uint64_t out_blocked_us(const struct out *o); /* time spent waiting for the reader */

/* Watches for a reader that leaves while we wait for something else: the loop is stopped with
 * EX_TEMPFAIL. */
void out_watch_reader(struct out *o);
/* Whether the reader was seen to have left, by out_watch_reader or by EPIPE. */
bool out_reader_left(const struct out *o);

#endif
