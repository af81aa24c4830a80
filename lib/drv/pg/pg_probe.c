#include "drv/pg/pg_internal.h"

#include <string.h>

static const char server[] =
	"SELECT current_setting('server_version'), current_setting('synchronous_commit'),"
	" pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',"
	" current_user, current_database()";

/* What a sink does with its tables, as far as this role may not. */
static const char rights[] =
	"SELECT string_agg(may.privilege, ', ' ORDER BY may.privilege), t.name"
	" FROM unnest(ARRAY[$1, 'hta_job', 'hta_pos', 'hta_metric', 'hta_dead', $2]) t(name),"
	" unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) may(privilege)"
	" WHERE NOT has_table_privilege(t.name, may.privilege) GROUP BY t.name ORDER BY t.name";

static void say_server(const PGresult *res, const struct probe *probe)
{
	const char *commit = PQgetvalue(res, 0, 1);

	probe_say(probe, PROBE_GOOD, "version %s, database %s, role %s: the schema is there",
		  PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 4), PQgetvalue(res, 0, 3));
	if (*PQgetvalue(res, 0, 2) == 't')
		probe_say(probe, PROBE_BAD,
			  "transactions are read-only here: name the primary server, or ALTER ROLE "
			  "%s SET default_transaction_read_only = off",
			  PQgetvalue(res, 0, 3));
	if (strcmp(commit, "off") == 0)
		probe_say(probe, PROBE_WARNING,
			  "synchronous_commit is off: a crash of the server loses epochs that were "
			  "acknowledged, and reads them again; ALTER ROLE %s SET "
			  "synchronous_commit = on",
			  PQgetvalue(res, 0, 3));
}

enum sink_result pg_probe(void *d, const struct probe *probe, struct err *err)
{
	struct pg *p = d;
	const char *table[] = { p->table, p->kept.on ? "hta_retention" : NULL };
	PGresult *res, *lacks = NULL;
	enum sink_result r = pg_query(p, &res, err, server, 0, NULL);

	if (r != SINK_OK)
		return r;
	say_server(res, probe);
	r = pg_query(p, &lacks, err, rights, 2, table);
	for (int i = 0; r == SINK_OK && i < PQntuples(lacks); i++)
		probe_say(probe, PROBE_BAD, "role %s lacks rights: GRANT %s ON %s TO %s",
			  PQgetvalue(res, 0, 3), PQgetvalue(lacks, i, 0), PQgetvalue(lacks, i, 1),
			  PQgetvalue(res, 0, 3));
	PQclear(res);
	PQclear(lacks);
	return r;
}
