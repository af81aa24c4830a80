/* WebSocket: the handshake, messages, compression, pings, and how connections end. */
#include "ws_app.h"

#include "io/deflate.h"
#include "io/inflate.h"

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
	until(n_conns == 0);
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
	until(last_code == WS_NO_CODE);
	is_int(last_code, WS_NO_CODE, "none");
	fd = upgrade("");
	close(fd);
	until(last_code == WS_LOST);
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
	until(parked);
	http_server_drain(server);
	ok(!http_server_idle(server), "not yet");
	hears_close(fd, WS_GOING_AWAY, "drained");
	conns[n_conns] = ws_accept(parked, site, NULL);
	n_conns += conns[n_conns] != NULL;
	hear_head(late, &b);
	ok(strstr(b.p, "101 "), "one that had waited is accepted");
	hears_close(late, WS_GOING_AWAY, "and told so");
	/* the stuck one neither reads nor closes */
	until(http_server_idle(server));
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
	until(parked);
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
	/* for 2.5 s nothing more is taken */
	for (unsigned refused = 0; refused < 250 && sent < 40 << 20;) {
		size_t at = sent % b.n;
		ssize_t n = send(fd, b.p + at, b.n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		refused = n > 0 ? 0 : refused + 1;
		loop_turn(loop, n > 0 ? 0 : tm_mono_us() + 10000, NULL);
	}
	ok(sent < 40 << 20, "after %zu KiB", sent >> 10);
	b.n = 0;
	ok(hear(fd, &b, 0) && memcmp(b.p + b.n - 12, "\x88\x0a\x03\xf5too slow", 12) == 0,
	   "it is told so when it reads again");
	close(fd);
	until(last_code == WS_TRY_LATER);
	is_int(last_code, WS_TRY_LATER, "it took nothing");
	buf_fini(&b);
	stop();
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
	return done();
}
