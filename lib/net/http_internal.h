/* What the files of the server share: http_server.c (from open to close, turns), http_lists.c,
 * http_accept.c, http_conn.c (from bytes to requests), http_request.c, http_deadline.c,
 * http_answer.c (from answers to bytes), http_send.c, http_link.c. Nobody else includes it. */
#ifndef NET_HTTP_INTERNAL_H
#define NET_HTTP_INTERNAL_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/http_body.h"
#include "net/http_listen.h"
#include "net/http_server.h"

enum { INPUT_BYTES = 32 << 10, PENDING_BYTES = 64 << 10, ID_BYTES = 16, DATE_BYTES = 29 };

/* Where the bytes of a request lie, from its first one to its answer. Idle connections have
 * none. */
struct http_input {
	struct http_input *next;
	size_t at, n; /* bytes[at..n) are not looked at */
	size_t base;  /* in a body: what stands below belongs to the request */
	struct http_head head;
	char bytes[INPUT_BYTES];
};

struct http_tunnel;

/* First in all that epoll may name. */
struct http_watched {
	bool listener;
	int fd;
};

enum conn_state {
	CONN_HANDSHAKE, /* its transport is not ready yet */
	CONN_HEAD,      /* reads a head, or is idle */
	CONN_BODY,      /* reads a body */
	CONN_HANDLED,   /* the handler has the request */
	CONN_STREAM,    /* a producer makes the answer */
	CONN_TUNNEL,    /* it is HTTP no more (http_tunnel.h) */
	CONN_LAST,      /* the last answer is being sent */
	CONN_LINGER,    /* all is sent and shut; what comes is dropped */
	CONN_DEAD       /* the descriptor is closed */
};

struct http_conn {
	struct http_watched watched;
	struct http_server *s;
	void *link;                    /* of the server's transport; NULL: the socket itself */
	struct http_conn *prev, *next; /* all connections */
	struct http_conn *next_ready, *next_dead; /* lists of the server */
	struct http_conn *prev_near, *next_near;  /* of one place of near */
	struct http_conn *next_starved;
	enum conn_state state;
	bool readable, writable; /* as far as is known: edges of epoll */
	bool peer_ended;         /* FIN or RST: what is unread may still be read */
	bool broken;             /* nothing can be sent any more */
	bool in_ready, in_starved, in_dead, in_call, gone_told;
	bool held;               /* it is closed, but the handler still has its request */
	bool keep_alive, unread; /* unread: the request's body was not read to its end */
	bool head_only;          /* the answer has no body (HEAD) */
	bool chunk_answer;       /* the stream is chunked */
	bool waiting;            /* the producer said HTTP_WAIT */
	bool loopback;
	bool link_ended;
	bool fresh; /* no request has come yet */
	uint8_t remote_bytes;
	char remote[HTTP_ADDRESS_BYTES], id[ID_BYTES];
	uint64_t near_key;

	struct http_input *in; /* NULL: idle */
	struct http_scan scan;
	struct http_request req;
	struct http_body body_reader;
	struct buf body;
	size_t charged;      /* bytes of body in the server's in_flight */
	uint64_t window_raw; /* of the body, at the start of the window of its rate */
	int64_t since_us;    /* idle: since; head: its first byte; body: the window's start;
				 linger: the last byte */
	int64_t state_us;    /* linger: its start */
	int64_t stalled_us;  /* since when the client takes nothing; 0: it does */
	int64_t starved_us;  /* since when the body waits for memory; 0: it does not */

	struct buf out; /* bytes to be sent, from out_at on; then lent */
	size_t out_at;
	struct slice lent;
	void (*done)(void *arg);
	void *done_arg;
	struct http_producer producer;
	struct http_tunnel *tunnel; /* NULL: it is none */
};

static inline struct http_conn *http_conn_of(const struct http_request *req)
{
	return (struct http_conn *)((uintptr_t)req - offsetof(struct http_conn, req));
}

struct http_listener {
	struct http_watched watched;
	bool activated;
};

enum { NEAR_PLACES = 1024, INPUTS_KEPT = 64, STEPS_PER_TURN = 32 };

struct http_server {
	struct loop *loop;
	struct http_conf conf;
	struct http_app app;
	int epoll_fd, spare_fd, watch_id, tick_id, wake_id;
	struct http_listener listeners[HTTP_LISTEN];
	size_t n_listeners;
	bool accepting, draining, ending, loopback_only;
	struct buf places;
	struct http_conn *all, *dead;
	struct http_conn *ready, **ready_end, *starved, **starved_end;
	struct http_conn *near[NEAR_PLACES];
	struct http_input *inputs;
	size_t n_inputs, held;
	struct http_stats stats;
	uint64_t id_seed, ids;
	int64_t now_us, date_s;
	char date[DATE_BYTES + 1];
};

/* http_server.c */
void http_server_turn(void *server, int fd, short revents);
/* Closes the descriptor; what the handler has stays until it answers. */
void http_conn_close(struct http_conn *c);
void http_date(struct http_server *s);

/* http_lists.c */
void http_conn_ready(struct http_conn *c); /* it runs in the next turn at the latest */
struct http_conn *http_ready_take(struct http_server *s);
void http_conn_starve(struct http_conn *c);
void http_conn_leave_lists(struct http_conn *c);          /* it is closed */
void http_conn_charge(struct http_conn *c, size_t bytes); /* of its body, in all */
struct http_input *http_input_get(struct http_server *s);
void http_input_put(struct http_server *s, struct http_input *in);

/* http_accept.c */
void http_server_accept(struct http_server *s, bool on); /* whether the listeners are watched */
void http_accept_some(struct http_server *s, int listener);
void http_conn_unlink(struct http_conn *c);

/* http_conn.c */
void http_conn_run(struct http_conn *c); /* as far as it comes; may close it */

/* http_link.c */
bool http_link_open(struct http_conn *c); /* false: it cannot be had */
/* How many bytes came; 0: none for now; -1: no more will come. */
ssize_t http_link_read(struct http_conn *c, char *p, size_t n);
/* As http_transport.write. */
ssize_t http_link_write(struct http_conn *c, struct iovec *v, int n);
size_t http_link_pending(const struct http_conn *c);
struct slice http_link_peer(const struct http_conn *c);
void http_link_end(struct http_conn *c); /* the client is told that no more comes */
void http_link_close(struct http_conn *c);
bool http_conn_step_handshake(struct http_conn *c);

/* http_deadline.c */
void http_conn_tick(struct http_conn *c);

/* http_request.c */
void http_server_id(struct http_server *s, char id[ID_BYTES]);
void http_conn_clear_request(struct http_conn *c);     /* nothing is known of it yet */
void http_conn_begin(struct http_conn *c, size_t end); /* its head ends at in->at + end */
void http_conn_hand_over(struct http_conn *c, struct slice body);
void http_conn_tell_gone(struct http_conn *c); /* the handler that has the request */
void http_conn_give_back(struct http_conn *c); /* the input */
void http_conn_refuse(struct http_conn *c, const struct http_fault *fault);
/* The answer is queued: what is left of the request is dropped, the connection reads on or ends. */
void http_conn_answered(struct http_conn *c, unsigned status);
void http_conn_drop_body(struct http_conn *c);

/* http_answer.c */
extern const struct http_ops http_conn_ops;
/* All of a head but what says how long the body is, and the empty line. */
void http_conn_add_head(struct http_conn *c, const struct http_answer *answer);

/* http_send.c */
bool http_conn_flush(struct http_conn *c); /* false: broken */
size_t http_conn_pending(const struct http_conn *c);
void http_conn_produce(struct http_conn *c);
/* The connection is of no use any more: lent bytes and the producer are given back. */
void http_conn_drop_answer(struct http_conn *c);

/* http_session.c */
/* Whether it is to be a session of http_conf.protocol, by its transport or its first bytes. */
bool http_session_wanted(const struct http_conn *c, struct slice first_bytes);
void http_session_begin(struct http_conn *c);

/* http_tunnel.c */
struct http_tunnel_ops;
void http_tunnel_begin(struct http_conn *c, const struct http_tunnel_ops *ops, void *arg);
void http_tunnel_room(struct http_conn *c); /* what was queued is nearly sent */
bool http_conn_step_tunnel(struct http_conn *c);
void http_conn_tick_tunnel(struct http_conn *c); /* not when it lingers */
void http_conn_drain_tunnel(struct http_conn *c);
void http_conn_drop_tunnel(struct http_conn *c); /* if there is one */
int http_tunnel_gather(const struct http_tunnel *t, struct iovec *v, int most);
void http_tunnel_sent(struct http_tunnel *t, size_t n);
size_t http_tunnel_queued(const struct http_tunnel *t); /* 0: nothing */

#endif
