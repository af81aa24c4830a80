/* Lines go through in batches of SCAN_BATCH, column by column: fields, times, conditions, values,
 * uniques; then metric by metric: which lines it wants, which of those are good, their keys. All of
 * that is sets of bits, a line each. Only then are the bits that are left counted (table.c). So the
 * inner loops are short, run over one kind of thing, and hardly ever branch to where the line
 * before did not. */
#include "agg/engine_internal.h"

#include "base/hash.h"
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

static void read_values(struct engine *w, size_t column, uint64_t lines)
{
	struct value_sets sets = value_decs(batch_column_of(w, w->plan->value_field[column]), lines,
					    w->value[column]);

	w->rounded[column] = w->plan->common.exact ? 0 : sets.rounded;
	w->has_value[column] = sets.exact | w->rounded[column];
	if (w->plan->value_limit[column])
		w->has_value[column] &= ~beyond_limit(w, column);
	w->good_value[column] = w->has_value[column] | sets.none;
}

static void read_uniqs(struct engine *w, size_t column, uint64_t lines)
{
	uint64_t has = 0, good = lines;

	for_each_line(i, lines)
	{
		const struct field *f = engine_field(w, i, w->plan->uniq_field[column]);
		struct slice text;

		if (f->type <= FIELD_NULL)
			continue;
		if (key_text(f, &w->scratch, &text)) {
			good &= ~BIT(i);
			continue;
		}
		w->uniq[column][i] = hash_murmur64a(text.p, text.n);
		has |= BIT(i);
	}
	w->has_uniq[column] = has;
	w->good_uniq[column] = good;
}

/* Behind each key a unit with the time, so that each time has a group of its own. */
static void add_times(struct engine *w, size_t metric, uint64_t live)
{
	struct buf *b = &w->metric[metric].state->timed;
	const char **key = w->metric[metric].key;
	char *out;

	b->n = 0;
	out = buf_room(b, w->metric[metric].state->keys.cap + SCAN_BATCH * KEY_UNIT);
	for_each_line(i, live)
	{
		uint32_t bytes = key_bytes(key[i]);
		uint64_t head = key_head(key[i]) + (1ULL << 48);

		memcpy(out, key[i], bytes);
		memset(out + bytes, 0, KEY_UNIT);
		memcpy(out + bytes, &w->time_us[i], sizeof(w->time_us[i]));
		memcpy(out, &head, sizeof(head));
		key[i] = out;
		out += bytes + KEY_UNIT;
	}
}

static uint64_t build_keys(struct engine *w, size_t metric, uint64_t live)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	const struct metric *m = &p->def->m;
	struct buf *keys = &w->metric[metric].state->keys;
	uint64_t window[SCAN_BATCH];
	char *out;

	m->window.kind->ids(&m->window, w->time_us, live, window);
	keys->n = 0;
	out = buf_room(keys, key_room(SCAN_BATCH, w->batch.used, m->n_dims));
	live = key_build_lines(engine_field(w, 0, 0), w->plan->n_fields, live, p->dim_field,
			       m->n_dims, window, &w->scratch, out, w->metric[metric].key);
	if (window_is_exact(&m->window))
		add_times(w, metric, live);
	return live;
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
		if (c->fn->items)
			c->fn->items(value, SCAN_BATCH, c->item);
		else
			c->fn->contribute(value, SCAN_BATCH, out);
	}
}

static uint64_t present(const struct engine *w, int field, uint64_t lines)
{
	uint64_t has = 0;

	for_each_line(i, lines)
		has |= (uint64_t)(engine_field(w, i, (size_t)field)->type > FIELD_NULL) << i;
	return has;
}

/* Of the metric's lines those that each measure takes, and then each column. */
static void measure_lines(struct engine *w, size_t metric, uint64_t live)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	const struct metric_def *d = p->def;
	struct engine_metric *m = &w->metric[metric];

	for (size_t i = 0; i < d->m.n_measures; i++) {
		const struct plan_measure *x = &p->measure[i];

		m->measured[i] = x->where < 0 ? live : live & w->holds[x->where].holds;
		if (x->value >= 0)
			m->measured[i] &= w->has_value[x->value];
		else if (x->uniq >= 0)
			m->measured[i] &= w->has_uniq[x->uniq];
		else if (x->held >= 0)
			m->measured[i] &= w->held[x->held].has;
		else if (x->present >= 0)
			m->measured[i] = present(w, x->present, m->measured[i]);
	}
	for (size_t c = 0; c < d->n_columns; c++) {
		size_t i = d->part[c].measure;
		const struct metric_measure *x = &d->m.measure[i];
		struct fn_args args = metric_measure_args(x);

		m->contributes[c] = x->fn->select ? x->fn->select(&args, d->part[c].part,
								  w->value[p->measure[i].value],
								  m->measured[i])
						  : m->measured[i];
	}
	for (size_t c = d->n_columns; c < d->n_kept; c++)
		m->contributes[c] = live;
	for_each_line(i, d->n_kept > d->n_columns ? live : 0) w->time_dec[i] = w->time_us[i];
}

static int add_to_metric(struct engine *w, size_t metric, uint64_t live, struct err *err)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	struct engine_metric *m = &w->metric[metric];
	uint8_t line[SCAN_BATCH];
	struct table_batch b = { .line = line,
				 .key = m->key,
				 .contribution = m->contribution,
				 .contributes = m->contributes };

	for_each_line(i, live) line[b.n++] = (uint8_t)i;
	if (b.n == 0)
		return 0;
	if (p->value >= 0) {
		b.value = w->value[p->value];
		b.has_value = w->has_value[p->value];
	}
	if (p->uniq >= 0) {
		b.uniq = w->uniq[p->uniq];
		b.has_uniq = w->has_uniq[p->uniq];
	}
	measure_lines(w, metric, live);
	m->state->counted += b.n;
	return table_add(m->state->table, &b, err) ? err_in(err, "metric %s", p->def->m.name) : 0;
}

static int add_batch(struct engine *w, uint64_t live, struct err *err)
{
	contribute(w);
	for (size_t k = 0; k < w->plan->n_metrics; k++)
		if (add_to_metric(w, k, live & w->metric[k].live, err))
			return -1;
	for (size_t k = 0; k < w->plan->n_values; k++)
		w->counts.rounded += (unsigned)__builtin_popcountll(w->rounded[k] & live);
	w->counts.twice += (unsigned)__builtin_popcountll(w->twice & live);
	w->counts.skipped += (unsigned)__builtin_popcountll(w->skipped & live);
	w->counts.counted += (unsigned)__builtin_popcountll(live);
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

/* Of a metric's lines those with something wrong but for their keys. */
static uint64_t wrong_lines(const struct engine *w, const struct plan_metric *p, uint64_t lines)
{
	uint64_t good = lines;

	if (p->value >= 0)
		good &= w->good_value[p->value];
	if (p->uniq >= 0)
		good &= w->good_uniq[p->uniq];
	for (size_t i = 0; i < p->def->m.n_measures; i++) {
		const struct plan_measure *x = &p->measure[i];
		uint64_t taken = UINT64_MAX;

		if (x->where >= 0) {
			good &= ~w->holds[x->where].wrong;
			taken = w->holds[x->where].holds;
		}
		if (x->value >= 0)
			good &= ~taken | w->good_value[x->value];
		if (x->uniq >= 0)
			good &= ~taken | w->good_uniq[x->uniq];
		if (x->held >= 0)
			good &= ~taken | w->held[x->held].good;
	}
	return lines & ~good;
}

/* Lines of a batch by what becomes of them, before their times are held against others. */
struct verdict {
	uint64_t counted, filtered; /* all others are bad */
};

static struct verdict validate(struct engine *w, uint64_t valid)
{
	uint64_t timed = read_times(w, valid), wanted = 0, bad = 0;

	for (size_t k = 0; k < w->plan->n_conditions; k++)
		w->holds[k] = condition_run(w->condition[k], &w->batch, w->plan->n_fields, timed);
	for (size_t k = 0; k < w->plan->n_values; k++)
		read_values(w, k, timed);
	for (size_t k = 0; k < w->plan->n_uniqs; k++)
		read_uniqs(w, k, timed);
	for (size_t k = 0; k < w->plan->n_held; k++)
		engine_read_held(w, k, timed);
	for (size_t k = 0; k < w->plan->n_metrics; k++) {
		const struct plan_metric *p = &w->plan->metric[k];
		uint64_t lines = timed;

		if (p->where >= 0) {
			lines &= w->holds[p->where].holds;
			bad |= w->holds[p->where].wrong;
		}
		w->metric[k].live = build_keys(w, k, lines & ~wrong_lines(w, p, lines));
		bad |= lines & ~w->metric[k].live;
		wanted |= lines;
	}
	return (struct verdict){ wanted & ~bad, timed & ~wanted & ~bad };
}

int engine_block(struct engine *w, struct slice block, engine_refused_fn *refused, void *arg,
		 struct err *err)
{
	struct scan_batch *b = &w->batch;

	for (uint64_t nth = 0, at = 0; at < block.n; nth += b->lines, at += b->used) {
		struct verdict v;
		uint64_t late, fine;

		scan_lines(w->scan, block.p + at, block.n - at, b);
		see_fields(w, b->valid);
		v = validate(w, b->valid);
		w->counts.lines += b->lines;
		w->counts.blank += (unsigned)__builtin_popcountll(b->blank);
		w->counts.valid += (unsigned)__builtin_popcountll(b->valid);
		late = engine_judge(w, v.counted | v.filtered) & v.counted;
		v.filtered &= ~w->ahead;
		w->counts.filtered += (unsigned)__builtin_popcountll(v.filtered);
		if (add_batch(w, v.counted & ~w->ahead & ~late, err))
			return -1;
		fine = (v.counted & ~w->ahead) | v.filtered | b->blank;
		if ((late || (unsigned)__builtin_popcountll(fine) != b->lines) &&
		    refuse_lines(w, (b->lines < 64 ? BIT(b->lines) - 1 : ~0ULL) & ~fine, late, nth,
				 block.p, refused, arg, err))
			return -1;
	}
	return 0;
}

void engine_peek(struct engine *w, struct slice block, struct buf *times)
{
	struct scan_batch *b = &w->batch;

	for (uint64_t at = 0; at < block.n; at += b->used) {
		struct verdict v;

		scan_lines(w->scan, block.p + at, block.n - at, b);
		v = validate(w, b->valid);
		engine_keep_times(w, v.counted | v.filtered, times);
	}
}
