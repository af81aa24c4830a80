/* Epochs and plain batches.
 *
 * An epoch is one pipeline: compare-and-set, a statement a chunk of 5,000 rows, dead records, COMMIT. Where the compare-and-set raises, all that follows is
 * skipped. Rows with a sketch take a second round trip inside the transaction: the upsert locks the row and gives back the stored sketch, the sink merges and
 * writes sketch and estimate (the same estimator in all stores; the server's own would give another number). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drv/pg_internal.h"
#include "sketch/hll.h"

#define COLUMNS "metric, window_start, window_end, dims_hash, dims, count, value_count, sum, min, max"
#define UNNEST "unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
#define KEY "metric, window_start, window_end, dims_hash"

static const char add_rows[] =
	"INSERT INTO @ AS t (" COLUMNS ") SELECT * FROM " UNNEST " ON CONFLICT (" KEY ") DO UPDATE SET count = t.count + excluded.count,"
	" value_count = coalesce(t.value_count + excluded.value_count, t.value_count, excluded.value_count),"
	" sum = trim_scale(coalesce(t.sum + excluded.sum, t.sum, excluded.sum)), min = least(t.min, excluded.min), max = greatest(t.max, excluded.max), updated_at = now()@";
static const char set_rows[] =
	"INSERT INTO @ AS t (" COLUMNS ", uniq, uniq_sketch) SELECT u.c1, u.c2, u.c3, u.c4, u.c5, u.c6, u.c7, u.c8, u.c9, u.c10, u.c11, u.c12::@ FROM"
	" unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) u(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12)"
	" ON CONFLICT (" KEY ") DO @";
static const char replace_rows[] =
	"UPDATE SET dims = excluded.dims, count = excluded.count, value_count = excluded.value_count, sum = excluded.sum, min = excluded.min, max = excluded.max,"
	" uniq = excluded.uniq, uniq_sketch = excluded.uniq_sketch, updated_at = now()";
static const char returning[] = " RETURNING metric, window_start, window_end, dims_hash, uniq_sketch";
static const char write_sketches[] =
	"UPDATE @ t SET uniq = u.uniq, uniq_sketch = u.sketch::@ FROM unnest($1, $2, $3, $4, $5, $6) u(metric, window_start, window_end, dims_hash, uniq, sketch)"
	" WHERE t.metric = u.metric AND t.window_start = u.window_start AND t.window_end = u.window_end AND t.dims_hash = u.dims_hash";
static const char insert_dead[] =
	"INSERT INTO hta_dead (job, sink, kind, topic, partition, record_offset, stage, reason, size, encoding, record)"
	" SELECT $1, $2, * FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11)";

static const char *sketch_type(const struct pg *p)
{
	return p->hll ? "hll" : "bytea";
}

static void put_key(struct pg_params *a, int at, const struct rollup *row)
{
	char hex[32];
	static const char digit[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		hex[2 * i] = digit[row->dims_hash[i] >> 4];
		hex[2 * i + 1] = digit[row->dims_hash[i] & 15];
	}
	pg_put_text(a, at, row->metric);
	pg_put_time(a, at + 1, row->start_us);
	pg_put_time(a, at + 2, row->end_us);
	pg_put_text(a, at + 3, slice(hex, sizeof(hex)));
}

static int key_arrays(struct pg_params *a)
{
	int at = pg_array(a, PG_TEXT);

	pg_array(a, PG_TIMESTAMPTZ);
	pg_array(a, PG_TIMESTAMPTZ);
	pg_array(a, PG_TEXT);
	return at;
}

static void put_decs(struct pg_params *a, int at, const struct rollup *row)
{
	const dec *v[] = { &row->sum, &row->min, &row->max };

	for (int i = 0; i < 3; i++) {
		if (row->has_value && row->value_count)
			pg_put_dec(a, at + i, *v[i]);
		else
			pg_null(a, at + i);
	}
}

/* $1 .. $10 */
static void row_arrays(struct pg_params *a, const struct rollup *row, size_t n)
{
	int at;

	pg_params_reset(a);
	at = key_arrays(a);
	pg_array(a, PG_JSONB);
	pg_array(a, PG_INT8);
	pg_array(a, PG_INT8);
	for (int i = 0; i < 3; i++)
		pg_array(a, PG_NUMERIC);
	for (size_t i = 0; i < n; i++) {
		put_key(a, at, &row[i]);
		pg_put_jsonb(a, at + 4, row[i].dims);
		pg_put_int8(a, at + 5, (int64_t)row[i].count);
		if (row[i].has_value)
			pg_put_int8(a, at + 6, (int64_t)row[i].value_count);
		else
			pg_null(a, at + 6);
		put_decs(a, at + 7, &row[i]);
	}
}

static void put_sketch(const struct pg *p, struct pg_params *a, int at, const struct hll *h)
{
	struct buf b = { 0 };

	if (p->hll)
		hll_to_pg(h, &b);
	else
		hll_encode(h, &b);
	pg_put_bytes(a, at, buf_slice(&b));
	buf_fini(&b);
}

static struct hll *stored_sketch(const struct pg *p, struct slice bytes)
{
	return p->hll ? hll_from_pg(bytes) : hll_decode(bytes);
}

static int no_sketch(const struct rollup *row, const char *where, struct err *err)
{
	return err_set(err, EX_DATAERR, "metric %.*s: uniq_sketch %s is not a sketch", (int)row->metric.n, row->metric.p, where);
}

/* $11, $12 of set_rows */
static int sketch_arrays(const struct pg *p, struct pg_params *a, const struct rollup *row, size_t n, struct err *err)
{
	int uniq = pg_array(a, PG_INT8), sketch = pg_array(a, PG_BYTEA);

	for (size_t i = 0; i < n; i++) {
		struct hll *h;

		if (!row[i].has_uniq) {
			pg_null(a, uniq);
			pg_null(a, sketch);
			continue;
		}
		h = hll_decode(row[i].sketch);
		if (!h)
			return no_sketch(&row[i], "of the row", err);
		pg_put_int8(a, uniq, (int64_t)row[i].uniq);
		put_sketch(p, a, sketch, h);
		hll_free(h);
	}
	return 0;
}

/* ---- one statement after the other, in a pipeline or not */

struct work {
	struct pg *p;
	const struct sink_batch *b;
	struct pg_params a;
	struct buf sql;
	enum sink_result r;
	struct err *err;
};

/* The statement with its @ filled in. */
static const char *sql_of(struct work *w, const char *text, const char *x, const char *y, const char *z)
{
	const char *fill[] = { x, y, z };
	size_t k = 0;

	w->sql.n = 0;
	for (; *text; text++) {
		if (*text == '@')
			buf_addz(&w->sql, fill[k++]);
		else
			buf_addc(&w->sql, *text);
	}
	return buf_z(&w->sql);
}

static void send(struct work *w, const char *sql, bool binary)
{
	if (w->r == SINK_OK && !pg_send(w->p, sql, &w->a, binary))
		w->r = pg_failed(w->p, NULL, w->err);
}

static void send_plain(struct work *w, const char *sql)
{
	pg_params_reset(&w->a);
	send(w, sql, false);
}

static void send_advance(struct work *w)
{
	const struct ranges *s = w->b->ranges;
	struct pg_params *a = &w->a;
	static const Oid type[] = { PG_TEXT, PG_INT4, PG_INT8, PG_INT8, PG_INT8, PG_TIMESTAMPTZ, PG_TEXT, PG_TIMESTAMPTZ, PG_BOOL };
	char hash[17];

	pg_params_reset(a);
	pg_scalar(a, w->b->job);
	pg_scalar(a, w->p->conf->name);
	pg_scalar(a, w->b->gen);
	for (size_t i = 0; i < sizeof(type) / sizeof(*type); i++)
		pg_array(a, type[i]);
	for (size_t i = 0; i < s->n; i++) {
		const struct range *x = &s->v[i];
		bool record = x->to > x->from && x->last.offset >= 0;

		pg_put_text(a, 3, slice_z(x->topic));
		pg_put_int4(a, 4, x->partition);
		pg_put_int8(a, 5, x->from);
		pg_put_int8(a, 6, x->to);
		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)x->last.hash);
		if (record)
			pg_put_int8(a, 7, x->last.offset);
		else
			pg_null(a, 7);
		pg_put_time(a, 8, record ? x->last.time_us : POS_NONE);
		pg_put_text(a, 9, record ? slice(hash, 16) : slice(NULL, 0));
		pg_put_time(a, 10, x->watermark_us);
		pg_put_bool(a, 11, x->idle);
	}
	send(w, "SELECT hta_advance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", false);
}

static struct slice storable(const struct sink_dead *d, struct buf *scratch, bool *base64)
{
	*base64 = d->base64;
	if (d->base64 || !memchr(d->record.p, 0, d->record.n))
		return d->record;
	scratch->n = 0;                      /* text cannot hold a NUL */
	buf_base64(scratch, d->record.p, d->record.n);
	*base64 = true;
	return buf_slice(scratch);
}

static void send_dead(struct work *w)
{
	static const Oid type[] = { PG_TEXT, PG_TEXT, PG_INT4, PG_INT8, PG_TEXT, PG_TEXT, PG_INT8, PG_TEXT, PG_TEXT };
	struct pg_params *a = &w->a;
	struct buf scratch = { 0 };

	if (!w->b->n_dead)
		return;
	pg_params_reset(a);
	pg_scalar(a, w->b->job);
	pg_scalar(a, w->p->conf->name);
	for (size_t i = 0; i < sizeof(type) / sizeof(*type); i++)
		pg_array(a, type[i]);
	for (size_t i = 0; i < w->b->n_dead; i++) {
		const struct sink_dead *d = &w->b->dead[i];
		bool base64;
		struct slice record = storable(d, &scratch, &base64);

		pg_put_text(a, 2, slice_z(d->late ? "late" : "dead"));
		pg_put_text(a, 3, d->topic);
		if (d->topic.p) {
			pg_put_int4(a, 4, d->partition);
			pg_put_int8(a, 5, d->offset);
		} else {
			pg_null(a, 4);
			pg_null(a, 5);
		}
		pg_put_text(a, 6, d->stage);
		pg_put_text(a, 7, d->why);
		pg_put_int8(a, 8, (int64_t)d->size);
		pg_put_text(a, 9, slice_z(base64 ? "base64" : "utf8"));
		pg_put_text(a, 10, record);
	}
	send(w, insert_dead, false);
	buf_fini(&scratch);
}

/* A run of rows that one statement can take: same op, all with a sketch or none, at most a chunk. */
static size_t chunk(const struct sink_batch *b, size_t at)
{
	size_t n = 1;

	while (at + n < b->rows && n < PG_CHUNK_ROWS && b->row[at + n].add == b->row[at].add && b->row[at + n].has_uniq == b->row[at].has_uniq)
		n++;
	return n;
}

static size_t send_chunk(struct work *w, size_t at, const char *on_conflict)
{
	size_t n = chunk(w->b, at);
	const struct rollup *row = &w->b->row[at];

	row_arrays(&w->a, row, n);
	if (row->add) {
		send(w, sql_of(w, add_rows, w->p->table, row->has_uniq ? returning : "", ""), row->has_uniq);
	} else {
		if (sketch_arrays(w->p, &w->a, row, n, w->err))
			w->r = SINK_FATAL;
		send(w, sql_of(w, set_rows, w->p->table, sketch_type(w->p), on_conflict), false);
	}
	return n;
}

/* ---- results */

/* The answer to one statement of a pipeline. ZHT01, ZHT02 are the compare-and-set's. Later statements are PIPELINE_ABORTED: the first error counts. */
static PGresult *answer(struct work *w)
{
	PGresult *res, *end;
	struct err ignored;
	enum sink_result r = pg_next(w->p, &res, w->r == SINK_OK ? w->err : &ignored);

	if (r != SINK_OK || !res) {
		if (w->r == SINK_OK)
			w->r = r != SINK_OK ? r : SINK_RETRY;
		return NULL;
	}
	if (w->r == SINK_OK && PQresultStatus(res) == PGRES_FATAL_ERROR) {
		w->r = pg_failed(w->p, res, w->err);
		if (pg_state_is(res, "ZHT01"))
			w->r = SINK_APPLIED;
		if (pg_state_is(res, "ZHT02"))
			w->r = SINK_CONFLICT, w->err->code = EX_TEMPFAIL;
	}
	if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
		return res;
	r = pg_next(w->p, &end, w->r == SINK_OK ? w->err : &ignored);       /* NULL between two statements */
	if (r != SINK_OK && w->r == SINK_OK)
		w->r = r;
	PQclear(end);
	return res;
}

/* Reads the answers up to the sync. */
static void answers(struct work *w)
{
	for (;;) {
		PGresult *res = PQstatus(w->p->c) == CONNECTION_BAD ? NULL : answer(w);
		bool sync = res && PQresultStatus(res) == PGRES_PIPELINE_SYNC;

		PQclear(res);
		if (!res || sync)
			return;
	}
}

static bool same_key(const struct rollup *row, const PGresult *res, int i)
{
	struct pg_params a = { 0 };
	bool same = true;
	int at = key_arrays(&a);

	put_key(&a, at, row);
	for (int k = 0; k < 4 && same; k++) {
		struct slice v = slice(a.value[k].p + 24, a.value[k].n - 24);

		same = slice_eq(v, slice(PQgetvalue(res, i, k), (size_t)PQgetlength(res, i, k)));
	}
	pg_params_fini(&a);
	return same;
}

/* The merged sketches of a chunk, ready for write_sketches. RETURNING gives the rows in the order in which they went in; that is checked, not assumed. */
static void merge_sketches(struct work *w, size_t at, size_t n, const PGresult *res, struct pg_params *out)
{
	int key = key_arrays(out), uniq = pg_array(out, PG_INT8), sketch = pg_array(out, PG_BYTEA);

	if (PQntuples(res) != (int)n)
		BUG("%d rows came back of %zu", PQntuples(res), n);
	for (size_t i = 0; i < n && w->r == SINK_OK; i++) {
		const struct rollup *row = &w->b->row[at + i];
		struct hll *h = hll_decode(row->sketch), *old = NULL;

		if (!same_key(row, res, (int)i))
			BUG("rows came back in another order");
		if (!PQgetisnull(res, (int)i, 4))
			old = stored_sketch(w->p, slice(PQgetvalue(res, (int)i, 4), (size_t)PQgetlength(res, (int)i, 4)));
		if (!h || (!old && !PQgetisnull(res, (int)i, 4))) {
			no_sketch(row, h ? "in the table" : "of the row", w->err);
			w->r = SINK_FATAL;
		} else {
			if (old)
				hll_merge(h, old);
			put_key(out, key, row);
			pg_put_int8(out, uniq, (int64_t)hll_count(h));
			put_sketch(w->p, out, sketch, h);
		}
		hll_free(h);
		hll_free(old);
	}
}

/* ---- apply */

/* Reads the upserts' answers; the chunks with sketches are merged and their second statements sent at once. *second: something was sent. */
static void upsert_answers(struct work *w, struct pg_params *merged)
{
	size_t k = 0;

	PQclear(answer(w));                  /* BEGIN */
	PQclear(answer(w));                  /* hta_advance */
	for (size_t at = 0; at < w->b->rows; k++) {
		size_t n = chunk(w->b, at);
		PGresult *res = answer(w);

		if (w->r == SINK_OK && w->b->row[at].add && w->b->row[at].has_uniq)
			merge_sketches(w, at, n, res, &merged[k]);
		PQclear(res);
		at += n;
	}
	answers(w);
}

static size_t chunks(const struct sink_batch *b, bool *sketches)
{
	size_t n = 0;

	*sketches = false;
	for (size_t at = 0; at < b->rows; at += chunk(b, at), n++)
		*sketches |= b->row[at].add && b->row[at].has_uniq;
	return n;
}

/* The server is to have got what was sent. */
static void crash_sent(struct work *w, enum crash_point point)
{
	if (!crash_now(point))
		return;
	while (PQflush(w->p->c) > 0)
		poll(&(struct pollfd){ .fd = PQsocket(w->p->c), .events = POLLOUT }, 1, -1);
	crash_die();
}

/* In the transaction that is under way. */
static void commit(struct work *w)
{
	crash_sent(w, CRASH_SINK_INSIDE);
	send_plain(w, "COMMIT");
	if (!PQpipelineSync(w->p->c) && w->r == SINK_OK)
		w->r = pg_failed(w->p, NULL, w->err);
	crash_sent(w, CRASH_SINK_SENT);
	answers(w);
}

/* Everything in one round trip. */
static void apply_at_once(struct work *w)
{
	send_plain(w, "BEGIN");
	send_advance(w);
	for (size_t at = 0; at < w->b->rows && w->r == SINK_OK;)
		at += send_chunk(w, at, replace_rows);
	send_dead(w);
	commit(w);
}

/* Two round trips: the sketches are merged between them. */
static void apply_sketches(struct work *w, size_t n)
{
	struct pg_params *merged = mem_array(n, sizeof(*merged));

	send_plain(w, "BEGIN");
	send_advance(w);
	for (size_t at = 0; at < w->b->rows && w->r == SINK_OK;)
		at += send_chunk(w, at, replace_rows);
	send_dead(w);
	if (!PQpipelineSync(w->p->c) && w->r == SINK_OK)
		w->r = pg_failed(w->p, NULL, w->err);
	upsert_answers(w, merged);
	for (size_t i = 0; i < n && w->r == SINK_OK; i++)
		if (merged[i].n && !pg_send(w->p, sql_of(w, write_sketches, w->p->table, sketch_type(w->p), ""), &merged[i], false))
			w->r = pg_failed(w->p, NULL, w->err);
	if (w->r == SINK_OK)
		commit(w);
	for (size_t i = 0; i < n; i++)
		pg_params_fini(&merged[i]);
	free(merged);
}

enum sink_result pg_apply(void *d, const struct sink_batch *batch, struct sink_counts *counts, struct err *err)
{
	struct pg *p = d;
	struct work w = { .p = p, .b = batch, .r = SINK_OK, .err = err };
	bool sketches;
	size_t n = chunks(batch, &sketches);

	(void)counts;
	if (!PQenterPipelineMode(p->c))
		return pg_failed(p, NULL, err);
	if (sketches)
		apply_sketches(&w, n);
	else
		apply_at_once(&w);
	pg_params_fini(&w.a);
	buf_fini(&w.sql);
	if (PQstatus(p->c) == CONNECTION_BAD)
		return w.r == SINK_OK || w.r == SINK_APPLIED ? SINK_RETRY : w.r;
	if (!PQexitPipelineMode(p->c))
		return w.r == SINK_OK ? SINK_RETRY : w.r;
	return pg_rollback(p, w.r);
}

/* ---- plain rows */

static const char compare_rows[] =
	"SELECT u.ord - 1, (t.count, t.value_count, t.sum, t.min, t.max, t.uniq) IS NOT DISTINCT FROM (u.c6, u.c7, u.c8, u.c9, u.c10, u.c11) AND"
	" @ IS NOT DISTINCT FROM u.c12, format('count %s, sum %s', t.count, t.sum) FROM"
	" unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) WITH ORDINALITY u(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, ord)"
	" JOIN @ t ON t.metric = u.c1 AND t.window_start = u.c2 AND t.window_end = u.c3 AND t.dims_hash = u.c4 ORDER BY u.ord";

/* Counts equal and different ones of a chunk; the first different one ends it unless it may be replaced. */
static void compare(struct work *w, const struct rollup *row, size_t n, bool may_differ, struct sink_counts *counts, bool *differ)
{
	PGresult *res = NULL;
	size_t found;

	row_arrays(&w->a, row, n);
	if (sketch_arrays(w->p, &w->a, row, n, w->err)) {
		w->r = SINK_FATAL;
		return;
	}
	send(w, sql_of(w, compare_rows, w->p->hll ? "hll_send(t.uniq_sketch)" : "t.uniq_sketch", w->p->table, ""), false);
	res = w->r == SINK_OK ? answer(w) : NULL;
	found = w->r == SINK_OK ? (size_t)PQntuples(res) : 0;
	for (size_t i = 0; i < found; i++) {
		bool equal = *PQgetvalue(res, (int)i, 1) == 't';

		counts->equal += equal;
		counts->different += !equal;
		*differ |= !equal;
		if (equal || may_differ)
			continue;
		say_different(&row[strtoul(PQgetvalue(res, (int)i, 0), NULL, 10)], PQgetvalue(res, (int)i, 2), w->err);
		w->r = SINK_FATAL;
		break;
	}
	counts->fresh += n - found;
	PQclear(res);
}

static void put_chunk(struct work *w, size_t at, size_t n, bool replace, bool dry_run, struct sink_counts *counts)
{
	const struct rollup *row = &w->b->row[at];
	uint64_t fresh = 0;
	bool differ = false;
	PGresult *res;

	if (!dry_run) {
		send_chunk(w, at, "NOTHING");
		res = w->r == SINK_OK ? answer(w) : NULL;
		fresh = res ? strtoull(PQcmdTuples(res), NULL, 10) : 0;
		PQclear(res);
	}
	if (w->r == SINK_OK && fresh < n)
		compare(w, row, n, replace || dry_run, counts, &differ);
	counts->fresh += fresh;
	counts->equal -= fresh < n ? fresh : 0;         /* those that just went in were found, equal */
	if (w->r == SINK_OK && differ && replace && !dry_run) {
		send_chunk(w, at, replace_rows);
		if (w->r == SINK_OK)
			PQclear(answer(w));
	}
}

enum sink_result pg_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run, struct sink_counts *counts, struct err *err)
{
	struct pg *p = d;
	struct work w = { .p = p, .b = batch, .r = pg_script(p, "BEGIN", err), .err = err };

	for (size_t at = 0; at < batch->rows && w.r == SINK_OK;) {
		size_t n = chunk(batch, at);

		put_chunk(&w, at, n, replace, dry_run, counts);
		at += n;
	}
	if (w.r == SINK_OK)
		w.r = pg_script(p, dry_run ? "ROLLBACK" : "COMMIT", err);
	pg_params_fini(&w.a);
	buf_fini(&w.sql);
	return pg_rollback(p, w.r);
}
