/* Dead letters of a file, for hta-dlq. Pages are read by rowid, each in a statement of its own: a
 * statement that stayed open would hold the log (WAL) back, and marks could not be written beside a
 * sink that goes on. Reading alone opens the file for reading only, and takes a table without the
 * columns for marks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite_internal.h"
#include "drv/sqlite/sqlite_reader.h"
#include "read/letters.h"
#include "sink/sink_errors.h"

enum { LETTERS_BUSY_MS = 5000 };

struct sqlite_letters {
	const struct letters_conf *conf;
	struct sink_conf store; /* create is not set: rollups are not ours to make */
	struct sqlite *s;
	bool has_marks;
	const struct letters_want *want;
	int64_t after; /* rowid of the last letter that was read */
};

static int letters_failed(struct sqlite_letters *l, struct err *err)
{
	return sink_error_result(sqlite_failed(l->s, err), err);
}

static int letters_exec(struct sqlite_letters *l, const char *sql, struct err *err)
{
	return sqlite3_exec(l->s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
									  : letters_failed(l, err);
}

static sqlite3_stmt *letters_prepare(struct sqlite_letters *l, const char *sql, struct err *err)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(l->s->db, sql, -1, &q, NULL) != SQLITE_OK)
		letters_failed(l, err);
	return q;
}

/* ---- the start */

static int letters_connect(struct sqlite_letters *l, struct err *err)
{
	int flags = l->conf->marks ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;

	if (sqlite3_open_v2(l->store.where, &l->s->db, flags, NULL) != SQLITE_OK)
		return letters_failed(l, err);
	if (sqlite_check_store(l->s, err))
		return -1;
	sqlite3_busy_timeout(l->s->db, LETTERS_BUSY_MS);
	if (l->conf->marks && letters_exec(l, "PRAGMA synchronous = FULL", err))
		return -1;
	return letters_exec(l, "SELECT 1 FROM sqlite_master", err) ||
			       sink_error_result(sqlite_schema(l->s, err), err)
		       ? -1
		       : 0;
}

static int letters_schema(struct sqlite_letters *l, struct err *err)
{
	int rc = 0;

	l->has_marks = sqlite_has_marks(l->s);
	if (l->has_marks || !l->conf->marks)
		return 0;
	if (!l->conf->store.create)
		return letters_no_marks(l->store.where, err);
	rc = letters_exec(l, "BEGIN IMMEDIATE", err);
	if (rc == 0 && !sqlite_has_marks(l->s))
		rc = letters_exec(l, sqlite_marks_sql, err);
	if (rc == 0)
		rc = letters_exec(l, "COMMIT", err);
	if (!sqlite3_get_autocommit(l->s->db))
		sqlite3_exec(l->s->db, "ROLLBACK", NULL, NULL, NULL);
	l->has_marks = rc == 0;
	return rc;
}

/* What is taken is found without a look at all letters. */
static int letters_index(struct sqlite_letters *l, struct err *err)
{
	return l->conf->marks ? letters_exec(l,
					     "CREATE INDEX IF NOT EXISTS hta_dead_taken ON "
					     "hta_dead (taken) WHERE taken IS NOT NULL",
					     err)
			      : 0;
}

static void sqlite_letters_close(void *d)
{
	struct sqlite_letters *l = d;

	if (!l)
		return;
	sqlite_driver.close(l->s);
	free(l);
}

static void *sqlite_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct sqlite_letters *l = mem_zalloc(sizeof(*l));

	l->conf = conf;
	l->store = conf->store;
	l->store.create = false;
	l->store.name = "";
	l->s = sqlite_driver.open(&l->store, err);
	if (l->s) {
		/* all that is needed: a store of events has no rollups */
		free(l->s->table);
		l->s->table = mem_strdup("hta_dead");
	}
	if (l->s && letters_connect(l, err) == 0 && letters_schema(l, err) == 0 &&
	    letters_index(l, err) == 0)
		return l;
	sqlite_letters_close(l);
	return NULL;
}

/* ---- reading */

static int sqlite_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct sqlite_letters *l = d;

	(void)err;
	l->want = want;
	l->after = 0;
	return 0;
}

static int64_t time_of(struct slice text)
{
	int64_t us;

	return text.p && tm_parse(text, &us) == 0 ? us : POS_NONE;
}

static int read_letter(struct letters_page *page, sqlite3_stmt *q, struct err *err)
{
	struct letter *l = letters_page_add(page);
	struct arena *a = &page->arena;

	l->id = sqlite3_column_int64(q, 0);
	l->job = arena_copy(a, sqlite_column(q, 1));
	l->late = slice_is(sqlite_column(q, 2), "late");
	l->topic = arena_copy(a, sqlite_column(q, 3));
	l->partition = sqlite3_column_int(q, 4);
	l->inexact = l->topic.p && sqlite3_column_type(q, 5) == SQLITE_NULL;
	l->offset = l->inexact ? -1 : sqlite3_column_int64(q, 5);
	l->stage = arena_copy(a, sqlite_column(q, 6));
	l->reason = arena_copy(a, sqlite_column(q, 7));
	l->size = (uint64_t)sqlite3_column_int64(q, 8);
	l->at_us = time_of(sqlite_column(q, 11));
	l->retried_us = time_of(sqlite_column(q, 12));
	l->retries = (uint64_t)sqlite3_column_int64(q, 13);
	l->taken = arena_copy(a, sqlite_column(q, 14));
	return letters_decode(page, l, slice_is(sqlite_column(q, 9), "base64"),
			      sqlite_column(q, 10), err);
}

/* Times in the table have three decimals all. */
static void bind_time(sqlite3_stmt *q, int at, int64_t us)
{
	char text[TM_TEXT_BYTES];

	if (us != POS_NONE)
		sqlite3_bind_text(q, at, text, (int)tm_text_ms(us, text), SQLITE_TRANSIENT);
}

static int sqlite_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct sqlite_letters *l = d;
	char *sql = sqlite3_mprintf(
		"SELECT rowid, job, kind, topic, partition, record_offset, stage, reason, size, "
		"encoding, record, at, %s FROM hta_dead WHERE rowid > ?1 AND (?2 IS NULL OR at >= "
		"?2) AND (?3 IS NULL OR at < ?3)%s ORDER BY rowid LIMIT %d",
		l->has_marks ? "retried_at, retries, taken" : "NULL, 0, NULL",
		l->has_marks && !l->want->again ? " AND retried_at IS NULL" : "", LETTERS_PAGE);
	sqlite3_stmt *q = letters_prepare(l, sql, err);
	size_t bytes = 0;
	int code = SQLITE_DONE, rc = 0;

	sqlite3_free(sql);
	if (!q)
		return -1;
	sqlite3_bind_int64(q, 1, l->after);
	bind_time(q, 2, l->want->since_us);
	bind_time(q, 3, l->want->until_us);
	while (rc == 0 && bytes < LETTERS_PAGE_BYTES && (code = sqlite3_step(q)) == SQLITE_ROW) {
		rc = read_letter(page, q, err);
		l->after = page->v[page->n - 1].id;
		bytes += page->v[page->n - 1].record.n;
	}
	if (rc == 0 && code != SQLITE_DONE && code != SQLITE_ROW)
		rc = letters_failed(l, err);
	page->end = code == SQLITE_DONE && page->n < LETTERS_PAGE;
	sqlite3_finalize(q);
	return rc;
}

/* ---- marks */

/* With `again` one that an earlier call has left in doubt is taken over. */
static int take_one(struct sqlite_letters *l, sqlite3_stmt *q, const struct letter *v, bool *got,
		    struct err *err)
{
	sqlite3_reset(q);
	sqlite3_bind_int64(q, 3, v->id);
	sqlite_bind_slice(q, 4, v->taken.n ? v->taken : slice(NULL, 0));
	if (sqlite3_step(q) != SQLITE_DONE)
		return letters_failed(l, err);
	*got = sqlite3_changes(l->s->db) > 0;
	return 0;
}

static int sqlite_letters_take(void *d, const struct letter *const *v, size_t n, const char *call,
			       uint64_t batch, bool *got, struct err *err)
{
	struct sqlite_letters *l = d;
	sqlite3_stmt *q = NULL;
	int rc = letters_exec(l, "BEGIN IMMEDIATE", err);

	if (rc)
		return -1;
	q = letters_prepare(l,
			    l->want->again ? "UPDATE hta_dead SET taken = ?1 || '/' || ?2 WHERE "
					     "rowid = ?3 AND taken IS ?4"
					   : "UPDATE hta_dead SET taken = ?1 || '/' || ?2 WHERE "
					     "rowid = ?3 AND taken IS ?4 AND retried_at IS NULL",
			    err);
	rc = q ? 0 : -1;
	if (q) {
		sqlite3_bind_text(q, 1, call, -1, SQLITE_STATIC);
		sqlite3_bind_int64(q, 2, (int64_t)batch);
	}
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_one(l, q, v[i], &got[i], err);
	sqlite3_finalize(q);
	if (rc == 0)
		rc = letters_exec(l, "COMMIT", err);
	if (!sqlite3_get_autocommit(l->s->db))
		sqlite3_exec(l->s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* The batch's number stands behind the last slash. */
static int sqlite_letters_settle(void *d, const char *call, uint64_t sent, struct err *err)
{
	static const char sql[] =
		"UPDATE hta_dead SET retried_at = CASE WHEN CAST(substr(taken, length(?1) + 2) AS "
		"INTEGER) <= ?2 THEN ?3 ELSE retried_at END, retries = retries + "
		"(CAST(substr(taken, length(?1) + 2) AS INTEGER) <= ?2), taken = NULL"
		" WHERE taken IS NOT NULL AND substr(taken, 1, length(?1) + 1) = ?1 || '/'";
	struct sqlite_letters *l = d;
	sqlite3_stmt *q = letters_prepare(l, sql, err);
	int rc;

	if (!q)
		return -1;
	sqlite3_bind_text(q, 1, call, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (int64_t)sent);
	bind_time(q, 3, tm_now_us());
	rc = sqlite3_step(q) == SQLITE_DONE ? 0 : letters_failed(l, err);
	sqlite3_finalize(q);
	return rc;
}

static int sqlite_letters_calls(void *d, letters_call_fn *fn, void *arg, struct err *err)
{
	struct sqlite_letters *l = d;
	sqlite3_stmt *q = letters_prepare(
		l,
		"SELECT DISTINCT rtrim(rtrim(taken, '0123456789'), '/') FROM hta_dead WHERE taken "
		"IS NOT NULL",
		err);
	struct buf all = { 0 };
	int code, rc = 0;

	if (!q)
		return -1;
	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		buf_adds(&all, sqlite_column(q, 0));
		buf_addc(&all, 0);
	}
	if (code != SQLITE_DONE)
		rc = letters_failed(l, err);
	sqlite3_finalize(q);
	for (size_t at = 0; at < all.n && rc == 0; at += strlen(all.p + at) + 1)
		rc = fn(arg, all.p + at, err);
	buf_fini(&all);
	return rc;
}

const struct letters_driver sqlite_letters = {
	.ordered = true,
	.open = sqlite_letters_open,
	.close = sqlite_letters_close,
	.rewind = sqlite_letters_rewind,
	.page = sqlite_letters_page,
	.take = sqlite_letters_take,
	.settle = sqlite_letters_settle,
	.calls = sqlite_letters_calls,
};
