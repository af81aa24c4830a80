/* Tables and views. Everything is made in one transaction, so that a half-made schema is never
 * seen.
 *
 * hta_final: plain rows are final; a job's row is when window_end + lateness <= watermark, where
 * watermark is the lowest of the partitions that are not idle, or the highest of all where every
 * one is; windows before the metric's `since` are left out. A view that an earlier program has made
 * is made anew by --init where its text is another than ours.
 *
 * Schema 2 has what the measures of --agg keep (row/columns.h) as the JSON that rows carry,
 * merged by a function of ours: one column of the table whatever the measures are, readable by
 * json_extract(columns, '$.sum."latency.avg.sum"'). What is read from sketches stands beside them,
 * in a member "estimates" by the names of measures. A table of schema 1 gets the column with
 * --init, and only for a metric that has measures: until then older programs can use it.
 *
 * Schema 3 has columns of hta_dead for what hta-dlq has retried. An older file gets them with
 * hta-dlq --init. What a table has is looked at, not concluded from the version. */
#include "drv/sqlite/sqlite_internal.h"

#include "agg/fn.h"
#include "base/mem.h"

enum { SCHEMA = 3, SCHEMA_COLUMNS = 2, SCHEMA_OLDEST = 1 };

static const char tables[] =
	"CREATE TABLE IF NOT EXISTS hta_schema (version INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS hta_job (job TEXT NOT NULL, sink TEXT NOT NULL, generation "
	"TEXT NOT NULL, group_id TEXT, by_now INTEGER NOT NULL,"
	" lateness INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, sink)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS hta_pos (job TEXT NOT NULL, sink TEXT NOT NULL, topic TEXT NOT "
	"NULL, partition INTEGER NOT NULL, init INTEGER NOT NULL,"
	" next INTEGER NOT NULL, last_offset INTEGER, last_time INTEGER, last_hash TEXT, watermark "
	"INTEGER, idle INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (job, sink, topic, partition)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS hta_metric (rollups TEXT NOT NULL, metric TEXT NOT NULL, sink "
	"TEXT, job TEXT, cfg TEXT NOT NULL, definition TEXT NOT NULL,"
	" since TEXT, PRIMARY KEY (rollups, metric)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS hta_dead (job TEXT NOT NULL, sink TEXT NOT NULL, kind TEXT NOT "
	"NULL, topic TEXT, partition INTEGER, record_offset INTEGER,"
	" stage TEXT NOT NULL, reason TEXT NOT NULL, size INTEGER NOT NULL, encoding TEXT NOT "
	"NULL, record TEXT NOT NULL, at TEXT NOT NULL, retried_at TEXT, retries INTEGER NOT NULL "
	"DEFAULT 0, taken TEXT);"
	"CREATE INDEX IF NOT EXISTS hta_dead_job ON hta_dead (job, sink, at);"
	"CREATE TABLE IF NOT EXISTS hta_rules (job TEXT NOT NULL, sink TEXT NOT NULL, rule_set "
	"TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (job, sink)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS hta_span (job TEXT NOT NULL, sink TEXT NOT NULL, metric TEXT "
	"NOT NULL, since INTEGER, until INTEGER);"
	"CREATE INDEX IF NOT EXISTS hta_span_metric ON hta_span (job, sink, metric);";

/* Of sinks whose rows are elsewhere. */
static const char claims[] =
	"CREATE TABLE IF NOT EXISTS hta_claim (job TEXT NOT NULL, sink TEXT NOT NULL, claim TEXT "
	"NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (job, sink, claim)) WITHOUT ROWID;";

static const char rollups[] =
	"CREATE TABLE IF NOT EXISTS \"%w\" (metric TEXT NOT NULL, window_start TEXT NOT NULL, "
	"window_end TEXT NOT NULL, dims_hash TEXT NOT NULL,"
	" dims TEXT NOT NULL, count INTEGER NOT NULL, value_count INTEGER, sum TEXT, min TEXT, max "
	"TEXT, uniq INTEGER, uniq_sketch BLOB, updated_at TEXT NOT NULL,"
	" columns TEXT, PRIMARY KEY (metric, window_start, window_end, dims_hash)) WITHOUT ROWID;";

static const char numbers_view[] =
	"CREATE VIEW \"%w\" AS SELECT metric, window_start, window_end, dims, "
	"dims_hash, count, value_count, CAST(sum AS REAL) AS sum,"
	" CAST(min AS REAL) AS min, CAST(max AS REAL) AS max, CAST(sum AS REAL) / "
	"NULLIF(value_count, 0) AS avg, uniq, updated_at FROM \"%w\"";

/* A time of ours as microseconds: its second, then what stands behind the 19th character, "Z" or
 * ".25Z". Times cannot be compared as texts where one has a fraction: "." is below "Z". */
#define TIME_US(t)                                              \
	"(CAST(strftime('%%s', " t ") AS INTEGER) * 1000000 + " \
	"CAST(round(CAST('0' || rtrim(substr(" t ", 20), 'Z') AS REAL) * 1000000) AS INTEGER))"
#define START_US TIME_US("r.window_start")
#define END_US TIME_US("r.window_end")
#define SINCE_US TIME_US("m.since")

/* When a window has ended, by the job's lateness. */
#define END_LATE_US                                                                     \
	END_US " + COALESCE((SELECT j.lateness FROM hta_job j WHERE j.job = m.job AND " \
	       "j.sink = m.sink), 0)"

static const char final_view[] =
	"CREATE VIEW \"%w\" AS SELECT r.* FROM \"%w\" r LEFT JOIN hta_metric m ON "
	"m.rollups = %Q AND m.metric = r.metric"
	" WHERE m.job IS NULL OR ((m.since IS NULL OR " START_US " >= " SINCE_US ") AND"
	" (NOT EXISTS (SELECT 1 FROM hta_span s WHERE s.job = m.job AND s.sink = m.sink AND "
	"s.metric = m.metric) OR EXISTS (SELECT 1 FROM hta_span s WHERE s.job = m.job AND s.sink = "
	"m.sink AND s.metric = m.metric AND (s.since IS NULL OR " START_US
	" >= s.since) AND (s.until IS NULL OR " END_LATE_US " <= s.until))) AND"
	"  " END_LATE_US " <="
	"  (SELECT CASE WHEN MIN(p.idle) = 1 THEN MAX(p.watermark)"
	"    WHEN SUM(p.idle = 0 AND p.watermark IS NULL) > 0 THEN NULL ELSE MIN(CASE WHEN p.idle "
	"= 0 THEN p.watermark END) END"
	"   FROM hta_pos p WHERE p.job = m.job AND p.sink = m.sink))";

static enum sink_result exec_sql(struct sqlite *s, const char *sql, struct err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SINK_OK
								       : sqlite_failed(s, err);
}

static bool has_table(struct sqlite *s, const char *name)
{
	sqlite3_stmt *q = NULL;
	bool has = sqlite3_prepare_v2(
			   s->db, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
			   -1, &q, NULL) == SQLITE_OK &&
		   sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
		   sqlite3_step(q) == SQLITE_ROW;

	sqlite3_finalize(q);
	return has;
}

bool sqlite_has_rules(struct sqlite *s)
{
	if (!s->has_rules)
		s->has_rules = has_table(s, "hta_rules");
	return s->has_rules;
}

static int schema_version(struct sqlite *s)
{
	sqlite3_stmt *q = NULL;
	int v = 0;

	if (sqlite3_prepare_v2(s->db, "SELECT max(version) FROM hta_schema", -1, &q, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return v;
}

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	sqlite3_stmt *q = NULL;
	bool has = sqlite3_prepare_v2(db, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", -1,
				      &q, NULL) == SQLITE_OK &&
		   sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC) == SQLITE_OK &&
		   sqlite3_bind_text(q, 2, column, -1, SQLITE_STATIC) == SQLITE_OK &&
		   sqlite3_step(q) == SQLITE_ROW;

	sqlite3_finalize(q);
	return has;
}

const char sqlite_marks_sql[] =
	"ALTER TABLE hta_dead ADD COLUMN retried_at TEXT;"
	"ALTER TABLE hta_dead ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE hta_dead ADD COLUMN taken TEXT;"
	"UPDATE hta_schema SET version = 3;";

bool sqlite_has_marks(struct sqlite *s)
{
	return has_column(s->db, "hta_dead", "taken");
}

enum sink_result sqlite_add_columns(struct sqlite *s, struct err *err)
{
	char *sql;
	enum sink_result r;

	if (has_column(s->db, s->table, "columns")) /* another program has added it since */
		return SINK_OK;
	if (!s->conf->create) {
		err_set(err, EX_CONFIG,
			"table %s has no column yet for the measures of this pipeline (--agg): "
			"start it once with hta-sink-sqlite --init",
			s->table);
		return SINK_FATAL;
	}
	sql = sqlite3_mprintf(
		"ALTER TABLE \"%w\" ADD COLUMN columns TEXT; UPDATE hta_schema SET version = "
		"max(version, %d)",
		s->table, SCHEMA_COLUMNS);
	r = exec_sql(s, sql, err);
	sqlite3_free(sql);
	return r;
}

/* Nothing is written into a table of that name that somebody else has made. */
static enum sink_result set_version(struct sqlite *s, struct err *err)
{
	static const char insert[] = "INSERT INTO hta_schema (version)"
				     " SELECT 3 WHERE NOT EXISTS (SELECT 1 FROM hta_schema)";
	int code = sqlite3_exec(s->db, insert, NULL, NULL, NULL);

	if (code != SQLITE_OK && code != SQLITE_ERROR)
		return sqlite_failed(s, err);
	if (schema_version(s) == SCHEMA)
		return SINK_OK;
	sink_error_foreign("table hta_schema", "file", err);
	return SINK_FATAL;
}

/* ---- views: one that an earlier program has made is made anew where its text differs */

/* The tables' own views have no mark: any view of that name is one. */
static enum sqlite_held look_up_unmarked(struct sqlite *s, const char *name, const char *view)
{
	return sqlite_look_up_view(s, name, view, "");
}

static enum sink_result make_view(struct sqlite *s, const char *name, const char *view,
				  struct err *err)
{
	enum sqlite_held held = look_up_unmarked(s, name, view);
	enum sink_result r = SINK_OK;
	char *drop;

	if (held == SQLITE_HELD_OLDER) {
		drop = sqlite3_mprintf("DROP VIEW \"%w\"", name);
		r = exec_sql(s, drop, err);
		sqlite3_free(drop);
	}
	return r == SINK_OK && (held == SQLITE_HELD_FREE || held == SQLITE_HELD_OLDER)
		       ? exec_sql(s, view, err)
		       : r;
}

struct views {
	char *numbers, *final; /* sqlite3_free() */
};

static void views_init(struct views *v, const struct sqlite *s)
{
	v->numbers = sqlite3_mprintf(numbers_view, s->numbers, s->table);
	v->final = sqlite3_mprintf(final_view, s->final, s->table, s->table);
}

static void views_fini(struct views *v)
{
	sqlite3_free(v->numbers);
	sqlite3_free(v->final);
}

static bool views_differ(struct sqlite *s)
{
	struct views v;
	bool differ;

	views_init(&v, s);
	differ = look_up_unmarked(s, s->numbers, v.numbers) == SQLITE_HELD_OLDER ||
		 look_up_unmarked(s, s->final, v.final) == SQLITE_HELD_OLDER;
	views_fini(&v);
	return differ;
}

static enum sink_result make_views(struct sqlite *s, struct err *err)
{
	struct views v;
	enum sink_result r;

	views_init(&v, s);
	r = make_view(s, s->numbers, v.numbers, err);
	if (r == SINK_OK)
		r = make_view(s, s->final, v.final, err);
	views_fini(&v);
	return r;
}

/* ---- all of it */

static enum sink_result make_rollups(struct sqlite *s, struct err *err)
{
	char *sql = sqlite3_mprintf(rollups, s->table);
	enum sink_result r = exec_sql(s, sql, err);

	sqlite3_free(sql);
	return r == SINK_OK ? make_views(s, err) : r;
}

static enum sink_result make_what_it_holds(struct sqlite *s, struct err *err)
{
	if (s->conf->positions_only)
		return exec_sql(s, claims, err);
	return s->conf->events.on ? sqlite_events_make(s, err) : make_rollups(s, err);
}

static enum sink_result make_schema(struct sqlite *s, struct err *err)
{
	enum sink_result r = exec_sql(s, "BEGIN IMMEDIATE", err);

	if (r == SINK_OK) {
		r = exec_sql(s, tables, err);
		if (r == SINK_OK)
			r = make_what_it_holds(s, err);
		if (r == SINK_OK && schema_version(s) == 0)
			r = set_version(s, err);
		if (r == SINK_OK)
			r = exec_sql(s, "COMMIT", err);
		if (r != SINK_OK)
			sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

static bool has_old_views(struct sqlite *s)
{
	return s->conf->create && sqlite_has_rows(s) && views_differ(s);
}

enum sink_result sqlite_schema(struct sqlite *s, struct err *err)
{
	const char *table = s->conf->positions_only ? "hta_claim" : s->table;
	bool whole = has_table(s, "hta_schema") && has_table(s, table) && has_table(s, "hta_pos");
	int found = whole ? schema_version(s) : 0;
	struct buf what = { 0 };

	s->has_columns = has_column(s->db, s->table, "columns");
	if (whole && s->conf->events.on && sqlite_events_check(s, err) != SINK_OK)
		return SINK_FATAL;
	if (whole && found >= SCHEMA_OLDEST && found <= SCHEMA)
		return has_old_views(s) ? make_schema(s, err) : SINK_OK;
	if (found > SCHEMA || (whole && !s->conf->create)) {
		sink_error_schema(found, SCHEMA, "hta-sink-sqlite", err);
		return SINK_FATAL;
	}
	if (s->conf->create) {
		enum sink_result r = make_schema(s, err);

		s->has_columns = has_column(s->db, s->table, "columns");
		if (r == SINK_OK && s->conf->events.on)
			r = sqlite_events_check(s, err);
		return r;
	}
	buf_printf(&what, "table %s", table);
	if (s->conf->positions_only) {
		sink_error_missing_positions(buf_z(&what), s->conf->where, err);
		buf_fini(&what);
		return SINK_FATAL;
	}
	sink_error_missing(buf_z(&what),
			   s->conf->events.on ? "hta-sink-sqlite --events" : "hta-sink-sqlite",
			   s->conf->where, err);
	buf_fini(&what);
	return SINK_FATAL;
}

/* ---- functions: decimals as text, null like SQL's aggregates: a null operand leaves the other */

static bool get_dec(sqlite3_value *v, dec *out)
{
	const char *p = (const char *)sqlite3_value_text(v);

	return p && dec_parse_sum(slice(p, (size_t)sqlite3_value_bytes(v)), out) <= DEC_ROUNDED;
}

static void give_dec(sqlite3_context *c, dec v)
{
	char text[DEC_TEXT_BYTES];

	sqlite3_result_text(c, text, (int)dec_text(v, text), SQLITE_TRANSIENT);
}

/* Out of range it is the row's fault: SQLITE_ERROR would be a bad statement. */
static void give_sum(sqlite3_context *c, dec a, dec b)
{
	if (dec_add(&a, b)) {
		give_dec(c, a);
		return;
	}
	sqlite3_result_error(c, "sum out of range", -1);
	sqlite3_result_error_code(c, SQLITE_MISMATCH);
}

enum { FN_ADD, FN_MIN, FN_MAX };

static void decimal(sqlite3_context *c, int n, sqlite3_value **v)
{
	int fn = (int)(intptr_t)sqlite3_user_data(c);
	dec a, b;
	bool has_a = get_dec(v[0], &a), has_b = get_dec(v[1], &b);

	(void)n;
	if (!has_a && !has_b)
		sqlite3_result_null(c);
	else if (!has_a || !has_b)
		give_dec(c, has_a ? a : b);
	else if (fn == FN_ADD)
		give_sum(c, a, b);
	else
		give_dec(c, (fn == FN_MIN) == (a < b) ? a : b);
}

void sqlite_columns_text(const struct cell *cell, size_t n, struct buf *out)
{
	cells_format(cell, n, out);
	if (columns_first_sketch(cell, n) == n)
		return;
	out->n--;
	buf_addz(out, ",\"estimates\":");
	fn_estimates(cell, n, out);
	buf_addc(out, '}');
}

/* The columns of two rows, merged; either may be null. */
static void merge_columns(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct json j[2] = { { 0 } };
	struct cell cell[2][COLUMNS_MAX];
	size_t cells[2] = { 0 };
	struct buf out = { 0 }, scratch[2] = { { 0 } };
	struct arena arena = { 0 };
	bool good = true;

	(void)n;
	for (int i = 0; i < 2 && good; i++) {
		const char *p = (const char *)sqlite3_value_text(v[i]);
		size_t bytes = (size_t)sqlite3_value_bytes(v[i]);

		buf_room(&scratch[i], bytes);
		good = !p || (json_parse(&j[i], slice(p, bytes), NULL) == 0 &&
			      cells_parse(&j[i], 0, cell[i], &cells[i], &scratch[i], NULL) == 0);
	}
	good = good && (cells[0] == cells[1] || !cells[0] || !cells[1]);
	for (size_t i = 0; i < cells[0] && cells[1] && good; i++)
		good = column_cmp(&cell[0][i].column, &cell[1][i].column) == 0 &&
		       cell_merge(&cell[0][i], &cell[1][i], &arena);
	if (!good) {
		sqlite3_result_error(c,
				     "columns: other ones are stored, a sum is out of range, or a "
				     "sketch is none",
				     -1);
	} else if (!cells[0] && !cells[1]) {
		sqlite3_result_null(c);
	} else {
		sqlite_columns_text(cell[cells[0] ? 0 : 1], cells[cells[0] ? 0 : 1], &out);
		sqlite3_result_text(c, out.p, (int)out.n, SQLITE_TRANSIENT);
	}
	arena_fini(&arena);
	buf_fini(&scratch[0]);
	buf_fini(&scratch[1]);
	buf_fini(&out);
	json_fini(&j[0]);
	json_fini(&j[1]);
}

void sqlite_functions(struct sqlite *s)
{
	static const char *const name[] = { "hta_add", "hta_min", "hta_max" };

	for (int i = 0; i < 3; i++)
		sqlite3_create_function(s->db, name[i], 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
					(void *)(intptr_t)i, decimal, NULL, NULL);
	sqlite3_create_function(s->db, "hta_columns", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
				merge_columns, NULL, NULL);
}
