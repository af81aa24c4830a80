/* All that comes before the first survey. The stream has the hello (job/stream.h); here is what a
 * source adds to it: the log is opened while the hello is under way, so that the stages below start
 * meanwhile (but one whose records are rows, which the hello describes, before that); who takes
 * records that are too long is settled when it is back; and files get their names from what the
 * sinks know. */
#include "source/consume_internal.h"
#include "tool/prog.h"

static int settle_dead(struct consume *s, struct err *err)
{
	struct dead_route *dead = &s->writer.dead;

	if (dead->to == DEAD_TOLD && job_stream_stores_dead(s->stream))
		dead->to = DEAD_IN_BAND;
	if (dead->to == DEAD_TOLD)
		return err_set(
			err, EX_USAGE,
			"%s would have nowhere to go: no sink of this pipeline stores them; say %s "
			"--dead FILE (or --dead drop), or put hta-sink-pg or hta-sink-sqlite into "
			"it",
			s->c->beside ? "events that are rejected leniently"
				     : "records longer than --max-line",
			prog_common()->name);
	return 0;
}

static int open_log(struct consume *s, struct err *err)
{
	const struct consume_beside *b = s->c->beside;

	if (b && b->open(s->c->beside_self, s->emitter, err))
		return -1;
	s->beside_open = b != NULL;
	return s->log->ops->open(s->log->self, emitter_loop(s->emitter), err);
}

static int send_hello(struct consume *s, struct err *err)
{
	const struct input_ops *ops = s->log->ops;
	struct buf members = { 0 };
	int rc = ops->members ? open_log(s, err) || ops->members(s->log->self, &members, err) : 0;

	if (rc == 0)
		rc = job_stream_hello(s->stream, buf_z(&members), err);
	if (rc == 0 && !ops->members)
		rc = open_log(s, err);
	buf_fini(&members);
	return rc ? -1 : 0;
}

int consume_handshake(struct consume *s, struct err *err)
{
	if (dead_route_open(&s->writer.dead, &s->c->dead, err) || send_hello(s, err) ||
	    job_stream_await_hello(s->stream, err))
		return -1;
	s->writer.exact_times = job_stream_wants_times(s->stream);
	return settle_dead(s, err);
}

/* One entry for all sinks. */
static void join_position(struct positions *held, const struct position *p)
{
	size_t n = held->n;
	struct position *at = positions_add(held, slice_z(p->topic), p->partition);
	bool first = held->n > n;

	at->idle = p->idle && (first || at->idle);
	if (first || p->next > at->next)
		at->next = p->next;
	if (first || p->watermark_us > at->watermark_us)
		at->watermark_us = p->watermark_us;
}

int consume_learn_names(struct consume *s, struct err *err)
{
	struct positions held = { 0 };
	int rc;

	if (!s->log->ops->known)
		return 0;
	rc = consume_probe(s, err);
	for (size_t k = 0; k < s->survey.n_sinks; k++)
		for (size_t i = 0; i < s->survey.sinks[k].pos.n; i++)
			join_position(&held, &s->survey.sinks[k].pos.v[i]);
	if (rc == 0)
		rc = s->log->ops->known(s->log->self, &held, err);
	positions_fini(&held);
	return rc;
}
