/* A server and its clients in one process: the clients' sockets are driven by hand between turns
 * of the loop. */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
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

static void be_gone(struct http_request *req)
{
	(void)req;
	n_gone++;
}

static void body_done(void *arg)
{
	(void)arg;
	n_done++;
}

static enum http_more make_piece(void *arg, struct buf *out)
{
	bool cut = *(char *)arg == 'c', wait = *(char *)arg == 'w';

	if (pieces_left == 0)
		return cut ? HTTP_CUT : HTTP_END;
	pieces_left--;
	buf_addz(out, "piece\n");
	return wait ? HTTP_WAIT : HTTP_MORE;
}

static void piece_closed(void *arg, bool sent)
{
	(void)arg;
	n_closed++;
	closed_whole = sent;
	waiting = NULL;
}

static size_t see_head(void *arg, struct http_request *req)
{
	(void)arg;
	if (slice_is(req->path, "/missing"))
		problem_say(req, 404, "not-found", NULL);
	return slice_is(req->path, "/small") ? 5 : 1 << 20;
}

static void answer_text(struct http_request *req, struct slice text)
{
	http_answer(req,
		    &(struct http_answer){ .status = 200, .type = "text/plain", .body = text });
}

static void see_request(void *arg, struct http_request *req)
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

static void see_answer(void *arg, const struct http_request *req, unsigned status)
{
	(void)arg;
	(void)req;
	(void)status;
	n_answered++;
}

static void start(const struct http_conf *more)
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

static void stop(void)
{
	http_server_free(server);
	loop_free(loop);
}

/* ---- a client */
static int dial(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	ok(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0, "connects");
	return fd;
}

static void turns(int64_t us)
{
	int64_t end = tm_mono_us() + us;

	while (tm_mono_us() < end)
		loop_turn(loop, end, NULL);
}

static void say(int fd, const char *text)
{
	ok(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "sent");
}

/* Reads until the text holds `want` (NULL: until the end), 5 s at most. False: it never did. The
 * server gets its turns meanwhile. */
static bool hear(int fd, struct buf *b, const char *want)
{
	int64_t end = tm_mono_us() + 5 * TM_S;

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

static unsigned count(struct buf *b, const char *what)
{
	unsigned n = 0;

	for (const char *at = buf_z(b); (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* One request on a connection of its own that the server must end by itself (ends) or keep. */
static void exchange(const char *name, const char *request, const char *want, bool ends)
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

static void test_requests(void)
{
	start(NULL);
	exchange("get", "GET /a HTTP/1.1\r\n" HOST "\r\n", "\r\n\r\nGET /a 0", false);
	exchange("post", "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
		 "POST /a 5 hello", false);
	exchange("chunked",
		 "POST /a HTTP/1.1\r\n" HOST
		 "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
		 "POST /a 5 hello", false);
	exchange("close", "GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
		 "Connection: close\r\n", true);
	exchange("1.0", "GET /a HTTP/1.0\r\n\r\n", "GET /a 0", true);
	exchange("1.0 and keep", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		 "Connection: keep-alive\r\n", false);
	exchange("head", "HEAD /a HTTP/1.1\r\n" HOST "\r\n", "Content-Length: 10\r\n\r\n", false);
	exchange("204", "GET /none HTTP/1.1\r\n" HOST "\r\n", "204 No Content", false);
	exchange("id", "GET /a HTTP/1.1\r\n" HOST "X-Request-Id: mine\r\n\r\n",
		 "X-Request-Id: mine\r\n", false);
	exchange("malformed", "GET /a HTTP/1.1\r\n\r\n", "400 Bad Request", true);
	exchange("malformed, more behind", "GET / HTTP/1.1\n\nGET /b HTTP/1.1\r\n" HOST "\r\n",
		 "malformed-head", true);
	exchange("smuggled",
		 "POST /a HTTP/1.1\r\n" HOST
		 "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		 "GET /b HTTP/1.1\r\n" HOST "\r\n",
		 "bad-length", true);
	exchange("bad chunk",
		 "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello",
		 "malformed-body", true);
	exchange("answered at its head, body whole",
		 "POST /missing HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
		 "404 Not Found", false);
	exchange("answered at its head, body to come",
		 "POST /missing HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nhello",
		 "404 Not Found", true);
	exchange("too large, whole",
		 "POST /small HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nhello!",
		 "5 bytes at most", false);
	exchange("too large, to come",
		 "POST /small HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n",
		 "413 Content Too Large", true);
	exchange("too large, chunked",
		 "POST /small HTTP/1.1\r\n" HOST
		 "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n",
		 "413 Content Too Large", true);
	exchange("unknown coding",
		 "POST /a HTTP/1.1\r\n" HOST
		 "Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
		 "Accept-Encoding: gzip, zstd, deflate\r\n", false);
	exchange("damaged coding",
		 "POST /a HTTP/1.1\r\n" HOST
		 "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
		 "malformed-body", false);
	exchange("expects, sent along",
		 "POST /a HTTP/1.1\r\n" HOST
		 "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
		 "POST /a 5 hello", false);
	struct http_stats stats;
	http_server_stats(server, &stats);
	ok(stats.refused[HTTP_REFUSED_TOO_LARGE] == 3 && stats.in_flight_bytes == 0,
	   "counted: %zu bytes", stats.in_flight_bytes);
	stop();
}

static void test_expect(void)
{
	struct buf b = { 0 };
	int fd;

	start(NULL);
	fd = dial();
	say(fd, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	ok(hear(fd, &b, "HTTP/1.1 100 Continue\r\n\r\n"), "100");
	say(fd, "hello");
	ok(hear(fd, &b, "POST /a 5 hello"), "200");
	b.n = 0;
	say(fd,
	    "POST /missing HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	ok(hear(fd, &b, NULL) && strstr(buf_z(&b), "404 ") && !strstr(b.p, "100 Continue"),
	   "or the answer at once");
	close(fd);
	buf_fini(&b);
	stop();
}

/* Bodies byte by byte, large ones, and one behind the other. */
static void test_bodies(void)
{
	static const char head[] = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n";
	struct buf b = { 0 };
	char *body = mem_zalloc(1000000);
	int fd;

	start(NULL);
	fd = dial();
	for (size_t i = 0; i < sizeof(head) - 1; i++) {
		ok(send(fd, head + i, 1, 0) == 1, "a byte");
		turns(500);
	}
	for (size_t sent = 0; sent < 1000000;) {
		ssize_t n = send(fd, body + sent, 1000000 - sent, MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		loop_turn(loop, 0, NULL);
	}
	ok(hear(fd, &b, "POST /a 1000000"), "a megabyte");
	b.n = 0;
	for (int i = 0; i < 100; i++)
		buf_addz(&b, "POST /p HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
	say(fd, buf_z(&b));
	b.n = 0;
	while (count(&b, "POST /p 2 hi") < 100 && hear(fd, &b, "POST /p 2 hi"))
		turns(1000);
	is_int(count(&b, "POST /p 2 hi"), 100, "100 pipelined");
	close(fd);
	free(body);
	buf_fini(&b);
	stop();
}

static void test_parked(void)
{
	struct buf b = { 0 };
	struct http_stats stats;
	int fd, fd2, fd3;

	start(NULL);
	fd = dial();
	fd2 = dial();
	say(fd, "GET /park HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n");
	say(fd2, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	turns(100000);
	ok(n_parked == 2 && n_answered == 0, "two wait");
	answer_text(parked[0], slice_z("now"));
	ok(hear(fd, &b, "GET /b 0") && strstr(b.p, "\r\n\r\nnow"), "answered, then the next");
	close(fd2);
	turns(100000);
	is_int(n_gone, 1, "the other left, its handler is told");
	ok(slice_is(parked[1]->path, "/park"), "its request is still there");
	answer_text(parked[1], slice_z("too late"));
	turns(100000);
	http_server_stats(server, &stats);
	ok(stats.connections == 1 && stats.busy == 0, "gone");
	n_parked = 0;
	fd3 = dial();
	say(fd3, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	shutdown(fd3, SHUT_WR);
	turns(100000);
	ok(n_parked == 1 && n_gone == 2, "one that closed its side only");
	answer_text(parked[0], slice_z("still"));
	b.n = 0;
	ok(hear(fd3, &b, NULL) && strstr(buf_z(&b), "still"), "is answered");
	close(fd);
	close(fd3);
	buf_fini(&b);
	stop();
}

static void test_answers(void)
{
	struct buf b = { 0 };
	int fd;

	start(NULL);
	fd = dial();
	say(fd, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n"
		"HEAD /big HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, "bHTTP/1.1 200 OK"), "in order");
	ok(hear(fd, &b, "GET /b 0"), "the next");
	turns(50000);
	is_int(n_done, 2, "what was lent is given back");
	pieces_left = 3;
	b.n = 0;
	say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, "GET /b 0") &&
		   strstr(b.p, "\r\n\r\n00000006\r\npiece\n\r\n00000006\r\npiece\n\r\n00000006\r\n"
			       "piece\n\r\n0\r\n\r\nHTTP/1.1 200"),
	   "a stream and the next answer");
	ok(n_closed == 1 && closed_whole, "closed");
	pieces_left = 2;
	b.n = 0;
	say(fd, "GET /stream?w HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, "piece") && count(&b, "piece") == 1, "one piece");
	turns(50000);
	http_wake(waiting);
	ok(hear(fd, &b, "piece\n\r\n00000006\r\npiece"), "the second when it is there");
	http_wake(waiting);
	ok(hear(fd, &b, "\r\n0\r\n\r\n"), "the end");
	pieces_left = 1;
	b.n = 0;
	say(fd, "GET /stream?c HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, NULL) && count(&b, "piece") == 1 && !strstr(b.p, "\r\n0\r\n"),
	   "cut without the last chunk");
	ok(n_closed == 3 && !closed_whole, "closed");
	close(fd);
	pieces_left = 2;
	exchange("1.0 stream", "GET /stream HTTP/1.0\r\n\r\n", "\r\n\r\npiece\npiece\n", true);
	pieces_left = 1000000;
	fd = dial();
	b.n = 0;
	say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, "piece"), "a long one");
	close(fd);
	turns(100000);
	ok(n_closed == 5 && !closed_whole && pieces_left > 0, "whose client left");
	n_gone = 0;
	pieces_left = 1;
	fd = dial();
	b.n = 0;
	say(fd, "GET /stream?w HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, "piece") && n_gone == 0, "one that waits");
	close(fd);
	turns(50000);
	is_int(n_gone, 1, "is told when its client leaves");
	http_wake(waiting);
	turns(50000);
	is_int(n_closed, 6, "and comes to its end");
	buf_fini(&b);
	stop();
}

static void test_deadlines(void)
{
	const struct http_conf quick = {
		.head_us = 300000, .body_us = 300000, .idle_us = 300000, .linger_us = 3000000
	};
	struct buf b = { 0 };
	int fd;

	start(&quick);
	exchange("a slow head", "GET / HTT", "408 Request Timeout", true);
	exchange("a slow body", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel",
		 "408 Request Timeout", true);
	fd = dial();
	ok(hear(fd, &b, NULL) && b.n == 0, "idle");
	close(fd);
	buf_fini(&b);
	stop();
}

static void test_budget(void)
{
	const struct http_conf small = { .budget_bytes = 100000, .overload_us = 200000 };
	struct buf b = { 0 };
	char *body = mem_zalloc(200000);
	int one, two;

	start(&small);
	one = dial();
	two = dial();
	say(one, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
	turns(20000);
	ok(send(one, body, 200000, 0) == 200000, "sent");
	turns(50000);
	say(two, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
	turns(20000);
	ok(send(two, body, 100000, 0) == 100000, "sent");
	ok(hear(two, &b, "503 Service Unavailable") && strstr(b.p, "Retry-After: 1\r\n"),
	   "no memory left");
	exchange("a small one", "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
		 "POST /a 5", false);
	ok(send(one, body, 100000, 0) == 100000, "sent");
	b.n = 0;
	ok(hear(one, &b, "POST /a 300000") || strstr(b.p, "503 "), "the first comes to its end");
	close(one);
	close(two);
	free(body);
	buf_fini(&b);
	stop();
}

static void test_limits(void)
{
	const struct http_conf two = { .most_connections = 2 };
	struct buf b = { 0 };
	int fd[3];

	start(&two);
	for (int i = 0; i < 3; i++) {
		fd[i] = dial();
		say(fd[i], "GET /a HTTP/1.1\r\n" HOST "\r\n");
	}
	ok(hear(fd[0], &b, "GET /a 0"), "the first");
	b.n = 0;
	ok(hear(fd[1], &b, "GET /a 0"), "the second");
	b.n = 0;
	turns(100000);
	ok(recv(fd[2], b.p, 1, MSG_DONTWAIT) < 0, "the third waits");
	close(fd[0]);
	ok(hear(fd[2], &b, "GET /a 0"), "until one leaves");
	close(fd[1]);
	close(fd[2]);
	buf_fini(&b);
	stop();
}

static void test_drain(void)
{
	struct buf b = { 0 };
	int idle, busy, fresh;

	start(NULL);
	idle = dial();
	busy = dial();
	say(idle, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(idle, &b, "GET /a 0"), "one that will be idle");
	say(busy, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	fresh = dial();
	turns(50000);
	http_server_drain(server);
	b.n = 0;
	ok(hear(idle, &b, NULL) && b.n == 0, "is closed");
	ok(!http_server_idle(server), "one is still there");
	say(fresh, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fresh, &b, NULL) && strstr(buf_z(&b), "Connection: close"), "so is one more");
	answer_text(parked[0], slice_z("last"));
	b.n = 0;
	ok(hear(busy, &b, "Connection: close\r\n") && strstr(b.p, "last"), "answered, then closed");
	close(busy);
	close(idle);
	close(fresh);
	turns(50000);
	ok(http_server_idle(server), "none is left");
	buf_fini(&b);
	stop();
}

/* The client of a request that waits leaves while the server drains. */
static void test_drain_gone(void)
{
	int fd;

	start(NULL);
	fd = dial();
	say(fd, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	turns(50000);
	http_server_drain(server);
	struct linger now = { .l_onoff = 1 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	turns(50000);
	ok(n_gone == 1 && !http_server_idle(server), "its handler has it still");
	answer_text(parked[0], slice_z("nobody"));
	ok(http_server_idle(server), "no more");
	turns(10000);
	stop();
}

static void test_places(void)
{
	static const struct {
		const char *place;
		int code;
	} places[] = {
		{ "x", EX_USAGE },
		{ "127.0.0.1", EX_USAGE },
		{ "70000", EX_USAGE },
		{ "-1", EX_USAGE },
		{ "a:b:80", EX_USAGE },
		{ "[::1]", EX_USAGE },
		{ "[1.2.3.4]:80", EX_USAGE },
		{ "::1:80", EX_USAGE },
		{ "host:80", EX_USAGE },
		{ "203.0.113.1:80", EX_CONFIG },
		{ "", EX_USAGE },
		{ "1.2.3.4:", EX_USAGE },
		{ "0", 0 },
		{ ":0", 0 },
		{ "localhost:0", 0 },
		{ "[::1]:0", 0 },
	};
	const struct http_app app = { NULL, see_head, see_request, NULL };

	loop = loop_new();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct err err = ERR_INIT;
		const struct http_conf conf = { .listen = &places[i].place, .n_listen = 1 };
		struct http_server *s = http_server_new(loop, &conf, &app, &err);
		if (!s && strchr(places[i].place, '['))
			ok(err.code == places[i].code || err.code == EX_CONFIG, "no IPv6 here");
		else
			is_int(s ? 0 : err.code, places[i].code, places[i].place);
		if (s)
			is_int(http_server_loopback_only(s), places[i].place[0] != ':', "loopback");
		http_server_free(s);
	}
	loop_free(loop);
}

int main(void)
{
	test_requests();
	test_expect();
	test_bodies();
	test_parked();
	test_answers();
	test_deadlines();
	test_budget();
	test_limits();
	test_drain();
	test_drain_gone();
	test_places();
	return done();
}
