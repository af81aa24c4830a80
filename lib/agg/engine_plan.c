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

/* Where each column of a metric finds what it adds. */
static void link_columns(struct engine *w, size_t metric)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	const struct metric_def *d = p->def;
	struct engine_metric *m = &w->metric[metric];

	m->contribution = mem_array(d->n_kept + 1, sizeof(*m->contribution));
	m->contributes = mem_array(d->n_kept + 1, sizeof(*m->contributes));
	m->measured = mem_array(d->m.n_measures + 1, sizeof(*m->measured));
	for (size_t c = 0; c < d->n_columns; c++) {
		struct metric_part at = d->part[c];

		m->contribution[c] = link_column(w, d->rule[c], d->m.measure[at.measure].fn,
						 at.part, &p->measure[at.measure]);
	}
	for (size_t c = d->n_columns; c < d->n_kept; c++)
		m->contribution[c].value = w->time_dec;
}

static size_t all_measures(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_metrics; i++)
		n += plan->metric[i].def->m.n_measures;
	return n;
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
	w->contribution = mem_array(all_measures(plan) + 1, sizeof(*w->contribution));
	w->n_contributions = 0;
	for (size_t i = 0; i < plan->n_metrics; i++)
		link_columns(w, i);
	engine_from(w, 0, NULL, NULL);
}

static void unbind_plan(struct engine *w)
{
	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		free(w->metric[i].contribution);
		free(w->metric[i].contributes);
		free(w->metric[i].measured);
	}
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
