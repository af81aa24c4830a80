/* Sockets, turns and deadlines; what a connection does with its bytes is http_conn.c's.
 *
 * A turn: connections that are ready (they gave way, or their request was answered from outside),
 * then up to 64 events of epoll, then the closed ones are freed: until then events and lists may
 * name them. Where some are ready behind the turn, a timer of the loop that is due at once makes
 * the next one. Deadlines are looked at every half second by a walk over all connections: seconds
 * are enough for them, and a list ordered by time would have to be kept up at each request.
 */
#include "net/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "net/http_internal.h"

enum { EVENTS = 64, TICK_US = 500 * 1000, DESCRIPTORS_LEFT = 64 };

const char *const http_refused_names[HTTP_REFUSED_REASONS] = {
	"connections", "address",   "descriptors", "handshake",
	"malformed",   "too-large", "slow",        "overloaded",
};

void http_date(struct http_server *s)
{
	int64_t now_s = tm_now_us() / TM_S;
	time_t t = (time_t)now_s;
	struct tm tm;

	if (now_s == s->date_s)
		return;
	s->date_s = now_s;
	gmtime_r(&t, &tm);
	/* the C locale is never left */
	strftime(s->date, sizeof(s->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* ---- connections */
void http_conn_close(struct http_conn *c)
{
	struct http_server *s = c->s;
	bool handled = c->state == CONN_HANDLED;

	if (c->state != CONN_DEAD) {
		if (c->state == CONN_HEAD && !http_conn_pending(c))
			http_link_end(c);
		close(c->watched.fd);
		http_conn_unlink(c);
		s->stats.connections--;
		http_conn_leave_lists(c);
		if (!s->draining)
			http_server_accept(s, true);
	}
	s->held += handled;
	c->held |= handled;
	c->state = CONN_DEAD;
	if (handled || c->in_dead)
		return;
	s->held -= c->held;
	c->in_dead = true;
	http_link_close(c); /* a request names what it knows of its peer */
	http_conn_drop_answer(c);
	http_conn_drop_tunnel(c);
	http_conn_drop_body(c);
	if (c->in)
		http_input_put(s, c->in);
	c->in = NULL;
	c->next_dead = s->dead;
	s->dead = c;
}

static void free_dead(struct http_server *s)
{
	while (s->dead) {
		struct http_conn *c = s->dead;
		s->dead = c->next_dead;
		buf_fini(&c->out);
		free(c);
	}
}

/* ---- turns */
static void serve_event(struct http_server *s, const struct epoll_event *e)
{
	struct http_watched *watched = e->data.ptr;
	struct http_conn *c = e->data.ptr;

	if (watched->listener) {
		http_accept_some(s, watched->fd);
		return;
	}
	if (c->state == CONN_DEAD)
		return;
	c->readable |= (e->events & (EPOLLIN | EPOLLRDHUP)) != 0;
	c->writable |= (e->events & EPOLLOUT) != 0;
	c->peer_ended |= (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	c->broken |= (e->events & (EPOLLHUP | EPOLLERR)) != 0;
	http_conn_run(c);
}

void http_server_turn(void *arg, int fd, short revents)
{
	struct http_server *s = arg;
	struct epoll_event events[EVENTS];
	size_t ready = 0;
	int n;

	(void)fd;
	(void)revents;
	s->now_us = tm_mono_us();
	for (struct http_conn *c = s->ready; c; c = c->next_ready)
		ready++;
	for (; ready && s->ready; ready--)
		http_conn_run(http_ready_take(s));
	n = epoll_wait(s->epoll_fd, events, EVENTS, 0);
	for (int i = 0; i < n; i++)
		serve_event(s, &events[i]);
	free_dead(s);
}

static void check_deadlines(void *arg, int fd, short revents)
{
	struct http_server *s = arg;
	struct http_conn *next;

	(void)fd;
	(void)revents;
	s->now_us = tm_mono_us();
	for (struct http_conn *c = s->all; c; c = next) {
		next = c->next;
		http_conn_tick(c);
	}
	if (!s->draining && s->stats.connections < s->conf.most_connections)
		http_server_accept(s, true);
	free_dead(s);
}

/* ---- from open to close */
static void fill_conf(struct http_conf *c)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	if (!c->most_connections)
		c->most_connections = 10000;
	if (limit.rlim_cur > 2 * DESCRIPTORS_LEFT &&
	    c->most_connections > limit.rlim_cur - DESCRIPTORS_LEFT)
		c->most_connections = limit.rlim_cur - DESCRIPTORS_LEFT;
	c->head_bytes = c->head_bytes ? c->head_bytes : HTTP_HEAD_BYTES;
	c->budget_bytes = c->budget_bytes ? c->budget_bytes : 256 << 20;
	c->head_us = c->head_us ? c->head_us : 10 * TM_S;
	c->body_us = c->body_us ? c->body_us : 10 * TM_S;
	c->idle_us = c->idle_us ? c->idle_us : 75 * TM_S;
	c->stall_us = c->stall_us ? c->stall_us : 30 * TM_S;
	c->overload_us = c->overload_us ? c->overload_us : 2 * TM_S;
	c->linger_us = c->linger_us ? c->linger_us : 30 * TM_S;
}

static void add_listener(struct http_server *s, int fd, bool activated)
{
	bool loopback;

	s->listeners[s->n_listeners++] = (struct http_listener){ .watched = { true, fd },
								 .activated = activated };
	if (s->places.n)
		buf_addz(&s->places, ", ");
	http_listen_place(fd, &s->places, &loopback);
	s->loopback_only &= loopback;
}

static int open_listeners(struct http_server *s, struct err *err)
{
	int fds[HTTP_LISTEN];
	int n = http_listen_activated(fds, HTTP_LISTEN, err);

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		add_listener(s, fds[i], true);
	for (size_t k = 0; k < s->conf.n_listen; k++) {
		n = http_listen_open(s->conf.listen[k], fds, HTTP_LISTEN - s->n_listeners, err);
		if (n < 0)
			return -1;
		for (int i = 0; i < n; i++)
			add_listener(s, fds[i], false);
	}
	return s->n_listeners ? 0 : err_set(err, EX_CONFIG, "no place to listen on is given");
}

struct http_server *http_server_new(struct loop *loop, const struct http_conf *conf,
				    const struct http_app *app, struct err *err)
{
	struct http_server *s = mem_zalloc(sizeof(*s));

	s->loop = loop;
	s->conf = *conf;
	s->app = *app;
	s->loopback_only = true;
	s->ready_end = &s->ready;
	s->starved_end = &s->starved;
	s->now_us = tm_mono_us();
	hash_random(&s->id_seed, sizeof(s->id_seed));
	fill_conf(&s->conf);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0) {
		err_errno(err, EX_TEMPFAIL, "epoll");
		goto free_server;
	}
	if (open_listeners(s, err) < 0)
		goto free_server;
	http_server_accept(s, true);
	s->watch_id = loop_watch(loop, s->epoll_fd, POLLIN, http_server_turn, s);
	s->tick_id = loop_every(loop, TICK_US, check_deadlines, s);
	return s;
free_server:
	http_server_free(s);
	return NULL;
}

static void close_listeners(struct http_server *s)
{
	for (size_t i = 0; i < s->n_listeners; i++)
		close(s->listeners[i].watched.fd);
	s->n_listeners = 0;
}

void http_server_drain(struct http_server *s)
{
	struct http_conn *next;

	if (s->draining)
		return;
	s->now_us = tm_mono_us();
	/* Who has connected already is served: closing the socket would reset it. The queue of a
	 * socket of the service manager stays for who comes after us. */
	for (size_t i = 0; i < s->n_listeners; i++)
		if (!s->listeners[i].activated)
			http_accept_some(s, s->listeners[i].watched.fd);
	s->draining = true;
	http_server_accept(s, false);
	close_listeners(s);
	for (struct http_conn *c = s->all; c; c = next) {
		next = c->next;
		if (c->state == CONN_TUNNEL)
			http_conn_drain_tunnel(c);
		if (c->state != CONN_HEAD || c->in)
			continue;
		c->since_us = s->now_us;
		c->readable = true; /* what has come in this moment is answered */
		http_conn_ready(c);
	}
}

bool http_server_idle(const struct http_server *s)
{
	return !s->all && !s->held;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	s->ending = true;
	while (s->all) {
		struct http_conn *c = s->all;
		http_conn_close(c);
		http_conn_close(c); /* also what a handler has */
	}
	free_dead(s);
	close_listeners(s);
	loop_unwatch(s->loop, s->watch_id);
	loop_unwatch(s->loop, s->tick_id);
	if (s->wake_id)
		loop_unwatch(s->loop, s->wake_id);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	while (s->inputs) {
		struct http_input *in = s->inputs;
		s->inputs = in->next;
		free(in);
	}
	buf_fini(&s->places);
	free(s);
}

bool http_server_loopback_only(const struct http_server *s)
{
	return s->loopback_only;
}

void http_server_places(const struct http_server *s, struct buf *out)
{
	buf_adds(out, buf_slice(&s->places));
}

void http_server_stats(const struct http_server *s, struct http_stats *stats)
{
	*stats = s->stats;
}
