/* hta-trend: where rows come from, and what a row is to a track.
 *
 *   trend.c          main, rows to numbers
 *   trend_options.c  the option table, and which options go together
 *   trend_pipe.c     rows of standard input
 *   trend_store.c    rows of a store, with state and alerts kept there
 *   trend_season.c   what a store had in the weeks before
 *   trend_alert.c    an alert as JSON and as text */
#include "app/trend.h"

#include <unistd.h>

#include "app/trend_internal.h"
#include "read/rows_fill.h"
#include "tool/prog.h"
#include "tool/stage.h"

/* What rows have in a window without events: asked once of a row, and part of the state. */
static void note_empty(struct trend_metric *m, const struct rollup *row)
{
	struct arena arena = { 0 };
	struct rollup none = rows_fill_none(row, &arena);
	double value = 0;

	none.start_us = row->start_us;
	none.end_us = row->end_us;
	track_empty(m->track, ratio_number(&m->t->number, &none, &value) == RATIO_NUMBER, value);
	arena_fini(&arena);
}

int trend_take_row(struct trend_metric *m, const struct rollup *row, struct slice dims,
		   struct err *err)
{
	struct track_row in = { .start_us = row->start_us,
				.end_us = row->end_us,
				.hash = row->dims_hash,
				.dims = dims };
	enum ratio_has has = ratio_number(&m->t->number, row, &in.value);

	if (has == RATIO_UNKNOWN)
		return err_set(
			err, EX_USAGE, "--measure %s: rows have no such number%s", m->t->measure,
			row->valued && !row->cells ? " without their columns: leave out --no-sketch"
						   : "");
	in.has_value = has == RATIO_NUMBER;
	if (!track_has_empty(m->track))
		note_empty(m, row);
	return track_row(m->track, &in, err);
}

static int run_trend(void *self, struct err *err)
{
	struct trend *t = self;
	int rc;

	if (trend_check_options(t, err))
		return -1;
	t->text = t->format == TREND_TEXT || (t->format == TREND_AUTO && isatty(STDOUT_FILENO));
	rc = t->metric ? trend_store(t, err) : trend_pipe(t, err);
	if (rc == 0 && t->exit_code && t->told)
		return err_set(err, EX_NO, "%s", "");
	return rc;
}

/* Of a pipe: the stages below it are told. */
static void trend_failed(void *self, const struct err *err)
{
	if (!prog_given(NULL) && err->code != EX_NO)
		stage_failed(self, err);
}

static int take_metric(void *self, const char *operand, struct err *err)
{
	struct trend *t = self;

	if (t->metric)
		return err_set(err, EX_USAGE, "\"%s\" is one operand too many: one METRIC",
			       operand);
	t->metric = operand;
	return 0;
}

int trend_main(const struct read_stores *stores, int argc, char **argv)
{
	struct trend t = { .stores = stores };
	const struct prog prog = {
		.name = "hta-trend",
		.summary = "tell spikes, drops and absence in rollups",
		.synopsis = "[OPTIONS] [METRIC]",
		.opts = trend_options,
		.more = stage_opts,
		.more_self = stage_options(),
		.operand = take_metric,
		.run = run_trend,
		.examples = "hta-window --by endpoint events.ndjson | hta-trend\n"
			    "hta-trend -d rollups.db --init --for 2 --clear events\n"
			    "hta-trend -d rollups.db --method absent events",
		.failed = trend_failed,
	};
	int code = prog_main(&prog, &t, argc, argv);

	stored_dims_fini(&t.dims);
	arena_fini(&t.arena);
	buf_fini(&t.own_name);
	buf_fini(&t.settings);
	return code;
}
