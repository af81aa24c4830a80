/* Rules out of JSON: a table of members for each kind of object, each member with the function
 * that takes its value. An object is looked at member by member, so that an unknown one and one
 * that stands twice are found where they stand; then what goes together is checked.
 *
 *	text -> values one after the other -> json_parse each -> rule(s) -> the set
 *
 * A text is taken whole or not at all: rules that were read before an error are dropped again. */
#include "agg/rule_internal.h"

#include <stdlib.h>
#include <string.h>

#include "agg/metric.h"
#include "base/mem.h"
#include "row/columns.h"

/* ---- rules */

static int rule_id(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;
	const char *sign;
	char *z;
	int rc;

	if (rule_take_text(r, at, "a name", &rule->id))
		return -1;
	z = mem_dup(rule->id.p, rule->id.n);
	sign = strrchr(z, '@');
	rc = metric_name_check(z, r->err) ? rule_place_error(r, at) : 0;
	if (rc == 0 && sign && sign[1] && strspn(sign + 1, "0123456789") == strlen(sign + 1))
		rc = rule_fail_at(r, r->json.node[at].text.p,
				  "\"%s\": names that end in @ and a number "
				  "are those of versions",
				  z);
	free(z);
	return rc;
}

static int rule_version(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_count(r, at, 1, &((struct rule *)into)->version);
}

static int rule_size(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_duration(r, at, &((struct rule *)into)->window.size_us);
}

static int rule_slide(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_duration(r, at, &((struct rule *)into)->window.slide_us);
}

static int rule_gap(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_duration(r, at, &((struct rule *)into)->window.gap_us);
}

static int rule_max_length(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_duration(r, at, &((struct rule *)into)->window.length_us);
}

static int rule_time(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;

	if (json_is(&r->json, at, slice_z("@kafka")))
		return rule_take_text(r, at, "a path", &rule->time);
	return rule_take_path(r, at, &rule->time);
}

static int rule_unit(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;

	if (rule_take_text(r, at, "s, ms, us or ns", &rule->unit))
		return -1;
	for (unsigned i = VALUE_S; i <= VALUE_NS; i++)
		if (slice_is(rule->unit, metric_units[i]))
			return 0;
	return rule_wrong_type(r, at, "s, ms, us or ns");
}

static int rule_format(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a time format", &((struct rule *)into)->format);
}

static int rule_zone(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a zone such as \"Europe/Berlin\"",
			      &((struct rule *)into)->zone);
}

static int rule_where(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a condition such as \".status >= 500\"",
			      &((struct rule *)into)->where);
}

static int rule_group_by(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_ARRAY)
		return rule_wrong_type(r, at, "an array of dimensions");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		rule->dim = rule_grow(&r->set->arena, rule->dim, rule->dims, sizeof(*rule->dim));
		if (rule_take_dim(r, &rule->dim[rule->dims++], i))
			return -1;
	}
	return 0;
}

static struct rule_measure *add_rule_measure(struct rule_reader *r, struct rule *rule)
{
	rule->measure = rule_grow(&r->set->arena, rule->measure, rule->measures,
				  sizeof(*rule->measure));
	return &rule->measure[rule->measures++];
}

static int rule_metric(struct rule_reader *r, void *into, uint32_t at)
{
	(void)into;
	return rule_take_text(r, at, "an operation such as \"count\"", &r->short_op);
}

static int rule_field(struct rule_reader *r, void *into, uint32_t at)
{
	(void)into;
	return rule_take_path(r, at, &r->short_path);
}

static int rule_aggregates(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_OBJECT || j->node[at].next == at + 1)
		return rule_wrong_type(r, at, "an object of measures by their names");
	if (rule_check_twins(r, at))
		return -1;
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next) {
		struct rule_measure *m = add_rule_measure(r, rule);

		if (rule_take_text(r, i, "a name", &m->name))
			return -1;
		if (!measure_name_ok(m->name))
			return rule_wrong_type(r, i,
					       "a measure's name: 1 to 63 letters, digits and "
					       "underscores, no digit first");
		if (rule_take_measure(r, m, i + 1))
			return -1;
	}
	return 0;
}

static int rule_lateness(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;

	if (json_is(&r->json, at, slice_z("0s")) || json_is(&r->json, at, slice_z("0"))) {
		rule->lateness_us = 0;
		return 0;
	}
	return rule_take_duration(r, at, &rule->lateness_us);
}

static int rule_max_groups(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_count(r, at, 1, &((struct rule *)into)->groups_max);
}

static int rule_fold(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_ARRAY)
		return rule_wrong_type(r, at, "an array of paths");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		rule->fold = rule_grow(&r->set->arena, rule->fold, rule->folds,
				       sizeof(*rule->fold));
		if (rule_take_path(r, i, &rule->fold[rule->folds++]))
			return -1;
	}
	return 0;
}

static int rule_active(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_bool(r, at, &((struct rule *)into)->active);
}

static int rule_retired(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_bool(r, at, &((struct rule *)into)->retired);
}

static int rule_note(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a text", &((struct rule *)into)->note);
}

static int rule_tests(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule *rule = into;
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_ARRAY)
		return rule_wrong_type(r, at, "an array of tests");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		rule->test = rule_grow(&r->set->arena, rule->test, rule->tests,
				       sizeof(*rule->test));
		if (rule_take_test(r, &rule->test[rule->tests++], i))
			return -1;
	}
	return 0;
}

static const struct rule_member rule_members[] = {
	{ "rule_id", rule_id },
	{ "version", rule_version },
	{ "window_size", rule_size },
	{ "slide", rule_slide },
	{ "gap", rule_gap },
	{ "max_length", rule_max_length },
	{ "time", rule_time },
	{ "time_unit", rule_unit },
	{ "time_format", rule_format },
	{ "zone", rule_zone },
	{ "where", rule_where },
	{ "group_by", rule_group_by },
	{ "metric", rule_metric },
	{ "field", rule_field },
	{ "aggregates", rule_aggregates },
	{ "lateness", rule_lateness },
	{ "max_groups", rule_max_groups },
	{ "fold", rule_fold },
	{ "active", rule_active },
	{ "retired", rule_retired },
	{ "note", rule_note },
	{ "tests", rule_tests },
	{ NULL, NULL },
};

/* "metric" and "field": one measure, named after its operation. */
static int take_short_form(struct rule_reader *r, struct rule *rule, uint32_t at)
{
	struct rule_measure *m;

	if (!r->short_op.p)
		return r->short_path.p ? rule_wrong_type(r, at,
							 "a rule with \"metric\" beside "
							 "\"field\"")
				       : 0;
	if (rule->measures)
		return rule_wrong_type(r, at,
				       "a rule with \"metric\" or with \"aggregates\", not both");
	m = add_rule_measure(r, rule);
	m->op = r->short_op;
	m->path = r->short_path;
	return rule_measure_check(m, EX_CONFIG, r->err) ? rule_place_error(r, at) : 0;
}

static int check_rule(struct rule_reader *r, struct rule *rule, uint32_t at)
{
	if (!rule->id.p)
		return rule_wrong_type(r, at, "a rule with \"rule_id\"");
	for (size_t i = 0; i + 1 < r->set->n; i++)
		if (slice_eq(r->set->v[i].id, rule->id))
			return rule_fail_at(r, r->json.node[at].text.p, "two rules are called %.*s",
					    (int)rule->id.n, rule->id.p);
	rule->active &= !rule->retired;
	if (take_short_form(r, rule, at))
		return -1;
	if (!rule->measures)
		return rule_wrong_type(r, at, "a rule with \"metric\" or \"aggregates\"");
	if (rule_window_check(&rule->window, EX_CONFIG, r->err) ||
	    rule_names_check(rule, EX_CONFIG, r->err))
		return rule_place_error(r, at);
	return rule->folds && !rule->groups_max
		       ? rule_wrong_type(r, at, "a rule with \"max_groups\" beside \"fold\"")
		       : 0;
}

/* Rules are asked for in the order of the text. */
static unsigned line_of(struct rule_reader *r, const char *at)
{
	for (r->counted = r->counted ? r->counted : r->text.p; r->counted < at; r->counted++)
		r->lines += *r->counted == '\n';
	return r->lines + 1;
}

static int take_rule(struct rule_reader *r, uint32_t at)
{
	struct rule *rule = rules_add(r->set);

	r->short_op = r->short_path = slice(NULL, 0);
	rule->source = r->json.node[at].text;
	rule->line = line_of(r, rule->source.p);
	if (rule_take_members(r, rule_members, rule, at, "a rule, which is an object") == 0 &&
	    check_rule(r, rule, at) == 0)
		return 0;
	r->set->n--;
	return rule_go_on(r) ? 0 : -1;
}

/* ---- texts */

/* Where the value ends that begins at p: at its last brace, or with the text. */
static const char *value_end(const char *p, const char *end)
{
	unsigned depth = 0;
	bool quoted = false;

	for (; p < end; p++) {
		if (quoted && *p == '\\') {
			p += p + 1 < end;
		} else if (quoted) {
			quoted = *p != '"';
		} else if (*p == '"') {
			quoted = true;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if ((*p == '}' || *p == ']') && (depth == 0 || --depth == 0)) {
			return p + 1;
		}
	}
	return end;
}

/* json_parse says "byte N: reason". */
static int place_syntax(struct rule_reader *r, const char *start)
{
	struct err why = *r->err;
	unsigned long byte = 1;
	char *rest = why.msg;

	if (strncmp(why.msg, "byte ", 5) == 0) {
		byte = strtoul(why.msg + 5, &rest, 10);
		rest += rest[0] == ':' ? 2 : 0;
	}
	return rule_fail_at(r, start + byte - 1, "%s", rest);
}

static int take_value(struct rule_reader *r, const char *p, const char *end)
{
	const struct json *j = &r->json;

	if (json_parse(&r->json, slice(p, (size_t)(end - p)), r->err))
		return place_syntax(r, p);
	if (j->node[0].type != JSON_ARRAY)
		return take_rule(r, 0);
	for (uint32_t i = json_first(j, 0); i < j->node[0].next; i = j->node[i].next)
		if (take_rule(r, i))
			return -1;
	return 0;
}

static size_t white_space(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return (size_t)(p - start);
}

static int take_values(struct rule_reader *r)
{
	const char *p = r->text.p + str_mark(r->text), *end = r->text.p + r->text.n;
	int rc = 0;

	while (rc == 0) {
		const char *value;

		p += white_space(p, end);
		if (p == end)
			break;
		value = p;
		p = value_end(p, end);
		if (take_value(r, value, p) && !rule_go_on(r))
			rc = -1;
	}
	json_fini(&r->json);
	return rc;
}

int rules_parse(struct rules *r, const char *file, struct slice text, struct err *err)
{
	struct rule_reader reader = { .set = r, .file = file, .text = text, .err = err };
	size_t before = r->n;
	int rc = take_values(&reader);

	if (rc)
		r->n = before;
	return rc;
}

size_t rules_parse_all(struct rules *r, const char *file, struct slice text,
		       rules_broken_fn *broken, void *arg)
{
	struct err err = ERR_INIT;
	struct rule_reader reader = { .set = r,
				      .file = file,
				      .text = text,
				      .err = &err,
				      .broken = broken,
				      .broken_arg = arg };

	take_values(&reader);
	return reader.errors;
}
