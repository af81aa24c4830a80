/* A file under its reader: appended to, renamed and deleted are fine, cut off and written anew are
 * not. inotify tells only that something was written, and an inode's number stays the same.
 *
 *	opened  [HEAD........................TAIL]
 *	now     [HEAD........................TAIL]new lines     intact: both hashes are the same
 *	        [head'..........]                               cut off: it is shorter
 *	        [head'.......................tail'......]       written anew
 *
 * A check costs two reads of 4 KiB, and is made behind the reads whose lines are about to count: a
 * file that was replaced before them is seen. A hash of all that was read would have everything
 * read twice.
 *
 * Size, head and tail are taken one after the other at the start. A file that is cut between them
 * has no bytes where its tail should be, and is looked at again. A file whose size is not true, as
 * those of /sys, never has them: after TRIES it counts as always intact. */
#include "io/intact.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

enum { TRIES = 3 };

/* 1: the hash of the INTACT_BYTES at `at`, or of as many as the opened file had; 0: some of them
 * are not there. */
static int hash_at(const struct intact *f, int64_t at, uint64_t *hash, struct err *err)
{
	size_t n = f->bytes < INTACT_BYTES ? (size_t)f->bytes : INTACT_BYTES, done = 0;
	char p[INTACT_BYTES];
	ssize_t k = 1;

	while (k && done < n) {
		k = pread(f->fd, p + done, n - done, at + (int64_t)done);
		if (k < 0 && errno != EINTR)
			return err_errno(err, EX_IOERR, "%s", f->name);
		done += k > 0 ? (size_t)k : 0;
	}
	if (done < n)
		return 0;
	*hash = hash_64(p, n);
	return 1;
}

static int64_t tail_at(const struct intact *f)
{
	return f->bytes < INTACT_BYTES ? 0 : f->bytes - INTACT_BYTES;
}

static int64_t size_of(const struct intact *f, struct err *err)
{
	struct stat st;

	return fstat(f->fd, &st) < 0 ? err_errno(err, EX_IOERR, "%s", f->name) : st.st_size;
}

/* 1: size, head and tail belong together; 0: the file is shorter than it says, or was cut just
 * now. */
static int look_intact(struct intact *f, struct err *err)
{
	int rc;

	f->bytes = size_of(f, err);
	if (f->bytes < 0)
		return -1;
	rc = hash_at(f, 0, &f->head, err);
	return rc > 0 ? hash_at(f, tail_at(f), &f->tail, err) : rc;
}

int intact_begin(struct intact *f, int fd, const char *name, struct err *err)
{
	f->fd = fd;
	f->name = name;
	for (int i = 0; i < TRIES; i++) {
		int rc = look_intact(f, err);

		if (rc)
			return rc < 0 ? -1 : 0;
	}
	f->bytes = 0; /* files of /sys say a size that they do not have */
	return 0;
}

/* 1: the bytes there are the same. */
static int same(const struct intact *f, uint64_t want, int64_t at, struct err *err)
{
	uint64_t now;
	int rc = hash_at(f, at, &now, err);

	return rc > 0 ? now == want : rc;
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
		rc = same(f, f->tail, tail_at(f), err);
	if (rc == 0)
		err_set(err, EX_IOERR,
			"%s: was written anew while it was read: its first %lld bytes are not "
			"the same",
			f->name, (long long)f->bytes);
	return rc < 0 ? -1 : !rc;
}
