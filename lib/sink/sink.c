#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "sink/sink_internal.h"

enum { NAME_MAX_BYTES = 255 }; /* part of stores' keys, as names of jobs and topics are */

#define TTL_DEFAULT_US (7 * 86400 * TM_S) /* as sink_opts_redis says: 7d */

static int set_ttl(void *self, const char *value, struct err *err)
{
	struct sink *s = self;

	if (strcmp(value, "never") == 0) {
		s->conf.ttl_us = -1;
		return 0;
	}
	if (num_duration(value, &s->conf.ttl_us, err))
		return -1;
	return s->conf.ttl_us > 0 ? 0 : err_set(err, EX_USAGE, "must be longer than 0, or never");
}

#define SINK_OPTS                                                                               \
	{ .name = "init",                                                                       \
	  .type = OPT_FLAG,                                                                     \
	  .at = offsetof(struct sink, conf.create),                                             \
	  .help = "create what is missing in the store, and go on" },                           \
		{ .name = "name",                                                               \
		  .type = OPT_TEXT,                                                             \
		  .at = offsetof(struct sink, conf.name),                                       \
		  .arg = "NAME",                                                                \
		  .help = "this sink's name in its job; default KIND:TABLE" },                  \
		{ .name = "replace",                                                            \
		  .type = OPT_FLAG,                                                             \
		  .at = offsetof(struct sink, replace),                                         \
		  .help = "plain stream: rows with other values replace what is stored" },      \
		{ .name = "pass",                                                               \
		  .type = OPT_FLAG,                                                             \
		  .at = offsetof(struct sink, pass),                                            \
		  .help = "plain stream: print the rows that come in" },                        \
		{ .letter = 'n',                                                                \
		  .name = "dry-run",                                                            \
		  .type = OPT_FLAG,                                                             \
		  .at = offsetof(struct sink, dry_run),                                         \
		  .help = "plain stream: store nothing, count new, equal and different rows" }, \
		{ .name = "reset",                                                              \
		  .type = OPT_TEXT,                                                             \
		  .at = offsetof(struct sink, reset),                                           \
		  .arg = "JOB",                                                                 \
		  .help = "delete the job's rows and positions here, and end" },                \
	{                                                                                       \
		.name = "retry-for", .type = OPT_DURATION,                                      \
		.at = offsetof(struct sink, retry_for_us), .arg = "DUR", .def = "5m",           \
		.help = "how long what is temporary is tried again"                             \
	}

const struct opt sink_opts_table[] = {
	{ .name = "table",
	  .type = OPT_TEXT,
	  .at = offsetof(struct sink, conf.table),
	  .arg = "NAME",
	  .def = "hta_rollups",
	  .help = "table of the rollups" },
	SINK_OPTS,
	OPT_END,
};

const struct opt sink_opts_redis[] = {
	{ .name = "prefix",
	  .type = OPT_TEXT,
	  .at = offsetof(struct sink, conf.table),
	  .arg = "NAME",
	  .def = "hta",
	  .help = "prefix of the keys" },
	{ .name = "ttl",
	  .type = OPT_CALL,
	  .arg = "DUR|never",
	  .def = "7d",
	  .call = set_ttl,
	  .help = "how long after its end a window is kept" },
	SINK_OPTS,
	OPT_END,
};

int sink_try(struct sink *s, struct stage *st, sink_call *call, void *arg, enum sink_result *result,
	     struct err *err)
{
	struct err why;

	for (;;) {
		int64_t started = tm_mono_us();

		err_clear(&why);
		*result = s->connected ? SINK_OK : s->driver->connect(s->d, &why);
		s->connected = *result == SINK_OK;
		if (s->connected)
			*result = call(s, arg, &why);
		if (st)
			counters_add(stage_counters(st), COUNTER_STORE_US,
				     (uint64_t)(tm_mono_us() - started));
		if (*result == SINK_FATAL) {
			*err = why;
			return -1;
		}
		if (*result != SINK_RETRY) {
			retry_done(&s->retry, s->name);
			*err = why;
			return 0;
		}
		s->driver->disconnect(s->d);
		s->connected = false;
		if (st)
			counters_add(stage_counters(st), COUNTER_RETRIES, 1);
		if (retry_wait(&s->retry, s->conf.loop, s->name, s->retry_for_us, &why, err))
			return -1;
	}
}

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

static int check_row(const struct rollup *row, bool acked, struct err *err)
{
	if (row->has_uniq && row->sketch.n == 0)
		return err_set(err, EX_DATAERR,
			       "a row of metric %.*s has uniq but no uniq_sketch: it cannot be "
			       "added to others (drop --no-sketch at hta-window)",
			       (int)row->metric.n, row->metric.p);
	if (row->valued && row->cells == 0)
		return err_set(err, EX_DATAERR,
			       "a row of metric %.*s has measures but no columns: they cannot be "
			       "stored (drop --no-sketch at hta-window)",
			       (int)row->metric.n, row->metric.p);
	if (row->add && !acked)
		return err_set(
			err, EX_DATAERR,
			"a row of metric %.*s is a delta (\"op\":\"add\"), but this is a plain "
			"stream: deltas need an acknowledged one (-g or --job at hta-consume)",
			(int)row->metric.n, row->metric.p);
	return 0;
}

static int in_row(const struct sink *s, struct err *err)
{
	unsigned long long before = epoch_batch_rows(s->epoch);

	return err_in(err, "row %llu of this epoch", before + 1);
}

/* The first line of a plain stream: most often it is an event. */
static int say_no_row(const struct sink *s, const struct stage *st, struct err *err)
{
	struct err why;

	in_row(s, err);
	why = *err;
	if (stage_acknowledged(st) || epoch_batch_rows(s->epoch) || s->metrics)
		return -1;
	return err_set(err, why.code, "%s; is hta-window missing above? a sink stores its rows",
		       why.msg);
}

int sink_take_rows(struct sink *s, struct stage *st, struct slice block, uint64_t *lines,
		   struct err *err)
{
	const char *p = block.p, *end = block.p + block.n;

	for (*lines = 0; p < end; (*lines)++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct rollup row;

		if (rollup_parse(&s->reader, slice(p, (size_t)(nl - p)), &row, err))
			return say_no_row(s, st, err);
		if (check_row(&row, stage_acknowledged(st), err))
			return in_row(s, err);
		epoch_batch_row(s->epoch, &row);
		p = nl + 1;
	}
	return 0;
}

/* Rows go on at once; only barriers wait. */
static int sink_data(void *self, struct stage *st, const struct run *run_sink, uint64_t *lines,
		     struct err *err)
{
	struct sink *s = self;

	if (sink_take_rows(s, st, run_sink->block, lines, err))
		return -1;
	if ((stage_acknowledged(st) || s->pass) && stage_pass(st, run_sink->block, *lines, err))
		return -1;
	if (stage_acknowledged(st))
		return 0;
	s->plain_bytes += run_sink->block.n;
	if (epoch_batch_rows(s->epoch) >= SINK_PLAIN_ROWS || s->plain_bytes >= SINK_PLAIN_BYTES)
		return sink_plain_flush(s, st, err);
	return 0;
}

static enum sink_result call_reset(struct sink *s, void *arg, struct err *err)
{
	return s->driver->reset(s->d, s->reset, arg, err);
}

static int do_reset(struct sink *s, struct err *err)
{
	enum sink_result result;
	uint64_t rows = 0;

	if (sink_try(s, NULL, call_reset, &rows, &result, err))
		return -1;
	printf("%s: job %s deleted: %llu rows, its positions, metrics and dead records\n", s->name,
	       s->reset, (unsigned long long)rows);
	return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
}

static int take_where(void *self, const char *operand, struct err *err)
{
	struct sink *s = self;

	if (s->conf.where)
		return err_set(err, EX_USAGE, "one store only: \"%s\" is a second one", operand);
	s->conf.where = operand;
	return 0;
}

const struct filter sink_filter = {
	.rows = true,
	.plain = sink_plain,
	.hello = sink_hello,
	.hello_returned = sink_hello_returned,
	.data = sink_data,
	.control = sink_control,
	.barrier = sink_barrier,
	.finish = sink_finish,
};

static int sink_open(struct sink *s, struct loop *loop, struct err *err)
{
	if (s->program->needs_where && !s->conf.where)
		return err_set(err, EX_USAGE, "which file? %s %s", s->program->name,
			       s->program->synopsis);
	if (!s->conf.name) {
		s->name = mem_printf("%s:%s", s->driver->kind, s->conf.table);
		s->conf.name = s->name;
	} else {
		s->name = mem_strdup(s->conf.name);
	}
	if (strlen(s->name) > NAME_MAX_BYTES || !str_utf8(s->name, strlen(s->name)))
		return err_set(err, EX_USAGE,
			       "--name: a sink's name is UTF-8 and has at most %d "
			       "bytes, this one has %zu",
			       NAME_MAX_BYTES, strlen(s->name));
	s->conf.loop = loop;
	s->d = s->driver->open(&s->conf, err);
	return s->d ? 0 : -1;
}

static int open_in_stage(void *self, struct stage *st, struct err *err)
{
	counters_detail(stage_counters(st),
			((struct sink *)self)->conf.name ? ((struct sink *)self)->conf.name : "");
	if (sink_open(self, stage_loop(st), err))
		return -1;
	counters_detail(stage_counters(st), ((struct sink *)self)->name);
	return 0;
}

static int run_sink(void *self, struct err *err)
{
	struct sink *s = self;
	struct filter f = sink_filter;
	struct loop *loop;
	int rc;

	f.open = open_in_stage;
	if (!s->reset)
		return stage_run(&f, s, NULL, 0, err);
	loop = loop_new();
	loop_signals(loop, NULL, NULL, TM_S);
	rc = sink_open(s, loop, err) || do_reset(s, err) ? -1 : 0;
	if (s->d)
		s->driver->close(s->d);
	s->d = NULL;
	loop_free(loop);
	return rc;
}

/* --reset reads no stream. */
static void failed_sink(void *self, const struct err *err)
{
	if (!prog_given("reset"))
		stage_failed(self, err);
}

int sink_main(const struct sink_program *p, int argc, char **argv)
{
	struct sink s = { .program = p,
			  .driver = p->driver,
			  .epoch = epoch_batch_new(),
			  .conf.ttl_us = TTL_DEFAULT_US };
	const struct prog prog = {
		.name = p->name,
		.summary = p->summary,
		.synopsis = p->synopsis,
		.examples = p->examples,
		.opts = p->opts,
		.more = stage_opts,
		.more_self = stage_options(),
		.operand = take_where,
		.run = run_sink,
		.failed = failed_sink,
	};
	int code = prog_main(&prog, &s, argc, argv);

	if (s.d)
		p->driver->close(s.d);
	epoch_batch_free(s.epoch);
	rollup_reader_fini(&s.reader);
	buf_fini(&s.hello);
	arena_fini(&s.names);
	free(s.metric);
	free(s.name);
	return code;
}
