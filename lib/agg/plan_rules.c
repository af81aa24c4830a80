/* Rules as options: a rule is a metric whose options it says itself, so each part of it goes the
 * way of the option that says the same. Texts are kept in the builder, since options are
 * borrowed. */
#include "agg/plan_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"

/* A copy that lives as long as the builder. */
static const char *keep_text(struct plan_builder *b, const struct buf *text)
{
	char *z = arena_alloc(&b->texts, text->n + 1);

	memcpy(z, text->p, text->n);
	z[text->n] = 0;
	return z;
}

/* What a rule may say and this program cannot do: better refused than left out. */
static int check_rule(const struct rule *rule, struct err *err)
{
	size_t exploded = 0;

	for (size_t i = 0; i < rule->dims; i++)
		exploded += rule->dim[i].explode;
	if (exploded > 1)
		return err_set(err, EX_CONFIG,
			       "one dimension of a rule may \"explode\", this one has %zu",
			       exploded);
	for (size_t i = 0; i < rule->measures; i++)
		if (!fn_find(rule->measure[i].op))
			return err_set(err, EX_CONFIG,
				       "this hta-window knows no operation \"%.*s\"",
				       (int)rule->measure[i].op.n, rule->measure[i].op.p);
	return 0;
}

static int take_length(struct plan_builder *b, const char *option, int64_t us, struct err *err)
{
	char text[33];

	if (!us)
		return 0;
	text[num_duration_text(us, text)] = 0;
	return plan_one_window(&plan_scope(b)->window, option, us, err) ||
			       plan_window(b, option, text, err) ||
			       window_give(window_kinds, &plan_scope(b)->line, option, text, err)
		       ? -1
		       : 0;
}

static int take_window(struct plan_builder *b, const struct rule_window *w, struct err *err)
{
	return take_length(b, "every", w->size_us, err) ||
			       take_length(b, "slide", w->slide_us, err) ||
			       take_length(b, "gap", w->gap_us, err) ||
			       take_length(b, "max-length", w->length_us, err)
		       ? -1
		       : 0;
}

static int take_measures(struct plan_builder *b, const struct rule *rule, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	for (size_t i = 0; i < rule->measures && rc == 0; i++) {
		text.n = 0;
		rule_measure_text(&rule->measure[i], &text);
		rc = plan_agg(b, keep_text(b, &text), err);
	}
	buf_fini(&text);
	return rc;
}

static int take_fold(struct plan_builder *b, const struct rule *rule, struct err *err)
{
	struct buf list = { 0 };
	int rc;

	for (size_t i = 0; i < rule->folds; i++) {
		buf_addz(&list, i ? "," : "");
		buf_adds(&list, rule->fold[i]);
	}
	rc = plan_fold(b, keep_text(b, &list), err);
	buf_fini(&list);
	return rc;
}

static bool is_path(const struct rule_dim *d)
{
	return !d->as.p && !d->lower && !d->explode && !d->bytes_max && !d->class_step &&
	       !d->bounds;
}

static int take_path(struct plan_builder *b, struct slice path, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	buf_adds(&text, path);
	rc = plan_by(b, buf_z(&text), err);
	buf_fini(&text);
	return rc;
}

static int take_dim(struct plan_builder *b, const struct rule_dim *d, struct err *err)
{
	struct scope *s = plan_scope(b);
	struct metric tried = { 0 };
	struct plan_dim *dim = &s->dim[s->n_dims++];
	int rc;

	*dim = (struct plan_dim){ arena_copy(&b->texts, d->path),
				  arena_copy(&b->texts, d->as),
				  { d->lower, d->explode, d->bytes_max, d->class_step, NULL,
				    d->bounds } };
	if (d->bounds) {
		dim->shape.bound = arena_alloc(&b->texts, d->bounds * sizeof(*d->bound));
		memcpy(dim->shape.bound, d->bound, d->bounds * sizeof(*d->bound));
	}
	rc = plan_add_dims(s, &tried, err);
	metric_fini(&tried);
	return rc;
}

static int take_dims(struct plan_builder *b, const struct rule *rule, struct err *err)
{
	plan_scope(b)->dim = arena_alloc(&b->texts, rule->dims * sizeof(struct plan_dim));
	for (size_t i = 0; i < rule->dims; i++)
		if (is_path(&rule->dim[i]) ? take_path(b, rule->dim[i].path, err)
					   : take_dim(b, &rule->dim[i], err))
			return -1;
	return 0;
}

static int take_rule(struct plan_builder *b, const struct rule *rule, struct err *err)
{
	struct buf text = { 0 };
	int rc = take_window(b, &rule->window, err) || take_dims(b, rule, err) ? -1 : 0;

	if (rc == 0 && rule->where.p) {
		buf_adds(&text, rule->where);
		rc = plan_where(b, keep_text(b, &text), err);
	}
	if (rc == 0 && rule->folds)
		rc = take_fold(b, rule, err);
	if (rule->groups_max)
		plan_scope(b)->groups_max = rule->groups_max;
	buf_fini(&text);
	return rc ? -1 : take_measures(b, rule, err);
}

int plan_rule(struct plan_builder *b, const struct rule *rule, struct err *err)
{
	struct buf name = { 0 };
	int rc;

	buf_adds(&name, rule->id);
	if (rule->version > 1)
		buf_printf(&name, "@%" PRIu64, rule->version);
	rc = check_rule(rule, err) || plan_metric(b, keep_text(b, &name), err) ? -1 : 0;
	buf_fini(&name);
	if (rc)
		return -1;
	*plan_scope(b) = (struct scope){ .name = plan_scope(b)->name,
					 .has_by = true,
					 .has_agg = true,
					 .value = "",
					 .uniq = "",
					 .where = "",
					 .top = "",
					 .fold = "" };
	return take_rule(b, rule, err);
}

int plan_line(struct plan_builder *b, const char *text, struct err *err)
{
	struct rules line = { 0 };
	int rc = rules_add_line(&line, slice_z(text), err);

	if (rc == 0)
		rc = check_rule(&line.v[0], err) || take_rule(b, &line.v[0], err) ? -1 : 0;
	if (rc)
		err->code = EX_USAGE;
	rules_fini(&line);
	return rc;
}
