/* Opening, closing, and the driver's tables of functions. Names of tables are quoted here, once,
 * and are spliced into statements as they are; a name that Postgres would cut is refused, as it
 * cuts without an error, and the names of the views, which end in a suffix, would meet. Nothing is
 * sent before pg_connect: what is wrong on the command line is told without a server. */
#include "drv/pg/pg.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"

enum { MOST_DAYS = 3650 };

char *pg_quoted(const char *table, const char *suffix)
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

/* Postgres cuts longer names without an error, and the names of the views would meet. */
static int check_table(const char *table, bool events, struct err *err)
{
	enum { MOST_BYTES = 63, SUFFIX_BYTES = sizeof("_numbers") - 1 };
	const char *dot = strchr(table, '.'), *name = dot ? dot + 1 : table;
	size_t schema = dot ? (size_t)(dot - table) : 0, n = strlen(name);

	if (dot && (schema == 0 || schema > MOST_BYTES))
		return err_set(err, EX_USAGE,
			       "--table %s: the schema has %zu bytes, it must have 1 to %d", table,
			       schema, MOST_BYTES);
	if (n > MOST_BYTES - SUFFIX_BYTES)
		return err_set(
			err, EX_USAGE,
			"--table %s: the name has %zu bytes, at most %d are "
			"possible: Postgres cuts names at %d, and one of its views is NAME_numbers",
			table, n, MOST_BYTES - SUFFIX_BYTES, MOST_BYTES);
	return sink_check_table(name, events, err);
}

/* A password in argv is there for everybody on the machine to read. */
static void warn_password(const char *where)
{
	char *why = NULL;
	PQconninfoOption *o = where ? PQconninfoParse(where, &why) : NULL;

	for (PQconninfoOption *x = o; x && x->keyword; x++)
		if (strcmp(x->keyword, "password") == 0 && x->val && *x->val)
			log_warn("a password on the command line is seen by everybody on this "
				 "machine: use PGPASSFILE, PGPASSWORD or a service file");
	PQconninfoFree(o);
	PQfreemem(why);
}

struct pg *pg_new(const struct sink_conf *conf, struct err *err)
{
	bool is_default = strcmp(conf->place, "hta_rollups") == 0;
	struct pg *p;

	if (!conf->positions_only && check_table(conf->place, conf->events.on, err))
		return NULL;
	p = mem_zalloc(sizeof(*p));
	p->conf = conf;
	p->rollups = mem_strdup(conf->place);
	p->table = conf->positions_only ? mem_strdup("hta_claim") : pg_quoted(conf->place, "");
	p->final = conf->positions_only ? mem_strdup(p->table)
		   : is_default         ? mem_strdup("\"hta_final\"")
					: pg_quoted(conf->place, "_final");
	p->numbers = is_default ? mem_strdup("\"hta_numbers\"")
				: pg_quoted(conf->place, "_numbers");
	p->kept.before_us = POS_NONE;
	if (!conf->where_env)
		warn_password(conf->where);
	return p;
}

/* Of a sink. */
struct pg_conf {
	struct sink_conf sink;
	int64_t keep_us;
	bool timescale;
};

static int check_retention(const struct pg_conf *conf, struct err *err)
{
	enum { MOST_BYTES = 53 }; /* of the table: its partitions are NAME_p20261231 */
	const char *dot = strchr(conf->sink.place, '.'), *name = dot ? dot + 1 : conf->sink.place;

	const char *which = conf->keep_us ? "retention" : "timescale";

	if (conf->sink.events.on)
		return err_set(err, EX_USAGE, "--%s is for rows, not for --events", which);
	if (!conf->sink.create)
		return err_set(err, EX_USAGE, "--%s is kept in the store, and set with --init",
			       which);
	if (strlen(name) > MOST_BYTES)
		return err_set(err, EX_USAGE,
			       "--table %s: with --retention a name has at most %d bytes, this "
			       "one has %zu",
			       conf->sink.place, MOST_BYTES, strlen(name));
	return 0;
}

static void *pg_open(const struct sink_conf *conf, struct err *err)
{
	const struct pg_conf *own = (const struct pg_conf *)conf;
	bool keeps = !conf->positions_only && (own->keep_us || own->timescale);
	struct pg *p;

	if (keeps && check_retention(own, err))
		return NULL;
	p = pg_new(conf, err);
	if (p && keeps) {
		p->keep_us = own->keep_us;
		p->hyper = p->timescale = own->timescale;
	}
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
	pg_retention_fini(&p->kept);
	free(p);
}

/* A backend's malloc gives its memory back to the kernel behind every chunk of rows and takes it
 * again for the next one, page by page: a seventh of the time that an epoch takes there. It
 * stops that once it has freed a block larger than what a chunk needs (mallopt(3),
 * M_TRIM_THRESHOLD: it is dynamic). */
static const char keep_memory[] = "SELECT length(repeat(repeat('x', 4096), 4096))";

static enum sink_result pg_connect(void *d, struct err *err)
{
	struct pg *p = d;
	enum sink_result r = pg_establish(p, err);

	if (r == SINK_OK) {
		pg_warn_plain(p);
		r = pg_schema(p, err);
	}
	if (r == SINK_OK && p->conf->create && !p->views_made && pg_has_rows(p)) {
		r = pg_views_all(p, err);
		p->views_made = r == SINK_OK;
	}
	if (r == SINK_OK)
		r = pg_query(p, NULL, err, keep_memory, 0, NULL);
	if (r != SINK_OK)
		pg_disconnect(p);
	return r;
}

static int set_retention(void *self, const char *value, struct err *err)
{
	struct pg_conf *conf = self;

	conf->keep_us = PG_KEEP_EVER;
	if (strcmp(value, "never") == 0)
		return 0;
	if (num_duration(value, &conf->keep_us, err))
		return -1;
	return conf->keep_us >= 86400 * TM_S && conf->keep_us <= MOST_DAYS * 86400 * TM_S
		       ? 0
		       : err_set(err, EX_USAGE, "must be 1d to %dd, or never", (int)MOST_DAYS);
}

static const struct opt pg_opts[] = {
	SINK_PLACE_OPT("table", "hta_rollups", "table of the rollups, or of the events"),
	{ .name = "retention",
	  .type = OPT_CALL,
	  .arg = "DUR|never",
	  .call = set_retention,
	  .help = "with --init: how long after their end windows are kept, in daily partitions" },
	{ .name = "timescale",
	  .type = OPT_FLAG,
	  .at = offsetof(struct pg_conf, timescale),
	  .help = "with --init: make the table a hypertable of TimescaleDB, and the extension "
		  "where it is missing" },
	SINK_EVENTS_OPTS,
	OPT_END,
};

static const struct position_keeper pg_keeper = {
	.load = pg_load,
	.init = pg_init,
	.change = pg_change,
	.lateness = pg_lateness,
	.store = pg_store,
	.drop = pg_drop,
};

const struct sink_driver pg_driver = {
	.kind = "pg",
	.takes = SINK_ROWS | SINK_DEAD | SINK_SKETCHES,
	.events_place = "hta_events",
	.delivery = SINK_TX,
	.opts = pg_opts,
	.conf_bytes = sizeof(struct pg_conf),
	.open = pg_open,
	.close = pg_close,
	.connect = pg_connect,
	.disconnect = pg_disconnect,
	.metrics = pg_metrics,
	.metrics_add = pg_metrics_add,
	.keeper = &pg_keeper,
	.put = pg_put,
	.probe = pg_probe,
};
