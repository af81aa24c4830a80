/* One buffer; [start, end) is what was read and not yet lent, [start, whole) of it are whole lines:
 *
 * 	| pad ....... start ======== \n ==== \n whole ---- tail ---- end  ... room ... | pad |
 *
 * A call lends up to `whole`. Only when no whole line is left is the tail, a part of one line,
 * moved to the front and more read behind it; it is put so that the read begins on a cache line.
 * So a byte is moved at most once a read and lines are never copied otherwise.
 *
 * Over-long lines inside a block are found without looking at each line: if the last \n in the
 * max_line + 1 bytes from a line's start exists, all lines up to it are short enough, and the
 * search goes on behind it; it costs the length of one line in max_line bytes, and nothing where
 * the block is shorter than max_line. A line whose start fills max_line without a \n is
 * over-long (or exempt): its first LINES_KEEP bytes stay at `start`, the rest is read over and
 * over into the room behind them and counted.
 *
 * The first bytes of a descriptor are looked at once. If they are compressed, they move to a
 * decoder, and it is the decoder's text that is read behind `end` from then on. */
#include "io/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/decoder.h"
#include "io/fd.h"
#include "io/pipe_zerocopy.h"

enum { ALIGN = 64, PREFIX_BYTES = 64 };

struct lines {
	struct loop *loop;
	int fd;
	const char *name; /* NULL: fd_name() */
	lines_fill *fill; /* NULL: reads fd */
	void *fill_arg;
	struct decoder *decoder; /* NULL: what is read is text */
	bool looked;             /* whether it is, is known */
	bool may_wait, eof;
	bool skipping; /* inside an over-long line; what is kept of it is [start, end) */
	bool long_open;
	size_t max_line;
	char prefix[PREFIX_BYTES];
	size_t prefix_n;
	char *p;
	size_t cap, start, whole, end;
	uint64_t bytes, blocked_us, long_bytes;
};

static struct lines *new (int fd, size_t max_line_bytes)
{
	struct lines *in = mem_zalloc(sizeof(*in));

	in->fd = fd;
	in->max_line = max_line_bytes < SIZE_MAX / 4 ? max_line_bytes : SIZE_MAX / 4;
	in->cap = LINES_PAD + ALIGN + LINES_READ_BYTES + LINES_READ_BYTES / 4 + LINES_PAD;
	in->p = mem_zalloc(in->cap);
	in->start = in->whole = in->end = LINES_PAD;
	return in;
}

struct lines *lines_new(struct loop *l, int fd, size_t max_line_bytes)
{
	struct lines *in = new (fd, max_line_bytes);

	in->loop = l;
	in->may_wait = fd_kind(fd) != FD_FILE;
	fd_enlarge(fd);
	pipe_zerocopy_read(fd);
	return in;
}

struct lines *lines_new_from(lines_fill *fill, void *arg, size_t max_line_bytes)
{
	struct lines *in = new (-1, max_line_bytes);

	in->fill = fill;
	in->fill_arg = arg;
	in->looked = true;
	return in;
}

void lines_free(struct lines *in)
{
	if (!in)
		return;
	if (!in->fill)
		pipe_zerocopy_read_end(in->fd);
	decoder_free(in->decoder);
	free(in->p);
	free(in);
}

void lines_name(struct lines *in, const char *name)
{
	in->name = name;
}

void lines_exempt(struct lines *in, const char *prefix, size_t n)
{
	if (n > PREFIX_BYTES)
		BUG("exempt prefix of %zu bytes", n);
	memcpy(in->prefix, prefix, n);
	in->prefix_n = n;
}

uint64_t lines_long_bytes(const struct lines *in)
{
	return in->long_bytes;
}

bool lines_long_open(const struct lines *in)
{
	return in->long_open;
}

uint64_t lines_bytes(const struct lines *in)
{
	return in->bytes;
}

uint64_t lines_blocked_us(const struct lines *in)
{
	return in->blocked_us;
}

/* ---- reading */
static void make_room(struct lines *in)
{
	size_t n = in->end - in->start, least = LINES_READ_BYTES + LINES_PAD;
	size_t front = LINES_PAD + (ALIGN - n % ALIGN) % ALIGN;

	if (in->cap - in->end >= least && in->start < LINES_PAD + ALIGN)
		return;
	if (in->start > front) {
		memmove(in->p + front, in->p + in->start, n);
		in->start = in->whole = front;
		in->end = front + n;
	}
	if (in->cap - in->end < least)
		mem_reserve(&in->p, &in->cap, in->end + least, 1);
}

static int wait_for_input(struct lines *in, int64_t deadline_us, struct err *err)
{
	int64_t from = tm_mono_us();
	int rc = in->loop ? loop_wait(in->loop, in->fd, POLLIN, deadline_us, err)
			  : poll(&(struct pollfd){ .fd = in->fd, .events = POLLIN }, 1, -1);

	in->blocked_us += (uint64_t)(tm_mono_us() - from);
	return rc;
}

static const char *lines_name_of(const struct lines *in, char name[FD_NAME_BYTES])
{
	return in->name ? in->name : fd_name(in->fd, name);
}

/* Is what begins at `start` compressed? Nothing was lent yet. */
static void look_lines(struct lines *in)
{
	char *p = in->p + in->start, name[FD_NAME_BYTES];
	size_t n = in->end - in->start;
	enum decoder_look is = decoder_look(p, n);

	in->looked = is != DECODER_UNSURE;
	if (is != DECODER_PACKED)
		return;
	in->decoder = decoder_new(p, n, in->fd == STDIN_FILENO ? NULL : lines_name_of(in, name),
				  NULL);
	memcpy(decoder_room(in->decoder), p, n);
	decoder_filled(in->decoder, n);
	in->end = in->start;
	in->bytes = 0;
}

/* One read of the descriptor, behind `end` or into the decoder. >= 0: bytes; -1 with errno. */
static ssize_t read_fd(struct lines *in)
{
	size_t unsure = in->looked ? 0 : in->end - in->start;
	ssize_t n;

	if (!in->decoder)
		return read(in->fd, in->p + in->end, LINES_READ_BYTES - unsure);
	n = read(in->fd, decoder_room(in->decoder), DECODER_ROOM_BYTES);
	if (n >= 0)
		decoder_filled(in->decoder, (size_t)n);
	return n;
}

/* Text of the decoder. EOF: it needs more of the descriptor. */
static enum lines_result decode_lines(struct lines *in, struct err *err)
{
	ssize_t n = decoder_read(in->decoder, in->p + in->end, LINES_READ_BYTES, err);

	if (n <= 0)
		return n < 0 ? LINES_ERROR : LINES_EOF;
	in->end += (size_t)n;
	in->bytes += (uint64_t)n;
	return LINES_BLOCK;
}

/* One read behind `end`. BLOCK: there is more, or EOF, TIMEOUT, ERROR. */
static enum lines_result read_more(struct lines *in, int64_t deadline_us, struct err *err)
{
	char name[FD_NAME_BYTES];
	bool must_wait = in->loop && in->may_wait;

	for (;;) {
		enum lines_result r = in->decoder ? decode_lines(in, err) : LINES_EOF;

		if (r != LINES_EOF)
			return r;
		if (must_wait) {
			int rc = wait_for_input(in, deadline_us, err);
			if (rc == 0 && in->loop)
				return LINES_TIMEOUT;
			if (rc < 0 && in->loop)
				return LINES_ERROR;
		}
		ssize_t n = in->fill
				    ? in->fill(in->fill_arg, in->p + in->end, LINES_READ_BYTES, err)
				    : read_fd(in);
		if (n > 0 && in->decoder)
			continue;
		if (n > 0) {
			in->end += (size_t)n;
			in->bytes += (uint64_t)n;
			if (!in->looked)
				look_lines(in);
			if (!in->looked || in->decoder)
				continue;
			return LINES_BLOCK;
		}
		if (n == 0) {
			r = in->decoder ? decode_lines(in, err) : LINES_EOF;
			in->eof = r == LINES_EOF;
			return r;
		}
		if (in->fill)
			return LINES_ERROR;
		if (errno != EINTR && errno != EAGAIN) {
			err_errno(err, EX_IOERR, "%s", lines_name_of(in, name));
			return LINES_ERROR;
		}
		must_wait = must_wait || errno == EAGAIN;
	}
}

/* ---- lending */
/* How long the line that starts with the n bytes at `at` may be. An incomplete one may still
 * turn out to be exempt. */
static size_t limit(const struct lines *in, size_t at, size_t n, bool complete)
{
	bool exempt = in->prefix_n && (n >= in->prefix_n || !complete) &&
		      memcmp(in->p + at, in->prefix, n < in->prefix_n ? n : in->prefix_n) == 0;

	return exempt && in->max_line < LINES_EXEMPT_MAX ? (size_t)LINES_EXEMPT_MAX : in->max_line;
}

/* Where the first over-long line of [start, whole) starts; whole: there is none. */
static size_t find_long(const struct lines *in)
{
	size_t at = in->start;

	while (in->whole - at > in->max_line + 1) {
		const char *nl = memrchr(in->p + at, '\n', in->max_line + 1);
		if (!nl) {
			nl = memchr(in->p + at + in->max_line + 1, '\n',
				    in->whole - at - in->max_line - 1);
			size_t n = (size_t)(nl - in->p) - at;
			if (n > limit(in, at, n, true))
				return at;
		}
		at = (size_t)(nl - in->p) + 1;
	}
	return in->whole;
}

static struct slice take(struct lines *in, size_t end)
{
	struct slice s = { in->p + in->start, end - in->start };

	in->start = end;
	return s;
}

static size_t first_end(const struct lines *in)
{
	const char *nl = memchr(in->p + in->start, '\n', in->whole - in->start);

	return (size_t)(nl - in->p) + 1;
}

/* From [start, whole), which is not empty. */
static enum lines_result lend(struct lines *in, bool first_only, struct slice *block)
{
	size_t end = find_long(in);

	if (end == in->start) {
		*block = take(in, first_end(in));
		in->long_bytes = --block->n;
		if (block->n > LINES_KEEP)
			block->n = LINES_KEEP;
		return LINES_LONG;
	}
	*block = take(in, first_only ? first_end(in) : end);
	return LINES_BLOCK;
}

/* ---- over-long lines that were not read to their end */
static void skip_start(struct lines *in)
{
	size_t n = in->end - in->start;

	in->skipping = true;
	in->long_bytes = n;
	if (n > LINES_KEEP)
		in->end = in->start + LINES_KEEP;
}

/* Looks at the bytes from `from` on, which were just read. True: the line is complete. */
static bool skip_more(struct lines *in, size_t from, struct slice *kept)
{
	const char *nl = memchr(in->p + from, '\n', in->end - from), *last;
	size_t n = (nl ? (size_t)(nl - in->p) : in->end) - from,
	       room = LINES_KEEP - (from - in->start);

	in->long_bytes += n;
	*kept = slice(in->p + in->start, from - in->start + (n < room ? n : room));
	if (!nl) {
		in->end = in->start + kept->n;
		return false;
	}
	in->skipping = false;
	in->start = (size_t)(nl - in->p) + 1;
	last = memrchr(in->p + in->start, '\n', in->end - in->start);
	in->whole = last ? (size_t)(last - in->p) + 1 : in->start;
	return true;
}

static enum lines_result finish_lines(struct lines *in, struct slice *block)
{
	size_t n = in->end - in->start;

	if (!in->skipping && n > limit(in, in->start, n, true))
		skip_start(in); /* looked like an exempt line up to the end */
	*block = take(in, in->end);
	in->whole = in->end;
	if (in->skipping) {
		in->skipping = false;
		in->long_open = true;
		return LINES_LONG;
	}
	return block->n ? LINES_TAIL : LINES_EOF;
}

static enum lines_result next_block(struct lines *in, bool first_only, int64_t deadline_us,
				    struct slice *block, struct err *err)
{
	*block = slice(NULL, 0);
	for (;;) {
		if (in->start < in->whole)
			return lend(in, first_only, block);
		if (in->eof)
			return finish_lines(in, block);
		if (!in->skipping &&
		    in->end - in->start > limit(in, in->start, in->end - in->start, false))
			skip_start(in);
		make_room(in);
		size_t from = in->looked ? in->end : in->start;
		enum lines_result r = read_more(in, deadline_us, err);
		if (r == LINES_EOF)
			continue;
		if (r != LINES_BLOCK)
			return r;
		if (in->skipping) {
			if (skip_more(in, from, block))
				return LINES_LONG;
			continue;
		}
		const char *nl = memrchr(in->p + from, '\n', in->end - from);
		in->whole = nl ? (size_t)(nl - in->p) + 1 : in->start;
	}
}

enum lines_result lines_next(struct lines *in, int64_t deadline_us, struct slice *block,
			     struct err *err)
{
	return next_block(in, false, deadline_us, block, err);
}

enum lines_result lines_first(struct lines *in, int64_t deadline_us, struct slice *line,
			      struct err *err)
{
	return next_block(in, true, deadline_us, line, err);
}
