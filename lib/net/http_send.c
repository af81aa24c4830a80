/* Answers. The head and a small body are put together in the connection's buffer, where answers
 * to pipelined requests stand behind each other and leave in one sendmsg; a lent body follows as
 * a second piece, and nothing is put behind it before it is sent.
 *
 * A stream's chunk is written in place: room for a size of eight digits, the producer's bytes
 * behind it, then the digits; leading zeros are allowed in a chunk's size, and no byte moves.
 *
 * An answer that comes from outside of the server's turn (a parked request) is sent at once, so
 * that it costs no turn of the loop; what else is to be done runs in the next turn. */
#include "net/http_internal.h"

#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/tm.h"

enum { CHUNK_LINE = 10 };

static struct http_conn *conn_of(struct http_request *req)
{
	return (struct http_conn *)((char *)req - offsetof(struct http_conn, req));
}

size_t http_conn_pending(const struct http_conn *c)
{
	return c->out.n - c->out_at + c->lent.n;
}

/* ---- sending */
static void give_back_lent(struct http_conn *c)
{
	void (*done)(void *arg) = c->done;

	c->lent = slice(NULL, 0);
	c->done = NULL;
	if (done)
		done(c->done_arg);
}

static void bytes_sent(struct http_conn *c, size_t n)
{
	size_t own = c->out.n - c->out_at;

	c->stalled_us = 0;
	if (n < own) {
		c->out_at += n;
		return;
	}
	c->out.n = c->out_at = 0;
	c->lent = slice(c->lent.p + (n - own), c->lent.n - (n - own));
	if (!c->lent.n && c->done)
		give_back_lent(c);
}

static void sending_failed(struct http_conn *c)
{
	if (errno == EAGAIN) {
		c->writable = false;
		if (!c->stalled_us)
			c->stalled_us = c->s->now_us;
		return;
	}
	c->broken = true;
}

bool http_conn_flush(struct http_conn *c)
{
	while (!c->broken && c->writable && http_conn_pending(c)) {
		struct iovec v[2] = {
			{ c->out.p + c->out_at, c->out.n - c->out_at },
			{ (void *)(uintptr_t)c->lent.p, c->lent.n },
		};
		struct msghdr m = { .msg_iov = v[0].iov_len ? v : v + 1,
				    .msg_iovlen = v[0].iov_len && c->lent.n ? 2 : 1 };
		ssize_t n = sendmsg(c->watched.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			bytes_sent(c, (size_t)n);
		else if (errno != EINTR)
			sending_failed(c);
	}
	if (!c->out.n && c->out.cap > 2 * PENDING_BYTES) {
		buf_fini(&c->out);
	} else if (c->out_at > c->out.n / 2) {
		c->out.n -= c->out_at;
		memmove(c->out.p, c->out.p + c->out_at, c->out.n);
		c->out_at = 0;
	}
	return !c->broken;
}

void http_conn_drop_answer(struct http_conn *c)
{
	struct http_producer p = c->producer;

	c->out.n = c->out_at = 0;
	give_back_lent(c);
	c->producer = (struct http_producer){ 0 };
	if (p.close)
		p.close(p.arg, false);
}

/* ---- heads of answers */
static void add_status(struct buf *out, unsigned status)
{
	buf_addz(out, "HTTP/1.1 ");
	buf_addu(out, status);
	buf_addc(out, ' ');
	buf_addz(out, http_reason(status));
	buf_addz(out, "\r\nServer: hta\r\nX-Content-Type-Options: nosniff\r\nDate: ");
}

static bool has_field(const struct http_answer *a, const char *name)
{
	for (size_t i = 0; i < a->n_fields; i++)
		if (a->fields[i].name.n == strlen(name) &&
		    str_same(a->fields[i].name.p, name, a->fields[i].name.n))
			return true;
	return false;
}

static bool has_line_end(struct slice s)
{
	return s.n && (memchr(s.p, '\r', s.n) || memchr(s.p, '\n', s.n));
}

static void add_fields(struct buf *out, const struct http_answer *a)
{
	for (size_t i = 0; i < a->n_fields; i++) {
		/* what would begin another line is no value, whoever made it */
		if (has_line_end(a->fields[i].value))
			continue;
		buf_adds(out, a->fields[i].name);
		buf_addz(out, ": ");
		buf_adds(out, a->fields[i].value);
		buf_addz(out, "\r\n");
	}
}

static bool is_read_method(enum http_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS;
}

/* All of the head but what says how long the body is. */
static void add_head(struct http_conn *c, const struct http_answer *a)
{
	struct buf *out = &c->out;
	const struct http_request *req = &c->req;

	http_date(c->s);
	add_status(out, a->status);
	buf_add(out, c->s->date, DATE_BYTES);
	buf_addz(out, "\r\nX-Request-Id: ");
	buf_adds(out, req->id);
	if (a->type) {
		buf_addz(out, "\r\nContent-Type: ");
		buf_addz(out, a->type);
	}
	buf_addz(out, "\r\n");
	add_fields(out, a);
	if ((a->status >= 400 || !is_read_method(req->method)) && !has_field(a, "Cache-Control"))
		buf_addz(out, "Cache-Control: no-store\r\n");
	if (!c->keep_alive)
		buf_addz(out, "Connection: close\r\n");
	else if (c->in && c->in->head.minor == 0)
		buf_addz(out, "Connection: keep-alive\r\n");
}

static bool has_no_body(unsigned status)
{
	return status == 204 || status == 304;
}

/* Whether the connection can go on is decided before the head is written. */
static void begin_answer(struct http_conn *c)
{
	if (c->unread || c->s->draining)
		c->keep_alive = false;
	c->head_only = c->req.method == HTTP_HEAD;
}

/* ---- the seam */
static void queue_body(struct http_conn *c, const struct http_answer *a)
{
	if (has_no_body(a->status)) {
		buf_addz(&c->out, "\r\n");
	} else {
		buf_addz(&c->out, "Content-Length: ");
		buf_addu(&c->out, a->body.n);
		buf_addz(&c->out, "\r\n\r\n");
	}
	if (c->head_only || has_no_body(a->status) || !a->body.n) {
		if (a->done)
			a->done(a->done_arg);
	} else if (a->done) {
		c->lent = a->body;
		c->done = a->done;
		c->done_arg = a->done_arg;
	} else {
		buf_adds(&c->out, a->body);
	}
}

/* The request is over. Outside of the server's turn what is queued is sent here. */
static void finish_answer(struct http_conn *c, unsigned status)
{
	bool parked = !c->in_call;

	http_conn_answered(c, status);
	if (!parked)
		return;
	c->s->now_us = tm_mono_us();
	http_conn_flush(c);
	if (c->broken || c->readable || c->in || c->state != CONN_HEAD)
		http_conn_ready(c);
}

static void answer_request(struct http_request *req, const struct http_answer *a)
{
	struct http_conn *c = conn_of(req);

	if (c->state == CONN_DEAD || c->broken) {
		if (a->done)
			a->done(a->done_arg);
		c->keep_alive = false;
	} else {
		begin_answer(c);
		add_head(c, a);
		queue_body(c, a);
	}
	finish_answer(c, a->status);
}

static void stream_answer(struct http_request *req, const struct http_answer *a,
			  const struct http_producer *producer)
{
	struct http_conn *c = conn_of(req);
	bool lost = c->state == CONN_DEAD || c->broken;

	begin_answer(c);
	c->chunk_answer = c->in && c->in->head.minor > 0;
	if (!c->chunk_answer && !c->head_only)
		c->keep_alive = false;
	if (!lost) {
		add_head(c, a);
		buf_addz(&c->out, c->chunk_answer ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
	}
	if (lost || c->head_only) {
		producer->close(producer->arg, !lost);
		finish_answer(c, a->status);
		return;
	}
	c->producer = *producer;
	c->state = CONN_STREAM;
	c->waiting = false;
	if (c->s->app.answered)
		c->s->app.answered(c->s->app.arg, req, a->status);
	if (!c->in_call)
		http_conn_ready(c);
}

static void wake_request(struct http_request *req)
{
	struct http_conn *c = conn_of(req);

	if (c->state != CONN_STREAM)
		return;
	c->waiting = false;
	if (!c->in_call)
		http_conn_ready(c);
}

const struct http_ops http_conn_ops = { answer_request, stream_answer, wake_request };

/* ---- streams */
/* One call of the producer; its bytes are a chunk. */
static enum http_more produce_chunk(struct http_conn *c)
{
	static const char digits[] = "0123456789abcdef";
	struct buf *out = &c->out;
	size_t line = out->n, n;
	enum http_more more;

	if (c->chunk_answer)
		buf_add(out, "00000000\r\n", CHUNK_LINE);
	more = c->producer.more(c->producer.arg, out);
	if (!c->chunk_answer)
		return more;
	n = out->n - line - CHUNK_LINE;
	if (!n || more == HTTP_CUT) {
		out->n = line;
		return more;
	}
	if (n > UINT32_MAX)
		BUG("a chunk of %zu bytes", n);
	for (int i = 7; i >= 0; i--, n >>= 4)
		out->p[line + (size_t)i] = digits[n & 15];
	buf_addz(out, "\r\n");
	return more;
}

static void end_stream(struct http_conn *c, bool whole)
{
	struct http_producer p = c->producer;

	c->producer = (struct http_producer){ 0 };
	if (whole && c->chunk_answer)
		buf_addz(&c->out, "0\r\n\r\n");
	if (!whole)
		c->keep_alive = false;
	p.close(p.arg, whole);
	http_conn_answered(c, 0);
	if (!whole && !c->chunk_answer) {
		/* only a reset tells a client of HTTP/1.0 that the body is not whole */
		struct linger now = { .l_onoff = 1 };
		setsockopt(c->watched.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		c->out.n = c->out_at = 0;
		c->broken = true;
	}
}

void http_conn_produce(struct http_conn *c)
{
	while (c->state == CONN_STREAM && !c->waiting && !c->broken &&
	       http_conn_pending(c) < PENDING_BYTES) {
		c->in_call = true;
		switch (produce_chunk(c)) {
		case HTTP_MORE:
			break;
		case HTTP_WAIT:
			c->waiting = true;
			break;
		case HTTP_END:
			end_stream(c, true);
			break;
		case HTTP_CUT:
			end_stream(c, false);
			break;
		}
		c->in_call = false;
		if (http_conn_pending(c) >= PENDING_BYTES)
			http_conn_flush(c);
	}
}
