/* The stores of a sink: the one of its rows, and the one of its positions, which is the same for
 * SINK_TX. Every call goes through sink_try, which connects what is not connected:
 *
 *   connect --ok--> call --OK, APPLIED, CONFLICT--> the caller decides
 *      |              |
 *      +---RETRY------+--> disconnect both, wait, from the beginning; after --retry-for 69
 *      +---FATAL------+--> the driver's code
 *
 * A call may itself be several of a driver's (load, write, store): it is repeated as a whole. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "sink/sink_internal.h"

enum { NAME_MAX_BYTES = 255 }; /* part of stores' keys, as names of jobs and topics are */

void sink_stores_init(struct sink *s)
{
	const struct sink_program *p = s->program;

	s->store.driver = p->driver;
	s->store.conf = mem_zalloc(p->driver->conf_bytes);
	s->store.conf->events.on = p->driver->events_only;
	s->positions = p->driver->keeper ? &s->store : &s->second;
}

void sink_stores_fini(struct sink *s)
{
	free(s->store.conf);
	free(s->own_place);
	free(s->second.conf);
}

static int open_store(struct sink *s, struct sink_store *store, struct loop *loop, struct err *err)
{
	store->conf->name = s->name;
	store->conf->create = s->create;
	store->conf->retry_for_us = s->retry_for_us;
	store->conf->loop = loop;
	store->conf->registry = s->program->registry;
	store->d = store->driver->open(store->conf, err);
	return store->d ? 0 : -1;
}

/* A shard is named with its number and theirs: one of another division is another sink. */
static char *name_of(const struct sink *s, const char *place)
{
	char *name = s->given_name ? mem_strdup(s->given_name)
				   : mem_printf("%s:%s", s->store.driver->kind, place),
	     *all;

	if (!s->shards)
		return name;
	all = mem_printf("%s:%u/%u", name, s->shard, s->shards);
	free(name);
	return all;
}

int sink_open(struct sink *s, struct loop *loop, struct err *err)
{
	struct sink_conf *conf = s->store.conf;

	if (conf->events.on && !s->store.driver->events_only && !prog_given("table"))
		conf->place = s->store.driver->events_place;
	if (s->store.driver->place_of)
		s->own_place = s->store.driver->place_of(conf->where);
	if (s->own_place)
		conf->place = s->own_place;
	if (s->program->needs_where && !conf->where)
		return err_set(err, EX_USAGE, "which file? %s %s", s->program->name,
			       s->program->synopsis);
	if (s->shards && conf->events.on)
		return err_set(err, EX_USAGE, "--shard is for rows, not for --events");
	s->name = name_of(s, conf->place);
	if (s->shards && s->store.driver->shard_in_place)
		conf->place = s->own_place = mem_printf("%s:%u", conf->place, s->shard);
	if (strlen(s->name) > NAME_MAX_BYTES || !str_utf8(s->name, strlen(s->name)))
		return err_set(err, EX_USAGE,
			       "--name: a sink's name is UTF-8 and has at most %d "
			       "bytes, this one has %zu",
			       NAME_MAX_BYTES, strlen(s->name));
	s->loop = loop;
	conf->dry_run = s->dry_run;
	return open_store(s, &s->store, loop, err);
}

int sink_positions_open(struct sink *s, struct err *err)
{
	const char *env = getenv("HTA_POSITIONS"), *where = s->positions_where ? s->positions_where
							    : env && *env      ? env
									       : NULL;
	struct opt_group own;

	if (s->positions == &s->store)
		return 0;
	if (!where)
		return err_set(err, EX_USAGE,
			       "where shall its positions stand? give --positions FILE, "
			       "postgres://.. or redis://..; %s has no transaction for them",
			       s->store.driver->kind);
	s->second.driver = s->program->positions(where, err);
	if (!s->second.driver)
		return -1;
	s->second.conf = mem_zalloc(s->second.driver->conf_bytes);
	own = (struct opt_group){ .table = s->second.driver->opts, .self = s->second.conf };
	if (opt_defaults(&own, 1, err))
		return -1;
	s->second.conf->where = where;
	s->second.conf->where_env = !s->positions_where;
	s->second.conf->positions_only = true;
	s->second.conf->place = s->name;
	return open_store(s, &s->second, s->loop, err);
}

static void close_store(struct sink_store *store)
{
	if (store->d)
		store->driver->close(store->d);
	store->d = NULL;
	store->connected = false;
}

void sink_close(struct sink *s)
{
	close_store(&s->store);
	close_store(&s->second);
}

static enum sink_result connect_store(struct sink_store *store, struct err *err)
{
	enum sink_result r = !store->d || store->connected ? SINK_OK
							   : store->driver->connect(store->d, err);

	store->connected = store->d && r == SINK_OK;
	return r;
}

static void disconnect_store(struct sink_store *store)
{
	if (store->d)
		store->driver->disconnect(store->d);
	store->connected = false;
}

static enum sink_result try_once(struct sink *s, sink_call *call, void *arg, struct err *err)
{
	enum sink_result r = connect_store(&s->store, err);

	if (r == SINK_OK)
		r = connect_store(&s->second, err);
	return r == SINK_OK ? call(s, arg, err) : r;
}

int sink_try(struct sink *s, struct stage *st, sink_call *call, void *arg, enum sink_result *result,
	     struct err *err)
{
	struct err why;

	for (;;) {
		int64_t started = tm_mono_us();

		err_clear(&why);
		*result = try_once(s, call, arg, &why);
		if (st)
			counters_add(stage_counters(st), COUNTER_STORE_US,
				     (uint64_t)(tm_mono_us() - started));
		if (*result == SINK_FATAL)
			return err_copy(err, &why);
		if (*result != SINK_RETRY) {
			retry_done(&s->retry, s->name);
			err_copy(err, &why);
			return 0;
		}
		disconnect_store(&s->store);
		disconnect_store(&s->second);
		if (st)
			counters_add(stage_counters(st), COUNTER_RETRIES, 1);
		if (retry_wait(&s->retry, s->loop, s->name, s->retry_for_us, &why, err))
			return -1;
	}
}

/* ---- the calls */

enum sink_delivery sink_delivery(const struct sink *s)
{
	enum sink_delivery d = s->store.driver->delivery;

	return d == SINK_CLAIMED && s->events ? SINK_NAMED : d;
}

enum sink_result sink_load(const struct sink *s, const char *job, const char *group,
			   struct keeper_doc *doc, struct err *err)
{
	const struct sink_store *k = s->positions;
	enum sink_result r = k->driver->keeper->load(k->d, job, doc, err);
	const char *stored = doc->group ? doc->group : "";

	if (r != SINK_OK || !doc->gen[0])
		return r;
	if (strcmp(stored, group ? group : "") == 0)
		return sink_claims_settle(s, job, doc, err);
	sink_error_group(job, stored, group, err);
	return SINK_FATAL;
}

/* What the batch holds, for a store that keeps no positions with it. */
static enum sink_result write_named(const struct sink *s, struct sink_batch *batch,
				    struct sink_counts *counts, struct err *err)
{
	const struct sink_store *k = s->positions;
	char name[BATCH_NAME_CHARS + 1];
	struct keeper_doc doc = { .gen = "" };
	enum sink_result r = k->driver->keeper->load(k->d, batch->job, &doc, err);

	batch_name(batch, s->name, name);
	batch->name = name;
	if (r == SINK_OK)
		r = cas_check(batch, doc.gen, doc.set, &doc.pos, err);
	if (r == SINK_OK)
		r = s->store.driver->write(s->store.d, batch, counts, err);
	batch->name = NULL;
	keeper_doc_fini(&doc);
	return r;
}

enum sink_result sink_apply(struct sink *s, const struct sink_batch *whole,
			    struct sink_counts *counts, struct err *err)
{
	const struct sink_store *k = s->positions;
	struct sink_batch batch = *whole;
	enum sink_result r = SINK_OK;

	if (sink_delivery(s) == SINK_CLAIMED)
		return sink_apply_claimed(s, whole, counts, err);
	if (sink_delivery(s) == SINK_NAMED) {
		r = write_named(s, &batch, counts, err);
		batch.rows = batch.records = batch.n_dead = 0;
	}
	return r == SINK_OK ? k->driver->keeper->store(k->d, &batch, counts, err) : r;
}
