/* Plain rows: fresh ones go in, equal ones stay, different ones end the batch unless they may be
 * replaced. */
#include <stdlib.h>

#include "drv/pg/pg_internal.h"

static const char compare_rows[] =
	"SELECT u.ord - 1, (t.count, t.value_count, t.sum, t.min, t.max, t.uniq@) IS NOT DISTINCT "
	"FROM (u.c6, u.c7, u.c8, u.c9, u.c10, u.c11@) AND"
	" @ IS NOT DISTINCT FROM u.c12, format('count %s, sum %s', t.count, t.sum) FROM"
	" unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12@) WITH ORDINALITY u(c1, c2, c3, "
	"c4, c5, c6, c7, c8, c9, c10, c11, c12@, ord)"
	" JOIN @ t ON t.metric = u.c1 AND t.window_start = u.c2 AND t.window_end = u.c3 AND "
	"t.dims_hash = u.c4 ORDER BY u.ord";

static void send_compare(struct pg_work *w, const struct rollup *row, size_t n)
{
	struct buf names = { 0 }, values = { 0 }, params = { 0 }, as = { 0 };

	pg_columns_arrays(&w->a, row, n, row->cells);
	pg_columns_compared(w->p, row, 13, &names, &values);
	pg_columns_params(row, row->cells, 13, "$#", &params);
	pg_columns_params(row, row->cells, 13, "c#", &as);
	pg_work_send(w,
		     pg_sql(w, compare_rows,
			    (const char *const[]){ buf_z(&names), buf_z(&values),
						   w->p->hll ? "hll_send(t.uniq_sketch)"
							     : "t.uniq_sketch",
						   buf_z(&params), buf_z(&as), w->p->table }),
		     false);
	buf_fini(&names);
	buf_fini(&values);
	buf_fini(&params);
	buf_fini(&as);
}

/* Counts equal and different ones of a chunk; the first different one ends it unless it may be
 * replaced. */
static void compare(struct pg_work *w, const struct rollup *row, size_t n, bool may_differ,
		    struct sink_counts *counts, bool *differ)
{
	PGresult *res = NULL;
	size_t found;

	pg_row_arrays(&w->a, row, n);
	if (pg_sketch_arrays(w->p, &w->a, row, n, w->err)) {
		w->r = SINK_FATAL;
		return;
	}
	send_compare(w, row, n);
	res = w->r == SINK_OK ? pg_work_answer(w) : NULL;
	found = w->r == SINK_OK ? (size_t)PQntuples(res) : 0;
	for (size_t i = 0; i < found; i++) {
		bool equal = *PQgetvalue(res, (int)i, 1) == 't';

		counts->equal += equal;
		counts->different += !equal;
		*differ |= !equal;
		if (equal || may_differ)
			continue;
		sink_error_different(&row[strtoul(PQgetvalue(res, (int)i, 0), NULL, 10)],
				     PQgetvalue(res, (int)i, 2), w->err);
		w->r = SINK_FATAL;
		break;
	}
	counts->fresh += n - found;
	PQclear(res);
}

static void put_chunk(struct pg_work *w, size_t at, size_t n, bool replace, bool dry_run,
		      struct sink_counts *counts)
{
	const struct rollup *row = &w->b->row[at];
	uint64_t fresh = 0;
	bool differ = false;
	PGresult *res;

	if (!dry_run) {
		pg_work_chunk(w, at, false);
		res = w->r == SINK_OK ? pg_work_answer(w) : NULL;
		fresh = res ? strtoull(PQcmdTuples(res), NULL, 10) : 0;
		PQclear(res);
	}
	if (w->r == SINK_OK && fresh < n)
		compare(w, row, n, replace || dry_run, counts, &differ);
	counts->fresh += fresh;
	/* those that just went in were found, equal */
	counts->equal -= fresh < n ? fresh : 0;
	if (w->r == SINK_OK && differ && replace && !dry_run) {
		pg_work_chunk(w, at, true);
		if (w->r == SINK_OK)
			PQclear(pg_work_answer(w));
	}
}

enum sink_result pg_put(void *d, const struct sink_batch *whole, bool replace, bool dry_run,
			struct sink_counts *counts, struct err *err)
{
	struct pg *p = d;
	struct sink_batch batch;
	struct rollup *row = NULL;
	struct pg_work w = { .p = p, .b = &batch, .err = err };
	uint64_t cut = 0;

	w.r = dry_run ? SINK_OK : pg_retention_days(p, whole, err);
	if (w.r == SINK_OK)
		w.r = pg_begin(p, PG_BEGIN, err);
	if (w.r == SINK_OK && p->kept.on)
		w.r = pg_retention_lock(p, dry_run, err);
	cut = pg_retention_cut(p, whole, &batch, &row);
	pg_events_put(&w, dry_run, counts);
	for (size_t at = 0; at < batch.rows && w.r == SINK_OK;) {
		size_t n = pg_work_rows(&batch, at);

		put_chunk(&w, at, n, replace, dry_run, counts);
		at += n;
	}
	if (w.r == SINK_OK)
		w.r = pg_script(p, dry_run ? "ROLLBACK" : "COMMIT", err);
	if (w.r == SINK_OK)
		counts->expired += cut;
	if (w.r == SINK_OK)
		pg_retention_tell(p, whole, cut);
	pg_params_fini(&w.a);
	buf_fini(&w.sql);
	free(row);
	return pg_rollback(p, w.r);
}
