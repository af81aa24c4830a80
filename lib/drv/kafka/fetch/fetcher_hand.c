/* Handing out a response: its answers one after the other, of each its batches, as many records a
 * call as there is room for. */
#include "drv/kafka/fetch/fetcher_internal.h"

#include "base/tm.h"

enum { FRESH_US = 10000000 };

/* The next answer of a partition that is ours. One that was added after the response came (ASKING)
 * has its records asked for. */
static bool open_answer(const struct conn_env *e, struct conn *c)
{
	while (c->hand == HAND_ANSWERS) {
		if (wire_response_next(&c->response, e->fetch.committed, &c->answer) <= 0) {
			c->hand = HAND_EMPTY;
			break;
		}
		c->answered = conn_part_of(c, &c->answer);
		if (c->answered && c->answered->state != FETCH_ASKING) {
			wire_records_open(&c->records, &c->answer, c->answered->next,
					  e->fetch.committed);
			c->hand = HAND_RECORDS;
		}
	}
	return c->hand == HAND_RECORDS;
}

/* Of an answer that waited for a slow reader nobody knows whether its end is still the log's:
 * the next one tells. */
static bool is_fresh_answer(const struct conn_env *e, const struct conn *c)
{
	return tm_mono_us() - c->cur_asked_at_us < e->fetch.wait_ms * 1000LL + FRESH_US;
}

static bool hand_out(struct conn_env *e, struct conn *c, struct input_record *v, size_t room,
		     struct input_batch *batch)
{
	struct fetcher_part *p;
	int64_t position;
	size_t n;

	while (open_answer(e, c)) {
		p = c->answered;
		switch (wire_records_next(&c->records, v, room, &n, &position)) {
		case WIRE_RECORDS:
			p->next = position;
			*batch = (struct input_batch){ .part = p->part,
						       .v = v,
						       .n = n,
						       .position = position,
						       .direct = true,
						       .end = position >= c->answer.end &&
							      is_fresh_answer(e, c) };
			p->end_told = batch->end ? position : p->end_told;
			return true;
		case WIRE_FALLBACK:
			conn_lose(c, p, FETCH_UNREADABLE, c->records.why);
			c->hand = HAND_ANSWERS;
			break;
		case WIRE_END:
			c->hand = HAND_ANSWERS;
			if (p->next < c->answer.end || p->end_told == p->next ||
			    !is_fresh_answer(e, c))
				break;
			p->end_told = p->next;
			*batch = (struct input_batch){ .part = p->part,
						       .position = p->next,
						       .end = true };
			return true;
		}
	}
	return false;
}

bool conn_read(struct conn_env *e, struct conn *c, struct input_record *v, size_t room,
	       struct input_batch *batch)
{
	if (c->n == 0) {
		conn_close(e, c); /* all have left */
		return false;
	}
	if (c->hand == HAND_EMPTY)
		conn_advance(e, c);
	return hand_out(e, c, v, room, batch);
}
