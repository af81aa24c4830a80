/* The server: requests and their bodies, answers of all kinds, and the places where it listens. */
#include "http_app.h"

#include "base/mem.h"

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
	until(n_parked == 2);
	turns(100000);
	ok(n_parked == 2 && n_answered == 0, "two wait");
	answer_text(parked[0], slice_z("now"));
	ok(hear(fd, &b, "GET /b 0") && strstr(b.p, "\r\n\r\nnow"), "answered, then the next");
	close(fd2);
	until(n_gone);
	is_int(n_gone, 1, "the other left, its handler is told");
	ok(slice_is(parked[1]->path, "/park"), "its request is still there");
	answer_text(parked[1], slice_z("too late"));
	until((http_server_stats(server, &stats), stats.connections == 1));
	ok(stats.connections == 1 && stats.busy == 0, "gone");
	n_parked = 0;
	fd3 = dial();
	say(fd3, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	shutdown(fd3, SHUT_WR);
	until(n_gone == 2);
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
	until(n_done == 2);
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
	until(n_closed == 5);
	ok(n_closed == 5 && !closed_whole && pieces_left > 0, "whose client left");
	n_gone = 0;
	pieces_left = 1;
	fd = dial();
	b.n = 0;
	say(fd, "GET /stream?w HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(fd, &b, "piece") && n_gone == 0, "one that waits");
	close(fd);
	until(n_gone);
	is_int(n_gone, 1, "is told when its client leaves");
	http_wake(waiting);
	until(n_closed == 6);
	is_int(n_closed, 6, "and comes to its end");
	buf_fini(&b);
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
	test_places();
	return done();
}
