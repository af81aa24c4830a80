#include "read/metric_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "json/json.h"
#include "sink/rule_doc.h"

struct lookup {
	struct slice base;
	uint64_t version, best; /* at most that one; the highest so far, 0: none */
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

/* NAME and N of NAME@N; otherwise the name, and `none`. */
static struct slice split_version(struct slice name, uint64_t none, uint64_t *version)
{
	size_t at = name.n;
	uint64_t n = 0;

	while (at > 0 && name.p[at - 1] >= '0' && name.p[at - 1] <= '9' && name.n - at < 18)
		at--;
	*version = none;
	if (at == name.n || at < 2 || name.p[at - 1] != '@')
		return name;
	for (size_t i = at; i < name.n; i++)
		n = n * 10 + (uint64_t)(name.p[i] - '0');
	*version = n;
	return slice(name.p, at - 1);
}

static int look_at_metric(void *arg, const struct read_metric *m, struct err *err)
{
	struct lookup *l = arg;
	struct metric_found *out = l->out;
	uint64_t version;
	struct slice base = split_version(m->name, 1, &version);

	(void)err;
	names_add(&out->names, m->name);
	if (!slice_eq(base, l->base) || version > l->version || version < l->best)
		return 0;
	free(out->name);
	free(out->job);
	free(out->sink);
	l->best = version;
	out->found = true;
	free(out->cfg);
	free(out->def);
	out->name = copy_text(m->name);
	out->job = copy_text(m->job);
	out->sink = copy_text(m->sink);
	out->cfg = copy_text(m->cfg);
	out->def = copy_text(m->def);
	out->length_us = length_of(m->def);
	out->purged_us = m->purged_us;
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

static int add_spans(const struct read_sink *s, const char *metric, struct finality *f,
		     struct err *err)
{
	const struct rule_metric *m;
	struct rule_doc doc;
	int rc = rule_doc_parse(&doc, s->rules, err);

	m = rc ? NULL : rule_doc_metric(&doc, slice_z(metric));
	for (size_t i = 0; m && i < m->n; i++)
		finality_add_span(f, m->span[i].since_us, m->span[i].until_us, s->lateness_us);
	rule_doc_fini(&doc);
	return rc;
}

static int finality_at(const struct read_sinks *s, struct metric_found *m, int64_t since_us,
		       struct err *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, m->sink ? m->sink : "") == 0) {
			m->finality = finality_of_job(&s->v[i].pos, s->v[i].lateness_us, since_us);
			m->moved = hash_positions(&s->v[i].pos);
			return add_spans(&s->v[i], m->name, &m->finality, err);
		}
	m->finality = finality_of_job(NULL, 0, since_us);
	return 0;
}

/* Whether the sink of the metric knows the rule in that version or a higher one: its rows may be an
 * earlier one's. */
static int rule_reaches(const struct read_sinks *sinks, const struct metric_found *m,
			const struct lookup *l, bool *reaches, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < sinks->n && rc == 0; i++) {
		struct rule_doc doc;

		if (strcmp(sinks->v[i].name, m->sink ? m->sink : "") != 0)
			continue;
		rc = rule_doc_parse(&doc, sinks->v[i].rules, err);
		for (size_t k = 0; rc == 0 && k < doc.rules; k++)
			*reaches |= slice_eq(doc.rule[k].rule, l->base) &&
				    doc.rule[k].version >= l->version;
		rule_doc_fini(&doc);
	}
	return rc;
}

int metric_lookup(const struct read_store *store, const char *metric, struct metric_found *out,
		  struct err *err)
{
	struct lookup l = { .out = out };
	struct read_sinks sinks = { 0 };
	int rc;

	*out = (struct metric_found){ .finality = finality_plain() };
	l.base = split_version(slice_z(metric), UINT64_MAX, &l.version);
	rc = store->driver->metrics(store->d, look_at_metric, &l, err);
	if (rc == 0 && out->job)
		rc = store->driver->sinks(store->d, out->job, &sinks, err);
	if (rc == 0 && out->job)
		rc = finality_at(&sinks, out, l.since_us, err);
	if (rc == 0 && out->found && l.version != UINT64_MAX && l.best != l.version) {
		out->found = false;
		rc = rule_reaches(&sinks, out, &l, &out->found, err);
	}
	read_sinks_fini(&sinks);
	return rc;
}

void metric_found_fini(struct metric_found *m)
{
	free(m->name);
	free(m->job);
	free(m->sink);
	free(m->cfg);
	free(m->def);
	names_fini(&m->names);
}
