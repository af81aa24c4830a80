/* What goes over a connection. It has two buffers: records are handed out of one response while
 * the next one is on its way. That one is received when the first is used up; till then the
 * kernel's buffer and the broker hold it, so a slow reader costs no memory.
 *
 * 	response -> offsets behind its batches -> next request -> records, batch by batch ->
 * 		used up -> receive
 *
 * A response is read where it lies, and has 2 MiB: 5 M records of 322 bytes took 1.13 s with 1
 * MiB, 0.96 s with 2 MiB, and 0.93 s but a thirtieth more processor time with 4 MiB, which no
 * cache holds. On a long way larger ones are worth it. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/tm.h"

enum { CONNECT_US = 2000000, LONG_WAY_US = 25000, LOW_WATER = 256 << 10 };

/* ---- asking */

static void set_conn_events(struct conn_env *e, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (c->events != events)
		epoll_ctl(e->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	c->events = events;
}

static bool flush_request(struct conn_env *e, struct conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			set_conn_events(e, c, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (n < 0) {
			conn_reconnect(e, c, strerror(errno));
			return false;
		}
		c->sent += (size_t)n;
	}
	set_conn_events(e, c, EPOLLIN);
	return true;
}

/* Another topic, and of each another partition, is the first every time: who comes late in a
 * request gets what the others left of the bytes. A topic stands in a request once. */
static bool ask_next(struct conn_env *e, struct conn *c)
{
	size_t n = 0, from;

	if (c->n == 0)
		return true;
	mem_reserve(&e->want, &e->want_cap, c->n, sizeof(*e->want));
	from = ++c->turn % c->n;
	while (from > 0 && conn_same_topic(c->part[from - 1], c->part[from]))
		from--;
	for (size_t seen = 0, to; seen < c->n; seen += to - from, from = to % c->n) {
		for (to = from + 1; to < c->n && conn_same_topic(c->part[to], c->part[from]); to++)
			;
		for (size_t i = 0; i < to - from; i++) {
			const struct fetcher_part *p = c->part[from + (i + c->turn) % (to - from)];

			if (fetch_is_asked(p))
				e->want[n++] = (struct wire_want){ .topic = p->part->topic,
								   .partition = p->part->partition,
								   .offset = p->asked };
		}
	}
	if (n == 0)
		return true;
	c->out.n = c->sent = 0;
	c->correlation = (int32_t)((uint32_t)c->correlation + 1);
	e->fetch.correlation = c->correlation;
	e->fetch.max_bytes = c->most < e->most ? c->most : e->most;
	wire_fetch_write(&c->out, &e->fetch, e->want, n);
	conn_enter(c, CONN_ASKED);
	c->asked_at_us = tm_mono_us();
	c->silent_since_us = 0;
	return flush_request(e, c);
}

/* ---- answers */

/* What an answer says of its partition's state and of the next request. */
static void note_answer(struct conn *c, const struct wire_answer *a)
{
	struct fetcher_part *p = conn_part_of(c, a);
	char why[FETCH_WHY_BYTES];
	int64_t reach;

	if (!p || !fetch_is_asked(p))
		return;
	if (a->error) {
		snprintf(why, sizeof(why), "error %d", a->error);
		conn_lose(c, p,
			  p->state == FETCH_READING && a->error == WIRE_UNKNOWN_PARTITION
				  ? FETCH_GONE
				  : FETCH_AWAY,
			  why);
		return;
	}
	if (p->state == FETCH_ASKING)
		fetch_enter(p, FETCH_READING);
	reach = wire_reach(a->records, p->asked);
	if (reach < 0)
		fetch_enter(p, FETCH_ENDING);
	else
		p->asked = reach;
}

/* A whole response is in c->in, all of the last one was handed out: 0 / -1 malformed. */
static int take_response(struct conn_env *e, struct conn *c)
{
	struct buf used = c->cur;
	struct wire_response r;
	struct wire_answer a;
	int rc;

	c->cur = c->in;
	c->in = used;
	c->in.n = 0;
	conn_enter(c, CONN_IDLE);
	c->cur_asked_at_us = c->asked_at_us;
	if (c->waited && c->cur.n > (size_t)c->most / 2 && c->most < e->most &&
	    tm_mono_us() - c->asked_at_us > LONG_WAY_US)
		c->most *= 2;
	c->waited = false;
	if (wire_response_open(&r, slice(c->cur.p + WIRE_PREFIX, c->cur.n - WIRE_PREFIX),
			       c->correlation))
		return -1;
	c->response = r;
	while ((rc = wire_response_next(&r, e->fetch.committed, &a)) > 0)
		note_answer(c, &a);
	if (rc == 0)
		c->hand = HAND_ANSWERS;
	return rc;
}

/* To be woken for so many bytes, or for LOW_WATER: for each segment that comes it takes a
 * twentieth more processor time. */
static void wake_at(struct conn *c, int64_t bytes)
{
	int low = bytes < LOW_WATER ? (int)bytes : LOW_WATER;

	if (low != c->low && setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0)
		c->low = low;
}

/* 1: there is a whole response; 0: not yet; -1: errno, or 0 where the broker closed or lies. */
static int receive_response(struct conn *c)
{
	for (;;) {
		int64_t want = WIRE_PREFIX;
		ssize_t n;

		if (c->in.n >= WIRE_PREFIX) {
			want = wire_length(c->in.p);
			errno = 0;
			if (want < 0)
				return -1;
			want += WIRE_PREFIX;
			if (c->in.n == (size_t)want)
				return 1;
		}
		buf_room(&c->in, (size_t)want - c->in.n);
		n = recv(c->fd, c->in.p + c->in.n, (size_t)want - c->in.n, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : 0;
			if (n == 0 || errno != EAGAIN)
				return -1;
			wake_at(c, want - (int64_t)c->in.n);
			return 0;
		}
		c->in.n += (size_t)n;
		c->silent_since_us = 0;
	}
}

static void note_silence(struct conn_env *e, struct conn *c)
{
	int64_t now = tm_mono_us();

	if (c->state == CONN_CLOSED)
		return;
	c->waited = true;
	if (!c->silent_since_us)
		c->silent_since_us = now;
	else if (c->state == CONN_CONNECTING && now - c->silent_since_us > CONNECT_US)
		conn_reconnect(e, c, "no answer");
	else if (now - c->silent_since_us > e->silent_us + e->fetch.wait_ms * 1000LL)
		conn_give_up(e, c, "no answer");
}

/* Connects, asks, sends what is left of a request. true: an answer may come. */
static bool conn_asks(struct conn_env *e, struct conn *c)
{
	if (c->state == CONN_CLOSED)
		conn_connect(e, c);
	if (c->state == CONN_CLOSED)
		return false;
	if (conn_is_there(e, c) && (c->state == CONN_ASKED || ask_next(e, c)) &&
	    (c->sent == c->out.n || flush_request(e, c)))
		return true;
	note_silence(e, c);
	return false;
}

void conn_advance(struct conn_env *e, struct conn *c)
{
	int rc;

	if (!conn_asks(e, c))
		return;
	rc = receive_response(c);
	if (rc == 0)
		note_silence(e, c);
	if (rc < 0)
		conn_reconnect(e, c, errno ? strerror(errno) : "connection closed");
	if (rc <= 0)
		return;
	if (take_response(e, c)) {
		conn_give_up(e, c, "malformed response");
		return;
	}
	c->proven = true;
	ask_next(e, c);
}
