/* A server and its clients in one process: the clients' sockets are driven by hand between turns of
 * the loop. What the tests of the server share. */
#ifndef TESTS_UNIT_HTTP_APP_H
#define TESTS_UNIT_HTTP_APP_H

#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tm.h"
#include "net/problem.h"
#include "tap.h"

static struct loop *loop;
static struct http_server *server;
static unsigned port;

/* ---- an app */
static struct http_request *parked[8];
static unsigned n_parked, n_gone, n_answered, n_done, n_closed, pieces_left;
static struct http_request *waiting;
static bool closed_whole;

static inline void be_gone(struct http_request *req)
{
	(void)req;
	n_gone++;
}

static inline void body_done(void *arg)
{
	(void)arg;
	n_done++;
}

static inline enum http_more make_piece(void *arg, struct buf *out)
{
	bool cut = *(char *)arg == 'c', wait = *(char *)arg == 'w';

	if (pieces_left == 0)
		return cut ? HTTP_CUT : HTTP_END;
	pieces_left--;
	buf_addz(out, "piece\n");
	return wait ? HTTP_WAIT : HTTP_MORE;
}

static inline void piece_closed(void *arg, bool sent)
{
	(void)arg;
	n_closed++;
	closed_whole = sent;
	waiting = NULL;
}

static inline size_t see_head(void *arg, struct http_request *req)
{
	(void)arg;
	if (slice_is(req->path, "/missing"))
		problem_say(req, 404, "not-found", NULL);
	return slice_is(req->path, "/small") ? 5 : 1 << 20;
}

static inline void answer_text(struct http_request *req, struct slice text)
{
	http_answer(req,
		    &(struct http_answer){ .status = 200, .type = "text/plain", .body = text });
}

static inline void see_request(void *arg, struct http_request *req)
{
	static char big[300000];
	struct buf b = { 0 };

	(void)arg;
	if (slice_is(req->path, "/park")) {
		parked[n_parked++] = req;
		req->gone = be_gone;
	} else if (slice_is(req->path, "/big")) {
		memset(big, 'b', sizeof(big));
		http_answer(req, &(struct http_answer){ .status = 200,
							.type = "text/plain",
							.body = slice(big, sizeof(big)),
							.done = body_done });
	} else if (slice_is(req->path, "/stream")) {
		static char kind;
		kind = req->query.n ? *req->query.p : 0;
		waiting = req;
		req->gone = be_gone;
		http_stream(req, &(struct http_answer){ .status = 200, .type = "text/plain" },
			    &(struct http_producer){ make_piece, piece_closed, &kind });
	} else if (slice_is(req->path, "/none")) {
		http_answer(req, &(struct http_answer){ .status = 204 });
	} else {
		buf_printf(&b, "%.*s %.*s %zu", (int)req->method_text.n, req->method_text.p,
			   (int)req->path.n, req->path.p, req->body.n);
		if (req->body.n < 20)
			buf_printf(&b, " %.*s", (int)req->body.n, req->body.p);
		answer_text(req, buf_slice(&b));
		buf_fini(&b);
	}
}

static inline void see_answer(void *arg, const struct http_request *req, unsigned status)
{
	(void)arg;
	(void)req;
	(void)status;
	n_answered++;
}

static inline void start(const struct http_conf *more)
{
	static const char *const listen[] = { "127.0.0.1:0" };
	const struct http_app app = { NULL, see_head, see_request, see_answer };
	struct http_conf conf = more ? *more : (struct http_conf){ 0 };
	struct err err = ERR_INIT;
	struct buf places = { 0 };

	conf.listen = listen;
	conf.n_listen = 1;
	n_parked = n_gone = n_answered = n_done = n_closed = 0;
	loop = loop_new();
	server = http_server_new(loop, &conf, &app, &err);
	ok(server != NULL, "listens: %s", err.msg);
	http_server_places(server, &places);
	port = (unsigned)atoi(strrchr(buf_z(&places), ':') + 1);
	buf_fini(&places);
}

static inline void stop(void)
{
	http_server_free(server);
	loop_free(loop);
}

/* ---- a client */
static inline int dial(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	ok(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0, "connects");
	return fd;
}

/* Turns until it holds, a minute at most. */
#define until(cond)                                                                    \
	for (int64_t most = tm_mono_us() + 60 * TM_S; !(cond) && tm_mono_us() < most;) \
	loop_turn(loop, tm_mono_us() + 10000, NULL)

/* So long, and until nothing is left to serve: a machine that is busy may pass the time before the
 * first turn. */
static inline void turns(int64_t us)
{
	int64_t end = tm_mono_us() + us;

	while (loop_turn(loop, end, NULL) > 0 || tm_mono_us() < end)
		;
}

static inline void say(int fd, const char *text)
{
	ok(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "sent");
}

/* Reads until the text holds `want` (NULL: until the end), a minute at most. False: it never did.
 * The server gets its turns meanwhile. */
static inline bool hear(int fd, struct buf *b, const char *want)
{
	int64_t end = tm_mono_us() + 60 * TM_S;

	while (tm_mono_us() < end) {
		ssize_t n = recv(fd, buf_room(b, 1 << 16), 1 << 16, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return n == 0 && !want;
		if (n > 0)
			b->n += (size_t)n;
		if (want && strstr(buf_z(b), want))
			return true;
		if (n < 0)
			loop_turn(loop, tm_mono_us() + 10000, NULL);
	}
	return false;
}

static inline unsigned count(struct buf *b, const char *what)
{
	unsigned n = 0;

	for (const char *at = buf_z(b); (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* One request on a connection of its own that the server must end by itself (ends) or keep. */
static inline void exchange(const char *name, const char *request, const char *want, bool ends)
{
	struct buf b = { 0 };
	int fd = dial();

	say(fd, request);
	if (ends)
		ok(hear(fd, &b, NULL) && strstr(buf_z(&b), want), "%s: the end", name);
	else
		ok(hear(fd, &b, want), "%s", name);
	if (!strstr(buf_z(&b), want) || (ends && count(&b, "HTTP/1.1 ") != 1))
		printf("# %s\n", buf_z(&b));
	if (!ends) {
		b.n = 0;
		say(fd, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
		ok(hear(fd, &b, "GET /next 0"), "%s: goes on", name);
	}
	close(fd);
	buf_fini(&b);
}

#define HOST "Host: a\r\n"

#endif
