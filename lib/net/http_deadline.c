/* What each connection is checked for twice a second. */
#include "net/http_internal.h"

enum { RATE_BYTES = 1024 };

/* A connection that has not brought a request yet has this long to do so when the server drains. */
enum { FRESH_US = 1000 * 1000 };

static void check_rate(struct http_conn *c, int64_t now)
{
	static const struct http_fault slow = { 408, "too-slow",
						"the body came slower than 1 KiB a second" };
	int64_t window_us = c->s->conf.body_us;
	uint64_t raw = c->body_reader.raw;

	if (now - c->since_us < window_us)
		return;
	if ((raw - c->window_raw) < (uint64_t)(window_us / 1000) * RATE_BYTES / 1000) {
		http_conn_refuse(c, &slow);
		http_conn_ready(c);
	}
	c->window_raw = raw;
	c->since_us = now;
}

static void check_starved(struct http_conn *c, int64_t now)
{
	static const struct http_fault overloaded = { 503, "overloaded",
						      "the memory for bodies is used up" };

	c->since_us = now;
	c->window_raw = c->body_reader.raw;
	if (now - c->starved_us < c->s->conf.overload_us)
		return;
	http_conn_refuse(c, &overloaded);
	http_conn_ready(c);
}

static void check_head(struct http_conn *c, int64_t now)
{
	static const struct http_fault slow = { 408, "too-slow",
						"the head took longer than is allowed" };

	if (!c->in && now - c->since_us >= (c->s->draining ? FRESH_US : c->s->conf.idle_us)) {
		http_conn_close(c);
	} else if (c->in && now - c->since_us >= c->s->conf.head_us) {
		http_conn_refuse(c, &slow);
		http_conn_ready(c);
	}
}

static void check_handshake(struct http_conn *c, int64_t now)
{
	if (now - c->since_us < (c->s->draining ? FRESH_US : c->s->conf.head_us))
		return;
	c->s->stats.refused[HTTP_REFUSED_HANDSHAKE]++;
	http_conn_close(c);
}

void http_conn_tick(struct http_conn *c)
{
	int64_t now = c->s->now_us;

	if (c->tunnel && c->state != CONN_LINGER) {
		http_conn_tick_tunnel(c);
	} else if (c->stalled_us && now - c->stalled_us >= c->s->conf.stall_us) {
		c->broken = true;
		http_conn_ready(c);
	} else if (c->state == CONN_HANDSHAKE) {
		check_handshake(c, now);
	} else if (c->state == CONN_HEAD && !http_conn_pending(c)) {
		check_head(c, now);
	} else if (c->state == CONN_BODY && c->starved_us) {
		check_starved(c, now);
	} else if (c->state == CONN_BODY) {
		check_rate(c, now);
	} else if (c->state == CONN_LINGER && (now - c->since_us >= c->s->conf.linger_us / 6 ||
					       now - c->state_us >= c->s->conf.linger_us)) {
		http_conn_close(c);
	}
}
