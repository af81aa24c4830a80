/* Tables, views and the compare-and-set function. Made in one transaction under an advisory
 * lock, so that sinks that start together do not collide.
 *
 * hta_final: plain rows are final; a job's row is when window_end + lateness <= watermark: the
 * lowest of the partitions that are not idle, or the highest of all where every one is; windows
 * before the metric's `since` are left out.
 *
 * Schema 2 has hta_metric.columns, what rows of a metric keep for --agg, and slots for them in
 * the rollups table (pg_columns.c). Tables of schema 1 become so with --init when a metric with
 * measures comes: until then older programs can use them.
 *
 * Schema 3 has columns of hta_dead for what hta-dlq has retried (pg_letters.c). An older one gets
 * them with hta-dlq --init.
 *
 * Schema 4 has a table that keeps its rows for a time only (pg_retention.c): older programs, which
 * would begin anew what is gone, do not take it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/pg/pg_internal.h"

static const char lock[] =
	"SELECT pg_advisory_xact_lock(7528274551)"; /* "hta" and a number of ours */

static const char common[] =
	"CREATE TABLE IF NOT EXISTS hta_schema (version integer NOT NULL);"
	"CREATE TABLE IF NOT EXISTS hta_job (job text NOT NULL, sink text NOT NULL, generation "
	"text NOT NULL, group_id text, by_now boolean NOT NULL,"
	" lateness interval NOT NULL DEFAULT '0', PRIMARY KEY (job, sink));"
	"CREATE TABLE IF NOT EXISTS hta_pos (job text NOT NULL, sink text NOT NULL, topic text "
	"COLLATE \"C\" NOT NULL, partition integer NOT NULL,"
	" init bigint NOT NULL, next bigint NOT NULL, last_offset bigint, last_time timestamptz, "
	"last_hash text, watermark timestamptz,"
	" idle boolean NOT NULL DEFAULT false, PRIMARY KEY (job, sink, topic, partition)) WITH "
	"(fillfactor = 50);"
	"CREATE TABLE IF NOT EXISTS hta_metric (rollups text NOT NULL, metric text NOT NULL, sink "
	"text, job text, cfg text NOT NULL, definition jsonb NOT NULL,"
	" since timestamptz, columns jsonb, PRIMARY KEY (rollups, metric));"
	"CREATE TABLE IF NOT EXISTS hta_dead (job text NOT NULL, sink text NOT NULL, kind text NOT "
	"NULL, topic text, partition integer, record_offset bigint,"
	" stage text NOT NULL, reason text NOT NULL, size bigint NOT NULL, encoding text NOT NULL, "
	"record text NOT NULL, at timestamptz NOT NULL DEFAULT now(), retried_at timestamptz, "
	"retries bigint NOT NULL DEFAULT 0, taken text, id bigint GENERATED ALWAYS AS IDENTITY "
	"PRIMARY KEY);"
	"DO $hta$ BEGIN IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = "
	"'hta_dead'::regclass AND attname = 'taken') THEN"
	" CREATE INDEX IF NOT EXISTS hta_dead_taken ON hta_dead (taken) WHERE taken IS NOT NULL;"
	" END IF; END $hta$;"
	"CREATE INDEX IF NOT EXISTS hta_dead_job ON hta_dead (job, sink, at);"
	"CREATE TABLE IF NOT EXISTS hta_rules (job text NOT NULL, sink text NOT NULL, rule_set "
	"text NOT NULL, doc text NOT NULL, PRIMARY KEY (job, sink));"
	"CREATE TABLE IF NOT EXISTS hta_span (job text NOT NULL, sink text NOT NULL, metric text "
	"COLLATE \"C\" NOT NULL, since timestamptz, until timestamptz);"
	"CREATE INDEX IF NOT EXISTS hta_span_metric ON hta_span (job, sink, metric);";

/* In three parts: what stands between the first two is for tables with a retention. */
static const char *const advance[] = {
	/* one that knew of no rules */
	"DROP FUNCTION IF EXISTS hta_advance(text, text, text, text[], int[], bigint[], bigint[], "
	"bigint[], timestamptz[], text[], timestamptz[], boolean[]);"
	/* f and t are the range, from == to: only idle may change. Rows are locked in one order. */
	"CREATE OR REPLACE FUNCTION hta_advance(a_job text, a_sink text, a_gen text, a_topic "
	"text[], a_part int[], a_f bigint[], a_t bigint[], a_lo bigint[],"
	" a_lt timestamptz[], a_lh text[], a_wm timestamptz[], a_idle boolean[], a_set text "
	"DEFAULT "
	"NULL) RETURNS void "
	"LANGUAGE plpgsql AS $hta$"
	"DECLARE g text; s text; n int; fresh int; old int; x record; BEGIN"
	" SELECT generation INTO g FROM hta_job WHERE job = a_job AND sink = a_sink FOR SHARE;"
	" IF g IS DISTINCT FROM a_gen THEN RAISE EXCEPTION USING ERRCODE = 'ZHT02', MESSAGE = "
	"format('job %s has %s here, the epoch generation %s: the store was emptied,"
	" restored or started anew; start again', a_job, coalesce('generation ' || g, 'no "
	"generation'), a_gen); END IF;"
	" SELECT rule_set INTO s FROM hta_rules WHERE job = a_job AND sink = a_sink;"
	" IF s IS DISTINCT FROM a_set THEN RAISE EXCEPTION USING ERRCODE = 'ZHT02', MESSAGE = "
	"format('job %s counts by %s here, the epoch was counted by %s: another pipeline has "
	"changed the rules; start again with them', a_job, coalesce('rules ' || s, 'no rules'), "
	"coalesce('rules ' || a_set, 'no rules')); END IF;",
	/* whoever does not know of the mark would write behind it */
	" IF coalesce(current_setting('hta.retains', true), '') <> 'on' AND EXISTS (SELECT 1 FROM "
	"hta_metric m JOIN hta_retention k ON k.rollups = m.rollups WHERE m.job = a_job AND m.sink "
	"= a_sink) THEN RAISE EXCEPTION USING ERRCODE = 'ZHT02', MESSAGE = format('the rows of job "
	"%s have got a retention since this program began; start again', a_job); END IF;",
	" PERFORM 1 FROM hta_pos p, unnest(a_topic, a_part) u(topic, part) WHERE p.job = a_job AND "
	"p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part"
	"  ORDER BY p.topic, p.partition FOR UPDATE OF p;"
	" SELECT count(*), count(*) FILTER (WHERE p.next = u.f), count(*) FILTER (WHERE p.next >= "
	"u.t) INTO n, fresh, old"
	"  FROM unnest(a_topic, a_part, a_f, a_t) u(topic, part, f, t) LEFT JOIN hta_pos p ON "
	"p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part"
	"  WHERE u.t > u.f;"
	" IF fresh < n THEN"
	"  IF old = n THEN RAISE EXCEPTION USING ERRCODE = 'ZHT01', MESSAGE = 'applied already'; "
	"END IF;"
	"  SELECT u.topic AS topic, u.part AS part, u.f AS f, u.t AS t, p.next AS next INTO x FROM "
	"unnest(a_topic, a_part, a_f, a_t) u(topic, part, f, t)"
	"   LEFT JOIN hta_pos p ON p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND "
	"p.partition = u.part WHERE u.t > u.f AND p.next IS DISTINCT FROM u.f LIMIT 1;"
	"  RAISE EXCEPTION USING ERRCODE = 'ZHT02', MESSAGE = format('%s/%s stands at %s here, the "
	"epoch goes from %s to %s: another pipeline has written it, or the store"
	" was restored; start again', x.topic, x.part, coalesce(x.next::text, 'no position'), x.f, "
	"x.t); END IF;"
	" UPDATE hta_pos p SET next = u.t, last_offset = coalesce(u.lo, p.last_offset), last_time "
	"= CASE WHEN u.lo IS NULL THEN p.last_time ELSE u.lt END,"
	"  last_hash = coalesce(u.lh, p.last_hash), watermark = greatest(p.watermark, u.wm), idle "
	"= u.idle"
	"  FROM unnest(a_topic, a_part, a_f, a_t, a_lo, a_lt, a_lh, a_wm, a_idle) u(topic, part, "
	"f, t, lo, lt, lh, wm, idle)"
	"  WHERE p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part "
	"AND (u.t > u.f OR p.next = u.t);"
	"END $hta$;",
};

/* Of sinks whose rows are elsewhere. */
static const char claims[] =
	"CREATE TABLE IF NOT EXISTS hta_claim (job text NOT NULL, sink text NOT NULL, claim text "
	"NOT NULL, doc text NOT NULL, PRIMARY KEY (job, sink, claim));";

/* When a window has ended, by the job's lateness. */
#define END_LATE                                                                             \
	"r.window_end + coalesce((SELECT j.lateness FROM hta_job j WHERE j.job = m.job AND " \
	"j.sink = m.sink), '0')"

static const char rollups[] =
	"CREATE TABLE IF NOT EXISTS %1$s (metric text COLLATE \"C\" NOT NULL, window_start "
	"timestamptz NOT NULL, window_end timestamptz NOT NULL,"
	" dims_hash text COLLATE \"C\" NOT NULL, dims jsonb NOT NULL, count bigint NOT NULL, "
	"value_count bigint, sum numeric, min numeric, max numeric, uniq bigint,"
	" uniq_sketch %4$s, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (metric, "
	"window_start, window_end, dims_hash)) %6$s;"
	"CREATE OR REPLACE VIEW %3$s AS SELECT metric, window_start, window_end, dims, dims_hash, "
	"count, value_count, sum::float8 AS sum, min::float8 AS min,"
	" max::float8 AS max, (sum / nullif(value_count, 0))::float8 AS avg, uniq, updated_at FROM "
	"%1$s;"
	"CREATE OR REPLACE VIEW %2$s AS SELECT r.* FROM %1$s r LEFT JOIN hta_metric m ON m.rollups "
	"= %5$s AND m.metric = r.metric"
	" WHERE m.job IS NULL OR (r.window_start >= coalesce(m.since, '-infinity') AND (NOT EXISTS "
	"(SELECT 1 FROM hta_span s WHERE s.job = m.job AND s.sink = m.sink AND s.metric = "
	"m.metric) OR EXISTS (SELECT 1 FROM hta_span s WHERE s.job = m.job AND s.sink = m.sink AND "
	"s.metric = m.metric AND r.window_start >= coalesce(s.since, '-infinity') AND " END_LATE
	" <= coalesce(s.until, 'infinity'))) AND " END_LATE " <="
	"  (SELECT CASE WHEN bool_and(p.idle) THEN max(p.watermark) WHEN bool_or(NOT p.idle AND "
	"p.watermark IS NULL) THEN NULL"
	"    ELSE min(p.watermark) FILTER (WHERE NOT p.idle) END FROM hta_pos p WHERE p.job = "
	"m.job AND p.sink = m.sink));";

/* What there is: the table, the schema's version, the type of the sketch. */
struct found {
	bool table;
	int version;
	bool hll, hll_extension, rules, timescale;
};

/* Where a database cannot hold every text, the first event with such a one would stop a running
 * job for good: it is refused before the first record. SQL_ASCII takes bytes as they are. */
static enum sink_result check_encoding(const struct pg *p, const PGresult *res, int at,
				       struct err *err)
{
	const char *database = PQgetvalue(res, 0, at), *server = PQgetvalue(res, 0, at + 1);
	const char *client = PQgetvalue(res, 0, at + 2);

	if (strcmp(client, "UTF8") != 0)
		err_set(err, EX_CONFIG,
			"the connection's encoding is %s and not the UTF8 that was "
			"asked for: have the pooler pass client_encoding on",
			client);
	else if (!p->reads && strcmp(server, "UTF8") != 0 && strcmp(server, "SQL_ASCII") != 0)
		err_set(err, EX_CONFIG,
			"database %s has the encoding %s, which does not have every "
			"character: use one of encoding UTF8 (createdb -E UTF8 -T template0 NAME)",
			database, server);
	else
		return SINK_OK;
	return SINK_FATAL;
}

static enum sink_result foreign(struct err *err)
{
	sink_error_foreign("table hta_schema", "schema (search_path) or database", err);
	return SINK_FATAL;
}

/* The table is a temporary one (pg_temp), by --table or by search_path. */
static enum sink_result no_store(const struct pg *p, struct err *err)
{
	err_set(err, EX_USAGE,
		"%s: rows or positions would be in a temporary table, gone with this "
		"connection: name another schema",
		p->rollups);
	return SINK_FATAL;
}

static enum sink_result pg_schema_look(struct pg *p, struct found *f, struct err *err)
{
	const char *value[] = { p->table, p->final };
	PGresult *res;
	enum sink_result r = pg_query(
		p, &res, err,
		"SELECT to_regclass($1) IS NOT NULL AND to_regclass('hta_pos') IS NOT NULL, "
		"to_regclass('hta_schema') IS NOT NULL,"
		" coalesce((SELECT t.typname = 'hll' FROM pg_attribute a JOIN pg_type t ON t.oid = "
		"a.atttypid"
		"  WHERE a.attrelid = to_regclass($1) AND a.attname = 'uniq_sketch'), false),"
		" EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'hll'), current_database(),"
		" current_setting('server_encoding'), current_setting('client_encoding'),"
		" EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('hta_schema') "
		"AND attname = 'version' AND atttypid = 'integer'::regtype),"
		" EXISTS (SELECT 1 FROM pg_class WHERE oid IN (to_regclass($1), "
		"to_regclass('hta_pos')) AND relpersistence = 't'),"
		" to_regclass('hta_rules') IS NOT NULL AND ($1 = $2 OR "
		"coalesce(pg_get_viewdef(to_regclass($2)) "
		"LIKE '%hta_span%', false)),"
		" EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb')",
		2, value);
	bool ours, temporary;

	if (r != SINK_OK)
		return r;
	f->table = *PQgetvalue(res, 0, 0) == 't';
	f->version = *PQgetvalue(res, 0, 1) == 't';
	f->hll = *PQgetvalue(res, 0, 2) == 't';
	f->hll_extension = *PQgetvalue(res, 0, 3) == 't';
	ours = *PQgetvalue(res, 0, 7) == 't';
	temporary = *PQgetvalue(res, 0, 8) == 't';
	f->rules = *PQgetvalue(res, 0, 9) == 't';
	f->timescale = *PQgetvalue(res, 0, 10) == 't';
	r = check_encoding(p, res, 4, err);
	PQclear(res);
	if (r == SINK_OK && temporary)
		r = no_store(p, err);
	if (r != SINK_OK || !f->version)
		return r;
	if (!ours)
		return foreign(err);
	r = pg_query(p, &res, err, "SELECT coalesce(max(version), 0) FROM hta_schema", 0, NULL);
	if (r == SINK_OK) {
		f->version = atoi(PQgetvalue(res, 0, 0));
		PQclear(res);
	}
	return r;
}

enum sink_result pg_schema_lock(struct pg *p, struct err *err)
{
	return pg_script(p, lock, err);
}

static enum sink_result make_rollups(struct pg *p, const struct found *f, struct err *err)
{
	char *literal = PQescapeLiteral(p->c, p->rollups, strlen(p->rollups));
	char *pieces = pg_retention_pieces(p);
	char *text = mem_printf(rollups, p->table, p->final, p->numbers,
				f->hll_extension ? "hll" : "bytea", literal, pieces);
	enum sink_result r = pg_script(p, text, err);

	PQfreemem(literal);
	free(pieces);
	free(text);
	return r;
}

static enum sink_result make_what_it_holds(struct pg *p, const struct found *f, struct err *err)
{
	if (p->conf->positions_only)
		return pg_script(p, claims, err);
	return p->conf->events.on ? pg_events_make(p, err) : make_rollups(p, f, err);
}

enum sink_result pg_schema_advance(struct pg *p, bool retains, struct err *err)
{
	char *text = mem_printf("%s%s%s", advance[0], retains ? advance[1] : "", advance[2]);
	enum sink_result r = pg_script(p, text, err);

	free(text);
	return r;
}

/* Behind the lock: what was seen before may be somebody else's meanwhile. */
static enum sink_result make_advance(struct pg *p, struct err *err)
{
	PGresult *res = NULL;
	enum sink_result r = pg_query(p, &res, err,
				      "SELECT coalesce(max(version), 0) FROM hta_schema", 0, NULL);

	if (r == SINK_OK)
		r = pg_schema_advance(p, atoi(PQgetvalue(res, 0, 0)) >= PG_SCHEMA_RETENTION, err);
	PQclear(res);
	return r;
}

static enum sink_result pg_create(struct pg *p, const struct found *f, struct err *err)
{
	enum sink_result r = pg_begin(p, PG_BEGIN, err);

	if (r == SINK_OK)
		r = pg_schema_lock(p, err);
	if (r == SINK_OK)
		r = pg_script(p, common, err);
	if (r == SINK_OK)
		r = make_advance(p, err);
	if (r == SINK_OK)
		r = make_what_it_holds(p, f, err);
	if (r == SINK_OK)
		r = pg_script(p,
			      "INSERT INTO hta_schema SELECT 3 WHERE NOT EXISTS (SELECT 1 FROM "
			      "hta_schema)",
			      err);
	if (r == SINK_OK && pg_has_rows(p) && p->keep_us)
		r = pg_retention_make(p, err);
	if (r == SINK_OK)
		r = pg_script(p, "COMMIT", err);
	return pg_rollback(p, r);
}

enum sink_result pg_schema_make(struct pg *p, struct err *err)
{
	struct found f;
	enum sink_result r = pg_schema_look(p, &f, err);

	if (r == SINK_OK)
		r = pg_create(p, &f, err);
	if (r == SINK_OK)
		r = pg_schema_look(p, &f, err);
	if (r == SINK_OK)
		p->rules = f.rules;
	return r;
}

static enum sink_result check_what_it_holds(struct pg *p, struct err *err)
{
	enum sink_result r;

	if (p->conf->positions_only)
		return SINK_OK;
	if (p->conf->events.on)
		return pg_events_check(p, err);
	r = pg_retention_known(p, err);
	return r == SINK_OK ? pg_columns_known(p, err) : r;
}

enum sink_result pg_schema(struct pg *p, struct err *err)
{
	struct found f;
	enum sink_result r = pg_schema_look(p, &f, err);
	char *what;

	if (r == SINK_OK && !f.table && !f.version)
		r = pg_may_see(p, err);
	if (r == SINK_OK && p->conf->create && f.version <= PG_SCHEMA &&
	    (!f.table || f.version == 0)) {
		p->hyper |= f.timescale && pg_has_rows(p);
		pg_retention_default(p, 0);
		r = pg_create(p, &f, err);
		if (r == SINK_OK)
			r = pg_schema_look(p, &f, err);
	}
	if (r != SINK_OK)
		return r;
	p->hll = f.hll;
	p->version = f.version;
	p->rules = f.rules;
	if (f.table && f.version >= PG_SCHEMA_OLDEST && f.version <= PG_SCHEMA)
		return check_what_it_holds(p, err);
	if (f.version <= 0 && p->conf->create)
		return foreign(err);
	if (f.version > PG_SCHEMA || f.table) {
		sink_error_schema(f.version, PG_SCHEMA, "hta-sink-pg", err);
		return SINK_FATAL;
	}
	if (p->conf->positions_only) {
		sink_error_missing_positions("table hta_claim", NULL, err);
		return SINK_FATAL;
	}
	what = mem_printf("table %s", p->rollups);
	sink_error_missing(what, p->conf->events.on ? "hta-sink-pg --events" : "hta-sink-pg", NULL,
			   err);
	free(what);
	return SINK_FATAL;
}
