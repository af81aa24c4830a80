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
#include "sink/sink_metrics.h"

static void arg_registry(struct redis *p)
{
	p->key.n = 0;
	buf_printf(&p->key, "%smetric", p->tag);
	redis_arg(p, buf_slice(&p->key));
}

/* ---- a definition as text */

static void format(struct redis *p, const char *job, const struct sink_metric *m, struct buf *out)
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
	if (m->since_us == POS_NONE) {
		buf_addz(out, "null}");
		return;
	}
	buf_addc(out, '"');
	buf_add(out, start, tm_text(m->since_us, start));
	buf_addz(out, "\"}");
}

/* The decoded string of a member, in the arena; p NULL: null or not there. */
static struct slice redis_metric_text_of(const struct json *j, const char *key, struct arena *arena)
{
	uint32_t at = json_get(j, 0, key);
	struct buf text = { 0 };
	struct slice out = slice(NULL, 0);

	if (at && j->node[at].type == JSON_STRING && json_string(j, at, &text) == 0)
		out = text.n ? arena_copy(arena, buf_slice(&text)) : slice("", 0);
	buf_fini(&text);
	return out;
}

static int redis_parse(struct slice name, struct slice text, struct arena *arena,
		       struct stored_metric *m, struct err *err)
{
	struct json j = { 0 };
	uint32_t def, list;
	struct err why;
	int rc = 0;

	*m = (struct stored_metric){ .found = true, .listed = true, .cfg = slice("", 0) };
	if (json_parse(&j, text, &why) || !(def = json_get(&j, 0, "def"))) {
		json_fini(&j);
		return err_set(err, EX_DATAERR, "metric %.*s: its definition is damaged: %.*s",
			       (int)name.n, name.p, (int)text.n, text.p);
	}
	m->job = redis_metric_text_of(&j, "job", arena);
	m->sink = redis_metric_text_of(&j, "sink", arena);
	m->def = arena_copy(arena, j.node[def].text);
	if (json_get_text(&j, 0, "cfg", &m->cfg))
		m->cfg = arena_copy(arena, m->cfg);
	list = json_get(&j, 0, "columns");
	if (list && stored_columns_parse(m, j.node[list].text, arena, err))
		rc = err_in(err, "metric %.*s", (int)name.n, name.p);
	json_fini(&j);
	return rc;
}

/* ---- metrics of a stream */

enum sink_result redis_metrics(void *d, const struct sink_metric *m, size_t n, struct arena *arena,
			       struct stored_metric *stored, struct err *err)
{
	struct redis *p = d;
	redisReply *reply;
	enum sink_result r;

	redis_begin(p, 2 + n);
	redis_argz(p, "HMGET");
	arg_registry(p);
	for (size_t i = 0; i < n; i++)
		redis_arg(p, m[i].name);
	r = redis_run(p, &reply, err);
	for (size_t i = 0; i < n && r == SINK_OK; i++) {
		stored[i] = (struct stored_metric){ .found = false };
		if (i < reply->elements && reply->element[i]->type == REDIS_REPLY_STRING &&
		    redis_parse(m[i].name, redis_element(reply, i), arena, &stored[i], err))
			r = SINK_FATAL;
	}
	freeReplyObject(reply);
	return r;
}

static size_t count_fresh(const struct sink_metric *m, size_t n)
{
	size_t fresh = 0;

	for (size_t i = 0; i < n; i++)
		fresh += m[i].fresh;
	return fresh;
}

enum sink_result redis_metrics_add(void *d, const char *job, const struct sink_metric *m, size_t n,
				   bool check_only, struct err *err)
{
	struct redis *p = d;
	struct buf text = { 0 };
	size_t fresh = count_fresh(m, n);
	redisReply *reply;
	enum sink_result r;

	if (check_only || fresh == 0)
		return SINK_OK;
	r = redis_begin_job(p, job ? job : "", "register", 2 * fresh, err);
	if (r != SINK_OK)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!m[i].fresh)
			continue;
		text.n = 0;
		format(p, job, &m[i], &text);
		redis_arg(p, m[i].name);
		redis_arg(p, buf_slice(&text));
	}
	r = redis_run(p, &reply, err);
	if (r == SINK_OK && slice_is(redis_element(reply, 0), "taken"))
		r = SINK_APPLIED;
	freeReplyObject(reply);
	buf_fini(&text);
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
		struct arena arena = { 0 };
		struct stored_metric m;
		struct slice name = redis_element(out->all, i);

		if (redis_parse(name, redis_element(out->all, i + 1), &arena, &m, err))
			r = SINK_FATAL;
		else if (m.job.p && slice_is(m.job, job) && slice_is(m.sink, p->conf->name))
			out->v[out->n++] = name;
		arena_fini(&arena);
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

enum sink_result redis_drop(void *k, const char *job, uint64_t *rows, struct err *err)
{
	struct redis *p = k;
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
