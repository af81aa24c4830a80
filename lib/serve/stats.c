/* GET /stats?rule_id=: the values of a rule in a span of time, flat: dimensions beside the value. A
 * rule of one measure has it as "value", one of several has each by its name. Times stand without
 * their zone, which is UTC, unless they are asked for with it. */
#include <inttypes.h>

#include "base/tm.h"
#include "json/json.h"
#include "serve/page.h"

static void add_time(const struct rows_query *rq, int64_t us, const char *zone, struct buf *out)
{
	char text[TM_TEXT_BYTES];
	size_t n = tm_text(us, text);

	buf_addc(out, '"');
	buf_add(out, text, rq->zulu ? n : n - 1);
	buf_addz(out, rq->zulu ? "" : zone);
	buf_addc(out, '"');
}

struct valued {
	const struct rows_query *rq;
	struct buf *out;
};

static void add_value(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	struct valued *v = arg;

	(void)kind;
	buf_addz(v->out, ",\"");
	buf_adds(v->out, name);
	buf_addz(v->out, "\":");
	serve_number_json(text, v->rq->quoted, v->out);
}

static void add_dim(const struct dim *d, struct buf *out)
{
	if (d->tag == DIM_MISSING)
		return;
	buf_addc(out, ',');
	json_quote(out, d->name);
	buf_addc(out, ':');
	if (d->tag == DIM_STRING)
		json_quote(out, d->value);
	else
		buf_adds(out, d->tag == DIM_NUMBER ? d->value
			      : d->tag == DIM_TRUE ? slice_z("true")
			      : d->tag == DIM_NULL ? slice_z("null")
						   : slice_z("false"));
}

static void write_value_row(struct serve_page *page, const struct rows_window *w,
			    const struct rows_row *row)
{
	struct buf *out = page->own;
	struct valued v = { .rq = page->rq, .out = out };

	buf_addz(out, page->n ? ",{\"window_start\":" : "{\"window_start\":");
	add_time(page->rq, w->start_us, "", out);
	for (size_t i = 0; i < row->dims; i++)
		add_dim(&row->dim[i], out);
	serve_row_values(row, add_value, &v);
	buf_addc(out, '}');
}

static void write_stats(const struct serve_page *page, const struct buf *data, struct buf *out)
{
	const struct rows_query *rq = page->rq;

	buf_addz(out, "{\"rule_id\":");
	json_quote_z(out, rq->metric);
	buf_addz(out, ",\"from\":");
	add_time(rq, rq->from_us, "+00:00", out);
	buf_addz(out, ",\"to\":");
	add_time(rq, rq->to_us, "+00:00", out);
	buf_printf(out, ",\"count\":%" PRIu64 ",\"data\":[", page->n);
	buf_adds(out, buf_slice(data));
	buf_addc(out, ']');
	if (page->out->next.n) {
		buf_addz(out, ",\"next\":");
		json_quote(out, buf_slice(&page->out->next));
	}
	buf_addz(out, "}\n");
}

static int run_stats(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		     struct err *err)
{
	struct buf data = { 0 };
	struct serve_page page = {
		.rq = (struct rows_query *)q, .out = out, .row = write_value_row, .own = &data
	};
	int rc = serve_page_read(&page, reader, err);

	if (rc == 0)
		write_stats(&page, &data, &out->body);
	buf_fini(&data);
	return rc < 0 ? -1 : 0;
}

void serve_get_stats(void *serve, struct http_request *req)
{
	static const char *const times[] = { "plain", "zulu", NULL };
	struct serve_args args;
	struct rows_query *rq;

	if (serve_intake_wanted(req)) {
		serve_get_intake(serve, req);
		return;
	}
	rq = rows_query_new(&args, req, "stats", "rule_id");
	serve_page_args(&args, rq, "start_time", "end_time");
	if (rq->to_us == POS_NONE)
		rq->to_us = rq->now_us + 1;
	if (rq->from_us == POS_NONE)
		rq->from_us = rq->to_us - 86400 * TM_S;
	rq->limit = serve_args_count(&args, "limit", SERVE_ROWS, SERVE_ROWS);
	rq->zulu = serve_args_choice(&args, "times", times) == 1;
	rows_query_ask(serve, &args, rq, run_stats);
}
