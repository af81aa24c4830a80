/* Facts about a descriptor that reader and writer both ask for. */
#ifndef IO_FD_H
#define IO_FD_H

#include <stdbool.h>

enum { FD_NAME_BYTES = 256 };

enum fd_kind { FD_FILE /* regular or block: never waits */, FD_PIPE, FD_SOCKET, FD_OTHER /* terminal, device */ };
enum fd_kind fd_kind(int fd);

/* How messages call it: "standard input", a path, "descriptor 7". Returns out. */
const char *fd_name(int fd, char out[FD_NAME_BYTES]);

/* Makes a pipe hold 1 MiB. What is no pipe, or may not grow, stays as it is. */
void fd_enlarge(int fd);

#endif
