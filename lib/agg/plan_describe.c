/* What others are told of a plan: who asks for a field, for messages; its metrics, for
 * the hello. */
#include "agg/plan_internal.h"

#include "proto/ctl.h"

static bool condition_uses(const struct plan *p, int condition, size_t field)
{
	const struct plan_condition *c = condition < 0 ? NULL : &p->condition[condition];

	for (size_t i = 0; c && i < condition_fields(c->condition); i++)
		if (c->column[i] == field)
			return true;
	return false;
}

static bool measure_uses(const struct plan *p, const struct plan_measure *m, size_t field)
{
	return (m->value >= 0 && p->value_field[m->value] == field) ||
	       (m->uniq >= 0 && p->uniq_field[m->uniq] == field) ||
	       (m->held >= 0 &&
		(p->held[m->held].field == field || p->held[m->held].by == (int)field)) ||
	       m->present == (int)field || condition_uses(p, m->where, field);
}

const struct plan_metric *plan_who(const struct plan *p, size_t field, const char **option)
{
	*option = "--time";
	if (field == p->time_field)
		return &p->metric[0];
	for (size_t i = 0; i < p->n_metrics; i++) {
		const struct plan_metric *m = &p->metric[i];

		*option = "--by";
		for (size_t k = 0; k < m->def->m.n_dims; k++)
			if (m->dim_field[k] == field)
				return m;
		*option = "--where";
		if (condition_uses(p, m->where, field))
			return m;
		*option = "--value";
		if (m->value >= 0 && p->value_field[m->value] == field)
			return m;
		*option = "--agg";
		for (size_t k = 0; k < m->def->m.n_measures; k++)
			if (measure_uses(p, &m->measure[k], field))
				return m;
		*option = "--uniq";
		if (m->uniq >= 0 && p->uniq_field[m->uniq] == field)
			return m;
	}
	return NULL;
}

void plan_cfg(const struct plan *p, char out[METRIC_CFG_CHARS + 1])
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->n_metrics; i++)
		buf_printf(&b, "%s\n%s\n", p->metric[i].def->m.name, p->metric[i].def->cfg);
	metric_hash_text(buf_slice(&b), out);
	buf_fini(&b);
}

static void list_metric(const struct plan *p, const struct metric_def *d, struct buf *out)
{
	struct buf def = { 0 }, columns = { 0 };
	struct ctl_metric m = { .name = slice_z(d->m.name),
				.cfg = slice_z(d->cfg),
				.every_us = d->m.window.pane_us };

	metric_describe(&d->m, &p->common, &def);
	m.def = buf_slice(&def);
	if (d->n_columns)
		columns_format(d->column, d->n_columns, &columns);
	m.columns = buf_slice(&columns);
	ctl_metric_write(&m, out);
	buf_fini(&def);
	buf_fini(&columns);
}

void plan_list(const struct plan *p, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < p->n_metrics; i++) {
		buf_addz(out, i ? "," : "");
		list_metric(p, p->metric[i].def, out);
	}
	buf_addc(out, ']');
}
