/* An intake's log: its bytes, retention, and a disk that fails. */
#include "wal_writer.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "intake/stamp.h"
#include "source/wal_dead.h"
#include "source/wal_format.h"

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
	int64_t deadline = tm_mono_us() + 60 * TM_S;

	do {
		wal_state(w->wal, &s);
		loop_turn(w->loop, tm_mono_us() + TM_S / 10, &err);
	} while (s.first <= behind && tm_mono_us() < deadline);
	return s.first > behind;
}

/* Readers learn that a segment is gone before it is. */
static bool is_gone(int64_t first)
{
	int64_t deadline = tm_mono_us() + 60 * TM_S;

	while (access(path_of(first), F_OK) == 0 && tm_mono_us() < deadline)
		poll(NULL, 0, 1);
	return access(path_of(first), F_OK) != 0;
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
	ok(s.first <= SEGMENT && is_gone(0) && access(path_of(s.first), F_OK) == 0,
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
	if (!mkdtemp(dir))
		return EX_OSERR;
	test_format();
	test_dead();
	test_folder();
	test_retention();
	test_failure();
	empty_folder();
	return done();
}
