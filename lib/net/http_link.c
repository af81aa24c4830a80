/* A connection's bytes: by its link, if the server has a transport, else by the socket itself. A
 * link has the connection until its last answer is sent; what is dropped behind that is read as it
 * comes from the socket. */
#include "net/http_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/* ---- sockets */
static ssize_t read_socket(int fd, char *p, size_t n, bool *more)
{
	ssize_t got;

	do
		got = recv(fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	*more = got == (ssize_t)n;
	if (got > 0)
		return got;
	if (got < 0 && errno == EAGAIN)
		return 0;
	return got < 0 ? HTTP_LINK_BROKEN : HTTP_LINK_ENDED;
}

static ssize_t write_socket(int fd, struct iovec *v, int n)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)n };
	ssize_t sent;

	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN ? HTTP_LINK_BLOCKED : HTTP_LINK_BROKEN;
	return sent;
}

/* ---- either */
ssize_t http_link_read(struct http_conn *c, char *p, size_t n)
{
	bool more;
	ssize_t got = c->link ? c->s->conf.transport->read(c->link, p, n, &more)
			      : read_socket(c->watched.fd, p, n, &more);

	/* behind the client's last byte no edge comes any more */
	c->readable = got > 0 && (more || c->peer_ended);
	c->broken |= got == HTTP_LINK_BROKEN;
	return got < 0 ? -1 : got;
}

ssize_t http_link_write(struct http_conn *c, struct iovec *v, int n)
{
	if (c->link)
		return c->s->conf.transport->write(c->link, v, n);
	return write_socket(c->watched.fd, v, n);
}

size_t http_link_pending(const struct http_conn *c)
{
	return c->link ? c->s->conf.transport->pending(c->link) : 0;
}

struct slice http_link_peer(const struct http_conn *c)
{
	return c->link ? c->s->conf.transport->peer(c->link) : slice(NULL, 0);
}

/* ---- from open to close */
bool http_link_open(struct http_conn *c)
{
	const struct http_transport *t = c->s->conf.transport;

	if (!t)
		return true;
	c->state = CONN_HANDSHAKE;
	c->link = t->open(t->arg, c->watched.fd);
	return c->link != NULL;
}

static void refuse_plain(struct http_conn *c)
{
	static const struct http_fault plain = { 400, "tls", "this port speaks TLS: https" };

	http_link_close(c);
	c->state = CONN_HEAD;
	http_conn_refuse(c, &plain);
}

/* A client that sends its request behind its last words of the handshake may hold it back until
 * these are acknowledged (Nagle), which nothing of ours does for 40 ms. */
static void acknowledge(const struct http_conn *c)
{
	int now = 1;

	setsockopt(c->watched.fd, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof(now));
}

bool http_conn_step_handshake(struct http_conn *c)
{
	if (!c->readable)
		return false;
	switch (c->s->conf.transport->handshake(c->link)) {
	case HTTP_SHAKEN:
		acknowledge(c);
		c->state = CONN_HEAD;
		c->since_us = c->s->now_us;
		if (http_session_wanted(c, slice(NULL, 0)))
			http_session_begin(c);
		return true;
	case HTTP_SHAKE_WAITS:
		c->readable = false;
		return false;
	case HTTP_SHAKE_PLAIN:
		refuse_plain(c);
		return true;
	case HTTP_SHAKE_FAILED:
		c->s->stats.refused[HTTP_REFUSED_HANDSHAKE]++;
		http_conn_close(c);
		break;
	}
	return false;
}

void http_link_end(struct http_conn *c)
{
	if (!c->link || c->link_ended || c->broken || c->state == CONN_HANDSHAKE)
		return;
	c->link_ended = true;
	c->s->conf.transport->end(c->link);
}

void http_link_close(struct http_conn *c)
{
	if (c->link)
		c->s->conf.transport->close(c->link);
	c->link = NULL;
}
