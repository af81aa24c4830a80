/* Options of windows come from their kinds: they stand in the table where --every does, which the
 * first kind has. */
#include "app/window.h"

#include <stdlib.h>
#include <string.h>

#include "app/window_internal.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"

static int set_metric(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->has_metric = true;
	return plan_metric(a->builder, v, err);
}
static int set_window(void *self, const char *name, const char *v, struct err *err)
{
	return plan_window(((struct agg *)self)->builder, name, v, err);
}
static int set_by(void *self, const char *v, struct err *err)
{
	return plan_by(((struct agg *)self)->builder, v, err);
}
static int set_value(void *self, const char *v, struct err *err)
{
	return plan_value(((struct agg *)self)->builder, v, err);
}
static int set_uniq(void *self, const char *v, struct err *err)
{
	return plan_uniq(((struct agg *)self)->builder, v, err);
}

static int set_agg(void *self, const char *v, struct err *err)
{
	return plan_agg(((struct agg *)self)->builder, v, err);
}

static int set_line(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->has_line = true;
	return plan_line(a->builder, v, err);
}

static int set_rules(void *self, const char *v, struct err *err)
{
	return agg_add_rules(self, v, err);
}

static int set_retired(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->retired = mem_grow(a->retired, a->n_retired + 1, sizeof(*a->retired));
	a->retired[a->n_retired++] = v;
	return metric_name_check(v, err);
}

static int set_where(void *self, const char *v, struct err *err)
{
	return plan_where(((struct agg *)self)->builder, v, err);
}

static int set_top(void *self, const char *v, struct err *err)
{
	return plan_top(((struct agg *)self)->builder, v, err);
}

static int set_fold(void *self, const char *v, struct err *err)
{
	return plan_fold(((struct agg *)self)->builder, v, err);
}

int agg_set_zone(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->zone = v;
	return plan_zone(a->builder, v, err);
}

int agg_set_format(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->format = v;
	return plan_time_format(a->builder, v, err);
}

int agg_set_unit(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	for (a->unit = VALUE_S; a->unit <= VALUE_NS; a->unit++)
		if (strcmp(v, metric_units[a->unit]) == 0)
			return 0;
	return err_set(err, EX_USAGE, "\"%s\" is none of s, ms, us, ns", v);
}

int agg_set_lateness(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->has_lateness = true;
	if (num_duration(v, &a->lateness_us, err))
		return -1;
	if (a->lateness_us < 0 || a->lateness_us > WINDOW_MAX_US)
		return err_set(err, EX_USAGE, "\"%s\" is out of range, it goes from 0s to 366d", v);
	return 0;
}

static int set_max_ahead(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->max_ahead_us = AHEAD_OFF;
	if (strcmp(v, "none") == 0)
		return 0;
	if (num_duration(v, &a->max_ahead_us, err))
		return -1;
	if (a->max_ahead_us < 1000 || a->max_ahead_us > WINDOW_MAX_US)
		return err_set(err, EX_USAGE,
			       "\"%s\" is out of range, it goes from 1ms to 366d, or none", v);
	return 0;
}

static int set_ahead(void *self, const char *v, struct err *err)
{
	struct agg *a = self;

	a->ahead_dead = strcmp(v, "dead") == 0;
	if (a->ahead_dead || strcmp(v, "count") == 0)
		return 0;
	return err_set(err, EX_USAGE, "\"%s\" is neither count nor dead", v);
}

#define AT(member) offsetof(struct agg, member)

static const struct opt opts_metric = {
	.name = "metric",
	.type = OPT_CALL,
	.call = set_metric,
	.arg = "NAME",
	.help = "name of the metric [events]; may repeat: --every, --by, --where, --value, "
		"--uniq and --agg after it are its own, those before the first are everybody's"
};

static const struct opt opts[] = {
	{ .name = "by",
	  .type = OPT_CALL,
	  .call = set_by,
	  .empty = true,
	  .arg = "PATH,...",
	  .help = "group by these fields, named as in jq: endpoint, payload.price, "
		  ".\"http.status\"" },
	{ .name = "value",
	  .type = OPT_CALL,
	  .call = set_value,
	  .empty = true,
	  .arg = "PATH",
	  .help = "field whose number, sum, minimum and maximum are taken" },
	{ .name = "uniq",
	  .type = OPT_CALL,
	  .call = set_uniq,
	  .empty = true,
	  .arg = "PATH",
	  .help = "field whose different values are counted, within 0.8 %" },
	{ .name = "agg",
	  .type = OPT_CALL,
	  .call = set_agg,
	  .empty = true,
	  .arg = "[NAME=]OP(PATH)",
	  .help = "measure: count, sum, min, max, avg, stddev, rate, p99, uniq, uniq_exact, first, "
		  "last, arg_min(SHOWN, BY), arg_max(SHOWN, BY), quantiles(PATH, Q, ..), "
		  "histogram(PATH, BOUND, ..); with a condition: 'errors=count if .status >= 500'; "
		  "may repeat, and belongs to its --metric as --by does" },
	{ .letter = 'e',
	  .name = "expression",
	  .type = OPT_CALL,
	  .call = set_line,
	  .arg = "LINE",
	  .help = "a metric in one line: 'count, errors=count if .status >= 500 by endpoint every "
		  "1m'; belongs to its --metric" },
	{ .name = "rules",
	  .type = OPT_CALL,
	  .call = set_rules,
	  .arg = "FILE|DIR",
	  .help = "metrics as JSON rules, of a file or of a folder's *.json, read anew when they "
		  "change, and at SIGUSR1; may repeat" },
	{ .name = "retire",
	  .type = OPT_CALL,
	  .call = set_retired,
	  .arg = "NAME",
	  .help = "with --rules: the rule NAME ends, in the job's stores too; may repeat" },
	{ .name = "where",
	  .type = OPT_CALL,
	  .call = set_where,
	  .empty = true,
	  .arg = "CONDITION",
	  .help = "count records for which this jq condition holds: '.status >= 500'" },
	{ .name = "time",
	  .type = OPT_TEXT,
	  .at = AT(time),
	  .arg = "PATH",
	  .def = "ts",
	  .help = "field with the event time: RFC 3339, or as --time-unit and --time-format say; "
		  "@kafka: the record's own timestamp" },
	{ .name = "time-unit",
	  .type = OPT_CALL,
	  .call = agg_set_unit,
	  .arg = "s|ms|us|ns",
	  .help = "unit of event times that are numbers, in quotes or not" },
	{ .name = "time-format",
	  .type = OPT_CALL,
	  .call = agg_set_format,
	  .arg = "clf|http|PATTERN",
	  .help = "form of event times that are strings: access logs', HTTP's, or a pattern as for "
		  "strptime: '%d/%m/%Y %H:%M:%S'" },
	{ .name = "zone",
	  .type = OPT_CALL,
	  .call = agg_set_zone,
	  .arg = "ZONE",
	  .help = "time zone of event times that say no offset: Europe/Berlin, UTC, +01:00" },
	{ .name = "lateness",
	  .type = OPT_CALL,
	  .call = agg_set_lateness,
	  .arg = "DUR",
	  .help = "close a window once the highest event time is DUR behind its end; default: at "
		  "the end of the input" },
	{ .name = "late",
	  .type = OPT_TEXT,
	  .at = AT(late),
	  .arg = "FILE|drop",
	  .help = "append records that come after their window closed to FILE, or drop them "
		  "silently" },
	{ .name = "max-ahead",
	  .type = OPT_CALL,
	  .call = set_max_ahead,
	  .arg = "DUR|none",
	  .help = "an event further ahead of the others moves no watermark and closes nothing "
		  "[10m, or "
		  "--lateness where that is more]" },
	{ .name = "ahead",
	  .type = OPT_CALL,
	  .call = set_ahead,
	  .arg = "count|dead",
	  .help = "such an event counts all the same, or (from Kafka) is a bad record [count]" },
	{ .name = "top",
	  .type = OPT_CALL,
	  .call = set_top,
	  .empty = true,
	  .arg = "N[:MEASURE]",
	  .help = "of each window the N rows of the highest count, or of another number; all "
		  "others "
		  "in one" },
	{ .name = "fold",
	  .type = OPT_CALL,
	  .call = set_fold,
	  .empty = true,
	  .arg = "PATH,...",
	  .help = "a window of more than --max-groups groups has __other__ for these dimensions" },
	{ .name = "max-groups",
	  .type = OPT_COUNT,
	  .at = AT(max_groups),
	  .arg = "N",
	  .help = "give up when more groups are held, naming the heaviest dimension",
	  .min = 1,
	  .max = 1e12 },
	{ .letter = 'j',
	  .name = "threads",
	  .type = OPT_COUNT,
	  .at = AT(threads),
	  .arg = "N",
	  .def = "1",
	  .help = "threads that count; rows do not depend on it",
	  .min = 1,
	  .max = WORKERS_THREADS_MAX },
	{ .name = "exact",
	  .type = OPT_FLAG,
	  .at = AT(exact),
	  .help = "a value of more than nine decimals is bad data, instead of rounded" },
	{ .name = "no-sketch",
	  .type = OPT_FLAG,
	  .at = AT(no_sketch),
	  .help = "rows without uniq_sketch and columns, as on a terminal" },
	OPT_END,
};

enum { OPTS_MAX = sizeof(opts) / sizeof(*opts) + 1 + WINDOW_GIVEN_MAX };

static void gather_options(struct opt all[OPTS_MAX])
{
	const struct window_option *o;
	size_t n = 0;

	all[n++] = opts_metric;
	for (; (o = window_option_at(window_kinds, n - 1)) && n <= WINDOW_GIVEN_MAX; n++)
		all[n] = (struct opt){ .name = o->name,
				       .type = OPT_CALL,
				       .named = set_window,
				       .arg = "DUR",
				       .help = o->help };
	memcpy(all + n, opts, sizeof(opts));
}

static int add_file(void *self, const char *operand, struct err *err)
{
	struct agg *a = self;

	(void)err;
	a->file = mem_grow(a->file, a->n_files + 1, sizeof(*a->file));
	a->file[a->n_files++] = operand;
	return 0;
}

static int run_window(void *self, struct err *err)
{
	struct agg *a = self;

	agg_hold_signal(a->n_paths > 0);
	if (a->n_retired && !a->n_paths)
		return err_set(err, EX_USAGE, "--retire ends a rule: it goes with --rules");
	if (a->n_paths && a->has_line && !a->has_metric)
		return err_set(err, EX_USAGE,
			       "-e beside --rules needs a name: --metric NAME before it; rules "
			       "take nothing of it");
	if (agg_set_load(a, &a->set, err))
		return -1;
	a->plan = a->set.plan;
	return stage_run(&agg_filter, a, a->file, a->n_files, err);
}

/* With files standard input is somebody else's. */
static void failed_window_program(void *self, const struct err *err)
{
	if (!prog_given(NULL))
		stage_failed(self, err);
}

int agg_main(int argc, char **argv)
{
	struct agg a = { .builder = plan_builder_new() };
	struct opt all[OPTS_MAX];
	const struct prog prog = {
		.name = "hta-window",
		.summary = "count events by time window and dimensions",
		.synopsis = "[OPTIONS] [FILE...]",
		.opts = all,
		.more = stage_opts_dead,
		.more_self = stage_options(),
		.operand = add_file,
		.run = run_window,
		.failed = failed_window_program,
		.examples = "hta-window --every 1m --by endpoint,status --value latency_ms "
			    "events.ndjson\n"
			    "kcat -C -b kafka:9092 -t events | hta-window --by customer --uniq "
			    "user_id --lateness 10s\n"
			    "hta-consume -b kafka:9092 -t events -g web | hta-window --metric "
			    "hits --by endpoint --metric spend --every 1h --by customer --value "
			    "payload.price | hta-sink-pg --init service=rollups | hta-commit",
	};
	int code;

	agg_hold_signal(true);
	gather_options(all);
	code = prog_main(&prog, &a, argc, argv);
	plan_builder_free(a.builder);
	agg_set_fini(&a.set);
	agg_set_fini(&a.next);
	free(a.retired);
	free(a.file);
	agg_rules_fini(&a);
	return code;
}
