/* What the server tells of itself: /health, /health/ready, /limits, /metrics. */
#include <inttypes.h>

#include "base/tm.h"
#include "gql/gql_http.h"
#include "net/http_head.h"
#include "net/problem.h"
#include "serve/live.h"
#include "serve/stores.h"

/* ---- health */
static void answer_health(const struct serve *s, struct http_request *req, unsigned status,
			  const char *say)
{
	struct buf b = { 0 };

	buf_printf(&b, "{\"status\":\"%s\",\"uptime_s\":%" PRId64 ",\"stores\":{", say,
		   (int64_t)((tm_mono_us() - s->begun_us) / TM_S));
	serve_stores_json(s->stores, &b);
	buf_addz(&b, "}}\n");
	http_answer(req, &(struct http_answer){ .status = status,
						.type = "application/json",
						.body = buf_slice(&b) });
	buf_fini(&b);
}

void serve_get_health(void *arg, struct http_request *req)
{
	struct serve *s = arg;

	answer_health(s, req, 200, s->draining ? "draining" : "ok");
}

void serve_get_ready(void *arg, struct http_request *req)
{
	struct serve *s = arg;

	if (!s->draining && serve_stores_ok(s->stores))
		answer_health(s, req, 200, "ok");
	else
		problem_answer(req, &(struct problem){
					    .status = 503,
					    .code = s->draining ? "draining" : "store-unavailable",
					    .detail = slice_z(s->draining ? "the server is ending"
									  : "the store cannot be "
									    "read"),
					    .retry_after_s = 1 });
}

void serve_get_limits(void *arg, struct http_request *req)
{
	const struct serve *s = arg;
	const struct http_program_conf *c = s->http.conf;
	struct buf b = { 0 };

	buf_printf(
		&b,
		"{\"head_bytes\":%" PRIu64 ",\"target_bytes\":%d,\"parameter_bytes\":%d,\"rows\":%d"
		",\"events\":%d,\"answer_bytes\":%d,\"graphql_bytes\":%d,\"rule_bytes\":%d"
		",\"live_rules\":%d,\"live_rules_of_all\":%d,\"push_ms\":%" PRId64 ",\"queries\":%u"
		",\"waiting_queries\":%d,\"deadline_ms\":%" PRId64 ",\"connections\":%" PRIu64
		",\"connections_per_address\":%d,\"in_flight_bytes\":%" PRIu64 "}\n",
		c->max_head, HTTP_TARGET_BYTES, SERVE_TEXT_BYTES, SERVE_ROWS, SERVE_EVENTS,
		SERVE_BODY_BYTES, GQL_BODY_BYTES, SERVE_RULE_BYTES, LIVE_RULES, LIVE_ALL_RULES,
		serve_live_push_us(s->live) / 1000, s->limits.threads, SERVE_QUEUE,
		s->limits.deadline_us / 1000, c->max_connections, HTTP_PROGRAM_PER_ADDRESS,
		c->budget);
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "application/json",
						.body = buf_slice(&b) });
	buf_fini(&b);
}

/* ---- metrics */
void serve_get_metrics(void *arg, struct http_request *req)
{
	struct serve *s = arg;
	struct serve_workers_stats w;
	struct buf b = { 0 };

	serve_workers_stats(s->workers, &w);
	prometheus_http(&b, &s->counts, s->http.server);
	prometheus_times(&b, "hta_query_seconds", "queries of the store", &s->query_times);
	prometheus_value(&b, "hta_query_queue", "gauge", "queries that wait", w.queued);
	prometheus_value(&b, "hta_query_running", "gauge", "queries that run", w.running);
	prometheus_begin(&b, "hta_query_cache_total", "counter",
			 "requests by where their answer came from");
	buf_printf(&b,
		   "hta_query_cache_total{result=\"kept\"} %" PRIu64
		   "\nhta_query_cache_total{result=\"shared\"} %" PRIu64
		   "\nhta_query_cache_total{result=\"run\"} %" PRIu64 "\n",
		   w.kept, w.shared, w.runs);
	prometheus_begin(&b, "hta_query_refused_total", "counter", "queries without an answer");
	buf_printf(&b,
		   "hta_query_refused_total{reason=\"busy\"} %" PRIu64
		   "\nhta_query_refused_total{reason=\"deadline\"} %" PRIu64
		   "\nhta_query_refused_total{reason=\"cancelled\"} %" PRIu64 "\n",
		   w.full, w.late, w.cancelled);
	serve_stores_metrics(s->stores, &b);
	serve_live_metrics(s->live, &b);
	http_tls_metric(&s->http, &b);
	serve_pipelines_metrics(s, &b);
	prometheus_answer(&b, "hta-serve", req);
}
