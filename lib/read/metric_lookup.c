#include "read/metric_lookup.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "json/json.h"

struct lookup {
	const char *metric;
	int64_t since_us;
	struct metric_found *out;
};

/* A copy; NULL stays NULL. */
static char *copy_text(struct slice text)
{
	return text.p ? mem_dup(text.p, text.n) : NULL;
}

static int64_t length_of(struct slice def)
{
	struct json j = { 0 };
	struct slice every;
	int64_t us = 0;

	if (def.p && json_parse(&j, def, NULL) == 0 && json_get_text(&j, 0, "every", &every)) {
		char *text = mem_dup(every.p, every.n);

		if (num_duration(text, &us, NULL))
			us = 0;
		free(text);
	}
	json_fini(&j);
	return us;
}

static int look_at_metric(void *arg, const struct read_metric *m, struct err *err)
{
	struct lookup *l = arg;
	struct metric_found *out = l->out;

	(void)err;
	names_add(&out->names, m->name);
	if (!slice_is(m->name, l->metric))
		return 0;
	out->found = true;
	out->job = copy_text(m->job);
	out->sink = copy_text(m->sink);
	out->cfg = copy_text(m->cfg);
	out->def = copy_text(m->def);
	out->length_us = length_of(m->def);
	l->since_us = m->since_us;
	if (m->job.p)
		out->hops = hops_of_definition(m->def);
	return 0;
}

static uint64_t hash_positions(const struct positions *p)
{
	struct buf b = { 0 };
	uint64_t hash;

	for (size_t i = 0; i < p->n; i++) {
		buf_add(&b, &p->v[i].next, sizeof(p->v[i].next));
		buf_add(&b, &p->v[i].watermark_us, sizeof(p->v[i].watermark_us));
	}
	hash = hash_64(b.p, b.n);
	buf_fini(&b);
	return hash;
}

static void judge_by_sink(struct metric_found *out, const struct read_sinks *s, int64_t since_us)
{
	const char *sink = out->sink ? out->sink : "";

	out->finality = finality_of_job(NULL, 0, since_us);
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].name, sink) != 0)
			continue;
		out->finality = finality_of_job(&s->v[i].pos, s->v[i].lateness_us, since_us);
		out->moved = hash_positions(&s->v[i].pos);
		return;
	}
}

int metric_lookup(const struct read_store *store, const char *metric, struct metric_found *out,
		  struct err *err)
{
	struct lookup l = { .metric = metric, .out = out };
	struct read_sinks sinks = { 0 };
	int rc;

	*out = (struct metric_found){ .finality = finality_plain() };
	rc = store->driver->metrics(store->d, look_at_metric, &l, err);
	if (rc == 0 && out->job)
		rc = store->driver->sinks(store->d, out->job, &sinks, err);
	if (rc == 0 && out->job)
		judge_by_sink(out, &sinks, l.since_us);
	read_sinks_fini(&sinks);
	return rc;
}

void metric_found_fini(struct metric_found *m)
{
	free(m->job);
	free(m->sink);
	free(m->cfg);
	free(m->def);
	names_fini(&m->names);
}
