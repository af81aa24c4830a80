/* Epochs and plain batches. Sketches cannot be merged by SQLite: the stored one is read, merged
 * here and written back, in the same transaction, the estimate beside it, so that reading the
 * number needs no function. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite_internal.h"
#include "sketch/hll.h"

static void bind_key(sqlite3_stmt *q, const struct rollup *row, char hex[32])
{
	struct buf b = { 0 };

	buf_hex(&b, row->dims_hash, sizeof(row->dims_hash));
	memcpy(hex, b.p, 32);
	buf_fini(&b);
	sqlite_bind_slice(q, 1, row->metric);
	sqlite_bind_time(q, 2, row->start_us);
	sqlite_bind_time(q, 3, row->end_us);
	sqlite3_bind_text(q, 4, hex, 32, SQLITE_TRANSIENT);
}

static enum sink_result sqlite_write_row(struct sqlite *s, enum sqlite_statement which,
					 const struct rollup *row, uint64_t uniq,
					 struct slice sketch, const char *now, int now_bytes,
					 struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare(s, which, &r, err);
	char hex[32];

	if (!q)
		return r;
	bind_key(q, row, hex);
	sqlite_bind_slice(q, 5, row->dims);
	sqlite3_bind_int64(q, 6, (int64_t)row->count);
	if (row->has_value)
		sqlite3_bind_int64(q, 7, (int64_t)row->value_count);
	if (row->has_value && row->value_count) {
		sqlite_bind_dec(q, 8, row->sum);
		sqlite_bind_dec(q, 9, row->min);
		sqlite_bind_dec(q, 10, row->max);
	}
	if (row->has_uniq) {
		sqlite3_bind_int64(q, 11, (int64_t)uniq);
		sqlite3_bind_blob(q, 12, sketch.p, (int)sketch.n, SQLITE_STATIC);
	}
	sqlite3_bind_text(q, 13, now, now_bytes, SQLITE_STATIC);
	if (row->cells) {
		s->columns.n = 0;
		sqlite_columns_text(row->cell, row->cells, &s->columns);
		sqlite_bind_slice(q, 14, buf_slice(&s->columns));
	}
	return sqlite_run(s, q, err);
}

/* The stored row of this key: SQLITE_ROW with columns, SQLITE_DONE none. */
static sqlite3_stmt *find_row(struct sqlite *s, const struct rollup *row, int *code,
			      enum sink_result *r, struct err *err)
{
	sqlite3_stmt *q = sqlite_prepare(s, Q_ROW, r, err);
	char hex[32];

	if (!q)
		return NULL;
	bind_key(q, row, hex);
	*code = sqlite3_step(q);
	if (*code != SQLITE_ROW && *code != SQLITE_DONE) {
		*r = sqlite_failed(s, err);
		sqlite3_reset(q);
		return NULL;
	}
	return q;
}

static enum sink_result merged_sketch(struct sqlite *s, const struct rollup *row, struct buf *out,
				      uint64_t *uniq, struct err *err)
{
	enum sink_result r;
	int code;
	sqlite3_stmt *q = find_row(s, row, &code, &r, err);
	struct slice stored;
	struct hll *a, *b;

	if (!q)
		return r;
	stored = code == SQLITE_ROW ? sqlite_column(q, 6) : slice(NULL, 0);
	out->n = 0;
	*uniq = row->uniq;
	a = stored.p ? hll_decode(stored) : NULL;
	b = a ? hll_decode(row->sketch) : NULL;
	if (stored.p && (!a || !b)) {
		err_set(err, EX_DATAERR, "metric %.*s: uniq_sketch %s is not a sketch",
			(int)row->metric.n, row->metric.p, a ? "of the row" : "in the table");
		r = SINK_FATAL;
	} else if (a) {
		hll_merge(a, b);
		hll_encode(a, out);
		*uniq = hll_count(a);
	} else {
		buf_adds(out, row->sketch);
	}
	hll_free(a);
	hll_free(b);
	sqlite3_reset(q);
	return r;
}

static enum sink_result sqlite_add_row(struct sqlite *s, const struct rollup *row, const char *now,
				       int now_bytes, struct err *err)
{
	uint64_t uniq = row->uniq;
	enum sink_result r;

	if (!row->add)
		return sqlite_write_row(s, Q_ROW_SET, row, uniq, row->sketch, now, now_bytes, err);
	s->scratch.n = 0;
	if (row->has_uniq) {
		r = merged_sketch(s, row, &s->scratch, &uniq, err);
		if (r != SINK_OK)
			return r;
	}
	return sqlite_write_row(s, Q_ROW_ADD, row, uniq, buf_slice(&s->scratch), now, now_bytes,
				err);
}

static enum sink_result sqlite_advance(struct sqlite *s, const char *job, const struct range *x,
				       struct err *err)
{
	bool moves = x->to > x->from;
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, moves ? Q_ADVANCE : Q_IDLE, job, &r, err);
	char hash[17];

	if (!q)
		return r;
	sqlite_bind_slice(q, 3, slice_z(x->topic));
	sqlite3_bind_int(q, 4, x->partition);
	sqlite3_bind_int64(q, 5, x->to);
	if (!moves) {
		sqlite3_bind_int(q, 6, x->idle);
		return sqlite_run(s, q, err);
	}
	if (x->last.offset >= 0) {
		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)x->last.hash);
		sqlite3_bind_int64(q, 6, x->last.offset);
		if (x->last.time_us != POS_NONE)
			sqlite3_bind_int64(q, 7, x->last.time_us);
		sqlite3_bind_text(q, 8, hash, 16, SQLITE_STATIC);
	}
	if (x->watermark_us != POS_NONE)
		sqlite3_bind_int64(q, 9, x->watermark_us);
	sqlite3_bind_int(q, 10, x->idle);
	return sqlite_run(s, q, err);
}

static enum sink_result insert_dead(struct sqlite *s, const char *job, const struct sink_dead *d,
				    const char *now, int now_bytes, struct err *err)
{
	enum sink_result r;
	sqlite3_stmt *q = sqlite_prepare_of(s, Q_DEAD, job, &r, err);

	if (!q)
		return r;
	sqlite_bind_slice(q, 3, slice_z(d->late ? "late" : "dead"));
	sqlite_bind_slice(q, 4, d->topic);
	if (d->topic.p)
		sqlite3_bind_int(q, 5, d->partition);
	if (d->topic.p && !d->inexact)
		sqlite3_bind_int64(q, 6, d->offset);
	sqlite_bind_slice(q, 7, d->stage);
	sqlite_bind_slice(q, 8, d->why);
	sqlite3_bind_int64(q, 9, (int64_t)d->size);
	sqlite_bind_slice(q, 10, slice_z(d->base64 ? "base64" : "utf8"));
	sqlite_bind_slice(q, 11, d->record);
	sqlite3_bind_text(q, 12, now, now_bytes, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(q) == 13)
		sqlite3_bind_int64(q, 13, (int64_t)d->retries);
	return sqlite_run(s, q, err);
}

/* Positions first: an epoch that is not ours to apply changes nothing. */
static enum sink_result store_inside(struct sqlite *s, const struct sink_batch *b, struct err *err)
{
	char now[TM_TEXT_BYTES];
	int now_bytes = (int)tm_text_ms(tm_now_us(), now);
	struct keeper_doc doc = { .gen = "" };
	enum sink_result r = sqlite_load(s, b->job, &doc, err);

	if (r == SINK_OK)
		r = cas_check(b, doc.gen, doc.set, &doc.pos, err);
	for (size_t i = 0; i < b->ranges->n && r == SINK_OK; i++)
		r = sqlite_advance(s, b->job, &b->ranges->v[i], err);
	for (size_t i = 0; i < b->rows && r == SINK_OK; i++)
		r = sqlite_add_row(s, &b->row[i], now, now_bytes, err);
	if (r == SINK_OK && b->records)
		r = sqlite_events_store(s, b, err);
	for (size_t i = 0; i < b->n_dead && r == SINK_OK; i++)
		r = insert_dead(s, b->job, &b->dead[i], now, now_bytes, err);
	keeper_doc_fini(&doc);
	if (r == SINK_OK)
		crash_at(CRASH_SINK_INSIDE);
	return r;
}

enum sink_result sqlite_store(void *k, const struct sink_batch *batch, struct sink_counts *counts,
			      struct err *err)
{
	enum sink_result r;

	(void)counts;
	sqlite_checkpoint_wait(k);
	r = sqlite_do(k, Q_BEGIN, err);
	return r == SINK_OK ? sqlite_end(k, store_inside(k, batch, err), err) : r;
}

/* ---- plain rows */

static bool dec_equal(sqlite3_stmt *q, int at, bool has, dec v)
{
	struct slice text = sqlite_column(q, at);
	dec stored;

	if (!text.p || !has)
		return !text.p == !has;
	return dec_parse_sum(text, &stored) <= DEC_ROUNDED && stored == v;
}

/* Columns are stored as they are written here, always in one order. */
static bool columns_equal(sqlite3_stmt *q, const struct rollup *row)
{
	struct slice stored = sqlite3_column_count(q) > 7 ? sqlite_column(q, 7) : slice(NULL, 0);
	struct buf text = { 0 };
	bool equal;

	if (row->cells)
		sqlite_columns_text(row->cell, row->cells, &text);
	equal = slice_eq(stored, buf_slice(&text));
	buf_fini(&text);
	return equal;
}

static bool row_equal(sqlite3_stmt *q, const struct rollup *row)
{
	bool has = row->has_value && row->value_count;
	struct slice sketch = sqlite_column(q, 6);

	return (uint64_t)sqlite3_column_int64(q, 0) == row->count &&
	       (sqlite3_column_type(q, 1) == SQLITE_NULL) == !row->has_value &&
	       (!row->has_value || (uint64_t)sqlite3_column_int64(q, 1) == row->value_count) &&
	       dec_equal(q, 2, has, row->sum) && dec_equal(q, 3, has, row->min) &&
	       dec_equal(q, 4, has, row->max) &&
	       (sqlite3_column_type(q, 5) == SQLITE_NULL) == !row->has_uniq &&
	       (!row->has_uniq || ((uint64_t)sqlite3_column_int64(q, 5) == row->uniq &&
				   slice_eq(sketch, row->sketch))) &&
	       columns_equal(q, row);
}

static void tell_stored(sqlite3_stmt *q, char *out, size_t n)
{
	const char *sum = (const char *)sqlite3_column_text(q, 2);

	snprintf(out, n, "count %lld%s%s", (long long)sqlite3_column_int64(q, 0),
		 sum ? ", sum " : "", sum ? sum : "");
}

static enum sink_result put_row(struct sqlite *s, const struct rollup *row, bool replace,
				bool dry_run, struct sink_counts *counts, const char *now,
				int now_bytes, struct err *err)
{
	enum sink_result r;
	int code;
	sqlite3_stmt *q = find_row(s, row, &code, &r, err);
	bool equal;
	char stored[96];

	if (!q)
		return r;
	equal = code == SQLITE_ROW && row_equal(q, row);
	if (code == SQLITE_ROW && !equal)
		tell_stored(q, stored, sizeof(stored));
	sqlite3_reset(q);
	counts->fresh += code == SQLITE_DONE;
	counts->equal += equal;
	counts->different += code == SQLITE_ROW && !equal;
	if (dry_run || equal)
		return SINK_OK;
	if (code == SQLITE_ROW && !replace) {
		sink_error_different(row, stored, err);
		return SINK_FATAL;
	}
	return sqlite_write_row(s, Q_ROW_SET, row, row->uniq, row->sketch, now, now_bytes, err);
}

enum sink_result sqlite_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			    struct sink_counts *counts, struct err *err)
{
	struct sqlite *s = d;
	char now[TM_TEXT_BYTES];
	int now_bytes = (int)tm_text_ms(tm_now_us(), now);
	enum sink_result r;

	sqlite_checkpoint_wait(s);
	r = sqlite_do(s, Q_BEGIN, err);
	if (r != SINK_OK)
		return r;
	if (batch->records)
		r = sqlite_events_put(s, batch, dry_run, counts, err);
	for (size_t i = 0; i < batch->rows && r == SINK_OK; i++)
		r = put_row(s, &batch->row[i], replace, dry_run, counts, now, now_bytes, err);
	return r == SINK_OK && dry_run ? sqlite_do(s, Q_ROLLBACK, err) : sqlite_end(s, r, err);
}
