/* Lines go through in batches of SCAN_BATCH, column by column: fields, times, values, uniques,
 * keys of each metric; a line that fails loses its bit in
 * `live`. Only then are the bits that are left counted, metric by metric (table.c). So the inner
 * loops are short, run over one kind of thing, and hardly
 * ever branch to where the line before did not. */
#include "agg/engine_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "proto/pos.h"

_Static_assert((int)SCAN_BATCH == (int)TABLE_BATCH && (int)SCAN_BATCH == (int)WINDOW_BATCH &&
		       SCAN_BATCH == 64,
	       "a batch of lines is one set of 64 bits");

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

/* Where each column of a metric finds what it adds. */
static void link_columns(struct engine *w, size_t metric)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	struct engine_metric *m = &w->metric[metric];

	m->contribution = mem_array(p->n_columns + 1, sizeof(*m->contribution));
	m->contributes = mem_array(p->n_columns + 1, sizeof(*m->contributes));
	for (size_t c = 0; c < p->n_columns; c++) {
		struct plan_part at = p->part[c];
		const struct agg_fn *fn = p->m.measure[at.measure].fn;
		size_t value = (size_t)p->measure[at.measure].value;

		if (p->rule[c] == COLUMN_COUNT)
			m->contribution[c] = NULL;
		else if (!fn->contribute)
			m->contribution[c] = w->value[value];
		else
			m->contribution[c] = contribution_of(w, fn, value)->part[at.part];
	}
}

static size_t all_measures(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_metrics; i++)
		n += plan->metric[i].m.n_measures;
	return n;
}

struct engine *engine_new(const struct plan *plan, int64_t lateness_us)
{
	struct engine *w = mem_zalloc(sizeof(*w));

	w->plan = plan;
	w->lateness_us = lateness_us;
	w->scan = scan_new(plan->path, plan->n_fields, NULL);
	w->metric = mem_array(plan->n_metrics, sizeof(*w->metric));
	for (size_t i = 0; i < plan->n_metrics; i++) {
		const struct plan_metric *m = &plan->metric[i];

		w->metric[i].table = table_new(
			(struct table_shape){ .value = m->value >= 0,
					      .uniq = m->uniq >= 0,
					      .windows = lateness_us != ENGINE_NO_LATENESS,
					      .columns = (unsigned)m->n_columns,
					      .rule = m->rule });
	}
	w->value = mem_array(plan->n_values + 1, sizeof(*w->value));
	w->has_value = mem_array(plan->n_values + 1, sizeof(*w->has_value));
	w->rounded = mem_array(plan->n_values + 1, sizeof(*w->rounded));
	w->uniq = mem_array(plan->n_uniqs + 1, sizeof(*w->uniq));
	w->has_uniq = mem_array(plan->n_uniqs + 1, sizeof(*w->has_uniq));
	w->contribution = mem_array(all_measures(plan) + 1, sizeof(*w->contribution));
	for (size_t i = 0; i < plan->n_metrics; i++)
		link_columns(w, i);
	w->counts.watermark_us = w->counts.ahead_us = POS_NONE;
	ahead_init(&w->own, plan->common.max_ahead_us);
	engine_from(w, 0, NULL, NULL);
	return w;
}

void engine_free(struct engine *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		table_free(w->metric[i].table);
		buf_fini(&w->metric[i].keys);
		free(w->metric[i].contribution);
		free(w->metric[i].contributes);
	}
	scan_free(w->scan);
	key_scratch_fini(&w->scratch);
	free(w->metric);
	free(w->value);
	free(w->has_value);
	free(w->rounded);
	free(w->uniq);
	free(w->has_uniq);
	free(w->contribution);
	free(w);
}

struct engine_counts *engine_counts(struct engine *w)
{
	return &w->counts;
}

struct engine_counts engine_counts_take(struct engine *w)
{
	struct engine_counts c = w->counts;

	w->counts = (struct engine_counts){ .ahead_us = POS_NONE, .watermark_us = c.watermark_us };
	if (w->lateness_us == ENGINE_NO_LATENESS)
		w->counts.watermark_us = POS_NONE;
	return c;
}

void engine_counts_add(struct engine_counts *to, const struct engine_counts *from)
{
	to->lines += from->lines;
	to->counted += from->counted;
	to->blank += from->blank;
	to->dead += from->dead;
	to->late += from->late;
	to->valid += from->valid;
	to->rounded += from->rounded;
	to->ahead += from->ahead;
	to->twice += from->twice;
	to->skipped += from->skipped;
	to->fields |= from->fields;
	if (from->watermark_us > to->watermark_us)
		to->watermark_us = from->watermark_us;
	if (from->ahead_us > to->ahead_us)
		to->ahead_us = from->ahead_us;
}

struct table *engine_table(struct engine *w, size_t metric)
{
	return w->metric[metric].table;
}

size_t engine_groups(const struct engine *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->plan->n_metrics; i++)
		n += table_groups(w->metric[i].table);
	return n;
}

int engine_merge(struct engine *w, struct engine *from, struct err *err)
{
	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		if (table_merge(w->metric[i].table, from->metric[i].table, err))
			return err_in(err, "metric %s", w->plan->metric[i].m.name);
		table_clear(from->metric[i].table);
	}
	return 0;
}

void engine_clear(struct engine *w)
{
	for (size_t i = 0; i < w->plan->n_metrics; i++)
		table_clear(w->metric[i].table);
}

/* ---- columns: each returns the lines of `live` that are still good */

static struct value_column batch_column_of(const struct engine *w, size_t field)
{
	return (struct value_column){ engine_field(w, 0, field), w->plan->n_fields };
}

static uint64_t read_times(struct engine *w, uint64_t live)
{
	struct value_column column = batch_column_of(w, w->plan->time_field);
	const struct value_when *when = &w->plan->common.when;
	struct value_time_sets sets = value_times(&w->clock, column, live, when, w->time_us);

	w->twice = sets.twice;
	w->skipped = sets.skipped;
	return sets.good;
}

/* The lines whose value is too large for an aggregate that asks for it. */
static uint64_t beyond_limit(const struct engine *w, size_t column)
{
	dec limit = w->plan->value_limit[column];
	uint64_t beyond = 0;

	for_each_line(i, w->has_value[column]) if (w->value[column][i] > limit ||
						   w->value[column][i] < -limit) beyond |= BIT(i);
	return beyond;
}

static uint64_t read_values(struct engine *w, size_t column, uint64_t live)
{
	struct value_sets sets = value_decs(batch_column_of(w, w->plan->value_field[column]), live,
					    w->value[column]);

	w->rounded[column] = w->plan->common.exact ? 0 : sets.rounded;
	w->has_value[column] = sets.exact | w->rounded[column];
	if (w->plan->value_limit[column])
		w->has_value[column] &= ~beyond_limit(w, column);
	return w->has_value[column] | sets.none;
}

static uint64_t read_uniqs(struct engine *w, size_t column, uint64_t live)
{
	uint64_t has = 0;

	for_each_line(i, live)
	{
		const struct field *f = engine_field(w, i, w->plan->uniq_field[column]);
		struct slice text;

		if (f->type <= FIELD_NULL)
			continue;
		if (key_text(f, &w->scratch, &text)) {
			live &= ~BIT(i);
			continue;
		}
		w->uniq[column][i] = hash_murmur64a(text.p, text.n);
		has |= BIT(i);
	}
	w->has_uniq[column] = has;
	return live;
}

static uint64_t build_keys(struct engine *w, size_t metric, uint64_t live)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	struct engine_metric *m = &w->metric[metric];
	uint64_t window[SCAN_BATCH];
	char *out;

	p->m.window.kind->ids(&p->m.window, w->time_us, live, window);
	m->keys.n = 0;
	out = buf_room(&m->keys, key_room(SCAN_BATCH, w->batch.used, p->m.n_dims));
	return key_build_lines(engine_field(w, 0, 0), w->plan->n_fields, live, p->dim_field,
			       p->m.n_dims, window, &w->scratch, out, m->key);
}

/* ---- a batch */

/* What aggregates that do not add the value itself add. */
static void contribute(struct engine *w)
{
	for (size_t i = 0; i < w->n_contributions; i++) {
		struct engine_contribution *c = &w->contribution[i];
		dec *const out[FN_PARTS_MAX] = { c->part[0], c->part[1], c->part[2], c->part[3] };
		dec value[SCAN_BATCH], *of = w->value[c->value];

		/* lines without a value hold what an earlier one had there, or nothing yet */
		for (size_t k = 0; k < SCAN_BATCH; k++)
			value[k] = w->has_value[c->value] >> k & 1 ? of[k] : 0;
		c->fn->contribute(value, SCAN_BATCH, out);
	}
}

static int add_batch(struct engine *w, uint64_t live, struct err *err)
{
	uint8_t line[SCAN_BATCH];
	unsigned n = 0;

	for_each_line(i, live) line[n++] = (uint8_t)i;
	contribute(w);
	for (size_t k = 0; k < w->plan->n_metrics; k++) {
		const struct plan_metric *p = &w->plan->metric[k];
		struct table_batch b = { .n = n, .line = line, .key = w->metric[k].key };

		if (p->value >= 0) {
			b.value = w->value[p->value];
			b.has_value = w->has_value[p->value];
		}
		if (p->uniq >= 0) {
			b.uniq = w->uniq[p->uniq];
			b.has_uniq = w->has_uniq[p->uniq];
		}
		for (size_t c = 0; c < p->n_columns; c++)
			w->metric[k].contributes[c] =
				w->has_value[p->measure[p->part[c].measure].value];
		b.contribution = w->metric[k].contribution;
		b.contributes = w->metric[k].contributes;
		if (table_add(w->metric[k].table, &b, err))
			return err_in(err, "metric %s", p->m.name);
	}
	for (size_t k = 0; k < w->plan->n_values; k++)
		w->counts.rounded += (unsigned)__builtin_popcountll(w->rounded[k] & live);
	w->counts.twice += (unsigned)__builtin_popcountll(w->twice & live);
	w->counts.skipped += (unsigned)__builtin_popcountll(w->skipped & live);
	w->counts.counted += n;
	return 0;
}

/* Which fields are there, as long as some were never seen. */
static void see_fields(struct engine *w, uint64_t valid)
{
	size_t n = w->plan->n_fields;
	uint64_t missing = ~w->counts.fields & (n < 64 ? BIT(n) - 1 : ~0ULL);

	for_each_line(f, missing)
	{
		bool seen = false;

		for_each_line(i, valid) seen |= engine_field(w, i, f)->type != FIELD_MISSING;
		if (seen)
			w->counts.fields |= BIT(f);
	}
}

static int refuse_lines(struct engine *w, uint64_t dead, uint64_t late, uint64_t nth,
			const char *block, engine_refused_fn *refused, void *arg, struct err *err)
{
	for_each_line(i, dead | late)
	{
		struct slice record = slice(w->batch.start[i], w->batch.length[i]);
		struct err why = ERR_INIT;

		if (w->ahead >> i & 1)
			engine_why_ahead(w, &why);
		else if (dead >> i & 1)
			engine_why(w, (unsigned)i, &why);
		if (refused(arg, nth + i, (size_t)(record.p - block), record,
			    dead >> i & 1 ? why.msg : NULL, err))
			return -1;
	}
	w->counts.dead += (unsigned)__builtin_popcountll(dead);
	w->counts.late += (unsigned)__builtin_popcountll(late);
	return 0;
}

static uint64_t validate(struct engine *w, uint64_t live)
{
	live = read_times(w, live);
	for (size_t k = 0; k < w->plan->n_values; k++)
		live = read_values(w, k, live);
	for (size_t k = 0; k < w->plan->n_uniqs; k++)
		live = read_uniqs(w, k, live);
	for (size_t k = 0; k < w->plan->n_metrics; k++)
		live = build_keys(w, k, live);
	return live;
}

int engine_block(struct engine *w, struct slice block, engine_refused_fn *refused, void *arg,
		 struct err *err)
{
	struct scan_batch *b = &w->batch;

	for (uint64_t nth = 0, at = 0; at < block.n; nth += b->lines, at += b->used) {
		uint64_t live, late;

		scan_lines(w->scan, block.p + at, block.n - at, b);
		see_fields(w, b->valid);
		live = validate(w, b->valid);
		w->counts.lines += b->lines;
		w->counts.blank += (unsigned)__builtin_popcountll(b->blank);
		w->counts.valid += (unsigned)__builtin_popcountll(b->valid);
		late = engine_judge(w, live);
		live &= ~w->ahead;
		if (add_batch(w, live & ~late, err))
			return -1;
		live |= b->blank;
		if ((late || (unsigned)__builtin_popcountll(live) != b->lines) &&
		    refuse_lines(w, (b->lines < 64 ? BIT(b->lines) - 1 : ~0ULL) & ~live, late, nth,
				 block.p, refused, arg, err))
			return -1;
	}
	return 0;
}

void engine_peek(struct engine *w, struct slice block, struct buf *times)
{
	struct scan_batch *b = &w->batch;

	for (uint64_t at = 0; at < block.n; at += b->used) {
		scan_lines(w->scan, block.p + at, block.n - at, b);
		engine_keep_times(w, validate(w, b->valid), times);
	}
}
