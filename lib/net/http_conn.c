/* One connection: a machine of states that http_conn_run drives as far as its bytes go.
 *
 *   HANDSHAKE (of a transport, http_transport.h) --> HEAD
 *   HEAD --head read--> (app.head) --> BODY --body read--> HANDLED (app.handle) --answer--> HEAD
 *                        answered, whole: HEAD               --stream--> STREAM --end--> HEAD
 *   an answer of 101: TUNNEL (http_tunnel.c)
 *   any answer without keep-alive: LAST --all sent--> LINGER --peer's end, time--> DEAD
 *   broken: DEAD at once; while the handler has the request, when it answers
 *
 * A request's bytes stay where they were read; slices of the request point there. The next head is
 * read when the answer is queued, so that answers stand in order and one request at a time is
 * under way. A body that came along with its head is handed on where it lies; a longer one by
 * Content-Length is read to its own buffer by the kernel.
 *
 * Descriptors are watched by edges once and for all: no call changes what is waited for. So
 * `readable` holds until a read came back short, `writable` until a write would block. */
#include "net/http_internal.h"

enum { DIRECT_BYTES = 256 << 10, DROP_BYTES = 64 << 10 };

/* ---- steps: true: go on, false: wait */
/* Reads behind what is there of a head. */
static bool read_head(struct http_conn *c)
{
	struct http_input *in = c->in;
	ssize_t got;

	if (in->at) {
		in->n -= in->at;
		memmove(in->bytes, in->bytes + in->at, in->n);
		in->at = 0;
	}
	got = http_link_read(c, in->bytes + in->n, INPUT_BYTES - in->n);
	if (got > 0) {
		if (!in->n)
			c->since_us = c->s->now_us;
		in->n += (size_t)got;
		return true;
	}
	if (!in->n)
		http_conn_give_back(c);
	if (got < 0 || (c->s->draining && !c->in && !c->fresh))
		c->state = CONN_LAST;
	return c->state == CONN_LAST;
}

static bool step_head(struct http_conn *c)
{
	const struct http_fault *fault;
	enum http_scan_state state = HTTP_SCAN_MORE;
	size_t end;

	if (!c->in && !c->readable)
		return false;
	if (!c->in)
		c->in = http_input_get(c->s);
	c->scan.most = c->s->conf.head_bytes;
	if (c->in->at < c->in->n)
		state = http_scan(&c->scan, c->in->bytes + c->in->at, c->in->n - c->in->at, &end,
				  &fault);
	if (state == HTTP_SCAN_END)
		http_conn_begin(c, end);
	else if (state == HTTP_SCAN_FAULT)
		http_conn_refuse(c, fault);
	else
		return c->readable && read_head(c);
	return true;
}

static bool body_came(struct http_conn *c, enum http_body_state state,
		      const struct http_fault *fault)
{
	http_conn_charge(c, c->body.cap);
	if (state == HTTP_BODY_END)
		http_conn_hand_over(c, buf_slice(&c->body));
	else if (state == HTTP_BODY_FAULT)
		http_conn_refuse(c, fault);
	return true;
}

static bool body_ended(struct http_conn *c, ssize_t got)
{
	if (got < 0)
		http_conn_close(c); /* cut in its middle: nobody waits for an answer */
	return false;
}

static bool read_body(struct http_conn *c)
{
	struct http_input *in = c->in;
	uint64_t left = http_body_direct(&c->body_reader);
	ssize_t got;

	if (left) {
		size_t n = left < DIRECT_BYTES ? (size_t)left : DIRECT_BYTES;
		got = http_link_read(c, buf_room(&c->body, n), n);
		if (got <= 0)
			return body_ended(c, got);
		c->body.n += (size_t)got;
		return body_came(c, http_body_took(&c->body_reader, (size_t)got), NULL);
	}
	in->at = in->n = in->base;
	got = http_link_read(c, in->bytes + in->n, INPUT_BYTES - in->n);
	if (got <= 0)
		return body_ended(c, got);
	in->n += (size_t)got;
	return true;
}

static bool step_body(struct http_conn *c)
{
	struct http_input *in = c->in;

	if (in->at < in->n) {
		struct slice raw = slice(in->bytes + in->at, in->n - in->at);
		const struct http_fault *fault;
		enum http_body_state state = http_body_take(&c->body_reader, &raw, &c->body,
							    &fault);
		in->at = in->n - raw.n;
		return body_came(c, state, fault);
	}
	if (!c->readable)
		return false;
	if (c->body.n == c->body.cap && c->s->stats.in_flight_bytes >= c->s->conf.budget_bytes) {
		http_conn_starve(c);
		return false;
	}
	c->starved_us = 0;
	return read_body(c);
}

/* All of the last answer is sent, or will be. */
static bool step_last(struct http_conn *c)
{
	if (http_conn_flush(c) && !http_conn_pending(c)) {
		http_link_end(c);
		http_conn_flush(c);
	}
	if (c->broken || http_conn_pending(c))
		return c->broken;
	if (!c->unread) {
		http_conn_close(c);
		return false;
	}
	http_link_close(c);
	shutdown(c->watched.fd, SHUT_WR);
	c->state = CONN_LINGER;
	c->since_us = c->state_us = c->s->now_us;
	return true;
}

static bool step_linger(struct http_conn *c)
{
	char dropped[DROP_BYTES];
	ssize_t got = c->readable ? http_link_read(c, dropped, sizeof(dropped)) : 0;

	if (got > 0)
		c->since_us = c->s->now_us;
	if (got < 0)
		http_conn_close(c);
	return got > 0;
}

static bool step_conn(struct http_conn *c)
{
	switch (c->state) {
	case CONN_HANDSHAKE:
		return http_conn_step_handshake(c);
	case CONN_HEAD:
		return step_head(c);
	case CONN_BODY:
		return step_body(c);
	case CONN_STREAM:
		http_conn_produce(c);
		return c->state != CONN_STREAM;
	case CONN_TUNNEL:
		return http_conn_step_tunnel(c);
	case CONN_LAST:
		return step_last(c);
	case CONN_LINGER:
		return step_linger(c);
	case CONN_HANDLED:
	case CONN_DEAD:
		break;
	}
	return false;
}

/* Nothing more can be sent. */
static void break_conn(struct http_conn *c)
{
	http_conn_tell_gone(c);
	http_conn_close(c);
}

/* Whether something that was queued stands in the way of the next request. */
static bool is_clogged(struct http_conn *c)
{
	if (c->lent.n || http_conn_pending(c) >= PENDING_BYTES)
		http_conn_flush(c);
	return c->lent.n || http_conn_pending(c) >= PENDING_BYTES;
}

void http_conn_run(struct http_conn *c)
{
	int steps = STEPS_PER_TURN;

	if (c->peer_ended)
		http_conn_tell_gone(c);
	while (c->state != CONN_DEAD && !c->broken && !is_clogged(c) && step_conn(c)) {
		if (--steps)
			continue;
		http_conn_ready(c);
		break;
	}
	if (c->state == CONN_DEAD)
		return;
	http_conn_flush(c);
	if (c->state == CONN_TUNNEL && !c->broken)
		http_tunnel_room(c);
	if (c->broken)
		break_conn(c);
	else if (c->state == CONN_STREAM && !c->waiting && c->writable)
		http_conn_ready(c);
}
