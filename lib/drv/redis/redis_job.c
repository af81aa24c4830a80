/* What Redis keeps of a job: generation, positions, lateness. Each call is one script
 * (redis_job.lua), and so of one moment; the compare-and-set of an epoch is redis_apply.lua. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/redis/redis_internal.h"

enum sink_result redis_begin_job(struct redis *p, const char *job, const char *verb, size_t nargs,
				 struct err *err)
{
	enum sink_result r = redis_begin_script(p, REDIS_JOB, 2, 2 + nargs, err);

	if (r != SINK_OK)
		return r;
	redis_arg_job_key(p, "job", job);
	redis_arg_job_key(p, "pos", job);
	redis_argz(p, p->tag);
	redis_argz(p, verb);
	return SINK_OK;
}

static enum sink_result say_resetting(const char *job, struct err *err)
{
	err_set(err, EX_CONFIG,
		"job %s is being deleted here and that was cut short: finish it with "
		"`hta-sink-redis --reset %s`",
		job, job);
	return SINK_FATAL;
}

/* ---- positions as text */

void redis_position_field(struct buf *out, const char *topic, int32_t partition)
{
	buf_printf(out, "%s/%" PRId32, topic, partition);
}

static struct slice word(struct slice *rest)
{
	const char *space = memchr(rest->p, ' ', rest->n);
	struct slice w = slice(rest->p, space ? (size_t)(space - rest->p) : rest->n);

	*rest = slice(rest->p + w.n + (space != NULL), rest->n - w.n - (space != NULL));
	return w;
}

/* A number, or where it is "-" none. */
static bool take_int(struct slice *rest, int64_t none, int64_t *out)
{
	struct slice w = word(rest);
	char text[24], *end;

	*out = none;
	if (slice_is(w, "-"))
		return true;
	if (w.n == 0 || w.n >= sizeof(text))
		return false;
	memcpy(text, w.p, w.n);
	text[w.n] = 0;
	*out = strtoll(text, &end, 10);
	return !*end;
}

bool redis_position(struct positions *out, struct slice field, struct slice value)
{
	const char *slash = memrchr(field.p, '/', field.n);
	struct slice part = slash ? slice(slash + 1, field.n - (size_t)(slash + 1 - field.p))
				  : slice("", 0),
		     hash;
	struct position *x, got = { 0 };
	int64_t partition, idle;
	uint8_t bytes[8];

	if (!slash || !take_int(&part, -1, &partition) || !take_int(&value, -1, &got.init) ||
	    !take_int(&value, -1, &got.next) || !take_int(&value, -1, &got.last.offset) ||
	    !take_int(&value, POS_NONE, &got.last.time_us))
		return false;
	hash = word(&value);
	if (!slice_is(hash, "-") && str_unhex(hash, bytes, sizeof(bytes)))
		return false;
	for (size_t i = 0; !slice_is(hash, "-") && i < sizeof(bytes); i++)
		got.last.hash = got.last.hash << 8 | bytes[i];
	if (!take_int(&value, POS_NONE, &got.watermark_us) || !take_int(&value, 0, &idle))
		return false;
	x = positions_add(out, slice(field.p, (size_t)(slash - field.p)), (int32_t)partition);
	x->init = got.init;
	x->next = got.next;
	x->last = got.last;
	x->watermark_us = got.watermark_us;
	x->idle = idle;
	return true;
}

/* ---- load */

/* A claim of a sink whose rows are elsewhere is a field of the job: this and its id. */
static const char claim_field[] = "claim:";

static void take_job(const redisReply *all, struct keeper_doc *doc, bool *resetting)
{
	for (size_t i = 0; all && i + 1 < all->elements; i += 2) {
		struct slice field = redis_element(all, i), value = redis_element(all, i + 1);

		if (slice_is(field, "generation"))
			snprintf(doc->gen, sizeof(doc->gen), "%.*s", (int)value.n, value.p);
		else if (slice_is(field, "by_now"))
			doc->by_now = slice_is(value, "1");
		else if (slice_is(field, "resetting"))
			*resetting = true;
		else if (slice_is(field, "rule_set"))
			snprintf(doc->set, sizeof(doc->set), "%.*s", (int)value.n, value.p);
		else if (field.n > strlen(claim_field) &&
			 memcmp(field.p, claim_field, strlen(claim_field)) == 0)
			keeper_doc_claim(
				doc,
				slice(field.p + strlen(claim_field), field.n - strlen(claim_field)),
				value);
		else if (slice_is(field, "rules") && !doc->rules)
			doc->rules = mem_dup(value.p, value.n);
		else if (slice_is(field, "group") && !doc->group)
			doc->group = mem_dup(value.p, value.n);
	}
}

static enum sink_result take_positions(const redisReply *pos, const char *job,
				       struct positions *out, struct err *err)
{
	for (size_t i = 0; pos && i + 1 < pos->elements; i += 2) {
		struct slice field = redis_element(pos, i), value = redis_element(pos, i + 1);

		if (redis_position(out, field, value))
			continue;
		err_set(err, EX_DATAERR, "job %s: the position of %.*s is damaged: %.*s", job,
			(int)field.n, field.p, (int)value.n, value.p);
		return SINK_FATAL;
	}
	positions_sort(out);
	return SINK_OK;
}

enum sink_result redis_load(void *k, const char *job, struct keeper_doc *doc, struct err *err)
{
	struct redis *p = k;
	redisReply *reply;
	bool resetting = false;
	enum sink_result r = redis_begin_job(p, job, "state", 0, err);

	if (r != SINK_OK || (r = redis_run(p, &reply, err)) != SINK_OK)
		return r;
	take_job(reply->elements > 0 ? reply->element[0] : NULL, doc, &resetting);
	r = take_positions(reply->elements > 1 ? reply->element[1] : NULL, job, &doc->pos, err);
	freeReplyObject(reply);
	if (r == SINK_OK && resetting)
		return say_resetting(job, err);
	if (r == SINK_OK && !doc->gen[0])
		keeper_doc_fini(doc);
	return r;
}

/* ---- init */

static enum sink_result init_answer(const redisReply *reply, const char *job,
				    const struct ctl_init *init, struct err *err)
{
	struct slice answer = redis_element(reply, 0);

	if (slice_is(answer, "ok"))
		return SINK_OK;
	if (slice_is(answer, "applied"))
		return SINK_APPLIED;
	if (slice_is(answer, "resetting"))
		return say_resetting(job, err);
	return sink_error_generation(job, redis_element(reply, 1).p, init->gen, err);
}

enum sink_result redis_init(void *k, const char *job, const char *group,
			    const struct ctl_init *init, struct err *err)
{
	struct redis *p = k;
	redisReply *reply;
	enum sink_result r = redis_may_write(p, err);

	if (r == SINK_OK)
		r = redis_begin_job(p, job, "init", 4 + 2 * init->start.n, err);
	if (r != SINK_OK)
		return r;
	redis_argz(p, init->gen);
	redis_argz(p, group ? group : "");
	redis_argz(p, init->by_now ? "1" : "0");
	redis_argz(p, init->act == CTL_NEW ? "0" : "1");
	for (size_t i = 0; i < init->start.n; i++) {
		p->key.n = 0;
		redis_position_field(&p->key, init->start.v[i].topic, init->start.v[i].partition);
		redis_arg(p, buf_slice(&p->key));
		redis_argi(p, init->start.v[i].from);
	}
	r = redis_run(p, &reply, err);
	if (r == SINK_OK)
		r = init_answer(reply, job, init, err);
	freeReplyObject(reply);
	return r;
}

static void arg_found_positions(struct redis *p, const struct keeper_doc *found)
{
	for (size_t i = 0; i < found->pos.n; i++) {
		p->key.n = 0;
		redis_position_field(&p->key, found->pos.v[i].topic, found->pos.v[i].partition);
		redis_arg(p, buf_slice(&p->key));
		redis_argi(p, found->pos.v[i].next);
	}
}

/* The spans are in the document. */
static enum sink_result begin_change_rules(struct redis *p, const char *job,
					   const struct keeper_change *c, struct err *err)
{
	const struct keeper_doc *found = c->found;
	enum sink_result r = redis_begin_job(p, job, "change", 4 + 2 * found->pos.n, err);

	if (r != SINK_OK)
		return r;
	redis_argz(p, found->gen);
	redis_argz(p, found->rules ? found->rules : "");
	redis_argz(p, c->set);
	redis_argz(p, c->rules);
	arg_found_positions(p, found);
	return SINK_OK;
}

static enum sink_result begin_change_claims(struct redis *p, const char *job,
					    const struct keeper_change *c, struct err *err)
{
	const struct keeper_doc *found = c->found;
	enum sink_result r = redis_begin_job(p, job, "claim",
					     6 + found->claims + c->drops + 2 * found->pos.n, err);

	if (r != SINK_OK)
		return r;
	redis_argz(p, found->gen);
	redis_argz(p, found->rules ? found->rules : "");
	redis_argi(p, (int64_t)found->claims);
	for (size_t i = 0; i < found->claims; i++)
		redis_argz(p, found->claim[i].id);
	redis_argz(p, c->claim ? c->claim : "");
	redis_argz(p, c->claim ? c->claim_doc : "");
	redis_argi(p, (int64_t)c->drops);
	for (size_t i = 0; i < c->drops; i++)
		redis_argz(p, c->drop[i]);
	arg_found_positions(p, found);
	return SINK_OK;
}

enum sink_result redis_change(void *k, const char *job, const struct keeper_change *c,
			      struct err *err)
{
	struct redis *p = k;
	redisReply *reply;
	enum sink_result r = redis_may_write(p, err);

	if (r == SINK_OK)
		r = c->rules ? begin_change_rules(p, job, c, err)
			     : begin_change_claims(p, job, c, err);
	if (r != SINK_OK)
		return r;
	r = redis_run(p, &reply, err);
	if (r == SINK_OK && !slice_is(redis_element(reply, 0), "ok"))
		r = SINK_CONFLICT;
	freeReplyObject(reply);
	return r;
}

enum sink_result redis_lateness(void *k, const char *job, int64_t us, struct err *err)
{
	struct redis *p = k;
	redisReply *reply;
	enum sink_result r = redis_begin_job(p, job, "lateness", 1, err);

	if (r != SINK_OK)
		return r;
	redis_argi(p, us);
	r = redis_run(p, &reply, err);
	freeReplyObject(reply);
	return r;
}
