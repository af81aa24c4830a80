/* Acts without a record: --dry-run and --bootstrap. Neither joins the group: nothing is taken
 * away from pipelines that run. */
#include "source/consume_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "source/bounds.h"

/* A probe that nobody interrupts: 1 only where we are to stop. */
static int ask_sinks(struct consume *s, struct found *f, struct ranges *commits, char **commit_job,
		     struct err *err)
{
	int rc = consume_probe(s, err);

	*commits = (struct ranges){ 0 };
	*commit_job = NULL;
	return rc ? rc : consume_found(s, f, commits, commit_job, err);
}

/* ---- --dry-run: for people, on standard error, whatever -q says */

static void say_sinks(const struct consume *s, struct buf *out)
{
	for (size_t k = 0; k < s->survey.n_sinks; k++) {
		const struct ctl_sink_state *sink = &s->survey.sinks[k];

		if (!sink->gen[0]) {
			buf_printf(out, "sink %s: holds nothing of job %s\n", sink->name,
				   s->c->job);
			continue;
		}
		buf_printf(out, "sink %s: generation %s%s\n", sink->name, sink->gen,
			   sink->by_now ? ", bootstrapped by now" : "");
		for (size_t i = 0; i < sink->pos.n; i++) {
			const struct position *p = &sink->pos.v[i];
			buf_printf(out,
				   "  %s/%" PRId32 " at %" PRId64 " (started at %" PRId64 ")\n",
				   p->topic, p->partition, p->next, p->init);
		}
	}
	if (s->survey.n_sinks == 0)
		buf_printf(out, "no sink of this pipeline keeps positions\n");
}

/* Lowest position of those sinks that know the partition; a partition that a sink does not know
 * is new there. */
static int64_t lowest(const struct consume *s, const struct partition *p, int64_t otherwise)
{
	int64_t low = INT64_MAX;

	for (size_t k = 0; k < s->survey.n_sinks; k++) {
		const struct position *at = positions_find(&s->survey.sinks[k].pos,
							   slice_z(p->topic), p->partition);

		if (!at && s->survey.sinks[k].gen[0])
			return 0;
		if (at && at->next < low)
			low = at->next;
	}
	return low == INT64_MAX ? otherwise : low;
}

static int say_starts(struct consume *s, const struct ranges *commits, struct buf *out,
		      struct err *err)
{
	struct ranges start = { 0 }, ends = { 0 };
	int rc;

	for (size_t i = 0; i < s->survey.all.n; i++) {
		ranges_add(&start, slice_z(s->survey.all.v[i].topic), s->survey.all.v[i].partition);
		ranges_add(&ends, slice_z(s->survey.all.v[i].topic), s->survey.all.v[i].partition);
	}
	rc = bounds_starts(s->c, s->log, &start, err) ||
			     (ends.n && s->log->ops->ends(s->log->self, &ends, err))
		     ? -1
		     : 0;
	for (size_t i = 0; i < s->survey.all.n && rc == 0; i++) {
		const struct partition *p = &s->survey.all.v[i];
		const char *path = input_place(s->log, p->topic);
		int64_t from = start.v[i].from;

		if (s->survey.n_sinks == 0 && commits->v[i].from >= 0)
			from = commits->v[i].from;
		from = lowest(s, p, from);
		buf_printf(out, "%s%s%s/%" PRId32 ": would start at %" PRId64, path ? path : "",
			   path ? " = " : "", p->topic, p->partition, from);
		if (ends.v[i].to >= 0)
			buf_printf(out, ", lag %" PRId64 " %s\n",
				   ends.v[i].to > from ? ends.v[i].to - from : 0,
				   s->log->ops->bytes   ? "bytes"
				   : s->log->ops->times ? "microseconds"
							: "records");
		else
			buf_addz(out, ", lag not known before it is decompressed\n");
	}
	ranges_fini(&start);
	ranges_fini(&ends);
	return rc;
}

static void print_dry_run(const struct buf *text)
{
	for (size_t done = 0; done < text->n;) {
		ssize_t k = write(STDERR_FILENO, text->p + done, text->n - done);

		if (k < 0)
			return;
		done += (size_t)k;
	}
}

int consume_dry_run(struct consume *s, struct err *err)
{
	struct start_decision d = { 0 };
	struct buf text = { 0 };
	int rc = 0;

	/* 78 needs a second answer that says so too */
	for (int round = 0; round < 2 && rc == 0; round++) {
		struct ranges commits;
		struct found f;
		char *commit_job;

		rc = ask_sinks(s, &f, &commits, &commit_job, err);
		if (rc == 0) {
			start_decision_fini(&d);
			start_rules(&f, &d);
		}
		if (rc == 0 && (d.act != START_STOP || round == 1)) {
			say_sinks(s, &text);
			rc = d.act == START_STOP ? -1 : say_starts(s, &commits, &text, err);
			if (d.act == START_STOP)
				err_copy(err, &d.why);
			round = 1;
		}
		ranges_fini(&commits);
		free(commit_job);
	}
	print_dry_run(&text);
	buf_fini(&text);
	start_decision_fini(&d);
	return rc < 0 ? -1 : 0;
}

/* ---- --bootstrap */

/* No sink has a generation: the starts are ours to find, and the generation is committed before
 * the sink is written. */
static int begin_anew(struct consume *s, struct bootstrap *b, const struct ranges *commits,
		      struct err *err)
{
	for (size_t i = 0; i < s->survey.all.n; i++)
		ranges_add(&b->start, slice_z(s->survey.all.v[i].topic),
			   s->survey.all.v[i].partition);
	if (bounds_starts(s->c, s->log, &b->start, err))
		return -1;
	job_stream_draw(b->gen);
	for (size_t i = 0; i < b->start.n; i++) {
		struct range *r = &b->start.v[i];

		if (s->c->act.by_now && commits->v[i].from >= 0)
			r->from = commits->v[i].from;
		r->to = r->from;
	}
	if (!s->c->group || b->start.n == 0)
		return 0;
	s->progress.meta.n = 0;
	start_rules_meta_write(b->gen, s->c->job, &s->progress.meta);
	if (s->log->ops->commit(s->log->self, &b->start, buf_z(&s->progress.meta), true, err))
		return err_in(err,
			      "--bootstrap commits the new generation first, and that needs a "
			      "group without members (stop the other pipelines of group %s)",
			      s->c->group);
	return 0;
}

static int write_sink(struct consume *s, struct bootstrap *b, struct err *err)
{
	struct ctl_init init = { .act = CTL_BOOT,
				 .to = slice_z(s->c->act.bootstrap),
				 .by_now = s->c->act.by_now,
				 .start = b->start };

	for (size_t i = 0; i < b->start.n; i++)
		b->start.v[i].to = b->start.v[i].from;
	memcpy(init.gen, b->gen, sizeof(init.gen));
	if (job_stream_init(s->stream, &init, err) || consume_probe(s, err) < 0)
		return -1;
	for (size_t k = 0; k < s->survey.n_sinks && job_stream_answered(s->stream); k++)
		if (strcmp(s->survey.sinks[k].name, s->c->act.bootstrap) == 0 &&
		    strcmp(s->survey.sinks[k].gen, b->gen) == 0) {
			log_note("sink %s begins with %zu partitions in generation %s; start the "
				 "pipeline without --bootstrap",
				 s->c->act.bootstrap, b->start.n, b->gen);
			return 0;
		}
	return err_set(err, EX_TEMPFAIL,
		       "sink %s has not taken what --bootstrap sent: another pipeline has changed "
		       "it meanwhile; look with --dry-run",
		       s->c->act.bootstrap);
}

int consume_bootstrap(struct consume *s, struct err *err)
{
	struct bootstrap b = { 0 };
	struct ranges commits;
	struct found f;
	char *commit_job;
	int rc = ask_sinks(s, &f, &commits, &commit_job, err);

	if (rc == 0 && commit_job && strcmp(commit_job, s->c->job) != 0)
		rc = err_set(err, EX_CONFIG,
			     "group %s belongs to job %s: a group has one job and a job one group",
			     s->c->group, commit_job);
	if (rc == 0)
		rc = start_rules_bootstrap(&f, s->c->act.bootstrap, s->c->act.by_now, &b, err);
	if (rc == 0 && !b.gen[0])
		rc = begin_anew(s, &b, &commits, err);
	if (rc == 0)
		rc = write_sink(s, &b, err);
	ranges_fini(&b.start);
	ranges_fini(&commits);
	free(commit_job);
	return rc < 0 ? -1 : 0;
}
