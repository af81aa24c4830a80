/* A sink on an acknowledged stream behind its hello: what the store knows of the job answers the
 * probe, `init` begins the job's generation, and each barrier makes an epoch durable. */
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/sink_internal.h"

static int64_t highest_watermark(const struct positions *pos)
{
	int64_t us = POS_NONE;

	for (size_t i = 0; i < pos->n; i++)
		if (pos->v[i].watermark_us > us)
			us = pos->v[i].watermark_us;
	return us;
}

/* Who knows what the metrics' names mean: a store without transactions leaves it to the store of
 * the positions. */
static const struct sink_store *registry(const struct sink *s)
{
	return s->store.driver->metrics ? &s->store : s->positions;
}

enum sink_result sink_metrics_look(struct sink *s, const char *job, const struct positions *pos,
				   struct err *err)
{
	return sink_metrics_register(registry(s), job, s->metric, s->metrics,
				     highest_watermark(pos), true, err);
}

/* Metrics go with the job's generation: a job that may yet be refused takes no name from others. */
static enum sink_result know_metrics(struct sink *s, const char *job, const char *group,
				     struct keeper_doc *doc, struct err *err)
{
	const struct sink_store *k = s->positions;
	bool begun = doc->gen[0];
	enum sink_result r;

	if (begun && s->registered)
		return sink_set_check(s, job, doc, err);
	if (begun && (r = sink_set_change(s, job, group, doc, err)) != SINK_OK)
		return r;
	r = sink_metrics_register(registry(s), job, s->metric, s->metrics,
				  highest_watermark(&doc->pos), !begun, err);
	if (r == SINK_OK && begun)
		r = k->driver->keeper->lateness(k->d, job, s->lateness_us, err);
	s->registered = begun && r == SINK_OK;
	return r;
}

static enum sink_result load_and_register(struct sink *s, struct stage *st, struct keeper_doc *doc,
					  struct err *err)
{
	enum sink_result r;

	keeper_doc_fini(doc);
	r = sink_load(s, stage_job(st), stage_group(st), doc, err);
	return r == SINK_OK ? know_metrics(s, stage_job(st), stage_group(st), doc, err) : r;
}

struct probe_call {
	struct stage *st;
	struct keeper_doc doc;
};

static enum sink_result call_probe(struct sink *s, void *arg, struct err *err)
{
	struct probe_call *p = arg;

	return load_and_register(s, p->st, &p->doc, err);
}

static void write_state(const struct sink *s, const struct keeper_doc *doc, struct buf *element)
{
	struct ctl_sink_state state = {
		.name = s->name, .by_now = doc->by_now, .records = !s->filter.rows, .pos = doc->pos
	};

	memcpy(state.gen, doc->gen, sizeof(state.gen));
	ctl_sink_state_write(&state, element);
}

static int take_probe(struct sink *s, struct stage *st, const struct ctl *ctl, struct buf *instead,
		      struct err *err)
{
	struct probe_call p = { .st = st };
	struct buf element = { 0 };
	enum sink_result result;
	int rc = sink_try(s, st, call_probe, &p, &result, err);

	if (rc == 0) {
		write_state(s, &p.doc, &element);
		if (ctl_grow(ctl->line, buf_slice(&element), instead))
			rc = err_set(err, EX_DATAERR,
				     "probe: it does not end as one does: a filter above has "
				     "changed it");
	}
	keeper_doc_fini(&p.doc);
	buf_fini(&element);
	return rc;
}

struct init_call {
	struct stage *st;
	struct ctl_init init;
};

static enum sink_result call_init(struct sink *s, void *arg, struct err *err)
{
	struct init_call *i = arg;
	const struct sink_store *k = s->positions;
	struct keeper_doc doc = { .gen = "" };
	enum sink_result r = k->driver->keeper->init(k->d, stage_job(i->st), stage_group(i->st),
						     &i->init, err),
			 known;

	if (r != SINK_OK && r != SINK_APPLIED)
		return r;
	known = load_and_register(s, i->st, &doc, err);
	keeper_doc_fini(&doc);
	return known == SINK_OK ? r : known;
}

/* `fresh` and `boot` are for one sink, wherever it stands; it takes nothing where it has a
 * generation already: the source probes again and sees. */
static int take_init(struct sink *s, struct stage *st, const struct ctl *ctl, struct err *err)
{
	struct init_call i = { .st = st };
	enum sink_result result = SINK_APPLIED;
	bool one;
	int rc;

	if (ctl_init_read(ctl, &i.init, err))
		return -1;
	one = i.init.act == CTL_FRESH || i.init.act == CTL_BOOT;
	rc = one && !slice_is(i.init.to, s->name) ? 0
						  : sink_try(s, st, call_init, &i, &result, err);
	if (rc == 0 && !(one && !slice_is(i.init.to, s->name)) && result == SINK_CONFLICT && !one)
		rc = -1;
	if (rc == 0 && result == SINK_OK)
		crash_at(CRASH_SINK_INIT);
	ranges_fini(&i.init.start);
	return rc;
}

struct metrics_call {
	struct stage *st;
	struct keeper_doc doc;
};

static enum sink_result call_metrics(struct sink *s, void *arg, struct err *err)
{
	struct metrics_call *m = arg;

	return load_and_register(s, m->st, &m->doc, err);
}

/* The rules have changed above. It stands behind a barrier: nothing is owed. */
static int take_metrics(struct sink *s, struct stage *st, const struct ctl *ctl, struct err *err)
{
	struct metrics_call m = { .st = st };
	struct ctl_metrics metrics;
	enum sink_result result;
	int rc;

	if (ctl_metrics_read(ctl, &metrics, err))
		return -1;
	sink_set_take(s, &metrics.rules);
	s->registered = false;
	rc = sink_metrics_replace(s, &metrics, err) ||
			     sink_try(s, st, call_metrics, &m, &result, err)
		     ? -1
		     : 0;
	keeper_doc_fini(&m.doc);
	ctl_metrics_fini(&metrics);
	return rc;
}

int sink_take_dead(struct sink *s, const struct ctl *ctl, struct err *err)
{
	struct ctl_dead d;
	bool base64;
	int rc = ctl_dead_read(ctl, &d, &base64, err);

	if (rc == 0)
		epoch_batch_dead(s->epoch, &(struct sink_dead){
						   .late = d.late,
						   .stage = d.stage,
						   .topic = d.topic,
						   .why = d.why,
						   .record = d.record,
						   .partition = d.partition,
						   .offset = d.offset,
						   .inexact = d.inexact,
						   .retries = d.retries,
						   .size = d.size,
						   .base64 = base64,
					   });
	return rc;
}

int sink_control(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
		 struct err *err)
{
	struct sink *s = self;

	if (sink_lines(s) && !s->role.keeps)
		return 0;
	switch (ctl->kind) {
	case CTL_PROBE:
		return take_probe(s, st, ctl, instead, err);
	case CTL_INIT:
		return take_init(s, st, ctl, err);
	case CTL_METRICS:
		return take_metrics(s, st, ctl, err);
	case CTL_DEAD:
	case CTL_LATE:
		return (s->store.driver->takes & SINK_DEAD && sink_has_dead(s)) || s->role.claims
			       ? sink_take_dead(s, ctl, err)
			       : 0;
	default:
		return 0;
	}
}

struct apply_call {
	struct sink_batch batch;
	struct sink_counts counts;
	uint64_t late;
};

static enum sink_result call_apply(struct sink *s, void *arg, struct err *err)
{
	struct apply_call *a = arg;
	enum sink_result r = sink_late(s, &a->batch, &a->late, err);

	a->counts = (struct sink_counts){ 0 }; /* of the attempt that stands */
	return r == SINK_OK ? sink_apply(s, &a->batch, &a->counts, err) : r;
}

/* Rows are in key order: a metric's rows stand together. One that the hello does not name has no
 * columns. */
static int check_batch(const struct sink *s, const struct sink_batch *b, struct err *err)
{
	static const struct sink_metric none;
	const struct sink_metric *m = NULL;

	for (size_t i = 0; i < b->rows; i++) {
		if (!m || !slice_eq(b->row[i - 1].metric, b->row[i].metric))
			m = sink_metric_of(s, b->row[i].metric);
		if (!m)
			m = &none;
		if (sink_check_columns(m, &b->row[i], err))
			return -1;
	}
	return 0;
}

int sink_barrier(void *self, struct stage *st, const struct ctl *ctl, struct err *err)
{
	struct sink *s = self;
	struct apply_call a = { .batch.job = stage_job(st) };
	enum sink_result result = SINK_OK;
	struct ctl_bar bar;
	char *gen, *member;
	int rc;

	if (sink_lines(s) && !s->role.keeps)
		return sink_lines_flush(s, st, err);
	if (ctl_bar_read(ctl, &bar, err))
		return -1;
	if (s->events && sink_events_barrier(s, st, err)) {
		ranges_fini(&bar.ranges);
		return -1;
	}
	ranges_sort(&bar.ranges);
	gen = mem_dup(bar.gen.p, bar.gen.n);
	member = bar.member.p ? mem_dup(bar.member.p, bar.member.n) : NULL;
	a.batch.gen = gen;
	a.batch.member = member;
	a.batch.set = s->set;
	a.batch.replace = s->replace;
	a.batch.ranges = &bar.ranges;
	rc = epoch_batch_close(s->epoch, &a.batch, err) || check_batch(s, &a.batch, err) ||
			     sink_try(s, st, call_apply, &a, &result, err)
		     ? -1
		     : 0;
	if (rc == 0 && result == SINK_CONFLICT)
		rc = err_in(err, "epoch %llu", (unsigned long long)bar.epoch);
	if (rc == 0 && result == SINK_APPLIED)
		log_info("epoch %llu was applied already", (unsigned long long)bar.epoch);
	if (rc == 0 && result == SINK_OK)
		sink_late_tell(s, st, a.late);
	stage_account(st)->expired += a.counts.expired;
	counters_add(stage_counters(st), COUNTER_EXPIRED, a.counts.expired);
	counters_add(stage_counters(st), COUNTER_DUPLICATE, a.counts.duplicate);
	epoch_batch_reset(s->epoch);
	sink_epoch_over(s, rc == 0);
	ranges_fini(&bar.ranges);
	free(gen);
	free(member);
	return rc;
}
