/* Epochs, as one transaction each.
 *
 * An epoch is one pipeline: compare-and-set, a statement a chunk of 5,000 rows, dead records,
 * COMMIT. Where the compare-and-set raises, all that follows is skipped. Rows with a sketch take
 * a second round trip inside the transaction: the upsert locks the row and gives back the stored
 * sketch, the sink merges and writes sketch and estimate (the same estimator in all stores; the
 * server's own would give another number). */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "sketch/hll.h"

static const char write_sketches[] =
	"UPDATE @ t SET updated_at = now()@ FROM unnest($1, $2, $3, $4@) u(metric, window_start, "
	"window_end, dims_hash@)"
	" WHERE t.metric = u.metric AND t.window_start = u.window_start AND t.window_end = "
	"u.window_end AND t.dims_hash = u.dims_hash";
static const char insert_dead[] =
	"INSERT INTO hta_dead (job, sink, kind, topic, partition, record_offset, stage, reason, "
	"size, encoding, record, retries)"
	" SELECT $1, $2, * FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
/* a table without marks */
static const char insert_dead_before[] =
	"INSERT INTO hta_dead (job, sink, kind, topic, partition, record_offset, stage, reason, "
	"size, encoding, record)"
	" SELECT $1, $2, a, b, c, d, e, f, g, h, i FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, "
	"$11, $12) u(a, b, c, d, e, f, g, h, i, j)";

static struct hll *stored_sketch(const struct pg *p, struct slice bytes)
{
	return p->hll ? hll_from_pg(bytes) : hll_decode(bytes);
}

#define ADVANCE "SELECT hta_advance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"

static const char advance_retain[] =
	"WITH known AS MATERIALIZED (SELECT set_config('hta.retains', 'on', true)@) " ADVANCE
	", $13), hta_retain($14, $1, $2, $15::timestamptz) FROM known";
/* Late rows of a compressed chunk unpack all that has their key: an epoch may do so. */
static const char lift[] =
	", set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)";

/* The same, and the mark of what is kept, which looks at the positions as they are then. */
static void send_retain(struct pg_work *w, struct pg_params *a)
{
	char mark[TM_TEXT_BYTES];
	bool has = w->p->kept.before_us != POS_NONE;

	if (has)
		mark[tm_text(w->p->kept.before_us, mark)] = 0;
	pg_scalar(a, w->p->rollups);
	pg_scalar(a, has ? mark : NULL);
	pg_work_send(
		w, pg_sql(w, advance_retain, (const char *const[]){ w->p->kept.lifts ? lift : "" }),
		false);
}

static void send_advance(struct pg_work *w)
{
	const struct ranges *s = w->b->ranges;
	struct pg_params *a = &w->a;
	static const Oid type[] = { PG_TEXT,        PG_INT4, PG_INT8,        PG_INT8, PG_INT8,
				    PG_TIMESTAMPTZ, PG_TEXT, PG_TIMESTAMPTZ, PG_BOOL };
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
	if (w->b->set || w->p->kept.on)
		pg_scalar(a, w->b->set);
	if (w->p->kept.on)
		send_retain(w, a);
	else
		pg_work_send(w, w->b->set ? ADVANCE ", $13)" : ADVANCE ")", false);
}

/* Those from `at` on that one statement can take; returns their number. */
static size_t send_some_dead(struct pg_work *w, size_t at)
{
	static const Oid type[] = { PG_TEXT, PG_TEXT, PG_INT4, PG_INT8, PG_TEXT,
				    PG_TEXT, PG_INT8, PG_TEXT, PG_TEXT, PG_INT8 };
	struct pg_params *a = &w->a;
	size_t n = 0;

	pg_params_reset(a);
	pg_scalar(a, w->b->job);
	pg_scalar(a, w->p->conf->name);
	for (size_t i = 0; i < sizeof(type) / sizeof(*type); i++)
		pg_array(a, type[i]);
	for (size_t bytes = 0; at + n < w->b->n_dead && bytes < PG_CHUNK_BYTES; n++) {
		const struct sink_dead *d = &w->b->dead[at + n];

		bytes += d->record.n + d->why.n;
		pg_put_text(a, 2, slice_z(d->late ? "late" : "dead"));
		pg_put_text(a, 3, d->topic);
		if (d->topic.p)
			pg_put_int4(a, 4, d->partition);
		else
			pg_null(a, 4);
		if (d->topic.p && !d->inexact)
			pg_put_int8(a, 5, d->offset);
		else
			pg_null(a, 5);
		pg_put_text(a, 6, d->stage);
		pg_put_text(a, 7, d->why);
		pg_put_int8(a, 8, (int64_t)d->size);
		pg_put_text(a, 9, slice_z(d->base64 ? "base64" : "utf8"));
		pg_put_text(a, 10, d->record);
		pg_put_int8(a, 11, (int64_t)d->retries);
	}
	pg_work_send(w, w->p->version >= PG_SCHEMA_MARKS ? insert_dead : insert_dead_before, false);
	return n;
}

static void send_dead(struct pg_work *w)
{
	for (size_t at = 0; at < w->b->n_dead && w->r == SINK_OK;)
		at += send_some_dead(w, at);
}

/* ---- results */

/* Reads the answers up to the sync. */
static void answers(struct pg_work *w)
{
	for (;;) {
		PGresult *res = PQstatus(w->p->c) == CONNECTION_BAD ? NULL : pg_work_answer(w);
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
	int at = pg_key_arrays(&a);

	pg_put_key(&a, at, row);
	for (int k = 0; k < 4 && same; k++) {
		struct slice v = slice(a.value[k].p + 24, a.value[k].n - 24);

		same = slice_eq(v, slice(PQgetvalue(res, i, k), (size_t)PQgetlength(res, i, k)));
	}
	pg_params_fini(&a);
	return same;
}

/* One row's uniques. False: one is no sketch, err says which. */
static bool merge_uniq(struct pg_work *w, const struct rollup *row, const struct slice *stored,
		       struct pg_params *out, int at)
{
	struct hll *h = hll_decode(row->sketch), *old = NULL;
	bool good;

	if (stored->p)
		old = stored_sketch(w->p, *stored);
	good = h && (old || !stored->p);
	if (good) {
		if (old)
			hll_merge(h, old);
		pg_put_int8(out, at, (int64_t)hll_count(h));
		pg_put_sketch(w->p, out, at + 1, h);
	} else {
		pg_no_sketch(row, h ? "in the table" : "of the row", w->err);
	}
	hll_free(h);
	hll_free(old);
	return good;
}

static struct slice returned_bytes(const PGresult *res, int i, int k)
{
	return PQgetisnull(res, i, k)
		       ? slice(NULL, 0)
		       : slice(PQgetvalue(res, i, k), (size_t)PQgetlength(res, i, k));
}

/* One row's columns that are sketches, merged with those that came back from column 5 on. */
static bool merge_columns(struct pg_work *w, const struct rollup *row, const PGresult *res, int i,
			  struct pg_params *out, int at, struct arena *arena)
{
	size_t first = pg_columns_plain(row);
	struct cell cell[COLUMNS_MAX];

	memcpy(cell, row->cell, row->cells * sizeof(*cell));
	for (size_t c = first; c < row->cells; c++) {
		struct slice stored = returned_bytes(res, i, 5 + (int)(c - first));
		struct cell old = { .column = cell[c].column, .empty = !stored.p };

		old.sketch = stored;
		if (!cell_merge(&cell[c], &old, arena)) {
			err_set(w->err, EX_DATAERR,
				"metric %.*s: %.*s in the table or of the row is not a sketch",
				(int)row->metric.n, row->metric.p, (int)cell[c].column.name.n,
				cell[c].column.name.p);
			return false;
		}
	}
	pg_columns_put(out, at, row, cell, first, row->cells);
	return true;
}

/* The merged sketches of a chunk, ready for write_sketches. RETURNING gives the rows in the
 * order in which they went in; that is checked, not assumed. */
static void merge_sketches(struct pg_work *w, size_t at, size_t n, const PGresult *res,
			   struct pg_params *out)
{
	const struct rollup *row = &w->b->row[at];
	bool columns = pg_columns_plain(row) < row->cells, good = true;
	int key = pg_key_arrays(out), uniq = out->n, first;
	struct arena arena = { 0 };

	if (row->has_uniq) {
		pg_array(out, PG_INT8);
		pg_array(out, PG_BYTEA);
	}
	first = columns ? pg_columns_begin(out, row, pg_columns_plain(row), row->cells) : 0;
	if (PQntuples(res) != (int)n)
		BUG("%d rows came back of %zu", PQntuples(res), n);
	for (size_t i = 0; i < n && good; i++, row++) {
		struct slice stored = returned_bytes(res, (int)i, 4);

		if (!same_key(row, res, (int)i))
			BUG("rows came back in another order");
		pg_put_key(out, key, row);
		good = (!row->has_uniq || merge_uniq(w, row, &stored, out, uniq)) &&
		       (!columns || merge_columns(w, row, res, (int)i, out, first, &arena));
		arena_reset(&arena);
	}
	if (!good)
		w->r = SINK_FATAL;
	arena_fini(&arena);
}

/* Writes what merge_sketches has made of the chunk that begins with this row. */
static void send_sketches(struct pg_work *w, const struct rollup *row, struct pg_params *merged)
{
	struct buf sets = { 0 }, params = { 0 }, names = { 0 };

	if (row->has_uniq) {
		buf_printf(&sets, ", uniq = u.uniq, uniq_sketch = u.sketch::%s",
			   pg_sketch_type(w->p));
		buf_addz(&names, ", uniq, sketch");
	}
	if (pg_columns_plain(row) < row->cells) {
		pg_columns_write(row, &sets);
		pg_columns_sketches(row, &names);
		buf_addz(&names, ", estimates");
	}
	for (int i = 5; i <= merged->n; i++)
		buf_printf(&params, ", $%d", i);
	if (!pg_send(w->p,
		     pg_sql(w, write_sketches,
			    (const char *const[]){ w->p->table, buf_z(&sets), buf_z(&params),
						   buf_z(&names) }),
		     merged, false))
		w->r = pg_failed(w->p, NULL, w->err);
	buf_fini(&sets);
	buf_fini(&params);
	buf_fini(&names);
}

/* ---- apply */

/* Reads the upserts' answers; the chunks with sketches are merged and their second statements
 * sent at once. *second: something was sent. */
static void upsert_answers(struct pg_work *w, struct pg_params *merged)
{
	size_t k = 0;

	PQclear(pg_work_answer(w)); /* BEGIN */
	PQclear(pg_work_answer(w)); /* hta_advance */
	for (size_t at = 0; at < w->b->rows; k++) {
		size_t n = pg_work_rows(w->b, at);
		PGresult *res = pg_work_answer(w);

		if (w->r == SINK_OK && pg_work_merges(&w->b->row[at]))
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
	for (size_t at = 0; at < b->rows; at += pg_work_rows(b, at), n++)
		*sketches |= pg_work_merges(&b->row[at]);
	return n;
}

/* The server is to have got what was sent. */
static void pg_crash_sent(struct pg_work *w, enum crash_point point)
{
	if (!crash_now(point))
		return;
	while (PQflush(w->p->c) > 0)
		poll(&(struct pollfd){ .fd = PQsocket(w->p->c), .events = POLLOUT }, 1, -1);
	crash_die();
}

/* In the transaction that is under way. */
static void commit(struct pg_work *w)
{
	pg_crash_sent(w, CRASH_SINK_INSIDE);
	pg_work_plain(w, "COMMIT");
	if (!PQpipelineSync(w->p->c) && w->r == SINK_OK)
		w->r = pg_failed(w->p, NULL, w->err);
	pg_crash_sent(w, CRASH_SINK_SENT);
	answers(w);
}

/* Ends the pipeline for a COPY, and begins it again. True: the events are in the table. */
static bool copy_events(struct pg_work *w)
{
	PGconn *c = w->p->c;
	bool copied;

	pg_work_plain(w, PG_COPY_SAVEPOINT);
	if (!PQpipelineSync(c) && w->r == SINK_OK)
		w->r = pg_failed(w->p, NULL, w->err);
	answers(w);
	if (w->r != SINK_OK)
		return false;
	if (!PQexitPipelineMode(c)) {
		w->r = pg_failed(w->p, NULL, w->err);
		return false;
	}
	copied = pg_copy_events(w);
	if (w->r == SINK_OK && !PQenterPipelineMode(c))
		w->r = pg_failed(w->p, NULL, w->err);
	return copied;
}

/* Everything in one round trip, but for a COPY. */
static void apply_at_once(struct pg_work *w)
{
	pg_work_plain(w, PG_BEGIN);
	send_advance(w);
	for (size_t at = 0; at < w->b->rows && w->r == SINK_OK;)
		at += pg_work_chunk(w, at, true);
	if (!pg_copy_suits(w) || !copy_events(w))
		for (size_t at = 0; at < w->b->records && w->r == SINK_OK;)
			at += pg_events_send(w, at);
	if (w->r != SINK_OK && PQpipelineStatus(w->p->c) == PQ_PIPELINE_OFF)
		return;
	send_dead(w);
	commit(w);
}

/* Two round trips: the sketches are merged between them. */
static void apply_sketches(struct pg_work *w, size_t n)
{
	struct pg_params *merged = mem_array(n, sizeof(*merged));

	pg_work_plain(w, PG_BEGIN);
	send_advance(w);
	for (size_t at = 0; at < w->b->rows && w->r == SINK_OK;)
		at += pg_work_chunk(w, at, true);
	send_dead(w);
	if (!PQpipelineSync(w->p->c) && w->r == SINK_OK)
		w->r = pg_failed(w->p, NULL, w->err);
	upsert_answers(w, merged);
	for (size_t i = 0, at = 0; i < n && w->r == SINK_OK; i++) {
		if (merged[i].n)
			send_sketches(w, &w->b->row[at], &merged[i]);
		at += pg_work_rows(w->b, at);
	}
	if (w->r == SINK_OK)
		commit(w);
	for (size_t i = 0; i < n; i++)
		pg_params_fini(&merged[i]);
	free(merged);
}

static enum sink_result store_once(struct pg *p, const struct sink_batch *batch, struct err *err)
{
	struct pg_work w = { .p = p, .b = batch, .r = SINK_OK, .err = err };
	bool sketches;
	size_t n = chunks(batch, &sketches);

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

/* Of a table with a retention: rows behind the mark are left out. Where the transaction finds
 * another mark, which only rises, it begins anew with that one. */
static enum sink_result store_kept(struct pg *p, const struct sink_batch *batch,
				   struct sink_counts *counts, struct err *err)
{
	struct sink_batch kept;
	struct rollup *row;
	enum sink_result r = pg_retention_days(p, batch, err);
	uint64_t cut = 0;

	if (r != SINK_OK)
		return r;
	do {
		err_clear(err);
		p->kept.moved = false;
		cut = pg_retention_cut(p, batch, &kept, &row);
		r = store_once(p, &kept, err);
		free(row);
	} while (p->kept.moved && r == SINK_RETRY && PQstatus(p->c) == CONNECTION_OK);
	if (r != SINK_OK)
		return r;
	counts->expired += cut;
	pg_retention_tell(p, batch, cut);
	pg_retention_purge(p);
	return r;
}

enum sink_result pg_store(void *k, const struct sink_batch *batch, struct sink_counts *counts,
			  struct err *err)
{
	struct pg *p = k;

	return p->kept.on ? store_kept(p, batch, counts, err) : store_once(p, batch, err);
}
