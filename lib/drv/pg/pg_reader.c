/* What hta-query reads. One transaction, repeatable read: rows, positions and metrics are of one
 * moment. Rows come one at a time (single-row mode), so that a history of any length needs no
 * memory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/pg/pg_internal.h"
#include "sink/sink_errors.h"
#include "sketch/hll.h"

#define US(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

static const char begin_reading[] = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/* So that the server ends what nobody waits for any more, the look at the schema too: it does not
 * see that we have left. Within the transaction, for a pooler may have others use the session. */
static enum sink_result pg_moment(struct pg *p, struct err *err)
{
	char *set = mem_printf("SET LOCAL statement_timeout = %" PRId64,
			       p->conf->read_for_us / 1000 + 1);
	enum sink_result r = pg_begin(p, begin_reading, err);

	if (r == SINK_OK)
		r = pg_script(p, set, err);
	if (r == SINK_OK)
		r = pg_schema(p, err);
	free(set);
	return r;
}

static enum sink_result pg_begin_limited(struct pg *p, struct err *err)
{
	enum sink_result r = pg_establish(p, err);

	return r == SINK_OK ? pg_moment(p, err) : r;
}

static enum sink_result pg_begin_unlimited(struct pg *p, struct err *err)
{
	enum sink_result r = pg_driver.connect(p, err);

	return r == SINK_OK ? pg_begin(p, begin_reading, err) : r;
}

/* Only where a BEGIN was refused there is a second attempt, see pg_begin. */
static enum sink_result pg_reader_begin(struct pg *p, struct err *err)
{
	enum sink_result r;
	int before;

	do {
		before = p->begin_refused;
		pg_driver.disconnect(p);
		r = p->conf->read_for_us ? pg_begin_limited(p, err) : pg_begin_unlimited(p, err);
	} while (r == SINK_RETRY && p->begin_refused > before);
	return r;
}

struct pg *pg_reader_open(const struct sink_conf *conf, struct err *err)
{
	struct pg *p = pg_new(conf, err);
	enum sink_result r;

	if (!p)
		return NULL;
	p->reads = true;
	r = pg_reader_begin(p, err);
	if (sink_error_result(r, err) == 0)
		return p;
	pg_driver.close(p);
	return NULL;
}

/* A query that was left half way is no state to rest in. */
int pg_reader_rest(struct pg *p)
{
	struct err why = ERR_INIT;

	if (!p->conf->read_for_us || PQtransactionStatus(p->c) != PQTRANS_INTRANS)
		return -1;
	return pg_script(p, "COMMIT", &why) == SINK_OK ? 0 : -1;
}

int pg_reader_again(struct pg *p, struct err *err)
{
	return sink_error_result(pg_moment(p, err), err);
}

static int rest_reader(void *d)
{
	return pg_reader_rest(d);
}

static int wake_reader(void *d, struct err *err)
{
	return pg_reader_again(d, err);
}

static void *open_reader(const struct sink_conf *conf, struct err *err)
{
	return pg_reader_open(conf, err);
}

static void pg_reader_close(void *d)
{
	pg_driver.close(d);
}

/* ---- values of an answer */

static struct slice pg_text_of(const PGresult *res, int row, int column)
{
	return PQgetisnull(res, row, column)
		       ? slice(NULL, 0)
		       : slice(PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column));
}

static int64_t pg_reader_int_of(const PGresult *res, int row, int column, int64_t none)
{
	return PQgetisnull(res, row, column) ? none
					     : strtoll(PQgetvalue(res, row, column), NULL, 10);
}

/* ---- metrics, positions */

static const char select_metrics[] =
	"SELECT metric, job, sink, cfg, definition::text,"
	" (extract(epoch FROM since) * 1000000)::bigint"
	" FROM hta_metric WHERE rollups = $1 ORDER BY metric COLLATE \"C\"";

static int pg_read_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	struct pg *p = d;
	const char *value[] = { p->rollups };
	PGresult *res;
	int rc = sink_error_result(pg_query(p, &res, err, select_metrics, 1, value), err);

	if (rc)
		return -1;
	for (int i = 0; i < PQntuples(res) && rc == 0; i++) {
		struct read_metric m = { .name = pg_text_of(res, i, 0),
					 .job = pg_text_of(res, i, 1),
					 .sink = pg_text_of(res, i, 2),
					 .cfg = pg_text_of(res, i, 3),
					 .def = pg_text_of(res, i, 4),
					 .since_us = pg_reader_int_of(res, i, 5, POS_NONE) };

		/* of what starts before the mark something may be gone */
		if (m.job.p && p->kept.before_us > m.since_us)
			m.since_us = m.purged_us = p->kept.before_us;
		rc = fn(arg, &m, err);
	}
	PQclear(res);
	return rc;
}

static void pg_take_position(const PGresult *res, int i, struct positions *out)
{
	struct position *x = positions_add(out, pg_text_of(res, i, 3),
					   (int32_t)pg_reader_int_of(res, i, 4, 0));

	x->init = pg_reader_int_of(res, i, 5, 0);
	x->next = pg_reader_int_of(res, i, 6, 0);
	x->last.offset = pg_reader_int_of(res, i, 7, -1);
	x->last.time_us = pg_reader_int_of(res, i, 8, POS_NONE);
	x->watermark_us = pg_reader_int_of(res, i, 9, POS_NONE);
	x->idle = *PQgetvalue(res, i, 10) == 't';
}

static const char select_sinks[] =
	"SELECT j.sink, j.group_id, (extract(epoch FROM j.lateness) * 1000000)::bigint,"
	" p.topic, p.partition, p.init, p.next, p.last_offset,"
	" (extract(epoch FROM p.last_time) * 1000000)::bigint,"
	" (extract(epoch FROM p.watermark) * 1000000)::bigint, p.idle"
	" FROM hta_job j LEFT JOIN hta_pos p ON p.job = j.job AND p.sink = j.sink"
	" WHERE j.job = $1 ORDER BY j.sink COLLATE \"C\", p.topic, p.partition";

/* Where the store has none yet, the table is not there. */
static int pg_read_rules(struct pg *p, const char *job, struct read_sinks *out, struct err *err)
{
	const char *value[] = { job };
	PGresult *res;

	if (!p->rules)
		return 0;
	if (sink_error_result(pg_query(p, &res, err,
				       "SELECT sink, doc FROM hta_rules WHERE job = $1", 1, value),
			      err))
		return -1;
	for (int i = 0; i < PQntuples(res); i++)
		for (size_t k = 0; k < out->n; k++)
			if (strcmp(out->v[k].name, PQgetvalue(res, i, 0)) == 0 && !out->v[k].rules)
				out->v[k].rules = mem_strdup(PQgetvalue(res, i, 1));
	PQclear(res);
	return 0;
}

static int pg_read_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	const char *value[] = { job };
	struct read_sink *s = NULL;
	PGresult *res;

	if (sink_error_result(pg_query(d, &res, err, select_sinks, 1, value), err))
		return -1;
	for (int i = 0; i < PQntuples(res); i++) {
		if (!s || strcmp(s->name, PQgetvalue(res, i, 0)) != 0) {
			s = read_sinks_add(out, PQgetvalue(res, i, 0));
			s->group = PQgetisnull(res, i, 1) ? NULL
							  : mem_strdup(PQgetvalue(res, i, 1));
			s->lateness_us = pg_reader_int_of(res, i, 2, 0);
		}
		if (!PQgetisnull(res, i, 3))
			pg_take_position(res, i, &s->pos);
	}
	PQclear(res);
	return pg_read_rules(d, job, out, err);
}

/* ---- rows */

static const char *pg_time_text(int64_t us, char text[TM_TEXT_BYTES])
{
	text[tm_text(us, text)] = 0;
	return text;
}

static int pg_read_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			  int64_t *start_us, int64_t *end_us, struct err *err)
{
	struct pg *p = d;
	char at[TM_TEXT_BYTES];
	const char *value[] = { metric, pg_time_text(not_after_us, at) };
	char *sql = mem_printf(
		"SELECT " US("window_start") ", " US(
			"window_end") " FROM %s WHERE metric = $1 AND window_start <= "
				      "$2::timestamptz"
				      " ORDER BY window_start DESC, window_end DESC LIMIT 1",
		p->table);
	PGresult *res;
	int rc = sink_error_result(pg_query(p, &res, err, sql, 2, value), err);

	free(sql);
	if (rc)
		return -1;
	*found = PQntuples(res) > 0;
	*start_us = *found ? pg_reader_int_of(res, 0, 0, 0) : 0;
	*end_us = *found ? pg_reader_int_of(res, 0, 1, 0) : 0;
	PQclear(res);
	return 0;
}

/* The text of bytea, which the type hll has as well; bytea_output decides between two forms. */
static int pg_take_sketch(const struct pg *p, const char *text, struct buf *out,
			  struct slice *sketch)
{
	size_t n = 0;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &n);
	struct hll *h;

	if (bytes && !p->hll)
		buf_add(out, bytes, n);
	h = bytes && p->hll ? hll_from_pg(slice((const char *)bytes, n)) : NULL;
	if (h)
		hll_encode(h, out);
	hll_free(h);
	PQfreemem(bytes);
	*sketch = buf_slice(out);
	return out->n ? 0 : -1;
}

static bool pg_take_row(const struct pg *p, const PGresult *res, struct pg_reading *reading,
			struct rollup *row)
{
	struct buf *scratch = &reading->scratch;

	*row = (struct rollup){ .start_us = pg_reader_int_of(res, 0, 0, 0),
				.end_us = pg_reader_int_of(res, 0, 1, 0),
				.dims = pg_text_of(res, 0, 2),
				.count = (uint64_t)pg_reader_int_of(res, 0, 4, 0),
				.has_value = !PQgetisnull(res, 0, 5),
				.value_count = (uint64_t)pg_reader_int_of(res, 0, 5, 0),
				.has_uniq = !PQgetisnull(res, 0, 9),
				.uniq = (uint64_t)pg_reader_int_of(res, 0, 9, 0) };
	scratch->n = 0;
	if (str_unhex(pg_text_of(res, 0, 3), row->dims_hash, sizeof(row->dims_hash)))
		return false;
	if (!PQgetisnull(res, 0, 10) &&
	    pg_take_sketch(p, PQgetvalue(res, 0, 10), scratch, &row->sketch))
		return false;
	if (!pg_columns_take(reading, res, 11, row))
		return false;
	return read_values(row, pg_text_of(res, 0, 6), pg_text_of(res, 0, 7),
			   pg_text_of(res, 0, 8));
}

static int pg_give_rows(struct pg *p, struct pg_reading *reading, read_row_fn *fn, void *arg,
			struct err *err)
{
	struct rollup row;
	PGresult *res;
	int rc;

	for (;;) {
		rc = sink_error_result(pg_next(p, &res, err), err);
		if (rc || !res)
			break;
		if (PQresultStatus(res) == PGRES_SINGLE_TUPLE &&
		    !pg_take_row(p, res, reading, &row))
			rc = err_set(err, EX_DATAERR, "a row of %s cannot be read: dims %s",
				     p->rollups, PQgetvalue(res, 0, 2));
		else if (PQresultStatus(res) == PGRES_SINGLE_TUPLE)
			rc = fn(arg, &row, err);
		else if (PQresultStatus(res) != PGRES_TUPLES_OK)
			rc = sink_error_result(pg_failed(p, res, err), err);
		PQclear(res);
		if (rc)
			break;
	}
	return rc;
}

static int send_rows(struct pg *p, const struct read_range *r, const struct pg_reading *reading,
		     struct err *err)
{
	char from[TM_TEXT_BYTES], to[TM_TEXT_BYTES], end[TM_TEXT_BYTES], top[24];
	const char *value[] = { r->metric, pg_time_text(r->from_us, from),
				pg_time_text(r->to_us, to),
				r->end_us ? pg_time_text(r->end_us, end) : NULL,
				r->top ? top : NULL };
	const char *sketch = r->sketch ? "uniq_sketch::text" : "NULL";
	struct buf sql = { 0 };
	int sent;

	buf_printf(&sql,
		   "SELECT " US("window_start") ", " US(
			   "window_end") ", dims::text, dims_hash, count, value_count, sum, min, "
					 "max, uniq, %s",
		   sketch);
	pg_columns_select(reading, &sql);
	buf_printf(&sql,
		   " FROM %s"
		   " WHERE metric = $1 AND window_start >= $2::timestamptz AND window_start < "
		   "$3::timestamptz AND ($4::timestamptz IS NULL OR window_end = $4::timestamptz)"
		   " ORDER BY %s LIMIT $5::bigint",
		   p->table, r->top ? "count DESC, dims_hash DESC" : "window_start, window_end");
	snprintf(top, sizeof(top), "%" PRIu64, r->top);
	sent = PQsendQueryParams(p->c, buf_z(&sql), 5, NULL, value, NULL, NULL, 0);
	buf_fini(&sql);
	return sent && PQsetSingleRowMode(p->c) ? 0
						: sink_error_result(pg_failed(p, NULL, err), err);
}

static int pg_read_rows(void *d, const struct read_range *r, read_row_fn *fn, void *arg,
			struct err *err)
{
	struct pg_reading *reading = mem_zalloc(sizeof(*reading));
	int rc = pg_columns_of(d, r->metric, reading, err);

	if (rc == 0)
		rc = send_rows(d, r, reading, err);
	if (rc == 0)
		rc = pg_give_rows(d, reading, fn, arg, err);
	pg_reading_fini(reading);
	free(reading);
	return rc;
}

const struct read_driver pg_reader = {
	.default_table = "hta_rollups",
	.moment = true,
	.open = open_reader,
	.close = pg_reader_close,
	.rest = rest_reader,
	.again = wake_reader,
	.metrics = pg_read_metrics,
	.sinks = pg_read_sinks,
	.newest = pg_read_newest,
	.rows = pg_read_rows,
	.alerts = &pg_alerts,
	.events = &pg_events,
	.letters = &pg_letters,
};
