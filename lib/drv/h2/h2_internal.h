/* What the files of the driver share: h2.c (sessions), h2_stream.c (from a header block to a
 * handler), h2_answer.c (from answers to frames). Nobody else includes it. */
#ifndef DRV_H2_H2_INTERNAL_H
#define DRV_H2_H2_INTERNAL_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>

#include "drv/h2/h2.h"
#include "net/http_body.h"

struct h2 {
	struct http_session session;
	struct buf remote, peer; /* the client's; requests may outlive the connection */
	nghttp2_session *frames;
	struct h2_stream *streams; /* all that are not freed */
	size_t n_open, n_left;     /* open ones; such as only a handler has */
	int64_t now_us, since_us;  /* since when no stream is open */
	bool busy;                 /* within nghttp2, which must not be entered again */
	bool draining, closed;
};

enum h2_state {
	H2_HEAD,    /* its header block comes */
	H2_BODY,    /* its body comes */
	H2_HANDLED, /* a handler has the request */
	H2_STREAM,  /* a producer makes the answer */
	H2_ANSWERED /* the request is over; what is left of the answer is sent */
};

struct h2_stream {
	struct h2 *h;
	struct h2_stream *next, **prev;
	int32_t id;
	enum h2_state state;
	bool open;          /* the client has not left it */
	bool request_ended; /* the client sends no more of it */
	bool waiting;       /* the producer said HTTP_WAIT */
	bool lingers;       /* all is sent, what still comes of the request is dropped */
	bool ended;         /* the answer has no more bytes than those that are there */
	struct http_request req;
	char request_id[HTTP_ID_BYTES];

	struct buf method, path, authority, fields; /* as they come */
	struct buf text;                            /* the head as one of HTTP/1.1 */
	struct http_head head;
	struct http_body reader;
	struct buf body;
	size_t charged;
	int64_t since_us; /* head: its first byte; body: its window; answer: the last progress */
	uint64_t window_raw;

	struct buf out;
	struct slice rest; /* of the answer: in out, or lent */
	void (*done)(void *arg);
	void *done_arg;
	struct http_producer producer;
};

static inline struct h2_stream *h2_stream_of(struct http_request *req)
{
	return (struct h2_stream *)((uintptr_t)req - offsetof(struct h2_stream, req));
}

/* ---- h2.c */
/* Sends what there is to be sent, as far as the client takes it. */
void h2_pump(struct h2 *h);
void h2_free_if_done(struct h2 *h);

/* ---- h2_stream.c */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_field(struct h2_stream *st, struct slice name, struct slice value);
void h2_stream_begin(struct h2_stream *st);
void h2_stream_data(struct h2_stream *st, struct slice bytes);
void h2_stream_end(struct h2_stream *st); /* the request is whole */
void h2_stream_refuse(struct h2_stream *st, const struct http_fault *fault);
/* The client has left it; it is freed unless a handler has it. */
void h2_stream_close(struct h2_stream *st);
void h2_stream_drop_body(struct h2_stream *st);
void h2_stream_free(struct h2_stream *st);

/* ---- h2_answer.c */
extern const struct http_ops h2_ops;
void h2_answer_drop(struct h2_stream *st); /* what is lent, and the producer, are given back */

#endif
