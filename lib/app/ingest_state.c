/* What the intake tells of itself: /health, /limits, /stats.
 *
 * The statistics are the two sums that each group of the log carries, so they survive whatever
 * happens to the process; a reset writes them as a base line (tool/intake_stats.h), and what is
 * told is the difference. They are told in the run folder once a second, for hta-serve. Topics are
 * those of events that were taken since the start or are remembered from the log. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "source/wal_dir.h"
#include "tool/intake_stats.h"

enum { TOPICS_MOST = 1000 };

static void answer_json(struct http_request *req, unsigned status, struct buf *body)
{
	http_answer(req, &(struct http_answer){ .status = status,
						.type = "application/json",
						.body = buf_slice(body) });
	buf_fini(body);
}

static int64_t whole_s(int64_t us)
{
	return us / TM_S;
}

/* ---- health */
void ingest_get_health(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct wal_state s;
	struct buf b = { 0 };
	int64_t now_us = tm_now_us();

	ingest_log_state(g, &s);
	buf_printf(&b, "{\"status\":\"%s\",\"uptime_s\":%" PRId64,
		   g->why.code   ? "failed"
		   : g->draining ? "draining"
				 : "ok",
		   whole_s(tm_mono_us() - g->begun_us));
	buf_printf(&b, ",\"log\":{\"bytes\":%" PRId64 ",\"oldest_s\":%" PRId64 ",\"full\":%s}",
		   s.end - s.first,
		   s.oldest_us && s.oldest_us < now_us ? whole_s(now_us - s.oldest_us) : 0,
		   s.full ? "true" : "false");
	if (s.acked >= 0)
		buf_printf(&b, ",\"pipeline\":{\"lag_s\":%" PRId64 ",\"lag_bytes\":%" PRId64 "}",
			   g->lag_us > 0 ? whole_s(g->lag_us) : 0,
			   s.durable > s.acked ? s.durable - s.acked : 0);
	buf_addz(&b, "}\n");
	answer_json(req, 200, &b);
}

void ingest_get_ready(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct wal_state s;

	ingest_log_state(g, &s);
	if (g->why.code)
		ingest_answer_later(req, "log-failed", "the log failed", 30);
	else if (g->draining)
		ingest_answer_later(req, "draining", "the intake is ending", 1);
	else if (s.full)
		ingest_answer_later(req, "log-full", "the log is full", 30);
	else if (g->conf.max_lag_us && g->lag_us > g->conf.max_lag_us)
		ingest_answer_later(req, "pipeline-behind",
				    "the pipeline is too far behind the log", 30);
	else
		ingest_get_health(g, req);
}

void ingest_get_limits(void *arg, struct http_request *req)
{
	const struct ingest_conf *c = &((struct ingest *)arg)->conf;
	struct buf b = { 0 };

	buf_printf(&b,
		   "{\"head_bytes\":%" PRIu64 ",\"target_bytes\":%d,\"body_bytes\":%" PRIu64
		   ",\"events\":%" PRIu64 ",\"event_bytes\":%" PRIu64 ",\"append_bytes\":%d"
		   ",\"ahead_s\":%" PRId64 ",\"connections\":%" PRIu64
		   ",\"connections_per_address\":%d,\"in_flight_bytes\":%" PRIu64
		   ",\"waiting_requests\":%d,\"dedup_s\":%" PRId64 ",\"dedup_ids\":%" PRIu64
		   ",\"log_bytes\":%" PRIu64 ",\"keep_s\":%" PRId64 ",\"lag_s\":%" PRId64 "}\n",
		   c->http.max_head, 8 << 10, c->max_body, c->max_events, c->max_event,
		   WAL_APPEND_BYTES, whole_s(c->max_ahead_us), c->http.max_connections,
		   HTTP_PROGRAM_PER_ADDRESS, c->http.budget, INGEST_WAITING, whole_s(c->dedup_us),
		   c->dedup_ids, c->log_bytes, whole_s(c->keep_us), whole_s(c->max_lag_us));
	answer_json(req, 200, &b);
}

/* ---- statistics */
struct ingest_topic *ingest_state_topic(struct ingest *g, struct slice topic)
{
	size_t low = 0, high = g->n_topics;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = slice_cmp(topic, buf_slice(&g->topics[mid].name));

		if (order == 0)
			return &g->topics[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	if (g->n_topics == TOPICS_MOST || !topic.n)
		return &g->other_topics;
	mem_reserve(&g->topics, &g->topics_cap, g->n_topics + 1, sizeof(*g->topics));
	memmove(g->topics + low + 1, g->topics + low, (g->n_topics - low) * sizeof(*g->topics));
	g->topics[low] = (struct ingest_topic){ 0 };
	buf_adds(&g->topics[low].name, topic);
	g->n_topics++;
	return &g->topics[low];
}

/* The log's sums, and the topics. */
static void collect_sums(const struct ingest *g, struct intake_stats *s)
{
	*s = (struct intake_stats){ .received = g->in, .duplicate = g->dup };
	buf_addc(&s->topics, '[');
	for (size_t i = 0; i < g->n_topics; i++) {
		if (i)
			buf_addc(&s->topics, ',');
		json_quote(&s->topics, buf_slice(&g->topics[i].name));
	}
	buf_addc(&s->topics, ']');
}

void ingest_get_stats(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct intake_stats s;
	struct buf b = { 0 };

	collect_sums(g, &s);
	intake_stats_since(g->log_id, &s);
	intake_stats_json(&s, tm_mono_us() - g->begun_us, &b);
	intake_stats_fini(&s);
	answer_json(req, 200, &b);
}

static struct intake_now collect_now(const struct ingest *g)
{
	struct wal_state s = { .end = (int64_t)g->told_bytes };

	if (g->wal) /* else it is closed: that is the end */
		wal_state(g->wal, &s);
	return (struct intake_now){
		.pid = (uint64_t)getpid(),
		.at_us = tm_now_us(),
		.topic = g->conf.topic,
		.posts = http_counts_sum(&g->counts, HTTP_POST, 0, 1000),
		.client_errors = http_counts_sum(&g->counts, HTTP_POST, 400, 500),
		.server_errors = http_counts_sum(&g->counts, HTTP_POST, 500, 600),
		.log_bytes = (uint64_t)(s.end - s.first),
		.log_full = s.full,
		.ack = &g->ack_times,
	};
}

/* Only what has changed is told: at rest nothing is written. */
void ingest_state_tell(struct ingest *g)
{
	struct intake_now now = collect_now(g);
	struct err err = ERR_INIT;
	struct intake_stats s;

	if (g->told_once && g->told_in == g->in && g->told_dup == g->dup &&
	    g->told_posts == now.posts && g->told_bytes == now.log_bytes)
		return;
	collect_sums(g, &s);
	if (intake_stats_tell(g->log_id, &s, &now, &err) && !g->told_once)
		log_info("statistics are told here only: %s", err.msg);
	intake_stats_fini(&s);
	g->told_in = g->in;
	g->told_dup = g->dup;
	g->told_posts = now.posts;
	g->told_bytes = now.log_bytes;
	g->told_once = true;
}

void ingest_state_load(struct ingest *g)
{
	struct wal_dir d;

	if (g->conf.is_volatile) {
		hash_random(&g->log_id, sizeof(g->log_id));
	} else if (wal_dir_open(&d, g->conf.log, NULL) == 0) {
		g->log_id = d.id;
		wal_dir_close(&d);
	}
	ingest_state_tell(g);
}

void ingest_reset_stats(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct intake_stats s = { .received = g->in, .duplicate = g->dup };
	struct err err = ERR_INIT;
	struct buf b = { 0 };

	if (intake_stats_reset(g->log_id, &s, &err)) {
		log_warn("statistics were not reset: %s", err.msg);
		ingest_answer_later(req, "not-reset", "the base line could not be written", 30);
		return;
	}
	buf_addz(&b, "{\"status\":\"reset\"}\n");
	answer_json(req, 200, &b);
}

void ingest_state_free(struct ingest *g)
{
	for (size_t i = 0; i < g->n_topics; i++)
		buf_fini(&g->topics[i].name);
	free(g->topics);
}
