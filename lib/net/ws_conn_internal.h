/* What ws_accept.c, ws_conn.c (frames in, pings, closing) and ws_push.c share. */
#ifndef NET_WS_CONN_INTERNAL_H
#define NET_WS_CONN_INTERNAL_H

#include "net/http_tunnel.h"
#include "net/ws_conn.h"

struct deflate;

struct ws_site {
	struct ws_conf conf;
	struct inflate *inflate; /* no connection has a context of its own */
	struct deflate *deflate;
	struct http_piece *ping;
	struct ws_stats stats;
};

struct ws_conn {
	struct ws_site *site;
	struct http_request *req; /* the tunnel */
	void *user;
	struct ws reader;
	bool ended;      /* a close frame was sent */
	bool heard;      /* a frame came since the last ping */
	int64_t ping_us; /* when the next ping is due */
	unsigned missed; /* pushes in a row */
	unsigned code;   /* 0: none so far */
};

extern const struct http_tunnel_ops ws_tunnel_ops;

/* A frame, compressed if that is wanted and makes it shorter. */
struct http_piece *ws_piece(struct ws_site *s, enum ws_opcode kind, struct slice payload,
			    bool pack);

/* It is closed with 1013; what it has not begun to take is dropped. */
void ws_end_slow(struct ws_conn *c);

#endif
