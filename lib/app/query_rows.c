/* latest, top, history: which windows are meant, what is said where there is nothing, and in
 * which form rows go out. JSON is written window by window as it is read; tables and pictures
 * need all rows first (the width of a column, the highest bar). */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "app/query_internal.h"
#include "read/metric_lookup.h"
#include "read/render.h"
#include "tool/terminal.h"

#define DAY_US (86400 * TM_S)

/* What history reads before the newest window, where --since does not say. */
static const int64_t usual_history_us[STEP_KINDS] = {
	[STEP_NONE] = DAY_US,     [STEP_1H] = DAY_US,        [STEP_1D] = 30 * DAY_US,
	[STEP_DAY] = 30 * DAY_US, [STEP_WEEK] = 84 * DAY_US, [STEP_MONTH] = 365 * DAY_US,
};

/* ---- what is not there */

static int say_no_metric(const struct query *q, const struct metric_found *m, struct err *err)
{
	struct buf hint = { 0 };

	names_nearest(&m->names, q->operand, &hint);
	if (m->names.n == 0)
		buf_printf(&hint, ": there is none yet in %s", q->conf.place);
	err_set(err, EX_NO, "no metric \"%s\"%s%s", q->operand, buf_z(&hint),
		m->names.n > 1 ? "; hta-query metrics lists them" : "");
	buf_fini(&hint);
	return -1;
}

static int say_no_dimension(const struct query *q, const struct names *seen, struct slice name,
			    struct err *err)
{
	char *text = mem_dup(name.p, name.n);
	struct buf hint = { 0 };

	names_nearest(seen, text, &hint);
	err_set(err, EX_NO, "no row of metric %s there has a dimension \"%s\"%s", q->operand, text,
		buf_z(&hint));
	buf_fini(&hint);
	free(text);
	return -1;
}

static int say_no_rows(const struct query *q, const struct names *seen, struct err *err)
{
	const struct dims_filter *f = &q->filter;

	if (!f->terms)
		return err_set(err, EX_NO, "metric %s has no %srows there", q->operand,
			       q->final ? "final " : "");
	for (size_t i = 0; i < f->terms; i++)
		if (!names_has(seen, f->term[i].key))
			return say_no_dimension(q, seen, f->term[i].key, err);
	return err_set(err, EX_NO, "no row of metric %s there is the one that --dim asks for",
		       q->operand);
}

/* A misspelt --by adds up everything. */
static void tell_unseen(const struct query *q, const struct names *seen)
{
	struct err why;

	for (size_t i = 0; i < q->filter.n_by; i++)
		if (!names_has(seen, q->filter.by[i]) &&
		    say_no_dimension(q, seen, q->filter.by[i], &why))
			log_warn("%s", why.msg);
}

/* ---- what is there */

struct showing {
	struct query *q;
	bool sketch, checked;
	struct rows_list rows; /* for tables and pictures */
};

static int put_window(void *arg, struct rows_window *w, struct err *err)
{
	struct showing *s = arg;
	struct buf line = { 0 };
	int rc = 0;

	for (size_t i = 0; i < w->n && rc == 0; i++) {
		render_row_json(&w->row[i], w->open, s->sketch, &line);
		render_ratios_json(&s->q->ratios, &w->row[i], &line);
		rc = query_put(s->q, &line, err);
	}
	buf_fini(&line);
	rows_window_free(w);
	return rc;
}

static int take_window(void *arg, struct rows_window *w, struct err *err)
{
	struct showing *s = arg;

	if (!s->checked && ratios_check(&s->q->ratios, &w->row[0].r, err)) {
		rows_window_free(w);
		return -1;
	}
	s->checked = true;
	return s->q->json ? put_window(arg, w, err) : rows_list_take(&s->rows, w, err);
}

static int show_rows(struct showing *s, const struct rows_range *range, struct rows_found *found,
		     struct err *err)
{
	struct query *q = s->q;
	const struct render r = {
		.metric = q->operand,
		.rows = &s->rows,
		.dims = &found->shown,
		.steps = range->steps,
		.ratios = &q->ratios,
		.one = range->one,
		.width = q->width,
		.utf8 = q->utf8,
	};
	unsigned places = q->width ? q->width : terminal_width(-1);
	struct buf text = { 0 };
	int rc = 0;

	if (q->plot && range->one)
		render_bars(&r, places, &text);
	else if (q->plot)
		found->more = !render_sparks(&r, places, query_limit(q), &text);
	else if (!q->json)
		render_table(&r, &text);
	if (text.n)
		rc = query_put(q, &text, err);
	buf_fini(&text);
	return rc;
}

/* Sparklines limit their lines themselves: they need all rows of those. */
static int read_and_show(struct query *q, struct rows_range *range, struct err *err)
{
	struct showing s = { .q = q, .sketch = q->json && !q->no_sketch };
	struct rows_found found = { 0 };
	int rc;

	range->sketch = s.sketch;
	range->limit = q->plot && !range->one ? 0 : query_limit(q);
	range->filter = &q->filter;
	range->final = q->final;
	rc = rows_read(&q->store, range, take_window, &s, &found, err);
	if (rc == 0 && found.rows == 0)
		rc = say_no_rows(q, &found.seen, err);
	if (rc == 0) {
		tell_unseen(q, &found.seen);
		rc = show_rows(&s, range, &found, err);
	}
	if (rc == 0 && found.more && !q->has_n)
		log_note("not all is shown: -n N shows N, and a pipe has no limit");
	rows_list_fini(&s.rows);
	rows_found_fini(&found);
	return rc;
}

/* ---- which windows */

static int name_metric(void *arg, const struct read_metric *m, struct err *err)
{
	(void)err;
	names_add(arg, m->name);
	return 0;
}

int query_only_metric(struct query *q, struct err *err)
{
	struct names all = { 0 };
	int rc = q->store.driver->metrics(q->store.d, name_metric, &all, err);

	for (size_t i = 0; i < all.n; i++) {
		buf_addz(&q->metric, i ? ", " : "");
		buf_adds(&q->metric, all.v[i]);
	}
	q->operand = buf_z(&q->metric);
	if (rc == 0 && all.n == 0)
		rc = err_set(err, EX_NO, "there is no row in %s", q->conf.place);
	if (rc == 0 && all.n > 1)
		rc = err_set(err, EX_USAGE, "which metric? hta-query - %s METRIC: there are %s",
			     q->command, q->operand);
	names_fini(&all);
	return rc;
}

static int find_metric(struct query *q, struct finality *f, struct err *err)
{
	struct metric_found m;
	int rc = metric_lookup(&q->store, q->operand, &m, err);

	if (rc == 0 && !m.found)
		rc = say_no_metric(q, &m, err);
	*f = m.finality;
	metric_found_fini(&m);
	return rc;
}

static int find_newest(struct query *q, int64_t not_after_us, struct read_span *span,
		       const char *none, struct err *err)
{
	bool found;

	if (q->store.driver->newest(q->store.d, q->operand, not_after_us, &found, &span->start_us,
				    &span->end_us, err))
		return -1;
	return found ? 0 : err_set(err, EX_NO, "metric %s has no %s", q->operand, none);
}

/* From the newest window back to the newest one that is final. */
static int find_final(struct query *q, const struct finality *f, struct read_span *span,
		      struct err *err)
{
	if (!finality_open(f, span->end_us))
		return 0;
	if (f->until_us == POS_NONE)
		return err_set(err, EX_NO, "metric %s has no final window", q->operand);
	return find_newest(q, f->until_us - (span->end_us - span->start_us), span, "final window",
			   err);
}

static int show_newest(struct query *q, bool top, struct err *err)
{
	struct rows_range range = { .metric = q->operand, .one = true, .top = top };
	struct read_span newest;

	if (q->since || q->until)
		return err_set(err, EX_USAGE,
			       "--since and --until are for history: %s takes the newest window",
			       q->command);
	if (find_metric(q, &range.finality, err) ||
	    find_newest(q, q->now_us, &newest, "window that has begun", err) ||
	    (q->final && find_final(q, &range.finality, &newest, err)))
		return -1;
	range.from_us = newest.start_us;
	range.to_us = newest.start_us + 1;
	range.end_us = newest.end_us;
	return read_and_show(q, &range, err);
}

int query_latest(struct query *q, struct err *err)
{
	return show_newest(q, false, err);
}

int query_top(struct query *q, struct err *err)
{
	return show_newest(q, true, err);
}

/* No row is of another time. */
static int64_t within_years(int64_t us)
{
	return us < TM_MIN_US ? TM_MIN_US : us < TM_MAX_US ? us : TM_MAX_US - 1;
}

/* Of all steps that the range touches all; of what has not begun only what was asked for. */
static void whole_steps(const struct query *q, struct rows_range *range)
{
	const struct steps *s = &q->steps;
	int64_t from_us = within_years(range->from_us), last_us = within_years(range->to_us - 1);

	range->steps = s;
	range->from_us = steps_start(s, steps_number(s, from_us));
	if (q->until)
		range->to_us = steps_start(s, steps_number(s, last_us) + 1);
}

int query_history(struct query *q, struct err *err)
{
	struct rows_range range = { .metric = q->operand, .to_us = q->now_us + 1 };
	struct read_span newest;

	if (q->until && tm_parse_human(q->until, q->now_us, &range.to_us, err))
		return err_in(err, "--until");
	if (q->since && tm_parse_human(q->since, q->now_us, &range.from_us, err))
		return err_in(err, "--since");
	if (q->since && range.from_us >= range.to_us)
		return err_set(err, EX_USAGE, "--since %s is not before --until %s", q->since,
			       q->until ? q->until : "now");
	if (find_metric(q, &range.finality, err))
		return -1;
	if (q->input && !q->until)
		range.to_us = TM_MAX_US;
	if (!q->since) {
		if (find_newest(q, range.to_us - 1, &newest, "rows there", err))
			return -1;
		range.from_us = q->input ? TM_MIN_US : newest.start_us - usual_history_us[q->step];
	}
	if (q->step)
		whole_steps(q, &range);
	return read_and_show(q, &range, err);
}
