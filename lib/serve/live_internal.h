/* Inside of live: live.c (periods), live_subscribe.c (clients and their rules), live_query.c (what
 * a rule has, in a worker), live_ws.c (WebSocket), live_events.c (SSE, and GET). */
#ifndef SERVE_LIVE_INTERNAL_H
#define SERVE_LIVE_INTERNAL_H

#include "serve/live.h"

struct live_rule {
	struct live_rule *next, *before;
	char *name;
	unsigned refs; /* of clients, and of the period under way */
	/* while a period is pushed */
	struct buf text;
	struct ws_shared *frame; /* NULL: it has none */
};

struct live_client {
	struct live_client *next, *before;
	struct serve_live *live;
	struct live_rule *rule[LIVE_RULES];
	size_t n;
	struct serve_asker *asker; /* it has subscribed, and is to be told */
	struct ws_conn *ws;        /* NULL: events, by the request */
	struct http_request *req;
	struct buf pending; /* events that it has not taken */
	bool ended, cut;
};

struct serve_live {
	struct serve *s;
	struct serve_live_conf conf;
	struct ws_site *site;
	struct live_client *clients;
	struct live_rule *rules;
	size_t n_rules, n_events;
	int timer; /* -1: nobody is there */
	bool commenting;
	uint64_t pushes, skipped;
	/* a period's query */
	struct serve_asker *asker;
	int64_t tick_us;
	struct live_rule *asked[LIVE_ALL_RULES];
	size_t n_asked;
};

/* ---- live_subscribe.c */
struct live_client *live_client_new(struct serve_live *l);
void live_client_free(struct live_client *c);
/* One reference less. */
void live_rule_drop(struct serve_live *l, struct live_rule *r);
/* The rules that are wanted in place of those before, names separated by \n; what is wrong is told.
 * A stream of events may be gone behind it. */
void live_subscribe(struct live_client *c, struct slice names);

/* ---- live.c */
/* Periods begin, if they have not. */
void live_begin(struct serve_live *l);
/* Takes the first line off, without its \n. */
struct slice live_next_line(struct slice *left);
/* The text to one client alone; a stream has it when it is woken. */
void live_tell(struct live_client *c, struct slice text);
void live_refuse(struct live_client *c, unsigned status, const char *code, struct slice detail);
/* Appends the text of a rule: data is what live_query has found. */
void live_text(struct buf *out, const char *rule, int64_t us, struct slice data);
/* Appends {"error":{..}}. */
void live_error(struct buf *out, unsigned status, const char *code, struct slice detail);

/* ---- live_query.c */
/* A query for rules, names separated by \n. Its answer has a line for each: the data, or ! and why
 * there is none. */
struct serve_query *live_query_new(struct slice names, uint64_t rows);
/* The answer of a GET: one rule's text, or a list of them; a problem where one is unknown. */
struct serve_query *live_query_get(struct slice names, uint64_t rows, int64_t us);

/* ---- live_ws.c, live_events.c */
struct ws_site *live_site_new(struct serve_live *l);
void live_accept(struct serve_live *l, struct http_request *req, struct slice names);
void live_stream(struct serve_live *l, struct http_request *req, struct slice names);
/* Events are pending. A stream may be gone behind it. */
void live_wake(struct live_client *c);

#endif
