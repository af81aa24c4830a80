/* A sink on a plain stream: final rows, under no job's name, in batches of one transaction each. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "sink/sink_internal.h"

static enum sink_result call_connect(struct sink *s, void *arg, struct err *err)
{
	(void)s, (void)arg, (void)err;
	return SINK_OK;
}

int sink_plain(void *self, struct stage *st, struct err *err)
{
	enum sink_result result;

	return sink_try(self, st, call_connect, NULL, &result, err);
}

static bool metric_known(const struct sink *s, struct slice name)
{
	for (size_t i = 0; i < s->metrics; i++)
		if (slice_eq(s->metric[i].name, name))
			return true;
	return false;
}

/* Rows are in key order: a metric's rows stand together. New names go behind the known ones. */
static size_t new_metrics(struct sink *s, const struct sink_batch *b)
{
	size_t before = s->metrics;

	for (size_t i = 0; i < b->rows; i++) {
		struct slice name = b->row[i].metric;

		if ((i && slice_eq(b->row[i - 1].metric, name)) || metric_known(s, name))
			continue;
		s->metric = mem_grow(s->metric, s->metrics + 1, sizeof(*s->metric));
		s->metric[s->metrics++] = (struct sink_metric){ .name = arena_copy(&s->names, name), .cfg = slice_z(""), .def = slice_z("{}") };
	}
	return s->metrics - before;
}

struct put_call { struct sink_batch batch; size_t fresh_metrics; struct sink_counts counts; };

static enum sink_result call_put(struct sink *s, void *arg, struct err *err)
{
	struct put_call *p = arg;
	enum sink_result r = SINK_OK;

	if (p->fresh_metrics && !s->dry_run)
		r = s->driver->metrics(s->d, NULL, s->metric + s->metrics - p->fresh_metrics, p->fresh_metrics, 0, false, err);
	if (r != SINK_OK)
		return r;
	p->counts = (struct sink_counts){ 0 };
	return s->driver->put(s->d, &p->batch, s->replace, s->dry_run, &p->counts, err);
}

int sink_plain_flush(struct sink *s, struct stage *st, struct err *err)
{
	struct put_call p = { 0 };
	enum sink_result result;

	if (epoch_batch_rows(s->epoch) == 0)
		return 0;
	if (epoch_batch_close(s->epoch, &p.batch, err))
		return -1;
	p.fresh_metrics = new_metrics(s, &p.batch);
	if (sink_try(s, st, call_put, &p, &result, err))
		return -1;
	s->counts.fresh += p.counts.fresh;
	s->counts.equal += p.counts.equal;
	s->counts.different += p.counts.different;
	s->counts.expired += p.counts.expired;
	counters_add(stage_counters(st), COUNTER_EXPIRED, p.counts.expired);
	epoch_batch_reset(s->epoch);
	s->plain_bytes = 0;
	return 0;
}

static int say_counts(struct sink *s, struct stage *st, struct err *err)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "new %llu, equal %llu, different %llu\n", (unsigned long long)s->counts.fresh,
		(unsigned long long)s->counts.equal, (unsigned long long)s->counts.different);

	return out_write(stage_out(st), text, (size_t)n, err);
}

int sink_finish(void *self, struct stage *st, bool eof, struct err *err)
{
	struct sink *s = self;

	(void)eof;
	if (stage_acknowledged(st))
		return 0;
	if (sink_plain_flush(s, st, err))
		return -1;
	if (s->counts.expired)
		log_warn("%llu rows were past their time to live and not written (--ttl)", (unsigned long long)s->counts.expired);
	return s->dry_run ? say_counts(s, st, err) : 0;
}
