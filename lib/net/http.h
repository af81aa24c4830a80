/* The seam between whoever speaks HTTP (http_server.h; later HTTP/2) and whoever answers: requests
 * with their answers, of connections nothing.
 *
 * Single-threaded: all of this is called in the loop's thread, from any callback of it.
 * A request is answered exactly once, by http_answer or http_stream, inside the handler or later
 * (a parked request). It and all its slices are valid until then, whatever becomes of the client.
 * Answers leave in the order of the requests of a connection; that is not the handler's care.
 * Bounds: 100 fields, a head of 16 KiB (or http_conf.head_bytes), a target of 8 KiB, a body of what
 * http_app.head allows. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_OTHER /* any other token */
};

struct http_field {
	struct slice name, value; /* the value without blanks around it */
};

struct http_ops;

struct http_request {
	enum http_method method;
	struct slice method_text;
	struct slice path;  /* as sent, escapes valid and undecoded, begins with '/'; or "*" */
	struct slice query; /* as sent, behind '?'; p NULL: there is none */
	const struct http_field *fields;
	size_t n_fields;
	struct slice host;   /* with its port, as sent; n 0: an HTTP/1.0 request without one */
	struct slice remote; /* "192.0.2.1", "2001:db8::1" */
	struct slice peer;   /* who the client has proved to be (http_transport.h); n 0: nobody */
	bool loopback;       /* the client is on this machine */
	bool upgrade;        /* HTTP/1.1 with Connection: upgrade and Upgrade (http_tunnel.h) */
	/* The page that asks is of another origin, and may: what its browser shows it is said with
	 * the answer. Set by the dispatcher; n 0: it is of none or ours. */
	struct slice origin;
	struct slice id;      /* of X-Request-Id, the client's or made; 1 to 64 bytes */
	struct slice body;    /* decoded (gzip, zstd, deflate); n 0 in http_app.head */
	int64_t begun_us;     /* tm_mono_us when its first byte was read */
	const char *route;    /* for counters: set by the dispatcher, "none" unless it is */
	const void *dispatch; /* the dispatcher's own */
	void *user;           /* the handler's own, NULL at first */
	/* Called at most once between handler and answer, or the end of its stream: the client
	 * closed its side, or broke the connection. It has most likely left, so a query is best
	 * cancelled and a stream that waits best woken and cut; the answer is due all the same,
	 * may be given inside the call, and is delivered if the client still reads. NULL: not
	 * wanted. */
	void (*gone)(struct http_request *req);

	const struct http_ops *ops; /* the speaker's */
};

/* An answer. Status, X-Request-Id, Date, Server, nosniff, Content-Length, Connection and (for
 * errors and anything but GET and HEAD) Cache-Control: no-store are added; a HEAD's body is left
 * out, its length is said. */
struct http_answer {
	unsigned status;                 /* 200 to 599 */
	const char *type;                /* Content-Type; NULL: none */
	const struct http_field *fields; /* more fields; one with a line end is left out */
	size_t n_fields;
	struct slice body;
	/* NULL: the body is copied. Else it is lent and sent from where it is until done(done_arg)
	 * is called, once, perhaps inside http_answer. */
	void (*done)(void *done_arg);
	void *done_arg;
};

/* A body that is made piece by piece. */
enum http_more {
	HTTP_MORE, /* something was added, more will come */
	HTTP_WAIT, /* nothing is there now: http_wake will be called */
	HTTP_END,  /* the body is whole (what was added belongs to it) */
	HTTP_CUT   /* it cannot be made whole: the connection is cut, without the last chunk */
};
struct http_producer {
	/* Adds to out, some 64 KiB a call at most. Called only while the client keeps up. */
	enum http_more (*more)(void *arg, struct buf *out);
	/* The last call, always: after END or CUT, or when the client left (sent: false). */
	void (*close)(void *arg, bool sent);
	void *arg;
};

/* What a speaker has. Handlers call the functions below. */
struct http_ops {
	void (*answer)(struct http_request *req, const struct http_answer *answer);
	void (*stream)(struct http_request *req, const struct http_answer *head,
		       const struct http_producer *producer);
	void (*wake)(struct http_request *req);
};

static inline void http_answer(struct http_request *req, const struct http_answer *answer)
{
	req->ops->answer(req, answer);
}
/* head: its body and done are not looked at. The request stays valid until the producer's close
 * returns. */
static inline void http_stream(struct http_request *req, const struct http_answer *head,
			       const struct http_producer *producer)
{
	req->ops->stream(req, head, producer);
}
/* The producer that said HTTP_WAIT has more. */
static inline void http_wake(struct http_request *req)
{
	req->ops->wake(req);
}

/* Who answers. */
struct http_app {
	void *arg;
	/* The head is there, the body is not. Either answers at once (404, 401, 415 ..: the body is
	 * not read), or returns how many bytes the decoded body may have: more is a 413. */
	size_t (*head)(void *arg, struct http_request *req);
	/* The body is there, whole. Answers now or later. */
	void (*handle)(void *arg, struct http_request *req);
	/* An answer was queued, a refusal of the server's own included; for counters. req has no
	 * method, path and fields (n 0, HTTP_OTHER) where the head was no good. NULL: not
	 * wanted. */
	void (*answered)(void *arg, const struct http_request *req, unsigned status);
};

/* The first field of that name (lower or upper case); p NULL: there is none. */
struct slice http_field(const struct http_request *req, const char *name);

/* Whether a field of comma-separated tokens has this one, in any of its lines and any case:
 * Prefer, Connection, If-None-Match. */
bool http_field_has(const struct http_request *req, const char *name, const char *token);

/* The first parameter of that name of a query, form-decoded ('+' is a blank) into out, which is
 * replaced. 1: there; 0: not there (out is empty); -1: its escapes are no good, or no UTF-8. */
int http_param(struct slice query, const char *name, struct buf *out);

/* Percent-decodes text onto the end of out. -1: an escape is no good (out is as it was). */
int http_unescape(struct slice text, struct buf *out);

/* The fields of an answer that pages of another origin may read. */
extern const char http_exposed[];

/* "Not Found"; "Unknown" for what has no name. */
const char *http_reason(unsigned status);

#endif
