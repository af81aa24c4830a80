/* Panes come in order of their start. The last ones are kept, copied, until no window needs them:
 *
 *   kept    | p | p+1 | p+2 |          the pane that rows come for is the last one
 *   next    |---------------|  ->      handed out when a pane behind its end begins
 *
 * Memory is that of the panes of one window; a row is handed out once a window, so the cost is that
 * of adding up. Times without panes are jumped over. */
#include "read/rows_hops.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/pos.h"

struct hop_pane {
	int64_t start_us;
	struct rollup *row;
	size_t n, cap;
	struct arena arena;
};

struct hop_reading {
	const struct hops *hops;
	const struct read_range *range;
	read_row_fn *fn;
	void *arg;
	int64_t kept_from_us, next_us; /* where the next window starts */
	struct hop_pane *pane;
	size_t n, cap;
};

/* ---- definitions */

static int64_t defined_length(const struct json *j, const char *member)
{
	struct slice text;
	struct err ignored;
	int64_t us = 0;
	char *z;

	if (!json_get_text(j, 0, member, &text))
		return 0;
	z = mem_dup(text.p, text.n);
	if (num_duration(z, &us, &ignored))
		us = 0;
	free(z);
	return us;
}

struct hops hops_of_definition(struct slice def)
{
	struct hops h = { .kept_from_us = POS_NONE, .kept_to_us = INT64_MAX };
	struct json j = { 0 };
	struct err ignored;

	if (json_parse(&j, def, &ignored) == 0) {
		h.size_us = defined_length(&j, "every");
		h.slide_us = defined_length(&j, "slide");
	}
	json_fini(&j);
	if (h.slide_us <= 0 || h.size_us % h.slide_us)
		h.slide_us = 0;
	return h;
}

/* ---- panes */

static void pane_free(struct hop_pane *p)
{
	free(p->row);
	arena_fini(&p->arena);
}

static void keep_pane_row(struct hop_pane *p, const struct rollup *row)
{
	struct rollup *x;

	mem_reserve(&p->row, &p->cap, p->n + 1, sizeof(*p->row));
	x = &p->row[p->n++];
	*x = *row;
	x->dims = arena_copy(&p->arena, row->dims);
	x->sketch = arena_copy(&p->arena, row->sketch);
	x->cell = row->cells ? arena_alloc(&p->arena, row->cells * sizeof(*x->cell)) : NULL;
	for (size_t i = 0; i < row->cells; i++) {
		x->cell[i] = row->cell[i];
		x->cell[i].column.name = arena_copy(&p->arena, row->cell[i].column.name);
		if (column_is_sketch(row->cell[i].column.rule) && !row->cell[i].empty)
			x->cell[i].sketch = arena_copy(&p->arena, row->cell[i].sketch);
	}
}

/* Drops panes that start before the next window. */
static void drop_panes(struct hop_reading *h)
{
	size_t gone = 0;

	while (gone < h->n && h->pane[gone].start_us < h->next_us)
		pane_free(&h->pane[gone++]);
	memmove(h->pane, h->pane + gone, (h->n - gone) * sizeof(*h->pane));
	h->n -= gone;
}

/* ---- windows */

/* The next window that has rows: where it starts. */
static int64_t next_hop(const struct hop_reading *h)
{
	int64_t first_us = h->pane[0].start_us - h->hops->size_us + h->hops->slide_us;

	return first_us > h->next_us ? first_us : h->next_us;
}

static int give_hop(struct hop_reading *h, int64_t start_us, struct err *err)
{
	int64_t end_us = start_us + h->hops->size_us;

	for (size_t i = 0; i < h->n && h->pane[i].start_us < end_us; i++)
		for (size_t k = 0; k < h->pane[i].n; k++) {
			struct rollup row = h->pane[i].row[k];

			row.start_us = start_us;
			row.end_us = end_us;
			if (h->fn(h->arg, &row, err))
				return -1;
		}
	return 0;
}

/* All windows that end at end_us or before. */
static int give_hops(struct hop_reading *h, int64_t end_us, struct err *err)
{
	int64_t start_us;

	while (h->n && (start_us = next_hop(h)) <= end_us - h->hops->size_us &&
	       start_us < h->range->to_us) {
		if (give_hop(h, start_us, err))
			return -1;
		h->next_us = start_us + h->hops->slide_us;
		drop_panes(h);
	}
	return 0;
}

static int begin_pane(struct hop_reading *h, const struct rollup *row, struct err *err)
{
	int64_t slide_us = h->hops->slide_us;

	if (row->end_us - row->start_us != slide_us || row->start_us % slide_us)
		return err_set(err, EX_DATAERR,
			       "metric %s: a stored window is no pane of its slide",
			       h->range->metric);
	if (h->kept_from_us == POS_NONE)
		h->kept_from_us = row->start_us;
	if (h->next_us < h->kept_from_us)
		h->next_us = h->kept_from_us;
	if (give_hops(h, row->start_us < h->hops->kept_to_us ? row->start_us : h->hops->kept_to_us,
		      err))
		return -1;
	mem_reserve(&h->pane, &h->cap, h->n + 1, sizeof(*h->pane));
	h->pane[h->n++] = (struct hop_pane){ .start_us = row->start_us };
	return 0;
}

static int take_pane_row(void *arg, const struct rollup *row, struct err *err)
{
	struct hop_reading *h = arg;

	if ((!h->n || h->pane[h->n - 1].start_us != row->start_us) && begin_pane(h, row, err))
		return -1;
	keep_pane_row(&h->pane[h->n - 1], row);
	return 0;
}

int hops_read(const struct read_store *store, const struct hops *hops,
	      const struct read_range *range, read_row_fn *fn, void *arg, int64_t *kept_from_us,
	      struct err *err)
{
	struct hop_reading h = { .hops = hops, .range = range, .fn = fn, .arg = arg };
	struct read_range panes = *range;
	int64_t more_us = hops->size_us - hops->slide_us, over_us = range->from_us % hops->slide_us;
	int rc;

	h.kept_from_us = hops->kept_from_us;
	h.next_us = range->from_us + (over_us > 0 ? hops->slide_us - over_us : -over_us);
	panes.to_us = range->to_us < INT64_MAX - more_us ? range->to_us + more_us : INT64_MAX;
	panes.end_us = 0;
	panes.top = 0;
	rc = store->driver->rows(store->d, &panes, take_pane_row, &h, err);
	if (rc == 0)
		rc = give_hops(&h, hops->kept_to_us, err);
	*kept_from_us = h.kept_from_us;
	for (size_t i = 0; i < h.n; i++)
		pane_free(&h.pane[i]);
	free(h.pane);
	return rc;
}
