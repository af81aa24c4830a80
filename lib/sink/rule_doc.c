/* The document is small: a rule has some 100 bytes, and each change that begins or ends a span
 * notes the positions of all partitions once, whatever the number of its metrics. Positions that
 * no span names any more do not exist, since spans are never dropped. */
#include "sink/rule_doc.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"

void rule_doc_fini(struct rule_doc *d)
{
	for (size_t i = 0; i < d->metrics; i++)
		free(d->metric[i].span);
	free(d->rule);
	free(d->metric);
	free(d->positions);
	arena_fini(&d->arena);
	*d = (struct rule_doc){ 0 };
}

/* ---- text to document */

static struct slice kept_text(struct rule_doc *d, const struct json *j, uint32_t at,
			      const char *key)
{
	uint32_t node = json_get(j, at, key);
	struct buf text = { 0 };
	struct slice out = slice("", 0);

	if (node && j->node[node].type == JSON_STRING && json_string(j, node, &text) == 0 && text.n)
		out = arena_copy(&d->arena, buf_slice(&text));
	buf_fini(&text);
	return out;
}

static void parse_rule(struct rule_doc *d, const struct json *j, uint32_t at)
{
	struct slice state = kept_text(d, j, at, "state");
	struct rule_stored *r;
	int64_t version = 0;

	d->rule = mem_grow(d->rule, d->rules + 1, sizeof(*d->rule));
	r = &d->rule[d->rules++];
	json_get_i64(j, at, "version", &version);
	*r = (struct rule_stored){ .rule = kept_text(d, j, at, "rule"),
				   .cfg = kept_text(d, j, at, "cfg"),
				   .rows = kept_text(d, j, at, "rows"),
				   .version = (uint64_t)version,
				   .state = CTL_RULE_RETIRED };
	for (unsigned i = 0; i < CTL_RULE_RETIRED; i++)
		if (slice_is(state, ctl_rule_states[i]))
			r->state = (enum ctl_rule_state)i;
}

static struct rule_metric *add_metric(struct rule_doc *d, struct slice name)
{
	d->metric = mem_grow(d->metric, d->metrics + 1, sizeof(*d->metric));
	d->metric[d->metrics] = (struct rule_metric){ .name = name };
	return &d->metric[d->metrics++];
}

static struct rule_span *add_span(struct rule_metric *m)
{
	m->span = mem_grow(m->span, m->n + 1, sizeof(*m->span));
	m->span[m->n] = (struct rule_span){ .since_us = POS_NONE, .until_us = POS_NONE };
	return &m->span[m->n++];
}

static void parse_metric(struct rule_doc *d, const struct json *j, uint32_t at)
{
	struct rule_metric *m = add_metric(d, kept_text(d, j, at, "name"));
	uint32_t list = json_get(j, at, "spans");

	for (uint32_t i = list ? json_first(j, list) : 0; list && i < j->node[list].next;
	     i = j->node[i].next) {
		struct rule_span *s = add_span(m);
		int64_t from = 0, to = 0;

		json_get_i64(j, i, "from", &from);
		json_get_i64(j, i, "to", &to);
		json_get_i64(j, i, "since", &s->since_us);
		json_get_i64(j, i, "until", &s->until_us);
		s->from = (size_t)from;
		s->to = (size_t)to;
	}
}

static void add_positions(struct rule_doc *d, struct slice text)
{
	d->positions = mem_grow(d->positions, d->marks + 1, sizeof(*d->positions));
	d->positions[d->marks++] = arena_copy(&d->arena, text);
}

static void parse_parts(struct rule_doc *d, const struct json *j)
{
	uint32_t rules = json_get(j, 0, "rules"), metrics = json_get(j, 0, "metrics"),
		 positions = json_get(j, 0, "positions");
	const struct json_node *node = j->node;

	for (uint32_t i = rules ? json_first(j, rules) : 0; rules && i < node[rules].next;
	     i = node[i].next)
		parse_rule(d, j, i);
	for (uint32_t i = metrics ? json_first(j, metrics) : 0; metrics && i < node[metrics].next;
	     i = node[i].next)
		parse_metric(d, j, i);
	for (uint32_t i = positions ? json_first(j, positions) : 0;
	     positions && i < node[positions].next; i = node[i].next)
		add_positions(d, node[i].text);
}

int rule_doc_parse(struct rule_doc *d, const char *text, struct err *err)
{
	struct json j = { 0 };
	int rc;

	*d = (struct rule_doc){ 0 };
	if (!text)
		return 0;
	rc = json_parse(&j, slice_z(text), err);
	if (rc == 0)
		parse_parts(d, &j);
	json_fini(&j);
	return rc ? err_in(err, "the stored rules are damaged") : 0;
}

/* ---- document to text */

static void format_text(const char *key, struct slice text, struct buf *out)
{
	buf_printf(out, "\"%s\":", key);
	json_quote(out, text);
}

static void format_span(const struct rule_span *s, struct buf *out)
{
	buf_printf(out, "{\"from\":%zu", s->from);
	if (s->since_us != POS_NONE)
		buf_printf(out, ",\"since\":%" PRId64, s->since_us);
	if (s->to)
		buf_printf(out, ",\"to\":%zu", s->to);
	if (s->until_us != POS_NONE)
		buf_printf(out, ",\"until\":%" PRId64, s->until_us);
	buf_addc(out, '}');
}

static void format_rule(const struct rule_stored *r, struct buf *out)
{
	buf_addc(out, '{');
	format_text("rule", r->rule, out);
	buf_printf(out, ",\"version\":%" PRIu64 ",\"state\":\"%s\",", r->version,
		   ctl_rule_states[r->state]);
	format_text("cfg", r->cfg, out);
	buf_addc(out, ',');
	format_text("rows", r->rows, out);
	buf_addc(out, '}');
}

static void format_metric(const struct rule_metric *m, struct buf *out)
{
	buf_addc(out, '{');
	format_text("name", m->name, out);
	buf_addz(out, ",\"spans\":[");
	for (size_t i = 0; i < m->n; i++) {
		buf_addz(out, i ? "," : "");
		format_span(&m->span[i], out);
	}
	buf_addz(out, "]}");
}

void rule_doc_format(const struct rule_doc *d, struct buf *out)
{
	buf_addz(out, "{\"rules\":[");
	for (size_t i = 0; i < d->rules; i++) {
		buf_addz(out, i ? "," : "");
		format_rule(&d->rule[i], out);
	}
	buf_addz(out, "],\"metrics\":[");
	for (size_t i = 0; i < d->metrics; i++) {
		buf_addz(out, i ? "," : "");
		format_metric(&d->metric[i], out);
	}
	buf_addz(out, "],\"positions\":[");
	for (size_t i = 0; i < d->marks; i++) {
		buf_addz(out, i ? "," : "");
		buf_adds(out, d->positions[i]);
	}
	buf_addz(out, "]}");
}

struct keeper_span *rule_doc_spans(const struct rule_doc *d, size_t *n)
{
	struct keeper_span *v = NULL;

	*n = 0;
	for (size_t i = 0; i < d->metrics; i++)
		for (size_t k = 0; k < d->metric[i].n; k++) {
			v = mem_grow(v, *n + 1, sizeof(*v));
			v[(*n)++] = (struct keeper_span){
				.metric = d->metric[i].name,
				.since_us = d->metric[i].span[k].since_us,
				.until_us = d->metric[i].span[k].until_us,
			};
		}
	return v;
}

/* ---- raising it */

static struct rule_stored *find_rule(const struct rule_doc *d, struct slice rule)
{
	for (size_t i = 0; i < d->rules; i++)
		if (slice_eq(d->rule[i].rule, rule))
			return &d->rule[i];
	return NULL;
}

const struct rule_metric *rule_doc_metric(const struct rule_doc *d, struct slice name)
{
	for (size_t i = 0; i < d->metrics; i++)
		if (slice_eq(d->metric[i].name, name))
			return &d->metric[i];
	return NULL;
}

struct slice rule_doc_rows(const struct rule_doc *d, const struct ctl_rule *r)
{
	const struct rule_stored *s = find_rule(d, r->rule);

	return s && slice_eq(s->cfg, r->cfg) ? s->rows : r->metric;
}

static int stale(struct slice rule, const char *why, uint64_t version, struct err *err)
{
	return err_set(err, EX_TEMPFAIL,
		       "the rules of this pipeline are old: rule %.*s %s in version %" PRIu64
		       " here; give it the rules that the other pipelines have, and start again",
		       (int)rule.n, rule.p, why, version);
}

/* 0: it is as high or higher; -1. */
static int judge_rule(const struct ctl_rule *r, const struct rule_stored *s, struct err *err)
{
	if (!s || r->state == CTL_RULE_RETIRED || r->version > s->version)
		return 0;
	if (r->version < s->version)
		return stale(r->rule, "is", s->version, err);
	if (!slice_eq(r->cfg, s->cfg))
		return err_set(err, EX_CONFIG,
			       "rule %.*s counts something else than its version %" PRIu64
			       " here: give it a higher version, %" PRIu64,
			       (int)r->rule.n, r->rule.p, s->version, s->version + 1);
	if (r->state < s->state && s->state == CTL_RULE_PAUSED)
		return stale(r->rule, "is paused (a higher version resumes it)", s->version, err);
	if (r->state < s->state && r->state == CTL_RULE_ACTIVE)
		return stale(r->rule, "is retired (a higher version begins it anew)", s->version,
			     err);
	return 0;
}

int rule_doc_judge(const struct rule_doc *d, const struct ctl_rules *rules, struct err *err)
{
	for (size_t i = 0; i < rules->n; i++)
		if (judge_rule(&rules->rule[i], find_rule(d, rules->rule[i].rule), err))
			return -1;
	for (size_t i = 0; i < d->rules; i++) {
		size_t k = 0;

		while (k < rules->n && !slice_eq(rules->rule[k].rule, d->rule[i].rule))
			k++;
		if (k == rules->n && d->rule[i].state == CTL_RULE_ACTIVE)
			return stale(d->rule[i].rule,
				     "is missing, it is active (--retire ends a rule)",
				     d->rule[i].version, err);
	}
	return 0;
}

struct raise {
	struct rule_doc *d;
	const struct sink_metric *m;
	size_t n;
	const struct positions *pos;
	bool first;  /* nothing was stored */
	size_t mark; /* of the positions, 0: they were not noted yet */
	bool changed;
};

/* Which of the stored positions these are. */
static size_t note_positions(struct raise *r)
{
	struct buf text = { 0 };

	if (r->mark)
		return r->mark;
	buf_addc(&text, '[');
	for (size_t i = 0; i < r->pos->n; i++) {
		buf_addz(&text, i ? ",[" : "[");
		json_quote_z(&text, r->pos->v[i].topic);
		buf_printf(&text, ",%d,%" PRId64 "]", (int)r->pos->v[i].partition,
			   r->pos->v[i].next);
	}
	buf_addc(&text, ']');
	add_positions(r->d, buf_slice(&text));
	buf_fini(&text);
	return r->mark = r->d->marks;
}

/* A job that counted the metric before it had rules goes on with it: from its start. */
static void begin_rows(struct raise *r, struct slice rows)
{
	struct rule_metric *m = (struct rule_metric *)(uintptr_t)rule_doc_metric(r->d, rows);
	const struct sink_metric *of = NULL;
	struct rule_span *s;

	for (size_t i = 0; i < r->n && !of; i++)
		if (slice_eq(r->m[i].name, rows))
			of = &r->m[i];
	if (!m)
		m = add_metric(r->d, rows);
	s = add_span(m);
	if (r->first && of && !of->fresh)
		return;
	s->from = note_positions(r);
	s->since_us = of ? of->since_us : POS_NONE;
}

static void end_rows(struct raise *r, struct slice rows)
{
	struct rule_metric *m = (struct rule_metric *)(uintptr_t)rule_doc_metric(r->d, rows);
	struct rule_span *s = m && m->n ? &m->span[m->n - 1] : NULL;
	int64_t mark = positions_mark(r->pos);

	if (!s || s->to)
		return;
	s->to = note_positions(r);
	s->until_us = mark == POS_NONE ? 0 : mark;
}

static void raise_rule(struct raise *r, const struct ctl_rule *to)
{
	struct rule_stored *s = find_rule(r->d, to->rule), was = { .state = CTL_RULE_RETIRED };
	bool retires = to->state == CTL_RULE_RETIRED;
	struct slice rows;

	if (retires && (!s || s->state == CTL_RULE_RETIRED))
		return;
	if (s && !retires && to->version == s->version && to->state <= s->state)
		return;
	rows = retires ? s->rows : arena_copy(&r->d->arena, rule_doc_rows(r->d, to));
	if (s) {
		was = *s;
	} else {
		r->d->rule = mem_grow(r->d->rule, r->d->rules + 1, sizeof(*r->d->rule));
		s = &r->d->rule[r->d->rules++];
		*s = (struct rule_stored){ .rule = arena_copy(&r->d->arena, to->rule) };
	}
	if (!retires) {
		s->version = to->version;
		s->cfg = arena_copy(&r->d->arena, to->cfg);
		s->rows = rows;
	}
	s->state = to->state;
	r->changed = true;
	if (was.state == CTL_RULE_ACTIVE &&
	    (s->state != CTL_RULE_ACTIVE || !slice_eq(was.rows, rows)))
		end_rows(r, was.rows);
	if (s->state == CTL_RULE_ACTIVE &&
	    (was.state != CTL_RULE_ACTIVE || !slice_eq(was.rows, rows)))
		begin_rows(r, rows);
}

bool rule_doc_raise(struct rule_doc *d, const struct ctl_rules *rules, const struct sink_metric *m,
		    size_t n, const struct positions *pos)
{
	struct raise r = { .d = d, .m = m, .n = n, .pos = pos, .first = d->rules == 0 };

	for (size_t i = 0; i < rules->n; i++)
		raise_rule(&r, &rules->rule[i]);
	return r.changed;
}
