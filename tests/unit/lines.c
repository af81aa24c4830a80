/* Each input is cut into pieces, read, and what was lent is written down a line at a time; it
 * has to equal what a plain look at each newline gives, whatever the pieces. */
#include "io/lines.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "random.h"
#include "tap.h"

static const char prefix[] = "{\"$hta\":\"0123456789abcdef\",";
enum { PREFIX = sizeof prefix - 1 };

/* ---- what is expected */
static void note(struct buf *out, char kind, size_t bytes, struct slice text)
{
	buf_printf(out, "%c %zu ", kind, bytes);
	buf_adds(out, text);
	buf_addc(out, '\n');
}

static void expected(struct slice s, size_t max_line, bool exempt, struct buf *out)
{
	while (s.n) {
		const char *nl = memchr(s.p, '\n', s.n);
		size_t n = nl ? (size_t)(nl - s.p) : s.n, limit = max_line;
		if (exempt && n >= PREFIX && memcmp(s.p, prefix, PREFIX) == 0)
			limit = LINES_EXEMPT_MAX;
		if (n > limit)
			note(out, nl ? 'L' : 'O', n, slice(s.p, n < LINES_KEEP ? n : LINES_KEEP));
		else
			note(out, nl ? 'B' : 'T', n, slice(s.p, n));
		s = slice(s.p + n + (nl != NULL), s.n - n - (nl != NULL));
	}
}

/* ---- what is lent */
static unsigned pads;

static void take(struct lines *in, enum lines_result r, struct slice b, struct buf *out)
{
	for (int i = 1; i <= LINES_PAD; i++) /* an address sanitizer sees what is not readable */
		pads += (unsigned char)b.p[-i] + (unsigned char)b.p[b.n + (size_t)i - 1];
	if (r == LINES_LONG)
		note(out, lines_long_open(in) ? 'O' : 'L', lines_long_bytes(in), b);
	else if (r == LINES_TAIL)
		note(out, 'T', b.n, b);
	while (r == LINES_BLOCK && b.n) {
		const char *nl = memchr(b.p, '\n', b.n);
		if (!nl) {
			note(out, '?', b.n, b); /* a block has to end with a newline */
			return;
		}
		size_t n = (size_t)(nl - b.p);
		note(out, 'B', n, slice(b.p, n));
		b = slice(b.p + n + 1, b.n - n - 1);
	}
}

/* Lends what is there. True: to be continued. */
static bool drain(struct lines *in, bool first, struct buf *out)
{
	struct err err = ERR_INIT;

	for (;;) {
		struct slice b;
		enum lines_result r = first ? lines_first(in, 0, &b, &err)
					    : lines_next(in, 0, &b, &err);
		if (r == LINES_TIMEOUT)
			return true;
		if (r == LINES_EOF)
			return false;
		if (r == LINES_ERROR) {
			buf_printf(out, "E %s\n", err.msg);
			return false;
		}
		take(in, r, b, out);
	}
}

enum how { PIPE, SOCKET, FILE_, HOWS };

/* step 0: all at once. */
static bool same(struct slice s, size_t max_line, bool exempt, bool first, size_t step,
		 enum how how)
{
	struct buf got = { 0 }, want = { 0 };
	struct loop *l = loop_new();
	int p[2];
	bool good;

	if (how == FILE_  ? (p[0] = memfd_create("lines", 0)) < 0 || (p[1] = dup(p[0])) < 0
	    : how == PIPE ? pipe(p)
			  : socketpair(AF_UNIX, SOCK_STREAM, 0, p))
		exit(EX_OSERR);
	struct lines *in = lines_new(l, p[0], max_line);
	if (exempt)
		lines_exempt(in, prefix, PREFIX);
	/* who has many pipes already, and is not root, gets small ones */
	size_t most = how == PIPE && fcntl(p[1], F_GETPIPE_SZ) < 50000 ? 4096 : 50000;
	if (!step || step > most || how == FILE_)
		step = how == FILE_ ? s.n + 1 : most;
	for (size_t at = 0; at < s.n; at += step) {
		size_t n = s.n - at < step ? s.n - at : step;
		if (write(p[1], s.p + at, n) != (ssize_t)n)
			exit(EX_OSERR);
		if (how != FILE_ && !drain(in, first, &got))
			buf_addz(&got, "ended early\n");
	}
	if (how == FILE_)
		lseek(p[0], 0, SEEK_SET);
	close(p[1]);
	if (drain(in, first, &got))
		buf_addz(&got, "no end\n");
	if (drain(in, first, &got))
		buf_addz(&got, "no end again\n");
	expected(s, max_line, exempt, &want);
	good = slice_eq(buf_slice(&got), buf_slice(&want)) && lines_bytes(in) == s.n;
	static int told;
	if (!good && told++ < 5)
		printf("# max_line %zu, exempt %d, first %d, step %zu, how %d, %zu bytes, read "
		       "%llu\n",
		       max_line, exempt, first, step, how, s.n,
		       (unsigned long long)lines_bytes(in));
	if (!good && told < 5 && got.n + want.n < 2000)
		printf("# got:\n%.*s# want:\n%.*s", (int)got.n, got.p ? got.p : "", (int)want.n,
		       want.p ? want.p : "");
	buf_fini(&got);
	buf_fini(&want);
	lines_free(in);
	loop_free(l);
	close(p[0]);
	return good;
}

static bool all_ways(struct slice s, size_t max_line)
{
	bool good = true;

	for (int exempt = 0; exempt < 2; exempt++)
		for (int first = 0; first < 2; first++)
			for (size_t step = 0; step <= s.n && step < 9; step++)
				for (int how = 0; how < HOWS; how++)
					good &= (how == FILE_ && step) ||
						same(s, max_line, exempt, first, step,
						     (enum how)how);
	return good;
}

static void small_inputs(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\n\n",
		"a",
		"a\n",
		"a\nb",
		"a\r\nb\r\n",
		"\n\na\n\n",
		"abcdefgh\n",
		"abcdefgh",
		"abcdefghi\n",
		"abcdefghi",
		"abcdefghi\nx\n",
		"x\nabcdefghi\n",
		"x\nabcdefghi\ny\nabcdefghijklmnop\nz",
		"12345678\n12345678\n123456789\n1\n",
		"123456789\n123456789\n123456789",
		"1234567890123456789\n\n\n",
		"{\"$hta\":\"0123456789abcdef\",1}\n",
		"a\n{\"$hta\":\"0123456789abcdef\",12}\nabcdefghi\n",
		"{\"$hta\":\"0123456789abcdeX\",1}\n",
		"{\"$hta\":\"01\n",
		"{\"$hta\":\"0123456789abcdef\"",
		"{\"$hta\":\"0123456789abcdef\",\n{",
	};
	char all[256];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		bool good = true;
		for (size_t max = 0; max < 12; max++)
			good &= all_ways(slice_z(texts[i]), max);
		good &= all_ways(slice_z(texts[i]), 1 << 20) &&
			all_ways(slice_z(texts[i]), SIZE_MAX);
		ok(good, "text %zu, %zu bytes", i, strlen(texts[i]));
	}
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)i;
	ok(all_ways(slice(all, sizeof all), 1000) && all_ways(slice(all, sizeof all), 20),
	   "any byte, NUL too");
}

/* Lines of n bytes and their neighbours around every limit that the reader has. */
static void boundaries(void)
{
	static const size_t sizes[] = {
		LINES_KEEP,
		LINES_READ_BYTES,
		LINES_READ_BYTES + LINES_READ_BYTES / 4,
		3 * LINES_READ_BYTES,
	};
	static const size_t steps[] = { 0, 997, 4096, 32768 };
	static const size_t maxima[] = { 100, LINES_KEEP, LINES_READ_BYTES, 1 << 20 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		bool good = true;
		for (size_t n = sizes[i] - 2; n <= sizes[i] + 2; n++) {
			struct buf s = { 0 };
			buf_addz(&s, "first\n");
			memset(buf_room(&s, n), 'x', n);
			s.n += n;
			buf_addz(&s, "\nnext\n");
			for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++)
				for (size_t m = 0; m < sizeof maxima / sizeof maxima[0]; m++)
					for (size_t cut = 0; cut < 7; cut += 5)
						good &= same(slice(s.p, s.n - cut), maxima[m], true,
							     false, steps[k],
							     k & 1 ? SOCKET : PIPE) &&
							same(slice(s.p, s.n - cut), maxima[m], true,
							     n & 1, 0, FILE_);
			buf_fini(&s);
		}
		ok(good, "lines of about %zu bytes", sizes[i]);
	}
	for (size_t max = LINES_READ_BYTES - 1; max <= LINES_READ_BYTES + 1; max++) {
		struct buf s = { 0 };
		for (size_t n = max - 1; n <= max + 1; n++) {
			memset(buf_room(&s, n + 1), 'y', n);
			s.p[s.n + n] = '\n';
			s.n += n + 1;
		}
		ok(same(buf_slice(&s), max, false, false, 0, FILE_) &&
			   same(buf_slice(&s), max, false, false, 12345, PIPE),
		   "lines at a limit of %zu", max);
		buf_fini(&s);
	}
}

static void random_inputs(void)
{
	bool good = true;

	for (int round = 0; round < 150 && good; round++) {
		size_t want = below(1 << below(21)), typical = 1 + below(1 << below(13)),
		       max = below(1 << below(19));
		struct buf s = { 0 };
		while (s.n < want) {
			size_t n = below((unsigned)typical * (below(20) ? 2 : 60));
			if (below(10) == 0)
				buf_add(&s, prefix, PREFIX);
			memset(buf_room(&s, n), 'a' + (int)below(26), n);
			s.n += n;
			if (below(100))
				buf_addc(&s, '\n');
		}
		good = same(buf_slice(&s), max, round & 1, false, 1 + below(60000),
			    (enum how)(round % 3));
		buf_fini(&s);
	}
	ok(good, "random lines, limits and pieces");
}

/* 80 MiB in one line: kept by its start, and in bounded memory, whether it is exempt or not. */
static void endless_line(bool exempt)
{
	enum { PIECE = 1 << 20, PIECES = 80 };
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct slice b;
	int p[2];

	if (pipe(p))
		exit(EX_OSERR);
	pid_t pid = fork();
	if (pid == 0) {
		char *piece = mem_alloc(PIECE);
		memset(piece, 'z', PIECE);
		close(p[0]);
		bool good = write(p[1], prefix, PREFIX) == PREFIX;
		for (int i = 0; i < PIECES; i++)
			good &= write(p[1], piece, PIECE) == PIECE;
		good &= write(p[1], "\nend\n", 5) == 5;
		_exit(good ? 0 : 1);
	}
	close(p[1]);
	struct lines *in = lines_new(l, p[0], 1 << 20);
	if (exempt)
		lines_exempt(in, prefix, PREFIX);
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_LONG,
	       exempt ? "an exempt line beyond its limit" : "an endless line");
	is_int(lines_long_bytes(in), PREFIX + (long)PIECE * PIECES, "its length");
	ok(!lines_long_open(in), "it ended");
	is_int(b.n, LINES_KEEP, "what is kept");
	ok(memcmp(b.p, prefix, PREFIX) == 0 && b.p[b.n - 1] == 'z', "its start");
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_BLOCK, "then the next");
	is_bytes(b.p, b.n, "end\n", "whole");
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_EOF, "the end");
	lines_free(in);
	loop_free(l);
	close(p[0]);
	int status;
	ok(waitpid(pid, &status, 0) == pid && status == 0, "the writer wrote all");
}

/* ---- waiting */

/* Half a line is waited for until its time, and that is counted. A machine that is busy may pass
 * some of it before the wait begins: then another wait counts. */
static bool waits_and_counts(struct lines *in)
{
	struct slice b;
	int64_t us = 0;

	for (int i = 0; us < 19000 && i < 50; i++) {
		int64_t start = tm_mono_us(), before = (int64_t)lines_blocked_us(in);

		if (lines_next(in, start + 20000, &b, NULL) != LINES_TIMEOUT ||
		    tm_mono_us() - start < 20000)
			return false;
		us = (int64_t)lines_blocked_us(in) - before;
	}
	return us >= 19000;
}

static void deadlines(void)
{
	struct err err = ERR_INIT, stop = ERR_INIT;
	struct loop *l = loop_new();
	struct slice b;
	int p[2];

	if (pipe(p))
		exit(EX_OSERR);
	struct lines *in = lines_new(l, p[0], 100);
	is_int(lines_next(in, 0, &b, &err), LINES_TIMEOUT, "nothing there");
	is_int(write(p[1], "half", 4), 4, "half a line");
	ok(waits_and_counts(in), "is not lent; the time is waited for, and counted");
	is_int(write(p[1], " and half\nsecond\nthird\nfou", 26), 26, "the rest");
	is_int(lines_first(in, INT64_MAX, &b, &err), LINES_BLOCK, "the first line");
	is_bytes(b.p, b.n, "half and half\n", "alone");
	lines_exempt(in, prefix, PREFIX);
	is_int(lines_next(in, 0, &b, &err), LINES_BLOCK, "then the others");
	is_bytes(b.p, b.n, "second\nthird\n", "in one block");
	err_set(&stop, EX_TEMPFAIL, "out");
	loop_stop(l, &stop);
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_ERROR, "a stopped loop");
	is_int(err.code, EX_TEMPFAIL, "tells its error");
	lines_free(in);
	loop_free(l);
	close(p[0]), close(p[1]);
}

/* ---- compressed input */

/* The text of two gzip members, written by `step` bytes, read while it comes. */
static bool reads_packed(const char *packed, size_t n, size_t step, size_t cut, const char *want)
{
	struct loop *l = loop_new();
	struct buf got = { 0 };
	bool good, open = true;
	int p[2];

	if (pipe(p))
		exit(EX_OSERR);
	struct lines *in = lines_new(l, p[0], 100);
	lines_name(in, "f");
	for (size_t at = 0; at < n - cut && open; at += step) {
		size_t k = n - cut - at < step ? n - cut - at : step;
		if (write(p[1], packed + at, k) != (ssize_t)k)
			exit(EX_OSERR);
		open = drain(in, at & 1, &got);
	}
	close(p[1]);
	if (open && drain(in, false, &got))
		buf_addz(&got, "no end\n");
	good = strcmp(buf_z(&got), want) == 0;
	if (!good)
		printf("# step %zu, cut %zu, got:\n# %s\n", step, cut, buf_z(&got));
	buf_fini(&got);
	lines_free(in);
	loop_free(l);
	close(p[0]);
	return good;
}

static void compressed(void)
{
	/* printf 'one\ntwo\nthr' | gzip -n; printf 'ee\nfour' | gzip -n */
	static const char packed[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\xcf\x4b\xe5\x2a\x29\xcf\xe7"
				     "\x2a\xc9\x28\x02\0\x78\xc7\xb9\xda\x0b\0\0\0"
				     "\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4d\xe5\x4a\xcb\x2f\x2d\x02"
				     "\0\x15\x83\xee\xe7\x07\0\0\0";
	const size_t n = sizeof packed - 1;

	for (size_t step = 1; step <= n; step += step < 12 ? 1 : 20) {
		ok(reads_packed(packed, n, step, 0, "B 3 one\nB 3 two\nB 5 three\nT 4 four\n"),
		   "compressed, by %zu bytes", step);
		ok(reads_packed(packed, n, step, 4,
				"B 3 one\nB 3 two\nB 5 three\nE f: gzip data are damaged at byte "
				"54, behind 18 bytes of text: "
				"they end in the middle\n"),
		   "... and cut off");
	}
	ok(reads_packed("\x1f\x8c\n", 3, 1, 0, "B 2 \x1f\x8c\n") &&
		   reads_packed("\x1f", 1, 1, 0, "T 1 \x1f\n") &&
		   reads_packed("PK\n", 3, 1, 0, "B 2 PK\n") &&
		   reads_packed("BZh91AY&S", 9, 4, 0, "T 9 BZh91AY&S\n"),
	   "text that begins nearly so");
	ok(reads_packed("PK\x03\x04", 4, 1, 0,
			"E f: is in the format of zip, which is not read here: unzip -p f | hta\n"),
	   "a format that is not read");
}

static void others(void)
{
	struct err err = ERR_INIT;
	struct loop *l = loop_new();
	struct slice b;
	int dir = open("/", O_RDONLY | O_DIRECTORY), null = open("/dev/null", O_RDONLY), p[2];

	struct lines *in = lines_new(l, dir, 100);
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_ERROR, "a folder");
	is_int(err.code, EX_IOERR, "is a read error");
	is_str(err.msg, "/: Is a directory", "with its path");
	lines_free(in);
	in = lines_new(l, null, 100);
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_EOF, "/dev/null is empty");
	lines_free(in);
	in = lines_new(NULL, null, 100);
	is_int(lines_next(in, INT64_MAX, &b, &err), LINES_EOF, "without a loop too");
	lines_free(in);
	if (pipe2(p, O_NONBLOCK) || write(p[1], "a\nb", 3) != 3)
		exit(EX_OSERR);
	in = lines_new(NULL, p[0], 100);
	is_int(lines_next(in, 0, &b, &err), LINES_BLOCK, "a pipe without a loop");
	close(p[1]);
	is_int(lines_next(in, 0, &b, &err), LINES_TAIL, "its tail");
	is_bytes(b.p, b.n, "b", "without a newline");
	is_int(lines_next(in, 0, &b, &err), LINES_EOF, "its end");
	lines_free(in);
	lines_free(NULL);
	loop_free(l);
	close(dir), close(null), close(p[0]);
}

static ssize_t fill(void *arg, void *p, size_t n, struct err *err)
{
	static const char *const texts[] = { "one\ntw", "o\nthree" };
	int call = (*(int *)arg)++;

	if (call < 2)
		return snprintf(p, n, "%s", texts[call]);
	return call < 3 ? 0 : err_set(err, EX_DATAERR, "broken");
}

static void from_function(void)
{
	struct err err = ERR_INIT;
	struct slice b;
	int calls = 0;
	struct lines *in = lines_new_from(fill, &calls, 100);

	is_int(lines_next(in, 0, &b, &err), LINES_BLOCK, "a function fills");
	is_bytes(b.p, b.n, "one\n", "whole lines");
	is_int(lines_next(in, 0, &b, &err), LINES_BLOCK, "again");
	is_bytes(b.p, b.n, "two\n", "joined");
	is_int(lines_next(in, 0, &b, &err), LINES_TAIL, "its tail");
	is_bytes(b.p, b.n, "three", "at the end");
	lines_free(in);
	in = lines_new_from(fill, &calls, 100);
	is_int(lines_next(in, 0, &b, &err), LINES_ERROR, "its error");
	is_int(err.code, EX_DATAERR, "is told as it is");
	lines_free(in);
}

int main(void)
{
	small_inputs();
	boundaries();
	random_inputs();
	endless_line(false);
	endless_line(true);
	deadlines();
	compressed();
	others();
	from_function();
	return done();
}
