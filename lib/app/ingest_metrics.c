/* GET /metrics. Labels are bounded: topics beyond the first 1,000 are one. */
#include "app/ingest_internal.h"

#include <inttypes.h>

#include "base/tm.h"

/* For struct http_app, whose arg is the router. */
void ingest_metrics_answered(void *router, const struct http_request *req, unsigned status)
{
	struct ingest *g = ((const struct router *)router)->arg;

	http_counts_answered(&g->counts, req, status);
}

/* ---- the text */
static void add_outcome(struct buf *b, struct slice topic, const char *outcome, uint64_t n)
{
	buf_addz(b, "hta_ingest_events_total{topic=\"");
	prometheus_label(b, topic);
	buf_printf(b, "\",outcome=\"%s\"} %" PRIu64 "\n", outcome, n);
}

static void add_events(const struct ingest *g, struct buf *b)
{
	prometheus_begin(b, "hta_ingest_events_total", "counter",
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
	prometheus_value(b, "hta_log_bytes", "gauge", "bytes of the log",
			 (uint64_t)(s.end - s.first));
	prometheus_value(b, "hta_log_full", "gauge", "1: events are refused", s.full);
	prometheus_value(b, "hta_log_durable_offset", "counter", "what lies before is durable",
			 (uint64_t)s.durable);
	if (s.acked >= 0)
		prometheus_value(b, "hta_log_acked_offset", "counter",
				 "what lies before is stored by all jobs that read the log",
				 (uint64_t)s.acked);
	prometheus_begin(b, "hta_log_oldest_seconds", "gauge",
			 "age of the oldest events in the log");
	buf_addz(b, "hta_log_oldest_seconds ");
	prometheus_seconds(b, s.oldest_us && s.oldest_us < now_us ? now_us - s.oldest_us : 0);
	buf_addc(b, '\n');
	prometheus_times(b, "hta_log_sync_seconds", "writes of the log that were synchronised",
			 &g->sync_times);
	prometheus_times(b, "hta_ingest_ack_seconds", "from a request's first byte to its answer",
			 &g->ack_times);
}

void ingest_get_metrics(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct seen_stats seen = seen_stats(g->seen);
	struct buf b = { 0 };

	prometheus_http(&b, &g->counts, g->http.server);
	add_events(g, &b);
	add_log(g, &b);
	prometheus_value(&b, "hta_ingest_waiting_requests", "gauge",
			 "requests that wait for the log", g->durable.n + g->stalled.n);
	prometheus_value(&b, "hta_dedup_ids", "gauge", "ids that are remembered", seen.ids);
	prometheus_value(&b, "hta_dedup_forgotten_total", "counter",
			 "times that half of the ids were forgotten because there were too many",
			 seen.forgotten);
	prometheus_answer(&b, "hta-ingest", req);
}
