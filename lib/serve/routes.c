#include <stdlib.h>

#include "base/mem.h"
#include "gql/gql_http.h"
#include "net/html_page.h"
#include "net/openapi.h"
#include "net/problem.h"
#include "serve/graphql.h"
#include "serve/serve.h"

static const char *const json_types[] = { "application/json", NULL };
static const char *const row_types[] = { "application/json", "application/x-ndjson", "text/csv",
					 NULL };

static const char *const live_types[] = { "application/json", "text/event-stream", NULL };

const struct route serve_routes[] = {
	{ HTTP_GET, "/", 0, 0, NULL, html_page_types, serve_get_page, "the live page" },
	{ HTTP_GET, "/health", 0, 0, NULL, json_types, serve_get_health, "whether it lives" },
	{ HTTP_GET, "/health/ready", 0, 0, NULL, json_types, serve_get_ready,
	  "whether the store can be read" },
	{ HTTP_GET, "/limits", KEY_READ, 0, NULL, json_types, serve_get_limits, "all limits" },
	{ HTTP_GET, "/metrics", KEY_METRICS, 0, NULL, NULL, serve_get_metrics,
	  "counters, for Prometheus" },
	{ HTTP_GET, "/pipelines", KEY_READ, 0, NULL, json_types, serve_get_pipelines,
	  "pipelines of the run folder, stage by stage" },
	{ HTTP_GET, "/latest", KEY_READ, 0, NULL, json_types, serve_get_latest,
	  "the newest window of a metric" },
	{ HTTP_GET, "/top", KEY_READ, 0, NULL, json_types, serve_get_top,
	  "its rows with the highest numbers" },
	{ HTTP_GET, "/history", KEY_READ, 0, NULL, row_types, serve_get_history,
	  "rows of a span of time, page by page" },
	{ HTTP_GET, "/stats", KEY_READ, 0, NULL, json_types, serve_get_stats,
	  "values of a rule in a span of time; without rule_id what intakes have been sent" },
	{ HTTP_POST, "/stats/reset", KEY_RESET, 1024, NULL, json_types, serve_reset_intake,
	  "statistics of intakes begin anew" },
	{ HTTP_GET, "/events", KEY_READ, 0, NULL, json_types, serve_get_events,
	  "stored events, newest first" },
	{ HTTP_GET, "/live-stats", KEY_READ, 0, NULL, live_types, serve_get_live,
	  "the newest windows of rules, pushed" },
	{ HTTP_GET, "/aggregation-rules", KEY_READ, 0, NULL, json_types, serve_get_rules,
	  "all rules" },
	{ HTTP_POST, "/aggregation-rule", KEY_RULES, SERVE_RULE_BYTES, json_types, json_types,
	  serve_put_rule, "a rule, new or changed" },
	{ HTTP_GET, "/aggregation-rule/{id}", KEY_READ, 0, NULL, json_types, serve_get_rule,
	  "a rule" },
	{ HTTP_DELETE, "/aggregation-rule/{id}", KEY_RULES, 0, NULL, json_types, serve_retire_rule,
	  "ends a rule" },
	{ HTTP_GET, "/graphql", KEY_READ, 0, NULL, NULL, serve_graphql, "the same as GraphQL" },
	{ HTTP_POST, "/graphql", KEY_READ, GQL_BODY_BYTES, NULL, NULL, serve_graphql,
	  "the same as GraphQL" },
	{ HTTP_GET, "/openapi.json", 0, 0, NULL, json_types, serve_get_openapi, "this document" },
	{ HTTP_GET, "/docs", 0, 0, NULL, html_page_types, openapi_docs, "a page of this document" },
};
const size_t serve_n_routes = sizeof(serve_routes) / sizeof(*serve_routes);

bool serve_allow(void *arg, struct http_request *req, const struct route *route)
{
	if (route->handle == serve_graphql && serve_graphql_wants_page(req))
		return true;
	return http_keys_allow(&((struct serve *)arg)->http.keys, req, route->scope);
}

void serve_answered(void *router, const struct http_request *req, unsigned status)
{
	struct serve *s = ((const struct router *)router)->arg;

	http_counts_answered(&s->counts, req, status);
}

/* ---- answers that wait */
/* Of a request that is parked, until it is answered. */
struct parked {
	struct serve *s;
	struct http_request *req;
	struct serve_asker *asker;
};

static void answer_told(void *arg, struct serve_result *r)
{
	struct parked *p = arg;
	struct http_request *req = p->req;

	free(p);
	if (r)
		serve_result_answer(r, req);
	else
		problem_say(req, 504, "deadline", "the store took too long");
}

/* It is answered all the same: it may have closed its sending side only. */
static void answer_gone(struct http_request *req)
{
	struct parked *p = req->user;

	serve_workers_forget(p->s->workers, p->asker);
	free(p);
	problem_say(req, 503, "cancelled", "the client has closed its side");
}

static void say_busy(struct http_request *req)
{
	problem_answer(req, &(struct problem){ .status = 503,
					       .code = "busy",
					       .detail = slice_z("too many queries wait already"),
					       .retry_after_s = 1 });
}

void serve_answer(struct serve *s, struct http_request *req, struct serve_query *q)
{
	struct serve_result *kept = serve_workers_kept(s->workers, q);
	struct parked *p;

	if (kept) {
		serve_query_free(q);
		serve_result_answer(kept, req);
		return;
	}
	p = mem_zalloc(sizeof(*p));
	*p = (struct parked){ .s = s, .req = req };
	p->asker = serve_workers_ask(s->workers, q, answer_told, p);
	if (!p->asker) {
		free(p);
		say_busy(req);
		return;
	}
	req->user = p;
	req->gone = answer_gone;
}
