/* A server of HTTP/1.1 on a loop: listens, reads requests, hands them to an app (http.h), sends
 * the answers in order.
 *
 * One epoll descriptor is one watch of the loop; a turn of it serves at most 64 descriptors, and
 * a connection gives way after 32 steps (a request, or 256 KiB of a body), so that signals, timers
 * and other watches get their turn. All runs in the loop's thread.
 *
 * Bounds. Memory: a connection that is idle has half a KiB; one with a request under way up to 36
 * KiB, its unsent answer up to 64 KiB beside the one being sent; bodies that did not come with
 * their head share budget_bytes. Where that is used up, reading stops; who has waited for 2 s gets
 * 503 `overloaded`. A handler that waits keeps its request's bytes.
 * Time: a handshake of a transport has 10 s, a head 10 s from its first byte (408), a body must
 * bring 10 KiB in each 10 s (408), an idle connection is closed after 75 s, one that takes none of
 * its answer for 30 s is cut.
 * A refused request's connection ends; what the client still sends is read and dropped for up to
 * 30 s, 5 s without a byte, so that it sees its answer and no reset. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/err.h"
#include "io/loop.h"
#include "net/http.h"
#include "net/http_transport.h"

enum { HTTP_LISTEN = 16 };

struct http_protocol;

struct http_conf {
	/* "PORT": 127.0.0.1 and ::1; ":PORT": all addresses; "ADDR:PORT", "[ADDR]:PORT". Port 0:
	 * one that is free. None: only what the service manager hands over. */
	const char *const *listen;
	size_t n_listen;
	/* What connections speak below HTTP, borrowed; NULL: nothing. */
	const struct http_transport *transport;
	/* What they may speak in place of HTTP/1.1 (http_protocol.h), borrowed; NULL: nothing. */
	const struct http_protocol *protocol;
	/* What follows: 0 for what stands behind it. */
	size_t most_connections; /* 10,000, or what the descriptor limit allows */
	size_t most_per_address; /* no limit; this machine and an IPv6 /64 count as one address,
				    this machine has no limit */
	size_t budget_bytes;     /* 256 MiB */
	size_t head_bytes;       /* of a request; HTTP_HEAD_BYTES, 30 KiB at most */
	int64_t head_us, body_us, idle_us, stall_us, overload_us, linger_us; /* as above */
};

enum http_refused {
	HTTP_REFUSED_CONNECTIONS, /* accepting stopped at most_connections */
	HTTP_REFUSED_ADDRESS,     /* closed: most_per_address */
	HTTP_REFUSED_DESCRIPTORS, /* closed: the process has no descriptor left */
	HTTP_REFUSED_HANDSHAKE,   /* closed: the transport's handshake failed, or took too long */
	HTTP_REFUSED_MALFORMED,   /* 400, 414, 431, 501, 505 */
	HTTP_REFUSED_TOO_LARGE,   /* 413 */
	HTTP_REFUSED_SLOW,        /* 408 */
	HTTP_REFUSED_OVERLOADED,  /* 503: budget_bytes */
	HTTP_REFUSED_REASONS
};
extern const char *const http_refused_names[HTTP_REFUSED_REASONS];
/* What a request is counted as that the server itself answers with this status. */
enum http_refused http_refused_of(unsigned status);

struct http_stats {
	uint64_t accepted, requests, refused[HTTP_REFUSED_REASONS];
	size_t connections, busy; /* busy: a request is being read, waited for or answered */
	size_t in_flight_bytes;
};

struct http_server;

/* Listens: sockets that the service manager hands over (LISTEN_FDS), then those of conf. app and
 * loop are borrowed, conf is copied. NULL: EX_CONFIG for a place that is none or may not be bound,
 * EX_USAGE for what is no place, EX_TEMPFAIL where it is in use. */
struct http_server *http_server_new(struct loop *loop, const struct http_conf *conf,
				    const struct http_app *app, struct err *err);
/* Cuts what is left, and closes its producers. Requests that handlers still have are no more. */
void http_server_free(struct http_server *s);

/* Accepts no more, closes idle connections, and each other after its answer (Connection: close).
 * Waits for nothing: http_server_idle is true when the last connection has ended and no handler
 * has a request any more. A connection without a request so far is given a second for it. */
void http_server_drain(struct http_server *s);
bool http_server_idle(const struct http_server *s);

/* Whether nobody but this machine can connect. Where it listens: "127.0.0.1:8080, [::1]:8080". */
bool http_server_loopback_only(const struct http_server *s);
void http_server_places(const struct http_server *s, struct buf *out);

void http_server_stats(const struct http_server *s, struct http_stats *stats);

#endif
