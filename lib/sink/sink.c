/* The program that every sink is: its options, its life, its filter. What comes in is taken in
 * sink_take.c; what happens to it at a barrier is in sink_epochs.c, on a plain stream in
 * sink_plain.c; the calls to stores, and how they are tried again, in sink_store.c.
 *
 *   main -> sink_main -> prog_main -> run_sink -> stage_run(sink_filter)      a stream
 *                                              -> do_reset                    --reset, no stream */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "sink/sink_internal.h"

#define NAME_OPT(place)                                                                    \
	{                                                                                  \
		.name = "name", .type = OPT_TEXT, .at = offsetof(struct sink, given_name), \
		.arg = "NAME", .help = "this sink's name in its job; default KIND:" place  \
	}
#define PASS_OPT(what)                                                               \
	{                                                                            \
		.name = "pass", .type = OPT_FLAG, .at = offsetof(struct sink, pass), \
		.help = "plain stream: print the " what " that come in"              \
	}
#define RETRY_OPT                                                                     \
	{                                                                             \
		.name = "retry-for", .type = OPT_DURATION,                            \
		.at = offsetof(struct sink, retry_for_us), .arg = "DUR", .def = "5m", \
		.help = "how long what is temporary is tried again"                   \
	}

#define INIT_OPT                                                                       \
	{                                                                              \
		.name = "init", .type = OPT_FLAG, .at = offsetof(struct sink, create), \
		.help = "create what is missing in the store, and go on"               \
	}

#define RESET_OPT                                                                         \
	{                                                                                 \
		.name = "reset", .type = OPT_TEXT, .at = offsetof(struct sink, reset),    \
		.arg = "JOB", .help = "delete the job's rows and positions here, and end" \
	}

enum { MOST_SHARDS = 1024 };

static int set_shard(void *self, const char *value, struct err *err)
{
	struct sink *s = self;
	char rest;

	if (sscanf(value, "%u/%u%c", &s->shard, &s->shards, &rest) == 2 && s->shard >= 1 &&
	    s->shard <= s->shards && s->shards <= MOST_SHARDS)
		return 0;
	return err_set(err, EX_USAGE, "must be I/N, such as 2/4, with N at most %d", MOST_SHARDS);
}

/* --table, --prefix and the like stand before these: they are the driver's. */
static const struct opt sink_opts[] = {
	INIT_OPT,
	NAME_OPT("TABLE"),
	{ .name = "replace",
	  .type = OPT_FLAG,
	  .at = offsetof(struct sink, replace),
	  .help = "plain stream: rows with other values replace what is stored; events: others of "
		  "the same key do" },
	PASS_OPT("rows"),
	{ .letter = 'n',
	  .name = "dry-run",
	  .type = OPT_FLAG,
	  .at = offsetof(struct sink, dry_run),
	  .help = "plain stream: store nothing, count new, equal and different rows" },
	RESET_OPT,
	{ .name = "shard",
	  .type = OPT_CALL,
	  .call = set_shard,
	  .arg = "I/N",
	  .help = "store the rows of shard I of N only: those whose dimensions fall to it" },
	RETRY_OPT,
	OPT_END,
};

/* Of a store that keeps no positions. */
static const struct opt sink_elsewhere_opts[] = {
	{ .name = "positions",
	  .type = OPT_TEXT,
	  .at = offsetof(struct sink, positions_where),
	  .arg = "FILE|URL",
	  .help = "where a job's positions stand: a file of SQLite, postgres://.. or redis://..; "
		  "default: $HTA_POSITIONS" },
	INIT_OPT,
	NAME_OPT("PLACE"),
	PASS_OPT("lines"),
	RESET_OPT,
	RETRY_OPT,
	OPT_END,
};

/* Of a driver of lines: it compares nothing, and deletes nothing. */
static const struct opt sink_lines_opts[] = { INIT_OPT, NAME_OPT("TOPIC"), PASS_OPT("lines"),
					      RETRY_OPT, OPT_END };

const struct column *sink_keep_columns(struct sink *s, const struct column *column, size_t n)
{
	struct column *kept = n ? arena_alloc(&s->names, n * sizeof(*kept)) : NULL;

	for (size_t i = 0; i < n; i++)
		kept[i] = column[i];
	return kept;
}

const struct sink_metric *sink_metric_of(const struct sink *s, struct slice name)
{
	for (size_t i = 0; i < s->metrics; i++)
		if (slice_eq(s->metric[i].name, name))
			return &s->metric[i];
	return NULL;
}

int sink_check_columns(const struct sink_metric *m, const struct rollup *row, struct err *err)
{
	bool same = m->columns == row->cells;

	for (size_t i = 0; i < row->cells && same; i++)
		same = column_cmp(&m->column[i], &row->cell[i].column) == 0;
	return same ? 0
		    : err_set(err, EX_DATAERR,
			      "rows of metric %.*s have different columns: they are of two "
			      "definitions; "
			      "give one of them another name (--metric)",
			      (int)row->metric.n, row->metric.p);
}

static enum sink_result call_reset(struct sink *s, void *arg, struct err *err)
{
	const struct sink_store *k = s->positions;
	enum sink_result r = k->driver->keeper->drop(k->d, s->reset, arg, err);

	return r == SINK_OK && s->store.driver->reset
		       ? s->store.driver->reset(s->store.d, s->reset, arg, err)
		       : r;
}

static int do_reset(struct sink *s, struct err *err)
{
	enum sink_result result;
	uint64_t rows = 0;

	if (sink_try(s, NULL, call_reset, &rows, &result, err))
		return -1;
	if (s->store.conf->events.on) {
		printf(s->store.driver->dead_stay
			       ? "%s: job %s deleted: its positions; events and dead records stay\n"
			       : "%s: job %s deleted: its positions and dead records; events "
				 "stay\n",
		       s->name, s->reset);
		return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
	}
	printf("%s: job %s deleted: %llu rows, its positions, metrics and dead records\n", s->name,
	       s->reset, (unsigned long long)rows);
	return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
}

static int take_where(void *self, const char *operand, struct err *err)
{
	struct sink *s = self;

	if (s->store.conf->where)
		return err_set(err, EX_USAGE, "one store only: \"%s\" is a second one", operand);
	s->store.conf->where = operand;
	return 0;
}

static int open_in_stage(void *self, struct stage *st, struct err *err)
{
	struct sink *s = self;

	counters_detail(stage_counters(st), s->given_name ? s->given_name : "");
	if (sink_open(s, stage_loop(st), err))
		return -1;
	counters_detail(stage_counters(st), s->name);
	return 0;
}

static const struct filter sink_filter = {
	.open = open_in_stage,
	.plain = sink_plain,
	.hello = sink_hello,
	.hello_returned = sink_hello_returned,
	.data = sink_data,
	.control = sink_control,
	.barrier = sink_barrier,
	.finish = sink_finish,
};

static int run_sink(void *self, struct err *err)
{
	struct sink *s = self;
	struct loop *loop;
	int rc;

	if (sink_events_open(s, err))
		return -1;
	s->filter = sink_filter;
	s->filter.rows = !s->events && s->store.driver->takes & SINK_ROWS;
	if (sink_lines(s) && sink_lines(s)->show(s->store.conf))
		return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
	if (sink_lines(s)) {
		s->filter.finds_dead = true;
		s->filter.stores_dead = sink_lines(s)->stores_dead(s->store.conf);
		s->filter.dead_way = sink_lines(s)->dead_way;
	}
	if (!s->reset)
		return stage_run(&s->filter, s, NULL, 0, err);
	loop = loop_new();
	loop_signals(loop, NULL, NULL, TM_S);
	rc = sink_open(s, loop, err) || sink_positions_open(s, err) || do_reset(s, err) ? -1 : 0;
	sink_close(s);
	loop_free(loop);
	return rc;
}

/* --reset reads no stream. */
static void failed_sink(void *self, const struct err *err)
{
	if (!prog_given("reset"))
		stage_failed(self, err);
}

static const struct opt *sink_options(const struct sink_driver *driver)
{
	if (driver->lines)
		return sink_lines_opts;
	return driver->keeper ? sink_opts : sink_elsewhere_opts;
}

int sink_main(const struct sink_program *p, int argc, char **argv)
{
	struct sink s = { .program = p, .epoch = epoch_batch_new() };
	struct prog prog = {
		.name = p->name,
		.summary = p->summary,
		.synopsis = p->synopsis,
		.examples = p->examples,
		.first = p->driver->opts,
		.opts = sink_options(p->driver),
		.more = p->driver->lines ? stage_opts_limit : stage_opts,
		.more_self = stage_options(),
		.operand = take_where,
		.run = run_sink,
		.failed = failed_sink,
	};
	int code;

	sink_stores_init(&s);
	prog.first_self = s.store.conf;
	code = prog_main(&prog, &s, argc, argv);
	sink_close(&s);
	sink_events_close(&s);
	sink_stores_fini(&s);
	epoch_batch_free(s.epoch);
	rollup_reader_fini(&s.reader);
	buf_fini(&s.hello);
	arena_fini(&s.names);
	free(s.metric);
	ctl_rules_fini(&s.rules);
	free(s.name);
	return code;
}
