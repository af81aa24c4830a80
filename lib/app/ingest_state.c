/* What the intake tells of itself: /health, /limits, /stats.
 *
 * The statistics are the two sums that each group of the log carries, so they survive whatever
 * happens to the process; a reset writes them as a base line into RUN/stats-base.json, beside the
 * log's id, and what is told is the difference. Topics are those of events that were taken since
 * the start or are remembered from the log. */
#include "app/ingest_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "source/wal_dir.h"
#include "tool/prog.h"

enum { TOPICS_MOST = 1000, BASE_MOST = 4096 };

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

	wal_state(g->wal, &s);
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

	wal_state(g->wal, &s);
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
		   "{\"head_bytes\":%d,\"target_bytes\":%d,\"body_bytes\":%" PRIu64
		   ",\"events\":%" PRIu64 ",\"event_bytes\":%" PRIu64 ",\"append_bytes\":%d"
		   ",\"ahead_s\":%" PRId64 ",\"connections\":%" PRIu64
		   ",\"connections_per_address\":%d,\"in_flight_bytes\":%" PRIu64
		   ",\"waiting_requests\":%d,\"dedup_s\":%" PRId64 ",\"dedup_ids\":%" PRIu64
		   ",\"log_bytes\":%" PRIu64 ",\"keep_s\":%" PRId64 ",\"lag_s\":%" PRId64 "}\n",
		   16 << 10, 8 << 10, c->max_body, c->max_events, c->max_event, WAL_APPEND_BYTES,
		   whole_s(c->max_ahead_us), c->http.max_connections, HTTP_PROGRAM_PER_ADDRESS,
		   c->http.budget, INGEST_WAITING, whole_s(c->dedup_us), c->dedup_ids, c->log_bytes,
		   whole_s(c->keep_us), whole_s(c->max_lag_us));
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

void ingest_get_stats(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	uint64_t in = g->in - g->base_in, dup = g->dup - g->base_dup;
	int64_t up_us = tm_mono_us() - g->begun_us;
	struct buf b = { 0 };

	buf_printf(&b,
		   "{\"received_count\":%" PRIu64 ",\"unique_processed\":%" PRIu64
		   ",\"duplicate_dropped\":%" PRIu64 ",\"deduplication_rate\":%.2f,\"topics\":[",
		   in, in - dup, dup, in ? 100.0 * (double)dup / (double)in : 0.0);
	for (size_t i = 0; i < g->n_topics; i++) {
		if (i)
			buf_addc(&b, ',');
		json_quote(&b, buf_slice(&g->topics[i].name));
	}
	buf_printf(&b, "],\"uptime\":\"%" PRId64 ":%02d:%02d.%06d\"}\n", whole_s(up_us) / 3600,
		   (int)(whole_s(up_us) / 60 % 60), (int)(whole_s(up_us) % 60),
		   (int)(up_us % TM_S));
	answer_json(req, 200, &b);
}

/* ---- the base line */
static int base_path(struct buf *path, const char *end, struct err *err)
{
	const char *dir = prog_run_dir(err);

	if (!dir)
		return -1;
	buf_printf(path, "%s/stats-base.json%s", dir, end);
	return 0;
}

static bool read_base(const char *path, struct json *j, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf_room(text, BASE_MOST), BASE_MOST);
	close(fd);
	text->n = n > 0 ? (size_t)n : 0;
	return n > 0 && json_parse(j, buf_slice(text), NULL) == 0;
}

/* A base line of another log, or one ahead of this log (a restored one), is none. */
static void take_base(struct ingest *g, const struct json *j)
{
	struct slice log;
	uint64_t in, dup, id;

	if (!json_get_text(j, 0, "log", &log) || log.n != 16 || str_unhex(log, &id, sizeof(id)) ||
	    id != g->log_id || !json_get_u64(j, 0, "received", &in) ||
	    !json_get_u64(j, 0, "duplicate", &dup) || in > g->in || dup > g->dup ||
	    in - dup > g->in - g->dup)
		return;
	g->base_in = in;
	g->base_dup = dup;
}

void ingest_state_load(struct ingest *g)
{
	struct buf path = { 0 }, text = { 0 };
	struct json j = { 0 };
	struct wal_dir d;

	if (wal_dir_open(&d, g->conf.log, NULL) == 0) {
		g->log_id = d.id;
		wal_dir_close(&d);
	}
	if (base_path(&path, "", NULL) == 0 && read_base(buf_z(&path), &j, &text))
		take_base(g, &j);
	json_fini(&j);
	buf_fini(&path);
	buf_fini(&text);
}

static int write_base(const struct ingest *g, struct err *err)
{
	struct buf path = { 0 }, temporary = { 0 }, text = { 0 };
	int fd, rc = -1;

	buf_addz(&text, "{\"v\":1,\"log\":\"");
	buf_hex(&text, &g->log_id, sizeof(g->log_id));
	buf_printf(&text, "\",\"received\":%" PRIu64 ",\"duplicate\":%" PRIu64 "}\n", g->in,
		   g->dup);
	if (base_path(&path, "", err) || base_path(&temporary, ".new", err))
		goto free_texts;
	fd = open(buf_z(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_errno(err, EX_IOERR, "%s", buf_z(&temporary));
		goto free_texts;
	}
	if (write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0 &&
	    rename(buf_z(&temporary), buf_z(&path)) == 0)
		rc = 0;
	else
		err_errno(err, EX_IOERR, "%s", buf_z(&path));
	close(fd);
free_texts:
	buf_fini(&path);
	buf_fini(&temporary);
	buf_fini(&text);
	return rc;
}

void ingest_reset_stats(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct err err = ERR_INIT;
	struct buf b = { 0 };

	if (write_base(g, &err)) {
		log_warn("statistics were not reset: %s", err.msg);
		ingest_answer_later(req, "not-reset", "the base line could not be written", 30);
		return;
	}
	g->base_in = g->in;
	g->base_dup = g->dup;
	buf_addz(&b, "{\"status\":\"reset\"}\n");
	answer_json(req, 200, &b);
}

void ingest_state_free(struct ingest *g)
{
	for (size_t i = 0; i < g->n_topics; i++)
		buf_fini(&g->topics[i].name);
	free(g->topics);
}
