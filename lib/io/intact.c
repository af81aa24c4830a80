#include "io/intact.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 3 };

/* All n bytes at `at`, fewer only where the file ends. */
static ssize_t read_at(const struct intact *f, char *p, size_t n, int64_t at, struct err *err)
{
	size_t done = 0;
	ssize_t k = 1;

	while (k && done < n) {
		k = pread(f->fd, p + done, n - done, at + (int64_t)done);
		if (k < 0 && errno != EINTR)
			return err_errno(err, EX_IOERR, "%s", f->name);
		done += k > 0 ? (size_t)k : 0;
	}
	return (ssize_t)done;
}

static int64_t size_of(const struct intact *f, struct err *err)
{
	struct stat st;

	return fstat(f->fd, &st) < 0 ? err_errno(err, EX_IOERR, "%s", f->name) : st.st_size;
}

/* 1: size, head and tail belong together; 0: the file is shorter than it says, or was cut just
 * now. */
static int look(struct intact *f, struct err *err)
{
	ssize_t head, tail;

	f->bytes = size_of(f, err);
	if (f->bytes < 0)
		return -1;
	f->n = f->bytes < INTACT_BYTES ? (size_t)f->bytes : INTACT_BYTES;
	head = read_at(f, f->head, f->n, 0, err);
	tail = head < 0 ? -1 : read_at(f, f->tail, f->n, f->bytes - (int64_t)f->n, err);
	return tail < 0 ? -1 : (size_t)head == f->n && (size_t)tail == f->n;
}

int intact_begin(struct intact *f, int fd, const char *name, struct err *err)
{
	f->fd = fd;
	f->name = name;
	for (int i = 0; i < TRIES; i++) {
		int rc = look(f, err);

		if (rc)
			return rc < 0 ? -1 : 0;
	}
	f->bytes = 0;          /* files of /sys say a size that they do not have */
	f->n = 0;
	return 0;
}

/* 1: the bytes there are the same. */
static int same(const struct intact *f, const char *want, int64_t at, struct err *err)
{
	char now[INTACT_BYTES];
	ssize_t k = read_at(f, now, f->n, at, err);

	return k < 0 ? -1 : (size_t)k == f->n && memcmp(now, want, f->n) == 0;
}

int intact_check(const struct intact *f, struct err *err)
{
	int64_t bytes = size_of(f, err);
	int rc;

	if (bytes < 0 || f->bytes == 0)
		return bytes < 0 ? -1 : 0;
	if (bytes < f->bytes) {
		err_set(err, EX_IOERR, "%s: was cut off while it was read, from %lld bytes to %lld",
			f->name, (long long)f->bytes, (long long)bytes);
		return 1;
	}
	rc = same(f, f->head, 0, err);
	if (rc > 0)
		rc = same(f, f->tail, f->bytes - (int64_t)f->n, err);
	if (rc == 0)
		err_set(err, EX_IOERR,
			"%s: was written anew while it was read: its first %lld bytes are not "
			"the same",
			f->name, (long long)f->bytes);
	return rc < 0 ? -1 : !rc;
}
