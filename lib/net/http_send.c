/* Bytes to the client: what is queued, and streams.
 *
 * Answers to pipelined requests stand behind each other in the connection's buffer and leave in
 * one sendmsg; a lent body follows as a second piece, and nothing is put behind it before it is
 * sent.
 *
 * A stream's chunk is written in place: room for a size of eight digits, the producer's bytes
 * behind it, then the digits; leading zeros are allowed in a chunk's size, and no byte moves. */
#include "net/http_internal.h"

#include "base/err.h"

enum { CHUNK_LINE = 10, PIECES = 16 };

size_t http_conn_pending(const struct http_conn *c)
{
	return c->out.n - c->out_at + c->lent.n + http_link_pending(c) +
	       (c->tunnel ? http_tunnel_queued(c->tunnel) : 0);
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
	if (c->tunnel) {
		http_tunnel_sent(c->tunnel, n - own);
		return;
	}
	if (c->lent.n)
		c->lent = slice(c->lent.p + (n - own), c->lent.n - (n - own));
	if (!c->lent.n && c->done)
		give_back_lent(c);
}

static void sending_failed(struct http_conn *c, ssize_t why)
{
	c->broken = why == HTTP_LINK_BROKEN;
	c->writable = false;
	if (!c->stalled_us)
		c->stalled_us = c->s->now_us;
}

/* What is to be sent next, in order. */
static int gather_pieces(const struct http_conn *c, struct iovec v[PIECES])
{
	int n = 0;

	if (c->out_at < c->out.n)
		v[n++] = (struct iovec){ c->out.p + c->out_at, c->out.n - c->out_at };
	if (c->lent.n)
		v[n++] = (struct iovec){ (void *)(uintptr_t)c->lent.p, c->lent.n };
	if (c->tunnel)
		n += http_tunnel_gather(c->tunnel, v + n, PIECES - n);
	return n;
}

bool http_conn_flush(struct http_conn *c)
{
	while (!c->broken && c->writable && http_conn_pending(c)) {
		struct iovec v[PIECES];
		ssize_t n = http_link_write(c, v, gather_pieces(c, v));
		if (n >= 0)
			bytes_sent(c, (size_t)n);
		else
			sending_failed(c, n);
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
