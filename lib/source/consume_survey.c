/* From a probe to a view that may be read: the rules R1-R9 of start_rules.h, one step at a time.
 * Whoever is crashed in between has only left what the next start finds by its own probe. */
#include "source/consume_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "source/bounds.h"

enum { ROUNDS_MOST = 20, WATCH_AFTER_S = 60, LAG_AFTER_S = 10 };

int consume_probe(struct consume *s, struct err *err)
{
	s->watch.under_way = false;
	return job_stream_probe(s->stream, err);
}

/* ---- what was found */

/* Partitions that we hold and that the metadata do not show yet belong to the job all the same. */
static int ask_partitions(struct consume *s, struct err *err)
{
	if (s->log->ops->partitions(s->log->self, &s->survey.all, err))
		return -1;
	for (size_t i = 0; i < s->holding.held.n; i++)
		partitions_add(&s->survey.all, slice_z(s->holding.held.v[i].topic),
			       s->holding.held.v[i].partition);
	return 0;
}

int consume_found(struct consume *s, struct found *f, struct ranges *commits, char **commit_job,
		  struct err *err)
{
	struct buf meta = { 0 };
	int rc = 0;

	*f = (struct found){ .job = s->c->job,
			     .group = s->c->group,
			     .sinks = s->survey.sinks,
			     .n = s->survey.n_sinks,
			     .parts = &s->survey.all };
	*commits = (struct ranges){ 0 };
	*commit_job = NULL;
	if (ask_partitions(s, err))
		return -1;
	for (size_t i = 0; i < s->survey.all.n; i++)
		ranges_add(commits, slice_z(s->survey.all.v[i].topic), s->survey.all.v[i].partition)
			->from = -1;
	if (s->c->group)
		rc = s->log->ops->committed(s->log->self, commits, &meta, err);
	for (size_t i = 0; i < commits->n && rc == 0; i++)
		f->commit = f->commit || commits->v[i].from >= 0;
	start_rules_meta_read(buf_slice(&meta), f->commit_gen, commit_job);
	f->commit_job = *commit_job;
	buf_fini(&meta);
	return rc;
}

/* ---- one round */

static int begin_fresh(struct consume *s, const char *to, struct err *err)
{
	struct ctl_init init = { .act = CTL_FRESH, .to = slice_z(to) };
	int rc;

	for (size_t i = 0; i < s->survey.all.n; i++)
		ranges_add(&init.start, slice_z(s->survey.all.v[i].topic),
			   s->survey.all.v[i].partition);
	job_stream_draw(init.gen);
	rc = bounds_starts(s->c, s->log, &init.start, err);
	for (size_t i = 0; i < init.start.n; i++)
		init.start.v[i].to = init.start.v[i].from;
	if (rc == 0)
		rc = job_stream_init(s->stream, &init, err);
	s->survey.drew = true;
	ranges_fini(&init.start);
	return rc;
}

/* The starts of the decision, to all sinks that they concern. */
static int send_starts(struct consume *s, enum ctl_act act, const struct start_decision *d,
		       struct err *err)
{
	struct ctl_init init = { .act = act, .start = d->start };

	memcpy(init.gen, d->gen, sizeof(init.gen));
	return job_stream_init(s->stream, &init, err);
}

static int name_new(struct consume *s, const struct start_decision *d, struct err *err)
{
	for (size_t i = 0; i < d->start.n; i++)
		log_info("%s/%" PRId32 " is new: from offset 0", d->start.v[i].topic,
			 d->start.v[i].partition);
	return send_starts(s, CTL_NEW, d, err);
}

/* No sink keeps positions: the commits, else --from. At least once. */
static int start_without_sinks(struct consume *s, const struct ranges *commits, struct err *err)
{
	struct ranges starts = { 0 };
	int rc;

	for (size_t i = 0; i < s->holding.held.n; i++)
		ranges_add(&starts, slice_z(s->holding.held.v[i].topic),
			   s->holding.held.v[i].partition);
	rc = bounds_starts(s->c, s->log, &starts, err);
	for (size_t i = 0; i < starts.n; i++) {
		const struct range *c = ranges_find(commits, slice_z(starts.v[i].topic),
						    starts.v[i].partition);

		if (c && c->from >= 0)
			starts.v[i].from = c->from;
	}
	if (rc == 0)
		catchup_started(&s->survey.catchup, &starts);
	ranges_fini(&starts);
	return rc;
}

/* Fills `stored` and `ends` of the progress, in the order of the view. Where the commits are not
 * what is stored (a member that was evicted could not commit, a store went back), they are written
 * soon: new records, with which they would be, may be long in coming. */
static int begin_sets(struct consume *s, const struct ranges *commits, struct err *err)
{
	ranges_fini(&s->progress.stored);
	ranges_fini(&s->progress.ends);
	for (size_t i = 0; i < s->survey.catchup.n; i++) {
		const struct catchup_part *p = &s->survey.catchup.v[i];
		const struct range *c = ranges_find(commits, slice_z(p->topic), p->partition);
		struct range *r = ranges_add(&s->progress.stored, slice_z(p->topic), p->partition);

		r->from = c ? c->from : -1;
		r->to = catchup_lowest(p, s->survey.catchup.sinks);
		r->idle = p->idle;
		for (size_t k = 0; k < s->survey.n_sinks; k++) {
			const struct position *at = positions_find(&s->survey.sinks[k].pos,
								   slice_z(p->topic), p->partition);
			if (at->next == r->to)
				r->last = at->last;
		}
		ranges_add(&s->progress.ends, slice_z(p->topic), p->partition);
	}
	return s->progress.ends.n ? s->log->ops->ends(s->log->self, &s->progress.ends, err) : 0;
}

/* What will be read of a partition. Without sinks the commits say what was read before; a start
 * without a commit is a beginning. */
static struct ctl_reading_part part_reading(const struct consume *s, size_t i)
{
	const struct catchup_part *p = &s->survey.catchup.v[i];
	struct ctl_reading_part r = { .topic = slice_z(p->topic),
				      .partition = p->partition,
				      .idle = p->idle };

	r.from = catchup_lowest(p, s->survey.catchup.sinks);
	r.next = r.from;
	r.init = s->progress.stored.v[i].from >= 0 ? 0 : r.from;
	for (size_t k = 0; k < s->survey.n_sinks; k++) {
		const struct position *at = positions_find(&s->survey.sinks[k].pos, r.topic,
							   r.partition);

		r.next = at->next > r.next ? at->next : r.next;
		r.init = k == 0 || at->init < r.init ? at->init : r.init;
	}
	return r;
}

static int announce_reading(struct consume *s, const char *gen, struct err *err)
{
	struct ctl_reading all = { .gen = slice_z(gen), .n = s->survey.catchup.n };
	int rc;

	all.part = mem_array(all.n + 1, sizeof(*all.part));
	for (size_t i = 0; i < all.n; i++)
		all.part[i] = part_reading(s, i);
	s->reading.line.n = 0;
	ctl_reading_write(job_stream_inc(s->stream), &all, &s->reading.line);
	rc = job_stream_control(s->stream, buf_slice(&s->reading.line), err);
	ctl_reading_fini(&all);
	return rc;
}

static int start_reading(struct consume *s, const struct start_decision *d,
			 const struct ranges *commits, struct err *err)
{
	job_stream_begin(s->stream, d->gen);
	s->progress.meta.n = 0;
	start_rules_meta_write(d->gen, s->c->job, &s->progress.meta);
	if (s->survey.n_sinks)
		catchup_probed(&s->survey.catchup, s->survey.sinks, s->survey.n_sinks,
			       &s->holding.held);
	else if (start_without_sinks(s, commits, err))
		return -1;
	if (begin_sets(s, commits, err) || consume_check_log(s, err) ||
	    announce_reading(s, d->gen, err))
		return -1;
	if (d->commit && consume_commit(s, true, err))
		return err_in(err, "first commit of group %s", s->c->group);
	s->progress.commit_due = true;
	consume_lag(s);
	s->progress.lag_at_us = tm_mono_us() + LAG_AFTER_S * TM_S;
	s->watch.at_us = tm_mono_us() + WATCH_AFTER_S * TM_S;
	counters_set(s->counters, COUNTER_PARTITIONS, s->survey.catchup.n);
	if (s->c->from.given && !s->survey.drew && s->survey.n_sinks && !s->begun)
		log_note("--from changes nothing: the sinks know job %s and where it stands",
			 s->c->job);
	return 0;
}

/* 0: go on reading; 1: probe again; -1. */
static int act_on_decision(struct consume *s, const struct start_decision *d,
			   const struct ranges *commits, bool *sure, struct err *err)
{
	bool stop = d->act == START_STOP;
	int rc = 1;

	if (stop && *sure)
		return err_copy(err, &d->why);
	*sure = stop;
	if (d->act == START_FRESH)
		rc = begin_fresh(s, d->to, err) ? -1 : 1;
	else if (d->act == START_ADOPT)
		rc = send_starts(s, CTL_ADOPT, d, err) ? -1 : 1;
	else if (d->act == START_NEW)
		rc = name_new(s, d, err) ? -1 : 1;
	else if (d->act == START_READ)
		rc = start_reading(s, d, commits, err);
	return rc;
}

static int round_once(struct consume *s, bool *sure, struct err *err)
{
	struct start_decision d = { 0 };
	struct ranges commits;
	struct found f;
	char *commit_job;
	int rc = consume_found(s, &f, &commits, &commit_job, err);

	if (rc == 0) {
		start_rules(&f, &d);
		rc = act_on_decision(s, &d, &commits, sure, err);
	}
	start_decision_fini(&d);
	ranges_fini(&commits);
	free(commit_job);
	return rc;
}

int consume_prepare(struct consume *s, struct err *err)
{
	bool sure = false;

	s->survey.again = false;
	for (int round = 0; round < ROUNDS_MOST; round++) {
		int rc = consume_probe(s, err);

		if (rc)
			return rc;
		rc = round_once(s, &sure, err);
		if (rc < 0)
			return -1;
		if (rc == 0) {
			if (consume_poll_change(s, err))
				return -1;
			return consume_changed(s);
		}
	}
	return err_set(err, EX_TEMPFAIL,
		       "the sinks did not come to one start of job %s in %d rounds: other "
		       "pipelines are changing them; start the pipeline again",
		       s->c->job, ROUNDS_MOST);
}
