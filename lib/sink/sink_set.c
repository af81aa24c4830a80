/* The rules of a stream against those that the store holds.
 *
 *   hello, metrics    which rules the stream counts by from here on     sink_set_take
 *   probe, metrics    load; the names of the rows; raise (rule_doc.h);
 *                     change, a compare-and-set of what was loaded      sink_set_change
 *   barrier           the epoch names the set                           sink_batch.set
 *   rows              but for those of rules that the store cannot hold sink_set_left_out
 *
 * Each sink does it by itself, at its own positions. So a chain that was cut between two of them
 * comes right when the next pipeline starts: its hello says what `metrics` said. Where something
 * moves between load and change, all is looked at again; another pipeline's epochs do that once a
 * second, the two calls take milliseconds. Model: tests/model/rules.pml. */
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/rule_doc.h"
#include "sink/sink_internal.h"

void sink_set_take(struct sink *s, const struct ctl_rules *rules)
{
	memcpy(s->set_text, rules->set.p, CTL_INC_CHARS);
	s->set_text[CTL_INC_CHARS] = 0;
	s->set = s->set_text;
	s->rules.n = rules->n;
	s->rules.rule = mem_grow(s->rules.rule, rules->n + 1, sizeof(*s->rules.rule));
	for (size_t i = 0; i < rules->n; i++) {
		const struct ctl_rule *r = &rules->rule[i];

		s->rules.rule[i] = (struct ctl_rule){
			.rule = arena_copy(&s->names, r->rule),
			.metric = arena_copy(&s->names, r->metric),
			.cfg = arena_copy(&s->names, r->cfg),
			.version = r->version,
			.state = r->state,
		};
	}
}

/* A version that counts what the one before it counts writes that one's rows. */
static void name_rows(struct sink *s, const struct rule_doc *doc)
{
	s->renamed = false;
	for (size_t i = 0; i < s->metrics; i++)
		for (size_t k = 0; k < s->rules.n; k++)
			if (s->rules.rule[k].state == CTL_RULE_ACTIVE &&
			    slice_eq(s->rules.rule[k].metric, s->metric[i].stream)) {
				s->metric[i].name = arena_copy(
					&s->names, rule_doc_rows(doc, &s->rules.rule[k]));
				s->renamed |= !slice_eq(s->metric[i].name, s->metric[i].stream);
			}
}

static bool is_of_rule(const struct sink *s, const struct sink_metric *m)
{
	for (size_t i = 0; s->set && i < s->rules.n; i++)
		if (s->rules.rule[i].state == CTL_RULE_ACTIVE &&
		    slice_eq(s->rules.rule[i].metric, m->stream))
			return true;
	return false;
}

/* The set counts a rule that is left out as it counts the others: all sinks of a job have the same
 * set, and others of the chain may store it. */
int sink_set_leave_out(struct sink *s, struct err *err)
{
	s->leaves_out = false;
	for (size_t i = 0; i < s->metrics; i++) {
		struct err why = ERR_INIT;

		if (sink_metric_storable(&s->store, &s->metric[i], &why) == 0)
			continue;
		if (!is_of_rule(s, &s->metric[i]))
			return err_copy(err, &why);
		log_warn("%s; its rows are left out here, the other rules go on", why.msg);
		s->metric[i].left_out = s->leaves_out = true;
	}
	return 0;
}

bool sink_set_left_out(const struct sink *s, struct slice stream)
{
	for (size_t i = 0; s->leaves_out && i < s->metrics; i++)
		if (slice_eq(s->metric[i].stream, stream))
			return s->metric[i].left_out;
	return false;
}

void sink_set_rename(const struct sink *s, struct rollup *row)
{
	for (size_t i = 0; s->renamed && i < s->metrics; i++)
		if (slice_eq(s->metric[i].stream, row->metric)) {
			row->metric = s->metric[i].name;
			return;
		}
}

/* This pipeline and the job do not agree whether it has rules. */
static enum sink_result check_ruled(const struct sink *s, const char *job,
				    const struct keeper_doc *doc, struct err *err)
{
	if (s->set && !s->positions->driver->keeper->change)
		err_set(err, EX_CONFIG,
			"%s cannot keep rules (--rules): use a store that does, or options",
			s->name);
	else if (!s->set && doc->rules)
		err_set(err, EX_TEMPFAIL,
			"job %s counts by rules here, and this pipeline has none: give its "
			"hta-window the --rules that the other pipelines have",
			job);
	else
		return SINK_OK;
	return SINK_FATAL;
}

/* What was loaded, raised, into the store. SINK_APPLIED: it is so already. */
static enum sink_result raise_set(struct sink *s, const char *job, const struct keeper_doc *doc,
				  struct rule_doc *rules, struct err *err)
{
	const struct sink_store *k = s->positions;
	struct keeper_change change = { .found = doc, .set = s->set };
	struct keeper_span *span;
	struct buf text = { 0 };
	enum sink_result r;

	if (!rule_doc_raise(rules, &s->rules, s->metric, s->metrics, &doc->pos))
		return SINK_APPLIED;
	rule_doc_format(rules, &text);
	span = rule_doc_spans(rules, &change.spans);
	change.span = span;
	change.rules = buf_z(&text);
	r = k->driver->keeper->change(k->d, job, &change, err);
	if (r == SINK_OK) {
		log_info("job %s counts by other rules from here on: set %s", job, s->set);
		crash_at(CRASH_SINK_RULES);
	}
	free(span);
	buf_fini(&text);
	return r;
}

static enum sink_result change_once(struct sink *s, const char *job, const struct keeper_doc *doc,
				    struct err *err)
{
	struct rule_doc rules;
	enum sink_result r = SINK_FATAL;

	if (rule_doc_parse(&rules, doc->rules, err) == 0 &&
	    rule_doc_judge(&rules, &s->rules, err) == 0) {
		name_rows(s, &rules);
		r = sink_metrics_look(s, job, &doc->pos, err);
		if (r == SINK_OK)
			r = raise_set(s, job, doc, &rules, err);
	} else {
		err_in(err, "job %s", job);
	}
	rule_doc_fini(&rules);
	return r;
}

enum sink_result sink_set_change(struct sink *s, const char *job, const char *group,
				 struct keeper_doc *doc, struct err *err)
{
	enum sink_result r = check_ruled(s, job, doc, err);

	if (r != SINK_OK || !s->set)
		return r;
	while ((r = change_once(s, job, doc, err)) == SINK_CONFLICT) {
		keeper_doc_fini(doc);
		r = sink_load(s, job, group, doc, err);
		if (r != SINK_OK)
			return r;
		if (!doc->gen[0])
			return SINK_OK;
	}
	return r == SINK_APPLIED ? SINK_OK : r;
}

/* A probe after the start, at rest too: an epoch would find it out, but none may come. */
enum sink_result sink_set_check(const struct sink *s, const char *job, const struct keeper_doc *doc,
				struct err *err)
{
	if (strcmp(doc->set, s->set ? s->set : "") == 0)
		return SINK_OK;
	err_set(err, EX_TEMPFAIL,
		"job %s counts by other rules here: another pipeline has changed them; start "
		"again with them",
		job);
	return SINK_FATAL;
}
