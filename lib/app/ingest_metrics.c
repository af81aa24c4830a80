/* GET /metrics. Labels are bounded: topics beyond the first 1,000 are one. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <sys/statvfs.h>

#include "base/tm.h"

enum { KEYS_TOLD = 1000 };

/* For struct http_app, whose arg is the router. */
void ingest_metrics_answered(void *router, const struct http_request *req, unsigned status)
{
	struct ingest *g = ((const struct router *)router)->arg;

	http_counts_answered(&g->counts, req, status);
}

void ingest_metrics_group(struct ingest_groups *groups, uint64_t events)
{
	size_t i = 0;

	while (i < INGEST_GROUPS && events > 1ULL << i)
		i++;
	groups->n[i]++;
	groups->sum += events;
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

static void add_readers(const struct ingest *g, struct buf *b)
{
	char job[WAL_READER_NAME_BYTES];
	int64_t acked;

	prometheus_begin(b, "hta_log_acked_offset", "gauge",
			 "what lies before is stored by all sinks of the job");
	for (unsigned i = 0; g->wal && i < WAL_READERS; i++) {
		if (!wal_reader(g->wal, i, job, &acked))
			continue;
		buf_addz(b, "hta_log_acked_offset{job=\"");
		prometheus_label(b, slice_z(job));
		buf_printf(b, "\"} %" PRId64 "\n", acked);
	}
	if (g->lag_us < 0)
		return;
	prometheus_begin(b, "hta_log_lag_seconds", "gauge",
			 "age of the oldest events that a job has not stored");
	buf_addz(b, "hta_log_lag_seconds ");
	prometheus_seconds(b, g->lag_us);
	buf_addc(b, '\n');
}

static uint64_t free_bytes(const struct ingest *g, const struct wal_state *s)
{
	uint64_t used = (uint64_t)(s->end - s->first), left = g->conf.log_bytes, disk;
	struct statvfs fs;

	left = left > used ? left - used : 0;
	if (statvfs(g->conf.log, &fs))
		return left;
	disk = (uint64_t)fs.f_bavail * fs.f_frsize;
	return disk < left ? disk : left;
}

static void add_groups(const struct ingest_groups *groups, struct buf *b)
{
	uint64_t n = 0;

	prometheus_begin(b, "hta_log_group_events", "histogram",
			 "events that one write of the log made durable");
	for (size_t i = 0; i < INGEST_GROUPS; i++) {
		n += groups->n[i];
		buf_printf(b, "hta_log_group_events_bucket{le=\"%llu\"} %" PRIu64 "\n", 1ULL << i,
			   n);
	}
	n += groups->n[INGEST_GROUPS];
	buf_printf(b,
		   "hta_log_group_events_bucket{le=\"+Inf\"} %" PRIu64
		   "\nhta_log_group_events_sum %" PRIu64 "\nhta_log_group_events_count %" PRIu64
		   "\n",
		   n, groups->sum, n);
}

static void add_limited(const struct ingest *g, struct buf *b)
{
	const struct key *k;

	prometheus_begin(b, "hta_key_limited_total", "counter",
			 "requests that were refused since they were beyond the rate of their key");
	for (size_t i = 0; g->http.keys.keys && i < KEYS_TOLD; i++) {
		k = keys_at(g->http.keys.keys, i);
		if (!k)
			break;
		buf_addz(b, "hta_key_limited_total{key=\"");
		prometheus_label(b, k->id);
		buf_printf(b, "\"} %" PRIu64 "\n", k->limited);
	}
}

static void add_dedup(const struct ingest *g, struct buf *b)
{
	struct seen_stats seen = seen_stats(g->seen);
	int64_t now_us = tm_now_us();

	prometheus_value(b, "hta_dedup_ids", "gauge", "ids that are remembered", seen.ids);
	prometheus_value(b, "hta_dedup_forgotten_total", "counter",
			 "times that half of the ids were forgotten because there were too many",
			 seen.forgotten);
	prometheus_begin(b, "hta_dedup_window_seconds", "gauge", "how far back ids are remembered");
	buf_addz(b, "hta_dedup_window_seconds ");
	prometheus_seconds(b, seen.since_us && seen.since_us < now_us ? now_us - seen.since_us : 0);
	buf_addc(b, '\n');
}

static void add_log(const struct ingest *g, struct buf *b)
{
	int64_t now_us = tm_now_us();
	struct wal_state s;

	ingest_log_state(g, &s);
	prometheus_value(b, "hta_log_bytes", "gauge", "bytes of the log",
			 (uint64_t)(s.end - s.first));
	prometheus_value(b, "hta_log_held_bytes", "gauge",
			 "bytes of the log that a job has not stored, or whose ids are remembered",
			 (uint64_t)(s.end - s.held));
	prometheus_value(b, "hta_log_limit_bytes", "gauge", "what the log may have by its quota",
			 g->conf.log_bytes);
	prometheus_value(b, "hta_log_full", "gauge", "1: events are refused", s.full);
	prometheus_value(b, "hta_log_durable_offset", "gauge", "what lies before is durable",
			 (uint64_t)s.durable);
	add_readers(g, b);
	prometheus_value(b, "hta_log_free_bytes", "gauge",
			 "what the log may still get, by its quota and its disk",
			 free_bytes(g, &s));
	prometheus_begin(b, "hta_log_oldest_seconds", "gauge",
			 "age of the oldest events in the log");
	buf_addz(b, "hta_log_oldest_seconds ");
	prometheus_seconds(b, s.oldest_us && s.oldest_us < now_us ? now_us - s.oldest_us : 0);
	buf_addc(b, '\n');
	prometheus_times(b, "hta_log_sync_seconds", "writes of the log that were synchronised",
			 &g->sync_times);
	add_groups(&g->groups, b);
	prometheus_times(b, "hta_ingest_ack_seconds", "from a request's first byte to its answer",
			 &g->ack_times);
}

void ingest_get_metrics(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct buf b = { 0 };

	prometheus_http(&b, &g->counts, g->http.server);
	add_events(g, &b);
	add_log(g, &b);
	prometheus_value(&b, "hta_ingest_waiting_requests", "gauge",
			 "requests that wait for the log", g->durable.n + g->stalled.n);
	add_dedup(g, &b);
	add_limited(g, &b);
	http_tls_metric(&g->http, &b);
	prometheus_answer(&b, "hta-ingest", req);
}
