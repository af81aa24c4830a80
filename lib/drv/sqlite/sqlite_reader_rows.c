/* Windows and their rows. Times are text. That of a window which begins inside a second sorts
 * before that of the second (. is below Z), so windows are found first, second by second, and
 * sorted by time; their rows are read after that, a window at a time. A window is found by a step
 * through the primary key to the first row behind the window before. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite_reader.h"
#include "sink/sink_errors.h"

/* ---- windows */

struct window {
	struct read_span span;
	char start[TM_TEXT_BYTES], end[TM_TEXT_BYTES];
};
struct windows {
	struct window *v;
	size_t n, cap;
};

static void sqlite_text_of(struct slice from, char to[TM_TEXT_BYTES])
{
	size_t n = from.n < TM_TEXT_BYTES ? from.n : TM_TEXT_BYTES - 1;

	memcpy(to, from.p ? from.p : "", n);
	to[n] = 0;
}

static int sqlite_take_window(struct sqlite_reader *r, sqlite3_stmt *q, struct windows *out,
			      struct err *err)
{
	struct slice start = sqlite_column(q, 0), end = sqlite_column(q, 1);
	struct window *w;

	mem_reserve(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	w = &out->v[out->n++];
	sqlite_text_of(start, w->start);
	sqlite_text_of(end, w->end);
	if (tm_parse(start, &w->span.start_us) || tm_parse(end, &w->span.end_us) ||
	    w->span.end_us <= w->span.start_us)
		return err_set(err, EX_DATAERR, "%s: a window of %s has no times: %s, %s",
			       r->conf.where, r->s->table, w->start, w->end);
	return 0;
}

/* "2026-11-20T15:00:00": below all texts of times within this second and later ones. */
static void sqlite_second(int64_t us, char text[TM_TEXT_BYTES])
{
	int64_t whole = us - (us % TM_S + TM_S) % TM_S;

	text[tm_text(whole, text) - 1] = 0;
}

static void keep_range(struct windows *w, int64_t from_us, int64_t to_us)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].span.start_us >= from_us && w->v[i].span.start_us < to_us)
			w->v[n++] = w->v[i];
	w->n = n;
	if (n)
		qsort(w->v, n, sizeof(*w->v), read_span_cmp);
}

/* Those with from_us <= start < to_us, in order of time. */
static int sqlite_find_windows(struct sqlite_reader *r, const char *metric, int64_t from_us,
			       int64_t to_us, struct windows *out, struct err *err)
{
	sqlite3_stmt *q = sqlite_reader_prepare(
		r,
		"SELECT window_start, window_end FROM \"%w\" WHERE metric = ?1 "
		"AND (window_start, window_end) > (?2, ?3) AND window_start < ?4"
		" ORDER BY window_start, window_end LIMIT 1",
		err);
	char from[TM_TEXT_BYTES], to[TM_TEXT_BYTES];
	int code = SQLITE_ROW, rc = 0;

	if (!q)
		return -1;
	sqlite_second(from_us, from);
	sqlite_second(to_us + TM_S - 1, to);
	while (code == SQLITE_ROW && rc == 0) {
		const struct window *last = out->n ? &out->v[out->n - 1] : NULL;

		sqlite_bind_slice(q, 1, slice_z(metric));
		sqlite3_bind_text(q, 2, last ? last->start : from, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(q, 3, last ? last->end : "", -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(q, 4, to, -1, SQLITE_STATIC);
		code = sqlite3_step(q);
		if (code == SQLITE_ROW)
			rc = sqlite_take_window(r, q, out, err);
		else
			rc = sqlite_reader_ended(r, code, err);
		sqlite3_reset(q);
	}
	sqlite3_finalize(q);
	if (rc == 0)
		keep_range(out, from_us, to_us);
	return rc;
}

/* The greatest text of a start below this one: *found false where there is none. */
static int last_start(struct sqlite_reader *r, const char *metric, const char *below, bool *found,
		      int64_t *us, struct err *err)
{
	sqlite3_stmt *q = sqlite_reader_prepare(
		r,
		"SELECT window_start, window_end FROM \"%w\" WHERE metric = ?1 "
		"AND window_start < ?2 ORDER BY window_start DESC LIMIT 1",
		err);
	struct windows one = { 0 };
	int code, rc;

	if (!q)
		return -1;
	sqlite_bind_slice(q, 1, slice_z(metric));
	sqlite_bind_slice(q, 2, slice_z(below));
	code = sqlite3_step(q);
	*found = code == SQLITE_ROW;
	rc = *found ? sqlite_take_window(r, q, &one, err) : sqlite_reader_ended(r, code, err);
	*us = *found && rc == 0 ? one.v[0].span.start_us : 0;
	sqlite3_finalize(q);
	free(one.v);
	return rc;
}

/* The last second with a window, and in it the last window; where all of them are still to come,
 * the second before. */
int sqlite_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			 int64_t *start_us, int64_t *end_us, struct err *err)
{
	char below[TM_TEXT_BYTES];
	struct windows w = { 0 };
	int64_t us;
	int rc;

	for (sqlite_second(not_after_us + TM_S, below);; sqlite_second(us, below)) {
		rc = last_start(d, metric, below, found, &us, err);
		if (rc || !*found)
			break;
		us -= (us % TM_S + TM_S) % TM_S;
		w.n = 0;
		rc = sqlite_find_windows(d, metric, us,
					 us + TM_S <= not_after_us ? us + TM_S : not_after_us + 1,
					 &w, err);
		if (rc || w.n)
			break;
	}
	if (rc == 0 && *found) {
		*start_us = w.v[w.n - 1].span.start_us;
		*end_us = w.v[w.n - 1].span.end_us;
	}
	free(w.v);
	return rc;
}

/* ---- rows */

static bool take_columns(struct sqlite_reader *r, struct slice text, struct rollup *row)
{
	if (!text.p)
		return true;
	row->cell = r->cell;
	r->sketches.n = 0;
	buf_room(&r->sketches, text.n);
	return json_parse(&r->json, text, NULL) == 0 &&
	       cells_parse(&r->json, 0, r->cell, &row->cells, &r->sketches, NULL) == 0;
}

static bool sqlite_take_row(struct sqlite_reader *r, sqlite3_stmt *q, const struct window *w,
			    struct rollup *row)
{
	struct slice sketch = sqlite_column(q, 8);

	*row = (struct rollup){ .start_us = w->span.start_us,
				.end_us = w->span.end_us,
				.dims = sqlite_column(q, 0),
				.count = (uint64_t)sqlite3_column_int64(q, 2),
				.has_value = sqlite3_column_type(q, 3) != SQLITE_NULL,
				.value_count = (uint64_t)sqlite3_column_int64(q, 3),
				.has_uniq = sqlite3_column_type(q, 7) != SQLITE_NULL,
				.uniq = (uint64_t)sqlite3_column_int64(q, 7),
				.sketch = sketch };
	if (!row->dims.p ||
	    str_unhex(sqlite_column(q, 1), row->dims_hash, sizeof(row->dims_hash)) ||
	    !take_columns(r, sqlite_column(q, 9), row))
		return false;
	return read_values(row, sqlite_column(q, 4), sqlite_column(q, 5), sqlite_column(q, 6));
}

static int sqlite_give_rows(struct sqlite_reader *r, sqlite3_stmt *q, const struct window *w,
			    read_row_fn *fn, void *arg, struct err *err)
{
	struct rollup row;
	int code, rc = 0;

	sqlite_bind_slice(q, 2, slice_z(w->start));
	sqlite_bind_slice(q, 3, slice_z(w->end));
	while ((code = sqlite3_step(q)) == SQLITE_ROW && rc == 0)
		rc = sqlite_take_row(r, q, w, &row)
			     ? fn(arg, &row, err)
			     : err_set(err, EX_DATAERR,
				       "%s: a row of %s cannot be read: window %s, dims %s",
				       r->conf.where, r->s->table, w->start,
				       (const char *)sqlite3_column_text(q, 0));
	rc = rc ? rc : sqlite_reader_ended(r, code, err);
	sqlite3_reset(q);
	return rc;
}

static sqlite3_stmt *prepare_rows(struct sqlite_reader *r, const struct read_range *range,
				  struct err *err)
{
	char *text = mem_printf("SELECT dims, dims_hash, count, value_count, sum, min, max, uniq, "
				"%s, %s FROM \"%%w\" WHERE metric = ?1 AND window_start = ?2"
				" AND window_end = ?3 %s",
				range->sketch ? "uniq_sketch" : "NULL",
				r->s->has_columns ? "columns" : "NULL",
				range->top ? "ORDER BY count DESC, dims_hash DESC LIMIT ?4" : "");
	sqlite3_stmt *q = sqlite_reader_prepare(r, text, err);

	free(text);
	if (!q)
		return NULL;
	sqlite_bind_slice(q, 1, slice_z(range->metric));
	if (range->top)
		sqlite3_bind_int64(q, 4, (int64_t)range->top);
	return q;
}

int sqlite_reader_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		       struct err *err)
{
	struct windows w = { 0 };
	sqlite3_stmt *q = NULL;
	int rc = sqlite_find_windows(d, range->metric, range->from_us, range->to_us, &w, err);

	if (rc == 0 && !(q = prepare_rows(d, range, err)))
		rc = -1;
	for (size_t i = 0; i < w.n && rc == 0; i++)
		if (!range->end_us || w.v[i].span.end_us == range->end_us)
			rc = sqlite_give_rows(d, q, &w.v[i], fn, arg, err);
	sqlite3_finalize(q);
	free(w.v);
	return rc;
}
