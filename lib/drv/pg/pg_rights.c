/* What a sink's role has to be allowed, asked before anything is written: a right that is missing
 * is told at the start, with the GRANT that gives it, and not by the first dead letter of a night.
 *
 *   rows   what every stream needs of the table and of hta_metric
 *   job    what an acknowledged one needs besides
 *
 * A job deletes where rows are kept for a time only; a plain stream holds the mark (FOR SHARE
 * needs UPDATE), a dry run reads it. --reset is asked by nothing but itself. Readers, alerts and
 * letters touch what they need at once. A schema that may not be used hides its tables: to the
 * server they are not there. */
#include <string.h>

#include "drv/pg/pg_internal.h"

/* $1 the table, $2 what is needed of it, $3 a job's, $4 its claims, $5 what is needed of
 * hta_retention, "": nothing. */
static const char lacks[] =
	"SELECT string_agg(x.may, ', ' ORDER BY x.n) || ' ON ' || x.name,"
	" quote_ident(current_user)"
	" FROM (SELECT t.name, m.may, m.n FROM (VALUES ($1, $2),"
	"  ('hta_metric', 'SELECT,INSERT'),"
	"  (CASE $3 WHEN 'job' THEN 'hta_job' END, 'SELECT,INSERT,UPDATE'),"
	"  (CASE $3 WHEN 'job' THEN 'hta_pos' END, 'SELECT,INSERT,UPDATE'),"
	"  (CASE $3 WHEN 'job' THEN 'hta_dead' END, 'INSERT'),"
	"  (CASE $3 WHEN 'job' THEN 'hta_rules' END, 'SELECT'),"
	"  (CASE $4 WHEN 'claims' THEN 'hta_claim' END, 'SELECT,INSERT,DELETE'),"
	"  (CASE WHEN $5 <> '' THEN 'hta_retention' END, $5)) t(name, rights),"
	"  unnest(string_to_array(t.rights, ',')) WITH ORDINALITY m(may, n)"
	"  WHERE to_regclass(t.name) IS NOT NULL AND NOT has_table_privilege(t.name, m.may)) x"
	" GROUP BY x.name"
	" UNION ALL SELECT 'EXECUTE ON FUNCTION hta_advance', quote_ident(current_user)"
	"  FROM pg_proc WHERE $3 = 'job' AND proname = 'hta_advance' AND"
	"  pg_function_is_visible(oid) AND NOT has_function_privilege(oid, 'EXECUTE')"
	" ORDER BY 1 LIMIT 1";

static const char hidden[] =
	"SELECT quote_ident(n.nspname), quote_ident(current_user) FROM pg_class c JOIN"
	" pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'hta_schema' AND NOT"
	" has_schema_privilege(n.oid, 'USAGE') AND (n.nspname = current_user OR"
	" position(quote_ident(n.nspname) IN current_setting('search_path')) > 0) LIMIT 1";

static const char *wanted_of_table(const struct pg *p, bool job)
{
	if (p->conf->dry_run)
		return "SELECT";
	if (job && p->kept.on && !p->kept.chunks)
		return "SELECT,INSERT,UPDATE,DELETE";
	return job && pg_has_rows(p) ? "SELECT,INSERT,UPDATE" : "SELECT,INSERT";
}

static const char *wanted_of_retention(const struct pg *p)
{
	if (!p->kept.on)
		return "";
	return p->conf->dry_run ? "SELECT" : "SELECT,UPDATE";
}

enum sink_result pg_may(struct pg *p, bool job, struct err *err)
{
	bool claims = p->conf->positions_only, *asked = job ? &p->may_job : &p->may_rows;
	const char *value[] = { claims ? "hta_metric" : p->table, wanted_of_table(p, job),
				job ? "job" : "", claims ? "claims" : "", wanted_of_retention(p) };
	PGresult *res;
	enum sink_result r = *asked ? SINK_OK : pg_query(p, &res, err, lacks, 5, value);

	if (r != SINK_OK || *asked)
		return r;
	*asked = PQntuples(res) == 0;
	if (!*asked) {
		err_set(err, EX_CONFIG, "role %s lacks a right: GRANT %s TO %s",
			PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
		r = SINK_FATAL;
	}
	PQclear(res);
	return r;
}

enum sink_result pg_may_see(struct pg *p, struct err *err)
{
	PGresult *res;
	enum sink_result r = pg_query(p, &res, err, hidden, 0, NULL);

	if (r != SINK_OK)
		return r;
	if (PQntuples(res)) {
		err_set(err, EX_CONFIG,
			"role %s may not use the schema of the tables: GRANT USAGE ON SCHEMA %s TO "
			"%s",
			PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
		r = SINK_FATAL;
	}
	PQclear(res);
	return r;
}
