/* The life of a writer: folder and lock, page, recovery, then the threads. Nothing is appended
 * before the end is known and durable. Closing goes the other way, and leaves a log whose segments
 * are cut to their data. */
#include "source/wal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/tm.h"
#include "source/wal_recover.h"

enum { SEGMENT_LEAST = 4096, PENDING_BYTES = 64 << 20, ZEROS_WAIT_US = 500000 };
#define ZFS_MAGIC 0x2fc12fc1

/* ---- the filesystem */

/* One that copies what is written over gains nothing from zeros; one in memory, or of another
 * machine, is said, once. */
static void look_at_filesystem(struct wal *w)
{
	struct statfs fs;

	if (fstatfs(w->dir.fd, &fs))
		return;
	w->appends = fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == ZFS_MAGIC;
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		log_note("%s: is in memory: what is answered as durable is gone with the machine's "
			 "power",
			 w->dir.path);
	if (fs.f_type == NFS_SUPER_MAGIC || fs.f_type == SMB_SUPER_MAGIC)
		log_note("%s: is on another machine: how durable an answer is, that one decides",
			 w->dir.path);
}

/* ---- recovery */

/* When the last group of a segment was closed, about: the first one of the next was later. */
static int64_t first_us(const struct wal *w, int64_t first)
{
	struct wal_scan s;
	struct wal_group g;
	struct err err = ERR_INIT;
	enum wal_found f;

	wal_scan_init(&s, &w->dir);
	f = wal_scan_group(&s, first, INT64_MAX, &g, &err);
	wal_scan_fini(&s);
	return f == WAL_GROUP ? g.h.us : tm_now_us();
}

/* The last segment is active where it has zeros to write into, or needs none. One without a group
 * that is not is of no use: the next one has its name. */
static int open_active(struct wal *w, const struct wal_segment *last, struct err *err)
{
	char name[WAL_NAME_BYTES];

	if (w->appends || last->bytes == (int64_t)w->conf.segment_bytes) {
		w->fd = wal_dir_segment(&w->dir, last->first, O_RDWR);
		if (w->fd < 0)
			return err_errno(err, EX_IOERR, "%s", w->dir.path);
		w->active = w->segment = last->first;
	} else if (last->first == w->end) {
		wal_segment_name(last->first, name);
		unlinkat(w->dir.fd, name, 0);
		w->n_kept--;
	}
	return 0;
}

static int take_recovered(struct wal *w, const struct wal_recovery *r, struct err *err)
{
	w->end = r->end;
	w->in = r->last.in;
	w->dup = r->last.dup;
	w->last_us = r->last.us;
	w->n_kept = r->all.n;
	mem_reserve(&w->kept, &w->kept_cap, w->n_kept + 1, sizeof(*w->kept));
	for (size_t i = 0; i < r->all.n; i++) {
		const struct wal_segment *s = &r->all.v[i];
		bool last = i + 1 == r->all.n;

		w->kept[i] = (struct wal_kept){ .first = s->first,
						.end = last ? INT64_MAX : s[1].first,
						.us = last ? r->last.us : first_us(w, s[1].first) };
	}
	atomic_store(&w->first, w->n_kept ? w->kept[0].first : w->end);
	wal_page_set_first(w->page, atomic_load(&w->first));
	wal_page_set_end(w->page, w->end);
	if (w->n_kept == 0)
		return 0;
	return open_active(w, &r->all.v[r->all.n - 1], err);
}

static int recover(struct wal *w, struct err *err)
{
	struct wal_recovery r = { .cut_at = w->conf.cut_at,
				  .segment_bytes = (int64_t)w->conf.segment_bytes };
	bool fresh;
	int rc;

	w->page = wal_page_open(&w->dir, true, &fresh, err);
	if (!w->page)
		return -1;
	r.durable = fresh ? -1 : wal_page_end(w->page);
	rc = wal_recover(&w->dir, &r, err) || take_recovered(w, &r, err) ? -1 : 0;
	free(r.all.v);
	return rc;
}

/* ---- threads */

static void init_sharing(struct wal *w)
{
	pthread_condattr_t mono;

	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->to_sync, NULL);
	pthread_cond_init(&w->to_keep, &mono);
	pthread_cond_init(&w->changed, &mono);
	pthread_condattr_destroy(&mono);
}

static void fini_sharing(struct wal *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_cond_destroy(&w->to_keep);
	pthread_cond_destroy(&w->to_sync);
	pthread_mutex_destroy(&w->lock);
}

static void stop_thread(struct wal *w, pthread_t thread, pthread_cond_t *cond)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(cond);
	pthread_mutex_unlock(&w->lock);
	pthread_join(thread, NULL);
}

static int start_threads(struct wal *w, struct err *err)
{
	int rc = thread_start(&w->keep_thread, wal_keep_run, w);

	if (rc == 0) {
		rc = thread_start(&w->sync_thread, wal_sync_run, w);
		if (rc)
			stop_thread(w, w->keep_thread, &w->to_keep);
	}
	errno = rc;
	return rc ? err_errno(err, EX_TEMPFAIL, "%s: a thread", w->dir.path) : 0;
}

/* Something to append to, with its zeros; or none, and it is known that there is no room. */
static bool has_segment(const struct wal *w)
{
	return w->active >= 0 || w->full ||
	       (w->next == WAL_NEXT_READY &&
		(w->appends || w->next_zeros >= (int64_t)w->conf.segment_bytes));
}

/* A segment without its zeros makes each group of it two or three times as slow: worth a moment,
 * once in a log's life, as a later start finds next.log. A disk that takes longer is not waited
 * for. */
static void await_segment(struct wal *w)
{
	const int64_t until_us = tm_mono_us() + ZEROS_WAIT_US;
	const struct timespec until = { .tv_sec = until_us / TM_S,
					.tv_nsec = until_us % TM_S * 1000 };

	pthread_mutex_lock(&w->lock);
	while (!has_segment(w))
		if (w->next != WAL_NEXT_READY)
			pthread_cond_wait(&w->changed, &w->lock);
		else if (pthread_cond_timedwait(&w->changed, &w->lock, &until))
			break;
	w->starting = false;
	pthread_mutex_unlock(&w->lock);
}

/* ---- life */

static void set_conf(struct wal *w, const struct wal_conf *conf)
{
	w->conf = *conf;
	if (!w->conf.segment_bytes)
		w->conf.segment_bytes = WAL_SEGMENT_BYTES;
	if (w->conf.segment_bytes < SEGMENT_LEAST || w->conf.segment_bytes > WAL_SEGMENT_BYTES)
		BUG("segments of %zu bytes", w->conf.segment_bytes);
	if (!w->conf.pending_bytes)
		w->conf.pending_bytes = PENDING_BYTES;
}

static void free_groups(struct wal_pending *g)
{
	while (g) {
		struct wal_pending *next = g->next;

		buf_fini(&g->b);
		free(g);
		g = next;
	}
}

static void wal_free(struct wal *w)
{
	wal_detach(w);
	if (w->fd >= 0)
		close(w->fd);
	if (w->next_fd >= 0)
		close(w->next_fd);
	free_groups(w->head);
	free_groups(w->done);
	free_groups(w->spare);
	wal_page_free(w->page);
	wal_dir_close(&w->dir);
	free(w->kept);
	fini_sharing(w);
	free(w);
}

struct wal *wal_open(const char *dir, const struct wal_conf *conf, struct err *err)
{
	struct wal *w = mem_zalloc(sizeof(*w));

	set_conf(w, conf);
	init_sharing(w);
	w->fd = w->next_fd = w->event_fd = w->watch = w->flush = -1;
	w->active = w->segment = -1;
	w->keep_from = INT64_MAX;
	w->starting = true;
	if (wal_dir_own(&w->dir, dir, conf->topic, err) == 0) {
		look_at_filesystem(w);
		if (recover(w, err) == 0 && wal_attach(w, err) == 0 && start_threads(w, err) == 0) {
			await_segment(w);
			return w;
		}
	}
	wal_free(w);
	return NULL;
}

int wal_close(struct wal *w, struct err *err)
{
	int rc = 0;

	if (!w)
		return 0;
	if (w->flush >= 0)
		wal_flush(w);
	stop_thread(w, w->sync_thread, &w->to_sync);
	stop_thread(w, w->keep_thread, &w->to_keep);
	wal_tell(w);
	if (w->failed) {
		err_copy(err, &w->why);
		rc = -1;
	} else {
		rc = wal_cut_active(w, wal_page_end(w->page), err);
	}
	wal_free(w);
	return rc;
}
