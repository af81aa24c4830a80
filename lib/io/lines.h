/* Line reader: lends blocks of whole lines from one descriptor. No copy but the kernel's, no NUL.
 *
 * A block is as many whole lines as one read brought (LINES_READ_BYTES, so that they stay in the
 * L2 cache). At least LINES_PAD readable bytes stand before and behind what is lent (their
 * content is undefined), for vector loads. A line longer than max_line is lent as LINES_LONG:
 * its first LINES_KEEP bytes and its full length; the reader's memory stays bounded. A line that
 * starts with the exempt prefix (control records) has no limit but LINES_EXEMPT_MAX. What a
 * descriptor holds is decompressed, if it begins like compressed data (decoder.h). */
#ifndef IO_LINES_H
#define IO_LINES_H

#include <sys/types.h>
#include "base/str.h"
#include "io/loop.h"

enum {
	LINES_READ_BYTES = 256 << 10,
	LINES_PAD = 64,
	LINES_KEEP = 64 << 10,
	LINES_EXEMPT_MAX = 64 << 20,
};

enum lines_result {
	LINES_BLOCK, /* one or more whole lines; the last byte is \n */
	/* the kept start of one over-long line, its length (without \n) in lines_long_bytes(); see
	 * lines_long_open() */
	LINES_LONG,
	LINES_TAIL, /* what stood behind the last \n at the end of the input (at least one byte) */
	LINES_EOF,
	LINES_TIMEOUT,
	LINES_ERROR, /* EX_DATAERR: compressed data that are damaged there, or not read here */
};

struct lines;

/* l: NULL for a reader that never waits in a loop (files). fd stays the caller's. A pipe is
 * enlarged to 1 MiB, and its writer told that it is read by copying (pipe_zerocopy.h) until
 * lines_free. */
struct lines *lines_new(struct loop *l, int fd, size_t max_line_bytes);

/* A reader over a function instead of a descriptor (a decompressor), which never waits: it puts
 * 1 to n bytes to p and returns how many, 0 at the end, -1 with err. */
typedef ssize_t lines_fill(void *arg, void *p, size_t n, struct err *err);
struct lines *lines_new_from(lines_fill *fill, void *arg, size_t max_line_bytes);

void lines_free(struct lines *in);

void lines_name(struct lines *in, const char *name); /* in messages; borrowed. Else fd_name() */
void lines_exempt(struct lines *in, const char *prefix, size_t n); /* copied; n <= 64 */

/* The next block; valid until the next call on this reader. deadline_us as in loop_wait. */
enum lines_result lines_next(struct lines *in, int64_t deadline_us, struct slice *block,
			     struct err *err);

/* Lends only the first line (with its \n) instead of a block, and leaves the rest for
 * lines_next: to look for a hello. */
enum lines_result lines_first(struct lines *in, int64_t deadline_us, struct slice *line,
			      struct err *err);

uint64_t lines_long_bytes(const struct lines *in);
bool lines_long_open(
	const struct lines *in); /* the input ended inside the over-long line: its \n never came */
uint64_t lines_bytes(const struct lines *in);      /* bytes of text read so far */
uint64_t lines_blocked_us(const struct lines *in); /* time spent waiting for input */

#endif
