/* GET /history: rows of a span of time, as JSON with the rows in a list, as NDJSON, or as CSV with
 * a column for each dimension of the metric's definition and each number of its rows. */
#include "base/tm.h"
#include "json/json.h"
#include "read/stored_dims.h"
#include "serve/page.h"
#include "sink/metric_shape.h"

struct csv {
	struct metric_shape shape;
	struct arena arena;
};

/* ---- JSON */
static void write_row(struct serve_page *page, const struct rows_window *w,
		      const struct rows_row *row)
{
	struct buf *out = &page->out->body;

	if (page->rq->form == SERVE_JSON && page->n)
		buf_addc(out, ',');
	buf_addz(out, "{\"window_start\":");
	serve_time_json(out, w->start_us);
	buf_addz(out, ",\"window_end\":");
	serve_time_json(out, w->end_us);
	buf_printf(out, ",\"final\":%s,",
		   finality_final(&page->range.finality, w->start_us, w->end_us) ? "true"
										 : "false");
	serve_row_json(page->rq, row, out);
	buf_addz(out, page->rq->form == SERVE_JSON ? "}" : "}\n");
}

static int begin_json(struct serve_page *page, struct err *err)
{
	struct buf *out = &page->out->body;

	(void)err;
	buf_addz(out, "{\"metric\":");
	json_quote_z(out, page->rq->metric);
	buf_addz(out, ",\"from\":");
	serve_time_json(out, page->range.from_us);
	buf_addz(out, ",\"to\":");
	serve_time_json(out, page->range.to_us);
	buf_addz(out, ",\"rows\":[");
	return 0;
}

static void end_json(struct serve_page *page)
{
	struct buf *out = &page->out->body;

	buf_addz(out, "],\"next\":");
	if (page->out->next.n)
		json_quote(out, buf_slice(&page->out->next));
	else
		buf_addz(out, "null");
	buf_addz(out, "}\n");
}

/* ---- CSV (RFC 4180) */
static void add_cell(struct buf *out, struct slice text)
{
	bool quote = false;

	for (size_t i = 0; i < text.n && !quote; i++)
		quote = strchr(",\"\r\n", text.p[i]) != NULL;
	if (quote)
		buf_addc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, text.p[i]);
	}
	if (quote)
		buf_addc(out, '"');
}

static void add_number_cell(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	(void)kind, (void)name;
	buf_addc(arg, ',');
	add_cell(arg, text);
}

static void add_number_name(void *arg, enum serve_number kind, struct slice name, struct slice text)
{
	(void)kind, (void)text;
	buf_addc(arg, ',');
	add_cell(arg, name);
}

/* Of a plain metric, which has no definition. */
static void take_dims(struct csv *csv, const struct rows_row *row)
{
	csv->shape.dim = arena_alloc(&csv->arena, (row->dims + 1) * sizeof(*csv->shape.dim));
	for (; csv->shape.dims < row->dims; csv->shape.dims++)
		csv->shape.dim[csv->shape.dims] = arena_copy(&csv->arena,
							     row->dim[csv->shape.dims].name);
}

/* Names of numbers are those of the first row: all rows of a metric have the same. */
static void write_csv_head(struct serve_page *page, const struct rows_row *row)
{
	struct csv *csv = page->own;
	struct buf *out = &page->out->body;

	if (!csv->shape.dims)
		take_dims(csv, row);
	buf_addz(out, "window_start,window_end,final");
	for (size_t i = 0; i < csv->shape.dims; i++) {
		buf_addc(out, ',');
		add_cell(out, csv->shape.dim[i]);
	}
	serve_row_numbers(row, add_number_name, out);
	buf_addz(out, "\r\n");
}

static void add_dim_cell(const struct rows_row *row, struct slice name, struct buf *out)
{
	const struct dim *d = stored_dim(row->dim, row->dims, name);
	struct buf text = { 0 };

	buf_addc(out, ',');
	if (d && d->tag != DIM_NULL && d->tag != DIM_MISSING) {
		stored_dim_text(d, &text);
		add_cell(out, d->tag == DIM_STRING ? d->value : buf_slice(&text));
	}
	buf_fini(&text);
}

static void write_csv_row(struct serve_page *page, const struct rows_window *w,
			  const struct rows_row *row)
{
	const struct csv *csv = page->own;
	struct buf *out = &page->out->body;
	char text[TM_TEXT_BYTES];

	if (!page->n)
		write_csv_head(page, row);
	buf_add(out, text, tm_text(w->start_us, text));
	buf_addc(out, ',');
	buf_add(out, text, tm_text(w->end_us, text));
	buf_printf(out, ",%s",
		   finality_final(&page->range.finality, w->start_us, w->end_us) ? "true"
										 : "false");
	for (size_t i = 0; i < csv->shape.dims; i++)
		add_dim_cell(row, csv->shape.dim[i], out);
	serve_row_numbers(row, add_number_cell, out);
	buf_addz(out, "\r\n");
}

static int begin_csv(struct serve_page *page, struct err *err)
{
	struct csv *csv = page->own;
	const struct metric_found *m = &page->rq->found;

	csv->shape.name = slice_z(m->name);
	return m->def ? metric_shape_read(&csv->shape, slice_z(m->def), &csv->arena, err) : 0;
}

/* ---- the handler */
static int run_history(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		       struct err *err)
{
	static const char *const types[] = { "application/json", "application/x-ndjson",
					     "text/csv; charset=utf-8" };
	struct rows_query *rq = (struct rows_query *)q;
	struct csv csv = { 0 };
	struct serve_page page = { .rq = rq,
				   .out = out,
				   .row = rq->form == SERVE_CSV ? write_csv_row : write_row,
				   .begin = rq->form == SERVE_JSON  ? begin_json
					    : rq->form == SERVE_CSV ? begin_csv
								    : NULL,
				   .own = &csv };
	int rc = serve_page_read(&page, reader, err);

	out->type = types[rq->form];
	if (rc == 0 && rq->form == SERVE_JSON)
		end_json(&page);
	arena_fini(&csv.arena);
	return rc < 0 ? -1 : 0;
}

void serve_get_history(void *serve, struct http_request *req)
{
	static const char *const no_yes[] = { "false", "true", NULL };
	struct serve_args args;
	struct rows_query *rq = rows_query_new(&args, req, "history", "metric");

	serve_page_args(&args, rq, "from", "to");
	rq->limit = serve_args_count(&args, "limit", SERVE_ROWS_USUAL, SERVE_ROWS);
	rq->final = serve_args_choice(&args, "final", no_yes) == 1;
	rq->form = (enum serve_form)serve_args_accept(&args, route_of(req)->produces);
	rows_query_ask(serve, &args, rq, run_history);
}
