/* Is a regular file still the one that was opened? It is where it was appended to, renamed or
 * deleted; it is not where it was cut off, or emptied and written anew under its reader
 * (logrotate's copytruncate).
 *
 * What is kept of it is its size, and a hash of the first and the last INTACT_BYTES it had. A check
 * that finds all three, made behind a read, proves that what was read was the opened file's, of any
 * file that is only appended to and replaced, and never put back. A file written anew that has the
 * same bytes in both places is not noticed. */
#ifndef IO_INTACT_H
#define IO_INTACT_H

#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

enum { INTACT_BYTES = 4096 };

struct intact {
	int fd;
	const char *name;
	int64_t bytes;       /* when it was opened; 0: nothing is known, always intact */
	uint64_t head, tail; /* hash_64 of the first and the last bytes that it had then */
};

/* Looks at the file. fd stays the caller's; name: for messages, borrowed. -1: EX_IOERR. */
int intact_begin(struct intact *f, int fd, const char *name, struct err *err);

/* 0: it is intact. 1: it is not; err: EX_IOERR, "NAME: was cut off (or written anew) while it was
 * read" with sizes. -1: EX_IOERR, nothing is known. */
int intact_check(const struct intact *f, struct err *err);

#endif
