#include "sink/sink_errors.h"

#include <strings.h>

#include "base/log.h"
#include "base/tm.h"

int sink_error_metric(const struct sink_conf *conf, const char *rollups, const char *job,
		      const struct sink_metric *ours, const struct stored_metric *stored,
		      struct err *err)
{
	struct slice none = slice_z("none (a plain stream)"), our_job = job ? slice_z(job) : none,
		     their_job = stored->job.p ? stored->job : none;
	bool plain = !job && !stored->job.p;

	if (slice_eq(our_job, their_job) && !plain && !slice_is(stored->sink, conf->name))
		return err_set(err, EX_CONFIG,
			       "metric %.*s in %s is written by another sink of job %s, %.*s; this "
			       "one is %s: give it a table or prefix of its own, or that --name",
			       (int)ours->name.n, ours->name.p, rollups, job, (int)stored->sink.n,
			       stored->sink.p, conf->name);
	if (slice_eq(our_job, their_job) && (plain || slice_eq(ours->cfg, stored->cfg)))
		return 0;
	return err_set(err, EX_CONFIG,
		       "metric %.*s in %s has another %s; stored: job %.*s, %.*s; this pipeline: "
		       "job %.*s, %.*s. "
		       "a metric never changes its meaning: give the new one a new name (--metric) "
		       "in a new job and fill it with --from, "
		       "or delete the old one with --reset %.*s at this sink, then --bootstrap "
		       "SINK=init at the source",
		       (int)ours->name.n, ours->name.p, rollups,
		       slice_eq(our_job, their_job) ? "definition" : "owner", (int)their_job.n,
		       their_job.p, (int)stored->def.n, stored->def.p, (int)our_job.n, our_job.p,
		       (int)ours->def.n, ours->def.p, stored->job.p ? (int)stored->job.n : 3,
		       stored->job.p ? stored->job.p : "JOB");
}

static bool same_columns(const struct sink_metric *m, const struct column *stored, size_t n)
{
	for (size_t i = 0; i < n && i < m->columns; i++)
		if (column_cmp(&m->column[i], &stored[i]))
			return false;
	return n == m->columns;
}

int sink_error_columns(const char *rollups, const struct sink_metric *ours,
		       const struct column *stored, size_t n, struct err *err)
{
	struct buf theirs = { 0 }, wanted = { 0 };

	if (same_columns(ours, stored, n))
		return 0;
	columns_format(stored, n, &theirs);
	columns_format(ours->column, ours->columns, &wanted);
	err_set(err, EX_CONFIG,
		"metric %.*s in %s has other measures (--agg); stored: %s; this pipeline: %s. "
		"a metric never changes its meaning: give the new one a new name (--metric), or "
		"put it into another table or prefix",
		(int)ours->name.n, ours->name.p, rollups, buf_z(&theirs), buf_z(&wanted));
	buf_fini(&theirs);
	buf_fini(&wanted);
	return -1;
}

int sink_error_result(enum sink_result r, struct err *err)
{
	if (r == SINK_OK)
		return 0;
	if (r == SINK_RETRY)
		err->code = EX_UNAVAILABLE;
	return -1;
}

/* Only the sink itself can make what is missing; hta-query cannot. */
static const char *way_out(const char *program)
{
	return strcmp(log_program(), program) == 0 ? ", or add --init" : "";
}

int sink_error_missing(const char *what, const char *program, const char *where, struct err *err)
{
	return err_set(err, EX_CONFIG, "%s is missing: run `%s --init%s%s </dev/null` once%s", what,
		       program, where ? " " : "", where ? where : "", way_out(program));
}

int sink_error_schema(int found, int wanted, const char *program, struct err *err)
{
	if (found > wanted)
		return err_set(err, EX_CONFIG,
			       "the tables are of schema %d, this program knows %d: install the "
			       "version that made them",
			       found, wanted);
	return err_set(err, EX_CONFIG,
		       "the tables are of schema %d, this program needs %d: run `%s --init "
		       "</dev/null` once%s",
		       found, wanted, program, way_out(program));
}

/* NAME_final and NAME_numbers are views, those of hta_rollups are hta_final and hta_numbers. */
int sink_check_table(const char *name, struct err *err)
{
	static const char *const taken[] = {
		"hta",        "hta_dead",    "hta_dead_job", "hta_final",  "hta_job",
		"hta_metric", "hta_numbers", "hta_pos",      "hta_schema",
	};

	if (!*name)
		return err_set(err, EX_USAGE, "--table: the name is empty");
	if (!str_utf8(name, strlen(name)))
		return err_set(err, EX_USAGE, "--table: the name is not UTF-8");
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcasecmp(name, taken[i]) == 0)
			return err_set(err, EX_USAGE,
				       "--table %s: the tables and views hta_* have that "
				       "name, or a view's name would be theirs: choose another",
				       name);
	return 0;
}

int sink_error_foreign(const char *what, const char *other, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "%s is somebody else's: it is there, and holds no version of hta's "
		       "schema; use another %s",
		       what, other);
}

int sink_error_group(const char *job, const char *stored, const char *group, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "job %s belongs to %s%s here, this pipeline has %s%s: a job has one group "
		       "and a group one job; name another --job",
		       job, *stored ? "group " : "files", stored, group ? "group " : "files",
		       group ? group : "");
}

static int conflict_error(const struct range *r, const struct position *p, struct err *err)
{
	if (!p)
		return err_set(err, EX_TEMPFAIL,
			       "%s/%d is not known here: the store was emptied or restored under "
			       "us; start again",
			       r->topic, r->partition);
	return err_set(err, EX_TEMPFAIL,
		       "%s/%d stands at %lld here, the epoch goes from %lld to %lld: another "
		       "pipeline has written it, or the store was restored; start again",
		       r->topic, r->partition, (long long)p->next, (long long)r->from,
		       (long long)r->to);
}

enum sink_result cas_check(const struct sink_batch *batch, const char *gen,
			   const struct positions *stored, struct err *err)
{
	const struct range *other = NULL;
	size_t fresh = 0, old = 0, all = 0;

	if (strcmp(gen, batch->gen) != 0) {
		err_set(err, EX_TEMPFAIL,
			"job %s has %s%s here, the epoch %s: the store was emptied, restored or "
			"started anew; start again",
			batch->job, *gen ? "generation " : "no generation", gen, batch->gen);
		return SINK_CONFLICT;
	}
	for (size_t i = 0; i < batch->ranges->n; i++) {
		const struct range *r = &batch->ranges->v[i];
		const struct position *p = positions_find(stored, slice_z(r->topic), r->partition);

		if (r->to <= r->from)
			continue;
		all++;
		fresh += p && p->next == r->from;
		old += p && p->next >= r->to;
		if (!p || p->next != r->from)
			other = r;
	}
	if (fresh == all)
		return SINK_OK;
	if (old == all)
		return SINK_APPLIED;
	conflict_error(other, positions_find(stored, slice_z(other->topic), other->partition), err);
	return SINK_CONFLICT;
}

int sink_error_different(const struct rollup *row, const char *stored, struct err *err)
{
	char start[TM_TEXT_BYTES];
	size_t n = tm_text(row->start_us, start);

	return err_set(err, EX_DATAERR,
		       "row %.*s %.*s %.*s is stored with other values (%s): nothing of this batch "
		       "was written; --replace replaces it",
		       (int)row->metric.n, row->metric.p, (int)n, start,
		       (int)(row->dims.n > 200 ? 200 : row->dims.n), row->dims.p, stored);
}

int64_t since_after(int64_t watermark_us, int64_t every_us)
{
	int64_t whole;

	if (every_us <= 0)
		return watermark_us;
	whole = watermark_us - (watermark_us % every_us + every_us) % every_us;
	return whole + every_us;
}
