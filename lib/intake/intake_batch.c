/* The events of a request, in batches of the scanner's 64: scanned, judged, looked up in the table
 * of seen ones (prefetched together), stamped, appended to the lines. So each event's bytes are
 * touched while they are in the first cache. All of that is done in the hope that all events are
 * good: at the first one that is not, in a strict request, what was remembered is taken back, the
 * lines are dropped, and the rest is judged for its errors only. */
#include "base/hash.h"
#include "intake/intake_internal.h"

/* ---- seen before? */

/* The same 64 bits for the same number (splitmix64). */
static uint64_t mixed(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void make_id(const struct intake *in, uint32_t index, char out[UUID_CHARS])
{
	const struct intake_request *rq = in->rq;

	if (rq->idempotency_key.n)
		idempotency_event_id(rq->key_id, rq->idempotency_key, index, out);
	else
		uuid_v7(rq->now_us, (uint32_t)(rq->random[1] & 0x7fffff) + index,
			mixed(rq->random[0] + index * 0x9e3779b97f4a7c15), out);
}

static void count_duplicate(struct intake *in, const struct seen_entry *was, uint32_t check)
{
	struct intake_result *out = &in->out;

	out->duplicates++;
	out->conflicting += was->check && check && was->check != check;
	if (!seen_waits(was->ticket, in->rq->durable))
		return;
	if (!out->waits || seen_waits(was->ticket, out->wait_ticket))
		out->wait_ticket = was->ticket;
	out->waits = true;
}

/* What an answer shows of the first event. */
static void show_first(struct intake *in, const struct intake_event *e, struct slice id)
{
	in->out.event_id.n = in->out.topic.n = 0;
	json_quote(&in->out.event_id, id);
	json_quote(&in->out.topic, e->topic);
}

/* Where events of that topic are counted: most often where the last one was. */
static struct intake_topic *topic_of(struct intake *in, struct slice topic)
{
	struct intake_result *out = &in->out;
	struct intake_topic *t = &out->topics[in->topic];

	if (in->topic < out->n_topics && slice_eq(t->topic, topic))
		return t;
	for (in->topic = 0; in->topic < out->n_topics; in->topic++)
		if (slice_eq(out->topics[in->topic].topic, topic))
			return &out->topics[in->topic];
	if (in->topic == INTAKE_TOPICS)
		return &out->topics[--in->topic];
	t = &out->topics[out->n_topics++];
	*t = (struct intake_topic){ .topic = topic };
	/* behind the one that is for the rest there is no room */
	t->topic = out->n_topics < INTAKE_TOPICS ? arena_copy(&out->errors.text, topic)
						 : slice("", 0);
	return t;
}

static void take_event(struct intake *in, const struct intake_event *e, struct seen_key key,
		       const char *made)
{
	const struct seen_entry *was = seen_find(in->conf.seen, key);
	bool first = in->request.check && !in->requested;
	struct intake_topic *topic = topic_of(in, e->topic);
	char request[IDEMPOTENCY_CHARS];

	if (was) {
		count_duplicate(in, was, e->check);
		topic->duplicates++;
		return;
	}
	topic->fresh++;
	seen_add(in->conf.seen, &(struct seen_entry){ key, in->rq->ticket, e->check });
	in->added++;
	if (first) {
		idempotency_text(&in->request, request);
		in->requested = true;
	}
	stamps_add(&in->stamps, e, made, first ? request : NULL, &in->lines);
	in->out.fresh++;
	in->out.n_lines++;
}

/* The good events of a batch. */
static void take_events(struct intake *in, struct intake_event *event, uint64_t good)
{
	struct seen_key key[SCAN_BATCH];
	char made[SCAN_BATCH][UUID_CHARS];

	for (uint64_t left = good; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		struct intake_event *e = &event[i];
		struct slice id = e->id;

		if (!id.n) {
			make_id(in, e->index, made[i]);
			id = slice(made[i], UUID_CHARS);
		}
		if (e->index == 0)
			show_first(in, e, id);
		key[i] = seen_key_of(e->topic, id);
		seen_prefetch(in->conf.seen, key[i]);
	}
	for (uint64_t left = good; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		take_event(in, &event[i], key[i], event[i].id.n ? NULL : made[i]);
	}
}

/* ---- batches */

/* The lines that are not good, one by one, in their place among the others: those before them are
 * taken first, so that the log has the order of the request. */
static void take_mixed(struct intake *in, const struct scan_batch *b, struct intake_event *event,
		       uint64_t good, uint64_t bad)
{
	while (bad) {
		uint64_t lowest = bad & -bad, before = good & (lowest - 1);
		unsigned i = (unsigned)__builtin_ctzll(bad);
		const char *body = in->rq->body.p + cut_offset(&in->cut, b->start[i]);

		take_events(in, event, before);
		good &= ~before;
		bad &= bad - 1;
		stamps_add_dead(slice(body, b->length[i]), in->reason[i], in->rq->request_id,
				&in->lines);
		in->out.n_lines++;
	}
	take_events(in, event, good);
}

/* The first error of each event that was refused, for its dead letter. */
static void take_reasons(struct intake *in, const struct intake_event *event, uint64_t bad,
			 unsigned from)
{
	struct intake_errors *errors = &in->out.errors;
	struct buf text = { 0 };

	for (; bad; bad &= bad - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bad);
		const struct intake_error *e = &errors->list[from];

		while (from < errors->n && e->index < event[i].index)
			e = &errors->list[++from];
		text.n = 0;
		if (from < errors->n && e->index == event[i].index)
			buf_printf(&text, "%s%s%.*s: %.*s", e->code, e->pointer.n ? " at " : "",
				   (int)e->pointer.n, e->pointer.p, (int)e->detail.n, e->detail.p);
		else
			buf_addz(&text, "invalid-event");
		in->reason[i] = arena_copy(&errors->text, buf_slice(&text));
	}
	buf_fini(&text);
}

/* Numbers the lines; those that are no event of any kind (blank, no JSON, too long) are told of.
 * Returns the set of those that may be events; -1: the request ends here. */
static int number_lines(struct intake *in, const struct scan_batch *b, struct intake_event *event,
			uint64_t *candidates, uint64_t *bad)
{
	*candidates = *bad = 0;
	for (unsigned i = 0; i < b->lines; i++) {
		enum scan_status status = scan_status(b, i);
		uint64_t bit = (uint64_t)1 << i;

		if (status == SCAN_BLANK && in->cut.form == CUT_LINES)
			continue;
		if (in->out.events == in->conf.max_events)
			return intake_too_many(in);
		event[i].index = in->out.events++;
		if (status == SCAN_OK && b->length[i] <= in->conf.max_event_bytes &&
		    (b->start[i][0] != '\xef' || in->cut.form == CUT_LINES)) {
			*candidates |= bit;
			continue;
		}
		if (intake_explain(in, slice(b->start[i], b->length[i]), event[i].index))
			return -1;
		*bad |= bit;
	}
	return 0;
}

static int read_batch(struct intake *in, const struct scan_batch *b)
{
	struct intake_event event[SCAN_BATCH];
	unsigned errors = in->out.errors.n;
	uint64_t candidates, good, bad;

	if (number_lines(in, b, event, &candidates, &bad))
		return -1;
	good = event_judge_batch(&in->judge, in->rq->route, b, candidates, event);
	bad |= candidates & ~good;
	in->out.rejected += (uint32_t)__builtin_popcountll(bad);
	if (bad && !in->rq->lenient && !in->failed) {
		in->failed = true;
		intake_forget(in);
	}
	if (in->failed)
		return 0;
	if (bad) {
		take_reasons(in, event, bad, errors);
		take_mixed(in, b, event, good, bad);
	} else {
		take_events(in, event, good);
	}
	return 0;
}

int intake_read_lines(struct intake *in)
{
	struct slice left = in->cut.lines;
	struct scan_batch b;

	while (left.n > 0) {
		scan_lines(in->rq->route->scan, left.p, left.n, &b);
		if (read_batch(in, &b))
			return -1;
		left = slice(left.p + b.used, left.n - b.used);
	}
	return 0;
}
