/* Rows come from the store a window at a time. Each window is filtered, added up and sorted when
 * it is complete; then it is printed at once (NDJSON without a limit: memory is that of one
 * window) or kept, the oldest ones falling out where a limit allows. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "app/query_internal.h"
#include "agg/fn.h"
#include "sketch/hll.h"

#define DAY_US (86400 * TM_S)

struct reading {
	struct query *q;
	struct query_result *res;
	bool single, top, stream, sketch; /* one window; by count; printed at once; with sketches */
	uint64_t keep;                    /* rows that a history keeps, 0: all */
	int64_t final_until_us;
	struct query_dims dims;
	struct arena scratch;
	struct query_names seen; /* dimensions of all rows, --dim or not */
	struct query_window *now;
	/* --by: rows of this window by hash; 0: free, else index + 1 */
	uint32_t *slot;
	size_t slots;
	struct buf text;
	uint64_t printed;
};

/* ---- windows */

static struct query_window *window_new(const struct rollup *row, int64_t final_until_us)
{
	struct query_window *w = mem_zalloc(sizeof(*w));

	w->start_us = row->start_us;
	w->end_us = row->end_us;
	w->open = row->end_us > final_until_us;
	return w;
}

static void window_free(struct query_window *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		hll_free(w->row[i].hll);
	free(w->row);
	arena_fini(&w->arena);
	free(w);
}

static void result_fini(struct query_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		window_free(r->window[i]);
	free(r->window);
	query_names_fini(&r->dims);
}

/* Oldest windows that the limit leaves nothing of. */
static void trim_result(struct query_result *r, uint64_t limit)
{
	size_t gone = 0;

	while (limit && gone < r->n && r->rows - r->window[gone]->n >= limit) {
		r->rows -= r->window[gone]->n;
		window_free(r->window[gone++]);
	}
	if (!gone)
		return;
	r->more = true;
	memmove(r->window, r->window + gone, (r->n - gone) * sizeof(*r->window));
	r->n -= gone;
}

static void keep(struct reading *g, struct query_window *w)
{
	struct query_result *r = g->res;

	mem_reserve(&r->window, &r->cap, r->n + 1, sizeof(*r->window));
	r->window[r->n++] = w;
	r->rows += w->n;
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->row[i].dims; k++)
			if (w->row[i].dim[k].tag != DIM_MISSING || g->q->has_by)
				query_names_add(&r->dims, w->row[i].dim[k].name);
}

static int result_by_dims(const void *a, const void *b)
{
	const struct query_row *x = a, *y = b;

	return query_dims_cmp(x->dim, x->dims, y->dim, y->dims);
}

static int by_count(const void *a, const void *b)
{
	const struct query_row *x = a, *y = b;

	return x->r.count == y->r.count ? result_by_dims(a, b) : x->r.count > y->r.count ? -1 : 1;
}

/* Measures; estimate and sketch of what was merged. */
static void close_row(struct reading *g, struct query_window *w, struct query_row *row)
{
	if (row->r.cells) {
		g->text.n = 0;
		fn_measures(row->r.cell, row->r.cells, &g->text);
		row->r.measures = arena_copy(&w->arena, buf_slice(&g->text));
	}
	if (!row->hll)
		return;
	row->r.uniq = hll_count(row->hll);
	g->text.n = 0;
	if (g->sketch)
		hll_encode(row->hll, &g->text);
	row->r.sketch = arena_copy(&w->arena, buf_slice(&g->text));
	hll_free(row->hll);
	row->hll = NULL;
}

static int print_result(struct reading *g, const struct query_window *w, size_t from,
			struct err *err)
{
	struct buf line = { 0 };
	int rc = 0;

	for (size_t i = from; i < w->n && rc == 0; i++) {
		query_row_json(&w->row[i], w->open, g->sketch, &line);
		rc = query_put(g->q, &line, err);
		g->printed++;
	}
	buf_fini(&line);
	return rc;
}

static int close_result_window(struct reading *g, struct err *err)
{
	struct query_window *w = g->now;
	int rc = 0;

	g->now = NULL;
	if (!w)
		return 0;
	for (size_t i = 0; i < w->n; i++)
		close_row(g, w, &w->row[i]);
	if (w->n)
		qsort(w->row, w->n, sizeof(*w->row), g->top ? by_count : result_by_dims);
	if (g->stream)
		rc = print_result(g, w, 0, err);
	if (g->stream || w->n == 0) {
		window_free(w);
		return rc;
	}
	keep(g, w);
	return 0;
}

/* ---- rows */

static struct query_row *add_row(struct query_window *w)
{
	mem_reserve(&w->row, &w->cap, w->n + 1, sizeof(*w->row));
	w->row[w->n] = (struct query_row){ 0 };
	return &w->row[w->n++];
}

static struct dim *copy_dims(const struct dim *d, size_t n, struct arena *a)
{
	struct dim *out = arena_alloc(a, (n + 1) * sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = (struct dim){ .name = arena_copy(a, d[i].name),
				       .tag = d[i].tag,
				       .value = arena_copy(a, d[i].value) };
	return out;
}

static struct cell *copy_cells(const struct rollup *row, struct arena *a)
{
	struct cell *out = row->cells ? arena_alloc(a, row->cells * sizeof(*out)) : NULL;

	for (size_t i = 0; i < row->cells; i++) {
		out[i] = row->cell[i];
		out[i].column.name = arena_copy(a, row->cell[i].column.name);
	}
	return out;
}

static struct query_row *new_row(struct reading *g, const struct rollup *row, const struct dim *d,
				 size_t n)
{
	struct query_window *w = g->now;
	struct query_row *x = add_row(w);

	x->r = *row;
	x->r.metric = g->res->metric;
	x->r.cell = copy_cells(row, &w->arena);
	x->dim = copy_dims(d, n, &w->arena);
	x->dims = n;
	g->text.n = 0;
	dims_json(x->dim, n, &g->text);
	x->r.dims = arena_copy(&w->arena, buf_slice(&g->text));
	x->r.sketch = g->q->has_by || !g->sketch ? slice(NULL, 0)
						 : arena_copy(&w->arena, row->sketch);
	return x;
}

/* The place of a hash among the groups of this window: *place is its slot. */
static struct query_row *find_group(struct reading *g, const uint8_t hash[16], size_t *place)
{
	uint64_t h;

	memcpy(&h, hash, sizeof(h));
	for (*place = h & (g->slots - 1); g->slot[*place]; *place = (*place + 1) & (g->slots - 1)) {
		struct query_row *x = &g->now->row[g->slot[*place] - 1];

		if (memcmp(x->r.dims_hash, hash, 16) == 0)
			return x;
	}
	return NULL;
}

/* At most half full; emptied where a window begins. */
static void make_slots(struct reading *g)
{
	size_t was = g->slots, place;

	if (g->now->n && 2 * (g->now->n + 1) <= g->slots)
		return;
	g->slots = was ? was : 64;
	while (2 * (g->now->n + 1) > g->slots)
		g->slots *= 2;
	if (g->slots != was)
		g->slot = mem_grow(g->slot, g->slots, sizeof(*g->slot));
	memset(g->slot, 0, g->slots * sizeof(*g->slot));
	for (size_t i = 0; i < g->now->n; i++) {
		find_group(g, g->now->row[i].r.dims_hash, &place);
		g->slot[place] = (uint32_t)i + 1;
	}
}

static int merge_uniq(struct query_row *x, const struct rollup *row, struct err *err)
{
	struct hll *h;

	if (!row->has_uniq)
		return 0;
	h = hll_decode(row->sketch);
	if (!h)
		return err_set(err, EX_DATAERR, "metric %.*s: a stored sketch of %.*s is damaged",
			       (int)x->r.metric.n, x->r.metric.p,
			       (int)(row->dims.n > 200 ? 200 : row->dims.n), row->dims.p);
	x->r.has_uniq = true;
	if (!x->hll) {
		x->hll = h;
		return 0;
	}
	hll_merge(x->hll, h);
	hll_free(h);
	return 0;
}

static int add_up(struct reading *g, const struct rollup *row, const struct dim *d, size_t n,
		  struct err *err)
{
	struct dim *reduced = query_reduce(g->q, d, n, &g->scratch);
	struct query_row *x;
	uint8_t hash[16];
	size_t place;

	g->text.n = 0;
	dims_hash(reduced, g->q->n_by, &g->text, hash);
	make_slots(g);
	x = find_group(g, hash, &place);
	if (!x) {
		x = new_row(g, row, reduced, g->q->n_by);
		memcpy(x->r.dims_hash, hash, sizeof(hash));
		g->slot[place] = (uint32_t)g->now->n;
	} else if (!rollup_add(&x->r, row)) {
		return err_set(err, EX_DATAERR,
			       "metric %.*s: a sum over %.*s is out of range, or its rows have "
			       "different measures",
			       (int)x->r.metric.n, x->r.metric.p, (int)x->r.dims.n, x->r.dims.p);
	}
	return merge_uniq(x, row, err);
}

static int take_row(void *arg, const struct rollup *row, struct err *err)
{
	struct reading *g = arg;
	struct dim *d;
	size_t n;

	if ((!g->now || g->now->start_us != row->start_us || g->now->end_us != row->end_us) &&
	    close_result_window(g, err))
		return -1;
	if (!g->now) {
		g->now = window_new(row, g->final_until_us);
		trim_result(g->res, g->keep);
	}
	arena_reset(&g->scratch);
	if (query_dims_parse(&g->dims, row->dims, &g->scratch, &d, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		query_names_add(&g->seen, d[i].name);
	if (!query_match(g->q, d, n))
		return 0;
	if (g->q->has_by)
		return add_up(g, row, d, n, err);
	new_row(g, row, d, n);
	return 0;
}

/* ---- the whole */

static int unknown_metric(struct reading *g, struct slice name, struct err *err)
{
	char *text = mem_dup(name.p, name.n);
	struct buf hint = { 0 };

	query_nearest(&g->seen, text, &hint);
	err_set(err, EX_NO, "no row of metric %s there has a dimension \"%s\"%s", g->q->operand,
		text, buf_z(&hint));
	buf_fini(&hint);
	free(text);
	return -1;
}

static int say_nothing(struct reading *g, struct err *err)
{
	const struct query *q = g->q;

	if (!q->filters)
		return err_set(err, EX_NO, "metric %s has no rows there", q->operand);
	for (size_t i = 0; i < q->filters; i++)
		if (!query_names_has(&g->seen, q->filter[i].key))
			return unknown_metric(g, q->filter[i].key, err);
	return err_set(err, EX_NO, "no row of metric %s there is the one that --dim asks for",
		       q->operand);
}

/* A misspelt --by adds up everything. */
static void tell_unseen(struct reading *g)
{
	const struct query *q = g->q;
	struct err why;

	for (size_t i = 0; i < q->n_by; i++)
		if (!query_names_has(&g->seen, q->by[i]) && unknown_metric(g, q->by[i], &why))
			log_warn("%s", why.msg);
}

static int show(struct reading *g, struct err *err)
{
	struct query *q = g->q;
	struct query_result *r = g->res;
	struct buf text = { 0 };
	int rc = 0;

	if (q->plot && g->single)
		query_bars(q, r, &text);
	else if (q->plot)
		query_sparks(q, r, &text);
	else if (!q->json)
		query_table(q, r, &text);
	else
		for (size_t i = 0; i < r->n && rc == 0; i++)
			rc = print_result(g, r->window[i], i ? 0 : r->skip, err);
	if (rc == 0 && text.n)
		rc = query_put(q, &text, err);
	buf_fini(&text);
	if (rc == 0 && r->more && !q->has_n)
		log_note("not all is shown: -n N shows N, and a pipe has no limit");
	return rc;
}

/* What is beyond the limit: the end of a single window, the start of a history. A plot of a
 * history limits its lines itself. */
static void cut_result(struct reading *g)
{
	struct query_result *r = g->res;
	uint64_t limit = query_limit(g->q);

	trim_result(r, g->keep);
	if (!limit || r->rows <= limit || (g->q->plot && !g->single))
		return;
	r->more = true;
	if (g->single)
		r->rows = r->window[0]->n = limit;
	else
		r->skip = r->rows - limit;
}

static int read_windows(struct reading *g, struct read_range *range, struct err *err)
{
	struct query *q = g->q;
	uint64_t limit = query_limit(q);

	g->sketch = q->json && !q->no_sketch && !q->plot;
	g->stream = q->json && !q->plot && !limit;
	g->keep = g->single || q->plot ? 0 : limit;
	range->sketch = g->sketch || q->has_by;
	if (g->top && !q->has_by && !q->filters && limit)
		range->top = limit + 1;
	if (q->driver->rows(q->d, range, take_row, g, err) || close_result_window(g, err))
		return -1;
	if (g->res->n == 0 && g->printed == 0)
		return say_nothing(g, err);
	tell_unseen(g);
	return 0;
}

static int read_rows(struct query *q, struct read_range *range, bool single, bool top,
		     int64_t final_until_us, struct err *err)
{
	struct query_result res = { .metric = slice_z(q->operand) };
	struct reading g = {
		.q = q,
		.res = &res,
		.single = single,
		.top = top,
		.final_until_us = final_until_us,
	};
	int rc = read_windows(&g, range, err);

	if (rc == 0 && !g.stream) {
		cut_result(&g);
		rc = show(&g, err);
	}
	window_free(g.now);
	result_fini(&res);
	query_dims_fini(&g.dims);
	query_names_fini(&g.seen);
	arena_fini(&g.scratch);
	buf_fini(&g.text);
	free(g.slot);
	return rc;
}

int query_latest(struct query *q, bool top, struct err *err)
{
	struct read_range range = { .metric = q->operand };
	int64_t final_until_us;
	bool found;

	if (q->since || q->until)
		return err_set(err, EX_USAGE,
			       "--since and --until are for history: %s takes the newest window",
			       q->command);
	if (query_final_until(q, q->operand, &final_until_us, err) ||
	    q->driver->newest(q->d, q->operand, q->now_us, &found, &range.from_us, &range.end_us,
			      err))
		return -1;
	if (!found)
		return err_set(err, EX_NO, "metric %s has no window that has begun", q->operand);
	range.to_us = range.from_us + 1;
	return read_rows(q, &range, true, top, final_until_us, err);
}

int query_history(struct query *q, struct err *err)
{
	struct read_range range = { .metric = q->operand, .to_us = q->now_us + 1 };
	int64_t final_until_us, end_us;
	bool found;

	if (q->until && tm_parse_human(q->until, q->now_us, &range.to_us, err))
		return err_in(err, "--until");
	if (q->since && tm_parse_human(q->since, q->now_us, &range.from_us, err))
		return err_in(err, "--since");
	if (q->since && range.from_us >= range.to_us)
		return err_set(err, EX_USAGE, "--since %s is not before --until %s", q->since,
			       q->until ? q->until : "now");
	if (query_final_until(q, q->operand, &final_until_us, err))
		return -1;
	if (!q->since) {
		if (q->driver->newest(q->d, q->operand, range.to_us - 1, &found, &range.from_us,
				      &end_us, err))
			return -1;
		if (!found)
			return err_set(err, EX_NO, "metric %s has no rows there", q->operand);
		range.from_us -= DAY_US;
	}
	return read_rows(q, &range, false, false, final_until_us, err);
}
