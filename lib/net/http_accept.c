/* Connections come and go.
 *
 * Addresses are counted by a chain of connections in one of 1,024 places, walked at an accept: a
 * chain is as long as the limit, and no table has to grow. */
#include "net/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

enum { ACCEPTS = 64 };

/* What addresses are counted by. */
static uint64_t near_key(const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET)
		return hash_64(&((const struct sockaddr_in *)a)->sin_addr, 4);
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return hash_64(&in6->sin6_addr.s6_addr[12], 4);
	return hash_64(&in6->sin6_addr, 8);
}

static bool is_crowded(const struct http_server *s, uint64_t key)
{
	size_t n = 0;

	for (const struct http_conn *c = s->near[key % NEAR_PLACES]; c; c = c->next_near)
		n += c->near_key == key;
	return n >= s->conf.most_per_address;
}

static void link_near(struct http_conn *c)
{
	struct http_conn **place = &c->s->near[c->near_key % NEAR_PLACES];

	c->next_near = *place;
	if (*place)
		(*place)->prev_near = c;
	*place = c;
}

void http_conn_unlink(struct http_conn *c)
{
	struct http_server *s = c->s;

	*(c->prev ? &c->prev->next : &s->all) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (!s->conf.most_per_address || c->loopback)
		return;
	*(c->prev_near ? &c->prev_near->next_near
		       : &s->near[c->near_key % NEAR_PLACES]) = c->next_near;
	if (c->next_near)
		c->next_near->prev_near = c->prev_near;
}

void http_server_accept(struct http_server *s, bool on)
{
	if (s->accepting == on)
		return;
	s->accepting = on;
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &s->listeners[i] };
		epoll_ctl(s->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
			  s->listeners[i].watched.fd, &e);
	}
}

static void add_conn(struct http_server *s, int fd, const struct sockaddr_storage *a, uint64_t key)
{
	struct http_conn *c = mem_zalloc(sizeof(*c));
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				 .data.ptr = c };

	c->watched.fd = fd;
	c->s = s;
	c->near_key = key;
	c->loopback = http_address_loopback(a);
	c->remote_bytes = (uint8_t)http_address(a, c->remote);
	c->since_us = s->now_us;
	c->writable = c->fresh = true;
	if (s->all)
		s->all->prev = c;
	c->next = s->all;
	s->all = c;
	if (s->conf.most_per_address && !c->loopback)
		link_near(c);
	s->stats.accepted++;
	s->stats.connections++;
	c->state = CONN_HEAD;
	if (!http_link_open(c) || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		http_conn_close(c);
}

/* ---- accepting */
/* No descriptor is left: the spare one takes the connection, which is closed, so that its client
 * sees an end and the listener is quiet. */
static bool refuse_by_spare(struct http_server *s, int listener)
{
	int fd;

	if (s->spare_fd < 0) {
		http_server_accept(s, false);
		return false;
	}
	close(s->spare_fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->stats.refused[HTTP_REFUSED_DESCRIPTORS] += fd >= 0;
	return fd >= 0;
}

/* False: there is none, or no more are wanted. */
static bool accept_one(struct http_server *s, int listener)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);
	uint64_t key = 0;
	int fd;

	if (s->stats.connections >= s->conf.most_connections) {
		s->stats.refused[HTTP_REFUSED_CONNECTIONS]++;
		http_server_accept(s, false);
		return false;
	}
	fd = accept4(listener, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return refuse_by_spare(s, listener);
	if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		http_server_accept(s, false); /* want of memory: until the next tick */
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	if (s->conf.most_per_address && !http_address_loopback(&a)) {
		key = near_key(&a);
		if (is_crowded(s, key)) {
			s->stats.refused[HTTP_REFUSED_ADDRESS]++;
			close(fd);
			return true;
		}
	}
	add_conn(s, fd, &a, key);
	return true;
}

void http_accept_some(struct http_server *s, int listener)
{
	for (int i = 0; i < ACCEPTS && s->accepting && accept_one(s, listener); i++)
		;
}
