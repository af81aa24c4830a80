/* The server's bounds, of time, memory and connections; and how it drains. */
#include "http_app.h"

#include "base/mem.h"

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
	struct http_stats stats;
	struct buf b = { 0 };
	int idle, busy, fresh;

	start(NULL);
	idle = dial();
	busy = dial();
	say(idle, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	ok(hear(idle, &b, "GET /a 0"), "one that will be idle");
	say(busy, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	fresh = dial();
	until((http_server_stats(server, &stats), stats.connections == 3 && n_parked));
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
	until(http_server_idle(server));
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
	until(n_parked);
	http_server_drain(server);
	struct linger now = { .l_onoff = 1 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	until(n_gone);
	ok(n_gone == 1 && !http_server_idle(server), "its handler has it still");
	answer_text(parked[0], slice_z("nobody"));
	ok(http_server_idle(server), "no more");
	turns(10000);
	stop();
}

int main(void)
{
	test_deadlines();
	test_budget();
	test_limits();
	test_drain();
	test_drain_gone();
	return done();
}
