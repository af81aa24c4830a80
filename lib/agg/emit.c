/* Groups are gathered with the first bytes of their order as a number beside them, so that nearly every comparison of the sort is one of two
 * numbers; then they are written in pieces of OUT_BYTES. */
#include "agg/emit.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/mem.h"
#include "rec/rollup.h"

enum { OUT_BYTES = 128 << 10, RUN = 8, AHEAD = 8 };

struct entry { uint64_t window, prefix; const struct group *g; };

struct emit {
	const struct plan *plan;
	bool add, sketch;
	emit_fn *fn;
	void *arg;
	struct entry *entry, *spare;
	size_t n, cap, cap_spare;
	struct dim dim[METRIC_DIMS_MAX];
	struct buf out, dims, scratch, sketch_bytes;
	uint64_t rows;               /* in out */
};

struct emit *emit_new(const struct plan *plan, bool add, bool sketch, emit_fn *fn, void *arg)
{
	struct emit *e = mem_zalloc(sizeof(*e));

	e->plan = plan;
	e->add = add;
	e->sketch = sketch;
	e->fn = fn;
	e->arg = arg;
	return e;
}

void emit_free(struct emit *e)
{
	if (!e)
		return;
	free(e->entry);
	free(e->spare);
	buf_fini(&e->out);
	buf_fini(&e->dims);
	buf_fini(&e->scratch);
	buf_fini(&e->sketch_bytes);
	free(e);
}

/* ---- order */

static inline bool before(const struct entry *a, const struct entry *b, const struct table *t, size_t dims)
{
	if (a->window != b->window)
		return a->window < b->window;
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix;
	return key_cmp(table_key(t, a->g), table_key(t, b->g), dims) < 0;
}

static void sort_run(struct entry *v, size_t n, const struct table *t, size_t dims)
{
	for (size_t i = 1; i < n; i++) {
		struct entry x = v[i];
		size_t k = i;

		for (; k > 0 && before(&x, &v[k - 1], t, dims); k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static void merge(const struct entry *from, size_t middle, size_t n, struct entry *to, const struct table *t, size_t dims)
{
	size_t a = 0, b = middle;

	for (size_t i = 0; i < n; i++) {
		bool right = a == middle || (b < n && before(&from[b], &from[a], t, dims));

		to[i] = from[right ? b++ : a++];
	}
}

/* Merge sort from runs of RUN upwards, to and fro between entry and spare. */
static void sort(struct emit *e, const struct table *t, size_t dims)
{
	mem_reserve(&e->spare, &e->cap_spare, e->n, sizeof(*e->spare));
	for (size_t i = 0; i < e->n; i += RUN)
		sort_run(e->entry + i, e->n - i < RUN ? e->n - i : RUN, t, dims);
	for (size_t width = RUN; width < e->n; width *= 2) {
		struct entry *swap = e->entry;
		size_t swap_cap = e->cap;

		for (size_t i = 0; i < e->n; i += 2 * width) {
			size_t left = e->n - i;

			merge(e->entry + i, left < width ? left : width, left < 2 * width ? left : 2 * width, e->spare + i, t, dims);
		}
		e->entry = e->spare;
		e->cap = e->cap_spare;
		e->spare = swap;
		e->cap_spare = swap_cap;
	}
}

/* ---- rows */

static void measure(struct emit *e, const struct plan_metric *m, const struct group *g, struct rollup *row)
{
	row->count = g->count;
	row->has_value = m->m.has_value;
	if (row->has_value) {
		row->value_count = g->value_count;
		row->sum = g->sum;
		row->min = g->min;
		row->max = g->max;
	}
	row->has_uniq = m->m.has_uniq;
	row->uniq = 0;
	row->sketch = slice(NULL, 0);
	if (!row->has_uniq)
		return;
	e->sketch_bytes.n = 0;
	if (g->uniq) {
		row->uniq = hll_count(g->uniq);
		if (e->sketch)
			hll_encode(g->uniq, &e->sketch_bytes);
	} else if (e->sketch) {
		struct hll *none = hll_new();

		hll_encode(none, &e->sketch_bytes);
		hll_free(none);
	}
	row->sketch = buf_slice(&e->sketch_bytes);
}

static void write_row(struct emit *e, const struct plan_metric *m, const struct table *t, const struct entry *x, struct rollup *row)
{
	key_dims(table_key(t, x->g), m->m.n_dims, e->dim);
	e->dims.n = 0;
	dims_json(e->dim, m->m.n_dims, &e->dims);
	dims_hash(e->dim, m->m.n_dims, &e->scratch, row->dims_hash);
	row->dims = buf_slice(&e->dims);
	row->start_us = (int64_t)x->window * m->m.every_us;
	row->end_us = row->start_us + m->m.every_us;
	measure(e, m, x->g, row);
	rollup_format(row, e->sketch, &e->out);
	e->rows++;
}

static int write_rows(struct emit *e, size_t metric, const struct table *t, struct err *err)
{
	const struct plan_metric *m = &e->plan->metric[metric];
	struct rollup row = { .add = e->add, .metric = slice_z(m->m.name) };

	for (size_t i = 0; i < m->m.n_dims; i++)
		e->dim[i].name = slice_z(m->m.dim[i].name);
	sort(e, t, m->m.n_dims);
	for (size_t i = 0; i < e->n; i++) {
		if (i + AHEAD < e->n)
			__builtin_prefetch(e->entry[i + AHEAD].g);
		write_row(e, m, t, &e->entry[i], &row);
		if (e->out.n >= OUT_BYTES && emit_flush(e, err))
			return -1;
	}
	return 0;
}

static void gather(struct emit *e, const struct table *t, const struct group *g, size_t dims)
{
	const char *key = table_key(t, g);

	e->entry[e->n++] = (struct entry){ .window = key_window(key), .prefix = key_prefix(key, dims), .g = g };
}

int emit_table(struct emit *e, size_t metric, const struct table *t, struct err *err)
{
	size_t dims = e->plan->metric[metric].m.n_dims;

	e->n = 0;
	mem_reserve(&e->entry, &e->cap, table_groups(t), sizeof(*e->entry));
	for (const struct group *g = table_first(t); g; g = table_next(t, g))
		gather(e, t, g, dims);
	return write_rows(e, metric, t, err);
}

int emit_earliest(struct emit *e, size_t metric, const struct table *t, struct err *err)
{
	size_t dims = e->plan->metric[metric].m.n_dims;

	e->n = 0;
	mem_reserve(&e->entry, &e->cap, table_window_groups(t), sizeof(*e->entry));
	for (const struct group *g = table_window_first(t); g; g = table_window_next(t, g))
		gather(e, t, g, dims);
	return write_rows(e, metric, t, err);
}

int emit_flush(struct emit *e, struct err *err)
{
	struct slice lines = buf_slice(&e->out);
	uint64_t rows = e->rows;

	e->out.n = 0;
	e->rows = 0;
	return rows ? e->fn(e->arg, lines, rows, err) : 0;
}
