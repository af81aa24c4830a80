/* Dead letters of a database, for hta-dlq. Where the table has the columns for marks, letters
 * have an id, and each page is a query from the last id on: nothing stays open between two
 * pages. A table without them is read in one transaction, through a cursor, and not marked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "read/letters.h"
#include "sink/sink_errors.h"

#define US(column) "(extract(epoch FROM " column ") * 1000000)::bigint"
#define COLUMNS                                                                                   \
	"job, kind, topic, partition, record_offset, stage, reason, size, encoding, record, " US( \
		"at")

struct pg_letters {
	const struct letters_conf *conf;
	struct sink_conf store; /* create is not set: rollups are not ours to make */
	struct pg *p;
	bool has_marks;
	const struct letters_want *want;
	int64_t after; /* id of the last letter that was read */
	bool open;     /* the cursor */
};

/* The number is the advisory lock's of pg_schema.c. */
static const char marks_sql[] =
	"SELECT pg_advisory_xact_lock(7528274551);"
	"ALTER TABLE hta_dead ADD COLUMN IF NOT EXISTS retried_at timestamptz, ADD COLUMN IF NOT "
	"EXISTS retries bigint NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS taken text, ADD COLUMN "
	"IF NOT EXISTS id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;"
	"CREATE INDEX IF NOT EXISTS hta_dead_taken ON hta_dead (taken) WHERE taken IS NOT NULL;"
	"ALTER TABLE hta_metric ADD COLUMN IF NOT EXISTS columns jsonb;"
	"UPDATE hta_schema SET version = greatest(version, 3);";

enum sink_result pg_letters_marks(struct pg *p, struct err *err)
{
	return pg_script(p, marks_sql, err);
}

/* COMMIT, or what is left of the transaction undone. */
static int letters_end(struct pg *p, enum sink_result r, struct err *err)
{
	if (r == SINK_OK)
		r = pg_script(p, "COMMIT", err);
	return sink_error_result(pg_rollback(p, r), err);
}

static int letters_schema(struct pg_letters *l, struct err *err)
{
	PGresult *res;
	enum sink_result r;

	if (sink_error_result(pg_query(l->p, &res, err,
				       "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = "
				       "to_regclass('hta_dead') AND attname = 'taken')",
				       0, NULL),
			      err))
		return -1;
	l->has_marks = *PQgetvalue(res, 0, 0) == 't';
	PQclear(res);
	if (l->has_marks || !l->conf->marks)
		return 0;
	if (!l->conf->store.create)
		return letters_no_marks(NULL, err);
	r = pg_begin(l->p, PG_BEGIN, err);
	if (r == SINK_OK)
		r = pg_letters_marks(l->p, err);
	l->has_marks = true;
	return letters_end(l->p, r, err);
}

static void pg_letters_close(void *d)
{
	struct pg_letters *l = d;

	if (!l)
		return;
	pg_driver.close(l->p);
	free(l);
}

static void *pg_letters_open(const struct letters_conf *conf, struct err *err)
{
	struct pg_letters *l = mem_zalloc(sizeof(*l));

	l->conf = conf;
	l->store = conf->store;
	l->store.create = false;
	l->store.name = "";
	l->p = pg_new(&l->store, err);
	if (l->p) {
		l->p->reads = true;
		/* all that is needed: a store of events has no rollups */
		free(l->p->rollups);
		free(l->p->table);
		l->p->rollups = mem_strdup("hta_dead");
		l->p->table = pg_quoted("hta_dead", "");
	}
	if (l->p && sink_error_result(pg_driver.connect(l->p, err), err) == 0 &&
	    letters_schema(l, err) == 0)
		return l;
	pg_letters_close(l);
	return NULL;
}

/* ---- reading */

/* Bounds as texts, the parameters $1 and $2 of queries; NULL: none. */
struct bounds {
	char text[2][TM_TEXT_BYTES];
	const char *value[2];
};

static void bounds_of(const struct letters_want *want, struct bounds *b)
{
	const int64_t us[2] = { want->since_us, want->until_us };

	for (int i = 0; i < 2; i++) {
		b->value[i] = us[i] == POS_NONE ? NULL : b->text[i];
		if (b->value[i])
			b->text[i][tm_text(us[i], b->text[i])] = 0;
	}
}

#define WITHIN                                                                               \
	"($1::timestamptz IS NULL OR at >= $1::timestamptz) AND ($2::timestamptz IS NULL OR" \
	" at < $2::timestamptz)"

static int declare_cursor(struct pg_letters *l, struct err *err)
{
	static const char declare[] = "DECLARE hta_letters NO SCROLL CURSOR FOR SELECT 0, " COLUMNS
				      ", NULL, 0, NULL FROM hta_dead WHERE " WITHIN " ORDER BY at";
	struct bounds b;
	enum sink_result r = l->open ? pg_script(l->p, "ROLLBACK", err) : SINK_OK;

	bounds_of(l->want, &b);
	if (r == SINK_OK)
		r = pg_begin(l->p, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", err);
	if (r == SINK_OK)
		r = pg_query(l->p, NULL, err, declare, 2, b.value);
	l->open = r == SINK_OK;
	if (!l->open)
		r = pg_rollback(l->p, r);
	return sink_error_result(r, err);
}

static int pg_letters_rewind(void *d, const struct letters_want *want, struct err *err)
{
	struct pg_letters *l = d;

	l->want = want;
	l->after = 0;
	return l->has_marks ? 0 : declare_cursor(l, err);
}

static int64_t int_of(const PGresult *res, int row, int column)
{
	return strtoll(PQgetvalue(res, row, column), NULL, 10);
}

static struct slice text_of(struct arena *a, const PGresult *res, int row, int column)
{
	return PQgetisnull(res, row, column)
		       ? slice(NULL, 0)
		       : arena_copy(a, slice(PQgetvalue(res, row, column),
					     (size_t)PQgetlength(res, row, column)));
}

static int read_letter(struct letters_page *page, const PGresult *res, int row, struct err *err)
{
	struct letter *l = letters_page_add(page);
	struct arena *a = &page->arena;

	l->id = int_of(res, row, 0);
	l->job = text_of(a, res, row, 1);
	l->late = strcmp(PQgetvalue(res, row, 2), "late") == 0;
	l->topic = text_of(a, res, row, 3);
	l->partition = (int32_t)int_of(res, row, 4);
	l->inexact = l->topic.p && PQgetisnull(res, row, 5);
	l->offset = l->inexact ? -1 : int_of(res, row, 5);
	l->stage = text_of(a, res, row, 6);
	l->reason = text_of(a, res, row, 7);
	l->size = (uint64_t)int_of(res, row, 8);
	l->at_us = int_of(res, row, 11);
	l->retried_us = PQgetisnull(res, row, 12) ? POS_NONE : int_of(res, row, 12);
	l->retries = (uint64_t)int_of(res, row, 13);
	l->taken = text_of(a, res, row, 14);
	return letters_decode(page, l, strcmp(PQgetvalue(res, row, 9), "base64") == 0,
			      slice(PQgetvalue(res, row, 10), (size_t)PQgetlength(res, row, 10)),
			      err);
}

/* Few at a time: 64 KiB each are a page of 13 MB. */
static enum sink_result query_page(struct pg_letters *l, PGresult **res, struct err *err)
{
	struct bounds b;
	char after[24], *sql;
	const char *value[3] = { NULL, NULL, after };
	enum sink_result r;

	if (!l->has_marks) {
		sql = mem_printf("FETCH %d FROM hta_letters", LETTERS_PAGE);
		r = pg_query(l->p, res, err, sql, 0, NULL);
		free(sql);
		return r;
	}
	snprintf(after, sizeof(after), "%" PRId64, l->after);
	bounds_of(l->want, &b);
	value[0] = b.value[0];
	value[1] = b.value[1];
	sql = mem_printf("SELECT id, " COLUMNS
			 ", " US("retried_at") ", retries, taken FROM "
					       "hta_dead WHERE id > $3::bigint AND " WITHIN
					       "%s ORDER BY id LIMIT %d",
			 l->want->again ? "" : " AND retried_at IS NULL", LETTERS_PAGE);
	r = pg_query(l->p, res, err, sql, 3, value);
	free(sql);
	return r;
}

static int pg_letters_page(void *d, struct letters_page *page, struct err *err)
{
	struct pg_letters *l = d;
	PGresult *res;
	int rows, rc = sink_error_result(query_page(l, &res, err), err);

	if (rc)
		return -1;
	rows = PQntuples(res);
	for (int i = 0; i < rows && rc == 0; i++)
		rc = read_letter(page, res, i, err);
	if (rows)
		l->after = int_of(res, rows - 1, 0);
	page->end = rows < LETTERS_PAGE;
	PQclear(res);
	return rc;
}

/* ---- marks */

/* RETURNING gives the ids that were free, or that are in the doubt that the caller knew of. */
static const char take_sql[] =
	"UPDATE hta_dead d SET taken = $1 || '/' || $2 FROM unnest($3::bigint[], $4::text[]) "
	"u(id, taken) WHERE d.id = u.id AND d.taken IS NOT DISTINCT FROM nullif(u.taken, '')"
	" AND ($5::boolean OR d.retried_at IS NULL) RETURNING d.id";

static void note_taken(const PGresult *res, const struct letter *const *v, size_t n, bool *got)
{
	for (int i = 0; i < PQntuples(res); i++)
		for (size_t k = 0; k < n; k++)
			got[k] |= v[k]->id == int_of(res, i, 0);
}

static int pg_letters_take(void *d, const struct letter *const *v, size_t n, const char *call,
			   uint64_t batch, bool *got, struct err *err)
{
	struct pg_letters *l = d;
	struct buf ids = { 0 }, taken = { 0 };
	char number[24];
	const char *value[5] = { call, number, NULL, NULL, l->want->again ? "t" : "f" };
	PGresult *res;
	int rc;

	snprintf(number, sizeof(number), "%" PRIu64, batch);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&ids, "%c%" PRId64, i ? ',' : '{', v[i]->id);
		buf_printf(&taken, "%c\"%.*s\"", i ? ',' : '{', (int)v[i]->taken.n,
			   v[i]->taken.n ? v[i]->taken.p : "");
		got[i] = false;
	}
	buf_addc(&ids, '}');
	buf_addc(&taken, '}');
	value[2] = buf_z(&ids);
	value[3] = buf_z(&taken);
	rc = sink_error_result(pg_query(l->p, &res, err, take_sql, 5, value), err);
	if (rc == 0) {
		note_taken(res, v, n, got);
		PQclear(res);
	}
	buf_fini(&ids);
	buf_fini(&taken);
	return rc;
}

/* The batch's number stands behind the last slash. */
static int pg_letters_settle(void *d, const char *call, uint64_t sent, struct err *err)
{
	static const char sql[] =
		"UPDATE hta_dead SET retried_at = CASE WHEN substr(taken, length($1) + 2)::bigint "
		"<= $2::bigint THEN clock_timestamp() ELSE retried_at END, retries = retries + "
		"(substr(taken, length($1) + 2)::bigint <= $2::bigint)::int, taken = NULL WHERE "
		"taken IS NOT NULL AND substr(taken, 1, length($1) + 1) = $1 || '/'";
	struct pg_letters *l = d;
	char number[24];
	const char *value[2] = { call, number };

	snprintf(number, sizeof(number), "%" PRIu64, sent);
	return sink_error_result(pg_query(l->p, NULL, err, sql, 2, value), err);
}

static int pg_letters_calls(void *d, letters_call_fn *fn, void *arg, struct err *err)
{
	struct pg_letters *l = d;
	PGresult *res;
	int rc = sink_error_result(pg_query(l->p, &res, err,
					    "SELECT DISTINCT regexp_replace(taken, '/[0-9]*$', '') "
					    "FROM hta_dead WHERE taken IS NOT NULL",
					    0, NULL),
				   err);

	if (rc)
		return -1;
	for (int i = 0; i < PQntuples(res) && rc == 0; i++)
		rc = fn(arg, PQgetvalue(res, i, 0), err);
	PQclear(res);
	return rc;
}

const struct letters_driver pg_letters = {
	.ordered = true,
	.open = pg_letters_open,
	.close = pg_letters_close,
	.rewind = pg_letters_rewind,
	.page = pg_letters_page,
	.take = pg_letters_take,
	.settle = pg_letters_settle,
	.calls = pg_letters_calls,
};
