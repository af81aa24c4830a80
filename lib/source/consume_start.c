/* From a probe to a view that may be read: the rules R1-R9 of start_rules.h, one step at a time.
 * Whoever is crashed in between has only left what the next start finds by its own probe. */
#include "source/consume_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "source/bounds.h"

enum { ROUNDS_MOST = 20, WATCH_AFTER_S = 60, LAG_AFTER_S = 10 };

/* ---- probes and init lines */

int consume_send_probe(struct consume *s, struct err *err)
{
	buf_addz(&s->line, s->inc.prefix);
	buf_printf(&s->line, "\"k\":\"probe\",\"n\":%" PRIu64 ",\"job\":", ++s->probe);
	json_quote_z(&s->line, s->c->job);
	buf_addz(&s->line, ",\"claim\":");
	buf_adds(&s->line, buf_slice(&s->claims));
	buf_addz(&s->line, ",\"sinks\":[]}");
	return consume_control(s, err) || consume_flush(s, err) ? -1 : 0;
}

int consume_probe(struct consume *s, struct err *err)
{
	s->watching = false;
	if (consume_send_probe(s, err))
		return -1;
	while (s->answered != s->probe) {
		if (consume_poll_change(s, err))
			return -1;
		if (s->change != INPUT_UNCHANGED || s->stopping)
			return 1;
		if (ack_closed(s->ack))
			return err_set(err, EX_TEMPFAIL, "the ack channel was closed");
		if (consume_turn(s, INT64_MAX, err))
			return -1;
	}
	return 0;
}

int consume_init(struct consume *s, enum ctl_act act_on_decision, const char *to, const char *gen,
		 bool by_now, const struct ranges *start_reading, struct err *err)
{
	struct ctl_init init = { .act = act_on_decision,
				 .by_now = by_now,
				 .start = *start_reading };

	if (to)
		init.to = slice_z(to);
	memcpy(init.gen, gen, sizeof init.gen);
	ctl_init_write(&s->inc, &init, &s->line);
	if (consume_control(s, err) || consume_flush(s, err))
		return -1;
	crash_at(CRASH_SOURCE_INIT);
	return 0;
}

void consume_draw(char gen[CTL_INC_CHARS + 1])
{
	uint8_t random[CTL_INC_CHARS / 2];
	struct buf hex = { 0 };

	hash_random(random, sizeof random);
	buf_hex(&hex, random, sizeof random);
	memcpy(gen, buf_z(&hex), CTL_INC_CHARS + 1);
	buf_fini(&hex);
}

/* ---- what was found */

/* Partitions that we hold and that the metadata do not show yet belong to the job all the same. */
static int ask_partitions(struct consume *s, struct err *err)
{
	if (s->log->ops->partitions(s->log->self, &s->all, err))
		return -1;
	for (size_t i = 0; i < s->held.n; i++)
		partitions_add(&s->all, slice_z(s->held.v[i].topic), s->held.v[i].partition);
	return 0;
}

int consume_found(struct consume *s, struct found *f, struct ranges *commits, char **commit_job,
		  struct err *err)
{
	struct buf meta = { 0 };
	int rc = 0;

	*f = (struct found){ .job = s->c->job,
			     .group = s->c->group,
			     .sinks = s->sinks,
			     .n = s->n_sinks,
			     .parts = &s->all };
	*commits = (struct ranges){ 0 };
	*commit_job = NULL;
	if (ask_partitions(s, err))
		return -1;
	for (size_t i = 0; i < s->all.n; i++)
		ranges_add(commits, slice_z(s->all.v[i].topic), s->all.v[i].partition)->from = -1;
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

static int fresh(struct consume *s, const char *to, struct err *err)
{
	struct ranges start_reading = { 0 };
	char gen[CTL_INC_CHARS + 1];
	int rc;

	for (size_t i = 0; i < s->all.n; i++)
		ranges_add(&start_reading, slice_z(s->all.v[i].topic), s->all.v[i].partition);
	consume_draw(gen);
	rc = bounds_starts(s->c, s->log, &start_reading, err);
	for (size_t i = 0; i < start_reading.n; i++)
		start_reading.v[i].to = start_reading.v[i].from;
	if (rc == 0)
		rc = consume_init(s, CTL_FRESH, to, gen, false, &start_reading, err);
	s->drew = true;
	ranges_fini(&start_reading);
	return rc;
}

static int name_new(struct consume *s, const struct start_decision *d, struct err *err)
{
	for (size_t i = 0; i < d->start.n; i++)
		log_info("%s/%" PRId32 " is new: from offset 0", d->start.v[i].topic,
			 d->start.v[i].partition);
	return consume_init(s, CTL_NEW, NULL, d->gen, false, &d->start, err);
}

/* No sink keeps positions: the commits, else --from. At least once. */
static int start_without_sinks(struct consume *s, const struct ranges *commits, struct err *err)
{
	struct ranges start_reading = { 0 };
	int rc;

	for (size_t i = 0; i < s->held.n; i++)
		ranges_add(&start_reading, slice_z(s->held.v[i].topic), s->held.v[i].partition);
	rc = bounds_starts(s->c, s->log, &start_reading, err);
	for (size_t i = 0; i < start_reading.n; i++) {
		const struct range *c = ranges_find(commits, slice_z(start_reading.v[i].topic),
						    start_reading.v[i].partition);

		if (c && c->from >= 0)
			start_reading.v[i].from = c->from;
	}
	if (rc == 0)
		catchup_started(&s->catchup, &start_reading);
	ranges_fini(&start_reading);
	return rc;
}

/* stored and ends, in the order of the view. Where the commits are not what is stored (who was
 * evicted could not commit, a store went back), they follow soon: new records may be long in
 * coming. */
static int begin_sets(struct consume *s, const struct ranges *commits, struct err *err)
{
	ranges_fini(&s->stored);
	ranges_fini(&s->ends);
	for (size_t i = 0; i < s->catchup.n; i++) {
		const struct catchup_part *p = &s->catchup.v[i];
		const struct range *c = ranges_find(commits, slice_z(p->topic), p->partition);
		struct range *r = ranges_add(&s->stored, slice_z(p->topic), p->partition);

		r->from = c ? c->from : -1;
		r->to = catchup_lowest(p, s->catchup.sinks);
		r->idle = p->idle;
		for (size_t k = 0; k < s->n_sinks; k++) {
			const struct position *at = positions_find(&s->sinks[k].pos,
								   slice_z(p->topic), p->partition);
			if (at->next == r->to)
				r->last = at->last;
		}
		ranges_add(&s->ends, slice_z(p->topic), p->partition);
	}
	return s->ends.n ? s->log->ops->ends(s->log->self, &s->ends, err) : 0;
}

static int start_reading(struct consume *s, const struct start_decision *d,
			 const struct ranges *commits, struct err *err)
{
	memcpy(s->gen, d->gen, sizeof s->gen);
	s->meta.n = 0;
	start_rules_meta_write(s->gen, s->c->job, &s->meta);
	if (s->n_sinks)
		catchup_probed(&s->catchup, s->sinks, s->n_sinks, &s->held);
	else if (start_without_sinks(s, commits, err))
		return -1;
	if (begin_sets(s, commits, err) || consume_check_log(s, err))
		return -1;
	if (d->commit && consume_commit(s, true, err))
		return err_in(err, "first commit of group %s", s->c->group);
	s->commit_due = true;
	consume_lag(s);
	s->lag_at_us = tm_mono_us() + LAG_AFTER_S * TM_S;
	s->watch_at_us = tm_mono_us() + WATCH_AFTER_S * TM_S;
	counters_set(s->writer.counters, COUNTER_PARTITIONS, s->catchup.n);
	if (s->c->from_given && !s->drew && s->n_sinks && !s->begun)
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

	if (stop && *sure) {
		*err = d->why;
		return -1;
	}
	*sure = stop;
	if (d->act == START_FRESH)
		rc = fresh(s, d->to, err) ? -1 : 1;
	else if (d->act == START_ADOPT)
		rc = consume_init(s, CTL_ADOPT, NULL, d->gen, false, &d->start, err) ? -1 : 1;
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

	s->again = false;
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
			return s->change != INPUT_UNCHANGED || s->stopping;
		}
	}
	return err_set(err, EX_TEMPFAIL,
		       "the sinks did not come to one start of job %s in %d rounds: other "
		       "pipelines are changing them; start the pipeline again",
		       s->c->job, ROUNDS_MOST);
}
