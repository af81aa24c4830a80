/* Options and rules to the plan of a run, and to the set of its rules.
 *
 * The options' builder is kept as it is: each plan is made of a copy of it, to which the rules are
 * told. A rule that is paused is in no plan, but its cfg is asked for when it changes; so paused
 * rules have a plan of their own, which is thrown away.
 *
 * Metrics of options beside --rules are rules of version 1: they are in the set like the others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agg/rule.h"
#include "app/window_internal.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"

#define MAX_AHEAD_US (10LL * 60 * TM_S)

void agg_set_fini(struct agg_set *s)
{
	plan_free(s->plan);
	ctl_rules_fini(&s->rules);
	rule_doc_fini(&s->doc);
	arena_fini(&s->arena);
	*s = (struct agg_set){ 0 };
}

/* What is that late may still come, so it is no proof against the time before it. */
static int check_ahead(struct agg *a, struct err *err)
{
	if (a->max_ahead_us && a->max_ahead_us < a->lateness_us)
		return err_set(err, EX_USAGE,
			       "--max-ahead is shorter than --lateness: events that are on time "
			       "by the one would be too far from others by the other");
	if (a->ahead_dead && a->max_ahead_us == AHEAD_OFF)
		return err_set(err, EX_USAGE,
			       "--ahead dead needs a bound, and --max-ahead none takes it away");
	if (!a->max_ahead_us)
		a->max_ahead_us = a->lateness_us > MAX_AHEAD_US ? a->lateness_us : MAX_AHEAD_US;
	plan_ahead(a->builder, a->max_ahead_us, a->ahead_dead);
	plan_max_groups(a->builder, a->max_groups);
	return 0;
}

/* ---- plans */

/* named: the version that each rule's metric is called after. */
static int tell_rules(struct plan_builder *b, const struct rules *rules, const uint64_t *named,
		      bool paused, struct err *err)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct rule r = rules->v[i];

		r.version = named[i];
		if (r.active == paused)
			continue;
		if (plan_has_metric(b, r.id))
			return err_set(err, EX_USAGE,
				       "two metrics are called %.*s: one of --metric "
				       "and a rule",
				       (int)r.id.n, r.id.p);
		if (plan_rule(b, &r, err)) {
			err->code = EX_CONFIG;
			return err_in(err, "rule %.*s", (int)r.id.n, r.id.p);
		}
	}
	return 0;
}

static struct plan *make_plan(const struct agg *a, const struct rules *rules, const uint64_t *named,
			      bool paused, struct err *err)
{
	struct plan_builder *b = plan_builder_copy(a->builder, !paused);
	struct plan *plan = NULL;

	if ((!a->zone || plan_zone(b, a->zone, err) == 0) &&
	    (!a->format || plan_time_format(b, a->format, err) == 0) &&
	    tell_rules(b, rules, named, paused, err) == 0)
		plan = plan_finish(b, a->time, (enum value_unit)a->unit, a->exact, err);
	plan_builder_free(b);
	return plan;
}

static size_t count_active(const struct rules *rules)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++)
		n += rules->v[i].active;
	return n;
}

/* ---- the set */

static struct ctl_rule *add_rule(struct agg_set *s)
{
	s->rules.rule = mem_grow(s->rules.rule, s->rules.n + 1, sizeof(*s->rules.rule));
	s->rules.rule[s->rules.n] = (struct ctl_rule){ .version = 1 };
	return &s->rules.rule[s->rules.n++];
}

static struct slice metric_name(struct arena *arena, const struct rule *r, uint64_t version)
{
	struct buf name = { 0 };
	struct slice kept;

	buf_adds(&name, r->id);
	if (version > 1)
		buf_printf(&name, "@%" PRIu64, version);
	kept = arena_copy(arena, buf_slice(&name));
	buf_fini(&name);
	return kept;
}

/* A plan's metrics are, in their order, those of options, then of rules. */
static void add_plan(struct agg_set *s, const struct plan *plan, const struct rules *rules,
		     const uint64_t *named, bool paused)
{
	size_t own = plan->n_metrics, at;

	for (size_t i = 0; i < rules->n; i++)
		own -= rules->v[i].active != paused;
	for (at = 0; at < own; at++) {
		struct ctl_rule *r = add_rule(s);

		r->rule = r->metric = arena_copy(&s->arena, slice_z(plan->metric[at].def->m.name));
		r->cfg = arena_copy(&s->arena, slice_z(plan->metric[at].def->cfg));
	}
	for (size_t i = 0; i < rules->n; i++) {
		struct ctl_rule *r;

		if (rules->v[i].active == paused)
			continue;
		r = add_rule(s);
		r->rule = arena_copy(&s->arena, rules->v[i].id);
		r->version = rules->v[i].version;
		r->state = paused ? CTL_RULE_PAUSED : CTL_RULE_ACTIVE;
		r->metric = metric_name(&s->arena, &rules->v[i], named[i]);
		r->cfg = arena_copy(&s->arena, slice_z(plan->metric[at++].def->cfg));
	}
}

static const struct ctl_rule *find_rule(const struct agg_set *s, struct slice rule)
{
	for (size_t i = 0; i < s->rules.n; i++)
		if (slice_eq(s->rules.rule[i].rule, rule))
			return &s->rules.rule[i];
	return NULL;
}

static void add_retired_rule(struct agg_set *s, struct slice name)
{
	*add_rule(s) = (struct ctl_rule){ .rule = arena_copy(&s->arena, name),
					  .state = CTL_RULE_RETIRED };
}

/* --retire stands for the run: a rule of that name that comes later is another one. */
static int add_retired(struct agg *a, struct agg_set *s, struct err *err)
{
	for (size_t i = 0; i < a->n_retired; i++) {
		struct slice name = slice_z(a->retired[i]);

		if (!find_rule(s, name))
			add_retired_rule(s, name);
		else if (!a->plan)
			return err_set(err, EX_USAGE,
				       "--retire %s: there is a rule of that name: take it out of "
				       "the file",
				       a->retired[i]);
	}
	return 0;
}

static int judge_set(const struct agg *a, struct agg_set *s, struct err *err)
{
	const struct positions none = { 0 };

	if (a->plan && rule_doc_judge(&a->set.doc, &s->rules, err))
		return -1;
	rule_doc_raise(&s->doc, &s->rules, NULL, 0, &none);
	ctl_rules_set(s->rules.rule, s->rules.n, s->set);
	s->rules.set = slice_z(s->set);
	return 0;
}

/* A plain stream has no store that knows which rows a version goes on with: it goes on with its
 * own open windows, where it counts what the version before it counts. */
static bool name_versions(const struct agg *a, const struct agg_set *s, const struct rules *rules,
			  uint64_t *named)
{
	bool changed = false;

	if (!a->plan || stage_acknowledged(a->stage))
		return false;
	for (size_t i = 0; i < rules->n; i++) {
		const struct ctl_rule *now = find_rule(s, rules->v[i].id),
				      *was = find_rule(&a->set, rules->v[i].id);

		if (!now || !was || was->state != CTL_RULE_ACTIVE ||
		    !slice_eq(now->cfg, was->cfg) || slice_eq(now->metric, was->metric))
			continue;
		named[i] = was->metric.n == was->rule.n
				   ? 1
				   : strtoull(was->metric.p + was->rule.n + 1, NULL, 10);
		changed = true;
	}
	return changed;
}

static int add_active(const struct agg *a, struct agg_set *s, const struct rules *rules,
		      uint64_t *named, struct err *err)
{
	do {
		agg_set_fini(s);
		s->plan = make_plan(a, rules, named, false, err);
		if (!s->plan)
			return -1;
		if (a->n_paths)
			add_plan(s, s->plan, rules, named, false);
	} while (name_versions(a, s, rules, named));
	return 0;
}

static int add_paused(const struct agg *a, struct agg_set *s, const struct rules *rules,
		      const uint64_t *named, struct err *err)
{
	struct plan *paused;

	if (count_active(rules) == rules->n)
		return 0;
	paused = make_plan(a, rules, named, true, err);
	if (!paused)
		return -1;
	add_plan(s, paused, rules, named, true);
	plan_free(paused);
	return 0;
}

/* Rules that are retired are put behind the others, which keep their order, and are no part of the
 * set any more; how many they are. */
static size_t part_retired(struct rules *rules)
{
	struct rule *all = mem_array(rules->n + 1, sizeof(*all));
	size_t kept = 0, gone = 0;

	for (size_t i = 0; i < rules->n; i++)
		kept += !rules->v[i].retired;
	for (size_t i = 0, at = 0; i < rules->n; i++)
		all[rules->v[i].retired ? kept + gone++ : at++] = rules->v[i];
	if (rules->n)
		memcpy(rules->v, all, rules->n * sizeof(*all));
	rules->n = kept;
	free(all);
	return gone;
}

static int fill_set(struct agg *a, struct agg_set *s, struct rules *rules, struct err *err)
{
	size_t gone = part_retired(rules);
	uint64_t *named = mem_array(rules->n + 1, sizeof(*named));
	int rc = 0;

	for (size_t i = 0; i < rules->n; i++)
		named[i] = rules->v[i].version;
	if (a->n_paths && !count_active(rules))
		rc = err_set(err, EX_CONFIG, "no rule is active");
	if (rc == 0)
		rc = add_active(a, s, rules, named, err);
	if (rc == 0 && a->n_paths)
		rc = add_paused(a, s, rules, named, err) || add_retired(a, s, err) ? -1 : 0;
	for (size_t i = 0; i < gone && rc == 0; i++)
		if (!find_rule(s, rules->v[rules->n + i].id))
			add_retired_rule(s, rules->v[rules->n + i].id);
	if (rc == 0 && a->n_paths)
		rc = judge_set(a, s, err);
	free(named);
	return rc;
}

int agg_set_load(struct agg *a, struct agg_set *out, struct err *err)
{
	struct rules rules = { 0 };
	int rc = agg_read_rules(a, &rules, err);

	if (rc == 0 && !a->plan)
		rc = check_ahead(a, err);
	if (rc == 0 && fill_set(a, out, &rules, err)) {
		rc = a->n_paths == 1 ? err_in(err, "%s", a->rules_path[0]) : -1;
		agg_set_fini(out);
	}
	rules_fini(&rules);
	return rc;
}
