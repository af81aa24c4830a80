/* Lines of a log backwards: the same as forwards, whatever its groups and segments are, page by
 * page, while it grows, and with what looks like a header in them. */
#include "source/wal_tail.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "random.h"
#include "source/wal_scan.h"
#include "source/wal_write.h"
#include "tap.h"

enum { SEGMENT = 3 << 20, LINES = 20000 };

static char dir[32];

/* ---- a writer */
static int64_t durable;

static void on_durable(void *self, const struct wal_done *done)
{
	(void)self;
	durable = done->end;
}

static void on_failed(void *self, const struct err *why)
{
	(void)self;
	exit(why->code);
}

static const struct wal_hooks hooks = { .durable = on_durable, .failed = on_failed };

static void wait_for(struct loop *loop, int64_t end)
{
	struct err err = ERR_INIT;

	while (durable < end)
		loop_turn(loop, tm_mono_us() + TM_S, &err);
}

/* A line of some bytes, now and then a long one, or one like the header of a group. */
static void make_line(struct buf *b, unsigned i)
{
	unsigned n = below(300) == 0 ? below(700000) : below(200);
	struct wal_header h = { .at = durable, .lines = 1, .bytes = 40 };

	if (below(20) == 0) {
		wal_header_write(&h, buf_room(b, WAL_HEADER_BYTES));
		b->n += WAL_HEADER_BYTES; /* with its newline */
		return;
	}
	buf_printf(b, "{\"i\":%u,\"x\":\"", i);
	memset(buf_room(b, n), 'x', n);
	b->n += n;
	buf_addz(b, "\"}\n");
}

/* Appends lines, some at a time; the last is durable. */
static void append_lines(unsigned from, unsigned to)
{
	struct loop *loop = loop_new();
	struct err err = ERR_INIT;
	struct wal_conf conf = {
		.topic = "events", .loop = loop, .hooks = &hooks, .keep_us = TM_S
	};
	struct buf b = { 0 };
	struct wal *w;
	int64_t offset = 0;

	conf.cut_at = -1;
	conf.segment_bytes = SEGMENT;
	w = wal_open(dir, &conf, &err);
	if (!w)
		exit(err.code);
	while (from < to) {
		uint32_t n = 0;

		for (b.n = 0; from < to && n < 20 && b.n < 400000; n++)
			make_line(&b, from++);
		while (wal_append(w, buf_slice(&b), n, &offset) == WAL_BUSY)
			loop_turn(loop, tm_mono_us() + TM_S, &err);
		if (below(2))
			wait_for(loop, offset + (int64_t)b.n);
	}
	wait_for(loop, offset + (int64_t)b.n);
	wal_close(w, &err);
	loop_free(loop);
	buf_fini(&b);
}

/* ---- forwards */
struct all {
	struct buf text;
	int64_t *offset;
	size_t *at, n; /* where each begins in the text */
};

static void add_line(struct all *a, struct slice line, int64_t offset)
{
	a->offset = mem_grow(a->offset, a->n + 1, sizeof(*a->offset));
	a->at = mem_grow(a->at, a->n + 1, sizeof(*a->at));
	a->offset[a->n] = offset;
	a->at[a->n++] = a->text.n;
	buf_adds(&a->text, line);
	buf_addc(&a->text, '\n');
}

static void free_all(struct all *a)
{
	buf_fini(&a->text);
	free(a->offset);
	free(a->at);
	*a = (struct all){ 0 };
}

static void read_forwards(struct all *a, unsigned *segments)
{
	struct wal_segments list = { 0 };
	struct err err = ERR_INIT;
	struct wal_group g;
	struct wal_scan s;
	struct wal_dir d;
	int64_t at = 0;

	if (wal_dir_open(&d, dir, &err) || wal_dir_segments(&d, &list, &err))
		exit(EX_OSERR);
	*segments = (unsigned)list.n;
	free(list.v);
	wal_scan_init(&s, &d);
	while (wal_scan_group(&s, at, INT64_MAX, &g, &err) == WAL_GROUP) {
		for (size_t i = 0; i < g.data.n;) {
			const char *nl = memchr(g.data.p + i, '\n', g.data.n - i);
			size_t n = (size_t)(nl - g.data.p) - i;

			add_line(a, slice(g.data.p + i, n), g.h.at + WAL_HEADER_BYTES + (int64_t)i);
			i += n + 1;
		}
		at = wal_header_end(&g.h);
	}
	wal_scan_fini(&s);
	wal_dir_close(&d);
}

/* ---- backwards */
struct page {
	struct all got;
	size_t most; /* lines */
};

static int take_line(void *arg, struct slice line, int64_t offset, const struct wal_header *h,
		     struct err *err)
{
	struct page *p = arg;

	(void)h, (void)err;
	add_line(&p->got, line, offset);
	return p->got.n >= p->most;
}

/* Whether the lines are the last ones of `all` below n, the last one first; how many: *given. */
static bool are_last(const struct all *all, const struct page *p, size_t n)
{
	for (size_t i = 0; i < p->got.n; i++) {
		size_t k = n - 1 - i;
		size_t end = k + 1 < all->n ? all->at[k + 1] : all->text.n;
		size_t got_end = i + 1 < p->got.n ? p->got.at[i + 1] : p->got.text.n;

		if (i >= n || p->got.offset[i] != all->offset[k] ||
		    !slice_eq(slice(all->text.p + all->at[k], end - all->at[k]),
			      slice(p->got.text.p + p->got.at[i], got_end - p->got.at[i])))
			return false;
	}
	return true;
}

/* All of it, in pages of so many lines and so many bytes; how many pages it took. */
static size_t check_pages(struct wal_tail *t, const struct all *all, size_t lines, uint64_t bytes)
{
	struct err err = ERR_INIT;
	int64_t before = INT64_MAX, left = 1;
	size_t n = all->n, pages = 0;
	bool good = true;

	while (good && left) {
		struct page p = { .most = lines };

		good = wal_tail_open(t, &err) == 0 &&
		       wal_tail_lines(t, before, bytes, take_line, &p, &left, &err) == 0 &&
		       left < before && are_last(all, &p, n);
		wal_tail_close(t);
		before = left;
		n -= p.got.n;
		pages++;
		free_all(&p.got);
	}
	ok(good && n == 0, "pages of %zu lines, %llu bytes: %zu%s%s", lines,
	   (unsigned long long)bytes, pages, err.code ? ": " : "", err.msg);
	return pages;
}

static void test_pages(void)
{
	struct wal_tail *t = wal_tail_new(dir);
	struct all all = { 0 };
	unsigned segments;

	append_lines(0, LINES);
	read_forwards(&all, &segments);
	ok(segments > 5 && all.n == LINES, "%u segments, %zu lines", segments, all.n);
	check_pages(t, &all, SIZE_MAX, UINT64_MAX);
	check_pages(t, &all, 997, UINT64_MAX);
	check_pages(t, &all, SIZE_MAX, 1 << 20);
	check_pages(t, &all, 100, 1 << 16);
	append_lines(LINES, LINES + 1000);
	free_all(&all);
	read_forwards(&all, &segments);
	is_int(all.n, LINES + 1000, "the log has grown");
	check_pages(t, &all, SIZE_MAX, UINT64_MAX);
	check_pages(t, &all, 997, UINT64_MAX);
	free_all(&all);
	wal_tail_free(t);
}

static void test_from_anywhere(void)
{
	struct wal_tail *t = wal_tail_new(dir);
	struct err err = ERR_INIT;
	struct all all = { 0 };
	unsigned segments, bad = 0;

	read_forwards(&all, &segments);
	wal_tail_open(t, &err);
	for (int i = 0; i < 300; i++) {
		size_t n = below((unsigned)all.n);
		struct page p = { .most = 1 + below(50) };
		int64_t left;

		/* at a line's first byte, or within it */
		bad += wal_tail_lines(t, all.offset[n] + (int64_t)below(2), UINT64_MAX, take_line,
				      &p, &left, &err) != 0 ||
		       !(are_last(&all, &p, n) || are_last(&all, &p, n + 1));
		free_all(&p.got);
	}
	is_int(bad, 0, "from anywhere");
	wal_tail_free(t);
	free_all(&all);
}

static void remove_log(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		exit(EX_OSERR);
}

static void test_no_log(void)
{
	struct wal_tail *t = wal_tail_new(dir);
	struct page p = { .most = SIZE_MAX };
	struct err err = ERR_INIT;
	int64_t left = -1;

	remove_log();
	ok(wal_tail_open(t, &err) && err.code == EX_CONFIG, "no folder: %s", err.msg);
	err_clear(&err);
	durable = 0;
	append_lines(0, 1);
	ok(wal_tail_open(t, &err) == 0 &&
		   wal_tail_lines(t, INT64_MAX, UINT64_MAX, take_line, &p, &left, &err) == 0,
	   "another log: %s", err.msg);
	is_int(p.got.n, 1, "its line");
	is_int(left, 0, "nothing is left");
	wal_tail_close(t);
	wal_tail_free(t);
	free_all(&p.got);
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/hta-tail.XXXXXX");
	if (!mkdtemp(dir))
		return EX_OSERR;
	test_pages();
	test_from_anywhere();
	test_no_log();
	remove_log();
	return done();
}
