/* A request with events, from its body to its place in the log.
 *
 *	read (intake.h) -> may the key? -> append -> parked until durable() -> answered
 *	                                     |
 *	                                     +- no room just now: parked, taken again at room()
 * Both queues are first come, first served. Appends become durable in their order, so the queue of
 * those is looked at from its head only. A request that appends nothing, since all its events were
 * there before, still appends no line: the log's sums, which the statistics are, count it. If some
 * of its events are not durable yet it waits for the last append before it, which is no earlier
 * than theirs. */
#include "app/ingest_internal.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"

enum { STALL_S = 2, FULL_S = 30, BUSY_S = 1 };

/* ---- queues */
static struct ingest_waiter *waiter_new(struct http_request *req)
{
	struct ingest_waiter *w = mem_zalloc(sizeof(*w));

	w->req = req;
	return w;
}

static void waiter_free(struct ingest_waiter *w)
{
	buf_fini(&w->body);
	free(w);
}

void ingest_queue_push(struct ingest_queue *q, struct ingest_waiter *w)
{
	if (!q->n)
		q->last = &q->first;
	w->next = NULL;
	*q->last = w;
	q->last = &w->next;
	q->n++;
}

struct ingest_waiter *ingest_queue_pop(struct ingest_queue *q)
{
	struct ingest_waiter *w = q->first;

	q->first = w->next;
	q->n--;
	return w;
}

/* ---- appends */
static void count_taken(struct ingest *g, const struct intake_result *r)
{
	g->in += r->fresh + r->duplicates;
	g->dup += r->duplicates;
	counters_add(g->counters, COUNTER_DUPLICATE, r->duplicates);
	g->dead += r->rejected;
	if (!g->streaming) { /* else the stream counts what it reads */
		counters_add(g->counters, COUNTER_RECORDS_IN, r->events);
		counters_add(g->counters, COUNTER_RECORDS_OUT, r->fresh);
		counters_add(g->counters, COUNTER_BYTES_OUT, r->lines.n);
		counters_add(g->counters, COUNTER_DEAD, r->rejected);
	}
	for (unsigned i = 0; i < r->n_topics; i++) {
		struct ingest_topic *t = ingest_state_topic(g, r->topics[i].topic);

		t->fresh += r->topics[i].fresh;
		t->duplicates += r->topics[i].duplicates;
	}
}

/* The sums go with the group that the lines go into. */
static enum wal_answer append_lines(struct ingest *g, const struct intake_result *r)
{
	int64_t offset;
	enum wal_answer answer = ingest_log_append(g, r, &offset);

	if (answer != WAL_OK)
		return answer;
	g->end = offset + (int64_t)r->lines.n;
	g->ticket++;
	return answer;
}

static void refuse_append(struct ingest *g, struct http_request *req, enum wal_answer answer)
{
	struct err why = ERR_INIT;

	if (answer == WAL_LONG) {
		problem_say(req, 413, "body-too-large",
			    "the events and what is stamped on them are longer than an append of "
			    "the log may be: send them in several requests");
		return;
	}
	wal_why(g->wal, &why);
	if (answer == WAL_FULL)
		log_warn("the log is full: %s", why.msg);
	ingest_answer_later(req, answer == WAL_FULL ? "log-full" : "log-failed",
			    answer == WAL_FULL ? "the log is full" : "the log failed", FULL_S);
}

/* False: there is no room at the moment, and nothing has happened. */
static bool append_request(struct ingest *g, struct http_request *req,
			   const struct ingest_endpoint *e, const struct intake_result *r)
{
	struct ingest_waiter *w = waiter_new(req);
	enum wal_answer answer = append_lines(g, r);

	if (answer != WAL_OK && r->n_lines) {
		intake_undo(g->intake);
		waiter_free(w);
		if (answer != WAL_BUSY)
			refuse_append(g, req, answer);
		return answer != WAL_BUSY;
	}
	/* only the log can say that it failed; what is seen and durable is so in a full one too */
	count_taken(g, r);
	ingest_answer_make(g, e, req, r, w);
	if (answer == WAL_OK || (r->waits && answer != WAL_FAILED)) {
		w->end = g->end;
		w->ticket = g->ticket;
		ingest_queue_push(&g->durable, w);
		return true;
	}
	if (answer == WAL_FAILED)
		refuse_append(g, req, answer);
	else
		ingest_answer_send(req, w);
	waiter_free(w);
	return true;
}

/* ---- requests */
static void take_random(struct ingest *g, uint64_t out[2])
{
	if (g->random_at + 16 > sizeof(g->random) || g->random_at == 0) {
		hash_random(g->random, sizeof(g->random));
		g->random_at = 0;
	}
	memcpy(out, g->random + g->random_at, 16);
	g->random_at += 16;
}

static bool is_ndjson(const struct http_request *req)
{
	static const char type[] = "application/x-ndjson";
	struct slice value = http_field(req, "Content-Type");

	return value.n >= sizeof(type) - 1 && str_same(value.p, type, sizeof(type) - 1);
}

/* False: there is no room at the moment. */
static bool take_request(struct ingest *g, struct http_request *req)
{
	const struct ingest_endpoint *e = ingest_endpoint_of(g, req);
	struct intake_request rq = {
		.route = e->route,
		.body = req->body,
		.lines = is_ndjson(req),
		.lenient = http_field_has(req, "Prefer", "handling=lenient"),
		.now_us = tm_now_us(),
		.ticket = g->ticket + 1,
		.durable = g->told,
		.request_id = req->id,
		.idempotency_key = http_field(req, "Idempotency-Key"),
		.key_id = ingest_keys_id(g, req),
	};
	const struct intake_result *r;

	take_random(g, rq.random);
	r = intake_read(g->intake, &rq);
	if (r->status != INTAKE_OK) {
		g->invalid += r->rejected;
		ingest_answer_refuse(req, r);
		return true;
	}
	if (!ingest_keys_take(g, req, r)) {
		intake_undo(g->intake);
		return true;
	}
	return append_request(g, req, e, r);
}

static void give_up_stalled(void *arg, int fd, short revents)
{
	struct ingest *g = arg;

	(void)fd, (void)revents;
	g->stall = -1;
	while (g->stalled.n) {
		struct ingest_waiter *w = ingest_queue_pop(&g->stalled);

		ingest_answer_later(w->req, "overloaded",
				    g->conf.is_volatile ? "the reader of the stream is behind"
							: "the log's disk is behind",
				    BUSY_S);
		waiter_free(w);
	}
}

static void stall_request(struct ingest *g, struct http_request *req)
{
	ingest_queue_push(&g->stalled, waiter_new(req));
	if (g->stall < 0)
		g->stall = loop_at(g->loop, tm_mono_us() + STALL_S * TM_S, give_up_stalled, g);
}

void ingest_post(void *arg, struct http_request *req)
{
	struct ingest *g = arg;

	if (!g->streaming)
		counters_add(g->counters, COUNTER_BYTES_IN, req->body.n);
	if (g->why.code)
		ingest_answer_later(req, "log-failed", "the log failed", FULL_S);
	else if (g->conf.max_lag_us && g->lag_us > g->conf.max_lag_us)
		ingest_answer_later(req, "pipeline-behind",
				    "the pipeline is too far behind the log", FULL_S);
	else if (g->durable.n + g->stalled.n + g->acks.n >= INGEST_WAITING)
		ingest_answer_later(req, "overloaded", "too many requests wait for the log",
				    BUSY_S);
	else if (!ingest_acks_check(req))
		return;
	else if (g->stalled.n || !take_request(g, req))
		stall_request(g, req);
}

/* ---- what the log tells */
static void answer_durable(void *self, const struct wal_done *done)
{
	struct ingest *g = self;

	http_times_add(&g->sync_times, done->sync_us);
	ingest_metrics_group(&g->groups, done->lines);
	while (g->durable.n && g->durable.first->end <= done->end) {
		struct ingest_waiter *w = ingest_queue_pop(&g->durable);

		g->told = w->ticket;
		http_times_add(&g->ack_times, tm_mono_us() - w->req->begun_us);
		if (w->wait_us) {
			ingest_acks_add(g, w);
			continue;
		}
		ingest_answer_send(w->req, w);
		waiter_free(w);
	}
}

void ingest_refuse_waiting(struct ingest *g, const char *code, const char *detail)
{
	struct ingest_queue *queues[] = { &g->durable, &g->stalled };

	for (size_t i = 0; i < 2; i++)
		while (queues[i]->n) {
			struct ingest_waiter *w = ingest_queue_pop(queues[i]);

			ingest_answer_later(w->req, code, detail, FULL_S);
			waiter_free(w);
		}
}

static void end_failed(void *self, const struct err *why)
{
	struct ingest *g = self;

	g->why = *why;
	if (!g->streaming)
		log_err(why);
	ingest_refuse_waiting(g, "log-failed", "the log failed");
	ingest_drain(g);
}

/* The first of the stalled is taken before it leaves the queue, and the queue is what keeps others
 * behind it. */
static void take_stalled(void *self)
{
	struct ingest *g = self;

	while (g->stalled.n) {
		struct ingest_waiter *w = g->stalled.first;

		if (!take_request(g, w->req))
			return;
		waiter_free(ingest_queue_pop(&g->stalled));
	}
	if (g->stall >= 0)
		loop_unwatch(g->loop, g->stall);
	g->stall = -1;
}

const struct wal_hooks ingest_wal_hooks = { answer_durable, end_failed, take_stalled };
