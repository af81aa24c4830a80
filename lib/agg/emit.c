/* Groups are gathered with the first bytes of their order as a number beside them, so that nearly every comparison of the sort is one of two
 * numbers; then they are formatted in pieces of PIECE rows, many at a time where there are threads, and handed over in their order.
 *
 *   order   window - earliest window, in as many bits as the latest needs | the high bits of key_prefix
 *
 * With the half as many that merging needs to be put aside that is 18 bytes a group: all groups of a large input may be in one emission. */
#include "agg/emit.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/mem.h"
#include "rec/rollup.h"

enum { OUT_BYTES = 128 << 10, PIECE = 1024, RUN = 8, AHEAD = 4 };

struct __attribute__((packed, aligned(4))) entry { uint64_t order; uint32_t ref; /* table_ref */ };

/* What formats rows: one a thread. */
struct writer {
	struct dim dim[METRIC_DIMS_MAX];
	struct buf out, dims, scratch, sketch;
	uint64_t rows;               /* in out */
};

struct emit {
	const struct plan *plan;
	bool add, sketch;
	emit_fn *fn;
	void *arg;
	struct emit_threads threads;
	struct entry *entry, *spare;
	size_t n, cap, cap_spare;
	struct writer *writer;       /* [0] is the caller's; the others are used with threads */
	size_t n_writers;
};

struct emit *emit_new(const struct plan *plan, bool add, bool sketch, const struct emit_threads *threads, emit_fn *fn, void *arg)
{
	struct emit *e = mem_zalloc(sizeof(*e));

	e->plan = plan;
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
	}
	free(e->writer);
	free(e->entry);
	free(e->spare);
	free(e);
}

/* ---- order */

static inline const char *key_of(const struct table *t, const struct entry *x)
{
	return table_key(t, table_at(t, x->ref));
}

static inline bool before(const struct entry *a, const struct entry *b, const struct table *t, size_t dims)
{
	if (a->order != b->order)
		return a->order < b->order;
	return key_cmp(key_of(t, a), key_of(t, b), dims) < 0;
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

/* a[0..m) and b[0..n) to `to`, where b may be the end of what is written. */
static void merge(const struct entry *a, size_t m, const struct entry *b, size_t n, struct entry *to, const struct table *t, size_t dims)
{
	const struct entry *a_end = a + m, *b_end = b + n;

	while (a < a_end) {
		bool right = b < b_end && before(b, a, t, dims);

		*to++ = *(right ? b++ : a++);
	}
}

/* spare: n / 2. */
static void sort(struct entry *v, size_t n, struct entry *spare, const struct table *t, size_t dims)
{
	size_t half = n / 2;

	if (n <= RUN) {
		sort_run(v, n, t, dims);
		return;
	}
	sort(v, half, spare, t, dims);
	sort(v + half, n - half, spare, t, dims);
	if (!before(&v[half], &v[half - 1], t, dims))
		return;
	memcpy(spare, v, half * sizeof(*v));
	merge(spare, half, v + half, n - half, v, t, dims);
}

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Strings of one dimension often begin alike: what all have in common would only fill the prefix. */
static void add_orders(struct emit *e, const struct table *t, size_t dims)
{
	uint64_t earliest = UINT64_MAX, latest = 0;
	const char *first = NULL;
	size_t skip = KEY_VALUE_MAX;
	unsigned bits;

	for (size_t i = 0; i < e->n; i++) {
		const char *key = key_of(t, &e->entry[i]);
		uint64_t window = key_window(key);

		earliest = window < earliest ? window : earliest;
		latest = window > latest ? window : latest;
		if (first && skip)
			skip = key_common(first, key, skip);
		else if (!first && key_starts_with_string(key, dims))
			first = key;
	}
	bits = bits_of(latest - earliest);
	for (size_t i = 0; i < e->n; i++) {
		const char *key = key_of(t, &e->entry[i]);
		uint64_t window = key_window(key) - earliest;

		e->entry[i].order = key_prefix(key, dims, skip) >> bits | (bits ? window << (64 - bits) : 0);
	}
}

static void put_in_order(struct emit *e, const struct table *t, size_t dims)
{
	add_orders(e, t, dims);
	mem_reserve(&e->spare, &e->cap_spare, e->n / 2, sizeof(*e->spare));
	sort(e->entry, e->n, e->spare, t, dims);
}

/* ---- rows */

static void measure(const struct emit *e, struct writer *w, const struct plan_metric *m, const struct group_counts *g, struct rollup *row)
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

/* What rows are made of. */
struct job { struct emit *e; const struct plan_metric *m; const struct table *t; size_t from; };

static void write_row(const struct job *j, struct writer *w, const struct entry *x)
{
	const struct metric *m = &j->m->m;
	const char *key = key_of(j->t, x);
	struct group_counts counts = table_counts(j->t, table_at(j->t, x->ref));
	struct rollup row = { .add = j->e->add, .metric = slice_z(m->name) };

	key_dims(key, m->n_dims, w->dim);
	w->dims.n = 0;
	dims_json(w->dim, m->n_dims, &w->dims);
	dims_hash(w->dim, m->n_dims, &w->scratch, row.dims_hash);
	row.dims = buf_slice(&w->dims);
	row.start_us = (int64_t)key_window(key) * m->every_us;
	row.end_us = row.start_us + m->every_us;
	measure(j->e, w, j->m, &counts, &row);
	rollup_format(&row, j->e->sketch, &w->out);
	w->rows++;
}

/* The groups of coming rows lie anywhere: first the group is asked for, then the sketch that it names, then what that names. */
static inline void ask_ahead(const struct table *t, const struct entry *x, size_t left)
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
	size_t from = j->from + i * (size_t)PIECE, to = from + PIECE < j->e->n ? from + PIECE : j->e->n;

	for (size_t k = 0; k < j->m->m.n_dims; k++)
		w->dim[k].name = slice_z(j->m->m.dim[k].name);
	for (; from < to; from++) {
		ask_ahead(j->t, &j->e->entry[from], to - from);
		write_row(j, w, &j->e->entry[from]);
	}
}

static int hand_over(struct emit *e, struct writer *w, struct err *err)
{
	struct slice lines = buf_slice(&w->out);
	uint64_t rows = w->rows;

	w->out.n = 0;
	w->rows = 0;
	return rows ? e->fn(e->arg, lines, rows, err) : 0;
}

static int write_rows(struct emit *e, size_t metric, const struct table *t, struct err *err)
{
	struct job j = { .e = e, .m = &e->plan->metric[metric], .t = t };

	if (!e->add)
		put_in_order(e, t, j.m->m.n_dims);
	if (e->threads.n && e->n > PIECE && emit_flush(e, err))
		return -1;
	while (j.from < e->n) {
		size_t pieces = (e->n - j.from + PIECE - 1) / PIECE;

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
			if (hand_over(e, &e->writer[i], err))
				return -1;
	}
	return 0;
}

int emit_table(struct emit *e, size_t metric, const struct table *t, struct err *err)
{
	e->n = 0;
	mem_reserve(&e->entry, &e->cap, table_groups(t), sizeof(*e->entry));
	for (const struct group *g = table_first(t); g; g = table_next(t, g))
		e->entry[e->n++] = (struct entry){ .ref = table_ref(t, g) };
	return write_rows(e, metric, t, err);
}

int emit_earliest(struct emit *e, size_t metric, const struct table *t, struct err *err)
{
	e->n = 0;
	mem_reserve(&e->entry, &e->cap, table_window_groups(t), sizeof(*e->entry));
	for (const struct group *g = table_window_first(t); g; g = table_window_next(t, g))
		e->entry[e->n++] = (struct entry){ .ref = table_ref(t, g) };
	return write_rows(e, metric, t, err);
}

int emit_flush(struct emit *e, struct err *err)
{
	return hand_over(e, &e->writer[0], err);
}
