/* Data lines into the batch: rows of hta-window, parsed, or records as they came. They go on at
 * once, before they are stored; only barriers wait. */
#include <string.h>

#include "sink/sink_internal.h"

/* ---- rows */

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

static int take_rows(struct sink *s, struct stage *st, struct slice block, uint64_t *lines,
		     struct err *err)
{
	const char *p = block.p, *end = block.p + block.n;

	for (*lines = 0; p < end; (*lines)++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct rollup row;
		bool taken;

		if (rollup_parse(&s->reader, slice(p, (size_t)(nl - p)), &row, err))
			return say_no_row(s, st, err);
		if (check_row(&row, stage_acknowledged(st), err))
			return in_row(s, err);
		taken = sink_has_row(s, &row) && !sink_set_left_out(s, row.metric);
		sink_set_rename(s, &row);
		if (taken)
			epoch_batch_row(s->epoch, &row);
		p = nl + 1;
	}
	return 0;
}

/* ---- records */

static int check_origin(const struct sink *s, const struct origin *origin, struct err *err)
{
	if (origin->inexact)
		return err_set(err, EX_USAGE,
			       "a filter stands above (--foreign), so records have no offsets of "
			       "their own, and %s stores them by these: put it above that filter",
			       s->program->name);
	return origin->topic.p ? 0 : err_set(err, EX_DATAERR, "records before any `at`");
}

static enum sink_result call_send(struct sink *s, void *arg, struct err *err)
{
	(void)arg;
	return s->store.driver->send(s->store.d, err);
}

/* *taken: the driver has it. */
static int collect_records(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
			   bool *taken, struct err *err)
{
	const struct sink_driver *driver = s->store.driver;
	enum sink_collected c = driver->collect && stage_acknowledged(st)
					? driver->collect(s->store.d, run, lines)
					: SINK_COLLECTED_NOT;
	enum sink_result result;

	*taken = c != SINK_COLLECTED_NOT;
	return c == SINK_COLLECTED_MUCH ? sink_try(s, st, call_send, NULL, &result, err) : 0;
}

static int take_records(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
			struct err *err)
{
	struct sink_record record = { .topic = run->origin.topic,
				      .partition = run->origin.partition,
				      .offset = run->origin.offset,
				      .time_us = run->origin.time_us };
	const char *p = run->block.p, *end = p + run->block.n;
	bool taken;

	if (check_origin(s, &run->origin, err) || collect_records(s, st, run, lines, &taken, err))
		return -1;
	if (taken)
		return 0;
	for (*lines = 0; p < end; (*lines)++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		record.line = slice(p, (size_t)(nl - p));
		epoch_batch_record(s->epoch, &record);
		record.offset += run->origin.bytes ? nl + 1 - p : 1;
		p = nl + 1;
	}
	return 0;
}

/* What is stored as it came is handed on as it came. */
static int take_run(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
		    struct err *err)
{
	if (s->events)
		return sink_events_take(s, st, run, lines, err);
	if (s->filter.rows ? take_rows(s, st, run->block, lines, err)
			   : take_records(s, st, run, lines, err))
		return -1;
	return stage_acknowledged(st) || s->pass ? stage_pass(st, run->block, *lines, err) : 0;
}

void sink_epoch_over(struct sink *s, bool good)
{
	epoch_batch_reset(s->epoch);
	if (good && s->store.driver->discard)
		s->store.driver->discard(s->store.d);
}

int sink_data(void *self, struct stage *st, const struct run *run, uint64_t *lines, struct err *err)
{
	struct sink *s = self;

	if (sink_lines(s))
		return sink_lines_data(s, st, run, lines, err);
	if (take_run(s, st, run, lines, err))
		return -1;
	if (stage_acknowledged(st))
		return 0;
	s->plain_bytes += run->block.n;
	if (epoch_batch_rows(s->epoch) + epoch_batch_records(s->epoch) >= SINK_PLAIN_ROWS ||
	    s->plain_bytes >= SINK_PLAIN_BYTES)
		return sink_plain_flush(s, st, err);
	return 0;
}
