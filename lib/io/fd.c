/* What a descriptor is, and two marks on a pipe that both of its ends can see.
 *
 * A stage that finds its input at the end without a byte has to know whether the stage above ran at
 * all. Its exit status goes to the shell only, and no byte may be added to a stream of records. The
 * mode of a nameless pipe is shared by both ends: the kernel keeps it with the pipe, lets the owner
 * change it by fchmod, and two bits of it mean nothing to anybody else.
 *
 *	S_ISVTX  FD_BEGUN    set by prog_main of the writer, cleared when it leaves for good
 *	S_IXUSR  FD_CLOSED   set by the stage at which the stream has ended
 *
 * The bits live as long as the last descriptor of the pipe and so outlive a writer that was killed.
 * A named pipe's mode is its file's and would stay; nothing is marked there. Cost: two or three
 * system calls at the start and the end of a stage. */
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20 };

#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

enum fd_kind fd_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return FD_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
	case S_IFBLK:
		return FD_FILE;
	case S_IFIFO:
		return FD_PIPE;
	case S_IFSOCK:
		return FD_SOCKET;
	default:
		return FD_OTHER;
	}
}

int fd_open_code(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case EACCES:
	case EPERM:
	case ENXIO:
	case ENODEV:
	case EROFS:
		return EX_CONFIG;
	default:
		return EX_IOERR;
	}
}

int fd_open(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_errno(err, fd_open_code(errno), "%s", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(err, EX_CONFIG, "%s: is a directory", path);
	}
	return fd;
}

const char *fd_name(int fd, char out[FD_NAME_BYTES])
{
	static const char *const standard[] = { "standard input", "standard output",
						"standard error" };
	char link[64];
	ssize_t n;

	if (fd >= 0 && fd < 3) {
		snprintf(out, FD_NAME_BYTES, "%s", standard[fd]);
		return out;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
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

/* ---- marks */
static mode_t bits(enum fd_mark mark)
{
	return (mark & FD_BEGUN ? S_ISVTX : 0) | (mark & FD_CLOSED ? S_IXUSR : 0);
}

/* True for a pipe without a name, whose mode is then in *mode. */
static bool nameless(int fd, mode_t *mode)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return false;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PIPEFS_MAGIC)
		return false;
	*mode = st.st_mode & 07777;
	return true;
}

void fd_mark(int fd, enum fd_mark mark, bool on)
{
	mode_t mode;

	if (nameless(fd, &mode) && fchmod(fd, on ? mode | bits(mark) : mode & ~bits(mark)) < 0) {
		/* a pipe of another user: nobody learns anything */
	}
}

bool fd_marked(int fd, enum fd_mark mark)
{
	mode_t mode;

	return nameless(fd, &mode) && mode & bits(mark);
}
