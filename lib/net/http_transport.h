/* The seam below a connection: what stands between its bytes and its socket. A program plugs one in
 * (http_conf.transport), TLS for one (tls.h); without it bytes go as they are.
 *
 * A link is one connection's part of it. The server owns the socket, which does not block and is
 * watched by edges: a link is asked to read until it says that there is no more, and to write
 * until it is blocked. Nothing here waits. All is called in the loop's thread. */
#ifndef NET_HTTP_TRANSPORT_H
#define NET_HTTP_TRANSPORT_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/str.h"

enum http_handshake {
	HTTP_SHAKEN,
	HTTP_SHAKE_WAITS,  /* for bytes of the client */
	HTTP_SHAKE_PLAIN,  /* what came is HTTP without one; close is all that is called now */
	HTTP_SHAKE_FAILED, /* likewise */
};

/* What read and write say where no byte went. */
enum {
	HTTP_LINK_ENDED = -1,  /* read: the client sends no more, answers can still be written */
	HTTP_LINK_BROKEN = -2, /* nothing goes either way any more */
	HTTP_LINK_BLOCKED = -3 /* write: an edge tells when the socket takes more */
};

struct http_transport {
	void *arg;
	/* A link for an accepted socket, which it does not close. NULL: it cannot be had. */
	void *(*open)(void *arg, int fd);
	/* Called until it says something else than HTTP_SHAKE_WAITS; then read and write are. */
	enum http_handshake (*handshake)(void *link);
	/* At most n bytes of the client's; 0: none for now. *more: whether it is to be asked again
	 * before an edge tells that something came. */
	ssize_t (*read)(void *link, char *p, size_t n, bool *more);
	/* Takes bytes of n pieces, from the first on, and says how many; n may be 0, which only
	 * sends what was taken before. What is taken is never given anew. */
	ssize_t (*write)(void *link, const struct iovec *v, int n);
	/* Bytes that were taken and that the socket has not. */
	size_t (*pending)(const void *link);
	/* Says to the client that no more will come. Once, when nothing is pending; read and write
	 * are not called behind it but to send what is pending. */
	void (*end)(void *link);
	/* What was agreed on to be spoken (ALPN), "" where nothing was; valid until close. */
	struct slice (*protocol)(const void *link);
	/* Who the client has proved to be, "" for nobody; valid until close. */
	struct slice (*peer)(const void *link);
	void (*close)(void *link);
};

#endif
