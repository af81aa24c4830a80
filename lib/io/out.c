/* The buffer is [sent, used): bytes before `sent` are written. It is our own, or one of the
 * pages that are lent to the pipe's reader: then the next flush ends with another one. A pipe or
 * socket is non-blocking only while a writer with a loop lives: the flag belongs to the open
 * file, which the shell, standard error or the next program may share, so it is put back when
 * the writer goes or the program exits. */
#include "io/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "io/fd.h"
#include "io/pipe_zerocopy.h"

struct out {
	struct loop *loop;
	int fd;
	enum fd_kind kind;
	bool flag_set, reader_left;
	char *p; /* own, or a chunk of lend */
	size_t sent, used, cap;
	char *own;
	size_t own_cap;
	struct pipe_zerocopy *lend; /* NULL: not a pipe */
	int watch;                  /* 0: none */
	uint64_t bytes, blocked_us;
	struct out *next; /* of those that set the flag */
};

static struct out *flagged;

static void clear_flag(const struct out *o)
{
	int flags = fcntl(o->fd, F_GETFL);

	if (flags >= 0)
		fcntl(o->fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void clear_all_flags(void)
{
	for (const struct out *o = flagged; o; o = o->next)
		clear_flag(o);
}

static void set_flag(struct out *o)
{
	static bool at_exit;
	int flags = fcntl(o->fd, F_GETFL);

	if (flags < 0 || flags & O_NONBLOCK || fcntl(o->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return;
	o->flag_set = true;
	o->next = flagged;
	flagged = o;
	if (!at_exit)
		atexit(clear_all_flags);
	at_exit = true;
}

static void use_own(struct out *o)
{
	o->p = o->own;
	o->cap = o->own_cap;
}

struct out *out_new(struct loop *l, int fd, size_t buffer_bytes)
{
	struct out *o = mem_zalloc(sizeof(*o));

	o->loop = l;
	o->fd = fd;
	o->kind = fd_kind(fd);
	o->own_cap = buffer_bytes ? buffer_bytes : 1;
	o->own = mem_alloc(o->own_cap);
	use_own(o);
	fd_enlarge(fd);
	if (o->kind == FD_PIPE)
		o->lend = pipe_zerocopy_new(fd);
	if (l && (o->kind == FD_PIPE || o->kind == FD_SOCKET))
		set_flag(o);
	return o;
}

void out_free(struct out *o)
{
	if (!o)
		return;
	if (o->watch)
		loop_unwatch(o->loop, o->watch);
	if (o->flag_set) {
		struct out **at = &flagged;
		while (*at != o)
			at = &(*at)->next;
		*at = o->next;
		clear_flag(o);
	}
	pipe_zerocopy_free(o->lend);
	free(o->own);
	free(o);
}

static int left(struct out *o, struct err *err)
{
	char name[FD_NAME_BYTES];

	o->reader_left = true;
	return err_set(err, EX_TEMPFAIL, "the reader of %s has left", fd_name(o->fd, name));
}

/* After a write that did not succeed: 0 to try again. */
static int mend(struct out *o, struct err *err)
{
	char name[FD_NAME_BYTES];
	int64_t start;
	int rc;

	if (errno == EINTR)
		return 0;
	if (errno == EPIPE || (errno == ECONNRESET && o->kind == FD_SOCKET))
		return left(o, err);
	if (errno != EAGAIN)
		return err_errno(err, EX_IOERR, "%s", fd_name(o->fd, name));
	start = tm_mono_us();
	if (o->loop)
		rc = loop_wait(o->loop, o->fd, POLLOUT, INT64_MAX, err);
	else
		rc = poll(&(struct pollfd){ .fd = o->fd, .events = POLLOUT }, 1, -1);
	o->blocked_us += (uint64_t)(tm_mono_us() - start);
	return o->loop && rc < 0 ? -1 : 0;
}

/* Writes a part of the buffer and dies, as kill -9 in the middle of a write would have it. */
_Noreturn static void die_half_way(const struct out *o, const char *p, size_t n)
{
	n = n > 1 ? n / 2 : n;
	if (n > 1 && p[n - 1] == '\n')
		n--;
	while (write(o->fd, p, n) < 0 && errno == EAGAIN &&
	       poll(&(struct pollfd){ .fd = o->fd, .events = POLLOUT }, 1, -1) >= 0)
		;
	crash_die();
}

/* Writes all; *done counts also when it fails. */
static int put_bytes(struct out *o, const char *p, size_t n, size_t *done, struct err *err)
{
	if (crash_now(CRASH_LINE_HALF))
		die_half_way(o, p + *done, n - *done);
	while (*done < n) {
		ssize_t k = o->lend ? pipe_zerocopy_write(o->lend, p + *done, n - *done)
				    : write(o->fd, p + *done, n - *done);
		if (k > 0)
			*done += (size_t)k;
		else if (k < 0 && mend(o, err))
			return -1;
	}
	return 0;
}

/* A buffer to fill, when all is written. */
static void choose(struct out *o)
{
	char *chunk = o->lend ? pipe_zerocopy_chunk(o->lend) : NULL;

	use_own(o);
	if (chunk) {
		o->p = chunk;
		o->cap = PIPE_ZEROCOPY_CHUNK_BYTES;
	}
}

int out_flush(struct out *o, struct err *err)
{
	while (o->sent < o->used) /* a callback may have added while we waited */
		if (put_bytes(o, o->p, o->used, &o->sent, err))
			return -1;
	o->sent = o->used = 0;
	choose(o);
	return 0;
}

/* Through chunks, piece by piece, as long as there are some. */
static int pipe_zerocopy_all(struct out *o, const char *p, size_t n, size_t *done, struct err *err)
{
	while (*done < n && o->p != o->own) {
		size_t k = n - *done < o->cap - o->used ? n - *done : o->cap - o->used;

		memcpy(o->p + o->used, p + *done, k);
		o->used += k;
		*done += k;
		if (o->used == o->cap && out_flush(o, err))
			return -1;
	}
	return 0;
}

int out_write(struct out *o, const void *p, size_t n, struct err *err)
{
	size_t done = 0;

	if (n > o->cap - o->used && out_flush(o, err))
		return -1;
	if (n >= o->cap && pipe_zerocopy_all(o, p, n, &done, err))
		return -1;
	if (n - done >= o->cap) {
		if (put_bytes(o, p, n, &done, err))
			return -1;
	} else if (n > done) {
		memcpy(o->p + o->used, (const char *)p + done, n - done);
		o->used += n - done;
	}
	o->bytes += n;
	return 0;
}

char *out_room(struct out *o, size_t n, struct err *err)
{
	if (n > o->cap - o->used && out_flush(o, err))
		return NULL;
	if (n > o->cap) {
		mem_reserve(&o->own, &o->own_cap, n, 1);
		use_own(o);
	}
	return o->p + o->used;
}

void out_used(struct out *o, size_t n)
{
	if (n > o->cap - o->used)
		BUG("%zu bytes used of %zu", n, o->cap - o->used);
	o->used += n;
	o->bytes += n;
}

size_t out_pending(const struct out *o)
{
	return o->used - o->sent;
}

uint64_t out_bytes(const struct out *o)
{
	return o->bytes;
}

uint64_t out_lent_bytes(const struct out *o)
{
	return o->lend ? pipe_zerocopy_bytes(o->lend) : 0;
}

uint64_t out_blocked_us(const struct out *o)
{
	return o->blocked_us;
}

static void on_left(void *arg, int fd, short revents)
{
	struct out *o = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)revents;
	loop_unwatch(o->loop, o->watch);
	o->watch = 0;
	left(o, &err);
	loop_stop(o->loop, &err);
}

void out_watch_reader(struct out *o)
{
	if (o->loop && !o->watch && o->kind != FD_FILE)
		o->watch = loop_watch(o->loop, o->fd, 0, on_left, o);
}

bool out_reader_left(const struct out *o)
{
	return o->reader_left;
}
