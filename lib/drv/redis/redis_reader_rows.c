/* Rows: a window's index, then its rows by their keys, many requests at a time. */
#include <stdlib.h>
#include <string.h>

#include "drv/redis/redis_reader.h"
#include "sketch/hll.h"

enum { AT_ONCE = 500, FIELDS = 7 };

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

static void begin_row(struct redis_reader *r, const char *metric, const struct redis_window *w,
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

static bool redis_count_of(const redisReply *reply, size_t i, uint64_t *out)
{
	struct slice text = redis_element(reply, i);
	dec v;

	if (dec_parse_sum(text, &v) != DEC_OK || v < 0 || v % 1000000000 ||
	    v / 1000000000 > UINT64_MAX)
		return false;
	*out = (uint64_t)(v / 1000000000);
	return true;
}

static bool take_measures(const redisReply *fields, struct rollup *row)
{
	row->has_value = is_there(fields, 1);
	row->has_uniq = is_there(fields, 5);
	if (!redis_count_of(fields, 0, &row->count) ||
	    (row->has_value && !redis_count_of(fields, 1, &row->value_count)) ||
	    (row->has_uniq && !redis_count_of(fields, 5, &row->uniq)))
		return false;
	return read_values(row, redis_element(fields, 2), redis_element(fields, 3),
			   redis_element(fields, 4));
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
		if (column_is_sketch(c->column.rule)) {
			c->sketch = redis_element(fields, FIELDS + i);
			continue;
		}
		if (c->column.rule == COLUMN_COUNT
			    ? !redis_count_of(fields, FIELDS + i, &c->count)
			    : !c->empty && dec_parse_sum(redis_element(fields, FIELDS + i),
							 &c->value) > DEC_ROUNDED)
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

static int give_row(struct redis_reader *r, const struct redis_window *w, struct slice hash,
		    const redisReply *fields, const redisReply *sketch, read_row_fn *fn, void *arg,
		    struct err *err)
{
	struct rollup row = { .start_us = w->span.start_us,
			      .end_us = w->span.end_us,
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
static int give_some(struct redis_reader *r, const struct read_range *range,
		     const struct redis_window *w, const redisReply *index, size_t first,
		     size_t last, read_row_fn *fn, void *arg, struct err *err)
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
			   const struct redis_window *w, read_row_fn *fn, void *arg,
			   struct err *err)
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
	struct redis_windows w = { 0 };
	int rc = redis_windows_find(d, range->metric, range->from_us, range->to_us, &w, err);

	if (rc == 0)
		rc = find_columns(d, range->metric, err);
	for (size_t i = 0; i < w.n && rc == 0; i++)
		if (!range->end_us || w.v[i].span.end_us == range->end_us)
			rc = redis_give_rows(d, range, &w.v[i], fn, arg, err);
	redis_windows_fini(&w);
	return rc;
}
