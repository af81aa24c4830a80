/* A sink on a plain stream: final rows, under no job's name, in batches of one transaction each. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "sink/metric_shape.h"
#include "sink/sink_internal.h"

static enum sink_result call_connect(struct sink *s, void *arg, struct err *err)
{
	(void)s, (void)arg, (void)err;
	return SINK_OK;
}

int sink_plain(void *self, struct stage *st, struct err *err)
{
	struct sink *s = self;
	enum sink_result result;

	if (sink_lines(s))
		return sink_lines_plain(s, st, err);
	if (!s->store.driver->put)
		return err_set(err, EX_USAGE,
			       "%s stores no plain stream, for its rows stand with the positions "
			       "of a job: give hta-consume a group or a job (-g, --job)",
			       s->program->name);
	return sink_try(s, st, call_connect, NULL, &result, err);
}

/* A plain stream has no definitions: a metric's first row says which columns it has, and what
 * views show of it. */
static const struct sink_metric *add_metric_of(struct sink *s, const struct rollup *row)
{
	struct sink_metric *m;
	struct column column[COLUMNS_MAX];
	struct buf shape = { 0 };

	for (size_t i = 0; i < row->cells; i++)
		column[i] = (struct column){ row->cell[i].column.rule,
					     arena_copy(&s->names, row->cell[i].column.name) };
	s->metric = mem_grow(s->metric, s->metrics + 1, sizeof(*s->metric));
	m = &s->metric[s->metrics++];
	*m = (struct sink_metric){ .name = arena_copy(&s->names, row->metric),
				   .cfg = slice_z(""),
				   .def = slice_z("{}"),
				   .columns = row->cells };
	metric_shape_of_row(row->dims, row->has_value, row->has_uniq, &shape);
	m->shape = arena_copy(&s->names, buf_slice(&shape));
	buf_fini(&shape);
	m->column = sink_keep_columns(s, column, row->cells);
	return m;
}

/* Rows are in key order: a metric's rows stand together. New names go behind the known ones;
 * *fresh: how many. */
static int new_metrics(struct sink *s, const struct sink_batch *b, size_t *fresh, struct err *err)
{
	const struct sink_metric *m = NULL;
	size_t before = s->metrics;

	for (size_t i = 0; i < b->rows; i++) {
		const struct rollup *row = &b->row[i];

		if (!m || !slice_eq(m->name, row->metric)) {
			m = sink_metric_of(s, row->metric);
			if (!m)
				m = add_metric_of(s, row);
		}
		if (sink_check_columns(m, row, err))
			return -1;
	}
	*fresh = s->metrics - before;
	return 0;
}

struct put_call {
	struct sink_batch batch;
	size_t fresh_metrics;
	struct sink_counts counts;
};

static enum sink_result call_put(struct sink *s, void *arg, struct err *err)
{
	struct put_call *p = arg;
	struct sink_metric *fresh = s->metric + s->metrics - p->fresh_metrics;
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < p->fresh_metrics; i++)
		if (sink_metric_storable(&s->store, &fresh[i], err))
			return SINK_FATAL;
	if (p->fresh_metrics && !s->dry_run)
		r = sink_metrics_register(&s->store, NULL, fresh, p->fresh_metrics, POS_NONE, false,
					  err);
	if (r != SINK_OK)
		return r;
	p->counts = (struct sink_counts){ 0 };
	return s->store.driver->put(s->store.d, &p->batch, s->replace, s->dry_run, &p->counts, err);
}

int sink_plain_flush(struct sink *s, struct stage *st, struct err *err)
{
	struct put_call p = { 0 };
	enum sink_result result;

	if (epoch_batch_rows(s->epoch) + epoch_batch_records(s->epoch) == 0)
		return 0;
	if (sink_events_keyed(s))
		epoch_batch_sort_events(s->epoch);
	p.batch.replace = s->replace;
	if (epoch_batch_close(s->epoch, &p.batch, err))
		return -1;
	if (new_metrics(s, &p.batch, &p.fresh_metrics, err))
		return -1;
	if (sink_try(s, st, call_put, &p, &result, err))
		return -1;
	s->counts.fresh += p.counts.fresh;
	s->counts.equal += p.counts.equal;
	s->counts.different += p.counts.different;
	s->counts.expired += p.counts.expired;
	counters_add(stage_counters(st), COUNTER_EXPIRED, p.counts.expired);
	counters_add(stage_counters(st), COUNTER_DUPLICATE, p.counts.duplicate);
	epoch_batch_reset(s->epoch);
	s->plain_bytes = 0;
	return 0;
}

static int say_counts(struct sink *s, struct stage *st, struct err *err)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "new %llu, equal %llu, different %llu\n",
			 (unsigned long long)s->counts.fresh, (unsigned long long)s->counts.equal,
			 (unsigned long long)s->counts.different);

	return out_write(stage_out(st), text, (size_t)n, err);
}

int sink_finish(void *self, struct stage *st, bool eof, struct err *err)
{
	struct sink *s = self;

	(void)eof;
	if (stage_acknowledged(st))
		return 0;
	if (sink_lines(s))
		return sink_lines_flush(s, st, err);
	if (sink_plain_flush(s, st, err))
		return -1;
	if (s->counts.expired)
		log_warn("%llu rows were past their time to live and not written (--ttl, "
			 "--retention)",
			 (unsigned long long)s->counts.expired);
	if (s->dry_run && say_counts(s, st, err))
		return -1;
	return s->events ? sink_events_finish(s, st, err) : 0;
}
