/* Prefer: wait=N: the answer comes once every job that reads the log has stored what the request
 * appended, as the page of the log says (DIR/durable), or after N seconds with a place to ask at.
 *
 * The page is memory that readers write to, so there is nothing to wait on: it is looked at 50
 * times a second while somebody waits. Requests wait in the order in which they became durable, and
 * each has a deadline of its own. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/tm.h"

enum { LOOK_US = 20000 };

/* Seconds as text; -1: it is none. More than the most are as many. */
static int64_t wait_of(struct slice text)
{
	int64_t s = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		if (s <= INGEST_WAIT_MOST_S)
			s = 10 * s + text.p[i] - '0';
	}
	return text.n ? (s < INGEST_WAIT_MOST_S ? s : INGEST_WAIT_MOST_S) * TM_S : -1;
}

bool ingest_acks_check(struct http_request *req)
{
	struct buf param = { 0 };
	bool good = true;

	if (req->query.n)
		good = http_param(req->query, "wait", &param) == 0 ||
		       wait_of(buf_slice(&param)) >= 0;
	if (!good)
		problem_say(req, 422, "bad-parameter", "wait is no number of seconds");
	buf_fini(&param);
	return good;
}

int64_t ingest_acks_wish(const struct ingest *g, const struct http_request *req)
{
	static const char name[] = "wait=";
	struct slice left = http_field(req, "Prefer");
	struct buf param = { 0 };
	int64_t us = 0;

	while (left.n) {
		size_t n = 0;

		while (left.n && (*left.p == ' ' || *left.p == ',' || *left.p == ';'))
			left = slice(left.p + 1, left.n - 1);
		while (n < left.n && !strchr(" ,;", left.p[n]))
			n++;
		if (n > sizeof(name) - 1 && str_same(left.p, name, sizeof(name) - 1))
			us = wait_of(slice(left.p + sizeof(name) - 1, n - (sizeof(name) - 1)));
		left = slice(left.p + n, left.n - n);
	}
	if (!us && req->query.n && http_param(req->query, "wait", &param) == 1)
		us = wait_of(buf_slice(&param));
	buf_fini(&param);
	if (g->conf.is_volatile) /* nobody acknowledges */
		return 0;
	return us > 0 ? us : g->conf.ack_us;
}

/* ---- those that wait */
static void answer_waiting(struct ingest_waiter *w, bool acked)
{
	w->waited = acked ? INGEST_ACKED : INGEST_NOT_ACKED;
	if (acked)
		w->status = w->status == 201 ? 201 : 200;
	else
		w->status = 202;
	ingest_answer_send(w->req, w);
	buf_fini(&w->body);
	free(w);
}

/* Answers whom there is something to say; all: the others too. */
static void look_at_acks(struct ingest *g, bool all)
{
	struct ingest_queue left = { 0 };
	int64_t now_us = tm_mono_us();
	struct wal_state s;

	ingest_log_state(g, &s);
	while (g->acks.n) {
		struct ingest_waiter *w = ingest_queue_pop(&g->acks);

		if (s.acked >= w->end)
			answer_waiting(w, true);
		else if (all || now_us >= w->deadline_us)
			answer_waiting(w, false);
		else
			ingest_queue_push(&left, w);
	}
	while (left.n)
		ingest_queue_push(&g->acks, ingest_queue_pop(&left));
	if (!g->acks.n && g->ack_timer >= 0) {
		loop_unwatch(g->loop, g->ack_timer);
		g->ack_timer = -1;
	}
}

static void look_now_and_then(void *arg, int fd, short revents)
{
	(void)fd, (void)revents;
	look_at_acks(arg, false);
}

void ingest_acks_add(struct ingest *g, struct ingest_waiter *w)
{
	w->deadline_us = tm_mono_us() + w->wait_us;
	ingest_queue_push(&g->acks, w);
	if (g->draining)
		look_at_acks(g, true);
	else if (g->ack_timer < 0)
		g->ack_timer = loop_every(g->loop, LOOK_US, look_now_and_then, g);
}

void ingest_acks_end(struct ingest *g)
{
	if (g->acks.n)
		look_at_acks(g, true);
}

void ingest_get_acks(void *arg, struct http_request *req)
{
	struct ingest *g = arg;
	struct buf text = { 0 };
	struct wal_state s;
	uint64_t offset;

	if (route_segment(req, 0, &text) || num_count(buf_z(&text), &offset, NULL)) {
		problem_say(req, 404, "not-found", "that is no offset");
		buf_fini(&text);
		return;
	}
	ingest_log_state(g, &s);
	text.n = 0;
	buf_printf(&text, "{\"durable\":%s,\"acked\":%s",
		   !g->conf.is_volatile && offset <= (uint64_t)s.durable ? "true" : "false",
		   s.acked >= 0 && offset <= (uint64_t)s.acked ? "true" : "false");
	if (s.acked >= 0)
		buf_printf(&text, ",\"lag_bytes\":%" PRId64 ",\"lag_s\":%" PRId64,
			   s.durable > s.acked ? s.durable - s.acked : 0,
			   g->lag_us > 0 ? (int64_t)(g->lag_us / TM_S) : 0);
	buf_addz(&text, "}\n");
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "application/json",
						.body = buf_slice(&text) });
	buf_fini(&text);
}
