#include "source/wal_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "source/wal_scan.h"

enum { PIECE_BYTES = 1 << 20 };

/* The last segment, open. */
struct tail {
	const struct wal_dir *d;
	struct wal_recovery *r;
	struct wal_segment *segment;
	int fd;
	int64_t behind; /* the last byte that is not zero ends there; at least r->end */
};

static int tail_errno(const struct tail *t, struct err *err)
{
	return err_errno(err, EX_IOERR, "%s: segment %" PRId64, t->d->path, t->segment->first);
}

/* ---- looking */

static int scan_groups(struct tail *t, struct err *err)
{
	struct wal_scan s;
	struct wal_group g;
	struct err how = ERR_INIT;
	enum wal_found f;

	wal_scan_init(&s, t->d);
	while ((f = wal_scan_group(&s, t->r->end, INT64_MAX, &g, &how)) == WAL_GROUP) {
		t->r->last = g.h;
		t->r->end = wal_header_end(&g.h);
	}
	wal_scan_fini(&s);
	if (f == WAL_ERROR)
		err_copy(err, &how);
	return f == WAL_ERROR ? -1 : 0;
}

static int find_behind(struct tail *t, struct err *err)
{
	char *p = mem_alloc(PIECE_BYTES);
	int64_t at = t->r->end;
	ssize_t k;

	t->behind = at;
	while ((k = pread(t->fd, p, PIECE_BYTES, (off_t)(at - t->segment->first))) > 0) {
		for (ssize_t i = k; i-- > 0;)
			if (p[i]) {
				t->behind = at + i + 1;
				break;
			}
		at += k;
	}
	free(p);
	return k < 0 ? tail_errno(t, err) : 0;
}

/* ---- cutting */

/* Keeps what is cut off beside the log. */
static int move_behind(struct tail *t, struct err *err)
{
	char name[64], *p = mem_alloc(PIECE_BYTES);
	int64_t at = t->r->end;
	ssize_t k = 1;
	int fd;

	snprintf(name, sizeof(name), "cut-%" PRId64 ".log", at);
	fd = openat(t->d->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (fd >= 0 && at < t->behind && k > 0) {
		size_t n = t->behind - at < PIECE_BYTES ? (size_t)(t->behind - at) : PIECE_BYTES;

		k = pread(t->fd, p, n, (off_t)(at - t->segment->first));
		if (k > 0)
			k = write(fd, p, (size_t)k);
		at += k > 0 ? k : 0;
	}
	free(p);
	if (fd < 0 || k < 0 || fsync(fd) || fsync(t->d->fd))
		err_errno(err, EX_IOERR, "%s/%s", t->d->path, name);
	else
		log_warn("%s: %" PRId64 " bytes from offset %" PRId64 " on are in %s/%s now",
			 t->d->path, t->behind - t->r->end, t->r->end, t->d->path, name);
	if (fd >= 0)
		close(fd);
	return err->code ? -1 : 0;
}

static int put_zeros(struct tail *t, struct err *err)
{
	char *p = mem_zalloc(PIECE_BYTES);
	int64_t at = t->behind;
	ssize_t k = 1;

	/* from behind, so that the torn group, which says what is wrong, goes last */
	while (at > t->r->end && k > 0) {
		int64_t n = at - t->r->end < PIECE_BYTES ? at - t->r->end : PIECE_BYTES;

		k = pwrite(t->fd, p, (size_t)n, (off_t)(at - n - t->segment->first));
		at -= k == n ? n : 0;
		k = k == n ? k : -1;
	}
	free(p);
	return k < 0 ? tail_errno(t, err) : 0;
}

/* A segment of full size goes on in its zeros; another one ends at its data. */
static int cut_behind(struct tail *t, struct err *err)
{
	bool full = t->segment->bytes == t->r->segment_bytes;
	off_t bytes = (off_t)(t->r->end - t->segment->first);

	if (full ? put_zeros(t, err) : ftruncate(t->fd, bytes) ? tail_errno(t, err) : 0)
		return -1;
	t->segment->bytes = full ? t->segment->bytes : bytes;
	return fdatasync(t->fd) ? tail_errno(t, err) : 0;
}

/* ---- judging */

static int judge_rot(struct tail *t, struct err *err)
{
	struct wal_recovery *r = t->r;

	if (r->cut_at < 0)
		return err_set(err, EX_DATAERR,
			       "%s: the group at offset %" PRId64 " is damaged, and all to offset "
			       "%" PRId64 " was durable: restore the folder, or --cut-at %" PRId64
			       " goes on without it and what is behind it, and keeps that in "
			       "cut-%" PRId64 ".log",
			       t->d->path, r->end, r->durable, r->end, r->end);
	if (r->cut_at != r->end)
		return err_set(err, EX_CONFIG,
			       "--cut-at %" PRId64 ": the damaged group is at offset %" PRId64,
			       r->cut_at, r->end);
	r->moved = true;
	return t->behind > r->end ? move_behind(t, err) : 0;
}

static int judge_tail(struct tail *t, struct err *err)
{
	struct wal_recovery *r = t->r;

	if (r->durable > r->end) {
		if (judge_rot(t, err))
			return -1;
	} else if (r->cut_at >= 0) {
		return err_set(err, EX_CONFIG,
			       "--cut-at is for a damaged group, and %s has none: leave it out",
			       t->d->path);
	} else if (t->behind > r->end) {
		log_warn("%s: was torn while a group was written: %" PRId64
			 " bytes at offset %" PRId64 ", which nobody had an answer for, are cut",
			 t->d->path, t->behind - r->end, r->end);
	}
	if (t->behind > r->end && cut_behind(t, err))
		return -1;
	crash_at(CRASH_LOG_TAIL);
	/* Whole groups behind the durable end may be in memory only. */
	return fdatasync(t->fd) ? tail_errno(t, err) : 0;
}

/* ---- segments */

/* Each segment ends where the next one begins. Those before a gap are of no use: a reader that gets
 * so far finds that offsets are gone. One that was not cut to its data is cut now. */
static int join_segments(const struct wal_dir *d, struct wal_segments *all, struct err *err)
{
	size_t from = 0;

	for (size_t i = 0; i + 1 < all->n; i++) {
		struct wal_segment *s = &all->v[i];
		int64_t bytes = all->v[i + 1].first - s->first;
		int fd;

		if (s->bytes < bytes) {
			log_warn("%s: offsets %" PRId64 " to %" PRId64
				 " are gone: a segment is missing or was cut",
				 d->path, s->first + s->bytes, all->v[i + 1].first - 1);
			from = i + 1;
		} else if (s->bytes > bytes) {
			fd = wal_dir_segment(d, s->first, O_RDWR);
			if (fd < 0 || ftruncate(fd, (off_t)bytes))
				err_errno(err, EX_IOERR, "%s: segment %" PRId64, d->path, s->first);
			if (fd >= 0)
				close(fd);
			s->bytes = bytes;
		}
	}
	all->n -= from;
	if (from)
		memmove(all->v, all->v + from, all->n * sizeof(*all->v));
	return err->code ? -1 : 0;
}

/* The last group of the segments before the last one, which has none. */
static int find_last(const struct wal_dir *d, struct wal_recovery *r, struct err *err)
{
	struct wal_scan s;
	struct wal_group g;
	enum wal_found f;

	wal_scan_init(&s, d);
	f = wal_scan_seek(&s, r->end - 1, r->end, &g, err);
	wal_scan_fini(&s);
	if (f == WAL_GROUP)
		r->last = g.h;
	if (f == WAL_ERROR)
		return -1;
	err_clear(err); /* of an older segment; who reads it will say so */
	return 0;
}

static int recover_last(const struct wal_dir *d, struct wal_recovery *r, struct err *err)
{
	struct tail t = { .d = d, .r = r, .segment = &r->all.v[r->all.n - 1] };
	int rc;

	r->end = t.segment->first;
	t.fd = wal_dir_segment(d, t.segment->first, O_RDWR);
	if (t.fd < 0)
		return tail_errno(&t, err);
	rc = scan_groups(&t, err) || find_behind(&t, err) || judge_tail(&t, err) ? -1 : 0;
	close(t.fd);
	if (rc == 0 && r->end == t.segment->first && r->all.n > 1)
		rc = find_last(d, r, err);
	return rc;
}

int wal_recover(const struct wal_dir *d, struct wal_recovery *r, struct err *err)
{
	r->last = (struct wal_header){ 0 };
	if (wal_dir_segments(d, &r->all, err) || join_segments(d, &r->all, err))
		return -1;
	if (r->all.n)
		return recover_last(d, r, err);
	if (r->cut_at >= 0)
		return err_set(err, EX_CONFIG, "--cut-at is for a damaged group, and %s has none",
			       d->path);
	r->end = r->durable > 0 ? r->durable : 0;
	if (r->end)
		log_warn("%s: offsets to %" PRId64 " are gone: there is no segment", d->path,
			 r->end - 1);
	return 0;
}
