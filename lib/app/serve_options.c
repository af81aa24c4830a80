#include "app/serve_internal.h"
#include "read/store_options.h"

static int add_store(void *self, const char *name, const char *value, struct err *err)
{
	struct serve_conf *c = self;

	if (c->stores == SERVE_STORES)
		return err_set(err, EX_USAGE, "%d stores at most", SERVE_STORES);
	c->store[c->stores++] = (struct serve_named){
		.kind = strcmp(name, "store") == 0 ? NULL : name,
		.where = value,
	};
	return 0;
}

#define AT(member) .at = offsetof(struct serve_conf, member)
#define STORE(option, what, text)                                                               \
	{                                                                                       \
		.name = option, .type = OPT_CALL, .named = add_store, .arg = what, .help = text \
	}

const struct opt serve_opts[] = {
	HTTP_PROGRAM_LISTEN_OPT(struct serve_conf, http),
	{ .letter = 'd',
	  .name = "store",
	  .type = OPT_CALL,
	  .named = add_store,
	  .arg = "URL|FILE",
	  .help = STORES_ANY STORE_ELSE "; may repeat: what one lacks the next may have" },
	STORE("pg", "URL", "-d, and it is Postgres"),
	STORE("redis", "URL", "-d, and it is Redis"),
	STORE("sqlite", "FILE", "-d, and it is SQLite"),
	{ .name = "table",
	  .type = OPT_TEXT,
	  AT(table),
	  .arg = "NAME",
	  .help = "table of the rollups, if it is not hta_rollups" },
	{ .name = "prefix",
	  .type = OPT_TEXT,
	  AT(prefix),
	  .arg = "NAME",
	  .help = "the same for Redis: prefix of the keys, if it is not hta" },
	{ .name = "events",
	  .type = OPT_TEXT,
	  AT(events),
	  .arg = "NAME",
	  .help = "table of the events, which has to be there; default: hta_events, in ClickHouse "
		  "events_fact, if it is" },
	{ .name = "log",
	  .type = OPT_TEXT,
	  AT(log),
	  .arg = "DIR",
	  .beside = true,
	  .help = "the log of hta-ingest: events come from there where no store has a table of "
		  "them" },
	{ .name = "rules",
	  .type = OPT_TEXT,
	  AT(rules),
	  .arg = "FILE|DIR",
	  .help = "rules that hta-window follows: /aggregation-rule changes those of a DIR" },
	{ .name = "workers",
	  .type = OPT_COUNT,
	  AT(workers),
	  .arg = "N",
	  .def = "2",
	  .min = 1,
	  .max = 16,
	  .help = "queries that run at a time" },
	{ .name = "deadline",
	  .type = OPT_DURATION,
	  AT(deadline_us),
	  .arg = "DUR",
	  .def = "10s",
	  .min = 1000,
	  .max = 3600e6,
	  .help = "how long a query may take: 504 behind it" },
	{ .name = "push",
	  .type = OPT_DURATION,
	  AT(live.push_us),
	  .arg = "DUR",
	  .def = "5s",
	  .min = 100e3,
	  .max = 86400e6,
	  .help = "how often /live-stats has its rules pushed" },
	{ .name = "push-rows",
	  .type = OPT_COUNT,
	  AT(live.push_rows),
	  .arg = "N",
	  .def = "100",
	  .min = 1,
	  .max = 10000,
	  .help = "how many rows of a rule, those with the highest values" },
	{ .name = "no-introspection",
	  .type = OPT_FLAG,
	  AT(no_introspection),
	  .help = "/graphql does not tell its schema" },
	{ .name = "openapi",
	  .type = OPT_FLAG,
	  AT(openapi),
	  .help = "print the document of the endpoints (OpenAPI 3.1), and leave" },
	HTTP_PROGRAM_KEYS_OPTS(struct serve_conf, http),
	HTTP_PROGRAM_TLS_OPTS(struct serve_conf, http),
	HTTP_PROGRAM_LIMIT_OPTS(struct serve_conf, http),
	HTTP_PROGRAM_DRAIN_OPT(struct serve_conf, http),
	OPT_END,
};
