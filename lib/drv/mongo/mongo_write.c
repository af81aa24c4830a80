/* Batches: unordered upserts, some thousand documents a request. Each of them changes nothing where
 * its _id is there, so whatever was written before is written again after any doubt, and a letter
 * keeps the marks of hta-dlq.
 *
 * Where a server refuses documents of a request:
 *
 *   E11000               another pipeline wrote the same key at the same moment: once more, then
 *                        in halves; alone and twice, it is an index of somebody else's: 78
 *   a form that it does  the request is halved until the document is alone; then the event's
 *   not take             members are left out, and its text is stored (FerretDB: arrays in arrays)
 *   all else             mongo_error.c
 *
 * Which of the documents it was is said by their places in a request, but not by every server. */
#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/mongo/mongo_internal.h"

enum { CHUNK_RECORDS = 5000, FERRET_RECORDS = 16, CHUNK_BYTES = 8 << 20 };

struct chunk {
	struct mongo *m;
	const struct sink_batch *batch;
	int64_t now_us;
	/* reused for each document */
	bson_t key, doc, set, upsert;
};

static mongoc_bulk_operation_t *bulk_new(mongoc_collection_t *c)
{
	bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false));
	mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(c, opts);

	bson_destroy(opts);
	return bulk;
}

/* {upsert: true, validate: false}: what we send is ours. */
static void chunk_init(struct chunk *c, struct mongo *m, const struct sink_batch *batch)
{
	c->m = m;
	c->batch = batch;
	c->now_us = tm_now_us();
	bson_init(&c->key);
	bson_init(&c->doc);
	bson_init(&c->set);
	bson_init(&c->upsert);
	bson_append_bool(&c->upsert, "upsert", -1, true);
	bson_append_bool(&c->upsert, "validate", -1, false);
}

static void chunk_fini(struct chunk *c)
{
	bson_destroy(&c->key);
	bson_destroy(&c->doc);
	bson_destroy(&c->set);
	bson_destroy(&c->upsert);
}

/* The document in c->doc, under the key in c->key. */
static void add_upsert(struct chunk *c, mongoc_bulk_operation_t *bulk, bool replace)
{
	bson_error_t why;
	bool good;

	if (replace) {
		good = mongoc_bulk_operation_replace_one_with_opts(bulk, &c->key, &c->doc,
								   &c->upsert, &why);
	} else {
		bson_reinit(&c->set);
		bson_append_document(&c->set, "$setOnInsert", 12, &c->doc);
		good = mongoc_bulk_operation_update_one_with_opts(bulk, &c->key, &c->set,
								  &c->upsert, &why);
	}
	if (!good)
		BUG("libmongoc takes no upsert of ours: %s", why.message);
}

/* A record that no document can hold is a dead letter, without its text. */
static void add_too_long(struct chunk *c, mongoc_bulk_operation_t *bulk,
			 const struct sink_record *r)
{
	const char *job = c->batch->job ? c->batch->job : "", *sink = c->m->conf->name;
	const struct sink_dead dead = {
		.stage = slice_z("hta-sink-mongo"),
		.topic = r->topic,
		.why = slice_z("the record is too long for a document of MongoDB"),
		.record = r->line,
		.size = r->line.n,
		.partition = r->partition,
		.offset = r->offset,
	};

	bson_reinit(&c->key);
	bson_reinit(&c->doc);
	mongo_dead_key(&c->key, &dead, job, sink);
	mongo_dead_append(&c->doc, &dead, job, sink, c->now_us);
	add_upsert(c, bulk, false);
}

static void add_record(struct chunk *c, mongoc_bulk_operation_t *bulk, const struct sink_record *r,
		       bool members)
{
	bson_reinit(&c->key);
	bson_reinit(&c->doc);
	mongo_event_key(&c->key, r, c->m->conf->events.key != NULL);
	mongo_event_append(c->m, &c->doc, r, members, c->now_us);
	add_upsert(c, bulk, c->batch->replace);
}

/* How many records from `at` on one request takes: as long as they fit a document, or one that
 * does not. */
static size_t count_records(const struct chunk *c, size_t at)
{
	size_t most = c->m->ferret ? FERRET_RECORDS : CHUNK_RECORDS, bytes = 0, n = 0;

	while (at + n < c->batch->records && n < most && bytes < CHUNK_BYTES) {
		size_t length = c->batch->record[at + n].line.n;

		if (length > MONGO_LINE_MAX && n)
			break;
		n++;
		if (length > MONGO_LINE_MAX)
			break;
		bytes += length;
	}
	return n;
}

/* What of a request was refused. */
enum refused { REFUSED_NOTHING, REFUSED_KEYS, REFUSED_FORM, REFUSED_ELSE };

static enum refused what_was_refused(const bson_t *reply)
{
	bson_iter_t it, each, field;
	enum refused all = REFUSED_NOTHING;

	if (!bson_iter_init_find(&it, reply, "writeErrors") || !bson_iter_recurse(&it, &each))
		return REFUSED_NOTHING;
	while (bson_iter_next(&each)) {
		enum refused one = REFUSED_ELSE;
		int64_t code = 0;

		if (bson_iter_recurse(&each, &field) && bson_iter_find(&field, "code"))
			code = bson_iter_as_int64(&field);
		if (code == MONGOC_ERROR_DUPLICATE_KEY)
			one = REFUSED_KEYS;
		else if (mongo_error_is_form(code))
			one = REFUSED_FORM;
		all = one > all ? one : all;
	}
	return all;
}

static enum sink_result run_bulk(struct chunk *c, mongoc_bulk_operation_t *bulk,
				 enum refused *refused, struct err *err)
{
	bson_t reply;
	bson_error_t why;
	enum sink_result r = SINK_OK;

	*refused = REFUSED_NOTHING;
	if (!mongoc_bulk_operation_execute(bulk, &reply, &why)) {
		r = mongo_write_failed(c->m, &reply, &why, err);
		if (!c->m->stopped.code)
			*refused = what_was_refused(&reply);
	}
	bson_destroy(&reply);
	mongoc_bulk_operation_destroy(bulk);
	return r;
}

static enum sink_result send_records(struct chunk *c, size_t at, size_t n, bool members,
				     enum refused *refused, struct err *err)
{
	mongoc_bulk_operation_t *bulk = bulk_new(c->m->events);

	for (size_t i = 0; i < n; i++)
		add_record(c, bulk, &c->batch->record[at + i], members);
	return run_bulk(c, bulk, refused, err);
}

/* Of what is refused by its key a second time the halves are tried, too: a server may end a request
 * at the first key that another pipeline has just written. Recursion ends, each half is shorter. */
static enum sink_result write_records(struct chunk *c, size_t at, size_t n, struct err *err)
{
	enum refused refused;
	enum sink_result r = send_records(c, at, n, true, &refused, err);

	if (refused == REFUSED_KEYS)
		r = send_records(c, at, n, true, &refused, err);
	if (refused != REFUSED_FORM && refused != REFUSED_KEYS)
		return r;
	if (n == 1)
		return refused == REFUSED_KEYS ? r : send_records(c, at, n, false, &refused, err);
	r = write_records(c, at, n / 2, err);
	return r == SINK_OK ? write_records(c, at + n / 2, n - n / 2, err) : r;
}

static enum sink_result write_too_long(struct chunk *c, size_t at, struct err *err)
{
	mongoc_bulk_operation_t *bulk = bulk_new(c->m->dead);
	enum refused refused;

	add_too_long(c, bulk, &c->batch->record[at]);
	return run_bulk(c, bulk, &refused, err);
}

static enum sink_result write_events(struct mongo *m, const struct sink_batch *batch,
				     struct err *err)
{
	enum sink_result r = SINK_OK;
	struct chunk c;

	chunk_init(&c, m, batch);
	for (size_t at = 0, n; at < batch->records && r == SINK_OK; at += n) {
		n = count_records(&c, at);
		crash_at(CRASH_SINK_INSIDE);
		r = batch->record[at].line.n > MONGO_LINE_MAX ? write_too_long(&c, at, err)
							      : write_records(&c, at, n, err);
	}
	chunk_fini(&c);
	return r;
}

static enum sink_result send_dead(struct chunk *c, size_t at, size_t n, struct err *err)
{
	const struct sink_batch *batch = c->batch;
	const char *sink = c->m->conf->name;
	mongoc_bulk_operation_t *bulk = bulk_new(c->m->dead);
	enum refused refused;

	for (size_t i = at; i < at + n; i++) {
		bson_reinit(&c->key);
		bson_reinit(&c->doc);
		mongo_dead_key(&c->key, &batch->dead[i], batch->job, sink);
		mongo_dead_append(&c->doc, &batch->dead[i], batch->job, sink, c->now_us);
		add_upsert(c, bulk, false);
	}
	return run_bulk(c, bulk, &refused, err);
}

static enum sink_result write_dead(struct mongo *m, const struct sink_batch *batch, struct err *err)
{
	enum sink_result r = SINK_OK;
	struct chunk c;

	chunk_init(&c, m, batch);
	for (size_t at = 0; at < batch->n_dead && r == SINK_OK; at += FERRET_RECORDS) {
		size_t left = batch->n_dead - at;

		r = send_dead(&c, at, left < FERRET_RECORDS ? left : FERRET_RECORDS, err);
	}
	chunk_fini(&c);
	return r;
}

enum sink_result mongo_write(void *d, const struct sink_batch *batch, struct sink_counts *counts,
			     struct err *err)
{
	enum sink_result r = batch->n_dead ? write_dead(d, batch, err) : SINK_OK;

	(void)counts;
	if (r == SINK_OK)
		r = write_events(d, batch, err);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_WRITTEN);
	return r;
}

/* ---- plain streams */

/* What is stored under the record's key, in *record; p NULL: nothing. */
static enum sink_result look_up(struct mongo *m, const struct sink_record *r, struct buf *text,
				struct slice *record, struct err *err)
{
	bson_t key = BSON_INITIALIZER,
	       *one = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
	mongoc_cursor_t *cursor;
	enum sink_result result = SINK_OK;
	const bson_t *doc;
	bson_iter_t it;
	bson_error_t why;
	uint32_t n;

	*record = slice(NULL, 0);
	mongo_event_key(&key, r, m->conf->events.key != NULL);
	cursor = mongoc_collection_find_with_opts(m->events, &key, one, NULL);
	if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "record") &&
	    BSON_ITER_HOLDS_UTF8(&it)) {
		const char *p = bson_iter_utf8(&it, &n);

		text->n = 0;
		buf_add(text, p, n);
		*record = slice(text->p ? text->p : "", n);
	}
	if (mongoc_cursor_error(cursor, &why))
		result = mongo_failed(m, &why, err);
	mongoc_cursor_destroy(cursor);
	bson_destroy(one);
	bson_destroy(&key);
	return result;
}

/* Records stand in the order of their keys: equal ones follow each other, and the second meets the
 * first, or with `replace` the one before it. */
static enum sink_result count_batch(struct mongo *m, const struct sink_batch *batch, bool replace,
				    struct sink_counts *counts, struct err *err)
{
	struct slice there = { 0 };
	struct buf text = { 0 };
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < batch->records && r == SINK_OK; i++) {
		const struct sink_record *x = &batch->record[i];
		bool same_key = i && memcmp(x[-1].event->key, x->event->key, EVENT_KEY_BYTES) == 0;

		if (!same_key)
			r = look_up(m, x, &text, &there, err);
		if (r != SINK_OK)
			break;
		counts->fresh += !there.p;
		counts->equal += there.p && slice_eq(there, x->line);
		counts->different += there.p && !slice_eq(there, x->line);
		if (!there.p || replace)
			there = x->line;
	}
	buf_fini(&text);
	return r;
}

enum sink_result mongo_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			   struct sink_counts *counts, struct err *err)
{
	return dry_run ? count_batch(d, batch, replace, counts, err) : write_events(d, batch, err);
}
