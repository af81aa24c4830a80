/* GET /latest and /top: rows of the newest window that has begun. By count the store itself finds
 * the highest; by another number the window is read whole. */
#include "json/json.h"
#include "read/ratios.h"
#include "serve/rows_query.h"

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

static int run_latest(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		      struct err *err)
{
	struct rows_query *rq = (struct rows_query *)q;
	struct rows_range range = { .limit = rq->limit };
	struct rows_window *w;
	int rc = rows_query_newest(rq, reader, &range, &w, out, err);

	if (rc == 0)
		write_window(rq, &range, w, &out->body);
	rows_window_free(w);
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

static int run_top(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		   struct err *err)
{
	struct rows_query *rq = (struct rows_query *)q;
	bool by_count = !rq->by || strcmp(rq->by, "count") == 0;
	struct rows_range range = { .top = by_count, .limit = by_count ? rq->limit : 0 };
	struct rows_window *w;
	struct ratio by = { 0 };
	int rc;

	if (!by_count && ratio_or_number(&by, rq->by, NULL))
		return serve_result_problem(out, 422, "bad-parameter",
					    "by is count, sum, or the name of a measure");
	rc = rows_query_newest(rq, reader, &range, &w, out, err);
	if (rc == 0 && w && !by_count && !serve_rank_rows(w, &by))
		serve_result_problem(out, 422, "bad-parameter",
				     "by: rows of this metric have no number \"%.64s\"", rq->by);
	else if (rc == 0)
		write_window(rq, &range, w, &out->body);
	rows_window_free(w);
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
