#include "serve/rows_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"

/* ---- the query */
static void release_rows_query(struct serve_query *q)
{
	struct rows_query *rq = (struct rows_query *)q;

	dims_filter_fini(&rq->filter);
	arena_fini(&rq->arena);
	metric_found_fini(&rq->found);
	names_fini(&rq->names);
	free(rq);
}

struct rows_query *rows_query_plain(void)
{
	struct rows_query *rq = mem_zalloc(sizeof(*rq));

	rq->q.release = release_rows_query;
	rq->now_us = tm_now_us();
	rq->from_us = rq->to_us = POS_NONE;
	return rq;
}

struct rows_query *rows_query_new(struct serve_args *args, struct http_request *req,
				  const char *name, const char *metric_parameter)
{
	static const char *const numbers[] = { "number", "string", NULL };
	struct rows_query *rq = rows_query_plain();

	*args = (struct serve_args){ .req = req, .key = &rq->q.key, .arena = &rq->arena };
	serve_args_begin(args, name);
	rq->metric = serve_args_required(args, metric_parameter);
	serve_args_dims(args, &rq->filter);
	rq->quoted = serve_args_choice(args, "numbers", numbers) == 1;
	return rq;
}

void rows_query_ask(struct serve *s, struct serve_args *args, struct rows_query *rq,
		    int (*run)(struct serve_query *q, struct serve_reader *reader,
			       struct serve_result *out, struct err *err))
{
	rq->q.run = run;
	if (args->refused)
		serve_query_free(&rq->q);
	else
		serve_answer(s, args->req, &rq->q);
}

/* ---- the metric */
int rows_query_none(const struct rows_query *rq, struct serve_result *out)
{
	struct buf hint = { 0 };

	names_nearest(&rq->names, rq->metric, &hint);
	serve_result_problem(out, 404, "unknown-metric", "there is no metric \"%.64s\"%s",
			     rq->metric, buf_z(&hint));
	buf_fini(&hint);
	return 1;
}

int rows_query_look(void *arg, const struct read_store *store, struct err *err)
{
	struct rows_query *rq = arg;

	metric_found_fini(&rq->found); /* of the store before */
	rq->store = *store;
	if (metric_lookup(store, rq->metric, &rq->found, err))
		return -1;
	if (rq->found.found)
		return 1;
	for (size_t i = 0; i < rq->found.names.n; i++)
		names_add(&rq->names, rq->found.names.v[i]);
	return 0;
}

void rows_query_range(const struct rows_query *rq, struct rows_range *range)
{
	range->metric = rq->found.name;
	range->finality = rq->found.finality;
	range->filter = &rq->filter;
}

int rows_query_find(struct rows_query *rq, struct serve_reader *reader, struct rows_range *range,
		    struct serve_result *out, struct err *err)
{
	int rc = serve_reader_each(reader, false, rows_query_look, rq, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return rows_query_none(rq, out);
	rows_query_range(rq, range);
	return 0;
}

/* ---- rows */
void serve_time_json(struct buf *out, int64_t us)
{
	char text[TM_TEXT_BYTES];

	buf_addc(out, '"');
	buf_add(out, text, tm_text(us, text));
	buf_addc(out, '"');
}

static void give_decimal(serve_number_fn *fn, void *arg, const char *name, bool there, dec v)
{
	char text[DEC_TEXT_BYTES];

	fn(arg, SERVE_CLASSIC, slice_z(name),
	   there ? slice(text, dec_text(v, text)) : slice(NULL, 0));
}

static void give_count(serve_number_fn *fn, void *arg, enum serve_number kind, const char *name,
		       uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	fn(arg, kind, slice_z(name), slice_z(text));
}

static void give_measures(struct slice measures, serve_number_fn *fn, void *arg)
{
	struct json j = { 0 };

	if (measures.n && json_parse(&j, measures, NULL) == 0)
		for (uint32_t i = 1; i < j.node[0].next; i = j.node[i + 1].next) {
			const struct json_node *v = &j.node[i + 1];
			struct slice text = v->text;

			if (v->type == JSON_STRING)
				text = slice(text.p - 1, text.n + 2); /* its quotes */
			fn(arg, SERVE_MEASURE, j.node[i].text,
			   v->type == JSON_NULL ? slice(NULL, 0) : text);
		}
	json_fini(&j);
}

void serve_row_numbers(const struct rows_row *row, serve_number_fn *fn, void *arg)
{
	const struct rollup *r = &row->r;
	bool some = r->value_count > 0;

	give_count(fn, arg, SERVE_COUNT, "count", r->count);
	if (r->has_value) {
		give_count(fn, arg, SERVE_CLASSIC, "value_count", r->value_count);
		give_decimal(fn, arg, "sum", some, r->sum);
		give_decimal(fn, arg, "min", some, r->min);
		give_decimal(fn, arg, "max", some, r->max);
	}
	if (r->has_uniq)
		give_count(fn, arg, SERVE_CLASSIC, "uniques", r->uniq);
	give_measures(r->measures, fn, arg);
}

struct values {
	serve_number_fn *fn;
	void *arg;
	size_t measures;
};

static void count_measure(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	(void)text;
	if (kind != SERVE_COUNT && !slice_is(name, "value_count"))
		((struct values *)arg)->measures++;
}

static void give_value(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	const struct values *v = arg;

	if (slice_is(name, "value_count") || (kind == SERVE_COUNT && v->measures == 1))
		return;
	v->fn(v->arg, kind, v->measures > 1 ? name : slice_z("value"), text);
}

void serve_row_values(const struct rows_row *row, serve_number_fn *fn, void *arg)
{
	struct values v = { .fn = fn, .arg = arg };

	serve_row_numbers(row, count_measure, &v);
	serve_row_numbers(row, give_value, &v);
}

void serve_number_json(struct slice text, bool quoted, struct buf *out)
{
	bool number = text.n && (*text.p == '-' || (*text.p >= '0' && *text.p <= '9'));

	if (quoted && number)
		buf_addc(out, '"');
	buf_adds(out, text.p ? text : slice_z("null"));
	if (quoted && number)
		buf_addc(out, '"');
}

struct writing {
	const struct rows_query *rq;
	struct buf *out;
	bool measures; /* has been opened */
};

static void write_number(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	struct writing *w = arg;

	if (kind == SERVE_MEASURE && !w->measures) {
		buf_addz(w->out, ",\"measures\":{");
		w->measures = true;
	} else {
		buf_addc(w->out, ',');
	}
	buf_addc(w->out, '"');
	buf_adds(w->out, name);
	buf_addz(w->out, "\":");
	serve_number_json(text, w->rq->quoted, w->out);
}

void serve_row_json(const struct rows_query *rq, const struct rows_row *row, struct buf *out)
{
	struct writing w = { .rq = rq, .out = out };

	buf_addz(out, "\"dims\":");
	dims_json(row->dim, row->dims, out);
	serve_row_numbers(row, write_number, &w);
	if (w.measures)
		buf_addc(out, '}');
}
