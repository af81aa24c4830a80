/* --volatile: no log. Lines go to standard output as they are taken, and a request is answered when
 * its lines have left: whoever reads them has them, or nobody. What follows stands in for the log's
 * writer (source/wal_write.h):
 *
 *	append -> pending -> written to standard output, as far as it takes it -> durable()
 *
 * Pending is bounded: beyond it WAL_BUSY, and room() once half of it is gone. Standard output does
 * not block where it is a pipe; the loop watches it while there is something to write. Offsets are
 * bytes since the start. */
#include "app/ingest_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "io/fd.h"

enum { PENDING_MOST = 8 << 20 };

/* ---- writing */
static size_t unwritten(const struct ingest *g)
{
	return g->pending.n - g->pending_at;
}

static void tell_written(struct ingest *g)
{
	const struct wal_done done = { .end = g->volatile_end - (int64_t)unwritten(g) };

	ingest_wal_hooks.durable(g, &done);
	if (g->pending_full && unwritten(g) < PENDING_MOST / 2) {
		g->pending_full = false;
		ingest_wal_hooks.room(g);
	}
}

static void stop_writing(struct ingest *g)
{
	g->pending.n = g->pending_at = 0;
	loop_unwatch(g->loop, g->output_watch);
	g->output_watch = -1;
}

/* A request without lines, all of them known, is due as well: then nothing is written. */
static void write_pending(void *arg, int fd, short revents)
{
	struct ingest *g = arg;
	struct err err = ERR_INIT;
	ssize_t n = write(fd, g->pending.p + g->pending_at, unwritten(g));

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		err_errno(&err, errno == EPIPE ? EX_TEMPFAIL : EX_IOERR, "standard output");
		stop_writing(g);
		ingest_wal_hooks.failed(g, &err);
		return;
	}
	g->pending_at += (size_t)n;
	if (!unwritten(g)) {
		stop_writing(g);
	} else if (g->pending_at > g->pending.n / 2) {
		g->pending.n -= g->pending_at;
		memmove(g->pending.p, g->pending.p + g->pending_at, g->pending.n);
		g->pending_at = 0;
	}
	tell_written(g);
}

static void set_blocking(bool blocking)
{
	enum fd_kind kind = fd_kind(STDOUT_FILENO);
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags >= 0 && (kind == FD_PIPE || kind == FD_SOCKET))
		fcntl(STDOUT_FILENO, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/* ---- in place of the log */
void ingest_volatile_open(void)
{
	set_blocking(false);
}

void ingest_volatile_close(struct ingest *g)
{
	set_blocking(true);
	buf_fini(&g->pending);
}

enum wal_answer ingest_log_append(struct ingest *g, const struct intake_result *r, int64_t *offset)
{
	enum wal_answer answer;

	if (!g->conf.is_volatile) {
		wal_sums(g->wal, g->in + r->fresh + r->duplicates, g->dup + r->duplicates);
		answer = wal_append(g->wal, r->lines, r->n_lines, offset);
		if (answer != WAL_OK)
			wal_sums(g->wal, g->in, g->dup);
		return answer;
	}
	if (unwritten(g) && unwritten(g) + r->lines.n > PENDING_MOST) {
		g->pending_full = true;
		return WAL_BUSY;
	}
	*offset = g->volatile_end;
	g->volatile_end += (int64_t)r->lines.n;
	buf_adds(&g->pending, r->lines);
	if (g->output_watch < 0)
		g->output_watch = loop_watch(g->loop, STDOUT_FILENO, POLLOUT, write_pending, g);
	return WAL_OK;
}

void ingest_log_state(const struct ingest *g, struct wal_state *s)
{
	if (!g->conf.is_volatile)
		wal_state(g->wal, s);
	else
		*s = (struct wal_state){ .first = g->volatile_end,
					 .durable = g->volatile_end,
					 .end = g->volatile_end,
					 .acked = -1 };
}
