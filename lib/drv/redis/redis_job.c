/* What Redis keeps of a job: generation, positions, metrics. */
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

/* ---- state */

struct stored_job {
	char gen[CTL_INC_CHARS + 1];
	char *group;
	bool by_now, resetting;
	struct positions pos;
};

static void stored_job_fini(struct stored_job *j)
{
	free(j->group);
	positions_fini(&j->pos);
}

static void redis_job_take_job(const redisReply *all, struct stored_job *out)
{
	for (size_t i = 0; all && i + 1 < all->elements; i += 2) {
		struct slice field = redis_element(all, i), value = redis_element(all, i + 1);

		if (slice_is(field, "generation"))
			snprintf(out->gen, sizeof(out->gen), "%.*s", (int)value.n, value.p);
		else if (slice_is(field, "by_now"))
			out->by_now = slice_is(value, "1");
		else if (slice_is(field, "resetting"))
			out->resetting = true;
		else if (slice_is(field, "group") && !out->group)
			out->group = mem_dup(value.p, value.n);
	}
}

/* Generation and positions of one moment. */
static enum sink_result read_job(struct redis *p, const char *job, struct stored_job *out,
				 struct err *err)
{
	redisReply *reply;
	const redisReply *pos;
	enum sink_result r = redis_begin_job(p, job, "state", 0, err);

	if (r != SINK_OK || (r = redis_run(p, &reply, err)) != SINK_OK)
		return r;
	redis_job_take_job(reply->elements > 0 ? reply->element[0] : NULL, out);
	pos = reply->elements > 1 ? reply->element[1] : NULL;
	for (size_t i = 0; pos && i + 1 < pos->elements && r == SINK_OK; i += 2) {
		struct slice field = redis_element(pos, i), value = redis_element(pos, i + 1);

		if (redis_position(&out->pos, field, value))
			continue;
		err_set(err, EX_DATAERR, "job %s: the position of %.*s is damaged: %.*s", job,
			(int)field.n, field.p, (int)value.n, value.p);
		r = SINK_FATAL;
	}
	freeReplyObject(reply);
	positions_sort(&out->pos);
	return r == SINK_OK && out->resetting ? say_resetting(job, err) : r;
}

enum sink_result redis_state(void *d, const char *job, const char *group,
			     struct ctl_sink_state *out, struct err *err)
{
	struct stored_job j = { .gen = "" };
	enum sink_result r = read_job(d, job, &j, err);

	if (r == SINK_OK && j.gen[0] && strcmp(j.group ? j.group : "", group ? group : "") != 0) {
		sink_error_group(job, j.group ? j.group : "", group, err);
		r = SINK_FATAL;
	}
	if (r == SINK_OK) {
		memcpy(out->gen, j.gen, sizeof(out->gen));
		out->by_now = j.by_now;
		if (j.gen[0]) {
			out->pos = j.pos;
			j.pos = (struct positions){ 0 };
		}
	}
	stored_job_fini(&j);
	return r;
}

enum sink_result redis_watermark(struct redis *p, const char *job, int64_t *us, struct err *err)
{
	struct stored_job j = { .gen = "" };
	enum sink_result r = read_job(p, job, &j, err);

	*us = POS_NONE;
	for (size_t i = 0; i < j.pos.n; i++)
		if (j.pos.v[i].watermark_us > *us)
			*us = j.pos.v[i].watermark_us;
	stored_job_fini(&j);
	return r;
}

/* ---- init */

static enum sink_result init_answer(const redisReply *reply, const char *job,
				    const struct ctl_init *init, struct err *err)
{
	struct slice word_ = redis_element(reply, 0), gen = redis_element(reply, 1);

	if (slice_is(word_, "ok"))
		return SINK_OK;
	if (slice_is(word_, "applied"))
		return SINK_APPLIED;
	if (slice_is(word_, "resetting"))
		return say_resetting(job, err);
	err_set(err, EX_TEMPFAIL,
		"job %s has %s%.*s here, not %s: another pipeline has started it; start again", job,
		gen.n ? "generation " : "no generation", (int)gen.n, gen.p, init->gen);
	return SINK_CONFLICT;
}

enum sink_result redis_init(void *d, const char *job, const char *group,
			    const struct ctl_init *init, struct err *err)
{
	struct redis *p = d;
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
