/* GET /metrics: the text format of Prometheus (0.0.4). What is counted by label stands in two small
 * tables that are walked: an intake has a dozen routes and codes. Labels are bounded: a path that
 * is no route is "none", topics beyond the first 1,000 are one. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/tm.h"
#include "tool/prog.h"

static const int64_t bounds_us[INGEST_BUCKETS] = { 500,     1000,    2000,    5000,    10000,
						   20000,   50000,   100000,  200000,  500000,
						   1000000, 2000000, 5000000, 10000000 };

void ingest_metrics_time(struct ingest_times *t, int64_t us)
{
	size_t i = 0;

	while (i < INGEST_BUCKETS && us > bounds_us[i])
		i++;
	t->n[i]++;
	t->sum_us += us;
}

/* For struct http_app, whose arg is the router. */
void ingest_metrics_answered(void *router, const struct http_request *req, unsigned status)
{
	struct ingest *g = ((const struct router *)router)->arg;
	struct ingest_answered *a = g->answered;

	for (size_t i = 0; i < g->n_answered; i++, a++)
		if (a->status == status && a->method == req->method &&
		    strcmp(a->route, req->route) == 0) {
			a->n++;
			return;
		}
	if (g->n_answered == INGEST_ANSWERED)
		return;
	*a = (struct ingest_answered){ req->route, req->method, status, 1 };
	g->n_answered++;
}

/* ---- the text */
static void begin_metric(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_metric(struct buf *b, const char *name, const char *type, const char *help,
		       uint64_t value)
{
	begin_metric(b, name, type, help);
	buf_printf(b, "%s %" PRIu64 "\n", name, value);
}

/* A label's value, with what has to be escaped. */
static void add_label(struct buf *b, struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n')
			buf_addz(b, "\\n");
		else if (text.p[i] == '\\' || text.p[i] == '"')
			buf_printf(b, "\\%c", text.p[i]);
		else
			buf_addc(b, text.p[i]);
}

static void add_seconds(struct buf *b, int64_t us)
{
	buf_printf(b, "%" PRId64 ".%06d", us / 1000000, (int)(us % 1000000));
}

static void add_times(struct buf *b, const char *name, const char *help,
		      const struct ingest_times *t)
{
	uint64_t n = 0;

	begin_metric(b, name, "histogram", help);
	for (size_t i = 0; i < INGEST_BUCKETS; i++) {
		n += t->n[i];
		buf_printf(b, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			   (double)bounds_us[i] / 1e6, n);
	}
	n += t->n[INGEST_BUCKETS];
	buf_printf(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, n, name);
	add_seconds(b, t->sum_us);
	buf_printf(b, "\n%s_count %" PRIu64 "\n", name, n);
}

static void add_requests(const struct ingest *g, struct buf *b)
{
	static const char *const methods[] = { "GET",   "HEAD",   "POST",    "PUT",
					       "PATCH", "DELETE", "OPTIONS", "other" };

	begin_metric(b, "hta_http_requests_total", "counter", "requests that were answered");
	for (size_t i = 0; i < g->n_answered; i++) {
		const struct ingest_answered *a = &g->answered[i];

		buf_addz(b, "hta_http_requests_total{route=\"");
		add_label(b, slice_z(a->route));
		buf_printf(b, "\",method=\"%s\",code=\"%u\"} %" PRIu64 "\n", methods[a->method],
			   a->status, a->n);
	}
}

static void add_server(const struct ingest *g, struct buf *b)
{
	struct http_stats s;

	http_server_stats(g->server, &s);
	begin_metric(b, "hta_http_connections", "gauge", "connections");
	buf_printf(b,
		   "hta_http_connections{state=\"busy\"} %zu\n"
		   "hta_http_connections{state=\"idle\"} %zu\n",
		   s.busy, s.connections - s.busy);
	add_metric(b, "hta_http_in_flight_bytes", "gauge", "bytes of bodies", s.in_flight_bytes);
	begin_metric(b, "hta_http_refused_total", "counter", "what the server refused");
	for (int i = 0; i < HTTP_REFUSED_REASONS; i++)
		buf_printf(b, "hta_http_refused_total{reason=\"%s\"} %" PRIu64 "\n",
			   http_refused_names[i], s.refused[i]);
}

static void add_outcome(struct buf *b, struct slice topic, const char *outcome, uint64_t n)
{
	buf_addz(b, "hta_ingest_events_total{topic=\"");
	add_label(b, topic);
	buf_printf(b, "\",outcome=\"%s\"} %" PRIu64 "\n", outcome, n);
}

static void add_events(const struct ingest *g, struct buf *b)
{
	begin_metric(b, "hta_ingest_events_total", "counter",
		     "events of requests, since the start of the process");
	for (size_t i = 0; i <= g->n_topics; i++) {
		const struct ingest_topic *t = i < g->n_topics ? &g->topics[i] : &g->other_topics;
		struct slice name = i < g->n_topics ? buf_slice(&t->name) : slice_z("other");

		add_outcome(b, name, "accepted", t->fresh);
		add_outcome(b, name, "duplicate", t->duplicates);
	}
	add_outcome(b, slice_z(""), "invalid", g->invalid);
	add_outcome(b, slice_z(""), "dead", g->dead);
}

static void add_log(const struct ingest *g, struct buf *b)
{
	int64_t now_us = tm_now_us();
	struct wal_state s;

	wal_state(g->wal, &s);
	add_metric(b, "hta_log_bytes", "gauge", "bytes of the log", (uint64_t)(s.end - s.first));
	add_metric(b, "hta_log_full", "gauge", "1: events are refused", s.full);
	add_metric(b, "hta_log_durable_offset", "counter", "what lies before is durable",
		   (uint64_t)s.durable);
	if (s.acked >= 0)
		add_metric(b, "hta_log_acked_offset", "counter",
			   "what lies before is stored by all jobs that read the log",
			   (uint64_t)s.acked);
	begin_metric(b, "hta_log_oldest_seconds", "gauge", "age of the oldest events in the log");
	buf_addz(b, "hta_log_oldest_seconds ");
	add_seconds(b, s.oldest_us && s.oldest_us < now_us ? now_us - s.oldest_us : 0);
	buf_addc(b, '\n');
	add_times(b, "hta_log_sync_seconds", "writes of the log that were synchronised",
		  &g->sync_times);
	add_times(b, "hta_ingest_ack_seconds", "from a request's first byte to its answer",
		  &g->ack_times);
}

void ingest_get_metrics(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct seen_stats seen = seen_stats(g->seen);
	struct buf b = { 0 };

	add_requests(g, &b);
	add_server(g, &b);
	add_events(g, &b);
	add_log(g, &b);
	add_metric(&b, "hta_ingest_waiting_requests", "gauge", "requests that wait for the log",
		   g->durable.n + g->stalled.n);
	add_metric(&b, "hta_dedup_ids", "gauge", "ids that are remembered", seen.ids);
	add_metric(&b, "hta_dedup_forgotten_total", "counter",
		   "times that half of the ids were forgotten because there were too many",
		   seen.forgotten);
	begin_metric(&b, "hta_build_info", "gauge", "this program");
	buf_printf(&b, "hta_build_info{program=\"hta-ingest\",version=\"%s\"} 1\n", prog_version);
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "text/plain; version=0.0.4; charset=utf-8",
						.body = buf_slice(&b) });
	buf_fini(&b);
}
