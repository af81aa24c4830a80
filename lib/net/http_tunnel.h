/* A connection that is HTTP no more: a request that asked for another protocol is answered with
 * 101, from then on bytes go both ways as they are. WebSocket is its user (ws_conn.h).
 *
 * What is sent are pieces: bytes that are built once, counted by references and queued by pointer
 * to any number of connections; the kernel reads them where they are. Single-threaded.
 * Bounds: while 64 KiB of a tunnel's queue are not taken, nothing is read from its client. What
 * the queue may hold is the user's care (http_tunnel_pending). The kernel holds at most 16 KiB
 * that are not on their way. */
#ifndef NET_HTTP_TUNNEL_H
#define NET_HTTP_TUNNEL_H

#include "net/http.h"

/* ---- pieces */
struct http_piece {
	unsigned refs;
	size_t n;
	char bytes[];
};

/* A copy, with one reference. */
struct http_piece *http_piece_new(struct slice bytes);
struct http_piece *http_piece_keep(struct http_piece *p); /* one more, returns p */
void http_piece_drop(struct http_piece *p);               /* one less; NULL is fine */

/* ---- tunnels */
/* Called from the server's turns and http_server_drain, never from inside of a call below. */
struct http_tunnel_ops {
	/* Bytes came, in any pieces; valid in the call. */
	void (*bytes)(void *arg, struct slice bytes);
	/* Twice a second. now_us: tm_mono_us. */
	void (*tick)(void *arg, int64_t now_us);
	/* The tunnel is to be ended: the server drains; the client has taken nothing for
	 * http_conf.stall_us. */
	void (*drain)(void *arg);
	void (*stalled)(void *arg);
	/* What was queued is sent but for 64 KiB at most: more may be. NULL: not wanted. */
	void (*room)(void *arg);
	/* The last call, always. */
	void (*closed)(void *arg);
};

/* Answers a request that asks for it (its `upgrade`) with 101 and these fields (Connection and
 * Upgrade among them). The request is the tunnel's name until closed has returned; all its slices
 * but remote and peer are empty from now on, so that a tunnel that is quiet holds no memory for a
 * request.
 * False: the client of a parked request has left; the request is over, and the ops are not
 * called. */
bool http_tunnel(struct http_request *req, const struct http_field *fields, size_t n_fields,
		 const struct http_tunnel_ops *ops, void *arg);

/* Queues n pieces (a reference of each is taken) and sends what the client takes. */
void http_tunnel_send(struct http_request *req, struct http_piece *const *pieces, size_t n);

/* Bytes that the kernel has not taken, and 64 for each piece of the queue. 0: all is taken. */
size_t http_tunnel_pending(const struct http_request *req);

/* Takes the pieces off the queue of which no byte was sent. */
void http_tunnel_forget(struct http_request *req);

/* Nothing more is to be sent or read: what is queued has a sixth of http_conf.linger_us (5 s) to
 * go, then the connection ends. Of the ops only closed is called any more. */
void http_tunnel_end(struct http_request *req);

#endif
