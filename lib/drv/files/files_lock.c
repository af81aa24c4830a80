/* A file that is shorter than 4 KiB and grows has another name at every look. Two processes of a
 * job that look at once, before a sink has either name, would each give it one, and both would read
 * it. So each holds flock(2) on its short files from open() until what it reads first is assigned,
 * when the sinks have the names; who comes second waits, and finds a name that is known. The lock
 * is on the file itself: whatever path leads to it, whatever the job is called.
 *
 * All locks or none are held while it waits, so that two who name their files in different orders
 * do not wait for each other. A filesystem that has no such locks has none of this. */
#include <errno.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "drv/files/files_internal.h"

enum { AGAIN_MS = 20, WAIT_MS = 10000 };

static bool is_short(const struct file *f)
{
	return f->head_n < FILES_HEAD_BYTES;
}

void files_unlock(struct files *fs)
{
	for (size_t i = 0; i < fs->n; i++)
		if (fs->v[i].locked)
			flock(fs->v[i].fd, LOCK_UN);
	for (size_t i = 0; i < fs->n; i++)
		fs->v[i].locked = false;
}

/* By another path too: two paths of one file are two locks, and refused when they have names. */
static bool has_it(const struct files *fs, const struct file *f)
{
	struct stat mine, other;

	for (const struct file *o = fs->v; o < f; o++)
		if (o->locked && fstat(o->fd, &other) == 0 && fstat(f->fd, &mine) == 0 &&
		    other.st_dev == mine.st_dev && other.st_ino == mine.st_ino)
			return true;
	return false;
}

/* NULL, or one that somebody else has. */
static const struct file *lock_all(struct files *fs)
{
	for (size_t i = 0; i < fs->n; i++) {
		struct file *f = &fs->v[i];

		f->locked = is_short(f) && flock(f->fd, LOCK_EX | LOCK_NB) == 0;
		if (is_short(f) && !f->locked && errno == EWOULDBLOCK && !has_it(fs, f))
			return f;
	}
	return NULL;
}

int files_lock(struct files *fs, struct err *err)
{
	const struct file *other;

	for (int waited = 0; (other = lock_all(fs)); waited += AGAIN_MS) {
		files_unlock(fs);
		if (waited >= WAIT_MS)
			return err_set(err, EX_TEMPFAIL,
				       "%s: another process has been starting to read it for %d s: "
				       "start again",
				       other->path, WAIT_MS / 1000);
		poll(NULL, 0, AGAIN_MS);
	}
	return 0;
}
