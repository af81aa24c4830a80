/* Appends, on the loop's side. One list holds what is pending:
 *
 *	head --> group --> group --> filling
 *	(the sync thread takes from here)   (appends go here, until it is full or taken)
 *
 * The sync thread takes the head whenever it has finished one, also when that is the group being
 * filled: so no wake of the loop stands between two syncs. Only when it is idle it waits for the
 * loop's turn to end (a timer that is due at once), so that all of a turn's appends are one group.
 *
 * An append knows its segment: where it does not fit behind what is pending, it begins the next
 * segment, which must be there already. So a disk that is full is found before anything is
 * promised. */
#include "source/wal_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

enum { SPARES = 2, SPARE_BYTES = 4 << 20 };

/* ---- the loop */

void wal_nudge(struct wal *w)
{
	const uint64_t one = 1;

	while (write(w->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

static void on_nudge(void *arg, int fd, short revents)
{
	uint64_t n;

	(void)revents;
	if (read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		wal_tell(arg);
}

static void on_turn_ends(void *arg, int fd, short revents)
{
	struct wal *w = arg;

	(void)fd, (void)revents;
	w->flush = -1;
	wal_flush(w);
}

int wal_attach(struct wal *w, struct err *err)
{
	w->flush = w->watch = -1;
	w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->event_fd < 0)
		return err_errno(err, EX_TEMPFAIL, "eventfd");
	w->watch = loop_watch(w->conf.loop, w->event_fd, POLLIN, on_nudge, w);
	return 0;
}

void wal_detach(struct wal *w)
{
	if (w->flush >= 0)
		loop_unwatch(w->conf.loop, w->flush);
	if (w->watch >= 0)
		loop_unwatch(w->conf.loop, w->watch);
	if (w->event_fd >= 0)
		close(w->event_fd);
	w->flush = w->watch = w->event_fd = -1;
}

void wal_flush(struct wal *w)
{
	if (w->flush >= 0)
		loop_unwatch(w->conf.loop, w->flush);
	w->flush = -1;
	pthread_mutex_lock(&w->lock);
	w->released = w->head;
	pthread_cond_signal(&w->to_sync);
	pthread_mutex_unlock(&w->lock);
}

/* ---- what is done */

static void recycle(struct wal *w, struct wal_pending *g)
{
	w->pending_bytes -= g->b.n;
	if (w->spares == SPARES || g->b.cap > SPARE_BYTES) {
		buf_fini(&g->b);
		free(g);
		return;
	}
	g->next = w->spare;
	w->spare = g;
	w->spares++;
}

/* The oldest one that is done and was not told; false: there is none. */
static bool take_done(struct wal *w, struct wal_done *out)
{
	struct wal_pending *g;

	pthread_mutex_lock(&w->lock);
	g = w->done;
	if (g) {
		w->done = g->next;
		*out = (struct wal_done){ .end = g->at + (int64_t)g->b.n,
					  .lines = g->lines,
					  .appends = g->appends,
					  .sync_us = g->sync_us };
		recycle(w, g);
	}
	pthread_mutex_unlock(&w->lock);
	return g;
}

void wal_tell(struct wal *w)
{
	struct wal_done done;
	struct err why;
	bool failed;

	while (take_done(w, &done))
		w->conf.hooks->durable(w->conf.self, &done);
	pthread_mutex_lock(&w->lock);
	failed = w->failed;
	why = w->why;
	pthread_mutex_unlock(&w->lock);
	if (failed && !w->told_failure) {
		w->told_failure = true;
		w->conf.hooks->failed(w->conf.self, &why);
	}
	if (w->want_room && w->conf.hooks->room) {
		w->want_room = false;
		w->conf.hooks->room(w->conf.self);
	}
}

/* ---- appends */

static size_t segment_most(const struct wal *w)
{
	return w->conf.segment_bytes;
}

static bool fits_segment(const struct wal *w, int64_t end)
{
	return w->segment >= 0 && end - w->segment <= (int64_t)segment_most(w);
}

static bool fits_group(const struct wal *w, const struct wal_pending *g, size_t bytes)
{
	size_t most = segment_most(w) / 2 < WAL_GROUP_BYTES ? segment_most(w) / 2 : WAL_GROUP_BYTES;

	return g && g->appends < WAL_GROUP_APPENDS && g->b.n + bytes <= most &&
	       fits_segment(w, w->end + (int64_t)bytes);
}

/* Whether bytes more may be appended, in a group of their own where `whole`. The next segment is
 * claimed where they need it. */
static enum wal_answer take_room(struct wal *w, size_t bytes, bool whole)
{
	int64_t end = w->end + (int64_t)bytes + (whole ? WAL_HEADER_BYTES : 0);

	if (w->pending_bytes && w->pending_bytes + bytes > w->conf.pending_bytes)
		return WAL_BUSY;
	if (w->conf.most_bytes && end - atomic_load(&w->first) > w->conf.most_bytes) {
		w->removing_wanted = true;
		pthread_cond_signal(&w->to_keep);
		return WAL_FULL;
	}
	if (!whole || fits_segment(w, end))
		return WAL_OK;
	if (w->next != WAL_NEXT_READY)
		return w->full ? WAL_FULL : WAL_BUSY;
	w->next = WAL_NEXT_CLAIMED;
	w->segment = w->end;
	return WAL_OK;
}

static struct wal_pending *begin_group(struct wal *w)
{
	struct wal_pending *g = w->spare;

	if (g) {
		w->spare = g->next;
		w->spares--;
	} else {
		g = mem_zalloc(sizeof(*g));
	}
	g->next = NULL;
	g->at = w->end;
	g->segment = w->segment;
	g->lines = g->appends = 0;
	g->b.n = 0;
	buf_room(&g->b, WAL_HEADER_BYTES);
	g->b.n = WAL_HEADER_BYTES;
	w->end += WAL_HEADER_BYTES;
	w->pending_bytes += WAL_HEADER_BYTES;
	if (w->filling)
		w->filling->next = g;
	else
		w->head = g;
	w->filling = g;
	return g;
}

static enum wal_answer append_locked(struct wal *w, struct slice lines, uint32_t n, int64_t *offset)
{
	bool whole = !fits_group(w, w->filling, lines.n);
	enum wal_answer answer;
	struct wal_pending *g;

	if (w->failed)
		return WAL_FAILED;
	if (w->stop)
		return WAL_BUSY;
	if (lines.n > WAL_APPEND_BYTES || lines.n + WAL_HEADER_BYTES > segment_most(w) / 2)
		return WAL_LONG;
	answer = take_room(w, lines.n, whole);
	if (answer != WAL_OK)
		return answer;
	w->removing_wanted = false;
	g = whole ? begin_group(w) : w->filling;
	*offset = w->end;
	buf_adds(&g->b, lines);
	g->lines += n;
	g->appends++;
	w->end += (int64_t)lines.n;
	w->pending_bytes += lines.n;
	return WAL_OK;
}

enum wal_answer wal_append(struct wal *w, struct slice lines, uint32_t n, int64_t *offset)
{
	enum wal_answer answer;

	pthread_mutex_lock(&w->lock);
	answer = append_locked(w, lines, n, offset);
	pthread_mutex_unlock(&w->lock);
	if (answer == WAL_OK && w->flush < 0)
		w->flush = loop_at(w->conf.loop, 0, on_turn_ends, w);
	if (answer == WAL_BUSY || answer == WAL_FULL)
		w->want_room = true;
	return answer;
}

void wal_sums(struct wal *w, uint64_t in, uint64_t dup)
{
	pthread_mutex_lock(&w->lock);
	w->in = in;
	w->dup = dup;
	pthread_mutex_unlock(&w->lock);
}

void wal_keep_from(struct wal *w, int64_t offset)
{
	atomic_store(&w->keep_from, offset);
}

/* ---- what there is to say */

/* Where the segments begin that may_go (wal_keep.c) lets nobody remove. */
static int64_t held_from(struct wal *w, int64_t first, int64_t acked)
{
	int64_t wished = atomic_load(&w->keep_from), held = acked < wished ? acked : wished;

	return held > first ? held : first;
}

void wal_state(struct wal *w, struct wal_state *out)
{
	*out = (struct wal_state){ .durable = wal_page_end(w->page),
				   .first = atomic_load(&w->first),
				   .acked = wal_page_acked(w->page) };
	pthread_mutex_lock(&w->lock);
	out->end = w->end;
	out->held = held_from(w, out->first, out->acked);
	out->in = w->in;
	out->dup = w->dup;
	out->full = w->full || w->removing_wanted;
	out->oldest_us = w->n_kept ? w->kept[0].us : 0;
	pthread_mutex_unlock(&w->lock);
}

bool wal_reader(const struct wal *w, unsigned i, char name[WAL_READER_NAME_BYTES], int64_t *acked)
{
	return wal_page_reader_at(w->page, i, name, acked);
}

void wal_why(struct wal *w, struct err *out)
{
	pthread_mutex_lock(&w->lock);
	if (w->failed)
		*out = w->why;
	else if (w->full)
		*out = w->full_why;
	else
		err_set(out, EX_TEMPFAIL, "%s: the log has its %lld bytes", w->dir.path,
			(long long)w->conf.most_bytes);
	pthread_mutex_unlock(&w->lock);
}
