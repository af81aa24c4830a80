/* What becomes of a metric's final rows: options of one metric like its dimensions, but no part of
 * what it means in a store, where all rows are. */
#include <stdlib.h>
#include <string.h>

#include "agg/metric_def.h"
#include "base/mem.h"
#include "base/num.h"

int metric_set_top(struct metric *m, const char *text, struct err *err)
{
	const char *colon = strchr(text, ':');
	char *number = mem_dup(text, colon ? (size_t)(colon - text) : strlen(text));
	int rc = num_count(number, &m->final.top, err);

	if (rc == 0 && m->final.top == 0)
		rc = err_set(err, EX_USAGE, "\"%s\": at least one row of a window stays", text);
	if (rc == 0 && colon && !measure_name_ok(slice_z(colon + 1)))
		rc = err_set(err, EX_USAGE, "\"%s\": N, or N:MEASURE, such as 10:count", text);
	free(number);
	free(m->final.top_by);
	m->final.top_by = mem_strdup(colon ? colon + 1 : "count");
	return rc;
}

static int fold_dim(struct metric *m, const char *name, struct err *err)
{
	for (size_t i = 0; i < m->n_dims; i++)
		if (strcmp(m->dim[i].name, name) == 0) {
			m->final.fold |= 1U << i;
			return 0;
		}
	return err_set(err, EX_USAGE, "--fold %s: it is no dimension (--by)", name);
}

int metric_set_fold(struct metric *m, struct slice list, struct err *err)
{
	struct metric folded = { 0 };
	int rc = metric_add_dims(&folded, list, err);

	for (size_t i = 0; i < folded.n_dims && rc == 0; i++)
		rc = fold_dim(m, folded.dim[i].name, err);
	metric_fini(&folded);
	return rc;
}

struct wanted_measure {
	const char *name;
	bool found;
};

static void look_at_measure(void *arg, struct slice name, struct slice value)
{
	struct wanted_measure *w = arg;

	w->found |= slice_is(name, w->name) && value.n && *value.p != '{';
}

int metric_check_final(const struct metric_def *d, struct err *err)
{
	const struct metric *m = &d->m;
	struct wanted_measure w = { m->final.top_by, false };
	struct cell cell[COLUMNS_MAX];

	if (m->window.kind->joined && (m->final.fold || m->final.top))
		return err_set(err, EX_USAGE,
			       "--top and --fold compare rows of one window: sessions have each "
			       "their own (--gap)");
	if (m->final.fold && !m->final.groups_max)
		return err_set(err, EX_USAGE, "--fold needs --max-groups: how many are too many");
	if (!m->final.top)
		return 0;
	for (size_t i = 0; i < d->n_columns; i++)
		cell[i] = (struct cell){ .column = d->column[i],
					 .empty = d->rule[i] >= COLUMN_MIN };
	fn_each_measure(cell, d->n_columns, 1, look_at_measure, &w);
	for (size_t i = 0; metric_classic[i].name; i++)
		w.found |= metric_classic[i].has(m) && strcmp(w.name, metric_classic[i].name) == 0;
	return w.found ? 0
		       : err_set(err, EX_USAGE,
				 "--top by %s: rows have no number of this name (count, or one of "
				 "--value, --uniq and --agg)",
				 w.name);
}

/* ---- measures that are fields of rows */

static bool has_always(const struct metric *m)
{
	(void)m;
	return true;
}
static bool has_value(const struct metric *m)
{
	return m->has_value;
}
static bool has_uniq(const struct metric *m)
{
	return m->has_uniq;
}

static void text_count(const struct group_counts *g, struct buf *out)
{
	buf_printf(out, "%llu", (unsigned long long)g->count);
}
static void text_value_count(const struct group_counts *g, struct buf *out)
{
	buf_printf(out, "%llu", (unsigned long long)g->value_count);
}

static void text_dec(const struct group_counts *g, dec v, struct buf *out)
{
	char text[DEC_TEXT_BYTES];

	if (g->value_count)
		buf_add(out, text, dec_text(v, text));
}
static void text_sum(const struct group_counts *g, struct buf *out)
{
	text_dec(g, g->sum, out);
}
static void text_min(const struct group_counts *g, struct buf *out)
{
	text_dec(g, g->min, out);
}
static void text_max(const struct group_counts *g, struct buf *out)
{
	text_dec(g, g->max, out);
}
static void text_uniq(const struct group_counts *g, struct buf *out)
{
	buf_printf(out, "%llu", (unsigned long long)(g->uniq ? hll_count(g->uniq) : 0));
}

const struct metric_classic metric_classic[] = {
	{ "count", has_always, text_count },
	{ "value_count", has_value, text_value_count },
	{ "sum", has_value, text_sum },
	{ "min", has_value, text_min },
	{ "max", has_value, text_max },
	{ "uniq", has_uniq, text_uniq },
	{ NULL, NULL, NULL },
};
