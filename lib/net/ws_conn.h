/* Connections of WebSocket on a server of HTTP (http_tunnel.h), and one frame for many of them.
 *
 * A handler of a route accepts a request, then the site's functions get messages and the end;
 * what is to be sent to many is built once (ws_share), compressed at most once, and sent from
 * where it is. Latest wins: a connection that has not taken all of the last push when the next is
 * due misses that; at the third in a row, and when it took nothing for http_conf.stall_us (30 s),
 * it is closed with 1013 and what it has not begun to take is dropped.
 *
 * Bounds: messages of conf.most_message bytes, inflated; per connection one push and answers to
 * its own messages: while 64 KiB of those are not taken, nothing is read. A ping every
 * conf.ping_us; without a frame from the client until the next it is closed with 1011. Who
 * closes sends the code; the client has 5 s for its own end of it.
 * Single-threaded, in the loop's thread. Handlers are called from the server's turns only, never
 * from inside of a call below. */
#ifndef NET_WS_CONN_H
#define NET_WS_CONN_H

#include "net/ws.h"

struct ws_conn;
struct ws_shared;

struct ws_conf {
	void *arg;
	/* A message came, whole: WS_TEXT (UTF-8) or WS_BINARY; valid in the call. */
	void (*message)(void *arg, struct ws_conn *c, enum ws_opcode kind, struct slice payload);
	/* The last call for a connection, always, whoever has ended it. code: the first that was
	 * said by either side; 1006 (WS_LOST): none was. */
	void (*closed)(void *arg, struct ws_conn *c, unsigned code);
	const char *protocol; /* the subprotocol that is agreed on where it is offered; or NULL */
	/* Origins ("https://example.org") that a browser's page may have. The one whose host and
	 * port are those of the request may always; a client that says none is no browser. */
	const char *const *origins;
	size_t n_origins;
	bool any_origin;
	bool plain; /* no compression */
	/* What follows: 0 for what stands behind it. */
	size_t most_message;  /* 16 KiB */
	int64_t ping_us;      /* 30 s */
	unsigned most_missed; /* 3 */
};

enum { WS_LOST = 1006, WS_CODES = 16 };

struct ws_stats {
	size_t clients;
	uint64_t sent, skipped; /* frames of pushes: taken for sending, missed */
	/* By code - 1000; the last one: any other. */
	uint64_t closed[WS_CODES];
};

struct ws_site;

/* conf is copied, what it points to borrowed. Freed when the server is (http_server_free). */
struct ws_site *ws_site_new(const struct ws_conf *conf);
void ws_site_free(struct ws_site *s);
void ws_site_stats(const struct ws_site *s, struct ws_stats *stats);

/* ---- connections */
/* What stands behind `prefix` of the first subprotocol that is offered and begins so ("hta.key.": a
 * browser's page cannot set Authorization). p NULL: there is none. */
struct slice ws_offered(const struct http_request *req, const char *prefix);

/* Answers the request: 101, or a problem (400 `bad-upgrade`, 403 `origin`, 426 `websocket-version`
 * or `upgrade-required`) and NULL; NULL too if the client of a parked request has left. The
 * request is not to be used any more. The connection is valid until `closed` has returned. */
struct ws_conn *ws_accept(struct http_request *req, struct ws_site *s, void *user);

void *ws_user(const struct ws_conn *c);
/* "192.0.2.1" */
struct slice ws_remote(const struct ws_conn *c);

/* A message for this connection alone, copied. Nothing where it is closed. */
void ws_send(struct ws_conn *c, enum ws_opcode kind, struct slice payload);

/* Says the code (and a reason, cut at 123 bytes), then ends the connection; `closed` follows. Of
 * two calls the first counts. */
void ws_end(struct ws_conn *c, unsigned code, const char *reason);

/* ---- pushes */
/* A text as a frame. It may be freed as soon as it is pushed: queues keep what they need of it. */
struct ws_shared *ws_share(struct ws_site *s, struct slice text);
void ws_shared_free(struct ws_shared *f);

/* The frames of one push, all or none. False: the connection missed them, or is closed. */
bool ws_push(struct ws_conn *c, struct ws_shared *const *frames, size_t n);

#endif
