/* hta-query: which store, which command, and where the answer goes. Reading and showing is done in
 * lib/read; here are the words to the person at the prompt.
 *
 *   query.c          store, commands, main
 *   query_options.c  the option table
 *   query_range.c    latest, top, history: the metric and the range that are meant
 *   query_rows.c     rows of a range, and what was not found there
 *   query_watch.c    --watch
 *   query_job.c      metrics, positions
 *   query_events.c   events */
#include "app/query.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tm.h"
#include "app/query_internal.h"
#include "read/stdin_rows.h"
#include "tool/prog.h"
#include "tool/terminal.h"

enum { TERMINAL_ROWS = 40, WATCHED_ROWS = 10, OUT_BYTES = 256 << 10 };

uint64_t query_limit(const struct query *q)
{
	if (q->watch && !q->has_n)
		return WATCHED_ROWS;
	return q->has_n ? q->n : isatty(STDOUT_FILENO) ? TERMINAL_ROWS : 0;
}

int query_put(struct query *q, struct buf *text, struct err *err)
{
	int rc = out_write(q->out, text->p, text->n, err);

	text->n = 0;
	return rc;
}

static int open_store(struct query *q, struct err *err)
{
	if (q->input && q->where)
		return err_set(err, EX_USAGE, "- and -d %s exclude each other", q->where);
	q->conf.place = q->input ? stdin_rows.default_table : q->table;
	q->store.driver = q->input ? &stdin_rows
				   : read_stores_choose(q->program->stores, q->where, "hta-query",
							&q->conf, err);
	if (!q->store.driver)
		return -1;
	q->conf.loop = q->loop = loop_new();
	q->store.d = q->store.driver->open(&q->conf, err);
	return q->store.d ? 0 : -1;
}

/* ---- commands */

static const struct command {
	const char *name, *operand; /* operand NULL: none */
	int (*run)(struct query *q, struct err *err);
	bool rows, events;
} commands[] = {
	{ "latest", "METRIC", query_latest, .rows = true },
	{ "history", "METRIC", query_history, .rows = true },
	{ "top", "METRIC", query_top, .rows = true },
	{ "metrics", NULL, query_metrics, .rows = false },
	{ "positions", "JOB", query_positions, .rows = false },
	{ "events", NULL, query_events, .events = true },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static int say_command(const char *word, struct err *err)
{
	const char *name[COMMANDS + 1] = { NULL }, *nearest;

	for (size_t i = 0; i < COMMANDS; i++)
		name[i] = commands[i].name;
	if (!word)
		return err_set(err, EX_USAGE,
			       "what? latest METRIC, history METRIC, top METRIC, metrics, "
			       "positions JOB or events");
	nearest = str_nearest(word, name);
	return err_set(
		err, EX_USAGE,
		"there is no command \"%s\"%s%s%s: latest, history, top, metrics, positions, "
		"events",
		word, nearest ? " (did you mean \"" : "", nearest ? nearest : "",
		nearest ? "\"?)" : "");
}

/* Options of rows with others of them. */
static int check_rows(const struct query *q, struct err *err)
{
	if (q->plot && q->ratios.n)
		return err_set(err, EX_USAGE,
			       "--plot draws counts: --ratio is for tables and JSON");
	if (q->plot && q->format == QUERY_JSON)
		return err_set(err, EX_USAGE, "--plot and --format json exclude each other");
	if (q->has_n && q->n == 0)
		return err_set(err, EX_USAGE, "-n is at least 1");
	if (q->watch && (!isatty(STDOUT_FILENO) || q->format == QUERY_JSON))
		return err_set(err, EX_USAGE, "--watch paints a terminal: output is none");
	if (q->zone_text && !steps_local((enum step_kind)q->step))
		return err_set(err, EX_USAGE, "--zone is for --step day, week and month");
	return 0;
}

static int check_events(const struct query *q, const struct command *c, struct err *err)
{
	bool any = q->event_topic || q->event_type || q->event_user || q->event_source ||
		   q->after || q->meta;

	return any && !c->events ? err_set(err, EX_USAGE,
					   "--topic, --type, --user, --source, --after and --meta "
					   "are for events")
				 : 0;
}

/* Options of rows with the command that shows them, or does not. */
static int check_command_rows(const struct query *q, const struct command *c, struct err *err)
{
	bool history = strcmp(c->name, "history") == 0;

	bool bounded = q->has_n || q->since || q->until;

	if (!c->rows && (q->filter.terms || q->filter.has_by || q->plot || q->final ||
			 q->ratios.n || (bounded && !c->events)))
		return err_set(err, EX_USAGE,
			       "--dim, --by, -n, --plot, --final, --ratio, --since and --until are "
			       "for rows: latest, history, top");
	if (q->step && !history)
		return err_set(err, EX_USAGE, "--step is for history");
	if (q->fill && (q->plot || !history))
		return err_set(err, EX_USAGE, "--fill is for history, without --plot");
	if (q->watch && (q->input || history || !c->rows))
		return err_set(err, EX_USAGE, "--watch is for latest and top of a store");
	return check_rows(q, err);
}

static int check_command(const struct query *q, const struct command *c, struct err *err)
{
	if (c->operand && !q->operand && !(q->input && c->rows))
		return err_set(err, EX_USAGE, "%s which? hta-query %s %s", c->name, c->name,
			       c->operand);
	if (!c->operand && q->operand)
		return err_set(err, EX_USAGE, "%s takes no operand, \"%s\" is one too many",
			       c->name, q->operand);
	if ((q->cluster.brokers || q->cluster.settings) && strcmp(c->name, "positions") != 0)
		return err_set(err, EX_USAGE, "-b, -X and -F are for positions: the log's end");
	return check_events(q, c, err) || check_command_rows(q, c, err) ? -1 : 0;
}

static int make_steps(struct query *q, struct err *err)
{
	if (steps_local((enum step_kind)q->step)) {
		q->zone = zone_new(q->zone_text ? q->zone_text : "UTC", err);
		if (!q->zone)
			return err_in(err, "--zone");
	}
	q->steps = (struct steps){ (enum step_kind)q->step, q->zone };
	return 0;
}

/* Rows are shown all the same. */
static void warn_positions(const struct read_store *s)
{
	const char *missing = read_positions_missing(s);

	if (missing)
		log_warn("no window of a job is known to be final: %s", missing);
}

static int run_query(void *self, struct err *err)
{
	struct query *q = self;
	const struct command *c = NULL;
	bool tty = isatty(STDOUT_FILENO);

	if (q->input && !q->command)
		q->command = "history";
	for (size_t i = 0; i < COMMANDS && q->command; i++)
		if (strcmp(commands[i].name, q->command) == 0)
			c = &commands[i];
	if (!c)
		return say_command(q->command, err);
	if (check_command(q, c, err))
		return -1;
	q->now_us = tm_now_us();
	q->json = !q->plot && (q->format == QUERY_JSON || (q->format == QUERY_AUTO && !tty));
	q->utf8 = terminal_utf8();
	q->width = tty ? terminal_width(STDOUT_FILENO) : 0;
	q->out = out_new(NULL, STDOUT_FILENO, OUT_BYTES);
	if (make_steps(q, err) || (!c->events && open_store(q, err)) ||
	    (c->rows && !q->operand && query_only_metric(q, err)))
		return -1;
	if (!c->events && c->run != query_positions)
		warn_positions(&q->store);
	if (q->watch)
		return query_watch(q, c->run, err);
	return c->run(q, err) || out_flush(q->out, err) ? -1 : 0;
}

static int take_operand(void *self, const char *operand, struct err *err)
{
	struct query *q = self;

	if (!q->command && !q->input && strcmp(operand, "-") == 0) {
		q->input = true;
		return 0;
	}
	if (q->operand)
		return err_set(err, EX_USAGE, "\"%s\" is one operand too many", operand);
	*(q->command ? &q->operand : &q->command) = operand;
	return 0;
}

static void query_fini(struct query *q)
{
	if (q->store.driver)
		q->store.driver->close(q->store.d);
	loop_free(q->loop);
	out_free(q->out);
	zone_free(q->zone);
	ratios_fini(&q->ratios);
	buf_fini(&q->metric);
	dims_filter_fini(&q->filter);
	free(q->cluster.setting);
}

int query_main(const struct query_program *program, int argc, char **argv)
{
	struct query q = { .program = program };
	const struct prog prog = {
		.name = "hta-query",
		.summary = "show stored rollups: latest, history, top, and events",
		.synopsis = "[OPTIONS] [-] latest|history|top METRIC | metrics | positions JOB | "
			    "events",
		.opts = query_options,
		.operand = take_operand,
		.run = run_query,
		.examples = "hta-query -d rollups.db latest events --by endpoint\n"
			    "hta-query -d service=rollups history events --since -2h --dim "
			    "status=500 --plot\n"
			    "hta-query -d rollups.db positions web\n"
			    "hta-window --by endpoint events.ndjson | hta-query - top -n 5",
	};
	int code = prog_main(&prog, &q, argc, argv);

	query_fini(&q);
	return code;
}
