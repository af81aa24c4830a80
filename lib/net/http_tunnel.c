/* Tunnels of a connection: the queue of pieces, and what of the states of http_conn.c is theirs.
 *
 *   HANDLED --101--> TUNNEL --end--> LAST --all sent, or time--> LINGER --> DEAD
 *
 * The queue is an array that is used from `first` on and moved to its front when it is full, so
 * that a client that keeps up costs no allocation. */
#include "net/http_tunnel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/tm.h"
#include "net/http_internal.h"

enum { UNSENT_BYTES = 16 << 10, READ_BYTES = 16 << 10, PIECE_COST = 64 };

struct http_tunnel {
	const struct http_tunnel_ops *ops;
	void *arg;
	struct http_piece **queue;
	size_t first, n, cap; /* the queue is queue[first..n) */
	size_t at;            /* bytes of the first that are sent */
	size_t bytes;         /* of the queue that are not sent */
};

/* ---- pieces */
struct http_piece *http_piece_new(struct slice bytes)
{
	struct http_piece *p = mem_alloc(sizeof(*p) + bytes.n);

	p->refs = 1;
	p->n = bytes.n;
	memcpy(p->bytes, bytes.p, bytes.n);
	return p;
}

struct http_piece *http_piece_keep(struct http_piece *p)
{
	p->refs++;
	return p;
}

void http_piece_drop(struct http_piece *p)
{
	if (p && !--p->refs)
		free(p);
}

/* ---- the queue */
static void queue_piece(struct http_tunnel *t, struct http_piece *p)
{
	if (!p->n)
		return;
	if (t->n == t->cap && t->first) {
		t->n -= t->first;
		memmove(t->queue, t->queue + t->first, t->n * sizeof(struct http_piece *));
		t->first = 0;
	}
	mem_reserve(&t->queue, &t->cap, t->n + 1, sizeof(struct http_piece *));
	t->queue[t->n++] = http_piece_keep(p);
	t->bytes += p->n;
}

int http_tunnel_gather(const struct http_tunnel *t, struct iovec *v, int most)
{
	int n = 0;

	for (size_t i = t->first; i < t->n && n < most; i++, n++) {
		size_t at = i == t->first ? t->at : 0;
		v[n] = (struct iovec){ t->queue[i]->bytes + at, t->queue[i]->n - at };
	}
	return n;
}

void http_tunnel_sent(struct http_tunnel *t, size_t n)
{
	t->bytes -= n;
	for (t->at += n; t->first < t->n && t->at >= t->queue[t->first]->n; t->first++) {
		t->at -= t->queue[t->first]->n;
		http_piece_drop(t->queue[t->first]);
	}
	if (t->first == t->n)
		t->first = t->n = 0;
}

size_t http_tunnel_queued(const struct http_tunnel *t)
{
	return t->bytes + (t->n - t->first) * PIECE_COST;
}

void http_tunnel_forget(struct http_request *req)
{
	struct http_tunnel *t = http_conn_of(req)->tunnel;

	while (t->n > t->first + (t->at > 0)) {
		struct http_piece *p = t->queue[--t->n];
		t->bytes -= p->n;
		http_piece_drop(p);
	}
}

/* ---- the seam */
/* A tunnel has no use for what was read of its request, nor for its slices. */
static void forget_request(struct http_conn *c)
{
	const struct http_request *req = &c->req;

	http_conn_drop_body(c);
	c->req = (struct http_request){ .remote = req->remote,
					.peer = req->peer,
					.loopback = req->loopback,
					.begun_us = req->begun_us,
					.route = req->route,
					.dispatch = req->dispatch,
					.user = req->user,
					.ops = req->ops };
}

static void add_switch(struct http_conn *c, const struct http_field *fields, size_t n_fields)
{
	c->keep_alive = true;
	http_conn_add_head(
		c, &(struct http_answer){ .status = 101, .fields = fields, .n_fields = n_fields });
	buf_addz(&c->out, "\r\n");
	if (c->s->app.answered)
		c->s->app.answered(c->s->app.arg, &c->req, 101);
}

void http_tunnel_begin(struct http_conn *c, const struct http_tunnel_ops *ops, void *arg)
{
	c->tunnel = mem_zalloc(sizeof(*c->tunnel));
	c->tunnel->ops = ops;
	c->tunnel->arg = arg;
	c->state = CONN_TUNNEL;
}

bool http_tunnel(struct http_request *req, const struct http_field *fields, size_t n_fields,
		 const struct http_tunnel_ops *ops, void *arg)
{
	struct http_conn *c = http_conn_of(req);
	int unsent = UNSENT_BYTES;

	if (!req->upgrade || c->tunnel)
		BUG("a tunnel that the client has not asked for");
	if (c->state == CONN_DEAD) {
		http_conn_answered(c, 101);
		return false;
	}
	add_switch(c, fields, n_fields);
	/* So that a client that stands still is noticed before the kernel has taken much for it. */
	setsockopt(c->watched.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	forget_request(c);
	http_tunnel_begin(c, ops, arg);
	if (!c->in_call)
		http_conn_ready(c);
	return true;
}

void http_tunnel_send(struct http_request *req, struct http_piece *const *pieces, size_t n)
{
	struct http_conn *c = http_conn_of(req);

	if (c->state != CONN_TUNNEL || c->broken)
		return;
	for (size_t i = 0; i < n; i++)
		queue_piece(c->tunnel, pieces[i]);
	c->s->now_us = tm_mono_us();
	if (!http_conn_flush(c))
		http_conn_ready(c);
}

size_t http_tunnel_pending(const struct http_request *req)
{
	return http_conn_pending(http_conn_of(req));
}

void http_tunnel_end(struct http_request *req)
{
	struct http_conn *c = http_conn_of(req);

	if (c->state != CONN_TUNNEL)
		return;
	c->state = CONN_LAST;
	c->unread = true;
	c->state_us = tm_mono_us();
	http_conn_ready(c);
}

/* ---- the connection's side */
bool http_conn_step_tunnel(struct http_conn *c)
{
	struct http_tunnel *t = c->tunnel;
	char bytes[READ_BYTES];
	ssize_t got;

	if (c->in) {
		struct http_input *in = c->in;
		if (in->at < in->n)
			t->ops->bytes(t->arg, slice(in->bytes + in->at, in->n - in->at));
		http_conn_give_back(c);
		return true;
	}
	if (!c->readable)
		return false;
	got = http_link_read(c, bytes, sizeof(bytes));
	if (got > 0)
		t->ops->bytes(t->arg, slice(bytes, (size_t)got));
	if (got < 0)
		http_conn_close(c);
	return got > 0;
}

void http_tunnel_room(struct http_conn *c)
{
	if (c->tunnel->ops->room && http_conn_pending(c) < PENDING_BYTES)
		c->tunnel->ops->room(c->tunnel->arg);
}

void http_conn_tick_tunnel(struct http_conn *c)
{
	const struct http_tunnel *t = c->tunnel;
	const struct http_conf *conf = &c->s->conf;
	int64_t now = c->s->now_us;

	if (c->state != CONN_TUNNEL) {
		c->broken |= now - c->state_us >= conf->linger_us / 6;
		http_conn_ready(c);
	} else if (c->s->draining) {
		t->ops->drain(t->arg);
	} else if (c->stalled_us && now - c->stalled_us >= conf->stall_us) {
		t->ops->stalled(t->arg);
	} else {
		t->ops->tick(t->arg, now);
	}
}

void http_conn_drain_tunnel(struct http_conn *c)
{
	c->tunnel->ops->drain(c->tunnel->arg);
}

void http_conn_drop_tunnel(struct http_conn *c)
{
	struct http_tunnel *t = c->tunnel;

	if (!t)
		return;
	c->tunnel = NULL;
	t->ops->closed(t->arg);
	while (t->first < t->n)
		http_piece_drop(t->queue[t->first++]);
	free(t->queue);
	free(t);
}
