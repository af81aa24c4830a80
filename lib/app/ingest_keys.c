/* Who may do what, and how much. What a route asks for is judged at the head; how many events
 * there are, and of which topics, is known once they are parsed. The key is looked up again then:
 * the file may have been read anew meanwhile. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <stdio.h>

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

/* How much there is, in the words of draft-ietf-httpapi-ratelimit-headers-10, and in those that are
 * older and widespread. Keys that are refused at the same time are told times up to a quarter
 * apart, so that they do not come back together. */
static void refuse_rate(struct key *k, struct http_request *req, int64_t wait_us, int64_t now_us)
{
	bool events = k->events_limit.per_s;
	const struct rate_limit *l = events ? &k->events_limit : &k->bytes_limit;
	struct rate *r = events ? &k->events : &k->bytes;
	uint64_t left = rate_left(l, r, now_us), window_s = (l->burst + l->per_s - 1) / l->per_s;
	int64_t full_s = rate_full_us(l, r, now_us) / TM_S + 1;
	char text[5][96];
	struct http_field fields[5];

	snprintf(text[0], sizeof(text[0]), "\"%s\";q=%" PRIu64 ";w=%" PRIu64,
		 events ? "events" : "bytes", l->burst, window_s);
	snprintf(text[1], sizeof(text[1]), "\"%s\";r=%" PRIu64 ";t=%" PRId64,
		 events ? "events" : "bytes", left, full_s);
	snprintf(text[2], sizeof(text[2]), "%" PRIu64, l->burst);
	snprintf(text[3], sizeof(text[3]), "%" PRIu64, left);
	snprintf(text[4], sizeof(text[4]), "%" PRId64, full_s);
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = { "RateLimit-Policy", "RateLimit",
						     "X-RateLimit-Limit", "X-RateLimit-Remaining",
						     "X-RateLimit-Reset" };

		fields[i] = (struct http_field){ slice_z(names[i]), slice_z(text[i]) };
	}
	wait_us += wait_us / 4 * (now_us & 0xff) / 0xff;
	problem_answer(req, &(struct problem){ .status = 429,
					       .code = "rate",
					       .detail = slice_z("this key sends more than its "
								 "rate"),
					       .fields = fields,
					       .n_fields = 5,
					       .retry_after_s = (unsigned)(wait_us / TM_S) + 1 });
}

static bool within_rate(struct key *k, struct http_request *req, uint64_t events, uint64_t bytes)
{
	int64_t now_us = tm_mono_us(), wait_us, more_us;

	wait_us = rate_wait_us(&k->events_limit, &k->events, events, now_us);
	more_us = rate_wait_us(&k->bytes_limit, &k->bytes, bytes, now_us);
	wait_us = more_us > wait_us ? more_us : wait_us;
	if (wait_us > 0) {
		k->limited++;
		refuse_rate(k, req, wait_us, now_us);
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
