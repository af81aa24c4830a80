/* Who may do what, and how much. What a route asks for is judged at the head; how many events
 * there are, and of which topics, is known once they are parsed. The key is looked up again then:
 * the file may have been read anew meanwhile. */
#include "app/ingest_internal.h"

#include "base/tm.h"

struct slice ingest_keys_id(struct ingest *g, const struct http_request *req)
{
	const struct key *k = http_keys_of(&g->http.keys, req);

	return k ? k->id : slice(NULL, 0);
}

bool ingest_keys_allow(void *arg, struct http_request *req, const struct route *route)
{
	return http_keys_allow(&((struct ingest *)arg)->http.keys, req, route->scope);
}

/* ---- events */
static bool may_write_topics(const struct key *k, struct http_request *req,
			     const struct intake_result *r)
{
	struct buf detail = { 0 };

	for (unsigned i = 0; i < r->n_topics; i++) {
		if (key_may_write(k, r->topics[i].topic))
			continue;
		buf_addz(&detail, "this key may not write to the topic ");
		problem_echo(&detail, r->topics[i].topic);
		problem_answer(req, &(struct problem){ .status = 403,
						       .code = "topic",
						       .detail = buf_slice(&detail) });
		buf_fini(&detail);
		return false;
	}
	return true;
}

static bool within_rate(struct key *k, struct http_request *req, uint64_t events, uint64_t bytes)
{
	int64_t now_us = tm_mono_us(), wait_us, more_us;

	wait_us = rate_wait_us(&k->events_limit, &k->events, events, now_us);
	more_us = rate_wait_us(&k->bytes_limit, &k->bytes, bytes, now_us);
	wait_us = more_us > wait_us ? more_us : wait_us;
	if (wait_us > 0) {
		problem_answer(
			req, &(struct problem){ .status = 429,
						.code = "rate",
						.detail = slice_z("this key sends more than "
								  "its rate"),
						.retry_after_s = (unsigned)(wait_us / TM_S) + 1 });
		return false;
	}
	rate_take(&k->events_limit, &k->events, events, now_us);
	rate_take(&k->bytes_limit, &k->bytes, bytes, now_us);
	return true;
}

bool ingest_keys_take(struct ingest *g, struct http_request *req, const struct intake_result *r)
{
	struct key *k = http_keys_of(&g->http.keys, req);

	return !k || (may_write_topics(k, req, r) && within_rate(k, req, r->events, req->body.n));
}
