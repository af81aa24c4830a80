/* What hta-trend keeps. A connection of its own, that writes: the reader's stays in the transaction
 * that it reads in. Alerts are handed to SQLite as one JSON array and taken apart there. */
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drv/sqlite/sqlite_internal.h"
#include "read/alerts.h"
#include "sink/sink_errors.h"

enum { ALERTS_BUSY_MS = 5000 };

struct sqlite_alerts {
	struct sink_conf conf; /* create is not set: rollups are not ours to make */
	struct sqlite *s;
};

static const char alerts_tables[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS hta_trend (rollups TEXT NOT NULL, metric TEXT NOT NULL, rule "
	"TEXT NOT NULL, turn INTEGER NOT NULL, settings TEXT NOT NULL, judged TEXT NOT NULL,"
	" state TEXT NOT NULL, PRIMARY KEY (rollups, metric, rule)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS hta_alerts (rollups TEXT NOT NULL, key TEXT NOT NULL, metric "
	"TEXT NOT NULL, rule TEXT NOT NULL, alert TEXT NOT NULL, window_start TEXT NOT NULL,"
	" window_end TEXT NOT NULL, dims TEXT NOT NULL, dims_hash TEXT NOT NULL, measure TEXT NOT "
	"NULL, value REAL, baseline REAL, factor REAL, severity TEXT NOT NULL, at TEXT NOT NULL,"
	" PRIMARY KEY (rollups, key)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS hta_alerts_rule ON hta_alerts (rollups, metric, rule, "
	"window_start);"
	"COMMIT";

/* Runs a statement; changed (may be NULL): rows. */
static int alerts_step(struct sqlite_alerts *a, sqlite3_stmt *q, uint64_t *changed, struct err *err)
{
	int code = sqlite3_step(q);
	int rc = code == SQLITE_DONE ? 0 : sink_error_result(sqlite_failed(a->s, err), err);

	if (changed)
		*changed = rc == 0 ? (uint64_t)sqlite3_changes(a->s->db) : 0;
	sqlite3_finalize(q);
	return rc;
}

static int alerts_exec(struct sqlite_alerts *a, const char *sql, struct err *err)
{
	return sqlite3_exec(a->s->db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : sink_error_result(sqlite_failed(a->s, err), err);
}

/* The first three parameters are the rollups, the metric and the rule's name. */
static sqlite3_stmt *alerts_prepare(struct sqlite_alerts *a, const char *sql, const char *metric,
				    const char *name, struct err *err)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(a->s->db, sql, -1, &q, NULL) != SQLITE_OK) {
		sink_error_result(sqlite_failed(a->s, err), err);
		return NULL;
	}
	sqlite_bind_slice(q, 1, slice_z(a->s->table));
	sqlite_bind_slice(q, 2, slice_z(metric));
	sqlite_bind_slice(q, 3, slice_z(name));
	return q;
}

static int alerts_schema(struct sqlite_alerts *a, bool create, struct err *err)
{
	sqlite3_stmt *q = NULL;
	bool whole = sqlite3_prepare_v2(a->s->db,
					"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name "
					"IN ('hta_trend', 'hta_alerts') GROUP BY type HAVING "
					"count(*) = 2",
					-1, &q, NULL) == SQLITE_OK &&
		     sqlite3_step(q) == SQLITE_ROW;

	sqlite3_finalize(q);
	if (whole)
		return 0;
	return create ? alerts_exec(a, alerts_tables, err) : alerts_missing(&a->conf, err);
}

static void sqlite_alerts_close(void *d)
{
	struct sqlite_alerts *a = d;

	if (!a)
		return;
	sqlite_driver.close(a->s);
	free(a);
}

static void *sqlite_alerts_open(const struct sink_conf *conf, struct err *err)
{
	struct sqlite_alerts *a = mem_zalloc(sizeof(*a));

	a->conf = *conf;
	a->conf.create = false;
	a->conf.name = "";
	a->s = sqlite_driver.open(&a->conf, err);
	if (a->s)
		a->s->busy_ms = ALERTS_BUSY_MS;
	if (a->s && sink_error_result(sqlite_driver.connect(a->s, err), err) == 0 &&
	    alerts_schema(a, conf->create, err) == 0)
		return a;
	sqlite_alerts_close(a);
	return NULL;
}

static int sqlite_alerts_load(void *d, const char *metric, const char *name,
			      struct alerts_state *out, struct err *err)
{
	struct sqlite_alerts *a = d;
	sqlite3_stmt *q = alerts_prepare(
		a,
		"SELECT turn, settings, state FROM hta_trend WHERE rollups "
		"= ? AND metric = ? AND rule = ?",
		metric, name, err);
	int code, rc = 0;

	if (!q)
		return -1;
	code = sqlite3_step(q);
	if (code == SQLITE_ROW) {
		out->turn = sqlite3_column_int64(q, 0);
		buf_adds(&out->rule, sqlite_column(q, 1));
		buf_adds(&out->text, sqlite_column(q, 2));
	} else if (code != SQLITE_DONE) {
		rc = sink_error_result(sqlite_failed(a->s, err), err);
	}
	sqlite3_finalize(q);
	return rc;
}

/* ---- store */

static int alerts_advance(struct sqlite_alerts *a, const struct alerts_batch *b, bool *stored,
			  struct err *err)
{
	sqlite3_stmt *q = alerts_prepare(
		a,
		b->turn ? "UPDATE hta_trend SET turn = ?4 + 1, settings = ?5, judged = ?6, state = "
			  "?7 WHERE rollups = ?1 AND metric = ?2 AND rule = ?3 AND turn = ?4"
			: "INSERT INTO hta_trend (rollups, metric, rule, turn, settings, judged, "
			  "state) VALUES (?1, ?2, ?3, ?4 + 1, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
		b->metric, b->name, err);
	uint64_t changed;

	if (!q)
		return -1;
	sqlite3_bind_int64(q, 4, b->turn);
	sqlite_bind_slice(q, 5, b->rule);
	sqlite_bind_time(q, 6, b->judged_us);
	sqlite_bind_slice(q, 7, b->text);
	if (alerts_step(a, q, &changed, err))
		return -1;
	*stored = changed > 0;
	return 0;
}

static int alerts_insert(struct sqlite_alerts *a, const struct alerts_batch *b, struct err *err)
{
	sqlite3_stmt *q = alerts_prepare(
		a,
		"INSERT INTO hta_alerts (rollups, metric, rule, key, alert, window_start, "
		"window_end, dims, dims_hash, measure, value, baseline, factor, severity, at)"
		" SELECT ?1, ?2, ?3, json_extract(value, '$.key'), json_extract(value, '$.alert'),"
		" json_extract(value, '$.window_start'), json_extract(value, '$.window_end'),"
		" json_extract(value, '$.dims'), json_extract(value, '$.dims_hash'),"
		" json_extract(value, '$.measure'), json_extract(value, '$.value'),"
		" json_extract(value, '$.baseline'), json_extract(value, '$.factor'),"
		" json_extract(value, '$.severity'), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
		" FROM json_each(?4) WHERE true ON CONFLICT DO NOTHING",
		b->metric, b->name, err);
	struct buf list = { 0 };
	int rc = -1;

	if (q) {
		alerts_array(b, &list);
		sqlite_bind_slice(q, 4, buf_slice(&list));
		rc = alerts_step(a, q, NULL, err);
	}
	buf_fini(&list);
	return rc;
}

static int sqlite_alerts_store(void *d, const struct alerts_batch *b, bool *stored, struct err *err)
{
	struct sqlite_alerts *a = d;
	int rc = alerts_exec(a, "BEGIN IMMEDIATE", err);

	*stored = false;
	if (rc)
		return -1;
	rc = alerts_advance(a, b, stored, err);
	if (rc == 0 && *stored && b->n)
		rc = alerts_insert(a, b, err);
	crash_at(CRASH_ALERTS_INSIDE);
	if (rc == 0 && *stored)
		rc = alerts_exec(a, "COMMIT", err);
	if (!sqlite3_get_autocommit(a->s->db))
		sqlite3_exec(a->s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int sqlite_alerts_drop(void *d, const char *metric, const char *name, uint64_t *alerts,
			      struct err *err)
{
	static const char *const sql[] = {
		"DELETE FROM hta_trend WHERE rollups = ? AND metric = ? AND rule = ?",
		"DELETE FROM hta_alerts WHERE rollups = ? AND metric = ? AND rule = ?",
	};
	struct sqlite_alerts *a = d;
	int rc = alerts_exec(a, "BEGIN IMMEDIATE", err);

	for (int i = 0; i < 2 && rc == 0; i++) {
		sqlite3_stmt *q = alerts_prepare(a, sql[i], metric, name, err);

		rc = q ? alerts_step(a, q, alerts, err) : -1;
	}
	if (rc == 0)
		rc = alerts_exec(a, "COMMIT", err);
	if (!sqlite3_get_autocommit(a->s->db))
		sqlite3_exec(a->s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

const struct alerts_driver sqlite_alerts = {
	.open = sqlite_alerts_open,
	.close = sqlite_alerts_close,
	.load = sqlite_alerts_load,
	.store = sqlite_alerts_store,
	.drop = sqlite_alerts_drop,
};
