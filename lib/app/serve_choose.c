#include "app/serve_internal.h"

/* Who asked has been told that it is too late when the store gives up. */
enum { BEYOND_US = 500000 };

/* "Postgres", the second one "Postgres 2". */
static void name_store(struct serve_source *source, struct serve_store *s, const char *kind)
{
	unsigned n = 1;

	for (const struct serve_store *before = source->store; before < s; before++)
		n += before->driver == s->driver;
	buf_addz(&s->name, kind);
	if (n > 1)
		buf_printf(&s->name, " %u", n);
}

/* --table is for tables and --prefix for keys; a lone store takes either. */
static const char *place_of(const struct serve_conf *conf, bool in_memory)
{
	const char *own = in_memory ? conf->prefix : conf->table;
	const char *other = in_memory ? conf->table : conf->prefix;

	return own || conf->stores > 1 ? own : other;
}

static int take_store(const struct serve_conf *conf, const struct read_kind *k,
		      struct serve_source *source, struct err *err)
{
	struct serve_store *s = &source->store[source->n];

	s->conf.place = place_of(conf, k->in_memory);
	s->conf.read_for_us = conf->deadline_us + BEYOND_US;
	s->driver = read_kind_driver(k, "hta-serve", &s->conf, err);
	if (!s->driver)
		return -1;
	s->in_memory = k->in_memory;
	s->takes = k->sink ? k->sink->takes : 0;
	s->events = s->conf;
	s->events.place = conf->events || !s->driver->events ? conf->events
							     : s->driver->events->default_table;
	s->events.events.on = true;
	name_store(source, s, k->name);
	source->n++;
	return 0;
}

static const struct read_kind *kind_of(const struct serve_named *named,
				       const struct read_stores *stores, struct err *err)
{
	const struct read_kind *meant = read_stores_kind(stores, named->where), *k = meant;

	if (named->kind)
		k = read_stores_named(stores, named->kind);
	/* what no other kind claims is the last one's: a file */
	if (k != meant && meant != &stores->kind[stores->n - 1]) {
		err_set(err, EX_USAGE, "--%s: this is %s: give it with -d", named->kind,
			meant->name);
		return NULL;
	}
	return k;
}

int serve_choose_stores(const struct serve_conf *conf, const struct read_stores *stores,
			struct serve_source *source, struct err *err)
{
	const struct read_kind *k;

	source->log = conf->log;
	for (size_t i = 0; i < conf->stores; i++) {
		source->store[i].conf.where = conf->store[i].where;
		source->store[i].conf.stores = stores;
		k = kind_of(&conf->store[i], stores, err);
		if (!k || take_store(conf, k, source, err))
			return -1;
	}
	if (conf->stores)
		return 0;
	k = read_stores_unnamed(stores, &source->store[0].conf, err);
	if (k)
		return take_store(conf, k, source, err);
	if (!conf->log)
		return -1;
	err_clear(err); /* the log alone: events, and no rows */
	return 0;
}

void serve_source_fini(struct serve_source *source)
{
	for (size_t i = 0; i < source->n; i++)
		buf_fini(&source->store[i].name);
}

/* Whoever names the table of events wants it. */
int serve_check_events(const struct serve_conf *conf, const struct serve_source *source,
		       struct err *err)
{
	const struct events_driver *driver;
	struct serve_reader *reader;
	void *d;
	int rc;

	if (!conf->events)
		return 0;
	reader = serve_reader_new(source);
	if (!reader)
		return err_errno(err, EX_TEMPFAIL, "--events");
	rc = serve_reader_events(reader, &driver, &d, err);
	serve_reader_free(reader);
	if (rc && err->code == EX_USAGE)
		return err_set(err, EX_CONFIG,
			       "--events: this store keeps none: name one of hta-sink-pg --events "
			       "or hta-sink-sqlite --events");
	return rc ? err_in(err, "--events") : 0;
}
