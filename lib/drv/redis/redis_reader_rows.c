/* Windows and rows: the window's index, then the rows by their keys, many requests at a time.
 *
 * A window's name "START:END" has seconds, with a fraction where there is one; the score of its
 * set is a double, so the bounds are taken a second wider and windows are judged by their names. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tm.h"
#include "drv/redis/redis_reader.h"
#include "sketch/hll.h"

enum { AT_ONCE = 500, NEWEST_AT_ONCE = 16, FIELDS = 7 };

/* ---- windows */

struct window {
	int64_t start_us, end_us;
	char *name;
};
struct windows {
	struct window *v;
	size_t n, cap;
};

static void windows_fini(struct windows *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
	*w = (struct windows){ 0 };
}

static bool seconds_of(struct slice text, int64_t *us)
{
	dec v;

	if (dec_parse_sum(text, &v) != DEC_OK)
		return false;
	*us = (int64_t)(v / 1000);
	return true;
}

static int redis_take_window(struct windows *out, struct slice name, struct err *err)
{
	const char *colon = memchr(name.p, ':', name.n);
	struct window w = { 0 };

	if (!colon || !seconds_of(slice(name.p, (size_t)(colon - name.p)), &w.start_us) ||
	    !seconds_of(slice(colon + 1, name.n - (size_t)(colon + 1 - name.p)), &w.end_us) ||
	    w.end_us <= w.start_us)
		return err_set(err, EX_DATAERR, "a window has no times: %.*s", (int)name.n, name.p);
	w.name = mem_dup(name.p, name.n);
	mem_reserve(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = w;
	return 0;
}

static int redis_by_time(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	if (x->start_us != y->start_us)
		return x->start_us < y->start_us ? -1 : 1;
	return x->end_us < y->end_us ? -1 : x->end_us > y->end_us;
}

static int64_t whole_seconds(int64_t us)
{
	return us / TM_S - (us % TM_S < 0);
}

/* Those with from_us <= start < to_us, in order. */
static int redis_find_windows(struct redis_reader *r, const char *metric, int64_t from_us,
			      int64_t to_us, struct windows *out, struct err *err)
{
	redisReply *reply;
	int rc;

	redis_reader_begin(r, 4);
	redis_argz(r->p, "ZRANGEBYSCORE");
	redis_reader_arg_key(r->p, "w", metric, "");
	redis_argi(r->p, whole_seconds(from_us) - 1);
	redis_argi(r->p, whole_seconds(to_us) + 1);
	rc = redis_reader_answer(r, &reply, err);
	if (rc)
		return -1;
	for (size_t i = 0; i < redis_reader_elements(reply) && rc == 0; i++) {
		rc = redis_take_window(out, redis_element(reply, i), err);
		if (rc == 0 &&
		    (out->v[out->n - 1].start_us < from_us || out->v[out->n - 1].start_us >= to_us))
			free(out->v[--out->n].name);
	}
	freeReplyObject(reply);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), redis_by_time);
	return rc;
}

/* How many rows its index has; 0: it has expired. */
static int count_rows(struct redis_reader *r, const char *metric, const struct window *w,
		      uint64_t *rows, struct err *err)
{
	redisReply *reply;

	r->scratch.n = 0;
	buf_printf(&r->scratch, ":%s", w->name);
	redis_reader_begin(r, 2);
	redis_argz(r->p, "ZCARD");
	redis_reader_arg_key(r->p, "i", metric, buf_z(&r->scratch));
	if (redis_reader_answer(r, &reply, err))
		return -1;
	*rows = reply->type == REDIS_REPLY_INTEGER ? (uint64_t)reply->integer : 0;
	freeReplyObject(reply);
	return 0;
}

/* A page of the windows with a score up to `most`, newest first. */
static int counters_of_windows(struct redis_reader *r, const char *metric, int64_t most,
			       size_t skip, struct windows *out, struct err *err)
{
	redisReply *reply;
	int rc;

	redis_reader_begin(r, 7);
	redis_argz(r->p, "ZREVRANGEBYSCORE");
	redis_reader_arg_key(r->p, "w", metric, "");
	redis_argi(r->p, most);
	redis_argz(r->p, "-inf");
	redis_argz(r->p, "LIMIT");
	redis_argi(r->p, (int64_t)skip);
	redis_argi(r->p, NEWEST_AT_ONCE);
	rc = redis_reader_answer(r, &reply, err);
	if (rc)
		return -1;
	for (size_t i = 0; i < redis_reader_elements(reply) && rc == 0; i++)
		rc = redis_take_window(out, redis_element(reply, i), err);
	freeReplyObject(reply);
	return rc;
}

static bool better(const struct window *w, int64_t not_after_us, bool found, int64_t start_us,
		   int64_t end_us)
{
	return w->start_us <= not_after_us && (!found || w->start_us > start_us ||
					       (w->start_us == start_us && w->end_us > end_us));
}

/* Pages until a window that has rows was found, and one that cannot be better: those of one
 * score come in any order of their ends. */
int redis_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			int64_t *start_us, int64_t *end_us, struct err *err)
{
	struct windows w = { 0 };
	bool over = false;
	int rc = 0;

	*found = false;
	for (size_t skip = 0; rc == 0 && !over; skip += NEWEST_AT_ONCE) {
		windows_fini(&w);
		rc = counters_of_windows(d, metric, whole_seconds(not_after_us) + 1, skip, &w, err);
		over = w.n < NEWEST_AT_ONCE;
		for (size_t i = 0; i < w.n && rc == 0; i++) {
			uint64_t rows = 0;

			over = over || (*found && w.v[i].start_us < *start_us);
			if (!better(&w.v[i], not_after_us, *found, *start_us, *end_us))
				continue;
			rc = count_rows(d, metric, &w.v[i], &rows, err);
			if (rc || !rows)
				continue;
			*found = true;
			*start_us = w.v[i].start_us;
			*end_us = w.v[i].end_us;
		}
	}
	windows_fini(&w);
	return rc;
}

/* ---- rows */

/* Which columns the metric's rows have, into r. */
static int find_columns(struct redis_reader *r, const char *metric, struct err *err)
{
	redisReply *reply;
	uint32_t list;
	int rc = 0;

	r->columns = 0;
	redis_reader_begin(r, 3);
	redis_argz(r->p, "HGET");
	r->p->key.n = 0;
	buf_printf(&r->p->key, "%smetric", r->p->tag);
	redis_arg(r->p, buf_slice(&r->p->key));
	redis_argz(r->p, metric);
	if (redis_reader_answer(r, &reply, err))
		return -1;
	r->text.n = 0;
	if (reply->type == REDIS_REPLY_STRING)
		buf_add(&r->text, reply->str, reply->len);
	freeReplyObject(reply);
	if (r->text.n && json_parse(&r->json, buf_slice(&r->text), err) == 0 &&
	    (list = json_get(&r->json, 0, "columns")))
		rc = columns_parse(&r->json, list, r->column, &r->columns, err);
	return rc ? err_in(err, "metric %s", metric) : 0;
}

static void begin_row(struct redis_reader *r, const char *metric, const struct window *w,
		      struct slice hash, bool sketch, bool first)
{
	static const char *const field[FIELDS] = { "count", "value_count", "sum", "min",
						   "max",   "uniq",        "dims" };
	struct redis *p = r->p;

	r->scratch.n = 0;
	buf_printf(&r->scratch, ":%s:", w->name);
	buf_adds(&r->scratch, hash);
	if (first)
		redis_reader_begin(r, 2 + FIELDS + r->columns);
	else
		redis_reader_also(r, 2 + FIELDS + r->columns);
	redis_argz(p, "HMGET");
	redis_reader_arg_key(p, "r", metric, buf_z(&r->scratch));
	for (int i = 0; i < FIELDS; i++)
		redis_argz(p, field[i]);
	for (size_t i = 0; i < r->columns; i++)
		redis_arg(p, r->column[i].name);
	if (!sketch)
		return;
	redis_reader_also(r, 2);
	redis_argz(p, "GET");
	redis_reader_arg_key(p, "u", metric, buf_z(&r->scratch));
}

static bool is_there(const redisReply *reply, size_t i)
{
	return i < redis_reader_elements(reply) && reply->element[i]->type == REDIS_REPLY_STRING;
}

static bool redis_reader_rows_count_of(const redisReply *reply, size_t i, uint64_t *out)
{
	struct slice text = redis_element(reply, i);
	dec v;

	if (dec_parse_sum(text, &v) != DEC_OK || v < 0 || v % 1000000000 ||
	    v / 1000000000 > UINT64_MAX)
		return false;
	*out = (uint64_t)(v / 1000000000);
	return true;
}

static bool redis_dec_of(const redisReply *reply, size_t i, dec *out)
{
	return dec_parse_sum(redis_element(reply, i), out) <= DEC_ROUNDED;
}

static bool take_measures(const redisReply *fields, struct rollup *row)
{
	row->has_value = is_there(fields, 1);
	row->has_uniq = is_there(fields, 5);
	if (!redis_reader_rows_count_of(fields, 0, &row->count) ||
	    (row->has_value && !redis_reader_rows_count_of(fields, 1, &row->value_count)) ||
	    (row->has_uniq && !redis_reader_rows_count_of(fields, 5, &row->uniq)))
		return false;
	return row->value_count == 0 ||
	       (redis_dec_of(fields, 2, &row->sum) && redis_dec_of(fields, 3, &row->min) &&
		redis_dec_of(fields, 4, &row->max));
}

static bool take_cells(struct redis_reader *r, const redisReply *fields, struct rollup *row)
{
	row->cell = r->cell;
	row->cells = r->columns;
	for (size_t i = 0; i < r->columns; i++) {
		struct cell *c = &r->cell[i];

		*c = (struct cell){ .column = r->column[i],
				    .empty = r->column[i].rule >= COLUMN_MIN &&
					     !is_there(fields, FIELDS + i) };
		if (c->column.rule == COLUMN_COUNT
			    ? !redis_reader_rows_count_of(fields, FIELDS + i, &c->count)
			    : !c->empty && !redis_dec_of(fields, FIELDS + i, &c->value))
			return false;
	}
	return true;
}

static bool redis_take_sketch(struct redis_reader *r, const redisReply *bytes, struct rollup *row)
{
	struct hll *h;

	if (!row->has_uniq || !bytes)
		return true;
	h = bytes->type == REDIS_REPLY_STRING ? hll_from_redis(slice(bytes->str, bytes->len))
					      : NULL;
	r->scratch.n = 0;
	if (h)
		hll_encode(h, &r->scratch);
	row->sketch = buf_slice(&r->scratch);
	hll_free(h);
	return h;
}

static int give_row(struct redis_reader *r, const struct window *w, struct slice hash,
		    const redisReply *fields, const redisReply *sketch, read_row_fn *fn, void *arg,
		    struct err *err)
{
	struct rollup row = { .start_us = w->start_us,
			      .end_us = w->end_us,
			      .dims = redis_element(fields, 6) };

	if (!is_there(fields, 0))
		return 0; /* it has expired: its index lives longer */
	if (str_unhex(hash, row.dims_hash, sizeof(row.dims_hash)) || !take_measures(fields, &row) ||
	    !take_cells(r, fields, &row) || !redis_take_sketch(r, sketch, &row))
		return err_set(err, EX_DATAERR, "a row cannot be read: window %s, dims %.*s",
			       w->name, (int)row.dims.n, row.dims.p);
	return fn(arg, &row, err);
}

/* Rows first .. last - 1 of the index: all are asked for, then all are answered. */
static int give_some(struct redis_reader *r, const struct read_range *range, const struct window *w,
		     const redisReply *index, size_t first, size_t last, read_row_fn *fn, void *arg,
		     struct err *err)
{
	int rc = 0;

	for (size_t i = first; i < last; i++)
		begin_row(r, range->metric, w, redis_element(index, i), range->sketch, i == first);
	for (size_t i = first; i < last && rc == 0; i++) {
		redisReply *fields = NULL, *sketch = NULL;

		rc = redis_reader_answer(r, &fields, err) ||
				     (range->sketch && redis_reader_answer(r, &sketch, err))
			     ? -1
			     : 0;
		if (rc == 0)
			rc = give_row(r, w, redis_element(index, i), fields, sketch, fn, arg, err);
		freeReplyObject(fields);
		freeReplyObject(sketch);
	}
	return rc;
}

static int redis_give_rows(struct redis_reader *r, const struct read_range *range,
			   const struct window *w, read_row_fn *fn, void *arg, struct err *err)
{
	redisReply *index;
	int rc;

	r->scratch.n = 0;
	buf_printf(&r->scratch, ":%s", w->name);
	redis_reader_begin(r, 4);
	redis_argz(r->p, "ZREVRANGE");
	redis_reader_arg_key(r->p, "i", range->metric, buf_z(&r->scratch));
	redis_argi(r->p, 0);
	redis_argi(r->p, range->top ? (int64_t)range->top - 1 : -1);
	rc = redis_reader_answer(r, &index, err);
	if (rc)
		return -1;
	for (size_t i = 0; i < redis_reader_elements(index) && rc == 0; i += AT_ONCE)
		rc = give_some(r, range, w, index, i,
			       redis_reader_elements(index) - i > AT_ONCE
				       ? i + AT_ONCE
				       : redis_reader_elements(index),
			       fn, arg, err);
	freeReplyObject(index);
	return rc;
}

int redis_reader_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		      struct err *err)
{
	struct windows w = { 0 };
	int rc = redis_find_windows(d, range->metric, range->from_us, range->to_us, &w, err);

	if (rc == 0)
		rc = find_columns(d, range->metric, err);
	for (size_t i = 0; i < w.n && rc == 0; i++)
		if (!range->end_us || w.v[i].end_us == range->end_us)
			rc = redis_give_rows(d, range, &w.v[i], fn, arg, err);
	windows_fini(&w);
	return rc;
}
