/* The client against our own server, both in one loop. */
#include "net/http_client.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "net/http_server.h"
#include "tap.h"

static struct loop *loop;
static struct http_server *server;
static struct http_client *client;
static char place[64];
static struct http_request *parked;
static unsigned n_seen, n_gone;

static size_t see_head(void *arg, struct http_request *req)
{
	(void)arg, (void)req;
	return 8 << 20;
}

static void be_gone(struct http_request *req)
{
	n_gone++;
	http_answer(req, &(struct http_answer){ .status = 204 });
}

static enum http_more cut_after_a_piece(void *arg, struct buf *out)
{
	unsigned *calls = arg;

	buf_addz(out, "half");
	return (*calls)++ ? HTTP_CUT : HTTP_MORE;
}

static void closed(void *arg, bool sent)
{
	(void)arg, (void)sent;
}

/* What was asked, as text. */
static void answer_echo(struct http_request *req)
{
	struct slice kind = http_field(req, "content-type");
	struct buf b = { 0 };

	buf_printf(&b, "%.*s %.*s %zu %.*s", (int)req->method_text.n, req->method_text.p,
		   (int)req->path.n, req->path.p, req->body.n, (int)kind.n, kind.p ? kind.p : "");
	http_answer(req,
		    &(struct http_answer){
			    .status = 201,
			    .type = "text/plain",
			    .fields = &(struct http_field){ slice_z("X-Some"), slice_z("one") },
			    .n_fields = 1,
			    .body = buf_slice(&b),
		    });
	buf_fini(&b);
}

static void see_request(void *arg, struct http_request *req)
{
	static char big[100000];
	static unsigned calls;

	(void)arg;
	n_seen++;
	calls = 0;
	if (slice_is(req->path, "/park")) {
		parked = req;
		req->gone = be_gone;
	} else if (slice_is(req->path, "/big")) {
		http_answer(req, &(struct http_answer){ .status = 200,
							.body = slice(big, sizeof(big)) });
	} else if (slice_is(req->path, "/cut")) {
		http_stream(req, &(struct http_answer){ .status = 200 },
			    &(struct http_producer){ cut_after_a_piece, closed, &calls });
	} else {
		answer_echo(req);
	}
}

static void start(void)
{
	static const char *const listen[] = { "127.0.0.1:0" };
	const struct http_app app = { NULL, see_head, see_request, NULL };
	const struct http_client_conf conf = { .most_bytes = 50000, .answer_us = 3 * TM_S };
	struct err err = ERR_INIT;
	struct buf places = { 0 };

	loop = loop_new();
	server = http_server_new(loop, &(struct http_conf){ .listen = listen, .n_listen = 1 }, &app,
				 &err);
	ok(server != NULL, "a server: %s", err.msg);
	http_server_places(server, &places);
	snprintf(place, sizeof(place), "127.0.0.1%s", strrchr(buf_z(&places), ':'));
	buf_fini(&places);
	client = http_client_new(loop, &conf, &err);
	ok(client != NULL, "a client: %s", err.msg);
}

static struct http_call *ask(const char *method, const char *path, struct slice body)
{
	static const char *const fields[] = { "Content-Type: a/b" };
	char url[128];

	snprintf(url, sizeof(url), "http://%s%s", place, path);
	return http_call_begin(client, &(struct http_ask){ .method = method,
							   .url = url,
							   .fields = fields,
							   .n_fields = 1,
							   .body = body });
}

static void expect_echo(const char *method, const char *path, struct slice body, const char *want)
{
	struct err err = ERR_INIT;
	struct http_call *call = ask(method, path, body);

	is_int(http_call_wait(call, &err), HTTP_ANSWERED, path);
	is_int(http_call_status(call), 201, "its status");
	is_bytes(http_call_body(call).p, http_call_body(call).n, want, "its body");
	is_bytes(http_call_field(call, "x-some").p, http_call_field(call, "x-some").n, "one",
		 "a field of it");
	ok(http_call_field(call, "x-so").p == NULL, "no other field");
	http_call_end(call);
}

static void test_answers(void)
{
	char *large = mem_zalloc(3000000);

	expect_echo("GET", "/a", slice(NULL, 0), "GET /a 0 a/b");
	expect_echo("POST", "/b/../c%20d", slice_z("hello"), "POST /b/../c%20d 5 a/b");
	expect_echo("PUT", "/empty", slice("", 0), "PUT /empty 0 a/b");
	expect_echo("DELETE", "/gone", slice(NULL, 0), "DELETE /gone 0 a/b");
	expect_echo("PUT", "/large", slice(large, 3000000), "PUT /large 3000000 a/b");
	expect_echo("HEAD", "/head", slice(NULL, 0), "");
	free(large);
}

static void test_side_by_side(void)
{
	struct http_call *call[40];
	struct err err = ERR_INIT;
	unsigned good = 0;

	for (size_t i = 0; i < 40; i++)
		call[i] = ask("POST", "/many", slice_z("x"));
	for (size_t i = 0; i < 40; i++)
		good += http_call_wait(call[i], &err) == HTTP_ANSWERED &&
			http_call_status(call[i]) == 201;
	is_int(good, 40, "40 at a time");
	for (size_t i = 0; i < 40; i++)
		http_call_end(call[i]);
}

static void expect_lost(const char *path, const char *words)
{
	struct err err = ERR_INIT;
	struct http_call *call = ask("GET", path, slice(NULL, 0));

	is_int(http_call_wait(call, &err), HTTP_LOST, path);
	ok(err.code == EX_TEMPFAIL && strstr(err.msg, words), "it says so: %s", err.msg);
	is_int(http_call_outcome(call, &err), HTTP_LOST, "it stays so");
	http_call_end(call);
}

static void expect_outcome(const char *url, enum http_outcome want)
{
	struct err err = ERR_INIT;
	struct http_call *call = http_call_begin(client,
						 &(struct http_ask){ .method = "GET", .url = url });

	is_int(http_call_wait(call, &err), want, url);
	ok(err.code == (want == HTTP_REFUSED ? EX_CONFIG : EX_TEMPFAIL), "%s", err.msg);
	http_call_end(call);
}

static void test_losses(void)
{
	expect_lost("/big", "more than 50000 bytes");
	expect_lost("/cut", "");
	expect_lost("/park", "timed out");
	expect_outcome("http://127.0.0.1:1/", HTTP_LOST);
	expect_outcome("gopher://127.0.0.1:1/", HTTP_REFUSED);
	expect_outcome("http://127.0.0.1:99999/", HTTP_REFUSED);
}

/* A server that leaves in the middle of a head. */
static void run_half(int listener)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-So";
	char request[4096];
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0 && read(fd, request, sizeof(request)) > 0 &&
	    write(fd, half, sizeof(half) - 1) > 0)
		close(fd);
	_exit(0);
}

static void test_half_a_head(void)
{
	static const char *const methods[] = { "HEAD", "GET" };

	for (int i = 0; i < 2; i++) {
		struct sockaddr_in at = { .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t n = sizeof(at);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct err err = ERR_INIT;
		struct http_call *call;
		char url[64];
		pid_t child;

		ok(bind(fd, (struct sockaddr *)(void *)&at, n) == 0 && listen(fd, 1) == 0 &&
			   getsockname(fd, (struct sockaddr *)(void *)&at, &n) == 0,
		   "a listener");
		child = fork();
		if (child == 0)
			run_half(fd);
		snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
		call = http_call_begin(client,
				       &(struct http_ask){ .method = methods[i], .url = url });
		is_int(http_call_wait(call, &err), HTTP_LOST, methods[i]);
		is_int(err.code, EX_TEMPFAIL, err.msg);
		http_call_end(call);
		close(fd);
		waitpid(child, NULL, 0);
	}
}

/* A call that nobody wants any more takes its connection with it. */
static void test_cancelled(void)
{
	struct http_call *call;
	int64_t end = tm_mono_us() + 60 * TM_S;

	parked = NULL;
	call = ask("GET", "/park", slice(NULL, 0));
	while (!parked && tm_mono_us() < end)
		loop_turn(loop, end, NULL);
	n_gone = 0;
	http_call_end(call);
	while (!n_gone && tm_mono_us() < end)
		loop_turn(loop, end, NULL);
	is_int(n_gone, 1, "the server sees it leave");
	ask("GET", "/park", slice(NULL, 0));
}

int main(void)
{
	start();
	test_answers();
	test_side_by_side();
	test_losses();
	test_half_a_head();
	test_cancelled();
	http_client_free(client);
	http_server_free(server);
	loop_free(loop);
	return done();
}
