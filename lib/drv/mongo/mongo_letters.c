/* Dead letters of a database, for hta-dlq: documents of hta_dead, read in the order of their _id,
 * and of hta_dead_taken, which say what is taken (mongo_letters_marks.c). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "drv/mongo/mongo_letters.h"
#include "sink/sink_errors.h"

int mongo_letters_failed(const struct mongo_letters *l, const bson_error_t *why, struct err *err)
{
	return sink_error_result(mongo_failed(l->m, why, err), err);
}

/* ---- the start */

static void mongo_letters_close(void *d)
{
	struct mongo_letters *l = d;

	if (!l)
		return;
	mongo_close(l->m);
	buf_fini(&l->after);
	free(l);
}

/* A sink that has found no letter yet has made no collection for them. */
static int check_database(const struct mongo_letters *l, struct err *err)
{
	struct mongo *m = l->m;
	mongoc_database_t *database = mongoc_client_get_database(m->client, m->database);
	bson_error_t why;
	char **names = mongoc_database_get_collection_names_with_opts(database, NULL, &why);
	bool ours = false;
	int rc = 0;

	for (size_t i = 0; names && names[i]; i++)
		ours |= strcmp(names[i], "hta_dead") == 0 || strcmp(names[i], "hta_job") == 0;
	if (!names)
		rc = mongo_letters_failed(l, &why, err);
	else if (!ours)
		rc = err_set(err, EX_CONFIG,
			     "%s/%s: neither hta_dead nor hta_job is there: no job of "
			     "hta-sink-mongo has written into this database",
			     m->host, m->database);
	bson_strfreev(names);
	mongoc_database_destroy(database);
	return rc;
}

static void *mongo_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct mongo_letters *l = mem_zalloc(sizeof(*l));

	l->store = conf->store;
	l->store.create = false;
	l->store.name = "";
	l->m = mongo_open(&l->store, !conf->marks, err);
	if (l->m && sink_error_result(mongo_connect_bare(l->m, err), err) == 0 &&
	    check_database(l, err) == 0)
		return l;
	mongo_letters_close(l);
	return NULL;
}

/* ---- reading */

static int mongo_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct mongo_letters *l = d;

	(void)err;
	l->want = want;
	l->after.n = 0;
	return 0;
}

/* Its times have milliseconds: the first one that is not below. */
static int64_t ms_from(int64_t us)
{
	return -mongo_ms(-us);
}

static void append_times(bson_t *to, const struct letters_want *want)
{
	bson_t bound;

	if (want->since_us == POS_NONE && want->until_us == POS_NONE)
		return;
	bson_append_document_begin(to, "at", -1, &bound);
	if (want->since_us != POS_NONE)
		bson_append_date_time(&bound, "$gte", -1, ms_from(want->since_us));
	if (want->until_us != POS_NONE)
		bson_append_date_time(&bound, "$lt", -1, ms_from(want->until_us));
	bson_append_document_end(to, &bound);
}

void mongo_letters_append_exists(bson_t *to, const char *name, bool exists)
{
	bson_t bound;

	bson_append_document_begin(to, name, -1, &bound);
	bson_append_bool(&bound, "$exists", -1, exists);
	bson_append_document_end(to, &bound);
}

static mongoc_cursor_t *query_page(const struct mongo_letters *l)
{
	bson_t filter = BSON_INITIALIZER, bound,
	       *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit",
				BCON_INT64(LETTERS_PAGE));
	mongoc_cursor_t *cursor;

	bson_append_document_begin(&filter, "_id", -1, &bound);
	bson_append_utf8(&bound, "$gt", -1, l->after.n ? l->after.p : "", (int)l->after.n);
	bson_append_document_end(&filter, &bound);
	append_times(&filter, l->want);
	if (!l->want->again)
		mongo_letters_append_exists(&filter, "retried_at", false);
	cursor = mongoc_collection_find_with_opts(l->m->dead, &filter, opts, NULL);
	bson_destroy(&filter);
	bson_destroy(opts);
	return cursor;
}

static int64_t time_of(const bson_t *doc, const char *name)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, name) && BSON_ITER_HOLDS_DATE_TIME(&it)
		       ? bson_iter_date_time(&it) * 1000
		       : POS_NONE;
}

static struct slice copy_of(struct letters_page *page, const bson_t *doc, const char *name)
{
	struct slice text = mongo_text(doc, name);

	return text.p ? arena_copy(&page->arena, text) : text;
}

static int read_letter(struct letters_page *page, const bson_t *doc, struct err *err)
{
	struct letter *l = letters_page_add(page);
	bson_iter_t it;

	l->key = copy_of(page, doc, "_id");
	l->job = copy_of(page, doc, "job");
	l->late = slice_is(mongo_text(doc, "kind"), "late");
	l->topic = copy_of(page, doc, "topic");
	l->partition = (int32_t)mongo_number(doc, "partition");
	l->offset = mongo_number(doc, "offset");
	l->inexact = l->topic.p && bson_iter_init_find(&it, doc, "inexact") &&
		     bson_iter_as_bool(&it);
	l->stage = copy_of(page, doc, "stage");
	l->reason = copy_of(page, doc, "reason");
	l->size = (uint64_t)mongo_number(doc, "size");
	l->at_us = time_of(doc, "at");
	l->retried_us = time_of(doc, "retried_at");
	l->retries = (uint64_t)mongo_number(doc, "retries");
	return letters_decode(page, l, slice_is(mongo_text(doc, "encoding"), "base64"),
			      mongo_text(doc, "record"), err);
}

/* ---- those that are taken */

void mongo_letters_append_keys(bson_t *to, const struct slice *key, size_t n)
{
	bson_t bound, list;

	bson_append_document_begin(to, "_id", -1, &bound);
	bson_append_array_begin(&bound, "$in", -1, &list);
	for (size_t i = 0; i < n; i++) {
		char text[16];
		const char *name;

		bson_uint32_to_string((uint32_t)i, &name, text, sizeof(text));
		bson_append_utf8(&list, name, -1, key[i].p, (int)key[i].n);
	}
	bson_append_array_end(&bound, &list);
	bson_append_document_end(to, &bound);
}

static int find_key(const struct slice *key, size_t n, struct slice wanted, size_t *at)
{
	for (*at = 0; *at < n; ++*at)
		if (slice_eq(key[*at], wanted))
			return 0;
	return -1;
}

int mongo_letters_find(const struct mongo_letters *l, mongoc_collection_t *in,
		       const struct slice *key, size_t n, const bson_t *also, mongo_found_fn *fn,
		       void *arg, struct err *err)
{
	bson_t filter = BSON_INITIALIZER;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_error_t why;
	size_t at;
	int rc = 0;

	if (!n)
		return 0;
	mongo_letters_append_keys(&filter, key, n);
	bson_concat(&filter, also);
	cursor = mongoc_collection_find_with_opts(in, &filter, NULL, NULL);
	while (mongoc_cursor_next(cursor, &doc))
		if (find_key(key, n, mongo_text(doc, "_id"), &at) == 0)
			fn(arg, at, doc);
	if (mongoc_cursor_error(cursor, &why))
		rc = mongo_letters_failed(l, &why, err);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&filter);
	return rc;
}

static void note_taken(void *arg, size_t nth, const bson_t *doc)
{
	struct letters_page *page = arg;
	struct slice call = mongo_text(doc, "call");
	struct buf text = { 0 };

	buf_printf(&text, "%.*s/%" PRId64, (int)call.n, call.n ? call.p : "",
		   mongo_number(doc, "batch"));
	page->v[nth].taken = arena_copy(&page->arena, buf_slice(&text));
	buf_fini(&text);
}

static int read_taken(const struct mongo_letters *l, struct letters_page *page, struct err *err)
{
	struct slice *key = mem_array(page->n + 1, sizeof(*key));
	bson_t all = BSON_INITIALIZER;
	int rc;

	for (size_t i = 0; i < page->n; i++)
		key[i] = page->v[i].key;
	rc = mongo_letters_find(l, l->m->taken, key, page->n, &all, note_taken, page, err);
	bson_destroy(&all);
	free(key);
	return rc;
}

static int mongo_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct mongo_letters *l = d;
	mongoc_cursor_t *cursor = query_page(l);
	const bson_t *doc;
	bson_error_t why;
	size_t bytes = 0;
	bool more = true;
	int rc = 0;

	while (rc == 0 && bytes < LETTERS_PAGE_BYTES && (more = mongoc_cursor_next(cursor, &doc))) {
		rc = read_letter(page, doc, err);
		bytes += page->v[page->n - 1].record.n;
	}
	if (rc == 0 && !more && mongoc_cursor_error(cursor, &why))
		rc = mongo_letters_failed(l, &why, err);
	if (page->n) {
		l->after.n = 0;
		buf_adds(&l->after, page->v[page->n - 1].key);
	}
	page->end = !more && page->n < LETTERS_PAGE;
	mongoc_cursor_destroy(cursor);
	return rc ? rc : read_taken(l, page, err);
}

const struct letters_driver mongo_letters = {
	.open = mongo_letters_open,
	.close = mongo_letters_close,
	.rewind = mongo_letters_rewind,
	.page = mongo_letters_page,
	.take = mongo_letters_take,
	.settle = mongo_letters_settle,
	.calls = mongo_letters_calls,
};
