/* Bytes to and from a server: as they are, or by TLS. hiredis opens the socket, which does not
 * block, and its reader puts answers together; bytes are read and written here.
 *
 * What has come is read before anything is waited for: over TLS more records may be there than the
 * socket tells of. A write over TLS may wait for something to read, and a read for room to write:
 * so both go by link.wants.
 *
 * A handshake that nobody answers is said after two seconds and given up with the connection's
 * deadline: a server without TLS may wait for the rest of what it takes for a command. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/tm.h"
#include "drv/redis/redis_internal.h"

enum { CONNECT_S = 10, SILENT_MS = 30000, SAY_S = 2, READ_BYTES = 16 << 10 };

/* ---- the socket */

/* A peer that does not even acknowledge is given up; one that is busy or stopped is waited for. */
static void watch_peer(struct redis *p)
{
	int ms = SILENT_MS;

	if (p->url.path && !p->moved)
		return;
	redisEnableKeepAlive(p->link.c);
	setsockopt(p->link.c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static enum sink_result reach_server(struct redis *p, int64_t deadline_us, struct err *err)
{
	socklen_t n = sizeof(int);
	int revents, failure = 0;
	redisContext *c;

	if (p->url.path && !p->moved)
		c = redisConnectUnixNonBlock(p->url.path);
	else
		c = redisConnectNonBlock(p->moved ? p->moved : p->url.host,
					 p->moved ? p->moved_port : p->url.port);
	p->link.c = c;
	if (!c)
		return redis_broken(p, "out of memory", err);
	if (c->err)
		return redis_broken(p, c->errstr, err);
	revents = loop_wait(p->conf->loop, c->fd, POLLOUT, deadline_us, err);
	if (revents < 0)
		return SINK_FATAL;
	if (revents == 0)
		return redis_broken(p, "no answer", err);
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failure, &n) || failure)
		return redis_broken(p, strerror(failure ? failure : errno), err);
	watch_peer(p);
	return SINK_OK;
}

/* ---- TLS */

/* A step of TLS has failed: where and why. */
static enum sink_result tls_failed(struct redis *p, struct err *err)
{
	err_in(err, "%s", redis_where(p));
	return err->code == EX_CONFIG ? SINK_FATAL : SINK_RETRY;
}

/* The files are read again by each connection, so that a certificate may be renewed meanwhile; what
 * cannot be read then leaves what was read before. */
static int read_tls_files(struct redis *p, struct err *err)
{
	struct tls_client_conf conf = { p->url.cacert, p->url.cert, p->url.key };
	struct tls_client *fresh = tls_client_new(&conf, err);

	if (!fresh && !p->tls)
		return -1;
	if (!fresh) {
		log_warn("%s; the certificate stays as it was", err->msg);
		return 0;
	}
	tls_client_free(p->tls);
	p->tls = fresh;
	return 0;
}

static const char *server_name(const struct redis *p)
{
	return p->url.sni ? p->url.sni : p->moved ? p->moved : p->url.host;
}

static enum sink_result wait_handshake(struct redis *p, short events, int64_t say_us,
				       int64_t deadline_us, struct err *err)
{
	bool said = tm_mono_us() >= say_us;
	int revents = loop_wait(p->conf->loop, p->link.c->fd, events, said ? deadline_us : say_us,
				err);

	if (revents != 0)
		return revents < 0 ? SINK_FATAL : SINK_OK;
	if (said)
		return redis_broken(p, "no answer to the handshake of TLS", err);
	if (!p->told_silent)
		log_warn("%s: no answer to the handshake of TLS yet: does this port speak TLS?",
			 redis_where(p));
	p->told_silent = true;
	return SINK_OK;
}

static enum sink_result shake_hands(struct redis *p, int64_t deadline_us, struct err *err)
{
	int64_t say_us = tm_mono_us() + SAY_S * TM_S;
	short events;
	int rc;

	if (read_tls_files(p, err))
		return err->code == EX_CONFIG ? SINK_FATAL : SINK_RETRY;
	p->link.tls = tls_conn_new(p->tls, p->link.c->fd, server_name(p));
	if (!p->link.tls)
		return redis_broken(p, "out of memory", err);
	while ((rc = tls_conn_handshake(p->link.tls, &events, err)) == 0) {
		enum sink_result r = wait_handshake(p, events, say_us, deadline_us, err);

		if (r != SINK_OK)
			return r;
	}
	return rc < 0 ? tls_failed(p, err) : SINK_OK;
}

enum sink_result redis_link_open(struct redis *p, struct err *err)
{
	int64_t deadline_us = tm_mono_us() + CONNECT_S * TM_S;
	enum sink_result r = reach_server(p, deadline_us, err);

	p->link.wants = POLLIN;
	return r == SINK_OK && p->url.tls ? shake_hands(p, deadline_us, err) : r;
}

void redis_link_close(struct redis_link *l)
{
	tls_conn_free(l->tls);
	if (l->c)
		redisFree(l->c);
	*l = (struct redis_link){ 0 };
}

/* ---- bytes */

static enum sink_result send_plain(struct redis *p, struct err *err)
{
	while (p->sent < p->out.n) {
		ssize_t n = send(p->link.c->fd, p->out.p + p->sent, p->out.n - p->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			p->link.wants |= POLLOUT;
			return SINK_OK;
		}
		if (n < 0)
			return redis_broken(p, strerror(errno), err);
		p->sent += (size_t)n;
	}
	return SINK_OK;
}

static enum sink_result send_tls(struct redis *p, struct err *err)
{
	while (p->sent < p->out.n) {
		short events;
		ssize_t n = tls_conn_write(p->link.tls, p->out.p + p->sent, p->out.n - p->sent,
					   &events, err);

		if (n < 0)
			return tls_failed(p, err);
		if (n == 0) {
			p->link.wants |= events;
			return SINK_OK;
		}
		p->sent += (size_t)n;
	}
	return SINK_OK;
}

enum sink_result redis_link_send(struct redis *p, struct err *err)
{
	p->link.wants = POLLIN;
	return p->link.tls ? send_tls(p, err) : send_plain(p, err);
}

/* As tls_conn_read. */
static ssize_t read_plain(struct redis *p, char *part, size_t bytes, struct err *err)
{
	const char *why;
	ssize_t n;

	do
		n = recv(p->link.c->fd, part, bytes, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return n > 0 ? n : 0;
	why = n ? strerror(errno) : "Server closed the connection";
	if (p->link.answered || p->url.path)
		redis_broken(p, why, err);
	else
		err_set(err, EX_TEMPFAIL,
			"%s: %s before any answer (if the port speaks TLS: rediss://)",
			redis_where(p), why);
	return -1;
}

enum sink_result redis_link_read(struct redis *p, struct err *err)
{
	char part[READ_BYTES];
	short events = POLLIN;
	ssize_t n = p->link.tls ? tls_conn_read(p->link.tls, part, sizeof(part), &events, err)
				: read_plain(p, part, sizeof(part), err);

	if (n < 0)
		return p->link.tls ? tls_failed(p, err) : SINK_RETRY;
	if (n > 0 && redisReaderFeed(p->link.c->reader, part, (size_t)n) != REDIS_OK)
		return redis_broken(p, p->link.c->reader->errstr, err);
	p->link.answered |= n > 0;
	p->link.wants = n ? 0 : (short)(p->link.wants | events);
	return SINK_OK;
}
