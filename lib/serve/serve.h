/* The server that reads: what the sinks have stored, over HTTP.
 *
 *	request -> route -> handler: parameters into a query (args.h)
 *	        -> workers.h: asked once, however many ask -> result.h: answered, or 304
 *
 * The struct is the program's (app/serve.h), which has the options; handlers of this room get it as
 * their arg. It names no product: stores are readers (reader.h). */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "gql/gql_schema.h"
#include "net/route.h"
#include "serve/args.h"
#include "serve/workers.h"
#include "tool/http_counts.h"
#include "tool/http_program.h"

enum {
	SERVE_ROWS = 10000,
	SERVE_ROWS_USUAL = 1000,
	SERVE_EVENTS = 1000,
	SERVE_BODY_BYTES = 16 << 20,
	SERVE_RULE_BYTES = 64 << 10
};

struct serve {
	struct loop *loop;
	struct http_program http;
	struct http_counts counts;
	struct http_times query_times;
	struct serve_source source;
	struct serve_workers_conf limits;
	struct serve_workers *workers;
	struct serve_live *live; /* live.h */
	const char *rules;       /* FILE or DIR; NULL: none */
	int64_t begun_us;        /* tm_mono_us */
	bool draining;
	struct gql_schema graphql;
	struct serve_stores *stores; /* stores.h */
	struct serve_pipelines *pipelines;
};

extern const struct route serve_routes[];
extern const size_t serve_n_routes;

/* For struct router. */
bool serve_allow(void *serve, struct http_request *req, const struct route *route);
/* For struct http_app. */
void serve_answered(void *router, const struct http_request *req, unsigned status);

/* Asks, and answers when it is known; q is taken. 503 `busy` where the queue is full, 504 where the
 * deadline is over. */
void serve_answer(struct serve *s, struct http_request *req, struct serve_query *q);

/* The document of the endpoints, with or without keys. */
void serve_openapi_write(bool keys, struct buf *out);

/* The run folder's pipelines. NULL is fine */
void serve_pipelines_free(struct serve_pipelines *p);
/* Those of now, for Prometheus; nothing where the folder cannot be read. */
void serve_pipelines_metrics(struct serve *s, struct buf *out);

/* /stats of no rule: the intakes'. */
bool serve_intake_wanted(const struct http_request *req);
void serve_get_intake(struct serve *s, struct http_request *req);

/* ---- handlers */
void serve_get_openapi(void *serve, struct http_request *req);
void serve_get_page(void *serve, struct http_request *req);
void serve_get_health(void *serve, struct http_request *req);
void serve_get_ready(void *serve, struct http_request *req);
void serve_get_limits(void *serve, struct http_request *req);
void serve_get_metrics(void *serve, struct http_request *req);
void serve_get_pipelines(void *serve, struct http_request *req);
void serve_get_latest(void *serve, struct http_request *req);
void serve_get_top(void *serve, struct http_request *req);
void serve_get_history(void *serve, struct http_request *req);
void serve_get_stats(void *serve, struct http_request *req);
void serve_reset_intake(void *serve, struct http_request *req);
void serve_get_events(void *serve, struct http_request *req);
void serve_get_live(void *serve, struct http_request *req);
void serve_get_rules(void *serve, struct http_request *req);
void serve_get_rule(void *serve, struct http_request *req);
void serve_put_rule(void *serve, struct http_request *req);
void serve_retire_rule(void *serve, struct http_request *req);
void serve_graphql(void *serve, struct http_request *req);

#endif
