/* Numbers are compared by their canonical texts, which are exact whatever measure they are of; all
 * groups are put in order, as a window's groups are sorted for its rows in any case. */
#include "agg/highest.h"

#include <stdlib.h>
#include <string.h>

#include "agg/key.h"
#include "base/mem.h"

void highest_fini(struct highest *t)
{
	free(t->entry);
	buf_fini(&t->text);
	buf_fini(&t->scratch);
	buf_fini(&t->sketches);
}

/* The value of one named measure, wanted as text. */
struct named_value {
	const char *name;
	struct buf *out;
};

static void take_named(void *arg, struct slice name, struct slice value)
{
	struct named_value *w = arg;

	if (slice_is(name, w->name) && value.n &&
	    (*value.p == '-' || (*value.p >= '0' && *value.p <= '9')))
		dec_canonical(value, w->out);
}

static void add_number(struct highest *t, const struct metric_def *d, const struct table *table,
		       const struct group *g, int64_t window_us)
{
	struct group_counts counts = table_counts(table, g);
	struct named_value w = { d->m.final.top_by, &t->text };
	struct cell cell[COLUMNS_MAX];

	for (const struct metric_classic *c = metric_classic; c->name; c++)
		if (c->has(&d->m) && strcmp(c->name, w.name) == 0) {
			c->text(&counts, &t->text);
			return;
		}
	for (size_t i = 0; i < d->n_columns; i++)
		cell[i].column = d->column[i];
	table_cells(table, g, cell, &t->sketches);
	fn_each_measure(cell, d->n_columns, window_us, take_named, &w);
}

static int highest_cmp(const void *a, const void *b)
{
	const struct highest_entry *x = a, *y = b;
	int order;

	if (!x->bytes || !y->bytes)
		order = !x->bytes - !y->bytes;
	else
		order = dims_number_cmp(slice(y->text + y->at, y->bytes),
					slice(x->text + x->at, x->bytes));
	return order ? order : memcmp(y->hash, x->hash, sizeof(x->hash));
}

void highest_order(struct highest *t, const struct metric_def *d, const struct table *table,
		   int64_t window_us)
{
	struct dim dim[METRIC_DIMS_MAX];

	t->n = 0;
	t->text.n = 0;
	for (size_t i = 0; i < d->m.n_dims; i++)
		dim[i].name = slice_z(d->m.dim[i].name);
	mem_reserve(&t->entry, &t->cap, table_groups(table) + 1, sizeof(*t->entry));
	for (const struct group *g = table_first(table); g; g = table_next(table, g)) {
		struct highest_entry *e = &t->entry[t->n++];

		*e = (struct highest_entry){ .g = g, .at = t->text.n };
		add_number(t, d, table, g, window_us);
		e->bytes = t->text.n - e->at;
		key_dims(table_key(table, g), d->m.n_dims, dim);
		dims_hash(dim, d->m.n_dims, &t->scratch, e->hash);
	}
	for (size_t i = 0; i < t->n; i++)
		t->entry[i].text = t->text.p;
	qsort(t->entry, t->n, sizeof(*t->entry), highest_cmp);
}
