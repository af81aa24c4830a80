/* Lines go through in batches of SCAN_BATCH, column by column: fields, times, conditions, values,
 * uniques; then metric by metric: which lines it wants, which of those are good, their keys
 * (engine_judge.c). All of that is sets of bits, a line each. Only then are the bits that are left
 * counted (table.c). So the inner loops are short, run over one kind of thing, and hardly ever
 * branch to where the line before did not. */
#include "agg/engine_internal.h"

#include "proto/pos.h"

_Static_assert((int)SCAN_BATCH == (int)TABLE_BATCH && (int)SCAN_BATCH == (int)WINDOW_BATCH &&
		       SCAN_BATCH == 64,
	       "a batch of lines is one set of 64 bits");

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
	to->filtered += from->filtered;
	to->partly += from->partly;
	to->partly_late += from->partly_late;
	to->valid += from->valid;
	to->rounded += from->rounded;
	to->cut += from->cut;
	to->ahead += from->ahead;
	to->twice += from->twice;
	to->skipped += from->skipped;
	to->fields |= from->fields;
	if (from->watermark_us > to->watermark_us)
		to->watermark_us = from->watermark_us;
	if (from->ahead_us > to->ahead_us)
		to->ahead_us = from->ahead_us;
}

struct metric_state *engine_state(struct engine *w, size_t metric)
{
	return w->metric[metric].state;
}

size_t engine_groups(const struct engine *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->plan->n_metrics; i++)
		n += table_groups(w->metric[i].state->table);
	return n;
}

int engine_merge(struct engine *w, struct engine *from, struct err *err)
{
	for (size_t i = 0; i < w->plan->n_metrics; i++)
		if (metric_state_merge(w->metric[i].state, from->metric[i].state, err))
			return -1;
	return 0;
}

void engine_clear(struct engine *w)
{
	for (size_t i = 0; i < w->plan->n_metrics; i++)
		metric_state_clear(w->metric[i].state);
}

/* ---- a batch */

/* What aggregates that do not add the value itself add. */
static void contribute(struct engine *w)
{
	for (size_t i = 0; i < w->n_contributions; i++) {
		struct engine_contribution *c = &w->contribution[i];
		dec *const out[FN_PARTS_MAX] = { c->part[0], c->part[1], c->part[2], c->part[3] };
		dec value[SCAN_BATCH], *of = w->value[c->value];
		uint64_t has = w->has_value[c->value] & ~engine_beyond(w, c->value, c->fn->limit);

		/* lines without a value hold what an earlier one had there, or nothing yet */
		for (size_t k = 0; k < SCAN_BATCH && has != UINT64_MAX; k++)
			value[k] = has >> k & 1 ? of[k] : 0;
		of = has == UINT64_MAX ? of : value;
		if (c->fn->items)
			c->fn->items(of, SCAN_BATCH, c->item);
		else
			c->fn->contribute(of, SCAN_BATCH, out);
	}
}

static uint64_t present(const struct engine *w, int field, uint64_t lines)
{
	uint64_t has = 0;

	for_each_line(i, lines)
		has |= (uint64_t)(engine_field(w, i, (size_t)field)->type > FIELD_NULL) << i;
	return has;
}

/* What an aggregate takes of the measure's lines. */
static uint64_t select_lines(const struct engine *w, size_t metric, size_t column, uint64_t lines)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	struct metric_part at = p->def->part[column];
	const struct metric_measure *x = &p->def->m.measure[at.measure];
	struct fn_args args = metric_measure_args(x);

	return x->fn->select(&args, at.part, w->value[p->measure[at.measure].value], lines);
}

/* Of the metric's lines those that each measure takes, and then each column. */
static void measure_lines(struct engine *w, size_t metric, uint64_t live)
{
	struct engine_metric *m = &w->metric[metric];

	for (size_t i = 0; i < m->n_measures; i++) {
		const struct engine_measure *x = &m->measure[i];

		m->measured[i] = live & x->where->holds & *x->has;
		if (x->present >= 0)
			m->measured[i] = present(w, x->present, m->measured[i]);
	}
	for (size_t c = 0; c < m->n_columns; c++) {
		m->contributes[c] = m->measured[m->column[c].measure];
		if (m->column[c].selects)
			m->contributes[c] = select_lines(w, metric, c, m->contributes[c]);
	}
	for (size_t c = m->n_columns; c < m->n_kept; c++)
		m->contributes[c] = live;
	for_each_line(i, m->n_kept > m->n_columns ? live : 0) w->time_dec[i] = w->time_us[i];
}

/* The lines of a set, ascending, into `line` or where they stand already; how many there are. */
static unsigned list_lines(uint64_t live, uint8_t line[SCAN_BATCH], const uint8_t **out)
{
	static const uint8_t all[SCAN_BATCH] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
						 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
						 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
						 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
						 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };
	unsigned n = 0;

	*out = all;
	if (live == UINT64_MAX)
		return SCAN_BATCH;
	for_each_line(i, live) line[n++] = (uint8_t)i;
	*out = line;
	return n;
}

/* What is to be added to a metric's table, and where its groups are. */
struct adding {
	struct table_batch b;
	uint8_t line[SCAN_BATCH];
	uint32_t ref[TABLE_BATCH];
};

/* Lines of a metric, whose groups are found and asked for. */
static int find_groups(struct engine *w, size_t metric, uint64_t live, struct adding *a,
		       struct err *err)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	struct engine_metric *m = &w->metric[metric];
	const struct engine_key *key = &w->key[p->key];
	struct table_batch *b = &a->b;

	*b = (struct table_batch){ .key = key->key,
				   .known = &key->known,
				   .contribution = m->contribution,
				   .contributes = m->contributes };
	b->n = list_lines(live, a->line, &b->line);
	if (b->n == 0)
		return 0;
	if (key->numbered) {
		b->number = key->number;
		b->numbers = directory_keys(key->directory);
	}
	if (p->value >= 0) {
		b->value = w->value[p->value];
		b->has_value = w->has_value[p->value];
	}
	if (p->uniq >= 0) {
		b->uniq = w->uniq[p->uniq];
		b->has_uniq = w->has_uniq[p->uniq];
	}
	measure_lines(w, metric, live);
	return table_find(m->state->table, b, a->ref, err)
		       ? err_in(err, "metric %s", p->def->m.name)
		       : 0;
}

static int add_found(struct engine *w, size_t metric, struct adding *a, struct err *err)
{
	struct metric_state *s = w->metric[metric].state;

	s->counted += a->b.n;
	return a->b.n && table_add_found(s->table, &a->b, a->ref, err)
		       ? err_in(err, "metric %s", w->plan->metric[metric].def->m.name)
		       : 0;
}

static int add_to_metric(struct engine *w, size_t metric, uint64_t live, struct err *err)
{
	struct adding a;

	return find_groups(w, metric, live, &a, err) || add_found(w, metric, &a, err) ? -1 : 0;
}

/* While a metric's lines are added, the groups of the next come from memory, and the table of the
 * one behind that. */
static int add_to_metrics(struct engine *w, struct err *err)
{
	size_t n = w->plan->n_metrics;
	struct adding a[2];

	for (size_t k = 0; k <= n; k++) {
		if (k + 1 < n)
			table_ask(w->metric[k + 1].state->table);
		if (k < n && find_groups(w, k, w->metric[k].live, &a[k & 1], err))
			return -1;
		if (k > 0 && add_found(w, k - 1, &a[(k - 1) & 1], err))
			return -1;
	}
	return 0;
}

/* Of the metrics that have the key, what the built pass adds: their lines among these. */
static int add_pass(struct engine *w, size_t key, uint64_t lines, struct err *err)
{
	for (size_t k = 0; k < w->plan->n_metrics; k++)
		if (w->plan->metric[k].key == key &&
		    add_to_metric(w, k, w->metric[k].live & lines, err))
			return -1;
	return 0;
}

static uint64_t lines_of_key(const struct engine *w, size_t key)
{
	uint64_t lines = 0;

	for (size_t k = 0; k < w->plan->n_metrics; k++)
		lines |= w->plan->metric[k].key == key ? w->metric[k].live : 0;
	return lines;
}

/* The first pass is there: all but that are built and added. */
static int add_passes(struct engine *w, size_t key, struct err *err)
{
	unsigned passes = engine_passes(w, key);
	uint64_t live = passes ? lines_of_key(w, key) : 0, lines = live;

	for (unsigned pass = 0; pass < passes; pass++) {
		if (pass > 0) {
			lines = engine_pass(w, key, pass, live);
			if (add_pass(w, key, lines, err))
				return -1;
		}
		w->counts.cut += (unsigned)__builtin_popcountll(engine_cut(w, key) & lines);
	}
	return 0;
}

static int add_batch(struct engine *w, uint64_t live, struct err *err)
{
	contribute(w);
	if (add_to_metrics(w, err))
		return -1;
	for (size_t k = 0; k < w->plan->n_keys; k++)
		if (w->key[k].shaped && add_passes(w, k, err))
			return -1;
	for (size_t k = 0; k < w->plan->n_values; k++)
		w->counts.rounded += (unsigned)__builtin_popcountll(w->rounded[k] & live);
	w->counts.twice += (unsigned)__builtin_popcountll(w->twice & live);
	w->counts.skipped += (unsigned)__builtin_popcountll(w->skipped & live);
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

/* ---- what becomes of the lines */

/* Sets of lines of a batch. */
struct outcome {
	uint64_t counted, bad, late; /* by or for some metric: they overlap */
	uint64_t dead;               /* for all metrics, or bad and counted by none */
};

static int refuse_line(struct engine *w, unsigned i, const struct outcome *o, bool late,
		       uint64_t nth, const char *block, engine_refused_fn *refused, void *arg,
		       struct err *err)
{
	struct err why = ERR_INIT;
	struct engine_refusal r = { .nth = nth + i,
				    .record = slice(w->batch.start[i], w->batch.length[i]),
				    .late = late,
				    .counted = o->counted >> i & 1,
				    .reason = why.msg };

	r.at = (size_t)(r.record.p - block);
	if (late)
		engine_why_late(w, i, r.counted, &why);
	else if (w->ahead >> i & 1)
		engine_why_ahead(w, &why);
	else
		engine_why(w, i, r.counted, &why);
	return refused(arg, &r, err);
}

static int refuse_lines(struct engine *w, const struct outcome *o, uint64_t nth, const char *block,
			engine_refused_fn *refused, void *arg, struct err *err)
{
	uint64_t bad = o->dead | o->bad;

	for_each_line(i, bad | o->late)
	{
		if ((bad >> i & 1) &&
		    refuse_line(w, (unsigned)i, o, false, nth, block, refused, arg, err))
			return -1;
		if ((o->late >> i & 1) &&
		    refuse_line(w, (unsigned)i, o, true, nth, block, refused, arg, err))
			return -1;
	}
	return 0;
}

/* Takes from each metric's lines those that are late for it, or too far ahead for all. */
static struct outcome settle_lines(struct engine *w, uint64_t timed, uint64_t late)
{
	struct outcome o = { .bad = w->ahead };
	uint64_t lines = w->batch.lines < 64 ? BIT(w->batch.lines) - 1 : ~0ULL;

	for (size_t k = 0; k < w->plan->n_metrics; k++) {
		struct engine_metric *m = &w->metric[k];

		m->live &= ~w->ahead;
		m->late = late & m->live ? engine_late_for(w, k, late & m->live) : 0;
		m->live &= ~m->late;
		o.counted |= m->live;
		o.bad |= m->bad;
		o.late |= m->late;
	}
	o.dead = lines & ~w->batch.blank & (~timed | (o.bad & ~o.counted));
	return o;
}

static void count_lines(struct engine *w, uint64_t timed, const struct outcome *o)
{
	struct engine_counts *c = &w->counts;
	uint64_t late = o->late & ~o->counted & ~o->dead;

	c->lines += w->batch.lines;
	c->blank += (unsigned)__builtin_popcountll(w->batch.blank);
	c->valid += (unsigned)__builtin_popcountll(w->batch.valid);
	c->counted += (unsigned)__builtin_popcountll(o->counted);
	c->dead += (unsigned)__builtin_popcountll(o->dead);
	c->late += (unsigned)__builtin_popcountll(late);
	c->filtered += (unsigned)__builtin_popcountll(timed & ~o->counted & ~o->dead & ~late);
	c->partly += (unsigned)__builtin_popcountll(o->counted & (o->bad | o->late));
	c->partly_late += (unsigned)__builtin_popcountll(o->counted & o->late);
}

int engine_block(struct engine *w, struct slice block, engine_refused_fn *refused, void *arg,
		 struct err *err)
{
	struct scan_batch *b = &w->batch;

	for (uint64_t nth = 0, at = 0; at < block.n; nth += b->lines, at += b->used) {
		struct outcome o;
		uint64_t timed;

		scan_lines(w->scan, block.p + at, block.n - at, b);
		see_fields(w, b->valid);
		timed = engine_read_times(w);
		engine_judge(w, timed);
		o = settle_lines(w, timed, engine_judge_times(w, timed));
		if (add_batch(w, o.counted, err))
			return -1;
		if ((o.dead | o.bad | o.late) &&
		    refuse_lines(w, &o, nth, block.p, refused, arg, err))
			return -1;
		count_lines(w, timed, &o);
	}
	return 0;
}

void engine_peek(struct engine *w, struct slice block, struct buf *times)
{
	static const int64_t unknown;
	struct scan_batch *b = &w->batch;

	engine_records(w, &unknown, false);
	for (uint64_t at = 0; at < block.n; at += b->used) {
		scan_lines(w->scan, block.p + at, block.n - at, b);
		engine_keep_times(w, engine_read_times(w), times);
	}
}
