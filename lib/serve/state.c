/* What the server tells of itself: /health, /health/ready, /metrics. How the store is is looked at
 * each few seconds as any query is, so that /health never waits for it. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "gql/gql_http.h"
#include "json/json.h"
#include "net/http_head.h"
#include "net/problem.h"
#include "serve/live.h"

enum { LOOK_US = 2000000 };

/* ---- the store */
/* It has rows, or events alone. */
static int look_at_store(struct serve_query *q, struct serve_reader *reader,
			 struct serve_result *out, struct err *err)
{
	const struct events_driver *driver;
	struct read_store store;
	void *d;

	(void)q;
	if (serve_reader_rows(reader, &store, err) &&
	    (err->code != EX_CONFIG || serve_reader_events(reader, &driver, &d, NULL)))
		return serve_result_problem(out, 503, "store-unavailable", "%s", err->msg);
	return 0;
}

static void release_look(struct serve_query *q)
{
	free(q);
}

static void set_state(void *arg, struct serve_result *r)
{
	struct serve *s = arg;

	s->store_ok = r && !r->code;
	s->store_trouble.n = 0;
	if (!r)
		buf_addz(&s->store_trouble, "it does not answer");
	else if (r->code)
		buf_adds(&s->store_trouble, buf_slice(&r->detail));
}

static void look_again(void *arg, int fd, short revents)
{
	struct serve *s = arg;
	struct serve_query *q = mem_zalloc(sizeof(*q));

	(void)fd, (void)revents;
	q->run = look_at_store;
	q->release = release_look;
	buf_addz(&q->key, "store");
	if (!serve_workers_ask(s->workers, q, set_state, s))
		set_state(s, NULL);
}

void serve_watch_store(struct serve *s)
{
	look_again(s, -1, 0);
	loop_every(s->loop, LOOK_US, look_again, s);
}

/* ---- health */
static void answer_health(const struct serve *s, struct http_request *req, unsigned status,
			  const char *say)
{
	struct buf b = { 0 };

	buf_printf(&b, "{\"status\":\"%s\",\"uptime_s\":%" PRId64 ",\"stores\":{", say,
		   (int64_t)((tm_mono_us() - s->begun_us) / TM_S));
	json_quote_z(&b, s->store_kind);
	buf_addc(&b, ':');
	json_quote(&b, s->store_ok          ? slice_z("ok")
		       : s->store_trouble.n ? buf_slice(&s->store_trouble)
					    : slice_z("not looked at yet"));
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

	if (!s->draining && s->store_ok)
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

	buf_printf(&b,
		   "{\"head_bytes\":%d,\"target_bytes\":%d,\"parameter_bytes\":%d,\"rows\":%d"
		   ",\"events\":%d,\"answer_bytes\":%d,\"graphql_bytes\":%d,\"rule_bytes\":%d"
		   ",\"live_rules\":%d,\"live_rules_of_all\":%d,\"push_ms\":%" PRId64
		   ",\"queries\":%u"
		   ",\"waiting_queries\":%d,\"deadline_ms\":%" PRId64 ",\"connections\":%" PRIu64
		   ",\"connections_per_address\":%d,\"in_flight_bytes\":%" PRIu64 "}\n",
		   HTTP_HEAD_BYTES, HTTP_TARGET_BYTES, SERVE_TEXT_BYTES, SERVE_ROWS, SERVE_EVENTS,
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
	prometheus_value(&b, "hta_store_up", "gauge", "1: the store can be read", s->store_ok);
	serve_live_metrics(s->live, &b);
	http_tls_metric(&s->http, &b);
	serve_pipelines_metrics(s, &b);
	prometheus_answer(&b, "hta-serve", req);
}
