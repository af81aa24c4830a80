/* The metrics of a stream against those that the store knows.
 *
 *   metrics      what is stored under the names         compared here, in words of ours
 *   metrics_add  the others are registered, all or none, with the `since` that was worked out here
 *
 * Between the two calls another pipeline may register one of the names: metrics_add then does
 * nothing and says so (SINK_APPLIED), and all is looked up and compared again. No store has to
 * hold a lock while it is compared, and none compares. */
#include <stdlib.h>

#include "base/mem.h"
#include "row/panes.h"
#include "sink/sink_metrics.h"

/* Final rows that would go where they, or others of that name, come from. */
static int final_elsewhere(const struct sink_conf *conf, const struct sink_metric *ours,
			   struct slice their_job, struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "metric %.*s in %s is job %.*s's: final rows that are read from a store go "
		       "into another table or prefix than the one that they are read from",
		       (int)ours->name.n, ours->name.p, conf->place, (int)their_job.n, their_job.p);
}

static int compare_metric(const struct sink_conf *conf, const char *job,
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
			       (int)ours->name.n, ours->name.p, conf->place, job,
			       (int)stored->sink.n, stored->sink.p, conf->name);
	if (slice_eq(our_job, their_job) && (plain || slice_eq(ours->cfg, stored->cfg)))
		return 0;
	if (ours->final && !slice_eq(our_job, their_job))
		return final_elsewhere(conf, ours, their_job, err);
	return err_set(err, EX_CONFIG,
		       "metric %.*s in %s has another %s; stored: job %.*s, %.*s; this pipeline: "
		       "job %.*s, %.*s. "
		       "a metric never changes its meaning: give the new one a new name (--metric) "
		       "in a new job and fill it with --from, "
		       "or delete the old one with --reset %.*s at this sink, then --bootstrap "
		       "SINK=init at the source",
		       (int)ours->name.n, ours->name.p, conf->place,
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

static int compare_columns(const char *place, const struct sink_metric *ours,
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
		(int)ours->name.n, ours->name.p, place, buf_z(&theirs), buf_z(&wanted));
	buf_fini(&theirs);
	buf_fini(&wanted);
	return -1;
}

static enum sink_result look_up(const struct sink_store *store, const char *job,
				struct sink_metric *m, size_t n, int64_t watermark_us,
				struct stored_metric *stored, struct arena *arena, struct err *err)
{
	enum sink_result r = store->driver->metrics(store->d, m, n, arena, stored, err);

	for (size_t i = 0; i < n && r == SINK_OK; i++) {
		m[i].fresh = !stored[i].found;
		m[i].since_us = watermark_us == POS_NONE || m[i].final
					? POS_NONE
					: pane_first_whole(watermark_us, m[i].every_us);
		if (stored[i].found &&
		    (compare_metric(store->conf, job, &m[i], &stored[i], err) ||
		     (stored[i].listed &&
		      compare_columns(store->conf->place, &m[i], stored[i].column,
				      stored[i].columns, err))))
			r = SINK_FATAL;
	}
	return r;
}

int sink_metric_storable(const struct sink_store *store, const struct sink_metric *m,
			 struct err *err)
{
	struct column_name name;
	size_t i = sink_metric_beyond(store->driver->takes, m->column, m->columns);

	if (i == m->columns)
		return 0;
	column_name_parse(m->column[i].name, &name);
	return err_set(err, EX_CONFIG,
		       "metric %.*s: measure %.*s (%.*s) keeps a sketch, and %s does not store "
		       "those: leave it out, or use a sink that does, see hta-window(1)",
		       (int)m->name.n, m->name.p, (int)name.measure.n, name.measure.p,
		       (int)name.operation.n, name.operation.p, store->conf->name);
}

size_t sink_metric_beyond(unsigned takes, const struct column *column, size_t n)
{
	if (!(takes & SINK_ROWS) || takes & SINK_SKETCHES)
		return n;
	for (size_t i = 0; i < n; i++)
		if (column_is_sketch(column[i].rule))
			return i;
	return n;
}

/* A metric that is not stored here is not known here either: readers go on to another store. */
static size_t copy_stored(const struct sink_metric *m, size_t n, struct sink_metric *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!m[i].left_out)
			out[k++] = m[i];
	return k;
}

enum sink_result sink_metrics_register(const struct sink_store *store, const char *job,
				       struct sink_metric *m, size_t n, int64_t watermark_us,
				       bool check_only, struct err *err)
{
	struct arena arena = { 0 };
	struct stored_metric *stored;
	struct sink_metric *kept;
	enum sink_result r;

	if (n == 0 || !store->driver->metrics)
		return SINK_OK;
	stored = mem_array(n, sizeof(*stored));
	kept = mem_array(n, sizeof(*kept));
	do {
		arena_reset(&arena);
		r = look_up(store, job, m, n, watermark_us, stored, &arena, err);
		if (r == SINK_OK)
			r = store->driver->metrics_add(store->d, job, kept, copy_stored(m, n, kept),
						       check_only, err);
	} while (r == SINK_APPLIED);
	free(kept);
	free(stored);
	arena_fini(&arena);
	return r;
}

int stored_columns_parse(struct stored_metric *stored, struct slice text, struct arena *arena,
			 struct err *err)
{
	struct json j = { 0 };
	struct column column[COLUMNS_MAX], *kept;
	int rc;

	text = arena_copy(arena, text);
	rc = json_parse(&j, text, err) || columns_parse(&j, 0, column, &stored->columns, err) ? -1
											      : 0;
	if (rc == 0) {
		kept = arena_alloc(arena, stored->columns * sizeof(*kept));
		for (size_t i = 0; i < stored->columns; i++)
			kept[i] = column[i];
		stored->column = kept;
	}
	json_fini(&j);
	return rc;
}
