/* Options of a plan in the order of the command line. The builder keeps what was said in scopes,
 * [0] everybody's and one for each --metric, to which the options behind it belong; plan_finish
 * (plan.c) makes a plan of them.
 *
 * An option is tried when it is given, so that the message stands for the word that is wrong, and
 * kept as text: what it means is known only when all are there. */
#include "agg/plan_internal.h"

#include <stdlib.h>

#include "agg/ahead.h"
#include "base/mem.h"
#include "base/num.h"

struct plan_builder *plan_builder_new(void)
{
	struct plan_builder *b = mem_zalloc(sizeof(*b));

	b->scope = mem_array(1, sizeof(*b->scope));
	b->n = 1;
	b->max_ahead_us = AHEAD_OFF;
	return b;
}

void plan_builder_free(struct plan_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++) {
		buf_fini(&b->scope[i].by);
		free(b->scope[i].agg);
	}
	zone_free(b->zone);
	timeform_free(b->form);
	arena_fini(&b->texts);
	free(b->scope);
	free(b);
}

struct plan_builder *plan_builder_copy(const struct plan_builder *b, bool metrics)
{
	struct plan_builder *copy = mem_zalloc(sizeof(*copy));

	copy->n = metrics ? b->n : 1;
	copy->max_ahead_us = b->max_ahead_us;
	copy->ahead_dead = b->ahead_dead;
	copy->scope = mem_array(copy->n, sizeof(*copy->scope));
	for (size_t i = 0; i < copy->n; i++) {
		const struct scope *from = &b->scope[i];
		struct scope *to = &copy->scope[i];

		*to = *from;
		to->by = (struct buf){ 0 };
		buf_adds(&to->by, buf_slice(&from->by));
		to->agg = mem_array(from->n_aggs + 1, sizeof(*to->agg));
		for (size_t k = 0; k < from->n_aggs; k++)
			to->agg[k] = from->agg[k];
	}
	return copy;
}

struct scope *plan_scope(struct plan_builder *b)
{
	return &b->scope[b->n - 1];
}

bool plan_has_metric(const struct plan_builder *b, struct slice name)
{
	for (size_t i = 1; i < b->n; i++)
		if (slice_is(name, b->scope[i].name))
			return true;
	return false;
}

int plan_metric(struct plan_builder *b, const char *name, struct err *err)
{
	if (metric_name_check(name, err))
		return -1;
	if (plan_has_metric(b, slice_z(name)))
		return err_set(err, EX_USAGE, "two metrics are called %s", name);
	b->scope = mem_grow(b->scope, b->n + 1, sizeof(*b->scope));
	b->scope[b->n++] = (struct scope){ .name = name };
	return 0;
}

int plan_one_window(const struct window_given *before, const char *option, int64_t us,
		    struct err *err)
{
	int64_t other_us = window_given_us(before, option);
	char now[33], other[33];

	if (!other_us || other_us == us)
		return 0;
	now[num_duration_text(us, now)] = 0;
	other[num_duration_text(other_us, other)] = 0;
	return err_set(err, EX_USAGE,
		       "one metric has windows of one length: --%s %s, or %s as was said before",
		       option, now, other);
}

int plan_window(struct plan_builder *b, const char *option, const char *duration, struct err *err)
{
	struct scope *s = plan_scope(b);

	return window_give(window_kinds, &s->window, option, duration, err) ||
			       plan_one_window(&s->line, option,
					       window_given_us(&s->window, option), err)
		       ? -1
		       : 0;
}

int plan_add_dims(const struct scope *s, struct metric *m, struct err *err)
{
	if (metric_add_dims(m, buf_slice(&s->by), err))
		return -1;
	for (size_t i = 0; i < s->n_dims; i++)
		if (metric_add_shaped(m, s->dim[i].path, s->dim[i].as, &s->dim[i].shape, err))
			return -1;
	return 0;
}

int plan_by(struct plan_builder *b, const char *paths, struct err *err)
{
	struct scope *s = plan_scope(b);
	struct metric tried = { 0 };
	int rc;

	if (*paths && s->by.n)
		buf_addc(&s->by, ',');
	buf_addz(&s->by, paths);
	s->has_by = true;
	rc = plan_add_dims(s, &tried, err);
	metric_fini(&tried);
	return rc;
}

/* An empty path is none. */
static int try_path(const char *path, struct err *err)
{
	struct path tried;

	if (!*path)
		return 0;
	if (path_parse(&tried, slice_z(path), err))
		return -1;
	path_fini(&tried);
	return 0;
}

int plan_value(struct plan_builder *b, const char *path, struct err *err)
{
	plan_scope(b)->value = path;
	return try_path(path, err);
}

int plan_uniq(struct plan_builder *b, const char *path, struct err *err)
{
	plan_scope(b)->uniq = path;
	return try_path(path, err);
}

static int try_condition(const char *text, struct err *err)
{
	struct condition *c = condition_new(slice_z(text), err);

	condition_free(c);
	return c ? 0 : -1;
}

int plan_where(struct plan_builder *b, const char *text, struct err *err)
{
	plan_scope(b)->where = text;
	return *text ? try_condition(text, err) : 0;
}

int plan_agg(struct plan_builder *b, const char *text, struct err *err)
{
	struct scope *s = plan_scope(b);
	struct metric tried = { 0 };
	int rc = 0;

	s->has_agg = true;
	if (!*text)
		return 0;
	s->agg = mem_grow(s->agg, s->n_aggs + 1, sizeof(*s->agg));
	s->agg[s->n_aggs++] = text;
	for (size_t i = 0; i < s->n_aggs && rc == 0; i++)
		rc = metric_add_measure(&tried, s->agg[i], err);
	for (size_t i = 0; i < tried.n_measures && rc == 0; i++)
		if (tried.measure[i].where)
			rc = try_condition(tried.measure[i].where, err);
	if (rc == 0 && tried.n_measures > COLUMNS_MAX)
		rc = metric_columns_full(err);
	metric_fini(&tried);
	return rc;
}

int plan_top(struct plan_builder *b, const char *text, struct err *err)
{
	struct metric tried = { 0 };
	int rc = *text ? metric_set_top(&tried, text, err) : 0;

	plan_scope(b)->top = text;
	metric_fini(&tried);
	return rc;
}

int plan_fold(struct plan_builder *b, const char *paths, struct err *err)
{
	struct metric tried = { 0 };
	int rc = metric_add_dims(&tried, slice_z(paths), err);

	plan_scope(b)->fold = paths;
	metric_fini(&tried);
	return rc;
}

void plan_max_groups(struct plan_builder *b, uint64_t max)
{
	b->scope[0].groups_max = max;
}

void plan_ahead(struct plan_builder *b, int64_t max_us, bool dead)
{
	b->max_ahead_us = max_us;
	b->ahead_dead = dead;
}

int plan_zone(struct plan_builder *b, const char *name, struct err *err)
{
	zone_free(b->zone);
	b->zone = zone_new(name, err);
	return b->zone ? 0 : -1;
}

int plan_time_format(struct plan_builder *b, const char *text, struct err *err)
{
	timeform_free(b->form);
	b->form = timeform_new(text, err);
	return b->form ? 0 : -1;
}
