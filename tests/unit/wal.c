/* An intake's log: its bytes, and where it ends after a writer that was killed in any way. */
#include "source/wal_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "intake/stamp.h"
#include "source/wal_dead.h"
#include "source/wal_format.h"
#include "source/wal_page.h"
#include "source/wal_scan.h"
#include "random.h"
#include "tap.h"

enum { SEGMENT = 64 << 10, SECTOR = 512 };

static char dir[32];

/* ---- a disk that fails: the program's own pwritev2 is taken in place of the C library's */

static int refuse_with, refuse_after; /* errno, 0: nothing is refused */

ssize_t pwritev2(int fd, const struct iovec *piece, int n, off_t at, int flags)
{
	if (refuse_with && refuse_after-- <= 0) {
		errno = refuse_with;
		return -1;
	}
	return syscall(SYS_pwritev2, fd, piece, n, at, 0, flags);
}

/* ---- a writer */

struct writer {
	struct loop *loop;
	struct wal *wal;
	int64_t durable;
	struct err why; /* of open, or of a failure */
};

static void on_durable(void *self, const struct wal_done *done)
{
	((struct writer *)self)->durable = done->end;
}

static void on_failed(void *self, const struct err *why)
{
	((struct writer *)self)->why = *why;
}

static const struct wal_hooks hooks = { .durable = on_durable, .failed = on_failed };

static bool open_with(struct writer *w, int64_t cut_at, int64_t most)
{
	struct wal_state s;

	*w = (struct writer){ .loop = loop_new(), .why = ERR_INIT };
	w->wal = wal_open(dir,
			  &(struct wal_conf){ .topic = "events",
					      .loop = w->loop,
					      .hooks = &hooks,
					      .self = w,
					      .keep_us = 0,
					      .most_bytes = most,
					      .cut_at = cut_at,
					      .segment_bytes = SEGMENT },
			  &w->why);
	if (!w->wal)
		return false;
	wal_state(w->wal, &s);
	w->durable = s.durable;
	return true;
}

static bool open_writer(struct writer *w)
{
	return open_with(w, -1, 0);
}

static void close_writer(struct writer *w)
{
	struct err err = ERR_INIT;

	wal_close(w->wal, &err);
	loop_free(w->loop);
}

/* Appends, and waits until it is durable. */
static enum wal_answer put(struct writer *w, const char *text, size_t n)
{
	struct err err = ERR_INIT;
	enum wal_answer a;
	int64_t offset;

	while ((a = wal_append(w->wal, slice(text, n), 1, &offset)) == WAL_BUSY)
		loop_turn(w->loop, tm_mono_us() + TM_S, &err);
	while (a == WAL_OK && w->durable < offset + (int64_t)n && !w->why.code)
		loop_turn(w->loop, tm_mono_us() + TM_S, &err);
	return a;
}

static void put_line(struct writer *w, unsigned number, unsigned bytes)
{
	struct buf b = { 0 };

	buf_printf(&b, "{\"i\":%u,\"x\":\"", number);
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(&b, (char)('a' + below(26)));
	buf_addz(&b, "\"}\n");
	put(w, b.p, b.n);
	buf_fini(&b);
}

/* ---- files */

static void empty_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		exit(EX_OSERR);
}

static char *path_of(int64_t first)
{
	static char path[128];
	char name[WAL_NAME_BYTES];

	wal_segment_name(first, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put_bytes(const char *path, const void *p, size_t n, int64_t at)
{
	int fd = open(path, O_RDWR);

	if (fd < 0 || pwrite(fd, p, n, (off_t)at) != (ssize_t)n)
		exit(EX_OSERR);
	close(fd);
}

static void get_bytes(const char *path, void *p, size_t n, int64_t at)
{
	int fd = open(path, O_RDONLY);

	memset(p, 0, n);
	if (fd < 0 || pread(fd, p, n, (off_t)at) < 0)
		exit(EX_OSERR);
	close(fd);
}

/* The log as a killed writer leaves it: its zeros are back. */
static void uncut(int64_t first)
{
	if (truncate(path_of(first), SEGMENT))
		exit(EX_OSERR);
}

static void set_durable(int64_t end)
{
	struct wal_dir d;
	struct err err = ERR_INIT;
	struct wal_page *p;
	bool fresh;

	if (wal_dir_open(&d, dir, &err))
		exit(EX_OSERR);
	p = wal_page_open(&d, false, &fresh, &err);
	wal_page_set_end(p, end);
	wal_page_free(p);
	wal_dir_close(&d);
}

/* Text of all groups, one behind the other; where the log ends: *end. */
static void read_log(struct buf *out, int64_t *end)
{
	struct wal_dir d;
	struct wal_scan s;
	struct wal_group g;
	struct err err = ERR_INIT;

	out->n = 0;
	*end = 0;
	if (wal_dir_open(&d, dir, &err))
		exit(EX_OSERR);
	wal_scan_init(&s, &d);
	while (wal_scan_group(&s, *end, INT64_MAX, &g, &err) == WAL_GROUP) {
		buf_adds(out, g.data);
		*end = wal_header_end(&g.h);
	}
	wal_scan_fini(&s);
	wal_dir_close(&d);
}

/* ---- bytes */

static void test_format(void)
{
	struct wal_header h = { .at = 1234567890123,
				.lines = 3,
				.bytes = 9,
				.us = 1795940947947302,
				.in = 7,
				.dup = 2 },
			  got;
	char group[WAL_HEADER_BYTES + 9];
	unsigned wrong = 0;
	int64_t first;

	memcpy(group + WAL_HEADER_BYTES, "{}\n{}\n{}\n", 9);
	wal_group_seal(group, &h);
	ok(wal_header_read(group, &got) && got.at == h.at && got.lines == 3 && got.bytes == 9 &&
		   got.us == h.us && got.in == 7 && got.dup == 2 && got.xxh3 == h.xxh3,
	   "a header is read as it was written");
	ok(wal_group_holds(group, &h) &&
		   memchr(group, '\n', sizeof(group)) == group + WAL_HEADER_BYTES - 1,
	   "its group holds, and it is one line");
	for (size_t i = 0; i < sizeof(group); i++)
		for (int bit = 0; bit < 8; bit++) {
			group[i] = (char)(group[i] ^ 1 << bit);
			if (wal_header_read(group, &got) && got.at == h.at &&
			    got.bytes == h.bytes && wal_group_holds(group, &got))
				wrong++;
			group[i] = (char)(group[i] ^ 1 << bit);
		}
	is_int(wrong, 0, "no bit of a group can be another one");
	ok(wal_segment_first("00000000000000004711.log", &first) && first == 4711 &&
		   !wal_segment_first("0000000000000004711.log", &first) &&
		   !wal_segment_first("0000000000000000471x.log", &first),
	   "names of segments");
}

static void test_dead(void)
{
	struct buf line = { 0 }, why = { 0 }, record = { 0 };
	const struct slice of[] = { slice("{\"a\":\"\\n\"", 9), slice("\xff\0\n", 3),
				    slice("", 0) };

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		line.n = why.n = record.n = 0;
		stamps_add_dead(of[i], slice_z("no \"user_id\""), slice_z("01JD"), &line);
		ok(wal_dead_is(buf_slice(&line)) &&
			   memchr(line.p, '\n', line.n) == line.p + line.n - 1,
		   "a rejected event is one line");
		wal_dead_read(slice(line.p, line.n - 1), &why, &record);
		ok(slice_is(buf_slice(&why), "no \"user_id\"") &&
			   slice_eq(buf_slice(&record), of[i]),
		   "and comes back as it was");
	}
	why.n = record.n = 0;
	wal_dead_read(slice_z("{\"$dead\":{},\"record\":1}"), &why, &record);
	ok(strstr(buf_z(&why), "not of its form") && record.n == 23, "another form is told");
	buf_fini(&line);
	buf_fini(&why);
	buf_fini(&record);
}

/* ---- the property */

struct scene {
	int64_t first;       /* of the segment that the last group is in */
	int64_t before, end; /* of the last group */
	struct buf all;      /* what it should have, with the last group, and without it: */
	size_t kept;
};

/* Groups of many sizes, the last one of some sectors. */
static void write_scene(struct scene *s, unsigned groups)
{
	struct writer w;
	struct wal_segments all = { 0 };
	struct wal_dir d;
	struct err err = ERR_INIT;

	empty_folder();
	if (!open_writer(&w))
		exit(EX_OSERR);
	for (unsigned i = 0; i < groups; i++) {
		s->before = w.durable;
		if (i + 1 == groups)
			read_log(&s->all, &(int64_t){ 0 });
		s->kept = s->all.n;
		put_line(&w, i, i + 1 == groups ? below(6000) : below(3000));
	}
	close_writer(&w);
	read_log(&s->all, &s->end);
	wal_dir_open(&d, dir, &err);
	wal_dir_segments(&d, &all, &err);
	s->first = all.v[all.n - 1].first;
	free(all.v);
	wal_dir_close(&d);
	uncut(s->first);
}

/* Of the last group some sectors were written, and of one perhaps less. */
static void tear(const struct scene *s, bool *whole)
{
	size_t n = (size_t)(s->end - s->before);
	int64_t at = s->before - s->first, first = at / SECTOR;
	char *was = mem_alloc(n), *now = mem_zalloc(n);
	unsigned kind = below(4), cut = below((unsigned)n + 1);

	get_bytes(path_of(s->first), was, n, at);
	for (size_t i = 0; i < n; i++) {
		int64_t sector = (at + (int64_t)i) / SECTOR - first;
		bool there = kind == 0   ? i < cut
			     : kind == 1 ? i >= cut
					 : (state >> (sector & 63)) & 1;

		now[i] = there ? was[i] : 0;
	}
	*whole = memcmp(was, now, n) == 0;
	put_bytes(path_of(s->first), now, n, at);
	next();
	free(was);
	free(now);
}

static bool torn_once(unsigned groups)
{
	struct scene s = { 0 };
	struct buf got = { 0 };
	struct writer w;
	int64_t end;
	bool whole, good;

	write_scene(&s, groups);
	tear(&s, &whole);
	set_durable(s.before);
	good = open_writer(&w) && w.durable == (whole ? s.end : s.before);
	if (good) {
		put_line(&w, groups, below(2000)); /* nothing of the torn one comes back */
		close_writer(&w);
		read_log(&got, &end);
		good = end == w.durable && got.n > (whole ? s.all.n : s.kept) &&
		       memcmp(got.p, s.all.p, whole ? s.all.n : s.kept) == 0 &&
		       strncmp(got.p + (whole ? s.all.n : s.kept), "{\"i\":", 5) == 0 &&
		       str_lines(buf_slice(&got)) == groups + whole;
	}
	buf_fini(&got);
	buf_fini(&s.all);
	return good;
}

static bool flipped_once(unsigned groups)
{
	struct scene s = { 0 };
	struct writer w;
	char at_text[128], byte;
	int64_t at;
	bool good;

	write_scene(&s, groups);
	set_durable(s.end);
	if (s.before == s.first) { /* the last group is alone in its segment */
		buf_fini(&s.all);
		return true;
	}
	at = s.first + (int64_t)below((unsigned)(s.end - s.first));
	get_bytes(path_of(s.first), &byte, 1, at - s.first);
	byte = (char)(byte ^ 1 << below(8));
	put_bytes(path_of(s.first), &byte, 1, at - s.first);
	good = !open_writer(&w) && w.why.code == EX_DATAERR && strstr(w.why.msg, "--cut-at");
	loop_free(w.loop);
	if (good) {
		long long offset = strtoll(strstr(w.why.msg, "at offset ") + 10, NULL, 10);

		snprintf(at_text, sizeof(at_text), "%s/cut-%lld.log", dir, offset);
		good = offset <= at && !open_with(&w, offset + 1, 0) && w.why.code == EX_CONFIG;
		loop_free(w.loop);
		good = good && open_with(&w, offset, 0) && w.durable == offset &&
		       access(at_text, R_OK) == 0;
		if (good)
			close_writer(&w);
	}
	buf_fini(&s.all);
	return good;
}

static void test_property(void)
{
	unsigned torn = 0, flipped = 0;

	for (unsigned i = 0; i < 150; i++)
		torn += torn_once(2 + below(12));
	is_int(torn, 150, "a torn last group: exactly what was answered, or that group whole");
	for (unsigned i = 0; i < 60; i++)
		flipped += flipped_once(2 + below(12));
	is_int(flipped, 60, "a flipped bit below the durable end: 65, and --cut-at mends it");
}

/* ---- retention, quota */

static void fill(struct writer *w, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		put_line(w, i, 4000);
}

static bool first_moves(struct writer *w, int64_t behind)
{
	struct wal_state s;
	struct err err = ERR_INIT;
	int64_t deadline = tm_mono_us() + 20 * TM_S;

	do {
		wal_state(w->wal, &s);
		loop_turn(w->loop, tm_mono_us() + TM_S / 10, &err);
	} while (s.first <= behind && tm_mono_us() < deadline);
	return s.first > behind;
}

static void test_retention(void)
{
	struct writer w;
	struct wal_state s;
	struct wal_dir d;
	struct wal_page *p;
	struct wal_page_slot *a, *b;
	struct err err = ERR_INIT;
	bool fresh;
	int64_t low;

	empty_folder();
	if (!open_with(&w, -1, 4 * SEGMENT))
		exit(EX_OSERR);
	fill(&w, 40);
	wal_state(w.wal, &s);
	ok(s.first == 0 && s.acked == -1 && s.held == 0, "without a reader all is kept");
	wal_dir_open(&d, dir, &err);
	p = wal_page_open(&d, false, &fresh, &err);
	a = wal_page_reader(p, "a", 0, &err);
	b = wal_page_reader(p, "b", 0, &err);
	ok(a && b && a != b && wal_page_reader(p, "a", 5, &err) == a, "each reader has a slot");
	wal_page_ack(a, w.durable);
	wal_page_ack(b, SEGMENT);
	ok(first_moves(&w, 0), "what all have passed goes");
	wal_state(w.wal, &s);
	ok(s.first <= SEGMENT && access(path_of(0), F_OK) != 0 &&
		   access(path_of(s.first), F_OK) == 0,
	   "and nothing else");
	ok(s.held == SEGMENT, "what the slowest reader has not passed is held");
	low = s.first;
	while (put(&w, "{\"x\":1}\n", 8) == WAL_OK)
		fill(&w, 1);
	wal_state(w.wal, &s);
	ok(s.first == low && s.end - s.first <= 4 * SEGMENT && s.full, "the quota is the quota");
	wal_keep_from(w.wal, low);
	wal_page_ack(a, w.durable);
	wal_page_ack(b, w.durable);
	wal_state(w.wal, &s);
	ok(s.held == low, "and what is wished to be kept");
	wal_keep_from(w.wal, INT64_MAX);
	wal_state(w.wal, &s);
	ok(s.held == w.durable && s.held <= s.end, "else nothing that all have passed");
	ok(first_moves(&w, low) && put(&w, "{\"x\":1}\n", 8) == WAL_OK,
	   "with a reader that goes on there is room again");
	wal_page_free(p);
	wal_dir_close(&d);
	close_writer(&w);
}

static void test_folder(void)
{
	struct writer w, other;
	struct wal_state s;
	char path[128];

	empty_folder();
	ok(open_writer(&w) && !open_writer(&other) && other.why.code == EX_CONFIG &&
		   strstr(other.why.msg, "another process writes"),
	   "one writer: %s", other.why.msg);
	loop_free(other.loop);
	wal_sums(w.wal, 100, 3);
	put(&w, "", 0);
	put_line(&w, 1, 10);
	close_writer(&w);
	open_writer(&w);
	wal_state(w.wal, &s);
	ok(s.in == 100 && s.dup == 3 && s.end == s.durable && s.end > 2 * WAL_HEADER_BYTES,
	   "sums are kept");
	put_line(&w, 2, 20000);
	put_line(&w, 3, 40000);
	is_int(put(&w, path, 40 << 10), WAL_LONG, "an append that is too long");
	close_writer(&w);
	snprintf(path, sizeof(path), "%s/notes.txt", dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	ok(!open_writer(&w) && w.why.code == EX_CONFIG && strstr(w.why.msg, "notes.txt"), "%s",
	   w.why.msg);
	loop_free(w.loop);
	unlink(path);
	snprintf(path, sizeof(path), "%s/durable", dir);
	unlink(path);
	ok(open_writer(&w), "the page may be missing");
	wal_state(w.wal, &s);
	ok(s.end == s.durable && s.end > 20000 && s.first == 0, "the end is found by scanning");
	close_writer(&w);
}

static void test_failure(void)
{
	struct err err = ERR_INIT;
	struct writer w;
	struct buf got = { 0 };
	int64_t end, durable;

	empty_folder();
	open_writer(&w);
	put_line(&w, 0, 100);
	refuse_with = EOPNOTSUPP;
	put_line(&w, 1, 100);
	durable = w.durable;
	ok(durable > 2 * WAL_HEADER_BYTES + 200 && !w.why.code,
	   "without RWF_DSYNC it is pwrite and fdatasync");
	close_writer(&w);
	refuse_with = EIO;
	refuse_after = 0;
	open_writer(&w);
	put_line(&w, 2, 100);
	ok(w.why.code == EX_IOERR && w.durable == durable, "%s", w.why.msg);
	is_int(put(&w, "{}\n", 3), WAL_FAILED, "then nothing is taken");
	is_int(wal_close(w.wal, &err), -1, "and the end says so");
	loop_free(w.loop);
	refuse_with = 0;
	ok(open_writer(&w) && w.durable == durable, "the next one goes on at what was durable");
	put_line(&w, 3, 10);
	close_writer(&w);
	read_log(&got, &end);
	is_int(str_lines(buf_slice(&got)), 3, "with what was answered, and what came then");
	buf_fini(&got);
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/hta-wal.XXXXXX");
	if (!mkdtemp(dir))
		return EX_OSERR;
	test_format();
	test_dead();
	test_folder();
	test_retention();
	test_failure();
	test_property();
	empty_folder();
	return done();
}
