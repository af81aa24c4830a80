/* A client of HTTP/1.1 over libcurl: requests under way side by side, connections that are kept,
 * TLS checked against the system's or given roots. It lives in the program's loop: whoever waits
 * for an answer serves signals, timers and the acknowledgement channel meanwhile. For one thread.
 *
 * It knows no store and judges no status. Redirects are answers as others are. It repeats nothing
 * but what libcurl does by itself: a request on a kept connection that was closed without a byte
 * of an answer goes out once more on a new one. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/loop.h"

struct http_client;

/* Borrowed texts, which have to outlive the client. */
struct http_client_conf {
	const char *ca;         /* PEM of who signs servers' certificates; NULL: the system's */
	const char *cert, *key; /* our own, PEM; NULL: none */
	int64_t connect_us;     /* longest time to be connected; 0: 10 s */
	int64_t answer_us;      /* longest whole request, 0: 60 s */
	size_t most_bytes;      /* longest body of an answer; 0: 64 MiB */
	unsigned connections;   /* most at a time to a host; 0: 16 */
};

/* What is asked. All of it is borrowed until the call is over. */
struct http_ask {
	const char *method;        /* "GET"; HEAD has no body in its answer */
	const char *url;           /* http:// or https://, encoded as it is to be sent */
	const char *const *fields; /* "Name: value" each; Host, Content-Length, and no Expect, are
				    * added */
	size_t n_fields;
	struct slice body;         /* p NULL: none, not even an empty one */
	const char *user_password; /* "USER:PASSWORD" of Basic; NULL: none */
};

enum http_outcome {
	HTTP_UNDER_WAY,
	HTTP_ANSWERED, /* with any status; the body is whole */
	/* No answer, or half of one: err is EX_TEMPFAIL. What was asked may have been done. */
	HTTP_LOST,
	/* No answer, and asking again does not help: EX_CONFIG (a certificate that does not
	 * stand, a URL that is none). Nothing was asked. */
	HTTP_REFUSED,
	/* The program has to leave now, as loop_wait says: err is the loop's. */
	HTTP_LEAVE,
};

struct http_call;

struct http_client *http_client_new(struct loop *loop, const struct http_client_conf *conf,
				    struct err *err);
/* Calls that are under way end without an answer; their handles are gone too. */
void http_client_free(struct http_client *c); /* NULL is fine */

/* Begins a request; it moves on whenever the loop turns. Never NULL. */
struct http_call *http_call_begin(struct http_client *c, const struct http_ask *ask);
/* Waits for the answer, HTTP_LEAVE excepted the call's last outcome. Says the same again. */
enum http_outcome http_call_wait(struct http_call *call, struct err *err);
/* Without waiting: HTTP_UNDER_WAY, or what http_call_wait would say. */
enum http_outcome http_call_outcome(struct http_call *call, struct err *err);
/* Of an answered call, valid until http_call_end. */
int http_call_status(const struct http_call *call);
struct slice http_call_body(const struct http_call *call);
/* The last field of that name, whatever its case, without blanks around it; p NULL: none. */
struct slice http_call_field(const struct http_call *call, const char *name);
/* Forgets the call; one under way is cancelled: its connection is closed. NULL is fine. */
void http_call_end(struct http_call *call);

#endif
