/* The thread that writes. One group is one write that is durable when it returns
 * (pwritev2, RWF_DSYNC): into zeros that are on the disk already it touches no metadata. Where the
 * kernel or the filesystem does not know it: pwrite and fdatasync.
 *
 *	take the head -> [next segment] -> write -> page -> done list -> nudge the loop
 * A write that fails ends it: what the disk has then is not known, and nothing is written behind
 * it. */
#include "source/wal_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"

/* ---- bytes */

static ssize_t write_some(struct wal *w, const char *p, size_t n, off_t at)
{
	struct iovec piece = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	ssize_t k = -1;

	if (!w->no_dsync) {
		k = pwritev2(w->fd, &piece, 1, at, RWF_DSYNC);
		if (k >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
			return k;
		w->no_dsync = true;
	}
	k = pwrite(w->fd, p, n, at);
	return k >= 0 && fdatasync(w->fd) ? -1 : k;
}

static int write_group(struct wal *w, const struct wal_pending *g, struct err *err)
{
	off_t at = (off_t)(g->at - g->segment);
	size_t done = 0, most = g->b.n;

	if (crash_now(CRASH_LOG_HALF))
		most = g->b.n / 2;
	while (done < most) {
		ssize_t k = write_some(w, g->b.p + done, most - done, at + (off_t)done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_errno(err, EX_IOERR, "%s: the write at offset %lld", w->dir.path,
					 (long long)g->at);
		done += (size_t)k;
	}
	if (most < g->b.n)
		crash_die();
	return 0;
}

/* ---- segments */

int wal_cut_active(struct wal *w, int64_t end, struct err *err)
{
	int rc = 0;

	if (w->fd < 0)
		return 0;
	if (ftruncate(w->fd, (off_t)(end - w->active)))
		rc = err_errno(err, EX_IOERR, "%s", w->dir.path);
	close(w->fd);
	w->fd = -1;
	return rc;
}

/* The segment that was made ahead, from the keeper. */
static int take_next(struct wal *w, const char **name)
{
	pthread_mutex_lock(&w->lock);
	w->taking = true;
	while (w->in_piece)
		pthread_cond_wait(&w->changed, &w->lock);
	w->fd = w->next_fd;
	w->next_fd = -1;
	*name = w->next_zeros < (int64_t)w->conf.segment_bytes ? WAL_NEXT_PART : WAL_NEXT;
	pthread_mutex_unlock(&w->lock);
	return w->fd;
}

static void next_is_taken(struct wal *w, int64_t first)
{
	pthread_mutex_lock(&w->lock);
	if (w->n_kept) {
		w->kept[w->n_kept - 1].end = first;
		w->kept[w->n_kept - 1].us = w->last_us;
	}
	mem_reserve(&w->kept, &w->kept_cap, w->n_kept + 1, sizeof(*w->kept));
	w->kept[w->n_kept++] = (struct wal_kept){ .first = first, .end = INT64_MAX };
	w->taking = false;
	w->next = WAL_NEXT_NONE;
	pthread_cond_signal(&w->to_keep);
	pthread_mutex_unlock(&w->lock);
}

static int go_to_segment(struct wal *w, int64_t first, struct err *err)
{
	char name[WAL_NAME_BYTES];
	const char *made;
	int rc;

	if (wal_cut_active(w, first, err))
		return -1;
	crash_at(CRASH_LOG_CUT);
	take_next(w, &made);
	wal_segment_name(first, name);
	rc = renameat(w->dir.fd, made, w->dir.fd, name)
		     ? err_errno(err, EX_IOERR, "%s/%s", w->dir.path, name)
		     : wal_dir_sync(&w->dir, err);
	crash_at(CRASH_LOG_NAMED);
	w->active = first;
	next_is_taken(w, first);
	return rc;
}

/* ---- groups */

static struct wal_pending *take_group(struct wal *w, struct wal_header *h)
{
	struct wal_pending *g;

	pthread_mutex_lock(&w->lock);
	if (!w->head)
		w->released = false;
	while (!w->stop && !(w->head && w->released))
		pthread_cond_wait(&w->to_sync, &w->lock);
	g = w->head;
	if (g) {
		w->head = g->next;
		w->filling = g == w->filling ? NULL : w->filling;
		*h = (struct wal_header){ .at = g->at,
					  .lines = g->lines,
					  .bytes = (uint32_t)(g->b.n - WAL_HEADER_BYTES),
					  .us = tm_now_us(),
					  .in = w->in,
					  .dup = w->dup };
	}
	pthread_mutex_unlock(&w->lock);
	return g;
}

static void group_is_durable(struct wal *w, struct wal_pending *g)
{
	struct wal_pending **last;

	crash_at(CRASH_LOG_WRITTEN);
	wal_page_set_end(w->page, g->at + (int64_t)g->b.n);
	crash_at(CRASH_LOG_TOLD);
	pthread_mutex_lock(&w->lock);
	g->next = NULL;
	for (last = &w->done; *last; last = &(*last)->next)
		continue;
	*last = g;
	pthread_mutex_unlock(&w->lock);
	wal_nudge(w);
}

/* The group stays pending: whoever waits for it is told by failed(). */
static void fail(struct wal *w, struct wal_pending *g, const struct err *why)
{
	pthread_mutex_lock(&w->lock);
	w->failed = true;
	w->why = *why;
	g->next = w->head;
	w->head = g;
	pthread_mutex_unlock(&w->lock);
	wal_nudge(w);
}

void *wal_sync_run(void *arg)
{
	struct wal *w = arg;
	struct wal_pending *g;
	struct wal_header h;
	struct err err = ERR_INIT;

	pthread_setname_np(pthread_self(), "hta-log-sync");
	while ((g = take_group(w, &h))) {
		int64_t from_us = tm_mono_us();

		wal_group_seal(g->b.p, &h);
		if ((g->segment != w->active && go_to_segment(w, g->segment, &err)) ||
		    write_group(w, g, &err)) {
			fail(w, g, &err);
			break;
		}
		w->last_us = h.us;
		g->sync_us = tm_mono_us() - from_us;
		group_is_durable(w, g);
	}
	return NULL;
}
