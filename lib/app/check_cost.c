/* What rules cost, told from a sample of real events. Nothing is modelled that can be run: each
 * rule goes over the sample alone, as hta-window would count it, and its rows are looked at.
 *
 *   events       the good lines; how far apart their times lie gives how many come in a day
 *   groups       rows of the sample; those of whole windows, the first and the last left out,
 *                give rows a day
 *   memory       what the process held more than one that counted into one group, for each group:
 *                those of a day where windows close at the end of the input, else those of the
 *                open ones
 *   ns an event  processor time, of as many rounds over the sample as make it worth measuring
 *   a row        in a store by the table below: measured there, not here, as a check touches none
 */
#include "app/check_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "row/rollup.h"

#define DAY_US (86400 * TM_S)
enum { MEMORY_SEEN = 128 << 10 }; /* less is noise */
enum { TIMED_EVENTS = 300000, ROUNDS_MAX = 32, ARGS_MAX = 2 * RULES_SHARED + 16 };

/* ---- rows in stores
 *
 * Bytes of a row with its indexes, of tables of 20,000 rows that the sinks have written: Postgres
 * 15 by pg_total_relation_size after VACUUM FULL, SQLite by dbstat, Redis 7 by used_memory before
 * and after. Rows had dimensions of 14 and of 114 bytes, --value, --uniq, 2 to 7 columns, a sketch.
 * It holds within a quarter; tests/store/cost.bats compares. */
static const struct store_row {
	const char *name;
	double row, dims_byte, value, uniq, column, columns_byte, sketch;
	/* hashes with a longer field are no listpacks any more */
	size_t long_field;
	double long_row;
} stores[] = {
	{ "postgres", 236, 1.36, 48, 5, 12, 0, 40, SIZE_MAX, 0 },
	{ "sqlite", 134, 1.22, 26, 3, 0, 1.22, 0, SIZE_MAX, 0 },
	{ "redis", 551, 1.1, 95, 210, 20, 0, 25, 64, 390 },
};
enum { STORES = sizeof(stores) / sizeof(*stores) };

static double row_bytes(const struct store_row *s, const struct rollup *row, size_t columns_text)
{
	size_t longest = row->dims.n > row->sketch.n ? row->dims.n : row->sketch.n;
	double bytes = s->row + s->dims_byte * (double)row->dims.n +
		       s->columns_byte * (double)columns_text;

	bytes += row->has_value ? s->value : 0;
	bytes += row->has_uniq ? s->uniq + (double)row->sketch.n : 0;
	for (size_t i = 0; i < row->cells; i++) {
		const struct cell *c = &row->cell[i];
		bool sketch = column_is_sketch(c->column.rule);

		bytes += sketch ? s->sketch : s->column;
		/* where the columns' text counts, the sketch is in it */
		if (sketch && !c->empty && s->columns_byte == 0) {
			bytes += (double)c->sketch.n;
			longest = c->sketch.n > longest ? c->sketch.n : longest;
		}
	}
	return bytes + (longest > s->long_field ? s->long_row : 0);
}

/* ---- a rule over the sample */

struct cost {
	uint64_t rows, inner;                 /* inner: of whole windows */
	int64_t first_us, last_us, window_us; /* starts of windows */
	double bytes[STORES];                 /* of all rows */
	double ns;                            /* an event */
	uint64_t memory;                      /* beyond a process that reads nothing */
	uint64_t events;                      /* sum of counts */
};

/* One run, of a rule or of several. */
struct cost_run {
	struct check_memory rules;
	const char *arg[ARGS_MAX + ROUNDS_MAX];
	size_t args;
	struct check_run run;
};

static void free_cost_run(struct cost_run *r)
{
	check_memory_free(&r->rules);
	check_run_fini(&r->run);
}

static void give(struct cost_run *r, const char *arg)
{
	r->arg[r->args++] = arg;
	r->arg[r->args] = NULL;
}

/* The rule with windows that all stay open: lateness decides what is held, not what there is. */
static int put_rule(const struct rule *rule, struct cost_run *r, struct err *err)
{
	struct rule open = *rule;
	struct buf text = { 0 };
	int rc;

	open.active = true;
	open.tests = 0;
	open.lateness_us = -1;
	rule_json(&open, &text);
	buf_addc(&text, '\n');
	rc = check_memory_write(&r->rules, buf_slice(&text), err);
	buf_fini(&text);
	return rc;
}

/* Counts rules [from, to) over `rounds` times the file. EX_CONFIG where hta-window refuses. */
static int count_sample(const struct check *c, const struct rule *rule, size_t rules,
			const char *file, unsigned rounds, struct cost_run *r, struct err *err)
{
	*r = (struct cost_run){ .rules.fd = -1 };
	if (check_memory_new(&r->rules, err))
		return -1;
	for (size_t i = 0; i < rules; i++)
		if (put_rule(&rule[i], r, err))
			return -1;
	give(r, "--rules");
	give(r, r->rules.path);
	give(r, "--dead");
	give(r, "drop");
	for (size_t n = check_run_options(c, rule, r->arg + r->args); n; n--)
		r->args++;
	for (size_t i = 4; i + 1 < r->args; i += 2)
		if (strcmp(r->arg[i], "--lateness") == 0)
			r->args = i;
	give(r, "--");
	while (rounds--)
		give(r, file);
	r->run.arg = r->arg;
	if (check_run(&r->run, err))
		return -1;
	return r->run.code ? err_set(err, EX_CONFIG, "%.*s", (int)r->run.said.n, r->run.said.p) : 0;
}

/* Each row of a run. 0, or what fn said. */
typedef void take_row_fn(void *arg, const struct rollup *row);
static int each_row(const struct cost_run *r, take_row_fn *fn, void *arg, struct err *err)
{
	struct rollup_reader reader = { 0 };
	struct slice text = buf_slice(&r->run.out);
	struct rollup row;
	int rc = 0;

	while (text.n && rc == 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		rc = rollup_parse(&reader, slice(text.p, n), &row, err);
		if (rc == 0)
			fn(arg, &row);
		text = slice(text.p + n + (end != NULL), text.n - n - (end != NULL));
	}
	rollup_reader_fini(&reader);
	return rc;
}

static void take_bounds(void *arg, const struct rollup *row)
{
	struct cost *c = arg;

	if (!c->rows++ || row->start_us < c->first_us)
		c->first_us = row->start_us;
	if (row->start_us > c->last_us)
		c->last_us = row->start_us;
	c->window_us = row->end_us - row->start_us;
	c->events += row->count;
}

static void take_bytes(void *arg, const struct rollup *row)
{
	struct cost *c = arg;
	struct buf text = { 0 };

	c->inner += row->start_us > c->first_us && row->start_us < c->last_us;
	if (row->cells)
		cells_format(row->cell, row->cells, &text);
	for (size_t i = 0; i < STORES; i++)
		c->bytes[i] += row_bytes(&stores[i], row, text.n);
	buf_fini(&text);
}

/* ---- of all rules */

struct sample {
	const char *file;
	uint64_t events;
	int64_t span_us;
	unsigned rounds;
	/* what a process takes that reads nothing, and holds that counts into one group */
	int64_t idle_us;
	uint64_t idle_bytes;
};

static double ns_of(const struct sample *s, const struct cost_run *r)
{
	double us = (double)(r->run.cpu_us - s->idle_us);

	return us > 0 ? us * 1000 / (double)(s->events * s->rounds) : 0;
}

static int time_rules(const struct check *c, const struct sample *s, const struct rule *rule,
		      size_t rules, double *ns, struct err *err)
{
	struct cost_run r;
	int rc = count_sample(c, rule, rules, s->file, s->rounds, &r, err);

	if (rc == 0)
		*ns = ns_of(s, &r);
	free_cost_run(&r);
	return rc;
}

static int cost_of(const struct check *c, const struct sample *s, const struct rule *rule,
		   struct cost *out, struct err *err)
{
	struct cost_run r;
	int rc = count_sample(c, rule, 1, s->file, 1, &r, err);

	*out = (struct cost){ 0 };
	if (rc == 0)
		rc = each_row(&r, take_bounds, out, err);
	if (rc == 0)
		rc = each_row(&r, take_bytes, out, err);
	if (rc == 0 && r.run.peak_bytes > s->idle_bytes)
		out->memory = r.run.peak_bytes - s->idle_bytes;
	free_cost_run(&r);
	return rc ? -1 : time_rules(c, s, rule, 1, &out->ns, err);
}

/* A plain count by windows of that length, of the time that the rules have. */
static struct rule plain_count(const struct rule *rule, int64_t window_us,
			       struct rule_measure *count)
{
	struct rule plain = *rule;

	*count = (struct rule_measure){ .op = slice_z("count") };
	plain.window = (struct rule_window){ .kind = RULE_TUMBLING, .size_us = window_us };
	plain.where = slice(NULL, 0);
	plain.dims = plain.folds = 0;
	plain.groups_max = 0;
	plain.measure = count;
	plain.measures = 1;
	return plain;
}

static int measure_idle(const struct check *c, struct sample *s, struct err *err)
{
	struct rule_measure count;
	struct rule plain = plain_count(c->rules.v, 366 * DAY_US, &count);
	struct cost_run r;
	int rc = count_sample(c, &plain, 1, s->file, 1, &r, err);

	s->idle_bytes = r.run.peak_bytes;
	free_cost_run(&r);
	if (rc)
		return -1;
	rc = count_sample(c, &plain, 1, "/dev/null", 1, &r, err);
	s->idle_us = r.run.cpu_us;
	free_cost_run(&r);
	return rc;
}

/* Counts the sample's lines by the second: how many, and over what time. */
static int look_at_sample(const struct check *c, struct sample *s, struct err *err)
{
	struct rule_measure count;
	struct rule plain = plain_count(c->rules.v, TM_S, &count);
	struct cost seen = { 0 };
	struct cost_run r;
	int rc = count_sample(c, &plain, 1, s->file, 1, &r, err);

	if (rc == 0)
		rc = each_row(&r, take_bounds, &seen, err);
	free_cost_run(&r);
	if (rc)
		return -1;
	if (!seen.events)
		return err_set(err, EX_DATAERR, "%s: no good line", s->file);
	s->events = seen.events;
	s->span_us = seen.last_us - seen.first_us + TM_S;
	s->rounds = (unsigned)(TIMED_EVENTS / s->events + 1);
	s->rounds = s->rounds > ROUNDS_MAX ? ROUNDS_MAX : s->rounds;
	return measure_idle(c, s, err);
}

/* ---- words */

static double rows_a_day(const struct cost *c, bool *less)
{
	int64_t inner_us = c->last_us - c->first_us - c->window_us;

	*less = inner_us < c->window_us;
	if (!*less)
		return (double)c->inner * (double)DAY_US / (double)inner_us;
	/* no whole window in it: what there is, as if it were */
	return (double)c->rows * (double)DAY_US / (double)(c->last_us - c->first_us + c->window_us);
}

static void put_number(struct buf *out, double v, const char *units, double step)
{
	while (v >= step && units[1]) {
		v /= step;
		units++;
	}
	buf_printf(out, v < 10 && *units != ' ' ? "%.1f" : "%.0f", v);
	if (*units != ' ')
		buf_addc(out, *units);
}

static void put_cell(struct buf *out, int width, const struct buf *text)
{
	buf_printf(out, " %*.*s", width, (int)text->n, text->p);
}

static void put_amount(struct buf *out, int width, bool less, double v, bool bytes)
{
	struct buf text = { 0 };

	buf_addz(&text, less ? ">" : "");
	put_number(&text, v, bytes ? " KMGT" : " kMGT", bytes ? 1024 : 1000);
	put_cell(out, width, &text);
	buf_fini(&text);
}

static double groups_held(const struct check *c, const struct rule *r, const struct cost *x,
			  double day)
{
	char text[33];
	struct slice lateness = rules_says(r, c->shared, RULES_LATENESS, text);
	int64_t late_us = 0;
	char *z;

	if (!lateness.p)
		return day;
	z = mem_dup(lateness.p, lateness.n);
	num_duration(z, &late_us, NULL);
	free(z);
	return day * (double)(2 * x->window_us + late_us) / (double)DAY_US;
}

static void put_rule_cost(const struct check *c, const struct rule *r, const struct cost *x,
			  struct buf *out)
{
	bool less = false;
	double day = x->rows ? rows_a_day(x, &less) : 0;
	double group = x->rows ? (double)x->memory / (double)x->rows : 0;

	buf_printf(out, "%-20.*s", (int)r->id.n, r->id.p);
	put_amount(out, 8, false, (double)x->rows, false);
	put_amount(out, 9, less, day, false);
	for (size_t i = 0; i < STORES; i++)
		put_amount(out, 9, less, x->rows ? day * x->bytes[i] / (double)x->rows : 0, true);
	if (x->memory < MEMORY_SEEN)
		buf_printf(out, " %8s", "-");
	else
		put_amount(out, 8, less, groups_held(c, r, x, day) * group, true);
	buf_printf(out, " %6.0f\n", x->ns);
}

static void put_head(const struct sample *s, struct buf *out)
{
	double day = (double)s->events * (double)DAY_US / (double)s->span_us;
	double minutes = (double)s->span_us / (60.0 * TM_S);

	buf_printf(out, "%" PRIu64 " events in %.1f %s of event time, ", s->events,
		   minutes < 120 ? minutes : minutes / 60, minutes < 120 ? "minutes" : "hours");
	put_number(out, day, " kMGT", 1000);
	buf_addz(out, " a day\n\n                                    bytes a day in\n");
	buf_printf(out, "%-20s %8s %9s %9s %9s %9s %8s %6s\n", "rule", "groups", "rows/day",
		   "postgres", "sqlite", "redis", "memory", "ns");
}

static int put_costs(const struct check *c, const struct sample *s, struct buf *out,
		     struct err *err)
{
	double ns;

	put_head(s, out);
	for (size_t i = 0; i < c->rules.n; i++) {
		struct cost x;

		if (cost_of(c, s, &c->rules.v[i], &x, err))
			return -1;
		put_rule_cost(c, &c->rules.v[i], &x, out);
	}
	if (c->rules.n < 2)
		return 0;
	if (time_rules(c, s, c->rules.v, c->rules.n, &ns, err))
		return -1;
	buf_printf(out, "%-20s %*.0f\n", "all in one pass", 71, ns);
	return 0;
}

int check_cost(const struct check *c, struct buf *out, struct err *err)
{
	struct sample s = { .file = c->sample };
	int rc = access(c->sample, R_OK) ? err_errno(err, EX_CONFIG, "%s", c->sample) : 0;

	if (rc == 0)
		rc = look_at_sample(c, &s, err) || put_costs(c, &s, out, err) ? -1 : 0;
	return rc;
}
