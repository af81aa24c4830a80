/* What the builder was told becomes a plan: plan_finish lays each metric's scope over everybody's,
 * option by option, makes the definitions, and gives each different path one field of the scan,
 * each field of numbers one column of values: what three metrics use is parsed once a line. Fields
 * are looked for one by one, as there are at most SCAN_FIELDS. */
#include "agg/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool same_path(const struct path *a, const struct path *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!slice_eq(a->step[i], b->step[i]))
			return false;
	return true;
}

/* The field of a path, n_fields where it has none. */
static size_t find_field(const struct plan *p, const struct path *path)
{
	size_t i = 0;

	while (i < p->n_fields && !same_path(&p->path[i], path))
		i++;
	return i;
}

/* The field of a path, a new one if need be; SCAN_FIELDS where there are too many. */
static size_t field_of(struct plan *p, const struct path *path)
{
	size_t i = find_field(p, path);

	if (i == p->n_fields && i < SCAN_FIELDS)
		p->path[p->n_fields++] = *path;
	return i;
}

static int plan_column_of(uint8_t *column, size_t *n, size_t field)
{
	for (size_t i = 0; i < *n; i++)
		if (column[i] == field)
			return (int)i;
	column[*n] = (uint8_t)field;
	return (int)(*n)++;
}

/* A rule's bound is its own; everybody's is that of those who fold. */
static int fill_final(struct metric *m, const struct scope *own, const struct scope *all,
		      struct err *err)
{
	const char *top = own->top ? own->top : all->top, *fold = own->fold ? own->fold : all->fold;

	if (top && *top && metric_set_top(m, top, err))
		return -1;
	if (fold && metric_set_fold(m, slice_z(fold), err))
		return -1;
	m->final.groups_max = own->groups_max ? own->groups_max
			      : m->final.fold ? all->groups_max
					      : 0;
	return 0;
}

static int fill_metric(struct metric *m, const struct scope *own, const struct scope *all,
		       struct err *err)
{
	const struct scope *by = own->has_by ? own : all, *agg = own->has_agg ? own : all;
	const char *value = own->value ? own->value : all->value,
		   *uniq = own->uniq ? own->uniq : all->uniq,
		   *where = own->where ? own->where : all->where;

	m->name = mem_strdup(own->name);
	if (window_choose(window_kinds, &own->window, &all->window, &m->window, err))
		return -1;
	if (plan_add_dims(by, m, err))
		return -1;
	if (value && *value) {
		if (path_parse(&m->value, slice_z(value), err))
			return -1;
		m->has_value = true;
	}
	if (uniq && *uniq) {
		if (path_parse(&m->uniq, slice_z(uniq), err))
			return -1;
		m->has_uniq = true;
	}
	m->where = where && *where ? mem_strdup(where) : NULL;
	for (size_t i = 0; i < agg->n_aggs; i++)
		if (metric_add_measure(m, agg->agg[i], err))
			return -1;
	return fill_final(m, own, all, err);
}

static int too_many_fields(struct err *err)
{
	return err_set(err, EX_USAGE, "the metrics use more than %d different fields", SCAN_FIELDS);
}

/* The number of the condition of that text, -1 of none. */
static int fill_condition(struct plan *p, const char *text, int *out, struct err *err)
{
	struct plan_condition *c;
	size_t n;

	*out = -1;
	for (size_t i = 0; text && i < p->n_conditions; i++)
		if (strcmp(p->condition[i].text, text) == 0)
			*out = (int)i;
	if (!text || *out >= 0)
		return 0;
	*out = (int)p->n_conditions;
	p->condition = mem_grow(p->condition, p->n_conditions + 1, sizeof(*p->condition));
	c = &p->condition[p->n_conditions++];
	*c = (struct plan_condition){ text, condition_new(slice_z(text), err), NULL };
	if (!c->condition)
		return -1;
	n = condition_fields(c->condition);
	c->column = mem_alloc(n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t field = field_of(p, condition_field(c->condition, i));

		if (field == SCAN_FIELDS)
			return too_many_fields(err);
		c->column[i] = (uint8_t)field;
	}
	return 0;
}

static int fill_held(struct plan *p, const struct metric_measure *x, size_t field,
		     struct plan_measure *out, struct err *err)
{
	size_t by = x->has_by ? field_of(p, &x->by) : 0, i = 0;
	struct plan_held held = { (uint8_t)field, x->has_by ? (int)by : -1 };

	if (by == SCAN_FIELDS)
		return too_many_fields(err);
	while (i < p->n_held && (p->held[i].field != held.field || p->held[i].by != held.by))
		i++;
	out->held = (int)i;
	if (i == p->n_held) {
		p->held = mem_grow(p->held, p->n_held + 1, sizeof(*p->held));
		p->held[p->n_held++] = held;
	}
	return 0;
}

static int fill_measure(struct plan *p, const struct metric_measure *x, struct plan_measure *out,
			struct err *err)
{
	enum fn_input input = x->has_path ? x->fn->input : x->fn->bare;
	size_t field;
	dec *limit;

	out->value = out->uniq = out->held = out->present = -1;
	if (fill_condition(p, x->where, &out->where, err))
		return -1;
	if (input == FN_LINES)
		return 0;
	field = field_of(p, &x->path);
	if (field == SCAN_FIELDS)
		return too_many_fields(err);
	if (input == FN_PRESENT) {
		out->present = (int)field;
		return 0;
	}
	if (input == FN_HELD)
		return fill_held(p, x, field, out, err);
	if (input == FN_ELEMENTS) {
		out->uniq = plan_column_of(p->uniq_field, &p->n_uniqs, field);
		return 0;
	}
	out->value = plan_column_of(p->value_field, &p->n_values, field);
	out->limit = x->fn->limit;
	limit = &p->value_limit[out->value];
	if (out->limit && (!*limit || out->limit < *limit))
		*limit = out->limit;
	return 0;
}

static int fill_fields(struct plan *p, struct plan_metric *pm, struct err *err)
{
	const struct metric *m = &pm->def->m;
	size_t field = 0, value = 0, uniq = 0;

	pm->value = pm->uniq = pm->where = -1;
	pm->dim_field = mem_alloc(m->n_dims + 1);
	for (size_t i = 0; i < m->n_dims && field < SCAN_FIELDS; i++) {
		field = field_of(p, &m->dim[i]);
		pm->dim_field[i] = (uint8_t)field;
	}
	if (m->has_value)
		value = field_of(p, &m->value);
	if (m->has_uniq)
		uniq = field_of(p, &m->uniq);
	if (field == SCAN_FIELDS || value == SCAN_FIELDS || uniq == SCAN_FIELDS)
		return too_many_fields(err);
	if (m->has_value)
		pm->value = plan_column_of(p->value_field, &p->n_values, value);
	if (m->has_uniq)
		pm->uniq = plan_column_of(p->uniq_field, &p->n_uniqs, uniq);
	pm->key = plan_key_of(p, pm);
	pm->measure = mem_array(m->n_measures + 1, sizeof(*pm->measure));
	for (size_t i = 0; i < m->n_measures; i++)
		if (fill_measure(p, &m->measure[i], &pm->measure[i], err))
			return -1;
	return fill_condition(p, m->where, &pm->where, err);
}

static struct metric_def *define_metric(const struct plan *p, const struct scope *own,
					const struct scope *all, struct err *err)
{
	struct metric m = { 0 };

	if (fill_metric(&m, own, all, err)) {
		metric_fini(&m);
		return NULL;
	}
	return metric_def_new_take(&m, &p->common, err);
}

static int fill_time(struct plan *p, const struct plan_builder *b, const char *time,
		     struct err *err)
{
	p->time_field = PLAN_NO_FIELD;
	p->common.log_time = strcmp(time, METRIC_LOG_TIME) == 0;
	if (p->common.log_time) {
		p->common.time.name = mem_strdup(time);
		if (p->common.when.unit == VALUE_RFC3339 && !b->form && !b->zone)
			return 0;
		return err_set(err, EX_USAGE,
			       "--time " METRIC_LOG_TIME
			       " is the record's own timestamp: --time-unit, --time-format and "
			       "--zone say how a time is written, and are for a field");
	}
	if (path_parse(&p->common.time, slice_z(time), err))
		return err_in(err, "--time");
	p->time_field = (uint8_t)field_of(p, &p->common.time);
	return 0;
}

static int fill_plan(struct plan *p, const struct plan_builder *b, const char *time,
		     struct err *err)
{
	static const struct scope events = { .name = "events" };
	const struct scope *own = b->n > 1 ? b->scope + 1 : &events;

	if (fill_time(p, b, time, err))
		return -1;
	if (b->form && timeform_is_local(b->form) && !b->zone)
		return err_set(
			err, EX_USAGE,
			"--time-format %s has no offset (%%z): --zone NAME says where its clock "
			"stands (Europe/Berlin, UTC)",
			timeform_name(b->form));
	for (size_t i = 0; i < (b->n > 1 ? b->n - 1 : 1); i++) {
		struct plan_metric *m = &p->metric[p->n_metrics++];

		m->def = define_metric(p, &own[i], &b->scope[0], err);
		if (!m->def || fill_fields(p, m, err))
			return err_in(err, "metric %s", own[i].name);
	}
	return 0;
}

struct plan *plan_finish(struct plan_builder *b, const char *time, enum value_unit unit, bool exact,
			 struct err *err)
{
	struct plan *p = mem_zalloc(sizeof(*p));

	p->common.when = (struct value_when){ unit, b->zone, b->form };
	p->common.exact = exact;
	p->common.max_ahead_us = b->max_ahead_us;
	p->common.ahead_dead = b->ahead_dead;
	p->metric = mem_array(b->n, sizeof(*p->metric));
	p->path = mem_array(SCAN_FIELDS, sizeof(*p->path));
	p->value_field = mem_alloc(SCAN_FIELDS);
	p->uniq_field = mem_alloc(SCAN_FIELDS);
	p->value_limit = mem_array(SCAN_FIELDS, sizeof(*p->value_limit));
	if (fill_plan(p, b, time, err)) {
		plan_free(p);
		return NULL;
	}
	p->zone = b->zone;
	p->form = b->form;
	b->zone = NULL;
	b->form = NULL;
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_metrics; i++) {
		metric_def_unref(p->metric[i].def);
		free(p->metric[i].dim_field);
		free(p->metric[i].measure);
	}
	if (p->common.time.name)
		path_fini(&p->common.time);
	zone_free(p->zone);
	timeform_free(p->form);
	free(p->metric);
	free(p->path);
	free(p->value_field);
	free(p->uniq_field);
	free(p->value_limit);
	free(p->held);
	for (size_t i = 0; i < p->n_conditions; i++) {
		condition_free(p->condition[i].condition);
		free(p->condition[i].column);
	}
	free(p->condition);
	free(p->key);
	free(p);
}

uint64_t plan_move_fields(const struct plan *from, uint64_t fields, const struct plan *to)
{
	uint64_t moved = 0;

	for (size_t i = 0; i < to->n_fields; i++) {
		size_t was = find_field(from, &to->path[i]);

		if (was < from->n_fields && fields >> was & 1)
			moved |= 1ULL << i;
	}
	return moved;
}
