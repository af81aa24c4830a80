#include "serve/page.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/tm.h"
#include "net/problem.h"
#include "read/newest.h"

#define DAY_US (86400 * TM_S)

/* ---- the place */
struct place {
	int64_t start_us, end_us;
	uint8_t hash[16];
};

static void place_format(const struct place *p, struct buf *out)
{
	buf_printf(out, "%" PRId64 "-%" PRId64 "-", p->start_us, p->end_us);
	buf_hex(out, p->hash, sizeof(p->hash));
}

static bool place_parse(const char *text, struct place *p)
{
	int at = 0;

	return sscanf(text, "%19" SCNd64 "-%19" SCNd64 "-%n", &p->start_us, &p->end_us, &at) == 2 &&
	       at && p->start_us >= 0 && p->end_us > p->start_us &&
	       str_unhex(slice_z(text + at), p->hash, sizeof(p->hash)) == 0;
}

/* ---- parameters */
void serve_page_args(struct serve_args *args, struct rows_query *rq, const char *from,
		     const char *to)
{
	struct place place;

	rq->from_us = serve_args_time(args, from, rq->now_us, POS_NONE);
	rq->to_us = serve_args_time(args, to, rq->now_us, POS_NONE);
	rq->cursor = serve_args_text(args, "cursor");
	if (rq->cursor && !place_parse(rq->cursor, &place))
		serve_args_refuse(args, "cursor is none that was given here");
	if (rq->from_us != POS_NONE && rq->to_us != POS_NONE && rq->to_us < rq->from_us)
		serve_args_refuse(args, "%s is before %s", to, from);
}

/* ---- rows */
static bool is_before(const struct rows_window *w, const struct place *p)
{
	return w->start_us < p->start_us || (w->start_us == p->start_us && w->end_us < p->end_us);
}

/* How many rows of the window were on the page before. */
static size_t rows_given(const struct serve_page *page, const struct rows_window *w)
{
	struct place p;

	if (!page->rq->cursor || !place_parse(page->rq->cursor, &p))
		return 0;
	if (is_before(w, &p))
		return w->n;
	if (w->start_us != p.start_us || w->end_us != p.end_us)
		return 0;
	for (size_t i = 0; i < w->n; i++)
		if (memcmp(w->row[i].r.dims_hash, p.hash, sizeof(p.hash)) == 0)
			return i + 1;
	return 0;
}

static void keep_place(struct serve_page *page, const struct rows_window *w,
		       const struct rows_row *row)
{
	struct place p = { .start_us = w->start_us, .end_us = w->end_us };

	memcpy(p.hash, row->r.dims_hash, sizeof(p.hash));
	page->out->next.n = 0;
	place_format(&p, &page->out->next);
}

/* -1 ends the reading: the page is full, or nobody waits for it. */
static int take_rows(void *arg, struct rows_window *w, struct err *err)
{
	struct serve_page *page = arg;
	int rc = serve_reader_cancelled(page->reader, err);

	for (size_t i = rows_given(page, w); i < w->n && rc == 0; i++) {
		if (page->n == page->rq->limit || page->out->body.n > SERVE_BODY_BYTES) {
			page->more = true;
			rc = err_set(err, EX_NO, "the page is full");
			break;
		}
		page->row(page, w, &w->row[i]);
		page->n++;
		keep_place(page, w, &w->row[i]);
	}
	rows_window_free(w);
	return rc;
}

/* Windows that overlap are added up from panes, as far as these are kept. */
static int set_kept(struct serve_page *page, struct err *err)
{
	struct rows_query *rq = page->rq;
	struct read_span newest;

	if (!rq->found.hops.slide_us)
		return 0;
	return newest_stored(&rq->store, page->range.metric, rq->now_us, &newest,
			     "window that has begun", err) ||
			       newest_kept(&rq->store, &page->range, &rq->found.hops, &newest, err)
		       ? -1
		       : 0;
}

static void set_bounds(struct serve_page *page)
{
	const struct rows_query *rq = page->rq;
	struct rows_range *range = &page->range;
	struct place place;

	range->to_us = rq->to_us != POS_NONE ? rq->to_us : rq->now_us + 1;
	range->from_us = rq->from_us != POS_NONE ? rq->from_us : range->to_us - DAY_US;
	if (rq->cursor && place_parse(rq->cursor, &place) && place.start_us > range->from_us)
		range->from_us = place.start_us;
}

int serve_page_read(struct serve_page *page, struct serve_reader *reader, struct err *err)
{
	struct rows_found found = { 0 };
	int rc = rows_query_find(page->rq, reader, &page->range, page->out, err);

	if (rc)
		return rc;
	page->reader = reader;
	page->range.final = page->rq->final;
	set_bounds(page);
	rc = page->begin ? page->begin(page, err) : 0;
	if (rc == 0)
		rc = set_kept(page, err);
	if (rc && err->code == EX_NO)
		return 0; /* there is no window at all */
	if (rc == 0 && page->range.from_us < page->range.to_us)
		rc = rows_read(&page->rq->store, &page->range, take_rows, page, &found, err);
	rows_found_fini(&found);
	if (!page->more)
		page->out->next.n = 0;
	return rc && page->more ? 0 : rc;
}
