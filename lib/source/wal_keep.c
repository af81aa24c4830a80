/* The thread that keeps house: one segment ahead, and none too many behind.
 *
 *	NONE --made--> MADE --zeros--> READY --an append--> CLAIMED --the sync thread--> NONE
 *	                 '--fallocate--^
 * Room for the next segment is taken first (fallocate), so it can be used when the disk could not
 * keep up with zeros. They are written in pieces, each out before the next one, with pauses that
 * leave most of the disk to the groups: a sync waits behind a piece now and then, never behind 64
 * MiB. No pause is made while nobody appends yet (wal_open waits for the zeros then), and where
 * zeros are not twice as far as the data of the segment in use. The disk's cache is flushed once,
 * behind the last piece. Where there is no fallocate the zeros are the proof of room. It is
 * next.part until it has all of them, then next.log, which a later start may use.
 *
 * A disk that is full shows here. What was made is taken away again, so that others have the room,
 * and it is tried once a second. */
#include "source/wal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/tm.h"

enum { PIECE_BYTES = 512 << 10, PAUSE_PIECES = 4, PAUSE_MOST_US = 20000, LOOK_EVERY_S = 1 };

static const char zeros[PIECE_BYTES];

/* ---- the next segment: without the lock */

static int64_t segment_bytes(const struct wal *w)
{
	return (int64_t)w->conf.segment_bytes;
}

/* That of an earlier run. */
static bool use_old_next(struct wal *w, int *fd)
{
	struct stat st;

	*fd = openat(w->dir.fd, WAL_NEXT, O_RDWR | O_CLOEXEC);
	if (*fd >= 0 && fstat(*fd, &st) == 0 && st.st_size == segment_bytes(w))
		return true;
	if (*fd >= 0)
		close(*fd);
	return false;
}

/* *certain: it has its room. -1 and errno */
static int make_next(struct wal *w, int *fd, bool *certain)
{
	unlinkat(w->dir.fd, WAL_NEXT, 0);
	unlinkat(w->dir.fd, WAL_NEXT_PART, 0);
	*fd = openat(w->dir.fd, WAL_NEXT_PART, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd < 0)
		return -1;
	*certain = w->appends || fallocate(*fd, 0, 0, segment_bytes(w)) == 0;
	return *certain || errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
}

/* Out to the disk, or at least to its cache. */
static int write_out(int fd, off_t at, off_t n)
{
	const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			     SYNC_FILE_RANGE_WAIT_AFTER;

	if (sync_file_range(fd, at, n, all) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS || errno == ESPIPE ? fdatasync(fd) : -1;
}

static int write_piece(const struct wal *w, int fd, int64_t from, struct err *err)
{
	int64_t left = segment_bytes(w) - from;
	ssize_t k = pwrite(fd, zeros, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, (off_t)from);

	crash_at(CRASH_LOG_ZEROS);
	if (k < 0 || write_out(fd, (off_t)from, k))
		return err_errno(err, EX_IOERR, "%s: room for the next segment", w->dir.path);
	if (from + k < segment_bytes(w))
		return (int)k;
	if (fsync(fd) || renameat(w->dir.fd, WAL_NEXT_PART, w->dir.fd, WAL_NEXT))
		return err_errno(err, EX_IOERR, "%s/" WAL_NEXT, w->dir.path);
	return (int)k;
}

/* ---- under the lock, let go of meanwhile */

static void set_full(struct wal *w, const struct err *why)
{
	if (why && !w->full)
		log_warn("%s; nothing more is taken than what the active segment has room for",
			 why->msg);
	else if (!why && w->full)
		log_note("%s: there is room for the next segment again", w->dir.path);
	w->full = why;
	if (why)
		w->full_why = *why;
	wal_nudge(w);
}

static void begin_next(struct wal *w)
{
	struct err err = ERR_INIT;
	bool certain = true, old, good;
	int fd;

	pthread_mutex_unlock(&w->lock);
	old = !w->appends && use_old_next(w, &fd);
	good = old || make_next(w, &fd, &certain) == 0;
	if (!good) {
		err_errno(&err, EX_IOERR, "%s: room for the next segment", w->dir.path);
		if (fd >= 0)
			close(fd);
		unlinkat(w->dir.fd, WAL_NEXT_PART, 0);
	}
	pthread_mutex_lock(&w->lock);
	if (!good) {
		set_full(w, &err);
		return;
	}
	w->next_fd = fd;
	w->next_zeros = old ? segment_bytes(w) : 0;
	w->next = certain ? WAL_NEXT_READY : WAL_NEXT_MADE;
	if (certain)
		set_full(w, NULL);
	pthread_cond_broadcast(&w->changed);
}

/* Without its room it is no use; with it zeros are only for speed, and are not tried again. */
static void piece_failed(struct wal *w, const struct err *why)
{
	if (w->next == WAL_NEXT_CLAIMED || w->taking) {
		w->next_zeros = -1;
		return;
	}
	close(w->next_fd);
	w->next_fd = -1;
	unlinkat(w->dir.fd, WAL_NEXT_PART, 0);
	w->next = WAL_NEXT_NONE;
	set_full(w, why);
}

static void sleep_for(struct wal *w, int64_t us)
{
	const int64_t until_us = tm_mono_us() + us;
	const struct timespec until = { .tv_sec = until_us / TM_S,
					.tv_nsec = until_us % TM_S * 1000 };

	pthread_cond_timedwait(&w->to_keep, &w->lock, &until);
}

/* Behind a piece that took so long. */
static void pause_zeros(struct wal *w, int64_t us)
{
	int64_t data = w->segment < 0 ? 0 : w->end - w->segment;
	bool behind = w->next_zeros < 2 * data;

	if (w->full || w->stop || w->starting || w->next == WAL_NEXT_CLAIMED || behind)
		return;
	us *= PAUSE_PIECES;
	sleep_for(w, us < PAUSE_MOST_US ? us : PAUSE_MOST_US);
}

static void fill_next(struct wal *w)
{
	struct err err = ERR_INIT;
	int64_t from = w->next_zeros, begun_us = tm_mono_us();
	int fd = w->next_fd, k;

	w->in_piece = true;
	pthread_mutex_unlock(&w->lock);
	k = write_piece(w, fd, from, &err);
	pthread_mutex_lock(&w->lock);
	w->in_piece = false;
	if (k < 0)
		piece_failed(w, &err);
	else
		w->next_zeros += k;
	if (w->next == WAL_NEXT_MADE && w->next_zeros == segment_bytes(w)) {
		w->next = WAL_NEXT_READY;
		set_full(w, NULL);
	}
	pthread_cond_broadcast(&w->changed);
	pause_zeros(w, tm_mono_us() - begun_us);
}

/* ---- retention */

static bool may_go(const struct wal *w, const struct wal_kept *k)
{
	int64_t acked = wal_page_acked(w->page);

	if (acked < k->end || atomic_load(&w->keep_from) < k->end)
		return false;
	return w->full || w->removing_wanted || tm_now_us() - k->us > w->conf.keep_us;
}

/* Readers learn that it is gone before it is. */
static void remove_first(struct wal *w)
{
	struct wal_kept k = w->kept[0];
	char name[WAL_NAME_BYTES];

	wal_page_set_first(w->page, k.end);
	atomic_store(&w->first, k.end);
	memmove(w->kept, w->kept + 1, --w->n_kept * sizeof(*w->kept));
	w->removing_wanted = false;
	pthread_mutex_unlock(&w->lock);
	wal_segment_name(k.first, name);
	if (unlinkat(w->dir.fd, name, 0) && errno != ENOENT)
		log_warn("%s/%s: cannot be removed: %s", w->dir.path, name, strerror(errno));
	wal_nudge(w);
	pthread_mutex_lock(&w->lock);
}

/* ---- the thread */

static bool wants_zeros(const struct wal *w)
{
	return (w->next == WAL_NEXT_MADE || w->next == WAL_NEXT_READY ||
		w->next == WAL_NEXT_CLAIMED) &&
	       !w->taking && !w->appends && w->next_zeros >= 0 && w->next_zeros < segment_bytes(w);
}

void *wal_keep_run(void *arg)
{
	struct wal *w = arg;
	int64_t again_us = 0;

	pthread_setname_np(pthread_self(), "hta-log-keep");
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		if (w->next == WAL_NEXT_NONE && tm_mono_us() >= again_us) {
			begin_next(w);
			again_us = w->full ? tm_mono_us() + LOOK_EVERY_S * TM_S : 0;
		} else if (wants_zeros(w)) {
			fill_next(w);
			again_us = w->full ? tm_mono_us() + LOOK_EVERY_S * TM_S : 0;
		} else if (w->n_kept > 1 && may_go(w, &w->kept[0])) {
			remove_first(w);
			again_us = 0;
		} else {
			sleep_for(w, LOOK_EVERY_S * TM_S);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}
