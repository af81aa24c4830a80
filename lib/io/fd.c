#include "io/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20 };

enum fd_kind fd_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return FD_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: case S_IFBLK: return FD_FILE;
	case S_IFIFO: return FD_PIPE;
	case S_IFSOCK: return FD_SOCKET;
	default: return FD_OTHER;
	}
}

const char *fd_name(int fd, char out[FD_NAME_BYTES])
{
	static const char *const standard[] = { "standard input", "standard output", "standard error" };
	char link[64];
	ssize_t n;

	if (fd >= 0 && fd < 3) {
		snprintf(out, FD_NAME_BYTES, "%s", standard[fd]);
		return out;
	}
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, out, FD_NAME_BYTES - 1);
	if (n > 0 && out[0] == '/')
		out[n] = '\0';
	else
		snprintf(out, FD_NAME_BYTES, "descriptor %d", fd);
	return out;
}

void fd_enlarge(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	if (size > 0 && size < PIPE_BYTES)
		fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}
