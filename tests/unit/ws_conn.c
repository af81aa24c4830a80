/* WebSocket on a real server: clients' sockets are driven by hand between turns of the loop. */
#include "net/ws_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/deflate.h"
#include "io/inflate.h"
#include "net/http_server.h"
#include "net/problem.h"
#include "tap.h"

enum { CLIENTS = 1000 };

static struct loop *loop;
static struct http_server *server;
static struct ws_site *site;
static unsigned port;

/* ---- an app: echoes; "bye" ends, binary messages are refused */
static struct ws_conn *conns[CLIENTS + 1];
static size_t n_conns, n_closed;
static unsigned last_code;
static struct http_request *parked;

static void see_message(void *arg, struct ws_conn *c, enum ws_opcode kind, struct slice payload)
{
	(void)arg;
	if (kind == WS_BINARY)
		ws_end(c, WS_UNSUPPORTED, "text only");
	else if (slice_is(payload, "bye"))
		ws_end(c, WS_NORMAL, "bye");
	else
		ws_send(c, kind, payload);
}

static void see_closed(void *arg, struct ws_conn *c, unsigned code)
{
	(void)arg;
	n_closed++;
	last_code = code;
	for (size_t i = 0; i < n_conns; i++)
		if (conns[i] == c)
			conns[i] = conns[--n_conns];
}

static size_t see_head(void *arg, struct http_request *req)
{
	(void)arg;
	(void)req;
	return 0;
}

static void see_request(void *arg, struct http_request *req)
{
	struct ws_conn *c;

	(void)arg;
	if (slice_is(req->path, "/park")) {
		parked = req;
		return;
	}
	if (slice_is(req->path, "/key") && !slice_is(ws_offered(req, "hta.key."), "c2VjcmV0")) {
		problem_say(req, 401, "no-key", NULL);
		return;
	}
	c = ws_accept(req, site, NULL);
	if (c)
		conns[n_conns++] = c;
}

static void start(const struct ws_conf *more, const struct http_conf *http)
{
	static const char *const listen[] = { "127.0.0.1:0" };
	const struct http_app app = { NULL, see_head, see_request, NULL };
	struct http_conf conf = http ? *http : (struct http_conf){ 0 };
	struct ws_conf ws = more ? *more : (struct ws_conf){ 0 };
	struct err err = ERR_INIT;
	struct buf places = { 0 };

	conf.listen = listen;
	conf.n_listen = 1;
	ws.message = see_message;
	ws.closed = see_closed;
	ws.protocol = "hta.live";
	n_conns = n_closed = last_code = 0;
	loop = loop_new();
	site = ws_site_new(&ws);
	server = http_server_new(loop, &conf, &app, &err);
	ok(server != NULL, "listens: %s", err.msg);
	http_server_places(server, &places);
	port = (unsigned)atoi(strrchr(buf_z(&places), ':') + 1);
	buf_fini(&places);
}

static void stop(void)
{
	struct ws_stats stats;

	http_server_free(server);
	ws_site_stats(site, &stats);
	ok(stats.clients == 0 && n_conns == 0, "all are closed");
	ws_site_free(site);
	loop_free(loop);
}

/* ---- clients */
static void turns(int64_t us)
{
	int64_t end = tm_mono_us() + us;

	while (tm_mono_us() < end)
		loop_turn(loop, end, NULL);
}

static int dial(int receive_bytes)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (receive_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		ok(false, "connects: %s", strerror(errno));
	return fd;
}

/* Reads until there are n bytes (0: until the end), 5 s at most. */
static bool hear(int fd, struct buf *b, size_t n)
{
	int64_t end = tm_mono_us() + 5 * TM_S;

	while (tm_mono_us() < end && (!n || b->n < n)) {
		ssize_t got = recv(fd, buf_room(b, 1 << 16), n ? n - b->n : 1 << 16, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return got == 0 && !n;
		if (got > 0)
			b->n += (size_t)got;
		else
			loop_turn(loop, tm_mono_us() + 10000, NULL);
	}
	return n && b->n >= n;
}

static void say(int fd, const char *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		ok(false, "sent: %s", strerror(errno));
}

#define ASK "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "GET /ws HTTP/1.1\r\n" ASK KEY
#define PACKED "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

/* Reads the head of an answer, byte by byte, and nothing behind it. */
static void hear_head(int fd, struct buf *b)
{
	b->n = 0;
	do
		if (!hear(fd, b, b->n + 1))
			break;
	while (b->n < 4 || memcmp(b->p + b->n - 4, "\r\n\r\n", 4) != 0);
	buf_z(b);
}

static int upgrade(const char *more)
{
	struct buf b = { 0 };
	int fd = dial(0);

	buf_printf(&b, UPGRADE "%s\r\n", more);
	say(fd, b.p, b.n);
	hear_head(fd, &b);
	if (!strstr(b.p, "HTTP/1.1 101 "))
		ok(false, "upgraded: %s", b.p);
	buf_fini(&b);
	return fd;
}

static void add_frame(struct buf *out, unsigned first, struct slice text)
{
	static const uint8_t mask[4] = { 1, 2, 3, 4 };

	buf_addc(out, (char)first);
	if (text.n < 126) {
		buf_addc(out, (char)(0x80 | text.n));
	} else {
		buf_addc(out, (char)(0x80 | 126));
		buf_addc(out, (char)(text.n >> 8));
		buf_addc(out, (char)text.n);
	}
	buf_add(out, mask, 4);
	buf_adds(out, text);
	ws_mask(out->p + out->n - text.n, text.n, mask, 0);
}

static void say_frame(int fd, unsigned first, struct slice text)
{
	struct buf b = { 0 };

	add_frame(&b, first, text);
	say(fd, b.p, b.n);
	buf_fini(&b);
}

/* The next frame: its payload (in *b, short or of up to 64 KiB), its first byte. */
static unsigned hear_frame(int fd, struct buf *b)
{
	size_t n;
	unsigned first;

	b->n = 0;
	if (!hear(fd, b, 2))
		return 0;
	first = (uint8_t)b->p[0];
	n = (uint8_t)b->p[1];
	if (n == 126) {
		hear(fd, b, 4);
		n = (size_t)(uint8_t)b->p[2] << 8 | (uint8_t)b->p[3];
	}
	b->n = 0;
	return !n || hear(fd, b, n) ? first : 0;
}

/* The next frame is a close of that code, and then the end. */
static void hears_close(int fd, unsigned code, const char *name)
{
	struct buf b = { 0 };
	unsigned first = hear_frame(fd, &b);

	ok(first == 0x88 && b.n >= 2 && code == ((unsigned)(uint8_t)b.p[0] << 8 | (uint8_t)b.p[1]),
	   "%s: %x, %zu bytes", name, first, b.n);
	b.n = 0;
	ok(hear(fd, &b, 0) && b.n == 0, "%s: the end", name);
	close(fd);
	turns(20000);
	is_int(last_code, code, name);
	buf_fini(&b);
}

static bool hears_text(int fd, const char *want)
{
	struct buf b = { 0 };
	unsigned first = hear_frame(fd, &b);
	bool is = first == 0x81 && slice_is(buf_slice(&b), want);

	if (!is)
		printf("# %x %s\n", first, buf_z(&b));
	buf_fini(&b);
	return is;
}

/* ---- tests */
static void test_handshake(void)
{
	static const char *const allowed[] = { "https://page.test" };
	const struct ws_conf conf = { .origins = allowed, .n_origins = 1 };
	static const struct {
		const char *name, *request, *want;
	} asks[] = {
		{ "upgrade", UPGRADE "\r\n", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" },
		{ "no upgrade", "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "426 Upgrade Required" },
		{ "it says which", "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
		  "Upgrade: websocket\r\n" },
		{ "version 8",
		  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		  "Sec-WebSocket-Version: 8\r\n" KEY "\r\n",
		  "Sec-WebSocket-Version: 13\r\n" },
		{ "no key", "GET /ws HTTP/1.1\r\n" ASK "\r\n", "400 Bad Request" },
		{ "HTTP/1.0", "GET /ws HTTP/1.0\r\n" ASK KEY "\r\n", "400 Bad Request" },
		{ "no Connection: Upgrade",
		  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		  "Sec-WebSocket-Version: 13\r\n" KEY "\r\n",
		  "400 Bad Request" },
		{ "POST", "POST /ws HTTP/1.1\r\nContent-Length: 0\r\n" ASK KEY "\r\n",
		  "426 Upgrade Required" },
		{ "own origin", UPGRADE "Origin: https://A\r\n\r\n", "101 Switching" },
		{ "allowed origin", UPGRADE "Origin: https://page.test\r\n\r\n", "101 Switching" },
		{ "another origin", UPGRADE "Origin: https://evil.test\r\n\r\n", "403 Forbidden" },
		{ "its port counts", UPGRADE "Origin: http://a:81\r\n\r\n", "403 Forbidden" },
		{ "no origin", UPGRADE "Origin: null\r\n\r\n", "403 Forbidden" },
		{ "subprotocol", UPGRADE "Sec-WebSocket-Protocol: x, hta.live\r\n\r\n",
		  "Sec-WebSocket-Protocol: hta.live\r\n" },
		{ "its key",
		  "GET /key HTTP/1.1\r\n" ASK KEY
		  "Sec-WebSocket-Protocol: hta.live, hta.key.c2VjcmV0\r\n\r\n",
		  "Sec-WebSocket-Protocol: hta.live\r\n" },
		{ "another key",
		  "GET /key HTTP/1.1\r\n" ASK KEY
		  "Sec-WebSocket-Protocol: hta.live, hta.key.c2VjcmV\r\n\r\n",
		  "401 Unauthorized" },
		{ "compression", UPGRADE PACKED "\r\n",
		  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
		  "client_no_context_takeover\r\n" },
	};
	struct buf b = { 0 };

	start(&conf, NULL);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		int fd = dial(0);
		say(fd, asks[i].request, strlen(asks[i].request));
		hear_head(fd, &b);
		ok(strstr(b.p, asks[i].want) && !strstr(b.p, "hta.key"), "%s", asks[i].name);
		ok(strstr(b.p, "101 ") == NULL || !strstr(b.p, "Content-Length"), "no body");
		close(fd);
		turns(1000);
	}
	buf_fini(&b);
	turns(20000);
	is_int(n_conns, 0, "all left");
	stop();
}

static void test_messages(void)
{
	static char large[16385];
	struct buf b = { 0 };
	int fd;

	start(NULL, NULL);
	fd = dial(0);
	buf_addz(&b, UPGRADE "\r\n");
	add_frame(&b, 0x81, slice_z("early"));
	say(fd, b.p, b.n);
	hear_head(fd, &b);
	ok(hears_text(fd, "early"), "a message right behind the request");
	say_frame(fd, 0x01, slice_z("in "));
	say_frame(fd, 0x89, slice_z("ping"));
	say_frame(fd, 0x80, slice_z("two"));
	ok(hear_frame(fd, &b) == 0x8a && slice_is(buf_slice(&b), "ping"), "a pong");
	ok(hears_text(fd, "in two"), "fragments");
	memset(large, 'a', sizeof(large));
	say_frame(fd, 0x81, slice(large, 16384));
	ok(hear_frame(fd, &b) == 0x81 && b.n == 16384, "as long as may be");
	say_frame(fd, 0x81, slice(large, 16385));
	hears_close(fd, WS_TOO_LARGE, "longer");
	fd = upgrade("");
	say_frame(fd, 0x81, slice_z("\xff"));
	hears_close(fd, WS_NOT_UTF8, "not UTF-8");
	fd = upgrade("");
	say_frame(fd, 0x82, slice_z("b"));
	hears_close(fd, WS_UNSUPPORTED, "binary");
	fd = upgrade("");
	say(fd,
	    "\x81\x01"
	    "a",
	    3);
	hears_close(fd, WS_PROTOCOL, "without a mask");
	fd = upgrade("");
	say_frame(fd, 0x81, slice_z("bye"));
	hears_close(fd, WS_NORMAL, "ended by the app");
	fd = upgrade("");
	say_frame(fd, 0x88,
		  slice("\x0f\xa1"
			"mine",
			6));
	hears_close(fd, 4001, "ended by the client");
	fd = upgrade("");
	say_frame(fd, 0x88, slice("", 0));
	ok(hear_frame(fd, &b) == 0x88 && b.n == 0, "without a code");
	close(fd);
	turns(20000);
	is_int(last_code, WS_NO_CODE, "none");
	fd = upgrade("");
	close(fd);
	turns(20000);
	is_int(last_code, WS_LOST, "gone");
	buf_fini(&b);
	stop();
}

static void test_packed(void)
{
	struct inflate *inflate = inflate_new(INFLATE_MESSAGE);
	struct buf b = { 0 }, text = { 0 }, bomb = { 0 };
	struct ws_shared *f;
	struct deflate *deflate = deflate_new();
	static char zeros[16385];
	char large[1000];
	int packed, plain;

	start(NULL, NULL);
	packed = upgrade(PACKED);
	plain = upgrade("");
	say_frame(packed, 0xc1, slice("\xf2\x48\xcd\xc9\xc9\x07", 7));
	ok(hears_text(packed, "Hello"), "what is short is sent as it is");
	memset(large, 'x', sizeof(large));
	f = ws_share(site, slice(large, sizeof(large)));
	for (size_t i = 0; i < n_conns; i++)
		ok(ws_push(conns[i], &f, 1), "pushed");
	ws_shared_free(f);
	ok(hear_frame(plain, &b) == 0x81 && b.n == 1000, "plain");
	ok(hear_frame(packed, &b) == 0xc1 && b.n < 50, "compressed: %zu bytes", b.n);
	buf_add(&b, "\0\0\xff\xff", 4);
	inflate_add(inflate, buf_slice(&b), 2000, &text);
	ok(slice_eq(buf_slice(&text), slice(large, sizeof(large))), "to the same text");
	inflate_free(inflate);
	deflate_message(deflate, slice(zeros, sizeof(zeros)), &bomb);
	say_frame(packed, 0xc1, buf_slice(&bomb));
	hears_close(packed, WS_TOO_LARGE, "a bomb");
	deflate_free(deflate);
	close(plain);
	buf_fini(&b);
	buf_fini(&text);
	buf_fini(&bomb);
	turns(20000);
	stop();
}

static void test_pings(void)
{
	const struct ws_conf quick = { .ping_us = 700 * 1000 };
	struct buf b = { 0 };
	int fd;

	start(&quick, NULL);
	fd = upgrade("");
	for (int i = 0; i < 2; i++) {
		ok(hear_frame(fd, &b) == 0x89, "a ping");
		say_frame(fd, 0x8a, slice("", 0));
	}
	ok(hear_frame(fd, &b) == 0x89, "another");
	hears_close(fd, WS_INTERNAL, "no pong");
	buf_fini(&b);
	stop();
}

static void test_drain(void)
{
	struct buf b = { 0 };
	int fd, late, stuck;

	start(NULL, &(struct http_conf){ .linger_us = 1200 * 1000 });
	fd = upgrade("");
	stuck = upgrade("");
	late = dial(0);
	say(late, "GET /park HTTP/1.1\r\n" ASK KEY "\r\n",
	    strlen("GET /park HTTP/1.1\r\n" ASK KEY "\r\n"));
	turns(20000);
	http_server_drain(server);
	ok(!http_server_idle(server), "not yet");
	hears_close(fd, WS_GOING_AWAY, "drained");
	conns[n_conns] = ws_accept(parked, site, NULL);
	n_conns += conns[n_conns] != NULL;
	hear_head(late, &b);
	ok(strstr(b.p, "101 "), "one that had waited is accepted");
	hears_close(late, WS_GOING_AWAY, "and told so");
	/* the stuck one neither reads nor closes */
	for (int i = 0; i < 40 && !http_server_idle(server); i++)
		turns(100000);
	ok(http_server_idle(server), "one that does not end is cut");
	close(stuck);
	buf_fini(&b);
	stop();
}

/* Its client leaves before it is accepted. */
static void test_parked_gone(void)
{
	int fd;

	start(NULL, NULL);
	fd = dial(0);
	say(fd, "GET /park HTTP/1.1\r\n" ASK KEY "\r\n",
	    strlen("GET /park HTTP/1.1\r\n" ASK KEY "\r\n"));
	turns(20000);
	struct linger now = { .l_onoff = 1 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	turns(20000);
	ok(ws_accept(parked, site, NULL) == NULL, "nobody is there");
	turns(20000);
	is_int(n_closed, 0, "and none is closed");
	stop();
}

/* One that floods with pings and never reads is not read from any more, then closed. */
static void test_flood(void)
{
	struct buf b = { 0 };
	char text[100] = "ping";
	size_t sent = 0;
	int fd;

	start(NULL, &(struct http_conf){ .stall_us = 1000 * 1000 });
	fd = upgrade("");
	for (int i = 0; i < 100; i++)
		add_frame(&b, 0x89, slice(text, sizeof(text)));
	for (int64_t end = tm_mono_us() + 2500 * 1000; tm_mono_us() < end;) {
		size_t at = sent % b.n;
		ssize_t n = send(fd, b.p + at, b.n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		loop_turn(loop, n > 0 ? 0 : tm_mono_us() + 10000, NULL);
	}
	ok(sent < 40 << 20, "after %zu KiB", sent >> 10);
	b.n = 0;
	ok(hear(fd, &b, 0) && memcmp(b.p + b.n - 12, "\x88\x0a\x03\xf5too slow", 12) == 0,
	   "it is told so when it reads again");
	close(fd);
	turns(20000);
	is_int(last_code, WS_TRY_LATER, "it took nothing");
	buf_fini(&b);
	stop();
}

/* ---- fan-out */
static bool take_all(int fd, struct buf *b)
{
	ssize_t n = recv(fd, buf_room(b, 1 << 16), 1 << 16, MSG_DONTWAIT);

	b->n += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void push_to_all(const char *text, size_t n)
{
	struct ws_shared *f = ws_share(site, slice(text, n));

	for (size_t i = 0; i < n_conns; i++)
		ws_push(conns[i], &f, 1);
	ws_shared_free(f);
}

/* A push to 1,000: how long until the last has read it. */
static void push_once(const int *fds, const char *text, size_t n, int64_t *slowest)
{
	int64_t begun = tm_mono_us(), took;
	size_t got = 0;
	struct buf b = { 0 };

	push_to_all(text, n);
	for (size_t i = 0; i < CLIENTS; i++) {
		b.n = 0;
		while (b.n < n + 4 && (take_all(fds[i], &b) || tm_mono_us() < begun + 5 * TM_S))
			if (b.n < n + 4)
				loop_turn(loop, 0, NULL);
		got += b.n == n + 4 && memcmp(b.p + 4, text, n) == 0;
	}
	took = tm_mono_us() - begun;
	if (took > *slowest)
		*slowest = took;
	is_int(got, CLIENTS, "each has it");
	buf_fini(&b);
}

static void test_fan_out(void)
{
	static int fds[CLIENTS];
	struct rlimit files = { 4096, 4096 };
	struct ws_stats stats;
	static char text[10000];
	int64_t slowest = 0;
	struct buf b = { 0 };
	int slow;

	setrlimit(RLIMIT_NOFILE, &files);
	start(NULL, NULL);
	for (size_t i = 0; i < CLIENTS; i++)
		fds[i] = upgrade("");
	slow = dial(4096);
	say(slow, UPGRADE "\r\n", strlen(UPGRADE "\r\n"));
	hear_head(slow, &b);
	is_int(n_conns, CLIENTS + 1, "1,001 clients");
	memset(text, 'r', sizeof(text));
	for (int i = 0; i < 20; i++)
		push_once(fds, text, sizeof(text), &slowest);
	printf("# a frame of 10 KB to 1,000 clients: within %.1f ms\n", (double)slowest / 1000);
	ok(slowest < 2 * TM_S, "in time");
	b.n = 0;
	ok(hear(slow, &b, 0) && b.n > 27 && b.n < 20 * sizeof(text), "%zu bytes", b.n);
	ok(b.n > 12 && memcmp(b.p + b.n - 12, "\x88\x0a\x03\xf5too slow", 12) == 0, "by 1013");
	close(slow);
	turns(50000);
	is_int(n_conns, CLIENTS, "who does not read is out, the others are not");
	ws_site_stats(site, &stats);
	ok(stats.closed[13] == 1 && stats.skipped == 3 && stats.sent >= 20 * CLIENTS,
	   "counted: %llu sent, %llu missed", (unsigned long long)stats.sent,
	   (unsigned long long)stats.skipped);
	for (size_t i = 0; i < CLIENTS; i++)
		close(fds[i]);
	turns(100000);
	buf_fini(&b);
	stop();
}

/* Who reads again after a missed push gets the latest, and no part of what it missed. */
static void test_latest(void)
{
	struct buf b = { 0 };
	static char text[60000];
	struct ws_shared *f;
	unsigned taken = 0;
	int fd;

	start(&(struct ws_conf){ .most_missed = 1000 }, NULL);
	fd = dial(4096);
	say(fd, UPGRADE "\r\n", strlen(UPGRADE "\r\n"));
	hear_head(fd, &b);
	memset(text, 'r', sizeof(text));
	f = ws_share(site, slice(text, sizeof(text)));
	for (; taken < 1000 && ws_push(conns[0], &f, 1); taken++)
		;
	ok(taken && taken < 1000, "%u pushes are taken", taken);
	ok(!ws_push(conns[0], &f, 1), "no more");
	ws_shared_free(f);
	for (unsigned i = 0; i < taken; i++)
		ok(hear_frame(fd, &b) == 0x81 && b.n == sizeof(text), "one of them");
	f = ws_share(site, slice_z("latest"));
	ok(ws_push(conns[0], &f, 1) && hears_text(fd, "latest"), "then the latest");
	ws_shared_free(f);
	buf_fini(&b);
	stop(); /* with the connection open */
	close(fd);
}

int main(void)
{
	test_handshake();
	test_messages();
	test_packed();
	test_pings();
	test_drain();
	test_parked_gone();
	test_flood();
	test_latest();
	test_fan_out();
	return done();
}
