/* What a plan makes of an engine: its scan, its columns, and where each metric finds what it adds.
 * All of that goes with the plan; the metrics' states do not (metric_state.h). So another plan
 * costs a few allocations, and the scan learns the order of the fields anew. */
#include "agg/engine_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/pos.h"

/* What an aggregate makes of a column of values, once for all who ask. */
static struct engine_contribution *contribution_of(struct engine *w, const struct agg_fn *fn,
						   size_t value)
{
	size_t i = 0;

	while (i < w->n_contributions &&
	       (w->contribution[i].fn != fn || w->contribution[i].value != value))
		i++;
	if (i == w->n_contributions) {
		w->contribution[i].fn = fn;
		w->contribution[i].value = value;
		w->n_contributions++;
	}
	return &w->contribution[i];
}

static struct table_contribution link_column(struct engine *w, enum column_rule rule,
					     const struct agg_fn *fn, unsigned part,
					     const struct plan_measure *m)
{
	struct table_contribution none = { 0 };

	if (rule == COLUMN_COUNT)
		return none;
	if (m->uniq >= 0)
		return (struct table_contribution){ .item = w->uniq[m->uniq] };
	if (m->held >= 0)
		return (struct table_contribution){ .item = w->held[m->held].item };
	if (fn->items)
		return (struct table_contribution){
			.item = contribution_of(w, fn, (size_t)m->value)->item
		};
	return (struct table_contribution){
		.value = fn->contribute ? contribution_of(w, fn, (size_t)m->value)->part[part]
					: w->value[m->value]
	};
}

/* What a measure is taken of. */
static struct engine_measure link_measure(const struct engine *w, const struct plan_measure *x)
{
	struct engine_measure m = { .where = x->where < 0 ? &w->unconditional : &w->holds[x->where],
				    .has = &w->every,
				    .good = &w->every,
				    .present = -1,
				    .limited = x->value >= 0 && x->limit };

	if (x->value >= 0) {
		m.has = &w->has_value[x->value];
		m.good = &w->good_value[x->value];
	} else if (x->uniq >= 0) {
		m.has = &w->has_uniq[x->uniq];
		m.good = &w->good_uniq[x->uniq];
	} else if (x->held >= 0) {
		m.has = &w->held[x->held].has;
		m.good = &w->held[x->held].good;
	} else {
		m.present = x->present;
	}
	return m;
}

/* Where each measure and each column of a metric finds what it adds. */
static void link_metric(struct engine *w, size_t metric)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	const struct metric_def *d = p->def;
	struct engine_metric *m = &w->metric[metric];

	m->n_measures = (uint16_t)d->m.n_measures;
	m->n_columns = (uint16_t)d->n_columns;
	m->n_kept = (uint16_t)d->n_kept;
	for (size_t i = 0; i < m->n_measures; i++)
		m->measure[i] = link_measure(w, &p->measure[i]);
	for (size_t c = 0; c < m->n_columns; c++) {
		struct metric_part at = d->part[c];
		const struct agg_fn *fn = d->m.measure[at.measure].fn;

		m->column[c] = (struct engine_column){ (uint16_t)at.measure, fn->select != NULL };
		m->contribution[c] = link_column(w, d->rule[c], fn, at.part,
						 &p->measure[at.measure]);
	}
	for (size_t c = m->n_columns; c < m->n_kept; c++)
		m->contribution[c].value = w->time_dec;
}

static void link_metrics(struct engine *w)
{
	size_t measures = 0, columns = 0;

	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		measures += w->plan->metric[i].def->m.n_measures;
		columns += w->plan->metric[i].def->n_kept;
	}
	w->contribution = mem_array(measures + 1, sizeof(*w->contribution));
	w->n_contributions = 0;
	w->measures = mem_array(measures + 1, sizeof(*w->measures));
	w->all_measured = mem_array(measures + 1, sizeof(*w->all_measured));
	w->columns = mem_array(columns + 1, sizeof(*w->columns));
	w->added = mem_array(columns + 1, sizeof(*w->added));
	w->all_contributes = mem_array(columns + 1, sizeof(*w->all_contributes));
	measures = columns = 0;
	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		struct engine_metric *m = &w->metric[i];

		m->measure = w->measures + measures;
		m->measured = w->all_measured + measures;
		m->column = w->columns + columns;
		m->contribution = w->added + columns;
		m->contributes = w->all_contributes + columns;
		measures += w->plan->metric[i].def->m.n_measures;
		columns += w->plan->metric[i].def->n_kept;
		link_metric(w, i);
	}
}

/* A condition belongs to one thread, so each engine has its own. The plan has tried the text. */
static void bind_conditions(struct engine *w)
{
	const struct plan *p = w->plan;

	w->condition = mem_array(p->n_conditions + 1, sizeof(*w->condition));
	w->holds = mem_array(p->n_conditions + 1, sizeof(*w->holds));
	for (size_t i = 0; i < p->n_conditions; i++) {
		struct err err = ERR_INIT;

		w->condition[i] = condition_new(slice_z(p->condition[i].text), &err);
		if (!w->condition[i])
			BUG("%s: %s", p->condition[i].text, err.msg);
		condition_bind(w->condition[i], p->condition[i].column);
	}
}

/* A key that several metrics have is looked up once for all of them. */
static void share_keys(struct engine *w)
{
	for (size_t k = 0; k < w->plan->n_keys; k++) {
		unsigned sharers = 0;

		for (size_t i = 0; i < w->plan->n_metrics; i++)
			sharers += w->plan->metric[i].key == k;
		/* keys with times hardly ever come twice */
		if (sharers >= KEY_SHARERS_MIN && !window_is_exact(&w->plan->key[k].m->window))
			w->key[k].directory = directory_new();
	}
}

/* But for the states. */
static void bind_plan(struct engine *w, const struct plan *plan)
{
	w->plan = plan;
	w->every = w->unconditional.holds = UINT64_MAX;
	w->scan = scan_new(plan->path, plan->n_fields, NULL);
	w->metric = mem_array(plan->n_metrics, sizeof(*w->metric));
	w->key = mem_array(plan->n_keys, sizeof(*w->key));
	for (size_t i = 0; i < plan->n_keys; i++)
		w->key[i].shaped = engine_shaped_new(plan->key[i].m);
	share_keys(w);
	w->value = mem_array(plan->n_values + 1, sizeof(*w->value));
	w->has_value = mem_array(plan->n_values + 1, sizeof(*w->has_value));
	w->rounded = mem_array(plan->n_values + 1, sizeof(*w->rounded));
	w->good_value = mem_array(plan->n_values + 1, sizeof(*w->good_value));
	w->beyond = mem_array(plan->n_values + 1, sizeof(*w->beyond));
	w->uniq = mem_array(plan->n_uniqs + 1, sizeof(*w->uniq));
	w->has_uniq = mem_array(plan->n_uniqs + 1, sizeof(*w->has_uniq));
	w->good_uniq = mem_array(plan->n_uniqs + 1, sizeof(*w->good_uniq));
	w->held = mem_array(plan->n_held + 1, sizeof(*w->held));
	bind_conditions(w);
	link_metrics(w);
	engine_from(w, 0, NULL, NULL);
}

static void unbind_plan(struct engine *w)
{
	for (size_t i = 0; i < w->plan->n_keys; i++) {
		buf_fini(&w->key[i].room);
		buf_fini(&w->key[i].timed);
		engine_shaped_free(w->key[i].shaped);
		directory_free(w->key[i].directory);
	}
	for (size_t i = 0; i < w->plan->n_conditions; i++)
		condition_free(w->condition[i]);
	for (size_t i = 0; i < w->plan->n_held; i++) {
		buf_fini(&w->held[i].text);
		buf_fini(&w->held[i].value_text);
		buf_fini(&w->held[i].by_text);
	}
	free(w->held);
	free(w->condition);
	free(w->holds);
	free(w->good_value);
	free(w->beyond);
	free(w->good_uniq);
	scan_free(w->scan);
	free(w->metric);
	free(w->key);
	free(w->value);
	free(w->has_value);
	free(w->rounded);
	free(w->uniq);
	free(w->has_uniq);
	free(w->contribution);
	free(w->measures);
	free(w->all_measured);
	free(w->columns);
	free(w->added);
	free(w->all_contributes);
}

static struct metric_state *begin_metric(const struct engine *w, struct metric_def *def)
{
	return metric_state_new(def, w->lateness_us != ENGINE_NO_LATENESS);
}

struct engine *engine_new(const struct plan *plan, int64_t lateness_us)
{
	struct engine *w = mem_zalloc(sizeof(*w));

	w->lateness_us = lateness_us;
	ahead_init(&w->own, plan->common.max_ahead_us);
	bind_plan(w, plan);
	for (size_t i = 0; i < plan->n_metrics; i++)
		w->metric[i].state = begin_metric(w, plan->metric[i].def);
	w->counts.watermark_us = w->counts.ahead_us = POS_NONE;
	return w;
}

void engine_free(struct engine *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->plan->n_metrics; i++)
		metric_state_free(w->metric[i].state);
	unbind_plan(w);
	key_scratch_fini(&w->scratch);
	free(w);
}

/* Takes the state that counts what a definition says out of n; NULL: there is none. */
static struct metric_state *take_state(struct metric_state **state, size_t n,
				       const struct metric_def *def)
{
	for (size_t i = 0; i < n; i++) {
		struct metric_state *s = state[i];

		if (s && metric_def_same(s->def, def)) {
			state[i] = NULL;
			return s;
		}
	}
	return NULL;
}

size_t engine_replan(struct engine *w, const struct plan *plan, struct metric_state **gone)
{
	size_t n = w->plan->n_metrics, n_gone = 0;

	w->counts.fields = plan_move_fields(w->plan, w->counts.fields, plan);
	for (size_t i = 0; i < n; i++)
		gone[i] = w->metric[i].state;
	unbind_plan(w);
	bind_plan(w, plan);
	w->own.bound_us = plan->common.max_ahead_us;
	for (size_t i = 0; i < plan->n_metrics; i++) {
		struct metric_def *def = plan->metric[i].def;
		struct metric_state *s = take_state(gone, n, def);

		w->metric[i].state = s ? s : begin_metric(w, def);
		table_forget_numbers(w->metric[i].state->table);
	}
	for (size_t i = 0; i < n; i++)
		if (gone[i])
			gone[n_gone++] = gone[i];
	return n_gone;
}
