/* WebSocket on a real server: what the tests share. An app, and clients whose sockets are driven by
 * hand between turns of the loop. */
#ifndef TESTS_UNIT_WS_APP_H
#define TESTS_UNIT_WS_APP_H

#include "net/ws_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tm.h"
#include "net/http_server.h"
#include "net/problem.h"
#include "tap.h"

static struct loop *loop;
static struct http_server *server;
static struct ws_site *site;
static unsigned port;

/* ---- an app: echoes; "bye" ends, binary messages are refused */
static struct ws_conn *conns[1001];
static size_t n_conns, n_closed;
static unsigned last_code;
static struct http_request *parked;

static inline void see_message(void *arg, struct ws_conn *c, enum ws_opcode kind,
			       struct slice payload)
{
	(void)arg;
	if (kind == WS_BINARY)
		ws_end(c, WS_UNSUPPORTED, "text only");
	else if (slice_is(payload, "bye"))
		ws_end(c, WS_NORMAL, "bye");
	else
		ws_send(c, kind, payload);
}

static inline void see_closed(void *arg, struct ws_conn *c, unsigned code)
{
	(void)arg;
	n_closed++;
	last_code = code;
	for (size_t i = 0; i < n_conns; i++)
		if (conns[i] == c)
			conns[i] = conns[--n_conns];
}

static inline size_t see_head(void *arg, struct http_request *req)
{
	(void)arg;
	(void)req;
	return 0;
}

static inline void see_request(void *arg, struct http_request *req)
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

static inline void start(const struct ws_conf *more, const struct http_conf *http)
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
	parked = NULL;
	loop = loop_new();
	site = ws_site_new(&ws);
	server = http_server_new(loop, &conf, &app, &err);
	ok(server != NULL, "listens: %s", err.msg);
	http_server_places(server, &places);
	port = (unsigned)atoi(strrchr(buf_z(&places), ':') + 1);
	buf_fini(&places);
}

static inline void stop(void)
{
	struct ws_stats stats;

	http_server_free(server);
	ws_site_stats(site, &stats);
	ok(stats.clients == 0 && n_conns == 0, "all are closed");
	ws_site_free(site);
	loop_free(loop);
}

/* ---- clients */
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

static inline int dial(int receive_bytes)
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

/* Reads until there are n bytes (0: until the end), a minute at most. */
static inline bool hear(int fd, struct buf *b, size_t n)
{
	int64_t end = tm_mono_us() + 60 * TM_S;

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

static inline void say(int fd, const char *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		ok(false, "sent: %s", strerror(errno));
}

#define ASK "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "GET /ws HTTP/1.1\r\n" ASK KEY
#define PACKED "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

/* Reads the head of an answer, byte by byte, and nothing behind it. */
static inline void hear_head(int fd, struct buf *b)
{
	b->n = 0;
	do
		if (!hear(fd, b, b->n + 1))
			break;
	while (b->n < 4 || memcmp(b->p + b->n - 4, "\r\n\r\n", 4) != 0);
	buf_z(b);
}

static inline int upgrade(const char *more)
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

static inline void add_frame(struct buf *out, unsigned first, struct slice text)
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

static inline void say_frame(int fd, unsigned first, struct slice text)
{
	struct buf b = { 0 };

	add_frame(&b, first, text);
	say(fd, b.p, b.n);
	buf_fini(&b);
}

/* The next frame: its payload (in *b, short or of up to 64 KiB), its first byte. */
static inline unsigned hear_frame(int fd, struct buf *b)
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
static inline void hears_close(int fd, unsigned code, const char *name)
{
	struct buf b = { 0 };
	unsigned first = hear_frame(fd, &b);

	ok(first == 0x88 && b.n >= 2 && code == ((unsigned)(uint8_t)b.p[0] << 8 | (uint8_t)b.p[1]),
	   "%s: %x, %zu bytes", name, first, b.n);
	b.n = 0;
	ok(hear(fd, &b, 0) && b.n == 0, "%s: the end", name);
	close(fd);
	until(last_code == code);
	is_int(last_code, code, name);
	buf_fini(&b);
}

static inline bool hears_text(int fd, const char *want)
{
	struct buf b = { 0 };
	unsigned first = hear_frame(fd, &b);
	bool is = first == 0x81 && slice_is(buf_slice(&b), want);

	if (!is)
		printf("# %x %s\n", first, buf_z(&b));
	buf_fini(&b);
	return is;
}

#endif
