/* A group says where the next one begins, and none where the one before did: what looks like a
 * header may be somebody's line. So a segment is walked forwards once, from header to header, and
 * marks are kept of where groups begin, one each CHUNK_BYTES:
 *
 *	segment  |g g g g|g g|g g g g|g g ..      known: as far as it was walked
 *	mark      0       1   2       3
 *
 * Chunks are then read from the last one backwards: the groups of a chunk forwards, which leaves
 * them in the scan's block, their lines from the last one on. A segment that has grown is walked on
 * from `known`, so whoever asks for the newest lines again reads what is new and the last chunk.
 * Marks of KEPT segments are kept: 64 MiB are walked in some 30 ms. */
#include "source/wal_tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/wal_page.h"
#include "source/wal_scan.h"

enum { CHUNK_BYTES = 256 << 10, KEPT = 4 };

struct marked {
	bool used;
	int64_t first, known;
	int64_t *mark;
	size_t n;
	uint64_t turn; /* when it was used last */
};

struct wal_tail {
	const char *path;
	struct wal_dir dir;
	int64_t end;
	uint64_t id; /* of the log that the marks are of */
	struct marked kept[KEPT];
	uint64_t turn;
	struct wal_scan scan;
	int64_t *group; /* of a chunk: where its groups begin */
	size_t groups;
};

/* ---- life */
struct wal_tail *wal_tail_new(const char *path)
{
	struct wal_tail *t = mem_zalloc(sizeof(*t));

	t->path = path;
	t->dir = (struct wal_dir){ .fd = -1, .lock_fd = -1 };
	t->scan.fd = -1;
	return t;
}

static void forget_marks(struct wal_tail *t)
{
	for (int i = 0; i < KEPT; i++) {
		free(t->kept[i].mark);
		t->kept[i] = (struct marked){ 0 };
	}
}

void wal_tail_free(struct wal_tail *t)
{
	if (!t)
		return;
	wal_tail_close(t);
	forget_marks(t);
	free(t->group);
	free(t);
}

int wal_tail_open(struct wal_tail *t, struct err *err)
{
	struct wal_page *page = NULL;
	bool fresh;

	if (wal_dir_open(&t->dir, t->path, err) == 0)
		page = wal_page_open(&t->dir, false, &fresh, err);
	if (!page) {
		wal_tail_close(t);
		return -1;
	}
	t->end = wal_page_end(page);
	wal_page_free(page);
	if (t->id != t->dir.id)
		forget_marks(t);
	t->id = t->dir.id;
	wal_scan_init(&t->scan, &t->dir);
	return 0;
}

void wal_tail_close(struct wal_tail *t)
{
	wal_scan_fini(&t->scan);
	t->scan.fd = -1;
	wal_dir_close(&t->dir);
}

/* ---- marks */
/* Those of the segment, or the room of the one that was not used for longest. */
static struct marked *find_marks(struct wal_tail *t, int64_t first)
{
	struct marked *m = &t->kept[0];

	for (int i = 0; i < KEPT; i++) {
		if (t->kept[i].used && t->kept[i].first == first) {
			m = &t->kept[i];
			break;
		}
		if (t->kept[i].turn < m->turn)
			m = &t->kept[i];
	}
	if (!m->used || m->first != first) {
		free(m->mark);
		*m = (struct marked){ .used = true, .first = first, .known = first };
	}
	m->turn = ++t->turn;
	return m;
}

/* Walks on to the segment's end. */
static enum wal_found mark_segment(struct wal_tail *t, struct marked *m, int64_t end,
				   struct err *err)
{
	struct wal_group g;

	while (m->known < end) {
		enum wal_found f = wal_scan_group(&t->scan, m->known, end, &g, err);

		if (f != WAL_GROUP)
			return f;
		if (!m->n || m->known - m->mark[m->n - 1] >= CHUNK_BYTES) {
			m->mark = mem_grow(m->mark, m->n + 1, sizeof(*m->mark));
			m->mark[m->n++] = m->known;
		}
		m->known = wal_header_end(&g.h);
	}
	return WAL_GROUP;
}

/* ---- lines */
struct walking {
	int64_t before;
	uint64_t most;
	wal_tail_fn *fn;
	void *arg;
	int64_t *left;
};

/* 1: enough. */
static int give_lines(struct walking *w, const struct wal_group *g, struct err *err)
{
	size_t n = g->data.n;
	int rc = 0;

	while (n && rc == 0) {
		size_t end = n - (g->data.p[n - 1] == '\n');
		const char *nl = end ? memrchr(g->data.p, '\n', end) : NULL;
		size_t begin = nl ? (size_t)(nl + 1 - g->data.p) : 0;
		int64_t offset = g->h.at + WAL_HEADER_BYTES + (int64_t)begin;

		if (offset < w->before) {
			rc = w->fn(w->arg, slice(g->data.p + begin, end - begin), offset, &g->h,
				   err);
			*w->left = offset;
		}
		n = begin;
	}
	return rc;
}

/* Where the groups of a chunk begin, those before `before`. */
static enum wal_found list_groups(struct wal_tail *t, int64_t at, int64_t end, int64_t before,
				  struct err *err)
{
	struct wal_group g;

	t->groups = 0;
	while (at < end && at < before) {
		enum wal_found f = wal_scan_group(&t->scan, at, end, &g, err);

		if (f != WAL_GROUP)
			return f;
		t->group = mem_grow(t->group, t->groups + 1, sizeof(*t->group));
		t->group[t->groups++] = at;
		at = wal_header_end(&g.h);
	}
	return WAL_GROUP;
}

/* 1: enough, or as much as may be looked at. */
static int give_chunk(struct wal_tail *t, struct walking *w, int64_t at, int64_t end,
		      struct err *err)
{
	enum wal_found f = list_groups(t, at, end, w->before, err);
	int rc = 0;

	for (size_t i = t->groups; f == WAL_GROUP && i-- && rc == 0;) {
		struct wal_group g;

		if (!w->most)
			return 1;
		if (!wal_scan_ready(&t->scan, t->group[i])) /* back to the chunk's first byte */
			f = wal_scan_group(&t->scan, at, end, &g, err);
		if (f == WAL_GROUP)
			f = wal_scan_group(&t->scan, t->group[i], end, &g, err);
		if (f != WAL_GROUP)
			break;
		rc = give_lines(w, &g, err);
		if (rc == 0)
			*w->left = g.h.at;
		w->most -= g.data.n < w->most ? g.data.n : w->most;
	}
	return f == WAL_GROUP ? rc : f == WAL_GONE ? 2 : -1;
}

/* 2: it is gone, and so are those before. */
static int give_segment(struct wal_tail *t, struct walking *w, int64_t first, int64_t end,
			struct err *err)
{
	struct marked *m = find_marks(t, first);
	enum wal_found f = mark_segment(t, m, end, err);
	int rc = 0;

	if (f != WAL_GROUP)
		return f == WAL_GONE ? 2 : -1;
	for (size_t i = m->n; i-- && rc == 0;) {
		if (m->mark[i] >= w->before)
			continue;
		rc = give_chunk(t, w, m->mark[i], i + 1 < m->n ? m->mark[i + 1] : end, err);
	}
	return rc;
}

int wal_tail_lines(struct wal_tail *t, int64_t before, uint64_t most, wal_tail_fn *fn, void *arg,
		   int64_t *left, struct err *err)
{
	struct walking w = { before, most, fn, arg, left };
	struct wal_segments all = { 0 };
	int64_t end = t->end;
	int rc = wal_dir_segments(&t->dir, &all, err);

	wal_scan_fini(&t->scan); /* which goes backwards from here on */
	wal_scan_init(&t->scan, &t->dir);
	*left = before < end ? before : end;
	for (size_t i = all.n; i-- && rc == 0;) {
		if (all.v[i].first >= end)
			continue;
		if (all.v[i].first < before)
			rc = give_segment(t, &w, all.v[i].first, end, err);
		end = all.v[i].first;
	}
	free(all.v);
	if (rc == 2)
		err_clear(err);
	if (rc == 0 || rc == 2)
		*left = 0;
	return rc < 0 ? -1 : 0;
}
