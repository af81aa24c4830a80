#include "drv/pg.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "drv/pg_internal.h"

/* "schema"."name" + suffix */
static char *quoted(const char *table, const char *suffix)
{
	const char *dot = strchr(table, '.'), *name = dot ? dot + 1 : table;
	struct buf b = { 0 };
	char *out;

	if (dot) {
		buf_addc(&b, '"');
		for (const char *p = table; p < dot; p++)
			buf_add(&b, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
		buf_addz(&b, "\".");
	}
	buf_addc(&b, '"');
	for (const char *p = name; *p; p++)
		buf_add(&b, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	buf_addz(&b, suffix);
	buf_addc(&b, '"');
	out = mem_dup(b.p, b.n);
	buf_fini(&b);
	return out;
}

/* A password in argv is there for everybody on the machine to read. */
static void warn_password(const char *where)
{
	char *why = NULL;
	PQconninfoOption *o = where ? PQconninfoParse(where, &why) : NULL;

	for (PQconninfoOption *x = o; x && x->keyword; x++)
		if (strcmp(x->keyword, "password") == 0 && x->val && *x->val)
			log_warn("a password on the command line is seen by everybody on this machine: use PGPASSFILE, PGPASSWORD or a service file");
	PQconninfoFree(o);
	PQfreemem(why);
}

static void *pg_open(const struct sink_conf *conf, struct err *err)
{
	struct pg *p = mem_zalloc(sizeof(*p));
	bool is_default = strcmp(conf->table, "hta_rollups") == 0;

	(void)err;
	p->conf = conf;
	p->rollups = mem_strdup(conf->table);
	p->table = quoted(conf->table, "");
	p->final = is_default ? mem_strdup("\"hta_final\"") : quoted(conf->table, "_final");
	p->numbers = is_default ? mem_strdup("\"hta_numbers\"") : quoted(conf->table, "_numbers");
	if (!conf->where_env)
		warn_password(conf->where);
	return p;
}

static void pg_disconnect(void *d)
{
	struct pg *p = d;

	PQfinish(p->c);
	p->c = NULL;
}

static void pg_close(void *d)
{
	struct pg *p = d;

	if (!p)
		return;
	pg_disconnect(p);
	free(p->rollups);
	free(p->table);
	free(p->final);
	free(p->numbers);
	free(p);
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg, (void)res;
}

/* A backend's malloc gives its memory back to the kernel behind every chunk of rows and takes it again for the next one, page by page: a seventh of the time
 * that an epoch takes there. It stops that once it has freed a block larger than what a chunk needs (mallopt(3), M_TRIM_THRESHOLD: it is dynamic). */
static const char keep_memory[] = "SELECT length(repeat(repeat('x', 4096), 4096))";

static enum sink_result pg_connect(void *d, struct err *err)
{
	struct pg *p = d;
	const char *const key[] = { "dbname", "fallback_application_name", NULL };
	const char *const value[] = { p->conf->where, log_program(), NULL };
	bool named = p->conf->where;
	enum sink_result r;

	p->c = PQconnectStartParams(key + !named, value + !named, 1);
	if (!p->c) {
		err_set(err, EX_TEMPFAIL, "out of memory");
		return SINK_RETRY;
	}
	PQsetErrorVerbosity(p->c, PQERRORS_VERBOSE);       /* the only way to a SQLSTATE of a refused login */
	PQsetNoticeReceiver(p->c, ignore_notice, NULL);
	r = pg_connected(p, err);
	if (r == SINK_OK) {
		PQsetErrorVerbosity(p->c, PQERRORS_DEFAULT);
		PQsetnonblocking(p->c, 1);
		r = pg_schema(p, err);
	}
	if (r == SINK_OK)
		r = pg_query(p, NULL, err, keep_memory, 0, NULL);
	if (r != SINK_OK)
		pg_disconnect(p);
	return r;
}

const struct sink_driver pg_driver = {
	.kind = "pg",
	.claims = true,
	.default_table = "hta_rollups",
	.open = pg_open,
	.close = pg_close,
	.connect = pg_connect,
	.disconnect = pg_disconnect,
	.metrics = pg_metrics,
	.state = pg_job_state,
	.init = pg_init,
	.apply = pg_apply,
	.put = pg_put,
	.reset = pg_reset,
};
