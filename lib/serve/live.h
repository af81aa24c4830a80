/* /live-stats: the newest window of rules, pushed every period, on the wall clock's multiples of
 * it, changed or not. WebSocket, events of a server (SSE), or the latest one by GET; the same text
 * in three envelopes:
 *
 *	{"rule_id":"views","timestamp":"2026-01-13T17:50:00Z",
 *	 "data":[["2026-01-13T17:50:00","click",2082]]}
 *
 * A period's rules, however many ask for them, are one query; a rule's text is built once and its
 * frame shared by all who are subscribed (net/ws_conn.h, where the latest wins). Who subscribes is
 * told at once. A rule that there is none of is told to whoever asked for it, and left out.
 * Bounds: LIVE_RULES a client, LIVE_ALL_RULES in all, a row's window to push_rows. */
#ifndef SERVE_LIVE_H
#define SERVE_LIVE_H

#include "net/ws_conn.h"
#include "serve/serve.h"

enum { LIVE_RULES = 64, LIVE_ALL_RULES = 1000 };

struct serve_live_conf {
	int64_t push_us;
	uint64_t push_rows;
};

/* s is borrowed. */
struct serve_live *serve_live_new(struct serve *s, const struct serve_live_conf *conf);
/* Behind the server. */
void serve_live_free(struct serve_live *l); /* NULL is fine */

int64_t serve_live_push_us(const struct serve_live *l);

/* Streams of events end; connections of WebSocket are the server's care. */
void serve_live_drain(struct serve_live *l);

/* Appends what is counted, for Prometheus. */
void serve_live_metrics(const struct serve_live *l, struct buf *out);

#endif
