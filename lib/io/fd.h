/* Facts about a descriptor that reader and writer both ask for. */
#ifndef IO_FD_H
#define IO_FD_H

#include <stdbool.h>
#include "base/err.h"

enum { FD_NAME_BYTES = 256 };

enum fd_kind {
	FD_FILE /* regular or block: never waits */,
	FD_PIPE,
	FD_SOCKET,
	FD_OTHER /* terminal, device */
};
enum fd_kind fd_kind(int fd);

/* The exit code for a file of the command line that open(2) refused: EX_CONFIG where the name is
 * at fault (missing, forbidden, a directory), which starting again does not mend; else EX_IOERR. */
int fd_open_code(int errnum);

/* Opens a file that the command line names, to be read. -1: fd_open_code, and EX_CONFIG for a
 * directory. */
int fd_open(const char *path, struct err *err);

/* The descriptor's name in messages: "standard input", a path, "descriptor 7". Returns out. */
const char *fd_name(int fd, char out[FD_NAME_BYTES]);

/* Makes a pipe hold 1 MiB. A descriptor of another kind, or a pipe that may not grow, stays as it
 * is. */
void fd_enlarge(int fd);

/* Marks of a pipe, for a reader that finds the pipe at its end and empty. Both ends see them, and
 * they outlive the process that set them.
 * FD_BEGUN  a stage began to run at the writing end and has not left in an orderly way
 * FD_CLOSED the stream ended above this pipe: its writer has nothing to hand on
 * fd_mark does nothing, and fd_marked is false, where fd is no nameless pipe; fd_mark cannot mark
 * another user's. */
enum fd_mark { FD_BEGUN = 1, FD_CLOSED = 2 };
void fd_mark(int fd, enum fd_mark mark, bool on);
bool fd_marked(int fd, enum fd_mark mark);

#endif
