#include "io/owned_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"

static int check_rights(const char *path, const struct stat *st, struct err *err)
{
	unsigned more = st->st_mode & 0777 & (st->st_uid == 0 ? ~0740u : ~0700u);

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, EX_CONFIG, "%s: it is another user's", path);
	if (more)
		return err_set(err, EX_CONFIG,
			       "%s: others can read or write it: chmod 600 %s (640 where it is "
			       "root's)",
			       path, path);
	return 0;
}

static int read_whole(int fd, const char *path, bool secret, size_t most, struct buf *text,
		      struct err *err)
{
	size_t end = text->n + most;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EX_CONFIG, "%s: is no file, which could be read again", path);
	if (secret && check_rights(path, &st, err))
		return -1;
	buf_room(text, most + 1); /* once: no copy of a secret stays behind */
	do {
		n = read(fd, text->p + text->n, end + 1 - text->n);
		text->n += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && text->n <= end) || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_errno(err, EX_CONFIG, "%s", path);
	return n ? err_set(err, EX_CONFIG, "%s: more than %zu KiB", path, most >> 10) : 0;
}

int owned_file_read(const char *path, bool secret, size_t most, struct buf *text, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0)
		return err_errno(err, fd_open_code(errno), "%s", path);
	rc = read_whole(fd, path, secret, most, text, err);
	close(fd);
	return rc;
}

void owned_file_wipe(struct buf *text)
{
	if (text->p)
		explicit_bzero(text->p, text->n);
	buf_fini(text);
}
