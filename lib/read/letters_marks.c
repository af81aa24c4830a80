/* All marks are held in memory, sorted by offset when the file was read. What this program adds
 * stands behind them, unsorted: a call looks at each letter once. A file of marks grows by a line a
 * letter that is retried, and is never made smaller. */
#include "read/letters_marks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/fd.h"
#include "io/lines.h"

enum { MARK_LINE_MAX = 4096 };

struct mark {
	int64_t offset;
	uint64_t hash;
	const char *call; /* of the arena */
	uint64_t batch;
	int64_t retried_us;
	bool free; /* it was taken, and not sent */
};

struct letters_marks {
	char *path;
	int fd; /* -1: none, or only read */
	struct mark *v;
	size_t n, cap, sorted;
	struct arena arena;
	const char *last_call; /* of the mark that was added last */
};

/* ---- reading */

static const char *keep_call(struct letters_marks *m, const char *call)
{
	struct slice s = { call, strlen(call) + 1 };

	if (!m->last_call || strcmp(m->last_call, call) != 0)
		m->last_call = arena_copy(&m->arena, s).p;
	return m->last_call;
}

static void add_mark(struct letters_marks *m, const char *call, uint64_t batch, int64_t offset,
		     uint64_t hash)
{
	mem_reserve(&m->v, &m->cap, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct mark){ .offset = offset,
				      .hash = hash,
				      .call = keep_call(m, call),
				      .batch = batch,
				      .retried_us = POS_NONE };
}

static void settle_marks(struct letters_marks *m, const char *call, uint64_t sent, int64_t at_us)
{
	for (size_t i = 0; i < m->n; i++) {
		struct mark *k = &m->v[i];

		if (k->retried_us != POS_NONE || k->free || strcmp(k->call, call) != 0)
			continue;
		k->free = k->batch > sent;
		k->retried_us = k->free ? POS_NONE : at_us;
	}
}

/* line has a NUL in place of its newline. */
static void read_line(struct letters_marks *m, char *line)
{
	char call[LETTERS_CALL_BYTES], at[TM_TEXT_BYTES], *slash;
	uint64_t number, hash;
	int64_t offset, us;

	if (sscanf(line, "take %399s %" SCNd64 " %" SCNx64, call, &offset, &hash) == 3) {
		slash = strrchr(call, '/');
		if (!slash)
			return;
		*slash = 0;
		add_mark(m, call, strtoull(slash + 1, NULL, 10), offset, hash);
	} else if (sscanf(line, "settle %399s %" SCNu64 " %39s", call, &number, at) == 3 &&
		   tm_parse(slice_z(at), &us) == 0) {
		settle_marks(m, call, number, us);
	}
}

static void read_block(struct letters_marks *m, struct slice block)
{
	struct buf text = { 0 };
	char *p, *nl;

	buf_adds(&text, block);
	p = text.p;
	while (p < text.p + text.n &&
	       (nl = memchr(p, '\n', (size_t)(text.p + text.n - p))) != NULL) {
		*nl = 0;
		read_line(m, p);
		p = nl + 1;
	}
	buf_fini(&text);
}

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int read_marks(struct letters_marks *m, int fd, struct err *err)
{
	struct lines *in = lines_new(NULL, fd, MARK_LINE_MAX);
	enum lines_result r;
	struct slice block;

	while ((r = lines_next(in, 0, &block, err)) != LINES_EOF && r != LINES_ERROR)
		if (r == LINES_BLOCK)
			read_block(m, block);
	lines_free(in);
	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), compare_marks);
	m->sorted = m->n;
	return r == LINES_ERROR ? err_in(err, "%s", m->path) : 0;
}

/* ---- writing */

static int append(struct letters_marks *m, const struct buf *text, struct err *err)
{
	for (size_t at = 0; at < text->n;) {
		ssize_t n = write(m->fd, text->p + at, text->n - at);

		if (n < 0 && errno != EINTR)
			return err_errno(err, EX_IOERR, "%s", m->path);
		at += n > 0 ? (size_t)n : 0;
	}
	return fdatasync(m->fd) ? err_errno(err, EX_IOERR, "%s", m->path) : 0;
}

static int end_half_line(struct letters_marks *m, struct err *err)
{
	char last = '\n', text[] = "\n";
	const struct buf newline = { .p = text, .n = 1 };
	struct stat st;

	if (fstat(m->fd, &st) || st.st_size == 0 || pread(m->fd, &last, 1, st.st_size - 1) != 1)
		return 0;
	return last == '\n' ? 0 : append(m, &newline, err);
}

static int open_file(struct letters_marks *m, bool write, struct err *err)
{
	int fd = open(m->path,
		      write ? O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0 && !write && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(err, fd_open_code(errno), "%s", m->path);
	if (write && flock(fd, LOCK_EX | LOCK_NB))
		rc = err_set(err, EX_TEMPFAIL, "%s: another hta-dlq retry is at work", m->path);
	if (rc == 0)
		rc = read_marks(m, fd, err);
	if (rc || !write) {
		close(fd);
		return rc;
	}
	m->fd = fd;
	return end_half_line(m, err);
}

struct letters_marks *letters_marks_open(const char *file, bool write, struct err *err)
{
	struct letters_marks *m = mem_zalloc(sizeof(*m));

	m->fd = -1;
	m->path = mem_printf("%s.retried", file);
	if (open_file(m, write, err) == 0)
		return m;
	letters_marks_free(m);
	return NULL;
}

void letters_marks_free(struct letters_marks *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	free(m->v);
	arena_fini(&m->arena);
	free(m);
}

/* ---- marks of letters */

void letters_marks_find(const struct letters_marks *m, int64_t offset, uint64_t hash,
			struct letter *l)
{
	size_t low = 0, high = m->sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->v[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < m->sorted && m->v[low].offset == offset; low++) {
		const struct mark *k = &m->v[low];

		if (k->hash != hash || k->free)
			continue;
		if (k->retried_us == POS_NONE) {
			l->taken = slice_z(k->call);
			continue;
		}
		l->retries++;
		if (l->retried_us == POS_NONE || l->retried_us < k->retried_us)
			l->retried_us = k->retried_us;
	}
}

int letters_marks_take(struct letters_marks *m, const int64_t *offset, const uint64_t *hash,
		       size_t n, const char *call, uint64_t batch, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++) {
		buf_printf(&text, "take %s/%" PRIu64 " %" PRId64 " %016" PRIx64 "\n", call, batch,
			   offset[i], hash[i]);
		add_mark(m, call, batch, offset[i], hash[i]);
	}
	rc = append(m, &text, err);
	buf_fini(&text);
	return rc;
}

int letters_marks_settle(struct letters_marks *m, const char *call, uint64_t sent, struct err *err)
{
	struct buf text = { 0 };
	char at[TM_TEXT_BYTES];
	int64_t now_us = tm_now_us();
	size_t n = tm_text_ms(now_us, at);
	int rc;

	buf_printf(&text, "settle %s %" PRIu64 " %.*s\n", call, sent, (int)n, at);
	rc = append(m, &text, err);
	buf_fini(&text);
	if (rc == 0)
		settle_marks(m, call, sent, now_us);
	return rc;
}

int letters_marks_calls(struct letters_marks *m, letters_call_fn *fn, void *arg, struct err *err)
{
	const char **told = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;

	for (size_t i = 0; i < m->n && rc == 0; i++) {
		const struct mark *k = &m->v[i];
		bool known = k->free || k->retried_us != POS_NONE;

		for (size_t j = 0; j < n && !known; j++)
			known = strcmp(told[j], k->call) == 0;
		if (known)
			continue;
		mem_reserve(&told, &cap, n + 1, sizeof(*told));
		told[n++] = k->call;
		rc = fn(arg, k->call, err);
	}
	free(told);
	return rc;
}
