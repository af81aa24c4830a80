/* One connection to a leader. It has two buffers: records are handed out of one response while
 * the next one is on its way. That one is received when the first is used up; till then the
 * kernel's buffer and the broker hold it, so a slow reader costs no memory.
 *
 * 	response -> offsets behind its batches -> next request -> records, batch by batch ->
 * 		used up -> receive
 *
 * A lost connection is made again once; one that brings no answer is given up, and so is one
 * that is silent for SILENT_US; an address that does not answer in CONNECT_US gives way to the
 * next.
 *
 * A response is read where it lies, and has 2 MiB: 5 M records of 322 bytes took 1.13 s with 1
 * MiB, 0.96 s with 2 MiB, and 0.93 s but a thirtieth more processor time with 4 MiB, which no
 * cache holds. On a long way larger ones are worth it. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"

enum { SILENT_US = 10000000, CONNECT_US = 2000000, LONG_WAY_US = 25000, LOW_WATER = 256 << 10 };

/* ---- giving up */

void conn_close(struct fetcher *d, struct conn *c)
{
	if (c->fd >= 0) {
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		close(c->fd);
	}
	c->fd = -1;
	c->up = c->proven = c->asked = c->pending = false;
	c->out.n = c->in.n = c->sent = 0;
	c->silent_since_us = 0;
	c->low = 1;
	c->answered = NULL;
}

void conn_give_up(struct fetcher *d, struct conn *c, const char *why)
{
	if (!c->proven) {
		fetcher_avoid(d, c->host, c->port);
		c->list = c->at = NULL;
	}
	conn_close(d, c);
	while (c->n)
		fetcher_give(d, c, c->part[c->n - 1], false, why);
}

static void set_events(struct fetcher *d, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (c->events != events)
		epoll_ctl(d->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	c->events = events;
}

/* ---- connecting */

/* From c->at on, the first address that does not refuse at once. */
static int connect_next(struct fetcher *d, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	int one = 1;

	for (; c->at; c->at = c->at->ai_next) {
		c->fd = socket(c->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			continue;
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->events = ev.events;
		c->silent_since_us = 0;
		if ((connect(c->fd, c->at->ai_addr, c->at->ai_addrlen) == 0 ||
		     errno == EINPROGRESS) &&
		    epoll_ctl(d->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0)
			return 0;
		close(c->fd);
		c->fd = -1;
	}
	return -1;
}

/* What was in flight or not handed out is asked for again. */
static void reconnect(struct fetcher *d, struct conn *c, const char *why)
{
	bool again = c->proven, next = !c->up && c->fd >= 0 && c->at;

	conn_close(d, c);
	for (size_t i = 0; i < c->n; i++)
		c->part[i]->asked = c->part[i]->next;
	if (next)
		c->at = c->at->ai_next;
	else
		c->at = again ? c->list : NULL;
	if (connect_next(d, c))
		conn_give_up(d, c, why);
}

static bool connected(struct fetcher *d, struct conn *c)
{
	socklen_t n = sizeof(int);
	int failed = 0;
	struct sockaddr_storage peer;
	socklen_t peer_n = sizeof(peer);

	if (c->up)
		return true;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &n);
	if (failed)
		reconnect(d, c, strerror(failed));
	else
		c->up = getpeername(c->fd, (struct sockaddr *)&peer, &peer_n) == 0;
	return c->up;
}

/* ---- asking */

static bool flush(struct fetcher *d, struct conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			set_events(d, c, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (n < 0) {
			reconnect(d, c, strerror(errno));
			return false;
		}
		c->sent += (size_t)n;
	}
	set_events(d, c, EPOLLIN);
	return true;
}

static bool same_topic(const struct fetcher_part *a, const struct fetcher_part *b)
{
	return strcmp(a->part->topic, b->part->topic) == 0;
}

/* Another topic, and of each another partition, is the first every time: who comes late in a
 * request gets what the others left of the bytes. A topic stands in a request once. */
static bool fetcher_ask(struct fetcher *d, struct conn *c)
{
	size_t n = 0, from;

	if (c->n == 0)
		return true;
	mem_reserve(&d->want, &d->want_cap, c->n, sizeof(*d->want));
	from = ++c->turn % c->n;
	while (from > 0 && same_topic(c->part[from - 1], c->part[from]))
		from--;
	for (size_t seen = 0, to; seen < c->n; seen += to - from, from = to % c->n) {
		for (to = from + 1; to < c->n && same_topic(c->part[to], c->part[from]); to++)
			;
		for (size_t i = 0; i < to - from; i++) {
			const struct fetcher_part *p = c->part[from + (i + c->turn) % (to - from)];

			if (p->asked >= 0)
				d->want[n++] = (struct wire_want){ .topic = p->part->topic,
								   .partition = p->part->partition,
								   .offset = p->asked };
		}
	}
	if (n == 0)
		return true;
	c->out.n = c->sent = 0;
	c->correlation = (int32_t)((uint32_t)c->correlation + 1);
	d->fetch.correlation = c->correlation;
	d->fetch.max_bytes = c->most < d->most ? c->most : d->most;
	wire_fetch_write(&c->out, &d->fetch, d->want, n);
	c->asked = true;
	c->asked_at_us = tm_mono_us();
	c->silent_since_us = 0;
	return flush(d, c);
}

/* ---- answers */

struct fetcher_part *conn_part_of(struct conn *c, const struct wire_answer *a)
{
	for (size_t k = 0; k < c->n; k++) {
		struct fetcher_part *p = c->part[(c->found + 1 + k) % c->n];

		if (p->part->partition == a->partition && slice_is(a->topic, p->part->topic)) {
			c->found = (c->found + 1 + k) % c->n;
			return p;
		}
	}
	return NULL;
}

/* A whole response is in c->in, all of the last one was handed out: 0 / -1 malformed. */
static int take_response(struct fetcher *d, struct conn *c)
{
	struct buf used = c->cur;
	struct wire_response r;
	struct wire_answer a;
	struct fetcher_part *p;
	char why[64];
	int rc;

	c->cur = c->in;
	c->in = used;
	c->in.n = 0;
	c->asked = false;
	c->cur_asked_at_us = c->asked_at_us;
	if (c->waited && c->cur.n > (size_t)c->most / 2 && c->most < d->most &&
	    tm_mono_us() - c->asked_at_us > LONG_WAY_US)
		c->most *= 2;
	c->waited = false;
	if (wire_response_open(&r, slice(c->cur.p + WIRE_PREFIX, c->cur.n - WIRE_PREFIX),
			       c->correlation))
		return -1;
	c->response = r;
	while ((rc = wire_response_next(&r, d->fetch.committed, &a)) > 0) {
		p = conn_part_of(c, &a);
		snprintf(why, sizeof(why), "error %d", a.error);
		if (p && a.error) {
			p->lost = p->known && a.error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
			fetcher_give(d, c, p, false, why);
		} else if (p) {
			p->known = true;
			p->asked = wire_reach(a.records, p->asked);
		}
	}
	c->pending = rc == 0;
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
static int receive(struct conn *c)
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

static void note_silence(struct fetcher *d, struct conn *c)
{
	int64_t now = tm_mono_us();

	c->waited = true;
	if (!c->silent_since_us)
		c->silent_since_us = now;
	else if (!c->up && c->fd >= 0 && now - c->silent_since_us > CONNECT_US)
		reconnect(d, c, "no answer");
	else if (now - c->silent_since_us > SILENT_US + d->fetch.wait_ms * 1000LL)
		conn_give_up(d, c, "no answer");
}

bool conn_advance(struct fetcher *d, struct conn *c)
{
	int rc;

	if (c->fd < 0) {
		c->at = c->list;
		if (connect_next(d, c))
			conn_give_up(d, c, "no connection");
	}
	if (c->fd < 0)
		return false;
	if (!connected(d, c) || (!c->asked && !fetcher_ask(d, c)) ||
	    (c->sent < c->out.n && !flush(d, c))) {
		note_silence(d, c);
		return false;
	}
	rc = receive(c);
	if (rc == 0)
		note_silence(d, c);
	if (rc < 0)
		reconnect(d, c, errno ? strerror(errno) : "connection closed");
	if (rc <= 0)
		return false;
	if (take_response(d, c)) {
		conn_give_up(d, c, "malformed response");
		return false;
	}
	c->proven = true;
	fetcher_ask(d, c);
	return c->pending;
}
