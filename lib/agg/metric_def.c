/* Columns of a row stand in order of rule and name, a measure's parts so in several places: both
 * ways are noted, from a column to its measure and part, and back. */
#include "agg/metric_def.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Puts a part of a measure into its place. */
static void insert_column(struct metric_def *d, size_t measure, unsigned part)
{
	const struct metric_measure *x = &d->m.measure[measure];
	struct column c = { x->fn->part[part].rule,
			    slice_z(mem_printf("%s.%s.%s", x->name, x->fn->name,
					       x->fn->part[part].name)) };
	size_t at = d->n_columns++;

	for (; at > 0 && column_cmp(&d->column[at - 1], &c) > 0; at--) {
		d->column[at] = d->column[at - 1];
		d->part[at] = d->part[at - 1];
	}
	d->column[at] = c;
	d->part[at] = (struct metric_part){ measure, part };
}

static void fill_columns(struct metric_def *d)
{
	size_t most = d->m.n_measures * FN_PARTS_MAX + 1;

	d->column = mem_array(most, sizeof(*d->column));
	d->rule = mem_array(most, sizeof(*d->rule));
	d->part = mem_array(most, sizeof(*d->part));
	d->measure_column = mem_array(d->m.n_measures + 1, sizeof(*d->measure_column));
	for (size_t i = 0; i < d->m.n_measures; i++)
		for (unsigned k = 0; k < d->m.measure[i].fn->parts; k++)
			insert_column(d, i, k);
	for (size_t at = 0; at < d->n_columns; at++) {
		d->rule[at] = d->column[at].rule;
		d->measure_column[d->part[at].measure][d->part[at].part] = at;
	}
}

struct metric_def *metric_def_new_take(struct metric *m, const struct metric_common *c,
				       struct err *err)
{
	struct metric_def *d = mem_zalloc(sizeof(*d));

	d->m = *m;
	*m = (struct metric){ 0 };
	d->references = 1;
	if (d->m.n_measures > COLUMNS_MAX / FN_PARTS_MAX) {
		err_set(err, EX_USAGE, "a metric has at most %d measures",
			COLUMNS_MAX / FN_PARTS_MAX);
		metric_def_unref(d);
		return NULL;
	}
	fill_columns(d);
	metric_cfg(&d->m, c, d->cfg);
	return d;
}

struct metric_def *metric_def_ref(struct metric_def *d)
{
	d->references++;
	return d;
}

void metric_def_unref(struct metric_def *d)
{
	if (!d || --d->references)
		return;
	for (size_t i = 0; i < d->n_columns; i++)
		free((char *)(uintptr_t)d->column[i].name.p);
	metric_fini(&d->m);
	free(d->column);
	free(d->rule);
	free(d->part);
	free(d->measure_column);
	free(d);
}

bool metric_def_same(const struct metric_def *a, const struct metric_def *b)
{
	return strcmp(a->m.name, b->m.name) == 0 && strcmp(a->cfg, b->cfg) == 0;
}
