/* What rules have: the rows of their newest windows as lists, [window_start, dimension.., value..],
 * the highest values first. Dimensions stand in the order of the rule's definition. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "read/ratios.h"
#include "read/stored_dims.h"
#include "serve/live_internal.h"
#include "serve/rows_query.h"
#include "sink/metric_shape.h"

struct live_query {
	struct serve_query q;
	struct buf names;
	uint64_t rows;
	int64_t us;
};

/* ---- one row */
static void add_live_value(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	(void)kind, (void)name;
	buf_addc(arg, ',');
	serve_number_json(text, false, arg);
}

static void add_live_dim(const struct dim *d, struct buf *out)
{
	buf_addc(out, ',');
	if (d && d->tag == DIM_STRING)
		json_quote(out, d->value);
	else if (d && d->tag == DIM_NUMBER)
		buf_adds(out, d->value);
	else
		buf_addz(out, d && d->tag == DIM_TRUE    ? "true"
			      : d && d->tag == DIM_FALSE ? "false"
							 : "null");
}

static void add_live_row(const struct metric_shape *shape, const struct rows_window *w,
			 const struct rows_row *row, struct buf *out)
{
	char text[TM_TEXT_BYTES];

	buf_addz(out, "[\"");
	buf_add(out, text, tm_text(w->start_us, text) - 1);
	buf_addc(out, '"');
	for (size_t i = 0; i < shape->dims; i++)
		add_live_dim(stored_dim(row->dim, row->dims, shape->dim[i]), out);
	for (size_t i = 0; i < row->dims && !shape->dims; i++)
		add_live_dim(&row->dim[i], out);
	serve_row_values(row, add_live_value, out);
	buf_addc(out, ']');
}

/* ---- one rule */
struct only_measure {
	size_t n;
	struct buf name;
};

static void take_measure(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	struct only_measure *m = arg;

	(void)text;
	if (kind == SERVE_COUNT || slice_is(name, "value_count"))
		return;
	m->n++;
	m->name.n = 0;
	buf_adds(&m->name, slice_is(name, "uniques") ? slice_z("uniq") : name);
}

/* By the one measure that the rule has, else by the count. */
static void put_highest_first(struct rows_window *w)
{
	struct only_measure m = { 0 };
	struct ratio by = { 0 };

	serve_row_numbers(&w->row[0], take_measure, &m);
	if (ratio_or_number(&by, m.n == 1 ? buf_z(&m.name) : "count", NULL) == 0)
		serve_rank_rows(w, &by);
	buf_fini(&m.name);
}

static void write_live_data(const struct rows_query *rq, struct rows_window *w, struct buf *out)
{
	struct metric_shape shape = { .name = slice_z(rq->found.name) };
	struct arena arena = { 0 };

	if (rq->found.def)
		metric_shape_read(&shape, slice_z(rq->found.def), &arena, NULL);
	if (w && w->n)
		put_highest_first(w);
	buf_addc(out, '[');
	for (size_t i = 0; w && i < w->n && i < rq->limit; i++) {
		buf_addz(out, i ? "," : "");
		add_live_row(&shape, w, &w->row[i], out);
	}
	buf_addc(out, ']');
	arena_fini(&arena);
}

/* Data; 1: `why` says why there is none; -1. */
static int read_live(const char *rule, uint64_t rows, struct serve_reader *reader, struct buf *out,
		     struct serve_result *why, struct err *err)
{
	struct rows_query *rq = rows_query_plain();
	struct rows_range range = { 0 };
	struct rows_window *w;
	int rc;

	rq->metric = rule;
	rq->limit = rows;
	rc = rows_query_newest(rq, reader, &range, &w, why, err);
	if (rc == 1 && rq->known) { /* it has no window yet */
		rc = 0;
		buf_addz(out, "[]");
	} else if (rc == 0) {
		write_live_data(rq, w, out);
	}
	rows_window_free(w);
	serve_query_free(&rq->q);
	return rc;
}

/* ---- all of them */
/* The next name, with a NUL in place of its \n; NULL: none is left. */
static char *next_name(char **left)
{
	char *name = *left, *end = strchr(name, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*left = end + 1;
	return name;
}

static int run_live(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		    struct err *err)
{
	struct live_query *l = (struct live_query *)q;
	char *left = mem_dup(l->names.p, l->names.n), *names = left, *name;
	int rc = 0;

	while (rc >= 0 && (name = next_name(&left))) {
		struct serve_result *why = serve_result_new();

		rc = serve_reader_cancelled(reader, err);
		if (rc == 0)
			rc = read_live(name, l->rows, reader, &out->body, why, err);
		if (rc > 0) {
			buf_addc(&out->body, '!');
			buf_adds(&out->body, buf_slice(&why->detail));
		}
		buf_addc(&out->body, '\n');
		serve_result_drop(why);
	}
	free(names);
	return rc < 0 ? -1 : 0;
}

static int run_live_get(struct serve_query *q, struct serve_reader *reader,
			struct serve_result *out, struct err *err)
{
	struct live_query *l = (struct live_query *)q;
	bool one = str_lines(buf_slice(&l->names)) == 1;
	char *left = mem_dup(l->names.p, l->names.n), *names = left, *name;
	struct buf data = { 0 };
	int rc = 0;

	out->cache = "max-age=5";
	buf_addz(&out->body, one ? "" : "[");
	while (rc == 0 && (name = next_name(&left))) {
		data.n = 0;
		rc = read_live(name, l->rows, reader, &data, out, err);
		if (rc == 0 && out->body.n > 1)
			buf_addc(&out->body, ',');
		if (rc == 0)
			live_text(&out->body, name, l->us, buf_slice(&data));
	}
	if (rc == 0)
		buf_addz(&out->body, one ? "\n" : "]\n");
	buf_fini(&data);
	free(names);
	return rc < 0 ? -1 : 0;
}

static void release_live(struct serve_query *q)
{
	struct live_query *l = (struct live_query *)q;

	buf_fini(&l->names);
	free(l);
}

static struct live_query *make_live(const char *kind, struct slice names, uint64_t rows)
{
	struct live_query *l = mem_zalloc(sizeof(*l));

	l->q.release = release_live;
	l->rows = rows;
	buf_adds(&l->names, names);
	buf_addz(&l->q.key, kind);
	buf_adds(&l->q.key, names);
	return l;
}

struct serve_query *live_query_new(struct slice names, uint64_t rows)
{
	struct live_query *l = make_live("live\n", names, rows);

	l->q.run = run_live;
	return &l->q;
}

struct serve_query *live_query_get(struct slice names, uint64_t rows, int64_t us)
{
	struct live_query *l = make_live("live get\n", names, rows);

	l->us = us;
	l->q.run = run_live_get;
	return &l->q;
}
