/* Columns of a row stand in order of rule and name, a measure's parts so in several places: of
 * each column its measure and part are noted. */
#include "agg/metric_def.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Puts a part of a measure into its place. */
static void insert_column(struct metric_def *d, size_t measure, unsigned part,
			  const struct fn_part *p)
{
	const struct metric_measure *x = &d->m.measure[measure];
	struct column c = { p->rule, slice_z(mem_printf("%s.%s.%s", x->name, x->op, p->name)) };
	size_t at = d->n_columns++;

	for (; at > 0 && column_cmp(&d->column[at - 1], &c) > 0; at--) {
		d->column[at] = d->column[at - 1];
		d->part[at] = d->part[at - 1];
	}
	d->column[at] = c;
	d->part[at] = (struct metric_part){ measure, part };
}

/* Names of the measures of a row, met one by one. */
struct met_names {
	struct slice v[2 * COLUMNS_MAX];
	size_t n;
	struct arena arena;
	char twice[128]; /* one that was met before */
};

static void meet_name(void *arg, struct slice name, struct slice value)
{
	struct met_names *m = arg;

	(void)value;
	for (size_t i = 0; i < m->n; i++)
		if (slice_eq(m->v[i], name))
			snprintf(m->twice, sizeof(m->twice), "%.*s", (int)name.n, name.p);
	if (m->n < 2 * COLUMNS_MAX)
		m->v[m->n++] = arena_copy(&m->arena, name);
}

/* An aggregate may write several measures: no name may be that of another. */
static int check_names(const struct metric_def *d, struct err *err)
{
	struct met_names met = { .n = 0 };
	struct cell cell[COLUMNS_MAX];

	for (size_t i = 0; i < d->n_columns; i++)
		cell[i] = (struct cell){ .column = d->column[i],
					 .empty = d->rule[i] >= COLUMN_MIN };
	fn_each_measure(cell, d->n_columns, 1, meet_name, &met);
	arena_fini(&met.arena);
	return met.twice[0] ? err_set(err, EX_USAGE, "two measures are called %s", met.twice) : 0;
}

int metric_columns_full(struct err *err)
{
	return err_set(err, EX_USAGE,
		       "the measures of a metric keep at most %d columns: a histogram one a bound "
		       "and one more, avg and sum two, stddev three",
		       COLUMNS_MAX);
}

static int fill_columns(struct metric_def *d, struct err *err)
{
	size_t sketches = 0, held = 0;

	d->column = mem_array(COLUMNS_MAX, sizeof(*d->column));
	d->rule = mem_array(COLUMNS_MAX + METRIC_TIMES, sizeof(*d->rule));
	d->part = mem_array(COLUMNS_MAX, sizeof(*d->part));
	for (size_t i = 0; i < d->m.n_measures; i++) {
		struct fn_args args = metric_measure_args(&d->m.measure[i]);
		struct fn_part part[FN_PARTS_MAX];
		unsigned n = fn_parts(d->m.measure[i].fn, &args, part);

		if (n == 0)
			return err_set(err, EX_USAGE, "%s takes fewer numbers than that",
				       d->m.measure[i].op);
		if (d->n_columns + n > COLUMNS_MAX)
			return metric_columns_full(err);
		for (unsigned k = 0; k < n; k++)
			insert_column(d, i, k, &part[k]);
	}
	for (size_t at = 0; at < d->n_columns; at++) {
		d->rule[at] = d->column[at].rule;
		held += d->rule[at] == COLUMN_LOWEST || d->rule[at] == COLUMN_HIGHEST;
		sketches += column_is_sketch(d->rule[at]);
	}
	sketches -= held;
	if (held &&
	    sketches * METRIC_HELD_PER_SKETCH + held > METRIC_SKETCHES_MAX * METRIC_HELD_PER_SKETCH)
		return err_set(err, EX_USAGE,
			       "a metric has at most %d measures of first, last, arg_min and "
			       "arg_max, %d less for each that keeps a sketch",
			       METRIC_SKETCHES_MAX * METRIC_HELD_PER_SKETCH,
			       METRIC_HELD_PER_SKETCH);
	if (sketches > METRIC_SKETCHES_MAX)
		return err_set(err, EX_USAGE,
			       "a metric has at most %d measures that keep a sketch: say "
			       "quantiles(x, 0.5, 0.99) for p50(x) and p99(x), which share one",
			       METRIC_SKETCHES_MAX);
	d->n_kept = d->n_columns;
	if (d->m.window.kind->joined) {
		d->rule[d->n_kept++] = COLUMN_MIN;
		d->rule[d->n_kept++] = COLUMN_MAX;
	}
	return check_names(d, err);
}

void metric_times(const struct metric_def *d, const struct table *t, const struct group *g,
		  int64_t *first_us, int64_t *last_us)
{
	*first_us = (int64_t)table_number(t, g, (unsigned)d->n_columns);
	*last_us = (int64_t)table_number(t, g, (unsigned)d->n_columns + 1);
}

struct metric_def *metric_def_new_take(struct metric *m, const struct metric_common *c,
				       struct err *err)
{
	struct metric_def *d = mem_zalloc(sizeof(*d));

	d->m = *m;
	*m = (struct metric){ 0 };
	d->references = 1;
	if (fill_columns(d, err) || metric_check_final(d, err)) {
		metric_def_unref(d);
		return NULL;
	}
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
	free(d);
}

bool metric_def_same(const struct metric_def *a, const struct metric_def *b)
{
	return strcmp(a->m.name, b->m.name) == 0 && strcmp(a->cfg, b->cfg) == 0;
}
