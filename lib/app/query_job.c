/* What is stored beside the rows: metrics and positions. */
#include "app/query_internal.h"
#include "read/render.h"

static int put_grid(struct query *q, struct grid *g, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	grid_print(g, 0, q->width, q->utf8, &text);
	rc = query_put(q, &text, err);
	buf_fini(&text);
	return rc;
}

/* ---- metrics */

struct listing {
	struct query *q;
	struct render_metrics table;
	struct buf line;
	size_t n;
};

static int list_metric(void *arg, const struct read_metric *m, struct err *err)
{
	struct listing *l = arg;

	l->n++;
	if (!l->q->json) {
		render_metrics_add(&l->table, m);
		return 0;
	}
	render_metric_json(m, &l->line);
	return query_put(l->q, &l->line, err);
}

int query_metrics(struct query *q, struct err *err)
{
	struct listing l = { .q = q };
	int rc;

	render_metrics_init(&l.table);
	rc = q->store.driver->metrics(q->store.d, list_metric, &l, err);
	if (rc == 0 && l.n == 0)
		rc = err_set(err, EX_NO, "there is no metric yet in %s", q->conf.place);
	if (rc == 0 && !q->json)
		rc = put_grid(q, l.table.grid, err);
	render_metrics_fini(&l.table);
	buf_fini(&l.line);
	return rc;
}

/* ---- positions */

static int known_jobs(void *arg, const struct read_metric *m, struct err *err)
{
	(void)err;
	if (m->job.p)
		names_add(arg, m->job);
	return 0;
}

static int say_no_job(struct query *q, struct err *err)
{
	struct names jobs = { 0 };
	struct buf hint = { 0 };
	const char *missing = read_positions_missing(&q->store);
	int rc;

	if (missing)
		return err_set(err, EX_CONFIG, "%s", missing);
	rc = q->store.driver->metrics(q->store.d, known_jobs, &jobs, err);

	names_nearest(&jobs, q->operand, &hint);
	if (rc == 0)
		err_set(err, EX_NO, "no positions of a job \"%s\"%s", q->operand, buf_z(&hint));
	names_fini(&jobs);
	buf_fini(&hint);
	return -1;
}

/* Ends of all partitions that a sink has. -b only; empty else. */
static int find_ends(struct query *q, const struct read_sinks *s, struct ranges *ends,
		     struct err *err)
{
	if (!q->cluster.brokers && !q->cluster.settings)
		return 0;
	if (!q->program->ends)
		return err_set(err, EX_CONFIG,
			       "-b, -X, -F: this hta-query was built without Kafka (Debian: "
			       "apt-get install hta-kafka; or configure --with-kafka)");
	for (size_t i = 0; i < s->n; i++) {
		if (!s->v[i].group)
			return err_set(err, EX_USAGE,
				       "job %s reads files: leave out -b, they have no end to "
				       "compare with",
				       q->operand);
		for (size_t k = 0; k < s->v[i].pos.n; k++)
			ranges_add(ends, slice_z(s->v[i].pos.v[k].topic),
				   s->v[i].pos.v[k].partition);
	}
	return q->program->ends(&q->cluster, q->loop, ends, err);
}

static int show_positions(struct query *q, const struct read_sinks *s, const struct ranges *ends,
			  struct err *err)
{
	struct buf lines = { 0 };
	struct grid *g;
	int rc;

	if (q->json) {
		render_positions_json(q->operand, s, ends, &lines);
		rc = query_put(q, &lines, err);
		buf_fini(&lines);
		return rc;
	}
	g = render_positions(s, ends);
	rc = put_grid(q, g, err);
	grid_free(g);
	return rc;
}

int query_positions(struct query *q, struct err *err)
{
	struct read_sinks sinks = { 0 };
	struct ranges ends = { 0 };
	int rc = q->store.driver->sinks(q->store.d, q->operand, &sinks, err);

	if (rc == 0 && sinks.n == 0)
		rc = say_no_job(q, err);
	if (rc == 0)
		rc = find_ends(q, &sinks, &ends, err);
	if (rc == 0)
		rc = show_positions(q, &sinks, &ends, err);
	read_sinks_fini(&sinks);
	ranges_fini(&ends);
	return rc;
}
