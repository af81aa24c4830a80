/* Measures of a metric, out of the text of --agg, which rule.h reads. Each is owned by the
 * metric and stands in order of its name. */
#include "agg/metric.h"

#include <stdlib.h>
#include <string.h>

#include "agg/rule.h"
#include "base/mem.h"

static int unknown_operation(struct slice op, struct err *err)
{
	struct buf names = { 0 };
	int rc;

	for (size_t i = 0; fn_all[i]; i++) {
		buf_addz(&names, i ? ", " : "");
		buf_addz(&names, fn_all[i]->name);
	}
	rc = err_set(err, EX_USAGE, "there is no aggregate \"%.*s\": %.*s", (int)op.n, op.p,
		     (int)names.n, names.p);
	buf_fini(&names);
	return rc;
}

static int name_measure(struct metric_measure *m, const struct rule_measure *from, struct err *err)
{
	struct buf name = { 0 };

	rule_measure_name(from, &name);
	if (measure_name_ok(buf_slice(&name)))
		m->name = mem_dup(name.p, name.n);
	else
		err_set(err, EX_USAGE,
			"\"%.*s\" is no name of a measure (1 to 63 letters, digits and "
			"underscores): say NAME=%s(..)",
			(int)name.n, name.p, m->op);
	buf_fini(&name);
	return m->name ? 0 : -1;
}

struct fn_args metric_measure_args(const struct metric_measure *m)
{
	return (struct fn_args){ m->has_path, m->arg, m->args };
}

void metric_measure_fini(struct metric_measure *m)
{
	if (m->has_path)
		path_fini(&m->path);
	if (m->has_by)
		path_fini(&m->by);
	free(m->name);
	free(m->op);
	free(m->arg);
	free(m->where);
}

static int fill_measure(struct metric_measure *m, const struct rule_measure *from, struct err *err)
{
	m->fn = fn_find(from->op);
	if (!m->fn)
		return unknown_operation(from->op, err);
	m->op = mem_dup(from->op.p, from->op.n);
	m->has_path = from->path.p != NULL;
	if (m->has_path && path_parse(&m->path, from->path, err))
		return -1;
	m->has_by = from->by.p != NULL;
	if (m->has_by && path_parse(&m->by, from->by, err))
		return -1;
	m->args = from->args;
	m->arg = mem_array(from->args + 1, sizeof(*m->arg));
	for (size_t i = 0; i < from->args; i++)
		m->arg[i] = from->arg[i];
	if (from->args >= FN_PARTS_MAX)
		return err_set(err, EX_USAGE, "%s takes at most %d numbers", m->op,
			       FN_PARTS_MAX - 1);
	m->where = from->where.p ? mem_dup(from->where.p, from->where.n) : NULL;
	return name_measure(m, from, err);
}

static int insert_measure(struct metric *m, const struct metric_measure *x, struct err *err)
{
	size_t i = m->n_measures;

	while (i > 0 && strcmp(m->measure[i - 1].name, x->name) > 0)
		i--;
	if (i > 0 && strcmp(m->measure[i - 1].name, x->name) == 0)
		return err_set(err, EX_USAGE, "two measures are called %s", x->name);
	m->measure = mem_grow(m->measure, m->n_measures + 1, sizeof(*m->measure));
	memmove(m->measure + i + 1, m->measure + i, (m->n_measures - i) * sizeof(*m->measure));
	m->measure[i] = *x;
	m->n_measures++;
	return 0;
}

/* Rows have it anyway. */
static bool is_row_count(const struct rule_measure *m)
{
	return slice_is(m->op, "count") && !m->path.p && !m->where.p &&
	       (!m->name.p || slice_is(m->name, "count"));
}

int metric_add_measure(struct metric *m, const char *text, struct err *err)
{
	struct metric_measure x = { 0 };
	struct rule_measure from;
	struct arena a = { 0 };
	int rc = rule_measure_parse(&a, slice_z(text), &from, err);

	if (rc == 0 && is_row_count(&from)) {
		arena_fini(&a);
		return 0;
	}
	if (rc == 0)
		rc = fill_measure(&x, &from, err) || insert_measure(m, &x, err) ? -1 : 0;
	if (rc)
		metric_measure_fini(&x);
	arena_fini(&a);
	return rc;
}
