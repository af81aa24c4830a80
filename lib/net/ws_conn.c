/* One connection: frames in, pings, the end.
 *
 * Who says a close frame has nothing more to say, so it also ends its side of the tunnel at once:
 * the client reads the code, then the end. Its own close frame is read and dropped with whatever
 * else comes (http_server.h: lingering). So there is one way to end, whoever begins. */
#include "net/ws_conn_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "io/deflate.h"
#include "io/inflate.h"

/* ---- the site */
struct ws_site *ws_site_new(const struct ws_conf *conf)
{
	struct ws_site *s = mem_zalloc(sizeof(*s));

	s->conf = *conf;
	s->conf.most_message = conf->most_message ? conf->most_message : 16 << 10;
	s->conf.ping_us = conf->ping_us ? conf->ping_us : 30 * TM_S;
	s->conf.most_missed = conf->most_missed ? conf->most_missed : 3;
	s->inflate = inflate_new(INFLATE_MESSAGE);
	s->deflate = deflate_new();
	s->ping = ws_piece(s, WS_PING, slice(NULL, 0), false);
	return s;
}

void ws_site_free(struct ws_site *s)
{
	if (!s)
		return;
	inflate_free(s->inflate);
	deflate_free(s->deflate);
	http_piece_drop(s->ping);
	free(s);
}

void ws_site_stats(const struct ws_site *s, struct ws_stats *stats)
{
	*stats = s->stats;
}

void *ws_user(const struct ws_conn *c)
{
	return c->user;
}

struct slice ws_remote(const struct ws_conn *c)
{
	return c->req->remote;
}

/* ---- sending */
static void send_piece(struct ws_conn *c, struct http_piece *p)
{
	http_tunnel_send(c->req, &p, 1);
	http_piece_drop(p);
}

void ws_send(struct ws_conn *c, enum ws_opcode kind, struct slice payload)
{
	if (!c->ended)
		send_piece(c, ws_piece(c->site, kind, payload, c->reader.inflate));
}

void ws_end(struct ws_conn *c, unsigned code, const char *reason)
{
	struct buf frame = { 0 };

	if (c->ended)
		return;
	c->ended = true;
	c->code = code;
	ws_close(&frame, code, reason);
	send_piece(c, http_piece_new(buf_slice(&frame)));
	buf_fini(&frame);
	http_tunnel_end(c->req);
}

void ws_end_slow(struct ws_conn *c)
{
	if (!c->ended)
		http_tunnel_forget(c->req);
	ws_end(c, WS_TRY_LATER, "too slow");
}

/* ---- the tunnel's calls */
static const char *reason_of(unsigned code)
{
	switch (code) {
	case WS_NOT_UTF8:
		return "not UTF-8, or damaged";
	case WS_TOO_LARGE:
		return "message too large";
	default:
		return "protocol error";
	}
}

/* False: no more bytes are wanted now. */
static bool take_event(struct ws_conn *c, struct slice *in)
{
	enum ws_opcode kind = WS_MORE;
	struct slice payload;
	unsigned code = 0;

	switch (ws_take(&c->reader, in, &kind, &payload, &code)) {
	case WS_NEED_MORE:
		return false;
	case WS_MESSAGE:
		c->heard = true;
		c->site->conf.message(c->site->conf.arg, c, kind, payload);
		break;
	case WS_PINGED:
		c->heard = true;
		send_piece(c, ws_piece(c->site, WS_PONG, payload, false));
		break;
	case WS_PONGED:
		c->heard = true;
		break;
	case WS_CLOSED:
		ws_end(c, code, "");
		break;
	case WS_FAILED:
		ws_end(c, code, reason_of(code));
		break;
	}
	return !c->ended;
}

static void take_bytes(void *arg, struct slice bytes)
{
	struct ws_conn *c = arg;

	while (!c->ended && take_event(c, &bytes))
		;
}

static void see_tick(void *arg, int64_t now_us)
{
	struct ws_conn *c = arg;

	if (now_us < c->ping_us)
		return;
	if (!c->heard) {
		ws_end(c, WS_INTERNAL, "no pong");
		return;
	}
	c->heard = false;
	c->ping_us = now_us + c->site->conf.ping_us;
	http_tunnel_send(c->req, &c->site->ping, 1);
}

static void see_drain(void *arg)
{
	ws_end(arg, WS_GOING_AWAY, "the server stops");
}

static void see_stalled(void *arg)
{
	ws_end_slow(arg);
}

static void see_closed(void *arg)
{
	struct ws_conn *c = arg;
	struct ws_site *s = c->site;
	unsigned code = c->code ? c->code : WS_LOST;

	s->stats.clients--;
	s->stats.closed[code < 1000 + WS_CODES - 1 ? code - 1000 : WS_CODES - 1]++;
	s->conf.closed(s->conf.arg, c, code);
	ws_fini(&c->reader);
	free(c);
}

const struct http_tunnel_ops ws_tunnel_ops = {
	.bytes = take_bytes,
	.tick = see_tick,
	.drain = see_drain,
	.stalled = see_stalled,
	.closed = see_closed,
};
