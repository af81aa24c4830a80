#include "net/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096, FIRST_FD = 3 };

struct place {
	struct sockaddr_storage a;
	socklen_t n;
};

static struct place place_v4(const char *text, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct place p = { 0 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
		memcpy(&p.a, &in, sizeof(in));
		p.n = sizeof(in);
	}
	return p;
}

static struct place place_v6(const char *text, unsigned port)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct place p = { 0 };

	if (inet_pton(AF_INET6, text, &in.sin6_addr) == 1) {
		memcpy(&p.a, &in, sizeof(in));
		p.n = sizeof(in);
	}
	return p;
}

/* all: an IPv6 socket takes IPv4 too. -1 with errno. */
static int open_place(const struct place *p, bool all)
{
	int one = 1, only_v6 = !all, saved;
	int fd = socket(p->a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (p->a.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
	if (bind(fd, (const struct sockaddr *)&p->a, p->n) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

static bool is_without_v6(int errnum)
{
	return errnum == EAFNOSUPPORT || errnum == EADDRNOTAVAIL;
}

static int tell_refusal(const char *place, struct err *err)
{
	int code = errno == EADDRINUSE ? EX_TEMPFAIL : EX_CONFIG;

	return err_errno(err, code, "cannot listen on %s", place);
}

/* 127.0.0.1 and ::1, both with the same port. */
static int open_loopback(const char *text, unsigned port, int *fds, size_t most, struct err *err)
{
	struct place v4 = place_v4("127.0.0.1", port), v6;

	fds[0] = open_place(&v4, false);
	if (fds[0] < 0)
		return tell_refusal(text, err);
	if (most < 2)
		return 1;
	v6 = place_v6("::1", port_of(fds[0]));
	fds[1] = open_place(&v6, false);
	if (fds[1] >= 0)
		return 2;
	if (is_without_v6(errno))
		return 1;
	tell_refusal(text, err);
	close(fds[0]);
	return -1;
}

static int open_all(const char *text, unsigned port, int *fds, struct err *err)
{
	struct place v6 = place_v6("::", port), v4 = place_v4("0.0.0.0", port);

	fds[0] = open_place(&v6, true);
	if (fds[0] < 0 && is_without_v6(errno))
		fds[0] = open_place(&v4, true);
	return fds[0] < 0 ? tell_refusal(text, err) : 1;
}

static int no_place(const char *text, struct err *err)
{
	return err_set(err, EX_USAGE,
		       "\"%s\" is no place to listen on (PORT, :PORT, ADDRESS:PORT, [IPV6]:PORT)",
		       text);
}

static bool parse_port(const char *text, unsigned *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*port = (unsigned)n;
	return *text >= '0' && *text <= '9' && !*end && n <= UINT16_MAX;
}

int http_listen_open(const char *text, int *fds, size_t most, struct err *err)
{
	char address[HTTP_ADDRESS_BYTES];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool brackets = n > 2 && *text == '[' && text[n - 1] == ']';
	unsigned port;
	struct place place;

	if (!most)
		return err_set(err, EX_CONFIG, "too many places to listen on");
	if (!parse_port(colon ? colon + 1 : text, &port) || n >= sizeof(address))
		return no_place(text, err);
	if (!colon)
		return open_loopback(text, port, fds, most, err);
	if (n == 0)
		return open_all(text, port, fds, err);
	memcpy(address, text + brackets, n - 2 * brackets);
	address[n - 2 * brackets] = '\0';
	place = brackets ? place_v6(address, port) : place_v4(address, port);
	if (!place.n && strcmp(address, "localhost") == 0 && !brackets)
		return open_loopback(text, port, fds, most, err);
	if (!place.n)
		return no_place(text, err);
	fds[0] = open_place(&place, false);
	return fds[0] < 0 ? tell_refusal(text, err) : 1;
}

static bool is_listening(int fd)
{
	int type = 0, listening = 0;
	socklen_t n = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) == 0 && listening;
}

int http_listen_activated(int *fds, size_t most, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int n = count ? atoi(count) : 0, one = 1;

	if (!pid || n <= 0 || atol(pid) != (long)getpid())
		return 0;
	for (int i = 0; i < n && (size_t)i < most; i++) {
		int fd = FIRST_FD + i;
		if (!is_listening(fd))
			return err_set(
				err, EX_CONFIG,
				"descriptor %d of the service manager is no listening stream "
				"socket (ListenStream= in the socket unit)",
				fd);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		fds[i] = fd;
	}
	unsetenv("LISTEN_FDS"); /* a child has none of them */
	return (size_t)n < most ? n : (int)most;
}

/* The IPv4 address in it, also a mapped one; NULL: there is none. */
static const struct in_addr *v4_of(const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET)
		return &((const struct sockaddr_in *)a)->sin_addr;
	if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return (const struct in_addr *)&in6->sin6_addr.s6_addr[12];
	return NULL;
}

size_t http_address(const struct sockaddr_storage *a, char out[HTTP_ADDRESS_BYTES])
{
	const struct in_addr *v4 = v4_of(a);

	if (v4)
		inet_ntop(AF_INET, v4, out, HTTP_ADDRESS_BYTES);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, out,
			  HTTP_ADDRESS_BYTES);
	else
		memcpy(out, "unix", sizeof("unix"));
	return strlen(out);
}

bool http_address_loopback(const struct sockaddr_storage *a)
{
	const struct in_addr *v4 = v4_of(a);

	if (v4)
		return *(const uint8_t *)v4 == 127;
	return a->ss_family != AF_INET6 ||
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

void http_listen_place(int fd, struct buf *out, bool *loopback)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);
	char address[HTTP_ADDRESS_BYTES];

	getsockname(fd, (struct sockaddr *)&a, &n);
	http_address(&a, address);
	*loopback = http_address_loopback(&a);
	if (a.ss_family == AF_INET6 || a.ss_family == AF_INET)
		buf_printf(out, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port_of(fd));
	else
		buf_addz(out, address);
}
