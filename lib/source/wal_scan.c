/* A segment is read in blocks of a megabyte, so that many small groups cost one read. Whoever looks
 * for an offset begins at its segment's first byte and goes from header to header: 64 MiB at most,
 * of which only headers are looked at.
 *
 * A writer that goes on to the next segment cuts the one before to its data first, and gives the
 * new one its name then. So a reader that finds nothing at an offset that is durable looks for a
 * segment of that name. */
#include "source/wal_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 20 };

void wal_scan_init(struct wal_scan *s, const struct wal_dir *dir)
{
	*s = (struct wal_scan){ .dir = dir, .fd = -1 };
}

static void leave_segment(struct wal_scan *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->block.n = 0;
}

void wal_scan_fini(struct wal_scan *s)
{
	leave_segment(s);
	buf_fini(&s->block);
}

/* ---- bytes */

static size_t buffered(const struct wal_scan *s, int64_t at)
{
	int64_t end = s->block_at + (int64_t)s->block.n;

	return at >= s->block_at && at < end ? (size_t)(end - at) : 0;
}

static char *scan_bytes(const struct wal_scan *s, int64_t at)
{
	return s->block.p + (at - s->block_at);
}

/* Has n bytes from `at` on in the block, or as many as there are: *n. */
static int load(struct wal_scan *s, int64_t at, int64_t limit, size_t *n, struct err *err)
{
	size_t want = *n > BLOCK_BYTES ? *n : BLOCK_BYTES;

	if (buffered(s, at) >= *n)
		return 0;
	if ((int64_t)want > limit - at)
		want = (size_t)(limit - at);
	s->block.n = 0;
	s->block_at = at;
	buf_room(&s->block, want);
	while (s->block.n < want) {
		ssize_t k = pread(s->fd, s->block.p + s->block.n, want - s->block.n,
				  (off_t)(at - s->first) + (off_t)s->block.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, EX_IOERR, "%s: at offset %" PRId64, s->dir->path, at);
		if (k == 0)
			break;
		s->block.n += (size_t)k;
	}
	if (s->block.n < *n)
		*n = s->block.n;
	return 0;
}

/* ---- segments */

static int open_segment(struct wal_scan *s, int64_t first)
{
	int fd = wal_dir_segment(s->dir, first, O_RDONLY);

	if (fd < 0)
		return -1;
	leave_segment(s);
	s->fd = fd;
	s->first = first;
	return 0;
}

/* Opens the segment that has the offset: the last one that begins at or below it. */
static enum wal_found find_segment(struct wal_scan *s, int64_t offset, struct err *err)
{
	struct wal_segments all = { 0 };
	int64_t first = -1;

	if (wal_dir_segments(s->dir, &all, err)) {
		free(all.v);
		return WAL_ERROR;
	}
	for (size_t i = 0; i < all.n && all.v[i].first <= offset; i++)
		first = all.v[i].first;
	free(all.v);
	if (first >= 0 && open_segment(s, first) == 0)
		return WAL_GROUP;
	if (first >= 0 && errno != ENOENT) {
		err_errno(err, EX_IOERR, "%s: segment %" PRId64, s->dir->path, first);
		return WAL_ERROR;
	}
	err_set(err, EX_DATAERR, "%s: offset %" PRId64 " is gone", s->dir->path, offset);
	return WAL_GONE;
}

/* ---- groups */

static enum wal_found damaged(const struct wal_scan *s, int64_t at, const char *how,
			      struct err *err)
{
	err_set(err, EX_DATAERR, "%s: the group at offset %" PRId64 " is damaged: %s", s->dir->path,
		at, how);
	return WAL_DAMAGED;
}

static bool all_zeros(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* The header at `at` of the segment that is open. */
static enum wal_found look_header(struct wal_scan *s, int64_t at, int64_t limit,
				  struct wal_header *h, struct err *err)
{
	size_t n = WAL_HEADER_BYTES;

	if (load(s, at, limit, &n, err))
		return WAL_ERROR;
	if (all_zeros(scan_bytes(s, at), n))
		return WAL_NOTHING;
	if (n < WAL_HEADER_BYTES || !wal_header_read(scan_bytes(s, at), h))
		return damaged(s, at, "there is no header", err);
	if (h->at != at)
		return damaged(s, at, "its header is of another place", err);
	if (wal_header_end(h) > limit)
		return damaged(s, at, "it reaches beyond the log's end", err);
	return WAL_GROUP;
}

static enum wal_found look_data(struct wal_scan *s, int64_t limit, struct wal_group *g,
				struct err *err)
{
	size_t whole = WAL_HEADER_BYTES + (size_t)g->h.bytes, n = whole;

	if (load(s, g->h.at, limit, &n, err))
		return WAL_ERROR;
	if (n < whole)
		return damaged(s, g->h.at, "it is cut off", err);
	if (!wal_group_holds(scan_bytes(s, g->h.at), &g->h))
		return damaged(s, g->h.at, "its hash is another", err);
	g->data = slice(scan_bytes(s, g->h.at) + WAL_HEADER_BYTES, g->h.bytes);
	return WAL_GROUP;
}

/* As look_header, in the segment that has it. */
static enum wal_found go_to_header(struct wal_scan *s, int64_t at, int64_t limit,
				   struct wal_header *h, struct err *err)
{
	enum wal_found r = WAL_GROUP;

	if (at >= limit)
		return WAL_NOTHING;
	if (s->fd < 0 || at < s->first)
		r = find_segment(s, at, err);
	if (r == WAL_GROUP)
		r = look_header(s, at, limit, h, err);
	if (r == WAL_NOTHING && at > s->first && open_segment(s, at) == 0)
		r = look_header(s, at, limit, h, err);
	if (r == WAL_NOTHING && limit != INT64_MAX)
		r = damaged(s, at, "there is nothing, and the log goes on behind it", err);
	return r;
}

enum wal_found wal_scan_group(struct wal_scan *s, int64_t at, int64_t limit, struct wal_group *g,
			      struct err *err)
{
	enum wal_found r = go_to_header(s, at, limit, &g->h, err);

	return r == WAL_GROUP ? look_data(s, limit, g, err) : r;
}

bool wal_scan_ready(const struct wal_scan *s, int64_t at)
{
	size_t n = buffered(s, at);
	struct wal_header h;

	return n >= WAL_HEADER_BYTES && wal_header_read(scan_bytes(s, at), &h) && h.at == at &&
	       n >= WAL_HEADER_BYTES + (size_t)h.bytes;
}

enum wal_found wal_scan_seek(struct wal_scan *s, int64_t offset, int64_t limit, struct wal_group *g,
			     struct err *err)
{
	enum wal_found r = offset >= limit ? WAL_NOTHING : find_segment(s, offset, err);
	int64_t at = s->first;

	if (r != WAL_GROUP)
		return r;
	while ((r = go_to_header(s, at, limit, &g->h, err)) == WAL_GROUP) {
		if (wal_header_end(&g->h) > offset)
			return look_data(s, limit, g, err);
		at = wal_header_end(&g->h);
	}
	return r;
}

/* ---- times */

/* The last segment whose first group was closed before that time, else the first one: its number
 * among `all`. */
static enum wal_found segment_before(struct wal_scan *s, const struct wal_segments *all, int64_t us,
				     int64_t limit, size_t *out, struct err *err)
{
	*out = 0;
	for (size_t low = 0, high = all->n; low < high;) {
		size_t mid = low + (high - low) / 2;
		struct wal_header h;
		enum wal_found r = WAL_NOTHING;

		if (all->v[mid].first < limit && open_segment(s, all->v[mid].first) == 0)
			r = look_header(s, all->v[mid].first, limit, &h, err);
		if (r != WAL_GROUP && r != WAL_NOTHING)
			return r;
		if (r == WAL_NOTHING || h.us >= us) {
			high = mid;
		} else {
			*out = mid;
			low = mid + 1;
		}
	}
	return WAL_GROUP;
}

enum wal_found wal_scan_time(struct wal_scan *s, int64_t us, int64_t limit, struct wal_group *g,
			     struct err *err)
{
	struct wal_segments all = { 0 };
	enum wal_found r = WAL_NOTHING;
	size_t i;
	int64_t at = 0;

	if (wal_dir_segments(s->dir, &all, err))
		r = WAL_ERROR;
	else if (all.n)
		r = segment_before(s, &all, us, limit, &i, err);
	if (r == WAL_GROUP)
		at = all.v[i].first;
	free(all.v);
	if (r != WAL_GROUP)
		return r;
	while ((r = go_to_header(s, at, limit, &g->h, err)) == WAL_GROUP) {
		if (g->h.us >= us)
			return look_data(s, limit, g, err);
		at = wal_header_end(&g->h);
	}
	return r;
}
