/* The registry of metrics, and --reset, which goes by it. A metric's definition is a JSON object
 * in one field of one hash:
 * {"job":"web"|null,"sink":"redis:hta"|null,"cfg":"<16
 * hex>","def":{..},"columns":[..],"since":"2026-01-01T00:00:00Z"|null}, columns
 * only where rows have some. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/redis/redis_internal.h"
#include "json/json.h"

static void arg_registry(struct redis *p)
{
	p->key.n = 0;
	buf_printf(&p->key, "%smetric", p->tag);
	redis_arg(p, buf_slice(&p->key));
}

/* ---- a definition as text */

struct definition {
	struct json json;
	struct buf job, sink;
	struct stored_metric m;
	struct column column[COLUMNS_MAX];
	size_t columns;
};

static void definition_fini(struct definition *d)
{
	json_fini(&d->json);
	buf_fini(&d->job);
	buf_fini(&d->sink);
}

static void format(struct redis *p, const char *job, const struct sink_metric *m,
		   int64_t watermark_us, struct buf *out)
{
	char start[TM_TEXT_BYTES];

	buf_addz(out, "{\"job\":");
	if (job) {
		json_quote_z(out, job);
		buf_addz(out, ",\"sink\":");
		json_quote_z(out, p->conf->name);
	} else {
		buf_addz(out, "null,\"sink\":null");
	}
	buf_addz(out, ",\"cfg\":");
	json_quote(out, m->cfg);
	buf_addz(out, ",\"def\":");
	buf_adds(out, m->def);
	if (m->columns) {
		buf_addz(out, ",\"columns\":");
		columns_format(m->column, m->columns, out);
	}
	buf_addz(out, ",\"since\":");
	if (watermark_us == POS_NONE) {
		buf_addz(out, "null}");
		return;
	}
	buf_addc(out, '"');
	buf_add(out, start, tm_text(since_after(watermark_us, m->every_us), start));
	buf_addz(out, "\"}");
}

/* The decoded string of a member; p NULL: null or not there. */
static struct slice redis_metric_text_of(const struct json *j, const char *key, struct buf *out)
{
	uint32_t at = json_get(j, 0, key);

	out->n = 0;
	if (!at || j->node[at].type != JSON_STRING || json_string(j, at, out))
		return slice(NULL, 0);
	return slice(out->p ? out->p : "", out->n);
}

static int redis_parse(struct definition *d, struct slice name, struct slice text, struct err *err)
{
	struct err why;
	uint32_t def, list;

	if (json_parse(&d->json, text, &why) || !(def = json_get(&d->json, 0, "def")))
		return err_set(err, EX_DATAERR, "metric %.*s: its definition is damaged: %.*s",
			       (int)name.n, name.p, (int)text.n, text.p);
	d->m = (struct stored_metric){ .job = redis_metric_text_of(&d->json, "job", &d->job),
				       .cfg = slice("", 0),
				       .def = d->json.node[def].text };
	json_get_text(&d->json, 0, "cfg", &d->m.cfg);
	d->m.sink = redis_metric_text_of(&d->json, "sink", &d->sink);
	d->columns = 0;
	list = json_get(&d->json, 0, "columns");
	if (list && columns_parse(&d->json, list, d->column, &d->columns, err)) {
		err_in(err, "metric %.*s", (int)name.n, name.p);
		return -1;
	}
	return 0;
}

/* ---- metrics of a stream */

static enum sink_result redis_check(struct redis *p, const char *job, const struct sink_metric *m,
				    struct slice text, struct err *err)
{
	struct definition d = { 0 };
	bool bad = redis_parse(&d, m->name, text, err) ||
		   sink_error_metric(p->conf, p->conf->table, job, m, &d.m, err) ||
		   sink_error_columns(p->conf->table, m, d.column, d.columns, err);

	definition_fini(&d);
	return bad ? SINK_FATAL : SINK_OK;
}

/* Checks what is there; which[i]: it is not. */
static enum sink_result redis_look_up(struct redis *p, const char *job, const struct sink_metric *m,
				      size_t n, bool *missing, struct err *err)
{
	redisReply *reply;
	enum sink_result r;

	redis_begin(p, 2 + n);
	redis_argz(p, "HMGET");
	arg_registry(p);
	for (size_t i = 0; i < n; i++)
		redis_arg(p, m[i].name);
	r = redis_run(p, &reply, err);
	for (size_t i = 0; i < n && r == SINK_OK; i++) {
		missing[i] = i >= reply->elements || reply->element[i]->type != REDIS_REPLY_STRING;
		if (!missing[i])
			r = redis_check(p, job, &m[i], redis_element(reply, i), err);
	}
	freeReplyObject(reply);
	return r;
}

static enum sink_result redis_add(struct redis *p, const char *job, const struct sink_metric *m,
				  int64_t watermark_us, struct err *err)
{
	struct buf text = { 0 };
	redisReply *reply;
	enum sink_result r;

	format(p, job, m, watermark_us, &text);
	redis_begin(p, 4);
	redis_argz(p, "HSETNX");
	arg_registry(p);
	redis_arg(p, m->name);
	redis_arg(p, buf_slice(&text));
	r = redis_run(p, &reply, err);
	freeReplyObject(reply);
	buf_fini(&text);
	return r;
}

/* Checks all before it registers one; looks again afterwards, another pipeline may have come
 * first. */
static enum sink_result register_all(struct redis *p, const char *job, const struct sink_metric *m,
				     size_t n, bool look_only, struct err *err)
{
	bool *missing = mem_array(n, sizeof(*missing)), some = false;
	int64_t watermark_us = POS_NONE;
	enum sink_result r = job ? redis_watermark(p, job, &watermark_us, err) : SINK_OK;

	if (r == SINK_OK)
		r = redis_look_up(p, job, m, n, missing, err);
	for (size_t i = 0; i < n && r == SINK_OK; i++) {
		if (!missing[i] || look_only)
			continue;
		some = true;
		r = redis_add(p, job, &m[i], watermark_us, err);
	}
	if (some && r == SINK_OK)
		r = redis_look_up(p, job, m, n, missing, err);
	free(missing);
	return r;
}

enum sink_result redis_metrics(void *d, const char *job, const struct sink_metric *m, size_t n,
			       int64_t lateness_us, bool look_only, struct err *err)
{
	struct redis *p = d;
	enum sink_result r = n ? register_all(p, job, m, n, look_only, err) : SINK_OK;
	redisReply *reply;

	if (r != SINK_OK || !job || look_only)
		return r;
	r = redis_begin_job(p, job, "lateness", 1, err);
	if (r != SINK_OK)
		return r;
	redis_argi(p, lateness_us);
	r = redis_run(p, &reply, err);
	freeReplyObject(reply);
	return r;
}

/* ---- reset */

/* Names of the job's metrics. */
struct names {
	struct slice *v;
	size_t n;
	redisReply *all;
};

static enum sink_result metrics_of(struct redis *p, const char *job, struct names *out,
				   struct err *err)
{
	enum sink_result r;

	redis_begin(p, 2);
	redis_argz(p, "HGETALL");
	arg_registry(p);
	r = redis_run(p, &out->all, err);
	if (r != SINK_OK)
		return r;
	out->v = mem_array(out->all->elements, sizeof(*out->v));
	for (size_t i = 0; i + 1 < out->all->elements && r == SINK_OK; i += 2) {
		struct definition d = { 0 };
		struct slice name = redis_element(out->all, i);

		if (redis_parse(&d, name, redis_element(out->all, i + 1), err))
			r = SINK_FATAL;
		else if (d.m.job.p && slice_is(d.m.job, job) &&
			 slice_is(buf_slice(&d.sink), p->conf->name))
			out->v[out->n++] = name;
		definition_fini(&d);
	}
	return r;
}

static void arg_encoded(struct redis *p, struct slice name)
{
	p->key.n = 0;
	redis_key_name(&p->key, name);
	redis_arg(p, buf_slice(&p->key));
}

/* In pieces, so that no other client waits long. */
static enum sink_result clear(struct redis *p, const char *job, struct slice name, uint64_t *rows,
			      struct err *err)
{
	for (;;) {
		enum sink_result r = redis_begin_job(p, job, "clear", 1, err);
		redisReply *reply;
		bool more;

		if (r != SINK_OK)
			return r;
		arg_encoded(p, name);
		r = redis_run(p, &reply, err);
		if (r != SINK_OK)
			return r;
		*rows += reply->elements > 0 ? (uint64_t)reply->element[0]->integer : 0;
		more = reply->elements > 1 && reply->element[1]->integer;
		freeReplyObject(reply);
		if (!more)
			return SINK_OK;
	}
}

static enum sink_result redis_metric_mark(struct redis *p, const char *job, struct err *err)
{
	enum sink_result r = redis_begin_job(p, job, "mark", 0, err);
	redisReply *reply;

	if (r == SINK_OK && (r = redis_run(p, &reply, err)) == SINK_OK)
		freeReplyObject(reply);
	return r;
}

static enum sink_result redis_finish(struct redis *p, const char *job, const struct names *names,
				     struct err *err)
{
	enum sink_result r = redis_begin_job(p, job, "finish", 2 * names->n, err);
	redisReply *reply;

	if (r != SINK_OK)
		return r;
	for (size_t i = 0; i < names->n; i++) {
		redis_arg(p, names->v[i]);
		arg_encoded(p, names->v[i]);
	}
	r = redis_run(p, &reply, err);
	freeReplyObject(reply);
	return r;
}

enum sink_result redis_reset(void *d, const char *job, uint64_t *rows, struct err *err)
{
	struct redis *p = d;
	struct names names = { 0 };
	enum sink_result r = redis_may_write(p, err);

	if (r == SINK_OK)
		r = redis_metric_mark(p, job, err);
	if (r == SINK_OK)
		r = metrics_of(p, job, &names, err);
	for (size_t i = 0; i < names.n && r == SINK_OK; i++)
		r = clear(p, job, names.v[i], rows, err);
	if (r == SINK_OK)
		r = redis_finish(p, job, &names, err);
	freeReplyObject(names.all);
	free(names.v);
	return r;
}
