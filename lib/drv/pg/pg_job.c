/* What Postgres keeps of a job: generation, positions, metrics. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"

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

/* Both in one statement: generation and positions of one moment. */
enum sink_result pg_job_state(void *d, const char *job, const char *group,
			      struct ctl_sink_state *out, struct err *err)
{
	struct pg *p = d;
	const char *value[] = { job, p->conf->name };
	PGresult *res;
	enum sink_result r = pg_query(p, &res, err,
				      "SELECT p.topic, p.partition, p.init, p.next, "
				      "p.last_offset, " US("p.last_time") ", p.last_hash, " US(
					      "p.watermark") ", p.idle,"
							     " j.generation, j.by_now, j.group_id "
							     "FROM hta_job j LEFT JOIN hta_pos p "
							     "ON p.job = j.job AND p.sink = j.sink "
							     "WHERE j.job = $1 AND j.sink = $2"
							     " ORDER BY p.topic, p.partition",
				      2, value);
	const char *stored;

	if (r != SINK_OK)
		return r;
	if (PQntuples(res)) {
		snprintf(out->gen, sizeof(out->gen), "%s", PQgetvalue(res, 0, 9));
		out->by_now = *PQgetvalue(res, 0, 10) == 't';
		stored = PQgetvalue(res, 0, 11);
		if (strcmp(stored, group ? group : "") != 0) {
			sink_error_group(job, stored, group, err);
			r = SINK_FATAL;
		} else if (!PQgetisnull(res, 0, 0)) {
			pg_take_positions(res, &out->pos);
		}
	}
	PQclear(res);
	return r;
}

/* ---- init */

static enum sink_result pg_insert_positions(struct pg *p, const char *job,
					    const struct ranges *start, struct err *err)
{
	struct pg_params a = { 0 };
	enum sink_result r = SINK_OK;
	PGresult *res;
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
	if (start->n) {
		if (!pg_send(p,
			     "INSERT INTO hta_pos (job, sink, topic, partition, init, next) SELECT "
			     "$1, $2, t, p, f, f FROM unnest($3, $4, $5) u(t, p, f) ORDER BY t, p"
			     " ON CONFLICT DO NOTHING",
			     &a, false))
			r = pg_failed(p, NULL, err);
		while (r == SINK_OK && (r = pg_next(p, &res, err)) == SINK_OK && res) {
			if (PQresultStatus(res) != PGRES_COMMAND_OK)
				r = pg_failed(p, res, err);
			PQclear(res);
		}
	}
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
		if (strcmp(gen, init->gen) != 0) {
			err_set(err, EX_TEMPFAIL,
				"job %s has %s%s here, not %s: another pipeline has started it; "
				"start again",
				job, *gen ? "generation " : "no generation", gen, init->gen);
			r = SINK_CONFLICT;
		} else if (fresh) {
			r = SINK_APPLIED;
		}
		PQclear(res);
	}
	return r == SINK_OK ? pg_insert_positions(p, job, &init->start, err) : r;
}

enum sink_result pg_init(void *d, const char *job, const char *group, const struct ctl_init *init,
			 struct err *err)
{
	enum sink_result r = pg_begin(d, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_init_inside(d, job, group, init, err);
	if (r == SINK_OK)
		r = pg_script(d, "COMMIT", err);
	return pg_rollback(d, r);
}

/* ---- metrics */

/* The start of the first window after the highest watermark, as text; NULL: none. */
static enum sink_result pg_since(struct pg *p, const char *job, int64_t every_us,
				 char text[TM_TEXT_BYTES], bool *has, struct err *err)
{
	const char *value[] = { job, p->conf->name };
	PGresult *res;
	enum sink_result r = pg_query(
		p, &res, err,
		"SELECT " US("max(watermark)") " FROM hta_pos WHERE job = $1 AND sink = $2", 2,
		value);
	int64_t us;

	if (r != SINK_OK)
		return r;
	us = pg_job_int_of(res, 0, 0, POS_NONE);
	*has = us != POS_NONE;
	if (*has)
		text[tm_text(since_after(us, every_us), text)] = 0;
	PQclear(res);
	return SINK_OK;
}

static enum sink_result register_metric(struct pg *p, const char *job, const struct sink_metric *m,
					struct err *err)
{
	char start[TM_TEXT_BYTES];
	char *name = mem_dup(m->name.p, m->name.n), *cfg = mem_dup(m->cfg.p, m->cfg.n),
	     *def = mem_dup(m->def.p, m->def.n);
	bool has = false;
	enum sink_result r = job ? pg_since(p, job, m->every_us, start, &has, err) : SINK_OK;
	const char *value[] = { p->rollups, name, job ? p->conf->name : NULL, job,
				cfg,        def,  has ? start : NULL };
	PGresult *res;
	bool fresh = false;

	if (r == SINK_OK)
		r = pg_query(p, &res, err,
			     "INSERT INTO hta_metric (rollups, metric, sink, job, cfg, definition, "
			     "since) VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::timestamptz)"
			     " ON CONFLICT DO NOTHING",
			     7, value);
	if (r == SINK_OK) {
		fresh = strcmp(PQcmdTuples(res), "1") == 0;
		PQclear(res);
	}
	if (r == SINK_OK)
		r = pg_query(p, &res, err,
			     "SELECT job, cfg, definition, coalesce(sink, '') FROM hta_metric "
			     "WHERE rollups = $1 AND metric = $2",
			     2, value);
	if (r == SINK_OK) {
		struct stored_metric stored = {
			.job = PQgetisnull(res, 0, 0) ? slice(NULL, 0)
						      : slice_z(PQgetvalue(res, 0, 0)),
			.cfg = slice_z(PQgetvalue(res, 0, 1)),
			.def = slice_z(PQgetvalue(res, 0, 2)),
			.sink = slice_z(PQgetvalue(res, 0, 3)),
		};

		r = sink_error_metric(p->conf, p->rollups, job, m, &stored, err) ? SINK_FATAL
										 : SINK_OK;
		PQclear(res);
	}
	if (r == SINK_OK && !fresh)
		r = pg_columns_check(p, name, m, err);
	free(name);
	free(cfg);
	free(def);
	return r;
}

static enum sink_result pg_set_lateness(struct pg *p, const char *job, int64_t us, struct err *err)
{
	char text[32];
	const char *value[] = { job, p->conf->name, text };

	snprintf(text, sizeof(text), "%" PRId64, us);
	return pg_query(p, NULL, err,
			"UPDATE hta_job SET lateness = make_interval(secs => $3::float8 / 1000000) "
			"WHERE job = $1 AND sink = $2"
			" AND lateness <> make_interval(secs => $3::float8 / 1000000)",
			3, value);
}

enum sink_result pg_metrics(void *d, const char *job, const struct sink_metric *m, size_t n,
			    int64_t lateness_us, bool look_only, struct err *err)
{
	struct pg *p = d;
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	for (size_t i = 0; i < n && r == SINK_OK; i++)
		r = register_metric(p, job, &m[i], err);
	if (r == SINK_OK)
		r = pg_columns_need(p, m, n, look_only, err);
	for (size_t i = 0; i < n && r == SINK_OK && !look_only; i++)
		r = pg_columns_register(p, &m[i], err);
	if (r == SINK_OK && job)
		r = pg_set_lateness(p, job, lateness_us, err);
	if (r == SINK_OK)
		r = pg_script(p, look_only ? "ROLLBACK" : "COMMIT", err);
	return pg_rollback(p, r);
}

/* ---- reset */

enum sink_result pg_reset(void *d, const char *job, uint64_t *rows, struct err *err)
{
	static const char *const others[] = {
		"DELETE FROM hta_metric WHERE job = $1 AND sink = $2 AND rollups = $3",
		"DELETE FROM hta_pos WHERE job = $1 AND sink = $2 AND $3 <> ''",
		"DELETE FROM hta_job WHERE job = $1 AND sink = $2 AND $3 <> ''",
		"DELETE FROM hta_dead WHERE job = $1 AND sink = $2 AND $3 <> ''",
	};
	struct pg *p = d;
	const char *value[] = { job, p->conf->name, p->rollups };
	char *text = mem_printf("DELETE FROM %s WHERE metric IN (SELECT metric FROM hta_metric "
				"WHERE job = $1 AND sink = $2 AND rollups = $3)",
				p->table);
	PGresult *res;
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK && (r = pg_query(p, &res, err, text, 3, value)) == SINK_OK) {
		*rows = strtoull(PQcmdTuples(res), NULL, 10);
		PQclear(res);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others) && r == SINK_OK; i++)
		r = pg_query(p, NULL, err, others[i], 3, value);
	if (r == SINK_OK)
		r = pg_script(p, "COMMIT", err);
	free(text);
	return pg_rollback(p, r);
}
