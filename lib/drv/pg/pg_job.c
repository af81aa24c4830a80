/* What Postgres keeps of a job: generation, positions, metrics. The compare-and-set of an epoch is
 * the function hta_advance (pg_schema.c), so that it goes with the rows in one round trip. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "sink/sink_metrics.h"

#define US(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

/* ---- state */

static int64_t pg_job_int_of(const PGresult *res, int row, int column, int64_t none)
{
	return PQgetisnull(res, row, column) ? none
					     : strtoll(PQgetvalue(res, row, column), NULL, 10);
}

static void pg_take_positions(const PGresult *res, struct positions *out)
{
	for (int i = 0; i < PQntuples(res); i++) {
		struct position *x = positions_add(out, slice_z(PQgetvalue(res, i, 0)),
						   (int32_t)pg_job_int_of(res, i, 1, 0));

		x->init = pg_job_int_of(res, i, 2, 0);
		x->next = pg_job_int_of(res, i, 3, 0);
		x->last.offset = pg_job_int_of(res, i, 4, -1);
		x->last.time_us = pg_job_int_of(res, i, 5, POS_NONE);
		x->last.hash = PQgetisnull(res, i, 6) ? 0
						      : strtoull(PQgetvalue(res, i, 6), NULL, 16);
		x->watermark_us = pg_job_int_of(res, i, 7, POS_NONE);
		x->idle = *PQgetvalue(res, i, 8) == 't';
	}
}

/* All in one statement: generation, rules and positions of one moment. */
#define LOAD(rules, from)                                                                        \
	"SELECT p.topic, p.partition, p.init, p.next, p.last_offset, " US(                       \
		"p.last_time") ", "                                                              \
			       "p.last_hash, " US(                                               \
				       "p.watermark") ", p.idle, j.generation, j.by_now, "       \
						      "j.group_id" rules                         \
						      " FROM hta_job j LEFT JOIN hta_pos p ON "  \
						      "p.job = j.job AND p.sink = j.sink" from   \
						      " WHERE j.job = $1 AND j.sink = $2 ORDER " \
						      "BY p.topic, p.partition"
static const char load_job[] = LOAD("", "");
static const char load_with_rules[] = LOAD(
	", x.rule_set, x.doc", " LEFT JOIN hta_rules x ON x.job = j.job AND x.sink = j.sink");

enum sink_result pg_load(void *k, const char *job, struct keeper_doc *doc, struct err *err)
{
	struct pg *p = k;
	const char *value[] = { job, p->conf->name };
	PGresult *res;
	enum sink_result r = pg_may(p, true, err);

	if (r == SINK_OK)
		r = pg_query(p, &res, err, p->rules ? load_with_rules : load_job, 2, value);
	if (r != SINK_OK)
		return r;
	if (PQntuples(res)) {
		snprintf(doc->gen, sizeof(doc->gen), "%s", PQgetvalue(res, 0, 9));
		doc->by_now = *PQgetvalue(res, 0, 10) == 't';
		doc->group = mem_strdup(PQgetvalue(res, 0, 11));
		if (p->rules && !PQgetisnull(res, 0, 12)) {
			snprintf(doc->set, sizeof(doc->set), "%s", PQgetvalue(res, 0, 12));
			doc->rules = mem_strdup(PQgetvalue(res, 0, 13));
		}
		if (!PQgetisnull(res, 0, 0))
			pg_take_positions(res, &doc->pos);
	}
	PQclear(res);
	return p->conf->positions_only ? pg_load_claims(p, job, doc, err) : r;
}

/* ---- init */

static enum sink_result pg_insert_positions(struct pg *p, const char *job,
					    const struct ranges *start, struct err *err)
{
	struct pg_params a = { 0 };
	enum sink_result r = SINK_OK;
	int topic, part, from;

	pg_scalar(&a, job);
	pg_scalar(&a, p->conf->name);
	topic = pg_array(&a, PG_TEXT);
	part = pg_array(&a, PG_INT4);
	from = pg_array(&a, PG_INT8);
	for (size_t i = 0; i < start->n; i++) {
		pg_put_text(&a, topic, slice_z(start->v[i].topic));
		pg_put_int4(&a, part, start->v[i].partition);
		pg_put_int8(&a, from, start->v[i].from);
	}
	if (start->n)
		r = pg_send_query(p,
				  "INSERT INTO hta_pos (job, sink, topic, partition, init, next) "
				  "SELECT $1, $2, t, p, f, f FROM unnest($3, $4, $5) u(t, p, f) "
				  "ORDER BY t, p ON CONFLICT DO NOTHING",
				  &a, err);
	pg_params_fini(&a);
	return r;
}

static enum sink_result pg_init_inside(struct pg *p, const char *job, const char *group,
				       const struct ctl_init *init, struct err *err)
{
	const char *insert[] = { job, p->conf->name, init->gen, group, init->by_now ? "t" : "f" };
	bool fresh = init->act != CTL_NEW, inserted = false;
	enum sink_result r = SINK_OK;
	PGresult *res;
	const char *gen;

	if (fresh) {
		r = pg_query(p, &res, err,
			     "INSERT INTO hta_job (job, sink, generation, group_id, by_now) VALUES "
			     "($1, $2, $3, $4, $5::boolean) ON CONFLICT DO NOTHING",
			     5, insert);
		if (r != SINK_OK)
			return r;
		inserted = strcmp(PQcmdTuples(res), "1") == 0;
		PQclear(res);
	}
	if (!inserted) {
		r = pg_query(
			p, &res, err,
			"SELECT generation FROM hta_job WHERE job = $1 AND sink = $2 FOR SHARE", 2,
			insert);
		if (r != SINK_OK)
			return r;
		gen = PQntuples(res) ? PQgetvalue(res, 0, 0) : "";
		if (strcmp(gen, init->gen) != 0)
			r = sink_error_generation(job, gen, init->gen, err);
		else if (fresh)
			r = SINK_APPLIED;
		PQclear(res);
	}
	return r == SINK_OK ? pg_insert_positions(p, job, &init->start, err) : r;
}

enum sink_result pg_init(void *k, const char *job, const char *group, const struct ctl_init *init,
			 struct err *err)
{
	enum sink_result r = pg_begin(k, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_init_inside(k, job, group, init, err);
	if (r == SINK_OK)
		r = pg_script(k, "COMMIT", err);
	return pg_rollback(k, r);
}

enum sink_result pg_lateness(void *k, const char *job, int64_t us, struct err *err)
{
	struct pg *p = k;
	char text[32];
	const char *value[] = { job, p->conf->name, text };

	snprintf(text, sizeof(text), "%" PRId64, us);
	return pg_query(p, NULL, err,
			"UPDATE hta_job SET lateness = make_interval(secs => $3::float8 / 1000000) "
			"WHERE job = $1 AND sink = $2"
			" AND lateness <> make_interval(secs => $3::float8 / 1000000)",
			3, value);
}

/* ---- metrics */

static struct slice copy_value(struct arena *arena, const PGresult *res, int column)
{
	return PQgetisnull(res, 0, column) ? slice(NULL, 0)
					   : arena_copy(arena, slice_z(PQgetvalue(res, 0, column)));
}

static enum sink_result take_metric(const PGresult *res, struct slice name, struct arena *arena,
				    struct stored_metric *stored, struct err *err)
{
	*stored = (struct stored_metric){ .found = PQntuples(res), .listed = true };
	if (!stored->found)
		return SINK_OK;
	stored->job = copy_value(arena, res, 0);
	stored->cfg = copy_value(arena, res, 1);
	stored->def = copy_value(arena, res, 2);
	stored->sink = copy_value(arena, res, 3);
	if (PQgetisnull(res, 0, 4) ||
	    stored_columns_parse(stored, slice_z(PQgetvalue(res, 0, 4)), arena, err) == 0)
		return SINK_OK;
	err_in(err, "hta_metric, metric %.*s", (int)name.n, name.p);
	return SINK_FATAL;
}

/* The INSERT writes nothing. It is there for a server that takes no writes now: a standby may be
 * behind, and there must be no verdict over what it holds. Tables of schema 1 have no
 * hta_metric.columns: a row as JSON has or does not have it. */
enum sink_result pg_metrics(void *d, const struct sink_metric *m, size_t n, struct arena *arena,
			    struct stored_metric *stored, struct err *err)
{
	struct pg *p = d;
	enum sink_result r = pg_may(p, false, err);

	for (size_t i = 0; i < n && r == SINK_OK; i++) {
		char *name = mem_dup(m[i].name.p, m[i].name.n);
		const char *value[] = { p->rollups, name };
		PGresult *res;

		r = pg_query(p, &res, err,
			     "WITH nothing AS (INSERT INTO hta_metric SELECT * FROM hta_metric "
			     "WHERE false) SELECT job, cfg, definition, coalesce(sink, ''), "
			     "to_jsonb(m)->>'columns' FROM hta_metric m WHERE rollups = $1 AND "
			     "metric = $2",
			     2, value);
		if (r == SINK_OK) {
			r = take_metric(res, m[i].name, arena, &stored[i], err);
			PQclear(res);
		}
		free(name);
	}
	return r;
}

/* SINK_APPLIED: the name is taken. Where a list of columns is to be stored the table has it. */
static enum sink_result insert_metric(struct pg *p, const char *job, const struct sink_metric *m,
				      bool with_columns, struct err *err)
{
	char *name = mem_dup(m->name.p, m->name.n), *cfg = mem_dup(m->cfg.p, m->cfg.n),
	     *def = mem_dup(m->def.p, m->def.n), since[TM_TEXT_BYTES];
	bool has = m->since_us != POS_NONE;
	struct buf columns = { 0 };
	const char *value[] = { p->rollups, name, job ? p->conf->name : NULL, job,
				cfg,        def,  has ? since : NULL,         NULL };
	PGresult *res;
	enum sink_result r;

	if (has)
		since[tm_text(m->since_us, since)] = 0;
	columns_format(m->column, m->columns, &columns);
	value[7] = buf_z(&columns);
	r = pg_query(p, &res, err,
		     with_columns ? "INSERT INTO hta_metric (rollups, metric, sink, job, cfg, "
				    "definition, since, columns) VALUES ($1, $2, $3, $4, $5, "
				    "$6::jsonb, $7::timestamptz, $8::jsonb) ON CONFLICT DO NOTHING"
				  : "INSERT INTO hta_metric (rollups, metric, sink, job, cfg, "
				    "definition, since) VALUES ($1, $2, $3, $4, $5, $6::jsonb, "
				    "$7::timestamptz) ON CONFLICT DO NOTHING",
		     with_columns ? 8 : 7, value);
	if (r == SINK_OK) {
		r = strcmp(PQcmdTuples(res), "1") == 0 ? SINK_OK : SINK_APPLIED;
		PQclear(res);
	}
	buf_fini(&columns);
	free(name);
	free(cfg);
	free(def);
	return r;
}

enum sink_result pg_metrics_add(void *d, const char *job, const struct sink_metric *m, size_t n,
				bool check_only, struct err *err)
{
	struct pg *p = d;
	bool made = false;
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_has_rows(p) ? pg_columns_need(p, m, n, check_only, &made, err)
				   : pg_columns_list_need(p, m, n, check_only, err);
	for (size_t i = 0; i < n && r == SINK_OK; i++)
		if (m[i].fresh)
			r = insert_metric(p, job, &m[i], m[i].columns && !check_only, err);
	if (r == SINK_OK)
		r = pg_script(p, check_only ? "ROLLBACK" : "COMMIT", err);
	if (r == SINK_OK && made)
		r = pg_columns_made(p, err);
	r = pg_rollback(p, r);
	for (size_t i = 0; i < n && r == SINK_OK && !check_only; i++)
		if (pg_has_rows(p) && (m[i].fresh || (job && p->conf->create)))
			r = pg_views_of(p, &m[i], err);
	return r;
}

/* ---- reset */

enum sink_result pg_drop(void *k, const char *job, uint64_t *rows, struct err *err)
{
	static const char *const others[] = {
		"DELETE FROM hta_metric WHERE job = $1 AND sink = $2 AND rollups = $3",
		"DELETE FROM hta_pos WHERE job = $1 AND sink = $2 AND $3 <> ''",
		"DELETE FROM hta_job WHERE job = $1 AND sink = $2 AND $3 <> ''",
		"DELETE FROM hta_dead WHERE job = $1 AND sink = $2 AND $3 <> ''",
		"DELETE FROM hta_rules WHERE job = $1 AND sink = $2 AND $3 <> ''",
		"DELETE FROM hta_span WHERE job = $1 AND sink = $2 AND $3 <> ''",
	};
	enum { WITHOUT_RULES = 4 };
	struct pg *p = k;
	const char *value[] = { job, p->conf->name, p->rollups };
	char *text = mem_printf("DELETE FROM %s WHERE metric IN (SELECT metric FROM hta_metric "
				"WHERE job = $1 AND sink = $2 AND rollups = $3)",
				p->table);
	PGresult *res;
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK && pg_has_rows(p) &&
	    (r = pg_query(p, &res, err, text, 3, value)) == SINK_OK) {
		*rows += strtoull(PQcmdTuples(res), NULL, 10);
		PQclear(res);
	}
	for (size_t i = 0;
	     i < (p->rules ? sizeof(others) / sizeof(*others) : WITHOUT_RULES) && r == SINK_OK; i++)
		r = pg_query(p, NULL, err, others[i], 3, value);
	if (r == SINK_OK && p->conf->positions_only)
		r = pg_query(p, NULL, err, "DELETE FROM hta_claim WHERE job = $1 AND sink = $2", 2,
			     value);
	if (r == SINK_OK)
		r = pg_script(p, "COMMIT", err);
	free(text);
	r = pg_rollback(p, r);
	return r == SINK_OK && !p->conf->positions_only ? pg_views_prune(p, err) : r;
}
