/* A connection to a leader: its state, its partitions, how it is made and lost.
 *
 * A lost connection is made again once; one that brings no answer is given up, and so is one that
 * is silent for silent_us (fetcher_ask.c); an address that does not answer in some time gives way
 * to the next. What was in flight or not handed out is asked for again from p->next on: so a
 * partition that a broken connection had goes on where it was, and nothing is kept of a response.
 *
 * Nothing here calls back: a partition that is lost is only marked, and stays in the list until
 * the fetcher takes it (conn_take_lost), so that lists do not change under those who walk them. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { RESPONSE_BYTES = 2 << 20 };

/* ---- states */

#define TO(state) (1U << CONN_##state)

void conn_enter(struct conn *c, enum conn_state to)
{
	static const struct {
		const char *name;
		unsigned to;
	} from[CONN_STATES] = {
		[CONN_CLOSED] = { "closed", TO(CONNECTING) },
		[CONN_CONNECTING] = { "connecting", TO(IDLE) | TO(CLOSED) },
		[CONN_IDLE] = { "idle", TO(ASKED) | TO(CLOSED) },
		[CONN_ASKED] = { "asked", TO(IDLE) | TO(CLOSED) },
	};

	if (!(from[c->state].to & 1U << to))
		BUG("%s:%d: from %s to %s", c->host, c->port, from[c->state].name, from[to].name);
	c->state = to;
}

struct conn *conn_new(const char *host, int port)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	c->host = mem_strdup(host);
	c->port = port;
	c->fd = -1;
	c->low = 1;
	c->most = RESPONSE_BYTES;
	return c;
}

void conn_free(struct conn_env *e, struct conn *c)
{
	conn_close(e, c);
	wire_records_fini(&c->records);
	buf_fini(&c->out);
	buf_fini(&c->in);
	buf_fini(&c->cur);
	free(c->part);
	free(c->host);
	free(c);
}

void conn_close(struct conn_env *e, struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	epoll_ctl(e->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	c->fd = -1;
	conn_enter(c, CONN_CLOSED);
	c->hand = HAND_EMPTY;
	c->proven = false;
	c->out.n = c->in.n = c->sent = 0;
	c->silent_since_us = 0;
	c->low = 1;
}

/* ---- partitions */

bool conn_same_topic(const struct fetcher_part *a, const struct fetcher_part *b)
{
	return strcmp(a->part->topic, b->part->topic) == 0;
}

void conn_add(struct conn *c, struct fetcher_part *p)
{
	size_t at = c->n;

	mem_reserve(&c->part, &c->cap, c->n + 1, sizeof(*c->part));
	for (size_t i = 0; i < c->n; i++)
		if (conn_same_topic(c->part[i], p))
			at = i;
	memmove(c->part + at + (at < c->n), c->part + at, (c->n - at) * sizeof(*c->part));
	c->part[at] = p;
	c->n++;
}

void conn_lose(struct conn *c, struct fetcher_part *p, enum fetch_state to, const char *why)
{
	fetch_enter(p, to);
	snprintf(p->why, sizeof(p->why), "%s", why);
	c->lost++;
}

struct fetcher_part *conn_take_lost(struct conn *c)
{
	for (size_t i = c->n; c->lost && i-- > 0;) {
		struct fetcher_part *p = c->part[i];

		if (fetch_is_ours(p))
			continue;
		memmove(c->part + i, c->part + i + 1, (--c->n - i) * sizeof(*c->part));
		c->lost--;
		return p;
	}
	return NULL;
}

struct fetcher_part *conn_part_of(struct conn *c, const struct wire_answer *a)
{
	for (size_t k = 0; k < c->n; k++) {
		struct fetcher_part *p = c->part[(c->found + 1 + k) % c->n];

		if (p->part->partition == a->partition && slice_is(a->topic, p->part->topic)) {
			c->found = (c->found + 1 + k) % c->n;
			return fetch_is_ours(p) ? p : NULL;
		}
	}
	return NULL;
}

void conn_give_up(struct conn_env *e, struct conn *c, const char *why)
{
	c->unreachable = !c->proven;
	if (c->unreachable)
		c->list = c->at = NULL;
	conn_close(e, c);
	for (size_t i = 0; i < c->n; i++)
		if (fetch_is_ours(c->part[i]))
			conn_lose(c, c->part[i], FETCH_AWAY, why);
}

/* ---- connecting */

/* From c->at on, the first address that does not refuse at once. */
static int connect_next(struct conn_env *e, struct conn *c)
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
		    epoll_ctl(e->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0) {
			conn_enter(c, CONN_CONNECTING);
			return 0;
		}
		close(c->fd);
		c->fd = -1;
	}
	return -1;
}

void conn_reconnect(struct conn_env *e, struct conn *c, const char *why)
{
	bool again = c->proven, next = c->state == CONN_CONNECTING && c->at;

	conn_close(e, c);
	for (size_t i = 0; i < c->n; i++) {
		if (c->part[i]->state == FETCH_ENDING)
			fetch_enter(c->part[i], FETCH_READING);
		c->part[i]->asked = c->part[i]->next;
	}
	if (next)
		c->at = c->at->ai_next;
	else
		c->at = again ? c->list : NULL;
	if (connect_next(e, c))
		conn_give_up(e, c, why);
}

void conn_connect(struct conn_env *e, struct conn *c)
{
	c->at = c->list;
	if (connect_next(e, c))
		conn_give_up(e, c, "no connection");
}

bool conn_is_there(struct conn_env *e, struct conn *c)
{
	socklen_t n = sizeof(int);
	int failed = 0;
	struct sockaddr_storage peer;
	socklen_t peer_n = sizeof(peer);

	if (c->state > CONN_CONNECTING)
		return true;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &n);
	if (failed)
		conn_reconnect(e, c, strerror(failed));
	else if (getpeername(c->fd, (struct sockaddr *)&peer, &peer_n) == 0)
		conn_enter(c, CONN_IDLE);
	return c->state == CONN_IDLE;
}
