/* The files that a FILE|DIR of rules means: the file itself, or of a folder its *.json in the order
 * of their bytes, none that begins with a dot. */
#ifndef TOOL_RULES_FILES_H
#define TOOL_RULES_FILES_H

#include "base/err.h"
#include "base/str.h"

/* A file and all of its text, valid during the call. 0, or -1 with err, which ends the walk. */
typedef int rules_file_fn(void *arg, const char *path, struct slice text, struct err *err);

/* EX_CONFIG: cannot be read, a folder without such files, more than 16 MiB; or what fn said. */
int rules_files_each(const char *path, rules_file_fn *fn, void *arg, struct err *err);

/* Appends all that can be read of fd. name: for messages. EX_CONFIG. */
int rules_files_read(int fd, const char *name, struct buf *text, struct err *err);

#endif
