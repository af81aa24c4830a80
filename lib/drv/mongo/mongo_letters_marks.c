/* Marks of letters. Taken is a letter that has a document in hta_dead_taken, whose _id is its own:
 *
 *   {_id, call, batch}     insert        two calls cannot both: an _id is there once
 *                          settle        the letter gets retried_at, retries + 1 and
 *                                        sent: "CALL/BATCH"; then the document goes
 *
 * That holds with any server: FerretDB 1 looks for what an update means and changes it in two
 * steps, so that two updates on a condition may both find it true. A call that dies in settle
 * leaves letters that are marked and taken; `sent` tells whoever settles again that they are. Who
 * has taken a letter looks whether it was retried since he read it. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/mongo/mongo_letters.h"
#include "sink/sink_errors.h"

/* ---- taking */

static void append_claim(bson_t *to, const char *call, uint64_t batch)
{
	bson_append_utf8(to, "call", -1, call, -1);
	bson_append_int64(to, "batch", -1, (int64_t)batch);
}

static mongoc_bulk_operation_t *bulk_of(mongoc_collection_t *c)
{
	bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false));
	mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(c, opts);

	bson_destroy(opts);
	return bulk;
}

/* What another call has taken is refused as a key that is there: that is no error. */
static int run_inserts(const struct mongo_letters *l, mongoc_bulk_operation_t *bulk,
		       struct err *err)
{
	bson_t reply;
	bson_error_t why;
	int rc = 0;

	if (!mongoc_bulk_operation_execute(bulk, &reply, &why) &&
	    (l->m->stopped.code || !mongo_keys_were_there(&reply)))
		rc = sink_error_result(mongo_write_failed(l->m, &reply, &why, err), err);
	bson_destroy(&reply);
	return rc;
}

static int claim_free(const struct mongo_letters *l, const struct letter *const *v, size_t n,
		      const char *call, uint64_t batch, struct err *err)
{
	mongoc_bulk_operation_t *bulk = bulk_of(l->m->taken);
	size_t added = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		bson_t doc = BSON_INITIALIZER;

		if (!v[i]->taken.n) {
			bson_append_utf8(&doc, "_id", -1, v[i]->key.p, (int)v[i]->key.n);
			append_claim(&doc, call, batch);
			mongoc_bulk_operation_insert(bulk, &doc);
			added++;
		}
		bson_destroy(&doc);
	}
	if (added)
		rc = run_inserts(l, bulk, err);
	mongoc_bulk_operation_destroy(bulk);
	return rc;
}

/* One that an earlier call has left in doubt (--again): taken over from that call and batch. */
static int take_over(const struct mongo_letters *l, const struct letter *v, const char *call,
		     uint64_t batch, struct err *err)
{
	const char *slash = memrchr(v->taken.p, '/', v->taken.n);
	char *old = mem_dup(v->taken.p, slash ? (size_t)(slash - v->taken.p) : v->taken.n),
	     *number = slash ? mem_dup(slash + 1, v->taken.n - strlen(old) - 1) : mem_strdup("0");
	bson_t key = BSON_INITIALIZER, set = BSON_INITIALIZER, fields;
	bson_error_t why;
	int rc = 0;

	bson_append_utf8(&key, "_id", -1, v->key.p, (int)v->key.n);
	append_claim(&key, old, strtoull(number, NULL, 10));
	bson_append_document_begin(&set, "$set", -1, &fields);
	append_claim(&fields, call, batch);
	bson_append_document_end(&set, &fields);
	if (!mongoc_collection_update_one(l->m->taken, &key, &set, NULL, NULL, &why))
		rc = mongo_letters_failed(l, &why, err);
	bson_destroy(&key);
	bson_destroy(&set);
	free(old);
	free(number);
	return rc;
}

static void note_got(void *arg, size_t nth, const bson_t *doc)
{
	bool *got = arg;

	(void)doc;
	got[nth] = true;
}

static void note_retried(void *arg, size_t nth, const bson_t *doc)
{
	bool *got = arg;

	(void)doc;
	got[nth] = false;
}

/* Those that were retried since the page was read are let go. */
static int drop_retried(const struct mongo_letters *l, const struct slice *key, size_t n,
			const char *call, uint64_t batch, bool *got, struct err *err)
{
	bson_t retried = BSON_INITIALIZER, filter = BSON_INITIALIZER;
	struct slice *drop = mem_array(n + 1, sizeof(*drop));
	bool *had = mem_array(n + 1, sizeof(*had));
	size_t drops = 0;
	bson_error_t why;
	int rc;

	memcpy(had, got, n * sizeof(*had));
	mongo_letters_append_exists(&retried, "retried_at", true);
	rc = mongo_letters_find(l, l->m->dead, key, n, &retried, note_retried, got, err);
	for (size_t i = 0; i < n; i++)
		if (had[i] && !got[i])
			drop[drops++] = key[i];
	mongo_letters_append_keys(&filter, drop, drops);
	append_claim(&filter, call, batch);
	if (rc == 0 && drops &&
	    !mongoc_collection_delete_many(l->m->taken, &filter, NULL, NULL, &why))
		rc = mongo_letters_failed(l, &why, err);
	bson_destroy(&retried);
	bson_destroy(&filter);
	free(drop);
	free(had);
	return rc;
}

int mongo_letters_take(void *d, const struct letter *const *v, size_t n, const char *call,
		       uint64_t batch, bool *got, struct err *err)
{
	struct mongo_letters *l = d;
	struct slice *key = mem_array(n + 1, sizeof(*key));
	bson_t ours = BSON_INITIALIZER;
	int rc = claim_free(l, v, n, call, batch, err);

	for (size_t i = 0; i < n; i++) {
		key[i] = v[i]->key;
		got[i] = false;
		if (rc == 0 && v[i]->taken.n)
			rc = take_over(l, v[i], call, batch, err);
	}
	append_claim(&ours, call, batch);
	if (rc == 0)
		rc = mongo_letters_find(l, l->m->taken, key, n, &ours, note_got, got, err);
	if (rc == 0 && !l->want->again)
		rc = drop_retried(l, key, n, call, batch, got, err);
	bson_destroy(&ours);
	free(key);
	return rc;
}

/* ---- settling */

/* Of one batch: those that have no mark of it yet. */
static int mark_keys(const struct mongo_letters *l, const struct slice *key, size_t n,
		     const char *call, int64_t batch, struct err *err)
{
	char *sent = mem_printf("%s/%" PRId64, call, batch);
	bson_t filter = BSON_INITIALIZER, bound,
	       *set = BCON_NEW("$set", "{", "retried_at", BCON_DATE_TIME(mongo_ms(tm_now_us())),
			       "sent", BCON_UTF8(sent), "}", "$inc", "{", "retries", BCON_INT64(1),
			       "}");
	bson_error_t why;
	int rc = 0;

	mongo_letters_append_keys(&filter, key, n);
	bson_append_document_begin(&filter, "sent", -1, &bound);
	bson_append_utf8(&bound, "$ne", -1, sent, -1);
	bson_append_document_end(&filter, &bound);
	if (!mongoc_collection_update_many(l->m->dead, &filter, set, NULL, NULL, &why))
		rc = mongo_letters_failed(l, &why, err);
	bson_destroy(&filter);
	bson_destroy(set);
	free(sent);
	return rc;
}

/* The documents of the call, in the order of their batches; call NULL: of all calls, in theirs. */
static mongoc_cursor_t *query_taken(const struct mongo_letters *l, const char *call)
{
	bson_t filter = BSON_INITIALIZER,
	       *opts = BCON_NEW("sort", "{", call ? "batch" : "call", BCON_INT32(1), "}");
	mongoc_cursor_t *cursor;

	if (call)
		bson_append_utf8(&filter, "call", -1, call, -1);
	cursor = mongoc_collection_find_with_opts(l->m->taken, &filter, opts, NULL);
	bson_destroy(&filter);
	bson_destroy(opts);
	return cursor;
}

enum { SETTLED_KEYS = 100 };

struct settling {
	const char *call;
	struct slice key[SETTLED_KEYS];
	size_t n;
	int64_t batch;
	struct arena arena;
};

static int settle_some(const struct mongo_letters *l, struct settling *s, struct err *err)
{
	int rc = s->n ? mark_keys(l, s->key, s->n, s->call, s->batch, err) : 0;

	s->n = 0;
	arena_reset(&s->arena);
	return rc;
}

static int settle_one(const struct mongo_letters *l, struct settling *s, const bson_t *doc,
		      struct err *err)
{
	int64_t batch = mongo_number(doc, "batch");

	if ((s->n == SETTLED_KEYS || batch != s->batch) && settle_some(l, s, err))
		return -1;
	s->batch = batch;
	s->key[s->n++] = arena_copy(&s->arena, mongo_text(doc, "_id"));
	return 0;
}

/* All that was sent is marked: nothing is taken by the call any more. */
static int free_taken(const struct mongo_letters *l, const char *call, struct err *err)
{
	bson_t filter = BSON_INITIALIZER;
	bson_error_t why;
	int rc = 0;

	bson_append_utf8(&filter, "call", -1, call, -1);
	if (!mongoc_collection_delete_many(l->m->taken, &filter, NULL, NULL, &why))
		rc = mongo_letters_failed(l, &why, err);
	bson_destroy(&filter);
	return rc;
}

int mongo_letters_settle(void *d, const char *call, uint64_t sent, struct err *err)
{
	struct mongo_letters *l = d;
	struct settling s = { .call = call };
	mongoc_cursor_t *cursor = query_taken(l, call);
	const bson_t *doc;
	bson_error_t why;
	int rc = 0;

	while (rc == 0 && mongoc_cursor_next(cursor, &doc))
		if ((uint64_t)mongo_number(doc, "batch") <= sent)
			rc = settle_one(l, &s, doc, err);
	if (rc == 0 && mongoc_cursor_error(cursor, &why))
		rc = mongo_letters_failed(l, &why, err);
	mongoc_cursor_destroy(cursor);
	if (rc == 0)
		rc = settle_some(l, &s, err);
	arena_fini(&s.arena);
	return rc ? rc : free_taken(l, call, err);
}

int mongo_letters_calls(void *d, letters_call_fn *fn, void *arg, struct err *err)
{
	struct mongo_letters *l = d;
	mongoc_cursor_t *cursor = query_taken(l, NULL);
	struct buf all = { 0 };
	size_t last = 0;
	const bson_t *doc;
	bson_error_t why;
	int rc = 0;

	while (mongoc_cursor_next(cursor, &doc)) {
		struct slice call = mongo_text(doc, "call");

		if (!call.p || (all.n && slice_eq(call, slice_z(all.p + last))))
			continue;
		last = all.n;
		buf_adds(&all, call);
		buf_addc(&all, 0);
	}
	if (mongoc_cursor_error(cursor, &why))
		rc = mongo_letters_failed(l, &why, err);
	mongoc_cursor_destroy(cursor);
	for (size_t at = 0; at < all.n && rc == 0; at += strlen(all.p + at) + 1)
		rc = fn(arg, all.p + at, err);
	buf_fini(&all);
	return rc;
}
