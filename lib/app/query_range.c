/* latest, top, history: which metric and which windows are meant. */
#include <string.h>

#include "base/tm.h"
#include "app/query_internal.h"
#include "read/metric_lookup.h"
#include "read/newest.h"

enum { WATCHED_WINDOWS = 60 };

#define DAY_US (86400 * TM_S)

/* What history reads before the newest window, where --since does not say. */
static const int64_t usual_history_us[STEP_KINDS] = {
	[STEP_NONE] = DAY_US,     [STEP_1H] = DAY_US,        [STEP_1D] = 30 * DAY_US,
	[STEP_DAY] = 30 * DAY_US, [STEP_WEEK] = 84 * DAY_US, [STEP_MONTH] = 365 * DAY_US,
};

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

/* The metric that is meant, as the store calls it, and which of its windows are final. */
static int find_metric(struct query *q, struct rows_range *range, struct err *err)
{
	struct metric_found m;
	int rc = metric_lookup(&q->store, q->operand, &m, err);

	if (rc == 0 && !m.found)
		rc = say_no_metric(q, &m, err);
	range->finality = m.finality;
	q->hops = m.hops;
	if (m.found && strcmp(m.name, q->operand) != 0) {
		q->metric.n = 0;
		buf_addz(&q->metric, m.name);
		q->operand = buf_z(&q->metric);
	}
	range->metric = q->operand;
	metric_found_fini(&m);
	return rc;
}

/* The course of the last windows, up to the one that is shown. */
static int show_course(struct query *q, const struct rows_range *newest, struct err *err)
{
	struct rows_range range = { .metric = q->operand,
				    .to_us = newest->to_us,
				    .finality = newest->finality };
	int64_t every_us = newest->hops ? newest->hops->slide_us : newest->end_us - newest->from_us;
	struct read_span last = { newest->from_us, newest->end_us };
	struct buf line = { 0 };
	bool plot = q->plot;
	int rc;

	range.from_us = newest->from_us - (WATCHED_WINDOWS - 1) * every_us;
	if (newest->hops && newest_kept(&q->store, &range, &q->hops, &last, err))
		return -1;
	buf_addc(&line, '\n');
	rc = query_put(q, &line, err);
	q->plot = true;
	if (rc == 0)
		rc = query_show(q, &range, err);
	q->plot = plot;
	buf_fini(&line);
	return rc;
}

static int show_newest(struct query *q, bool top, struct err *err)
{
	struct rows_range range = { .top = top };

	if (q->since || q->until)
		return err_set(err, EX_USAGE,
			       "--since and --until are for history: %s takes the newest window",
			       q->command);
	if (find_metric(q, &range, err) ||
	    newest_window(&q->store, &range, &q->hops, q->now_us, q->final, err) ||
	    query_show(q, &range, err))
		return -1;
	return q->watch ? show_course(q, &range, err) : 0;
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
	struct rows_range range = { .to_us = q->now_us + 1 };
	struct read_span newest;

	if (q->until && tm_parse_human(q->until, q->now_us, &range.to_us, err))
		return err_in(err, "--until");
	if (q->since && tm_parse_human(q->since, q->now_us, &range.from_us, err))
		return err_in(err, "--since");
	if (q->since && range.from_us >= range.to_us)
		return err_set(err, EX_USAGE, "--since %s is not before --until %s", q->since,
			       q->until ? q->until : "now");
	if (find_metric(q, &range, err))
		return -1;
	if (q->input && !q->until)
		range.to_us = TM_MAX_US;
	if (!q->since) {
		if (newest_stored(&q->store, q->operand, range.to_us - 1, &newest, "rows there",
				  err))
			return -1;
		range.from_us = q->input ? TM_MIN_US : newest.start_us - usual_history_us[q->step];
	}
	if (q->step)
		whole_steps(q, &range);
	else if (q->hops.slide_us && (newest_stored(&q->store, q->operand, q->now_us, &newest,
						    "window that has begun", err) ||
				      newest_kept(&q->store, &range, &q->hops, &newest, err)))
		return -1;
	return query_show(q, &range, err);
}
