/* The seam beside HTTP/1.1: another protocol that feeds the requests of a server's connections to
 * its app, HTTP/2 for one. A connection becomes one of its sessions where the transport agreed on
 * it (ALPN), or by the first bytes of a client that knows. A session has its connection as a
 * tunnel (http_tunnel.h), makes requests (http.h) and answers them by ops of its own. */
#ifndef NET_HTTP_PROTOCOL_H
#define NET_HTTP_PROTOCOL_H

#include "net/http_server.h"
#include "net/http_tunnel.h"

enum { HTTP_ID_BYTES = 16, HTTP_DATE_BYTES = 29 };

/* What a session has of its connection and server. All but conn outlives it. */
struct http_session {
	struct http_request
		*conn; /* the tunnel's name; remote, loopback and peer are the client's */
	struct http_server *server;
	const struct http_app *app;
	const struct http_conf *conf; /* without zeros */
	/* The session counts: requests, refused, busy (one for each request), in_flight_bytes. */
	struct http_stats *stats;
};

struct http_protocol {
	const char *alpn;    /* "h2" */
	const char *preface; /* the first bytes of a client that knows, up to an empty line */
	/* The arg of ops, whose `closed` frees it. */
	void *(*open)(const struct http_session *session);
	struct http_tunnel_ops ops;
};

/* An id for a request. */
void http_session_id(const struct http_session *session, char id[HTTP_ID_BYTES]);
/* For the field Date, valid until the loop turns. */
struct slice http_session_date(const struct http_session *session);
/* Requests that handlers still have though their connection is closed: n more, or less. False: the
 * server itself ends, and they are no more. */
bool http_session_hold(const struct http_session *session, int n);

#endif
