/* GET /latest and /top: rows of the newest window that has begun. By count the store itself finds
 * the highest; by another number the window is read whole. */
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"
#include "read/newest.h"
#include "read/ratios.h"
#include "serve/rows_query.h"

/* ---- one window */
struct newest {
	struct rows_query *rq;
	struct rows_window *window; /* NULL: it has no such row */
};

static int take_window(void *arg, struct rows_window *w, struct err *err)
{
	struct newest *n = arg;

	(void)err;
	rows_window_free(n->window);
	n->window = w;
	return 0;
}

/* EX_NO is an answer: the metric is known, and has nothing yet. */
static int say_no_window(struct serve_result *out, struct err *err)
{
	if (err->code != EX_NO)
		return -1;
	return serve_result_problem(out, 404, "no-window", "%s", err->msg);
}

static void write_window(const struct rows_query *rq, const struct rows_range *range,
			 const struct rows_window *w, struct buf *out)
{
	int64_t end_us = range->end_us;

	buf_addz(out, "{\"metric\":");
	json_quote_z(out, rq->metric);
	buf_addz(out, ",\"window_start\":");
	serve_time_json(out, range->from_us);
	buf_addz(out, ",\"window_end\":");
	serve_time_json(out, end_us);
	buf_printf(out, ",\"final\":%s,\"rows\":[",
		   finality_final(&range->finality, range->from_us, end_us) ? "true" : "false");
	for (size_t i = 0; w && i < w->n && i < rq->limit; i++) {
		buf_addz(out, i ? ",{" : "{");
		serve_row_json(rq, &w->row[i], out);
		buf_addc(out, '}');
	}
	buf_addz(out, "]}\n");
}

static int read_newest(struct newest *n, struct serve_reader *reader, struct rows_range *range,
		       struct serve_result *out, struct err *err)
{
	struct rows_query *rq = n->rq;
	struct rows_found found = { 0 };
	int rc = rows_query_find(rq, reader, range, out, err);

	if (rc)
		return rc;
	if (newest_window(&rq->store, range, &rq->found.hops, rq->now_us, rq->final, err))
		return say_no_window(out, err) ? -1 : 1;
	rc = rows_read(&rq->store, range, take_window, n, &found, err);
	rows_found_fini(&found);
	return rc;
}

static int run_latest(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		      struct err *err)
{
	struct newest n = { .rq = (struct rows_query *)q };
	struct rows_range range = { .limit = n.rq->limit };
	int rc = read_newest(&n, reader, &range, out, err);

	if (rc == 0)
		write_window(n.rq, &range, n.window, &out->body);
	rows_window_free(n.window);
	return rc < 0 ? -1 : 0;
}

void serve_get_latest(void *serve, struct http_request *req)
{
	static const char *const no_yes[] = { "false", "true", NULL };
	struct serve_args args;
	struct rows_query *rq = rows_query_new(&args, req, "latest", "metric");

	rq->limit = serve_args_count(&args, "limit", SERVE_ROWS_USUAL, SERVE_ROWS);
	rq->final = serve_args_choice(&args, "final", no_yes) == 1;
	rows_query_ask(serve, &args, rq, run_latest);
}

/* ---- the highest */
struct ranked {
	double number;
	bool has;
	size_t at;
};

static int higher_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->has != y->has)
		return x->has ? -1 : 1;
	if (x->has && x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* False: rows have no such number. */
static bool rank_rows(struct rows_window *w, const struct ratio *by)
{
	struct ranked *rank = mem_array(w->n + 1, sizeof(*rank));
	struct rows_row *row = mem_array(w->n + 1, sizeof(*row));
	bool known = true;

	for (size_t i = 0; i < w->n && known; i++) {
		enum ratio_has has = ratio_number(by, &w->row[i].r, &rank[i].number);

		known = has != RATIO_UNKNOWN;
		rank[i].has = has == RATIO_NUMBER;
		rank[i].at = i;
	}
	if (known) {
		qsort(rank, w->n, sizeof(*rank), higher_first);
		for (size_t i = 0; i < w->n; i++)
			row[i] = w->row[rank[i].at];
		memcpy(w->row, row, w->n * sizeof(*row));
	}
	free(rank);
	free(row);
	return known;
}

static int run_top(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		   struct err *err)
{
	struct newest n = { .rq = (struct rows_query *)q };
	const struct rows_query *rq = n.rq;
	bool by_count = !rq->by || strcmp(rq->by, "count") == 0;
	struct rows_range range = { .top = by_count, .limit = by_count ? rq->limit : 0 };
	struct ratio by = { 0 };
	int rc = 0;

	if (!by_count && ratio_or_number(&by, rq->by, NULL))
		return serve_result_problem(out, 422, "bad-parameter",
					    "by is count, sum, or the name of a measure");
	rc = read_newest(&n, reader, &range, out, err);
	if (rc == 0 && n.window && !by_count && !rank_rows(n.window, &by))
		serve_result_problem(out, 422, "bad-parameter",
				     "by: rows of this metric have no number \"%.64s\"", rq->by);
	else if (rc == 0)
		write_window(rq, &range, n.window, &out->body);
	rows_window_free(n.window);
	return rc < 0 ? -1 : 0;
}

void serve_get_top(void *serve, struct http_request *req)
{
	struct serve_args args;
	struct rows_query *rq = rows_query_new(&args, req, "top", "metric");

	rq->limit = serve_args_count(&args, "limit", 10, SERVE_ROWS);
	rq->by = serve_args_text(&args, "by");
	rows_query_ask(serve, &args, rq, run_top);
}
