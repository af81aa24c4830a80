/* What is good by the grammar, and hardly meant so. Few, and each with what to do: a warning is
 * wrong in nearly every rule that has it; a hint is something to know, fails nothing, and is for
 * people at a terminal (-v shows it elsewhere). */
#include "app/check_internal.h"

#include <inttypes.h>

#include "json/path.h"
#include "scan/predicate.h"
#include "xform/condition.h"

enum { DIMS_MANY = 10 };
#define ZONES_US (15LL * 60 * 1000000) /* offsets of zones are multiples of it */
#define DAY_US (24LL * 3600 * 1000000)

enum { OF_NUMBERS = 1, OF_ELEMENTS = 2 };

/* What an operation makes of the values at its path. */
static unsigned takes(struct slice op)
{
	static const char *const numbers[] = { "sum", "avg",  "stddev",    "min",
					       "max", "rate", "quantiles", "histogram" };
	dec q;

	if (slice_is(op, "uniq") || slice_is(op, "uniq_exact"))
		return OF_ELEMENTS;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (slice_is(op, numbers[i]))
			return OF_NUMBERS;
	return rule_op_quantile(op, &q) ? OF_NUMBERS : 0;
}

static bool same_field(struct slice a, const struct path *b)
{
	struct path p;
	bool same;

	if (!a.p || path_parse(&p, a, NULL))
		return false;
	same = p.n == b->n;
	for (unsigned i = 0; i < p.n && same; i++)
		same = slice_eq(p.step[i], b->step[i]);
	path_fini(&p);
	return same;
}

/* ---- dimensions */

static void lint_dim(struct check *c, size_t i, size_t k)
{
	const struct rule *r = &c->rules.v[i];
	const struct rule_dim *d = &r->dim[k];
	struct buf at = { 0 };
	struct path p;

	if (d->class_step || d->bounds || path_parse(&p, d->path, NULL))
		return;
	buf_printf(&at, "#%zu", k);
	for (size_t m = 0; m < r->measures; m++) {
		const struct rule_measure *x = &r->measure[m];

		if (!takes(x->op) || !same_field(x->path, &p))
			continue;
		check_tell(c, CHECK_WARNING, i,
			   (const char *const[]){ "group_by", buf_z(&at), NULL },
			   takes(x->op) == OF_NUMBERS
				   ? "%s is a dimension and what %.*s is taken of: each of its "
				     "values is a group by itself"
				   : "%s is a dimension and what %.*s counts: within a group there "
				     "is one value of it",
			   p.name, (int)x->op.n, x->op.p);
		break;
	}
	path_fini(&p);
	buf_fini(&at);
}

static void lint_dims(struct check *c, size_t i)
{
	const struct rule *r = &c->rules.v[i];

	for (size_t k = 0; k < r->dims; k++)
		lint_dim(c, i, k);
	if (r->dims > DIMS_MANY)
		check_tell(c, CHECK_WARNING, i, (const char *const[]){ "group_by", NULL },
			   "%zu dimensions: a row for each combination that occurs is seldom a "
			   "rollup; --cost SAMPLE tells how many there are",
			   r->dims);
}

/* ---- conditions */

struct condition_lint {
	struct check *c;
	size_t i;
	const char *const *member;
	const struct rule_measure *measure; /* whose condition it is; NULL: all of the rule */
};

static bool is_number(struct slice text)
{
	dec value;

	return dec_parse(text, &value) == DEC_OK;
}

static void lint_text(void *arg, const struct path *field, struct slice text,
		      enum predicate_text_use use)
{
	const struct condition_lint *l = arg;
	const struct rule *r = &l->c->rules.v[l->i];
	const struct rule_measure *m = l->measure ? l->measure : r->measure;
	size_t n = l->measure ? 1 : r->measures;

	if (use == PREDICATE_TEXT_ORDERED && is_number(text))
		check_tell(l->c, CHECK_WARNING, l->i, l->member,
			   "%s is compared with the text \"%.*s\", and in jq's order every number "
			   "is below every text: leave the quotes out",
			   field->name, (int)text.n, text.p);
	if (use != PREDICATE_TEXT_EQUAL || is_number(text))
		return;
	for (size_t k = 0; k < n; k++)
		if (takes(m[k].op) == OF_NUMBERS && same_field(m[k].path, field))
			check_tell(l->c, CHECK_WARNING, l->i, l->member,
				   "%s is compared with the text \"%.*s\", but %.*s takes numbers "
				   "of it: a text there is bad data",
				   field->name, (int)text.n, text.p, (int)m[k].op.n, m[k].op.p);
}

static void lint_condition(struct check *c, size_t i, struct slice text, const char *const *member,
			   const struct rule_measure *measure)
{
	struct condition_lint l = { c, i, member, measure };
	struct err ignored = ERR_INIT;
	struct predicate *p = text.p ? predicate_new(text, &ignored) : NULL;

	if (p)
		predicate_each_text(p, lint_text, &l);
	else if (text.p)
		check_tell(c, CHECK_HINT, i, member,
			   "this condition is libjq's: some microseconds a record, where the "
			   "scanner takes nanoseconds (hta-window(1), Conditions)");
	predicate_free(p);
}

static void lint_conditions(struct check *c, size_t i)
{
	const struct rule *r = &c->rules.v[i];

	lint_condition(c, i, r->where, (const char *const[]){ "where", NULL }, NULL);
	for (size_t k = 0; k < r->measures; k++) {
		struct buf name = { 0 };

		rule_measure_name(&r->measure[k], &name);
		lint_condition(c, i, r->measure[k].where,
			       (const char *const[]){ "aggregates", buf_z(&name), "where", NULL },
			       &r->measure[k]);
		buf_fini(&name);
	}
}

/* ---- windows, tests, and rules beside each other */

static void lint_window(struct check *c, size_t i)
{
	const struct rule_window *w = &c->rules.v[i].window;
	int64_t pane = w->kind == RULE_HOPPING ? w->slide_us : w->size_us;

	if (w->kind != RULE_SESSION && pane > ZONES_US)
		check_tell(c, CHECK_HINT, i, (const char *const[]){ "window_size", NULL },
			   pane >= DAY_US ? "its windows begin in UTC: days of another zone cannot "
					    "be cut from them, as they can from windows of 15m "
					    "(hta-query --step day --zone)"
					  : "days of a zone that is not a multiple of it from UTC "
					    "cannot be cut from its windows, as they can from "
					    "windows of 15m (hta-query --step day --zone)");
}

static void lint_tests(struct check *c, size_t i)
{
	const struct rule *r = &c->rules.v[i];

	if (!r->tests && r->source.p)
		check_tell(c, CHECK_HINT, i, NULL, "rule %.*s has no tests", (int)r->id.n, r->id.p);
	for (size_t k = 0; k < r->tests; k++) {
		const struct rule_test *t = &r->test[k];
		struct buf at = { 0 };

		buf_printf(&at, "#%zu", k);
		if (!t->rows && !t->has_late && !t->has_dead && !t->exact)
			check_tell(c, CHECK_WARNING, i,
				   (const char *const[]){ "tests", buf_z(&at), NULL },
				   "this test cannot fail: it asks for no rows, and for no number "
				   "of late or dead lines");
		buf_fini(&at);
	}
}

static void lint_equals(struct check *c, size_t i)
{
	const struct rule *r = &c->rules.v[i];

	for (size_t k = 0; k < i && r->active; k++) {
		const struct rule *other = &c->rules.v[k];

		if (!other->active || strcmp(c->of[i].cfg, c->of[k].cfg) != 0)
			continue;
		check_tell(c, CHECK_WARNING, i, NULL,
			   "rule %.*s counts the same as rule %.*s: all of its rows are stored "
			   "twice",
			   (int)r->id.n, r->id.p, (int)other->id.n, other->id.p);
		return;
	}
}

static void lint_active(struct check *c)
{
	for (size_t i = 0; i < c->rules.n; i++)
		if (c->rules.v[i].active)
			return;
	check_tell(c, CHECK_WARNING, 0, (const char *const[]){ "active", NULL },
		   "no rule is active: hta-window refuses to start");
}

void check_lint(struct check *c)
{
	for (size_t i = 0; i < c->rules.n; i++) {
		if (c->of[i].broken)
			continue;
		lint_dims(c, i);
		lint_conditions(c, i);
		lint_window(c, i);
		lint_tests(c, i);
		lint_equals(c, i);
	}
	if (c->rules.n && !c->errors)
		lint_active(c);
}
