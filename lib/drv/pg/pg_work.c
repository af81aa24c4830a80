/* The statements that put rows into the table, for epochs and plain batches alike. */
#include <stdlib.h>
#include <string.h>

#include "drv/pg/pg_internal.h"
#include "sketch/hll.h"

#define COLUMNS \
	"metric, window_start, window_end, dims_hash, dims, count, value_count, sum, min, max"
#define PARAMS "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10"
#define KEY "metric, window_start, window_end, dims_hash"

static const char add_rows[] =
	"INSERT INTO @ AS t (" COLUMNS "@) SELECT * FROM unnest(" PARAMS "@) ON CONFLICT (" KEY
	") DO UPDATE SET count = t.count + excluded.count,"
	" value_count = coalesce(t.value_count + excluded.value_count, t.value_count, "
	"excluded.value_count),"
	" sum = trim_scale(coalesce(t.sum + excluded.sum, t.sum, excluded.sum)), min = "
	"least(t.min, excluded.min), max = greatest(t.max, excluded.max), updated_at = now()@";
static const char set_rows[] = "INSERT INTO @ AS t (" COLUMNS
			       ", uniq, uniq_sketch@) SELECT u.c1, u.c2, u.c3, u.c4, u.c5, u.c6, "
			       "u.c7, u.c8, u.c9, u.c10, u.c11, u.c12::@@ FROM"
			       " unnest(" PARAMS
			       ", $11, $12@) u(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12@)"
			       " ON CONFLICT (" KEY ") DO @@";
static const char replace_rows[] =
	"UPDATE SET dims = excluded.dims, count = excluded.count, value_count = "
	"excluded.value_count, sum = excluded.sum, min = excluded.min, max = excluded.max,"
	" uniq = excluded.uniq, uniq_sketch = excluded.uniq_sketch, updated_at = now()";
static const char returning[] =
	" RETURNING metric, window_start, window_end, dims_hash, uniq_sketch";
const char *pg_sketch_type(const struct pg *p)
{
	return p->hll ? "hll" : "bytea";
}

void pg_put_key(struct pg_params *a, int at, const struct rollup *row)
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

int pg_key_arrays(struct pg_params *a)
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
void pg_row_arrays(struct pg_params *a, const struct rollup *row, size_t n)
{
	int at;

	pg_params_reset(a);
	at = pg_key_arrays(a);
	pg_array(a, PG_JSONB);
	pg_array(a, PG_INT8);
	pg_array(a, PG_INT8);
	for (int i = 0; i < 3; i++)
		pg_array(a, PG_NUMERIC);
	for (size_t i = 0; i < n; i++) {
		pg_put_key(a, at, &row[i]);
		pg_put_jsonb(a, at + 4, row[i].dims);
		pg_put_int8(a, at + 5, (int64_t)row[i].count);
		if (row[i].has_value)
			pg_put_int8(a, at + 6, (int64_t)row[i].value_count);
		else
			pg_null(a, at + 6);
		put_decs(a, at + 7, &row[i]);
	}
}

void pg_put_sketch(const struct pg *p, struct pg_params *a, int at, const struct hll *h)
{
	struct buf b = { 0 };

	if (p->hll)
		hll_to_pg(h, &b);
	else
		hll_encode(h, &b);
	pg_put_bytes(a, at, buf_slice(&b));
	buf_fini(&b);
}

int pg_no_sketch(const struct rollup *row, const char *where, struct err *err)
{
	return err_set(err, EX_DATAERR, "metric %.*s: uniq_sketch %s is not a sketch",
		       (int)row->metric.n, row->metric.p, where);
}

/* $11, $12 of set_rows */
int pg_sketch_arrays(const struct pg *p, struct pg_params *a, const struct rollup *row, size_t n,
		     struct err *err)
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
			return pg_no_sketch(&row[i], "of the row", err);
		pg_put_int8(a, uniq, (int64_t)row[i].uniq);
		pg_put_sketch(p, a, sketch, h);
		hll_free(h);
	}
	return 0;
}

/* ---- one statement after the other */

const char *pg_sql(struct pg_work *w, const char *text, const char *const *fill)
{
	w->sql.n = 0;
	for (; *text; text++) {
		if (*text == '@') {
			buf_addz(&w->sql, *fill ? *fill : "");
			fill++;
		} else {
			buf_addc(&w->sql, *text);
		}
	}
	return buf_z(&w->sql);
}

void pg_work_send(struct pg_work *w, const char *sql, bool binary)
{
	if (w->r == SINK_OK && !pg_send(w->p, sql, &w->a, binary))
		w->r = pg_failed(w->p, NULL, w->err);
}

void pg_work_plain(struct pg_work *w, const char *sql)
{
	pg_params_reset(&w->a);
	pg_work_send(w, sql, false);
}

static size_t row_bytes(const struct rollup *row)
{
	size_t n = row->dims.n + row->sketch.n;

	for (size_t i = pg_columns_plain(row); i < row->cells; i++)
		n += row->cell[i].empty ? 0 : row->cell[i].sketch.n;
	return n;
}

/* A delta's sketches are merged by the sink: it needs those that are stored. */
bool pg_work_merges(const struct rollup *row)
{
	return row->add && (row->has_uniq || pg_columns_plain(row) < row->cells);
}

static bool same_kind(const struct rollup *a, const struct rollup *b)
{
	return a->add == b->add && a->has_uniq == b->has_uniq && a->cells == b->cells &&
	       (a->cells == 0 || slice_eq(a->metric, b->metric));
}

/* A run of rows that one statement can take: same op, all with a sketch or none, of the same
 * columns, at most a chunk. */
size_t pg_work_rows(const struct sink_batch *b, size_t at)
{
	const struct rollup *row = &b->row[at];
	size_t n = 1, bytes = row_bytes(row);

	while (at + n < b->rows && n < PG_CHUNK_ROWS && same_kind(&row[n], row)) {
		bytes += row_bytes(&row[n]);
		if (bytes > PG_CHUNK_BYTES)
			break;
		n++;
	}
	return n;
}

static void send_add(struct pg_work *w, const struct rollup *row, size_t n)
{
	struct buf names = { 0 }, params = { 0 }, merge = { 0 };
	size_t plain = pg_columns_plain(row);
	bool merges = pg_work_merges(row);

	pg_columns_arrays(&w->a, row, n, plain);
	pg_columns_names(row, plain, &names);
	pg_columns_params(row, plain, 11, "$#", &params);
	pg_columns_merge(row, &merge);
	if (merges) {
		buf_addz(&merge, returning);
		pg_columns_sketches(row, &merge);
	}
	pg_work_send(w,
		     pg_sql(w, add_rows,
			    (const char *const[]){ w->p->table, buf_z(&names), buf_z(&params),
						   buf_z(&merge) }),
		     merges);
	buf_fini(&names);
	buf_fini(&params);
	buf_fini(&merge);
}

static void send_set(struct pg_work *w, const struct rollup *row, size_t n, bool replace)
{
	struct buf names = { 0 }, values = { 0 }, params = { 0 }, as = { 0 }, sets = { 0 };

	if (pg_sketch_arrays(w->p, &w->a, row, n, w->err))
		w->r = SINK_FATAL;
	pg_columns_arrays(&w->a, row, n, row->cells);
	pg_columns_names(row, row->cells, &names);
	pg_columns_params(row, row->cells, 13, "u.c#", &values);
	pg_columns_params(row, row->cells, 13, "$#", &params);
	pg_columns_params(row, row->cells, 13, "c#", &as);
	if (replace)
		pg_columns_replace(row, &sets);
	pg_work_send(
		w,
		pg_sql(w, set_rows,
		       (const char *const[]){ w->p->table, buf_z(&names), pg_sketch_type(w->p),
					      buf_z(&values), buf_z(&params), buf_z(&as),
					      replace ? replace_rows : "NOTHING", buf_z(&sets) }),
		false);
	buf_fini(&names);
	buf_fini(&values);
	buf_fini(&params);
	buf_fini(&as);
	buf_fini(&sets);
}

size_t pg_work_chunk(struct pg_work *w, size_t at, bool replace)
{
	size_t n = pg_work_rows(w->b, at);
	const struct rollup *row = &w->b->row[at];

	pg_row_arrays(&w->a, row, n);
	if (row->add)
		send_add(w, row, n);
	else
		send_set(w, row, n, replace);
	return n;
}

/* The answer to one statement of a pipeline. ZHT01, ZHT02 are the compare-and-set's. Later
 * statements are PIPELINE_ABORTED: the first error counts. */
PGresult *pg_work_answer(struct pg_work *w)
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
		if (pg_state_is(res, "ZHT03"))
			pg_retention_moved(w->p, res), w->r = SINK_RETRY;
		if (pg_state_is(res, "ZHT02"))
			w->r = SINK_CONFLICT, w->err->code = EX_TEMPFAIL;
	}
	if (PQresultStatus(res) == PGRES_PIPELINE_SYNC)
		return res;
	/* NULL between two statements */
	r = pg_next(w->p, &end, w->r == SINK_OK ? w->err : &ignored);
	if (r != SINK_OK && w->r == SINK_OK)
		w->r = r;
	PQclear(end);
	return res;
}
