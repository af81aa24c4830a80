/* One request, from its body to its result; intake_batch.c has the events. */
#include "intake/intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "intake/intake_internal.h"

struct intake *intake_new(const struct intake_conf *conf)
{
	struct intake *in = mem_zalloc(sizeof(*in));

	in->conf = *conf;
	in->judge.when = conf->when;
	in->judge.max_ahead_us = conf->max_ahead_us;
	in->judge.engine = conf->engine;
	in->judge.errors = &in->out.errors;
	return in;
}

void intake_free(struct intake *in)
{
	if (!in)
		return;
	cut_fini(&in->cut);
	event_judge_fini(&in->judge);
	stamps_fini(&in->stamps);
	buf_fini(&in->lines);
	intake_errors_fini(&in->out.errors);
	buf_fini(&in->out.event_id);
	buf_fini(&in->out.topic);
	free(in);
}

/* ---- the request */

void intake_forget(struct intake *in)
{
	seen_undo(in->conf.seen, in->added);
	in->added = 0;
	in->lines.n = 0;
	in->out.n_lines = 0;
	in->out.n_topics = 0;
	in->out.fresh = in->out.duplicates = in->out.conflicting = 0;
	in->out.waits = false;
}

/* Events that are valid, at most. */
static size_t most_events(const struct intake *in)
{
	size_t most = in->cut.form == CUT_LINES ? in->cut.lines.n / 3 : in->cut.pieces;

	return most > in->conf.max_events ? in->conf.max_events : most + 1;
}

static void begin(struct intake *in, const struct intake_request *rq)
{
	struct intake_result *out = &in->out;
	const struct intake_conf *c = &in->conf;

	in->rq = rq;
	in->failed = in->requested = false;
	in->added = 0;
	in->lines.n = 0;
	in->request = (struct seen_entry){ 0 };
	in->judge.now_us = rq->now_us;
	arena_reset(&in->judge.text);
	intake_errors_reset(&out->errors);
	out->status = INTAKE_OK;
	out->detail[0] = '\0';
	out->events = out->fresh = out->duplicates = out->rejected = out->conflicting = 0;
	out->replayed = out->waits = false;
	out->n_lines = out->n_topics = 0;
	out->event_id.n = out->topic.n = 0;
	stamps_begin(&in->stamps, rq->route, rq->now_us);
	memcpy(out->received_at, in->stamps.now, sizeof(out->received_at));
	cut_body(&in->cut, rq->body, rq->lines ? CUT_LINES : rq->route->conf.forms, c->max_events,
		 c->engine);
	out->form = in->cut.form;
	seen_begin(c->seen, rq->now_us, 1 + most_events(in)); /* one more: the request's own */
}

/* Whether the key came with this body, another one, or for the first time. */
static int begin_idempotent(struct intake *in)
{
	const struct intake_request *rq = in->rq;
	const struct seen_entry *was;

	if (!rq->idempotency_key.n)
		return 0;
	in->request = idempotency_entry(rq->key_id, rq->idempotency_key, rq->body, rq->ticket);
	was = seen_find(in->conf.seen, in->request.key);
	if (!was)
		return 0;
	if (was->check != in->request.check)
		return intake_fail(in, INTAKE_MISMATCH,
				   "this Idempotency-Key came with another body before");
	in->out.replayed = true;
	in->requested = true;
	return 0;
}

static void end(struct intake *in)
{
	struct intake_result *out = &in->out;

	if (out->status == INTAKE_OK && out->events == 0)
		intake_fail(in, INTAKE_EMPTY, "there is no event in the body");
	if (out->status == INTAKE_OK && in->failed)
		intake_fail(in, INTAKE_INVALID,
			    "%u of %u events %s not valid; nothing was accepted", out->rejected,
			    out->events, out->rejected == 1 ? "is" : "are");
	if (out->status != INTAKE_OK)
		intake_forget(in);
	/* of a body that is refused as a whole nothing is told of single events */
	if (out->status != INTAKE_OK && out->status != INTAKE_INVALID) {
		out->events = out->rejected = 0;
		intake_errors_reset(&out->errors);
	}
	if (in->added && in->requested && !out->replayed) {
		seen_add(in->conf.seen, &in->request);
		in->added++;
	}
	out->lines = buf_slice(&in->lines);
	arena_reset(&in->judge.text);
}

const struct intake_result *intake_read(struct intake *in, const struct intake_request *rq)
{
	begin(in, rq);
	if (in->cut.too_many)
		intake_too_many(in);
	else if (begin_idempotent(in) == 0 && intake_read_lines(in) == 0 &&
		 in->cut.fault != CUT_NO_FAULT)
		intake_fault(in);
	end(in);
	return &in->out;
}

void intake_undo(struct intake *in)
{
	seen_undo(in->conf.seen, in->added);
	in->added = 0;
}
