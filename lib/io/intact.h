/* Is a regular file still the one that was opened? It is where it was appended to, renamed or
 * deleted; it is not where it was cut off, or emptied and written anew under its reader
 * (logrotate's copytruncate).
 *
 * struct intact keeps the file's size and a hash of its first and its last INTACT_BYTES. A check
 * behind a read that finds all three unchanged proves that the bytes read were the opened file's,
 * provided that an old text is never put back. A file written anew with the same bytes in both
 * places is not noticed. */
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
