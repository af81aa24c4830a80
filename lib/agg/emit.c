/* Groups are gathered and put in order (order.c); then they are formatted in pieces of PIECE
 * rows, many at a time where there are threads, and handed over in their order. */
#include "agg/emit.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "agg/order.h"
#include "base/mem.h"
#include "row/rollup.h"
#include "sketch/hll.h"

enum { OUT_BYTES = 128 << 10, PIECE = 1024, AHEAD = 4 };

/* The longest row but for the columns of --agg (METRIC_SKETCHES_MAX): all characters as \u0001, a
 * sketch of all registers in base64, then what has a fixed length. */
_Static_assert(METRIC_DIMS_MAX * 6 * (METRIC_DIM_NAME_MAX + KEY_VALUE_MAX + 1) +
			       6 * METRIC_NAME_MAX + HLL_REGISTERS + 1024 <
		       1 << 20,
	       "a row fits into a line of 1 MiB, the --max-line of sinks");

/* What formats rows: one a thread. */
struct writer {
	struct dim dim[METRIC_DIMS_MAX];
	struct buf out, dims, scratch, sketch, sketches, measures;
	struct cell cell[COLUMNS_MAX + METRIC_TIMES];
	/* what rows of the last window begin with (rollup_format_window); empty: not known */
	struct buf window;
	int64_t start_us, end_us;
	uint64_t rows; /* in out */
};

struct emit {
	bool add, sketch;
	emit_fn *fn;
	void *arg;
	struct emit_threads threads;
	struct order order;
	struct writer *writer; /* [0] is the caller's; the others are used with threads */
	size_t n_writers;
};

struct emit *emit_new(bool add, bool sketch, const struct emit_threads *threads, emit_fn *fn,
		      void *arg)
{
	struct emit *e = mem_zalloc(sizeof(*e));

	e->add = add;
	e->sketch = sketch;
	e->fn = fn;
	e->arg = arg;
	e->threads = *threads;
	e->n_writers = threads->n ? threads->n : 1;
	e->writer = mem_array(e->n_writers, sizeof(*e->writer));
	return e;
}

void emit_free(struct emit *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_writers; i++) {
		buf_fini(&e->writer[i].out);
		buf_fini(&e->writer[i].dims);
		buf_fini(&e->writer[i].scratch);
		buf_fini(&e->writer[i].sketch);
		buf_fini(&e->writer[i].sketches);
		buf_fini(&e->writer[i].measures);
		buf_fini(&e->writer[i].window);
	}
	free(e->writer);
	order_fini(&e->order);
	free(e);
}

/* ---- rows */

static void measure(const struct emit *e, struct writer *w, const struct metric_def *m,
		    const struct group_counts *g, struct rollup *row)
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
	w->sketch.n = 0;
	if (g->uniq) {
		row->uniq = hll_count(g->uniq);
		if (e->sketch)
			hll_encode(g->uniq, &w->sketch);
	} else if (e->sketch) {
		struct hll *none = hll_new();

		hll_encode(none, &w->sketch);
		hll_free(none);
	}
	row->sketch = buf_slice(&w->sketch);
}

/* The columns of --agg, and in final rows what people read of them. */
static void add_columns(const struct emit *e, struct writer *w, const struct metric_def *m,
			const struct table *t, const struct group *g, struct rollup *row)
{
	for (size_t c = 0; c < m->n_columns; c++)
		w->cell[c].column = m->column[c];
	table_cells(t, g, w->cell, &w->sketches);
	row->cell = w->cell;
	row->cells = m->n_columns;
	if (e->add)
		return;
	w->measures.n = 0;
	fn_measures(w->cell, m->n_columns, row->end_us - row->start_us, &w->measures);
	row->measures = buf_slice(&w->measures);
}

/* What rows are made of. */
struct job {
	struct emit *e;
	const struct metric_def *m;
	const struct table *t;
	size_t from;
};

/* A delta shows a pane, a final row its window. */
static void set_bounds(const struct job *j, const struct group *g, struct rollup *row)
{
	const struct window_spec *w = &j->m->m.window;

	if (w->kind->joined) {
		metric_times(j->m, j->t, g, &row->start_us, &row->end_us);
		row->end_us += w->size_us;
		return;
	}
	w->kind->bounds(w, key_window(table_key(j->t, g)), &row->start_us, &row->end_us);
	if (!j->e->add)
		row->end_us = row->start_us + w->size_us;
}

static void add_window(struct writer *w, const struct rollup *row)
{
	if (!w->window.n || w->start_us != row->start_us || w->end_us != row->end_us) {
		w->window.n = 0;
		rollup_format_window(row, &w->window);
		w->start_us = row->start_us;
		w->end_us = row->end_us;
	}
	buf_adds(&w->out, buf_slice(&w->window));
}

static void write_row(const struct job *j, struct writer *w, const struct order_entry *x)
{
	const struct metric *m = &j->m->m;
	const struct group *g = table_at(j->t, x->ref);
	const char *key = table_key(j->t, g);
	struct group_counts counts = table_counts(j->t, g);
	struct rollup row = { .add = j->e->add, .metric = slice_z(m->name) };

	key_dims(key, m->n_dims, w->dim);
	w->dims.n = 0;
	dims_json(w->dim, m->n_dims, &w->dims);
	dims_hash(w->dim, m->n_dims, &w->scratch, row.dims_hash);
	row.dims = buf_slice(&w->dims);
	set_bounds(j, g, &row);
	measure(j->e, w, j->m, &counts, &row);
	if (j->m->n_columns)
		add_columns(j->e, w, j->m, j->t, g, &row);
	add_window(w, &row);
	rollup_format_group(&row, j->e->sketch, &w->out);
	w->rows++;
}

/* The groups of coming rows lie anywhere: first the group is asked for, then the sketch that it
 * names, then what that names. */
static inline void ask_ahead(const struct table *t, const struct order_entry *x, size_t left)
{
	const struct group *g;
	struct hll *uniq;

	if (left <= 3 * AHEAD)
		return;
	g = table_at(t, x[3 * AHEAD].ref);
	__builtin_prefetch(g);
	__builtin_prefetch((const char *)g + 64);
	__builtin_prefetch(table_uniq(t, table_at(t, x[2 * AHEAD].ref)));
	uniq = table_uniq(t, table_at(t, x[AHEAD].ref));
	if (uniq)
		hll_prefetch(uniq, 0);
}

/* The i-th piece from j->from on, into the i-th writer. */
static void write_piece(void *arg, unsigned i)
{
	const struct job *j = arg;
	struct writer *w = &j->e->writer[i];
	size_t from = j->from + i * (size_t)PIECE,
	       to = from + PIECE < j->e->order.n ? from + PIECE : j->e->order.n;

	w->window.n = 0;
	for (size_t k = 0; k < j->m->m.n_dims; k++)
		w->dim[k].name = slice_z(j->m->m.dim[k].name);
	for (; from < to; from++) {
		ask_ahead(j->t, &j->e->order.entry[from], to - from);
		write_row(j, w, &j->e->order.entry[from]);
	}
}

static int hand_over_rows(struct emit *e, struct writer *w, struct err *err)
{
	struct slice lines = buf_slice(&w->out);
	uint64_t rows = w->rows;

	w->out.n = 0;
	w->rows = 0;
	return rows ? e->fn(e->arg, lines, rows, err) : 0;
}

static int write_rows(struct emit *e, const struct metric_state *s, struct err *err)
{
	struct job j = { .e = e, .m = s->def, .t = s->table };

	if (!e->add)
		order_sort(&e->order, j.t, j.m->m.n_dims);
	if (e->threads.n && e->order.n > PIECE && emit_flush(e, err))
		return -1;
	while (j.from < e->order.n) {
		size_t pieces = (e->order.n - j.from + PIECE - 1) / PIECE;

		if (e->threads.n == 0 || pieces == 1) {
			write_piece(&j, 0);
			j.from += PIECE;
			if (e->writer[0].out.n >= OUT_BYTES && emit_flush(e, err))
				return -1;
			continue;
		}
		if (pieces > e->n_writers)
			pieces = e->n_writers;
		e->threads.run(e->threads.self, (unsigned)pieces, write_piece, &j);
		j.from += pieces * PIECE;
		for (size_t i = 0; i < pieces; i++)
			if (hand_over_rows(e, &e->writer[i], err))
				return -1;
	}
	return 0;
}

int emit_table(struct emit *e, const struct metric_state *s, struct err *err)
{
	const struct table *t = s->table;

	order_clear(&e->order, table_groups(t));
	for (const struct group *g = table_first(t); g; g = table_next(t, g))
		order_add(&e->order, table_ref(t, g));
	return write_rows(e, s, err);
}

int emit_earliest(struct emit *e, const struct metric_state *s, struct err *err)
{
	const struct table *t = s->table;

	order_clear(&e->order, table_window_groups(t));
	for (const struct group *g = table_window_first(t); g; g = table_window_next(t, g))
		order_add(&e->order, table_ref(t, g));
	return write_rows(e, s, err);
}

int emit_flush(struct emit *e, struct err *err)
{
	return hand_over_rows(e, &e->writer[0], err);
}
