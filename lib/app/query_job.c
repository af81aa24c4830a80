/* What is stored beside the rows: metrics and positions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "app/query_internal.h"
#include "read/grid.h"

/* ---- sinks of a job */

/* The rule of hta_final: the lowest watermark of the partitions that are not idle, the highest
 * of all where every one is. POS_NONE: nothing is final. */
static int64_t watermark(const struct positions *p)
{
	int64_t high = POS_NONE, low = INT64_MAX;

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].watermark_us > high)
			high = p->v[i].watermark_us;
		if (!p->v[i].idle && p->v[i].watermark_us < low)
			low = p->v[i].watermark_us;
	}
	return low == INT64_MAX ? high : low;
}

static int64_t final_until(const struct read_sinks *s, const char *sink)
{
	for (size_t i = 0; i < s->n; i++) {
		int64_t us = watermark(&s->v[i].pos);

		if (strcmp(s->v[i].name, sink) == 0)
			return us == POS_NONE ? POS_NONE : us - s->v[i].lateness_us;
	}
	return POS_NONE;
}

struct looking {
	struct query_names names;
	const char *metric;
	bool found;
	char *job, *sink;
};

static int look_at(void *arg, const struct read_metric *m, struct err *err)
{
	struct looking *l = arg;

	(void)err;
	query_names_add(&l->names, m->name);
	if (!slice_is(m->name, l->metric))
		return 0;
	l->found = true;
	l->job = m->job.p ? mem_dup(m->job.p, m->job.n) : NULL;
	l->sink = m->sink.p ? mem_dup(m->sink.p, m->sink.n) : NULL;
	return 0;
}

static int unknown_job(const struct query *q, const struct looking *l, struct err *err)
{
	struct buf hint = { 0 };

	query_nearest(&l->names, l->metric, &hint);
	if (l->names.n == 0)
		buf_printf(&hint, ": there is none yet in %s", q->conf.table);
	err_set(err, EX_NO, "no metric \"%s\"%s%s", l->metric, buf_z(&hint),
		l->names.n > 1 ? "; hta-query metrics lists them" : "");
	buf_fini(&hint);
	return -1;
}

int query_final_until(struct query *q, const char *metric, int64_t *us, struct err *err)
{
	struct looking l = { .metric = metric };
	struct read_sinks sinks = { 0 };
	int rc = q->driver->metrics(q->d, look_at, &l, err);

	*us = INT64_MAX;
	if (rc == 0 && !l.found)
		rc = unknown_job(q, &l, err);
	if (rc == 0 && l.job)
		rc = q->driver->sinks(q->d, l.job, &sinks, err);
	if (rc == 0 && l.job)
		*us = final_until(&sinks, l.sink ? l.sink : "");
	read_sinks_fini(&sinks);
	query_names_fini(&l.names);
	free(l.job);
	free(l.sink);
	return rc;
}

/* ---- metrics */

static void member(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.p)
		json_quote(out, text);
	else
		buf_addz(out, "null");
}

static void job_time_member(struct buf *out, const char *name, int64_t us)
{
	char text[TM_TEXT_BYTES];

	member(out, name, us == POS_NONE ? slice(NULL, 0) : slice(text, tm_text(us, text)));
}

static void metric_json(const struct read_metric *m, struct buf *out)
{
	buf_addz(out, "{\"metric\":");
	json_quote(out, m->name);
	member(out, "job", m->job);
	member(out, "sink", m->sink);
	member(out, "cfg", m->cfg.n ? m->cfg : slice(NULL, 0));
	buf_addz(out, ",\"definition\":");
	buf_adds(out, m->def);
	job_time_member(out, "since", m->since_us);
	buf_addz(out, "}\n");
}

/* A member of the definition as people read it: text, or texts with commas; "" where it is not
 * there. */
static void cell_def(struct grid *g, const struct json *j, const char *name)
{
	uint32_t at = j->n ? json_get(j, 0, name) : 0;
	struct buf text = { 0 };

	if (at && j->node[at].type == JSON_STRING)
		json_string(j, at, &text);
	for (uint32_t i = json_first(j, at);
	     at && j->node[at].type == JSON_ARRAY && i < j->node[at].next; i = j->node[i].next) {
		if (text.n)
			buf_addc(&text, ',');
		json_string(j, i, &text);
	}
	grid_cell(g, buf_slice(&text));
	buf_fini(&text);
}

static void cell_or(struct grid *g, struct slice text, const char *none)
{
	grid_cell(g, text.p ? text : slice_z(none));
}

static void metric_cells(struct grid *g, const struct read_metric *m, struct json *j)
{
	static const char *const of_def[] = { "every", "time", "by", "value", "uniq" };
	char since[TM_TEXT_BYTES];
	struct err ignored;

	if (json_parse(j, m->def, &ignored))
		j->n = 0;
	cell_or(g, m->name, "");
	cell_or(g, m->job, "(plain)");
	cell_or(g, m->sink, "");
	for (size_t i = 0; i < sizeof(of_def) / sizeof(*of_def); i++)
		cell_def(g, j, of_def[i]);
	cell_or(g,
		m->since_us == POS_NONE ? slice(NULL, 0)
					: slice(since, tm_text(m->since_us, since)),
		"");
}

struct listing {
	struct query *q;
	struct grid *grid;
	struct json json;
	struct buf line;
	size_t n;
};

static int list_metric(void *arg, const struct read_metric *m, struct err *err)
{
	struct listing *l = arg;

	l->n++;
	if (!l->q->json) {
		metric_cells(l->grid, m, &l->json);
		return 0;
	}
	metric_json(m, &l->line);
	return query_put(l->q, &l->line, err);
}

static int print_grid(struct query *q, struct grid *g, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	grid_print(g, 0, q->width, q->utf8, &text);
	rc = query_put(q, &text, err);
	buf_fini(&text);
	return rc;
}

int query_metrics(struct query *q, struct err *err)
{
	static const char *const name[] = { "metric", "job",   "sink", "every", "time",
					    "by",     "value", "uniq", "since" };
	struct listing l = { .q = q, .grid = grid_new() };
	int rc;

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		grid_column(l.grid, name[i], i == 5 ? GRID_SHRINKS : GRID_LEFT);
	rc = q->driver->metrics(q->d, list_metric, &l, err);
	if (rc == 0 && l.n == 0)
		rc = err_set(err, EX_NO, "there is no metric yet in %s", q->conf.table);
	if (rc == 0 && !q->json)
		rc = print_grid(q, l.grid, err);
	grid_free(l.grid);
	json_fini(&l.json);
	buf_fini(&l.line);
	return rc;
}

/* ---- positions */

static int known_jobs(void *arg, const struct read_metric *m, struct err *err)
{
	(void)err;
	if (m->job.p)
		query_names_add(arg, m->job);
	return 0;
}

static int say_no_job(struct query *q, struct err *err)
{
	struct query_names jobs = { 0 };
	struct buf hint = { 0 };
	int rc = q->driver->metrics(q->d, known_jobs, &jobs, err);

	query_nearest(&jobs, q->operand, &hint);
	if (rc == 0)
		err_set(err, EX_NO, "no positions of a job \"%s\"%s", q->operand, buf_z(&hint));
	query_names_fini(&jobs);
	buf_fini(&hint);
	return -1;
}

/* Ends of all partitions that a sink has. -b only; empty else. */
static int find_ends(struct query *q, const struct read_sinks *s, struct ranges *ends,
		     struct err *err)
{
	if (!q->log.brokers && !q->log.settings)
		return 0;
	if (!q->program->ends)
		return err_set(err, EX_CONFIG,
			       "this hta-query was built without a cluster driver: -b, -X and -F "
			       "need one");
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
	return q->program->ends(&q->log, q->loop, ends, err);
}

static void position_json(const struct query *q, const struct read_sink *s,
			  const struct position *p, const struct range *end, struct buf *out)
{
	buf_addz(out, "{\"job\":");
	json_quote_z(out, q->operand);
	member(out, "sink", slice_z(s->name));
	member(out, "group", s->group ? slice_z(s->group) : slice(NULL, 0));
	member(out, "topic", slice_z(p->topic));
	buf_printf(out, ",\"partition\":%d,\"init\":%lld,\"next\":%lld", p->partition,
		   (long long)p->init, (long long)p->next);
	if (end)
		buf_printf(out, ",\"end\":%lld,\"lag\":%lld", (long long)end->to,
			   (long long)(end->to > p->next ? end->to - p->next : 0));
	job_time_member(out, "last_time", p->last.offset >= 0 ? p->last.time_us : POS_NONE);
	job_time_member(out, "watermark", p->watermark_us);
	buf_printf(out, ",\"idle\":%s}\n", p->idle ? "true" : "false");
}

static void cell_int(struct grid *g, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	grid_cellz(g, text);
}

static void position_cells(struct grid *g, const struct read_sink *s, const struct position *p,
			   const struct range *end)
{
	char mark[TM_TEXT_BYTES];

	grid_cellz(g, s->name);
	grid_cellz(g, p->topic);
	cell_int(g, p->partition);
	cell_int(g, p->next);
	if (end) {
		cell_int(g, end->to);
		cell_int(g, end->to > p->next ? end->to - p->next : 0);
	}
	grid_cell(g, p->watermark_us == POS_NONE ? slice("-", 1)
						 : slice(mark, tm_text(p->watermark_us, mark)));
	grid_cellz(g, p->idle ? "idle" : "");
}

static int show_positions(struct query *q, const struct read_sinks *s, const struct ranges *ends,
			  struct err *err)
{
	static const struct {
		const char *name;
		unsigned flags;
		bool of_end;
	} column[] = {
		{ "sink", GRID_LEFT, false },       { "topic", GRID_SHRINKS, false },
		{ "partition", GRID_RIGHT, false }, { "next", GRID_RIGHT, false },
		{ "end", GRID_RIGHT, true },        { "lag", GRID_RIGHT, true },
		{ "watermark", GRID_LEFT, false },  { "", GRID_LEFT, false },
	};
	struct grid *g = grid_new();
	struct buf line = { 0 };
	int rc = 0;

	for (size_t i = 0; i < sizeof(column) / sizeof(*column); i++)
		if (ends->n || !column[i].of_end)
			grid_column(g, column[i].name, column[i].flags);
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->v[i].pos.n; k++) {
			const struct position *p = &s->v[i].pos.v[k];
			const struct range *end = ranges_find(ends, slice_z(p->topic),
							      p->partition);

			if (q->json)
				position_json(q, &s->v[i], p, end, &line);
			else
				position_cells(g, &s->v[i], p, end);
		}
	rc = q->json ? query_put(q, &line, err) : print_grid(q, g, err);
	grid_free(g);
	buf_fini(&line);
	return rc;
}

int query_positions(struct query *q, struct err *err)
{
	struct read_sinks sinks = { 0 };
	struct ranges ends = { 0 };
	int rc = q->driver->sinks(q->d, q->operand, &sinks, err);

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
