/* The sink's table, its settings, and a connection that is none: each request stands for itself,
 * libcurl keeps what it can. "Connected" says that the server was reached, took the signature and
 * has the tables. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "drv/dynamo/dynamo_internal.h"

static void tell_counts(const struct dynamo *d)
{
	if (d->duplicates)
		log_info("%llu events were there already, and stay (--if-absent)",
			 (unsigned long long)d->duplicates);
	if (d->expired)
		log_warn("%llu events had expired when they came, and were not written (--ttl)",
			 (unsigned long long)d->expired);
}

static void dynamo_close(void *self)
{
	struct dynamo *d = self;

	if (!d)
		return;
	tell_counts(d);
	dynamo_conn_fini(&d->conn);
	free(d->table);
	free(d->dead);
	free(d->days.v);
	free(d);
}

/* The table that the URL names: it stands above --table. */
static char *dynamo_place_of(const char *where)
{
	struct dynamo_place p;
	char *table;

	if (!where || dynamo_place_init(&p, where, NULL))
		return NULL;
	table = p.table;
	p.table = NULL;
	dynamo_place_fini(&p);
	return table;
}

static void *dynamo_open(const struct sink_conf *conf, struct err *err)
{
	struct dynamo *d;
	struct dynamo_place place;

	if (!conf->where) {
		err_set(err, EX_USAGE, "which table? say %sREGION/TABLE", DYNAMO_SCHEME);
		return NULL;
	}
	if (dynamo_place_init(&place, conf->where, err))
		return NULL;
	d = mem_zalloc(sizeof(*d));
	d->conf = (const struct dynamo_conf *)conf;
	d->table = mem_strdup(place.table ? place.table : conf->place);
	d->dead = mem_printf("%s_dead", d->table);
	if (dynamo_place_check(d->table, err)) {
		dynamo_place_fini(&place);
		dynamo_close(d);
		return NULL;
	}
	if (dynamo_conn_init(&d->conn, &place, conf->loop, 0, err) == 0)
		return d;
	dynamo_close(d);
	return NULL;
}

static enum sink_result dynamo_connect(void *self, struct err *err)
{
	return dynamo_tables(self, err);
}

static void dynamo_disconnect(void *self)
{
	struct dynamo *d = self;

	d->conn.throttle_told = false;
}

static int dynamo_event(void *self, const struct sink_record *record, struct sink_event *event,
			struct err *why)
{
	const struct dynamo *d = self;

	return dynamo_event_key(&d->conf->sink.events, record, event, why);
}

/* Events stay: they name no job, and read again they are the same. So do dead letters, each item
 * of which would have to be found by a look at all. */
static enum sink_result dynamo_reset(void *self, const char *job, uint64_t *rows, struct err *err)
{
	(void)self, (void)job, (void)rows, (void)err;
	return SINK_OK;
}

static int set_ttl(void *self, const char *value, struct err *err)
{
	struct dynamo_conf *conf = self;

	if (strcmp(value, "never") == 0) {
		conf->ttl_us = 0;
		return 0;
	}
	if (num_duration(value, &conf->ttl_us, err))
		return -1;
	return conf->ttl_us > 0 ? 0 : err_set(err, EX_USAGE, "must be longer than 0, or never");
}

static const struct opt dynamo_opts[] = {
	SINK_PLACE_OPT("table", "events", "table of the events, where the URL names none"),
	{ .name = "if-absent",
	  .type = OPT_FLAG,
	  .at = offsetof(struct dynamo_conf, if_absent),
	  .help = "leave an event that is there as it is, and count the other as a duplicate: an "
		  "event a request" },
	{ .name = "ttl",
	  .type = OPT_CALL,
	  .arg = "DUR|never",
	  .def = "never",
	  .call = set_ttl,
	  .help = "how long after its time an event expires" },
	SINK_EVENTS_OPT(OPT_TEXT, id, "id-path", "PATH", "event_id",
			"member that is the hash key event_id"),
	SINK_EVENTS_OPT(OPT_TEXT, type, "type-path", "PATH", "event_type", "member for event_type"),
	SINK_EVENTS_OPT(OPT_TEXT, user, "user-path", "PATH", "user_id", "member for user_id"),
	SINK_EVENTS_OPT(OPT_TEXT, source, "source-path", "PATH", "source", "member for source"),
	SINK_EVENTS_OPT(OPT_TEXT, time, "time", "PATH", "ts",
			"member that is the range key timestamp, the event time"),
	SINK_EVENTS_UNIT_OPT(""),
	OPT_END,
};

const struct sink_driver dynamo_driver = {
	.kind = "dynamodb",
	.takes = SINK_RECORDS | SINK_DEAD,
	.dead_stay = true,
	.delivery = SINK_NAMED,
	.events_only = true,
	.events_place = "events",
	.event_key = dynamo_event,
	.place_of = dynamo_place_of,
	.opts = dynamo_opts,
	.conf_bytes = sizeof(struct dynamo_conf),
	.open = dynamo_open,
	.close = dynamo_close,
	.connect = dynamo_connect,
	.disconnect = dynamo_disconnect,
	.write = dynamo_write,
	.reset = dynamo_reset,
	.put = dynamo_put,
	.probe = dynamo_probe,
};
