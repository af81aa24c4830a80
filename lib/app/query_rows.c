/* Rows of a range: what is said where there are none, and in which form they go out. JSON is
 * written window by window as it is read; tables, pictures and what is filled in need all rows
 * first (the width of a column, the highest bar, all series). */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "app/query_internal.h"
#include "read/render.h"
#include "read/rows_fill.h"
#include "tool/terminal.h"

/* ---- what is not there */

static int say_no_dimension(const struct query *q, const struct names *seen, struct slice name,
			    struct err *err)
{
	char *text = mem_dup(name.p, name.n);
	struct buf hint = { 0 };

	names_nearest(seen, text, &hint);
	err_set(err, EX_NO, "no row of metric %s there has a dimension \"%s\"%s", q->operand, text,
		buf_z(&hint));
	buf_fini(&hint);
	free(text);
	return -1;
}

static int say_no_rows(const struct query *q, const struct names *seen, struct err *err)
{
	const struct dims_filter *f = &q->filter;

	if (!f->terms)
		return err_set(err, EX_NO, "metric %s has no %srows there", q->operand,
			       q->final ? "final " : "");
	for (size_t i = 0; i < f->terms; i++)
		if (!names_has(seen, f->term[i].key))
			return say_no_dimension(q, seen, f->term[i].key, err);
	return err_set(err, EX_NO, "no row of metric %s there is the one that --dim asks for",
		       q->operand);
}

/* A misspelt --by adds up everything. */
static void tell_unseen(const struct query *q, const struct names *seen)
{
	struct err why;

	for (size_t i = 0; i < q->filter.n_by; i++)
		if (!names_has(seen, q->filter.by[i]) &&
		    say_no_dimension(q, seen, q->filter.by[i], &why))
			log_warn("%s", why.msg);
}

/* ---- what is there */

struct showing {
	struct query *q;
	bool sketch, checked;
	struct rows_list rows; /* for tables and pictures */
};

static int put_window(void *arg, struct rows_window *w, struct err *err)
{
	struct showing *s = arg;
	struct buf line = { 0 };
	int rc = 0;

	for (size_t i = 0; i < w->n && rc == 0; i++) {
		render_row_json(&w->row[i], w->open, s->sketch, &line);
		render_ratios_json(&s->q->ratios, &w->row[i], &line);
		rc = query_put(s->q, &line, err);
	}
	buf_fini(&line);
	rows_window_free(w);
	return rc;
}

static int take_window(void *arg, struct rows_window *w, struct err *err)
{
	struct showing *s = arg;

	if (!s->checked && ratios_check(&s->q->ratios, &w->row[0].r, err)) {
		rows_window_free(w);
		return -1;
	}
	s->checked = true;
	return s->q->json && !s->q->fill ? put_window(arg, w, err)
					 : rows_list_take(&s->rows, w, err);
}

static int show_rows(struct showing *s, const struct rows_range *range, struct rows_found *found,
		     struct err *err)
{
	struct query *q = s->q;
	const struct render r = {
		.metric = q->operand,
		.rows = &s->rows,
		.dims = &found->shown,
		.steps = range->steps,
		.ratios = &q->ratios,
		.one = range->one,
		.width = q->width,
		.utf8 = q->utf8,
		.every_us = range->hops ? range->hops->slide_us : 0,
	};
	unsigned places = q->width ? q->width : terminal_width(-1);
	struct buf text = { 0 };
	int rc = 0;

	if (q->plot && range->one)
		render_bars(&r, places, &text);
	else if (q->plot)
		found->more = !render_sparks(&r, places, query_limit(q), &text);
	else if (!q->json)
		render_table(&r, &text);
	if (text.n)
		rc = query_put(q, &text, err);
	buf_fini(&text);
	return rc;
}

/* Windows that overlap are known as far as all their panes are. */
static void fill_hops(const struct rows_range *range, int64_t kept_from_us, struct rows_filling *f)
{
	int64_t to_us = range->hops->kept_to_us - range->hops->size_us + 1;

	if (f->from_us != POS_NONE && f->from_us < kept_from_us)
		f->from_us = kept_from_us;
	f->to_us = f->to_us < to_us ? f->to_us : to_us;
}

/* A job's windows are known to the mark, those of a plain stream between rows only. */
static int fill_rows(struct showing *s, const struct rows_range *range, struct rows_found *found,
		     struct err *err)
{
	struct query *q = s->q;
	struct rows_filling f = { range, q->final, POS_NONE, POS_NONE };
	uint64_t limit = query_limit(q);
	int rc;

	if (range->finality.until_us != INT64_MAX) {
		f.from_us = q->since ? range->from_us : POS_NONE;
		f.to_us = q->until || range->finality.until_us > range->to_us
				  ? range->to_us
				  : range->finality.until_us;
	}
	if (range->hops && f.to_us != POS_NONE)
		fill_hops(range, found->kept_from_us, &f);
	rc = rows_fill(&s->rows, &f, err);
	if (rc == 0 && !s->rows.n)
		rc = say_no_rows(q, &found->seen, err);
	if (rc == 0 && limit && rows_list_newest(&s->rows, limit))
		found->more = true;
	for (size_t i = 0; q->json && i < s->rows.n && rc == 0; i++) {
		rc = put_window(s, s->rows.window[i], err);
		s->rows.window[i] = NULL;
	}
	return rc;
}

/* Sparklines limit their lines themselves: they need all rows of those. */
int query_show(struct query *q, struct rows_range *range, struct err *err)
{
	struct showing s = { .q = q, .sketch = q->json && !q->no_sketch };
	struct rows_found found = { 0 };
	int rc;

	range->sketch = s.sketch;
	range->limit = (q->plot || q->fill) && !range->one ? 0 : query_limit(q);
	range->filter = &q->filter;
	range->final = q->final && !q->fill;
	rc = rows_read(&q->store, range, take_window, &s, &found, err);
	if (rc == 0 && found.rows == 0)
		rc = say_no_rows(q, &found.seen, err);
	if (rc == 0) {
		tell_unseen(q, &found.seen);
		rc = q->fill ? fill_rows(&s, range, &found, err) : 0;
	}
	if (rc == 0) {
		rc = show_rows(&s, range, &found, err);
	}
	if (rc == 0 && found.more && !q->has_n && !q->watch)
		log_note("not all is shown: -n N shows N, and a pipe has no limit");
	rows_list_fini(&s.rows);
	rows_found_fini(&found);
	return rc;
}
