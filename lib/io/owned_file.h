/* Small files that are read whole at a start: certificates, keys, passwords. What is checked (the
 * rights of a secret one) is what is read. */
#ifndef IO_OWNED_FILE_H
#define IO_OWNED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Appends a regular file of at most `most` bytes. A secret one may be read by its owner only, who
 * is this process' user or root; one of root's by its group as well, which is how a service that
 * is not root gets it. -1: EX_CONFIG, or EX_IOERR for a disk that fails; the file is named. */
int owned_file_read(const char *path, bool secret, size_t most, struct buf *text, struct err *err);

/* Wipes what was read, and frees it. */
void owned_file_wipe(struct buf *text);

#endif
