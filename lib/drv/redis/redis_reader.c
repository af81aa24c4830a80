/* What hta-query reads. No scripts: a user who may only read will do. Redis has no snapshot: a
 * row that comes or expires meanwhile is there or not. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/redis/redis_reader.h"

static void redis_reader_close(void *d)
{
	struct redis_reader *r = d;

	if (!r)
		return;
	redis_driver.close(r->p);
	redis_reader_disconnect(r);
	buf_fini(&r->scratch);
	buf_fini(&r->text);
	json_fini(&r->json);
	free(r);
}

static void *redis_reader_open(const struct sink_conf *conf, struct err *err)
{
	struct redis_reader *r = mem_zalloc(sizeof(*r));

	r->conf.shared = *conf;
	r->conf.shared.name = "";
	r->p = redis_driver.open(&r->conf.shared, err);
	if (r->p && redis_reader_connect(r, err) == 0)
		return r;
	redis_reader_close(r);
	return NULL;
}

void redis_reader_arg_key(struct redis *p, const char *kind, const char *metric, const char *rest)
{
	p->key.n = 0;
	buf_printf(&p->key, "%s%s:", p->tag, kind);
	redis_key_name(&p->key, slice_z(metric));
	buf_addz(&p->key, rest);
	redis_arg(p, buf_slice(&p->key));
}

size_t redis_reader_elements(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

/* ---- metrics */

struct metrics {
	struct read_metric *v;
	size_t n;
	struct arena arena;
};

static struct slice redis_reader_text_of(const struct json *j, const char *key, struct arena *a)
{
	uint32_t at = json_get(j, 0, key);
	struct buf text = { 0 };
	struct slice out = slice(NULL, 0);

	if (at && j->node[at].type == JSON_STRING && json_string(j, at, &text) == 0)
		out = text.n ? arena_copy(a, buf_slice(&text)) : slice("", 0);
	buf_fini(&text);
	return out;
}

static int take_metric(struct metrics *out, struct json *j, struct slice name, struct slice text,
		       struct err *err)
{
	struct read_metric *m = &out->v[out->n];
	struct slice since;
	uint32_t def;

	if (json_parse(j, text, err) || !(def = json_get(j, 0, "def")))
		return err_set(err, EX_DATAERR, "metric %.*s: its definition is damaged: %.*s",
			       (int)name.n, name.p, (int)text.n, text.p);
	*m = (struct read_metric){ .name = arena_copy(&out->arena, name),
				   .job = redis_reader_text_of(j, "job", &out->arena),
				   .sink = redis_reader_text_of(j, "sink", &out->arena),
				   .cfg = redis_reader_text_of(j, "cfg", &out->arena),
				   .def = arena_copy(&out->arena, j->node[def].text),
				   .since_us = POS_NONE };
	since = redis_reader_text_of(j, "since", &out->arena);
	if (since.p && tm_parse(since, &m->since_us))
		m->since_us = POS_NONE;
	out->n++;
	return 0;
}

static int redis_by_name(const void *a, const void *b)
{
	return slice_cmp(((const struct read_metric *)a)->name,
			 ((const struct read_metric *)b)->name);
}

static int find_metrics(struct redis_reader *r, struct metrics *out, struct err *err)
{
	struct json j = { 0 };
	redisReply *reply;
	int rc;

	redis_reader_begin(r, 2);
	redis_argz(r->p, "HGETALL");
	r->p->key.n = 0;
	buf_printf(&r->p->key, "%smetric", r->p->tag);
	redis_arg(r->p, buf_slice(&r->p->key));
	rc = redis_reader_answer(r, &reply, err);
	if (rc)
		return -1;
	out->v = mem_array(redis_reader_elements(reply) / 2 + 1, sizeof(*out->v));
	for (size_t i = 0; i + 1 < redis_reader_elements(reply) && rc == 0; i += 2)
		rc = take_metric(out, &j, redis_element(reply, i), redis_element(reply, i + 1),
				 err);
	qsort(out->v, out->n, sizeof(*out->v), redis_by_name);
	freeReplyObject(reply);
	json_fini(&j);
	return rc;
}

static void metrics_fini(struct metrics *m)
{
	arena_fini(&m->arena);
	free(m->v);
}

static int redis_read_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	struct metrics m = { 0 };
	int rc = find_metrics(d, &m, err);

	for (size_t i = 0; i < m.n && rc == 0; i++)
		rc = fn(arg, &m.v[i], err);
	metrics_fini(&m);
	return rc;
}

/* ---- positions: of the sinks that have metrics of the job, and of the one with the default
 *  name ---- */

static void redis_reader_take_job(const redisReply *all, struct read_sink *s)
{
	for (size_t i = 0; i + 1 < redis_reader_elements(all); i += 2) {
		struct slice field = redis_element(all, i), value = redis_element(all, i + 1);

		if (slice_is(field, "group") && value.n)
			s->group = mem_dup(value.p, value.n);
		else if (slice_is(field, "rules") && !s->rules)
			s->rules = mem_dup(value.p, value.n);
		else if (slice_is(field, "lateness_us"))
			s->lateness_us = strtoll(value.p, NULL, 10);
	}
}

static int redis_take_positions(const redisReply *all, const char *job, struct read_sink *s,
				struct err *err)
{
	for (size_t i = 0; i + 1 < redis_reader_elements(all); i += 2) {
		struct slice field = redis_element(all, i), value = redis_element(all, i + 1);

		if (!redis_position(&s->pos, field, value))
			return err_set(err, EX_DATAERR,
				       "job %s: the position of %.*s is damaged: %.*s", job,
				       (int)field.n, field.p, (int)value.n, value.p);
	}
	positions_sort(&s->pos);
	return 0;
}

/* Nothing is added where the job is not known to this sink. The two hashes are not of one moment,
 * and need not be: group and lateness go with any positions of the job. */
static int add_sink(struct redis_reader *r, const char *job, const char *name,
		    struct read_sinks *out, struct err *err)
{
	redisReply *about = NULL, *positions = NULL;
	struct redis *p = r->p;
	int rc;

	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i].name, name) == 0)
			return 0;
	r->conf.shared.name = name;
	redis_reader_begin(r, 2);
	redis_argz(p, "HGETALL");
	redis_arg_job_key(p, "job", job);
	redis_reader_also(r, 2);
	redis_argz(p, "HGETALL");
	redis_arg_job_key(p, "pos", job);
	rc = redis_reader_answer(r, &about, err) || redis_reader_answer(r, &positions, err) ? -1
											    : 0;
	if (rc == 0 && redis_reader_elements(about)) {
		struct read_sink *s = read_sinks_add(out, name);

		redis_reader_take_job(about, s);
		rc = redis_take_positions(positions, job, s, err);
	}
	freeReplyObject(about);
	freeReplyObject(positions);
	return rc;
}

static int redis_read_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	struct redis_reader *r = d;
	struct metrics m = { 0 };
	char *name = mem_printf("redis:%s", r->conf.shared.place);
	int rc = find_metrics(r, &m, err);

	if (rc == 0)
		rc = add_sink(r, job, name, out, err);
	free(name);
	for (size_t i = 0; i < m.n && rc == 0; i++) {
		if (!m.v[i].job.p || !m.v[i].sink.p || !slice_is(m.v[i].job, job))
			continue;
		name = mem_dup(m.v[i].sink.p, m.v[i].sink.n);
		rc = add_sink(r, job, name, out, err);
		free(name);
	}
	r->conf.shared.name = "";
	metrics_fini(&m);
	return rc;
}

const struct read_driver redis_reader = {
	.default_table = "hta",
	.open = redis_reader_open,
	.close = redis_reader_close,
	.metrics = redis_read_metrics,
	.sinks = redis_read_sinks,
	.newest = redis_reader_newest,
	.rows = redis_reader_rows,
	.alerts = &redis_alerts,
};
