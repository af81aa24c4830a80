/* What hta-trend keeps. A connection of its own, that writes: the reader's stays in the transaction
 * that it reads in. Alerts are handed to Postgres as one JSON array and taken apart there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "read/alerts.h"
#include "sink/sink_errors.h"

struct pg_alerts {
	struct sink_conf conf; /* create is not set: rollups are not ours to make */
	struct pg *p;
};

/* The number is the advisory lock's of pg_schema.c. */
static const char alerts_tables[] =
	"SELECT pg_advisory_xact_lock(7528274551);"
	"CREATE TABLE IF NOT EXISTS hta_trend (rollups text NOT NULL, metric text COLLATE \"C\" "
	"NOT NULL, rule text COLLATE \"C\" NOT NULL, turn bigint NOT NULL, settings text NOT NULL,"
	" judged timestamptz NOT NULL, state text NOT NULL, PRIMARY KEY (rollups, metric, rule));"
	"CREATE TABLE IF NOT EXISTS hta_alerts (rollups text NOT NULL, key text COLLATE \"C\" NOT "
	"NULL, metric text COLLATE \"C\" NOT NULL, rule text COLLATE \"C\" NOT NULL, alert text "
	"NOT NULL, window_start timestamptz NOT NULL, window_end timestamptz NOT NULL, dims jsonb "
	"NOT NULL, dims_hash text NOT NULL, measure text NOT NULL, value double precision, "
	"baseline double precision, factor double precision, severity text NOT NULL, at "
	"timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (rollups, key));"
	"CREATE INDEX IF NOT EXISTS hta_alerts_rule ON hta_alerts (rollups, metric, rule, "
	"window_start)";

/* One that gives no rows; changed (may be NULL): rows that it changed. */
static enum sink_result alerts_run(struct pg *p, const char *sql, int n, const char *const *value,
				   uint64_t *changed, struct err *err)
{
	PGresult *res;
	enum sink_result r = pg_query(p, &res, err, sql, n, value);

	if (r != SINK_OK)
		return r;
	if (changed)
		*changed = strtoull(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	return SINK_OK;
}

/* COMMIT, or what is left of the transaction undone. */
static int alerts_end(struct pg *p, enum sink_result r, bool commit, struct err *err)
{
	if (r == SINK_OK && commit)
		r = pg_script(p, "COMMIT", err);
	return sink_error_result(pg_rollback(p, r), err);
}

static int alerts_make(struct pg *p, struct err *err)
{
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_script(p, alerts_tables, err);
	return alerts_end(p, r, true, err);
}

static int alerts_schema(struct pg_alerts *a, bool create, struct err *err)
{
	PGresult *res;
	bool whole;

	if (sink_error_result(pg_query(a->p, &res, err,
				       "SELECT to_regclass('hta_trend') IS NOT NULL AND "
				       "to_regclass('hta_alerts') IS NOT NULL",
				       0, NULL),
			      err))
		return -1;
	whole = *PQgetvalue(res, 0, 0) == 't';
	PQclear(res);
	if (whole)
		return 0;
	return create ? alerts_make(a->p, err) : alerts_missing(&a->conf, err);
}

static void pg_alerts_close(void *d)
{
	struct pg_alerts *a = d;

	if (!a)
		return;
	pg_driver.close(a->p);
	free(a);
}

static void *pg_alerts_open(const struct sink_conf *conf, struct err *err)
{
	struct pg_alerts *a = mem_zalloc(sizeof(*a));

	a->conf = *conf;
	a->conf.create = false;
	a->p = pg_new(&a->conf, err);
	if (a->p && sink_error_result(pg_driver.connect(a->p, err), err) == 0 &&
	    alerts_schema(a, conf->create, err) == 0)
		return a;
	pg_alerts_close(a);
	return NULL;
}

static int pg_alerts_load(void *d, const char *metric, const char *name, struct alerts_state *out,
			  struct err *err)
{
	struct pg_alerts *a = d;
	const char *value[] = { a->p->rollups, metric, name };
	PGresult *res;

	if (sink_error_result(pg_query(a->p, &res, err,
				       "SELECT turn, settings, state FROM hta_trend WHERE rollups "
				       "= $1 AND metric = $2 AND rule = $3",
				       3, value),
			      err))
		return -1;
	if (PQntuples(res)) {
		out->turn = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
		buf_addz(&out->rule, PQgetvalue(res, 0, 1));
		buf_addz(&out->text, PQgetvalue(res, 0, 2));
	}
	PQclear(res);
	return 0;
}

/* ---- store */

static enum sink_result alerts_advance(struct pg *p, const struct alerts_batch *b, bool *stored,
				       struct err *err)
{
	struct buf rule = { 0 }, text = { 0 };
	char turn[24], judged[TM_TEXT_BYTES];
	const char *value[] = { p->rollups, b->metric, b->name, turn, NULL, judged, NULL };
	uint64_t changed = 0;
	enum sink_result r;

	snprintf(turn, sizeof(turn), "%" PRId64, b->turn);
	judged[tm_text(b->judged_us, judged)] = 0;
	buf_adds(&rule, b->rule);
	buf_adds(&text, b->text);
	value[4] = buf_z(&rule);
	value[6] = buf_z(&text);
	r = alerts_run(p,
		       b->turn ? "UPDATE hta_trend SET turn = $4::bigint + 1, settings = $5, "
				 "judged = $6::timestamptz, state = $7 WHERE rollups = $1 AND "
				 "metric = $2 AND rule = $3 AND turn = $4::bigint"
			       : "INSERT INTO hta_trend (rollups, metric, rule, turn, settings, "
				 "judged, state) VALUES ($1, $2, $3, $4::bigint + 1, $5, "
				 "$6::timestamptz, $7) ON CONFLICT DO NOTHING",
		       7, value, &changed, err);
	*stored = changed > 0;
	buf_fini(&rule);
	buf_fini(&text);
	return r;
}

static enum sink_result alerts_insert(struct pg *p, const struct alerts_batch *b, struct err *err)
{
	const char *value[] = { p->rollups, b->metric, b->name, NULL };
	struct buf list = { 0 };
	enum sink_result r;

	alerts_array(b, &list);
	value[3] = buf_z(&list);
	r = alerts_run(p,
		       "INSERT INTO hta_alerts (rollups, metric, rule, key, alert, window_start, "
		       "window_end, dims, dims_hash, measure, value, baseline, factor, severity)"
		       " SELECT $1, $2, $3, key, alert, window_start, window_end, dims, dims_hash,"
		       " measure, value, baseline, factor, severity FROM"
		       " jsonb_to_recordset($4::jsonb) x(key text, alert text, window_start "
		       "timestamptz, window_end timestamptz, dims jsonb, dims_hash text, measure "
		       "text, value double precision, baseline double precision, factor double "
		       "precision, severity text) ON CONFLICT DO NOTHING",
		       4, value, NULL, err);
	buf_fini(&list);
	return r;
}

static int pg_alerts_store(void *d, const struct alerts_batch *b, bool *stored, struct err *err)
{
	struct pg *p = ((struct pg_alerts *)d)->p;
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	*stored = false;
	if (r == SINK_OK)
		r = alerts_advance(p, b, stored, err);
	if (r == SINK_OK && *stored && b->n)
		r = alerts_insert(p, b, err);
	crash_at(CRASH_ALERTS_INSIDE);
	return alerts_end(p, r, *stored, err);
}

static int pg_alerts_drop(void *d, const char *metric, const char *name, uint64_t *alerts,
			  struct err *err)
{
	struct pg *p = ((struct pg_alerts *)d)->p;
	const char *value[] = { p->rollups, metric, name };
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK)
		r = alerts_run(
			p, "DELETE FROM hta_trend WHERE rollups = $1 AND metric = $2 AND rule = $3",
			3, value, NULL, err);
	if (r == SINK_OK)
		r = alerts_run(
			p,
			"DELETE FROM hta_alerts WHERE rollups = $1 AND metric = $2 AND rule = $3",
			3, value, alerts, err);
	return alerts_end(p, r, true, err);
}

const struct alerts_driver pg_alerts = {
	.open = pg_alerts_open,
	.close = pg_alerts_close,
	.load = pg_alerts_load,
	.store = pg_alerts_store,
	.drop = pg_alerts_drop,
};
