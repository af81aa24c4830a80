/* Sockets of libmongoc that wait in our loop, so that signals and a reader that leaves are noticed
 * whatever a server does: libmongoc lets a program open its connections, and asks a table of
 * functions for all that it does with them.
 *
 *   libmongoc --> buffered --> TLS, where the URL wants it --> stream (here) --> loop_wait, send(2)
 *
 * A wait that the loop ends sets mongo.stopped and fails as a lost connection does; what libmongoc
 * tries then fails at once in the same way. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/mongo/mongo_internal.h"
#include "io/loop.h"

enum { STREAM_TYPE = 200, BUFFER_BYTES = 16384, CONNECT_MS = 10000 };

struct mongo_stream {
	mongoc_stream_t base; /* first */
	struct mongo *m;
	int fd, failed; /* errno of the last call */
};

static struct mongo_stream *stream_of(mongoc_stream_t *s)
{
	return (struct mongo_stream *)s;
}

static int64_t deadline_of(int64_t timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : tm_mono_us() + timeout_ms * 1000;
}

static int poll_plain(int fd, short events, int64_t deadline_us)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		int64_t left_us = deadline_us == INT64_MAX ? -1 : deadline_us - tm_mono_us();

		n = poll(&p, 1,
			 deadline_us == INT64_MAX ? -1
			 : left_us < 0            ? 0
						  : (int)(left_us / 1000 + 1));
	} while (n < 0 && errno == EINTR);
	return n;
}

/* True: the socket is ready. Else errno: ETIMEDOUT, or ECANCELED where the loop ended the wait. */
static bool wait_socket(struct mongo *m, int fd, short events, int64_t deadline_us)
{
	int n;

	if (m->stopped.code || m->leaving) {
		errno = ECANCELED;
		return false;
	}
	n = m->conf->loop ? loop_wait(m->conf->loop, fd, events, deadline_us, &m->stopped)
			  : poll_plain(fd, events, deadline_us);
	if (n == 0)
		errno = ETIMEDOUT;
	else if (n < 0)
		errno = ECANCELED;
	return n > 0;
}

/* ---- what libmongoc calls */

static int stream_close(mongoc_stream_t *stream)
{
	struct mongo_stream *s = stream_of(stream);

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return 0;
}

static void stream_destroy(mongoc_stream_t *stream)
{
	stream_close(stream);
	free(stream_of(stream));
}

static int stream_flush(mongoc_stream_t *stream)
{
	(void)stream;
	return 0;
}

static int stream_setsockopt(mongoc_stream_t *stream, int level, int name, void *value,
			     mongoc_socklen_t n)
{
	return setsockopt(stream_of(stream)->fd, level, name, value, n);
}

static bool is_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* After a call that gave n: true to call again. A timeout of 0 asks for what there is now. */
static bool goes_on(struct mongo_stream *s, ssize_t n, short events, int32_t timeout_ms,
		    int64_t deadline_us)
{
	s->failed = n < 0 ? errno : 0;
	if (n >= 0)
		return true;
	if (!is_again(s->failed) || timeout_ms == 0)
		return false;
	if (wait_socket(s->m, s->fd, events, deadline_us))
		return true;
	s->failed = errno;
	return false;
}

/* Moves n bytes on in the vector. */
static void skip_bytes(mongoc_iovec_t **iov, size_t *count, size_t n)
{
	while (*count && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		++*iov;
		--*count;
	}
	if (*count) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

static ssize_t stream_writev(mongoc_stream_t *stream, mongoc_iovec_t *given, size_t count,
			     int32_t timeout_ms)
{
	struct mongo_stream *s = stream_of(stream);
	mongoc_iovec_t *copy = mem_array(count, sizeof(*copy)), *iov = copy;
	int64_t deadline_us = deadline_of(timeout_ms);
	ssize_t sent = 0;

	memcpy(copy, given, count * sizeof(*copy));
	skip_bytes(&iov, &count, 0);
	while (count) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count < 64 ? count : 64 };
		ssize_t n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);

		if (!goes_on(s, n, POLLOUT, timeout_ms, deadline_us))
			break;
		if (n > 0) {
			sent += n;
			skip_bytes(&iov, &count, (size_t)n);
		}
	}
	free(copy);
	errno = s->failed;
	return count && sent == 0 ? -1 : sent;
}

static ssize_t stream_readv(mongoc_stream_t *stream, mongoc_iovec_t *given, size_t count,
			    size_t min_bytes, int32_t timeout_ms)
{
	struct mongo_stream *s = stream_of(stream);
	mongoc_iovec_t *copy = mem_array(count, sizeof(*copy)), *iov = copy;
	int64_t deadline_us = deadline_of(timeout_ms);
	size_t got = 0;
	ssize_t n = 1;

	memcpy(copy, given, count * sizeof(*copy));
	while (count && (got == 0 || got < min_bytes) && n != 0) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count < 64 ? count : 64 };

		n = recvmsg(s->fd, &msg, 0);
		if (!goes_on(s, n, POLLIN, timeout_ms, deadline_us))
			break;
		if (n > 0) {
			got += (size_t)n;
			skip_bytes(&iov, &count, (size_t)n);
		}
	}
	free(copy);
	errno = s->failed;
	return got >= min_bytes && (got || n == 0) ? (ssize_t)got : -1;
}

static bool stream_check_closed(mongoc_stream_t *stream)
{
	struct mongo_stream *s = stream_of(stream);
	char c;
	ssize_t n = s->fd < 0 ? 0 : recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && !is_again(errno));
}

/* Of one, in the loop; several are servers that are looked for, which takes as long as the nearest
 * of them. */
static ssize_t poll_one(mongoc_stream_poll_t *p, int32_t timeout_ms)
{
	struct mongo_stream *s = stream_of(p->stream);
	int n;

	p->revents = 0;
	if (s->m->stopped.code || s->m->leaving)
		return -1;
	if (!s->m->conf->loop) {
		struct pollfd one = { .fd = s->fd, .events = (short)p->events };

		n = poll(&one, 1, timeout_ms);
		p->revents = one.revents;
		return n;
	}
	n = loop_wait(s->m->conf->loop, s->fd, (short)p->events, deadline_of(timeout_ms),
		      &s->m->stopped);
	p->revents = n > 0 ? n : 0;
	return n > 0 ? 1 : n;
}

static ssize_t stream_poll(mongoc_stream_poll_t *streams, size_t n, int32_t timeout_ms)
{
	struct pollfd *p;
	ssize_t ready;

	if (n == 1)
		return poll_one(streams, timeout_ms);
	p = mem_array(n, sizeof(*p));
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = stream_of(streams[i].stream)->fd,
					.events = (short)streams[i].events };
	ready = poll(p, n, timeout_ms);
	for (size_t i = 0; i < n; i++)
		streams[i].revents = p[i].revents;
	free(p);
	return ready;
}

static bool stream_timed_out(mongoc_stream_t *stream)
{
	return stream_of(stream)->failed == ETIMEDOUT;
}

static bool stream_should_retry(mongoc_stream_t *stream)
{
	return is_again(stream_of(stream)->failed);
}

static mongoc_stream_t *stream_new(struct mongo *m, int fd)
{
	struct mongo_stream *s = mem_zalloc(sizeof(*s));

	*s = (struct mongo_stream){
		.base = { .type = STREAM_TYPE,
			  .destroy = stream_destroy,
			  .close = stream_close,
			  .flush = stream_flush,
			  .writev = stream_writev,
			  .readv = stream_readv,
			  .setsockopt = stream_setsockopt,
			  .check_closed = stream_check_closed,
			  .poll = stream_poll,
			  .failed = stream_destroy,
			  .timed_out = stream_timed_out,
			  .should_retry = stream_should_retry },
		.m = m,
		.fd = fd,
	};
	return &s->base;
}

/* ---- connecting */

/* A socket that is connected; -1 with errno. */
static int connect_to(struct mongo *m, int family, const struct sockaddr *to, socklen_t n,
		      int64_t deadline_us)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, error = 0;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -1;
	if (family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	if (connect(fd, to, n) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_socket(m, fd, POLLOUT, deadline_us) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0) {
		if (!error)
			return fd;
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int connect_unix(struct mongo *m, const char *path, int64_t deadline_us)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, n + 1);
	return connect_to(m, AF_UNIX, (const struct sockaddr *)&to, sizeof(to), deadline_us);
}

static int connect_tcp(struct mongo *m, const mongoc_host_list_t *host, int64_t deadline_us,
		       bson_error_t *error)
{
	struct addrinfo hints = { .ai_family = host->family, .ai_socktype = SOCK_STREAM }, *all;
	char port[8];
	int rc, fd = -1;

	snprintf(port, sizeof(port), "%u", host->port);
	rc = getaddrinfo(host->host, port, &hints, &all);
	if (rc) {
		bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_NAME_RESOLUTION,
			       "%s: %s", host->host, gai_strerror(rc));
		return -1;
	}
	for (const struct addrinfo *a = all; a && fd < 0 && !m->stopped.code; a = a->ai_next)
		fd = connect_to(m, a->ai_family, a->ai_addr, a->ai_addrlen, deadline_us);
	freeaddrinfo(all);
	if (fd < 0)
		bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_CONNECT, "%s: %s",
			       host->host_and_port, strerror(errno));
	return fd;
}

static const char *text_option(const mongoc_uri_t *uri, const char *name)
{
	return mongoc_uri_get_option_as_utf8(uri, name, NULL);
}

/* TLS over the stream, which it takes; NULL: error. */
static mongoc_stream_t *add_tls(const mongoc_uri_t *uri, const char *host, mongoc_stream_t *stream,
				bson_error_t *error)
{
	bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
	mongoc_ssl_opt_t opt = {
		.pem_file = text_option(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE),
		.pem_pwd = text_option(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD),
		.ca_file = text_option(uri, MONGOC_URI_TLSCAFILE),
		.weak_cert_validation = insecure ||
					mongoc_uri_get_option_as_bool(
						uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, false),
		.allow_invalid_hostname = insecure ||
					  mongoc_uri_get_option_as_bool(
						  uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, false),
	};
	mongoc_stream_t *tls = mongoc_stream_tls_new_with_hostname(stream, host, &opt, 1);
	int32_t ms = mongoc_uri_get_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);

	if (!tls) {
		mongoc_stream_destroy(stream);
		bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET,
			       "TLS cannot begin: is %s readable?",
			       opt.ca_file    ? opt.ca_file
			       : opt.pem_file ? opt.pem_file
					      : "OpenSSL's configuration");
		return NULL;
	}
	if (mongoc_stream_tls_handshake_block(tls, host, ms, error))
		return tls;
	mongoc_stream_destroy(tls);
	return NULL;
}

static mongoc_stream_t *open_stream(const mongoc_uri_t *uri, const mongoc_host_list_t *host,
				    void *arg, bson_error_t *error)
{
	struct mongo *m = arg;
	int64_t deadline_us = deadline_of(
		mongoc_uri_get_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS));
	mongoc_stream_t *stream;
	int fd = host->family == AF_UNIX ? connect_unix(m, host->host, deadline_us)
					 : connect_tcp(m, host, deadline_us, error);

	if (fd < 0) {
		if (host->family == AF_UNIX)
			bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_CONNECT,
				       "%s: %s", host->host, strerror(errno));
		return NULL;
	}
	stream = stream_new(m, fd);
	if (mongoc_uri_get_tls(uri))
		stream = add_tls(uri, host->host, stream, error);
	return stream ? mongoc_stream_buffered_new(stream, BUFFER_BYTES) : NULL;
}

void mongo_stream_take(struct mongo *m)
{
	mongoc_client_set_stream_initiator(m->client, open_stream, m);
}
