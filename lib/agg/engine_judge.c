/* What each metric makes of a batch, before anything is counted. First what all metrics have in
 * common, each once a batch: times, conditions, columns of numbers and of elements. Then metric by
 * metric, out of these sets of lines: which it wants, which of those are bad for it, and the keys
 * of the others. Nothing that one metric finds is seen by another. */
#include "agg/engine_internal.h"

#include <string.h>

#include "base/hash.h"

/* ---- columns, of the lines in a set */

static struct value_column batch_column_of(const struct engine *w, size_t field)
{
	return (struct value_column){ engine_field(w, 0, field), w->plan->n_fields };
}

static uint64_t read_times(struct engine *w, uint64_t lines)
{
	struct value_column column = batch_column_of(w, w->plan->time_field);
	const struct value_when *when = &w->plan->common.when;
	struct value_time_sets sets = value_times(&w->clock, column, lines, when, w->time_us);

	w->twice = sets.twice;
	w->skipped = sets.skipped;
	return sets.good;
}

static uint64_t values_beyond(const struct engine *w, size_t column, dec limit)
{
	uint64_t beyond = 0;

	for_each_line(i, w->has_value[column]) if (w->value[column][i] > limit ||
						   w->value[column][i] < -limit) beyond |= BIT(i);
	return beyond;
}

uint64_t engine_beyond(const struct engine *w, size_t column, dec limit)
{
	return limit && w->beyond[column] ? values_beyond(w, column, limit) : 0;
}

static void read_values(struct engine *w, size_t column, uint64_t lines)
{
	struct value_sets sets = value_decs(batch_column_of(w, w->plan->value_field[column]), lines,
					    w->value[column]);
	dec lowest = w->plan->value_limit[column];

	w->rounded[column] = w->plan->common.exact ? 0 : sets.rounded;
	w->has_value[column] = sets.exact | w->rounded[column];
	w->beyond[column] = lowest ? values_beyond(w, column, lowest) : 0;
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

/* ---- a metric */

/* Of the lines that a metric wants those whose values and elements it can take. */
static uint64_t measurable_lines(const struct engine *w, size_t metric, uint64_t lines)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	const struct engine_metric *m = &w->metric[metric];
	uint64_t good = lines;

	if (p->value >= 0)
		good &= w->good_value[p->value];
	if (p->uniq >= 0)
		good &= w->good_uniq[p->uniq];
	for (size_t i = 0; i < m->n_measures; i++) {
		const struct engine_measure *x = &m->measure[i];
		uint64_t taken = x->where->holds;

		good &= ~x->where->wrong & (~taken | *x->good);
		if (x->limited)
			good &= ~taken |
				~engine_beyond(w, (size_t)p->measure[i].value, p->measure[i].limit);
	}
	return good;
}

/* First the lines that could count if they had a key. */
static void judge_metric(struct engine *w, size_t metric, uint64_t timed)
{
	const struct plan_metric *p = &w->plan->metric[metric];
	struct engine_metric *m = &w->metric[metric];
	uint64_t wanted = timed;

	m->bad = 0;
	if (p->where >= 0) {
		wanted &= w->holds[p->where].holds;
		m->bad = w->holds[p->where].wrong;
	}
	m->live = measurable_lines(w, metric, wanted);
	m->bad |= wanted & ~m->live;
	w->key[p->key].wanted |= m->live;
}

/* Behind each key a unit with the time, so that each time has a group of its own. */
static void add_times(const struct engine *w, struct engine_key *k)
{
	const char **key = k->key;
	char *out = buf_room(&k->timed, k->room.cap + SCAN_BATCH * KEY_UNIT);

	for_each_line(i, k->good)
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

/* Of the groups that metrics of this key hold, the number in the fullest table. */
static size_t most_groups(const struct engine *w, size_t key)
{
	size_t most = 0;

	for (size_t i = 0; i < w->plan->n_metrics; i++) {
		size_t n = w->plan->metric[i].key == key ? table_groups(w->metric[i].state->table)
							 : 0;

		most = n > most ? n : most;
	}
	return most;
}

/* A directory never forgets a key, and tables do: it begins anew where most of its keys are of
 * windows that are gone. */
static void renew_directory(struct engine *w, size_t key)
{
	struct engine_key *k = &w->key[key];

	k->limit = 2 * most_groups(w, key) + KEY_NUMBERS_MIN;
	if (directory_keys(k->directory) < k->limit)
		return;
	directory_clear(k->directory);
	for (size_t i = 0; i < w->plan->n_metrics; i++)
		if (w->plan->metric[i].key == key)
			table_forget_numbers(w->metric[i].state->table);
}

static void number_keys(struct engine *w, size_t key)
{
	struct engine_key *k = &w->key[key];

	if (directory_keys(k->directory) >= k->limit)
		renew_directory(w, key);
	k->numbered = directory_find(k->directory, k->key, &k->known, k->good, k->number);
}

void engine_build_keys(struct engine *w, size_t key, const struct engine_fields *from,
		       uint64_t lines)
{
	const struct metric *m = w->plan->key[key].m;
	struct engine_key *k = &w->key[key];
	uint64_t window[SCAN_BATCH];
	char *out;

	m->window.kind->ids(&m->window, w->time_us, lines, window);
	out = buf_room(&k->room, key_room(SCAN_BATCH, from->bytes, m->n_dims));
	k->good = key_build_lines(from->fields, from->width, lines, from->index, m->n_dims, window,
				  &w->scratch, out, k->key);
	if (window_is_exact(&m->window))
		add_times(w, k);
	table_know_keys(&k->known, k->key, k->good);
	if (k->directory)
		number_keys(w, key);
}

static void judge_key(struct engine *w, size_t key)
{
	if (w->key[key].shaped) {
		engine_judge_shaped(w, key);
		return;
	}
	engine_build_keys(w, key,
			  &(struct engine_fields){ engine_field(w, 0, 0), w->plan->n_fields,
						   w->plan->key[key].dim_field, w->batch.used },
			  w->key[key].wanted);
}

static void judge_keys(struct engine *w)
{
	for (size_t k = 0; k < w->plan->n_keys; k++)
		if (w->key[k].wanted)
			judge_key(w, k);
	for (size_t k = 0; k < w->plan->n_metrics; k++) {
		struct engine_metric *m = &w->metric[k];
		uint64_t keyless = m->live & ~w->key[w->plan->metric[k].key].good;

		m->live &= ~keyless;
		m->bad |= keyless;
	}
}

uint64_t engine_read_times(struct engine *w)
{
	return w->plan->common.log_time ? engine_take_record_times(w, w->batch.valid)
					: read_times(w, w->batch.valid);
}

void engine_judge(struct engine *w, uint64_t timed)
{
	for (size_t k = 0; k < w->plan->n_conditions; k++)
		w->holds[k] = condition_run(w->condition[k], &w->batch, w->plan->n_fields, timed);
	for (size_t k = 0; k < w->plan->n_values; k++)
		read_values(w, k, timed);
	for (size_t k = 0; k < w->plan->n_uniqs; k++)
		read_uniqs(w, k, timed);
	for (size_t k = 0; k < w->plan->n_held; k++)
		engine_read_held(w, k, timed);
	for (size_t k = 0; k < w->plan->n_keys; k++)
		w->key[k].wanted = w->key[k].good = 0;
	for (size_t k = 0; k < w->plan->n_metrics; k++)
		judge_metric(w, k, timed);
	judge_keys(w);
}
