/* What is kept of one partition, as a text: the state of a sink that a probe has, with this one
 * position. Commits of a group and records of the topic of positions both carry it. */
#include <string.h>

#include "base/mem.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

void kafka_state_write(const struct kafka_sink *d, const char *gen, bool by_now,
		       const struct position *p, struct buf *out)
{
	struct position one = *p;
	struct ctl_sink_state state = { .name = (char *)(uintptr_t)d->conf->sink.name,
					.by_now = by_now,
					.pos = { .v = &one, .n = 1 } };

	memcpy(state.gen, gen, sizeof(state.gen));
	ctl_sink_state_write(&state, out);
}

bool kafka_state_take(const struct ctl_sink_state *state, struct slice topic, int32_t partition,
		      int64_t next, struct keeper_doc *doc)
{
	const struct position *from = &state->pos.v[0];
	struct position *p;

	if (doc->gen[0] && strcmp(doc->gen, state->gen) != 0)
		return false;
	memcpy(doc->gen, state->gen, sizeof(doc->gen));
	doc->by_now = state->by_now;
	p = positions_find(&doc->pos, topic, partition);
	if (!p)
		p = positions_add(&doc->pos, topic, partition);
	p->init = from->init;
	p->last = from->last;
	p->watermark_us = from->watermark_us;
	p->idle = from->idle;
	p->next = next;
	return true;
}

struct position kafka_state_first(const struct range *r)
{
	return (struct position){ .topic = r->topic,
				  .partition = r->partition,
				  .init = r->from,
				  .next = r->from,
				  .last.offset = -1,
				  .last.time_us = POS_NONE,
				  .watermark_us = POS_NONE };
}

void kafka_state_move(struct position *p, const struct range *r)
{
	if (r->to == r->from && p->next != r->to)
		return;
	p->next = r->to;
	p->idle = r->idle;
	if (r->last.offset >= 0)
		p->last = r->last;
	if (r->watermark_us > p->watermark_us)
		p->watermark_us = r->watermark_us;
}

enum sink_result kafka_state_judge_init(const struct kafka_sink *d, const struct ctl_init *init,
					const struct keeper_doc *doc, struct err *err)
{
	if (init->act == CTL_NEW ? strcmp(doc->gen, init->gen) == 0 : !doc->gen[0])
		return SINK_OK;
	if (init->act != CTL_NEW && strcmp(doc->gen, init->gen) == 0)
		return SINK_APPLIED;
	err_set(err, EX_TEMPFAIL, "job %s has %s%s here, not %s: start again", d->job,
		doc->gen[0] ? "generation " : "no generation", doc->gen, init->gen);
	return SINK_CONFLICT;
}
