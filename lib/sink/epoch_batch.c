/* Rows are kept as struct rollup over copies in an arena; the metric's name is copied once a run
 * of equal names. What is sorted is 32 bytes a row: its number, and as much of its key as tells
 * nearly all rows of a metric apart, so that a comparison reads no row. */
#include "sink/epoch_batch.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "sketch/hll.h"

/* A row's place in the order. Two of one run have one metric; of two runs the rows tell. */
struct place {
	uint32_t run, row;
	int64_t start_us, end_us;
	uint64_t hash; /* first half of dims_hash */
};

struct epoch_batch {
	struct arena arena;
	struct rollup *row; /* in order of arrival */
	size_t rows, row_cap;
	struct place *order; /* sorted */
	size_t order_cap;
	struct rollup *out; /* merged */
	size_t out_cap;
	struct sink_record *record;
	size_t records, record_cap;
	struct sink_dead *dead;
	size_t n_dead, dead_cap;
};

struct epoch_batch *epoch_batch_new(void)
{
	return mem_zalloc(sizeof(struct epoch_batch));
}

void epoch_batch_free(struct epoch_batch *l)
{
	if (!l)
		return;
	arena_fini(&l->arena);
	free(l->row);
	free(l->order);
	free(l->out);
	free(l->record);
	free(l->dead);
	free(l);
}

void epoch_batch_reset(struct epoch_batch *l)
{
	arena_reset(&l->arena);
	l->rows = l->records = l->n_dead = 0;
}

size_t epoch_batch_rows(const struct epoch_batch *l)
{
	return l->rows;
}

size_t epoch_batch_records(const struct epoch_batch *l)
{
	return l->records;
}

/* Cells with their names; those of a run of rows of one metric share the names of the first. */
static struct cell *copy_cells(struct epoch_batch *l, const struct rollup *row,
			       const struct rollup *before)
{
	struct cell *cell;

	if (row->cells == 0)
		return NULL;
	cell = arena_alloc(&l->arena, row->cells * sizeof(*cell));
	memcpy(cell, row->cell, row->cells * sizeof(*cell));
	for (size_t i = 0; i < row->cells; i++)
		if (before && i < before->cells &&
		    slice_eq(before->cell[i].column.name, cell[i].column.name))
			cell[i].column.name = before->cell[i].column.name;
		else
			cell[i].column.name = arena_copy(&l->arena, cell[i].column.name);
	for (size_t i = 0; i < row->cells; i++)
		if (column_is_sketch(cell[i].column.rule) && !cell[i].empty)
			cell[i].sketch = arena_copy(&l->arena, cell[i].sketch);
	return cell;
}

void epoch_batch_row(struct epoch_batch *l, const struct rollup *row)
{
	struct rollup *r;

	mem_reserve(&l->row, &l->row_cap, l->rows + 1, sizeof(*l->row));
	r = &l->row[l->rows];
	*r = *row;
	if (l->rows && slice_eq(l->row[l->rows - 1].metric, row->metric))
		r->metric = l->row[l->rows - 1].metric;
	else
		r->metric = arena_copy(&l->arena, row->metric);
	r->dims = arena_copy(&l->arena, row->dims);
	r->sketch = arena_copy(&l->arena, row->sketch);
	r->cell = copy_cells(l, row, l->rows ? &l->row[l->rows - 1] : NULL);
	r->measures = slice(NULL, 0);
	l->rows++;
}

/* Texts that stand in the record, or are its topic, stand in the copy's. */
static const struct sink_event *copy_event(struct epoch_batch *l, const struct sink_record *from,
					   const struct sink_record *to)
{
	struct sink_event *e = arena_alloc(&l->arena, sizeof(*e));

	*e = *from->event;
	for (int i = 0; i < EVENT_TEXTS; i++) {
		struct slice *text = &e->text[i];

		if (text->p == from->topic.p)
			*text = to->topic;
		else if (text->p >= from->line.p && text->p < from->line.p + from->line.n)
			text->p = to->line.p + (text->p - from->line.p);
		else
			*text = arena_copy(&l->arena, *text);
	}
	return e;
}

/* A topic is copied once a run of records of it. */
void epoch_batch_record(struct epoch_batch *l, const struct sink_record *record)
{
	struct sink_record *r;

	mem_reserve(&l->record, &l->record_cap, l->records + 1, sizeof(*l->record));
	r = &l->record[l->records];
	*r = *record;
	if (l->records && slice_eq(r[-1].topic, record->topic))
		r->topic = r[-1].topic;
	else
		r->topic = arena_copy(&l->arena, record->topic);
	r->line = arena_copy(&l->arena, record->line);
	if (record->event)
		r->event = copy_event(l, record, r);
	l->records++;
}

static int by_event(const void *a, const void *b)
{
	const struct sink_record *x = a, *y = b;
	int c = memcmp(x->event->key, y->event->key, EVENT_KEY_BYTES);

	c = c ? c : slice_cmp(x->topic, y->topic);
	c = c ? c : (x->partition > y->partition) - (x->partition < y->partition);
	return c ? c : (x->offset > y->offset) - (x->offset < y->offset);
}

void epoch_batch_sort_events(struct epoch_batch *l)
{
	if (l->records)
		qsort(l->record, l->records, sizeof(*l->record), by_event);
}

void epoch_batch_dead(struct epoch_batch *l, const struct sink_dead *dead)
{
	struct sink_dead *d;

	mem_reserve(&l->dead, &l->dead_cap, l->n_dead + 1, sizeof(*l->dead));
	d = &l->dead[l->n_dead++];
	*d = *dead;
	d->stage = arena_copy(&l->arena, dead->stage);
	d->topic = arena_copy(&l->arena, dead->topic);
	d->why = arena_copy(&l->arena, dead->why);
	d->record = arena_copy(&l->arena, dead->record);
}

struct dead_place {
	uint64_t hash;
	size_t at;
};

static int by_place(const void *a, const void *b)
{
	const struct dead_place *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static uint64_t dead_hash(const struct sink_dead *d)
{
	uint64_t part[] = { hash_64(d->record.p ? d->record.p : "", d->record.n),
			    hash_64(d->topic.p ? d->topic.p : "", d->topic.n),
			    hash_64(d->stage.p ? d->stage.p : "", d->stage.n),
			    (uint64_t)(uint32_t)d->partition << 1 | d->late, (uint64_t)d->offset };

	return hash_64(part, sizeof(part));
}

/* Letters whose places are not known exactly may be the same ones several times. Which of the same
 * is which does not matter: a batch that is written again has as many of them. */
static void number_dead(struct epoch_batch *l)
{
	struct dead_place *place = mem_array(l->n_dead, sizeof(*place));
	size_t n = 0;

	for (size_t i = 0; i < l->n_dead; i++)
		if (l->dead[i].inexact)
			place[n++] = (struct dead_place){ dead_hash(&l->dead[i]), i };
	if (n)
		qsort(place, n, sizeof(*place), by_place);
	for (size_t i = 1; i < n; i++)
		if (place[i].hash == place[i - 1].hash)
			l->dead[place[i].at].nth = l->dead[place[i - 1].at].nth + 1;
	free(place);
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct rollup *row = arg;
	const struct place *x = a, *y = b;
	int c;

	if (x->run == y->run && x->start_us != y->start_us)
		return x->start_us < y->start_us ? -1 : 1;
	if (x->run == y->run && x->end_us == y->end_us && x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	c = rollup_key_cmp(&row[x->row], &row[y->row]);
	return c ? c : (x->row > y->row) - (x->row < y->row); /* equal: as they arrived */
}

static void sort_rows(struct epoch_batch *l)
{
	uint32_t run = 0;

	mem_reserve(&l->order, &l->order_cap, l->rows, sizeof(*l->order));
	for (size_t i = 0; i < l->rows; i++) {
		const struct rollup *row = &l->row[i];
		uint64_t hash;

		run += i && row->metric.p != row[-1].metric.p;
		memcpy(&hash, row->dims_hash, sizeof(hash));
		l->order[i] = (struct place){ run, (uint32_t)i, row->start_us, row->end_us,
					      be64toh(hash) };
	}
	if (l->rows)
		qsort_r(l->order, l->rows, sizeof(*l->order), by_key, l->row);
}

static int row_error(const struct rollup *r, const char *what, struct err *err)
{
	char start[TM_TEXT_BYTES];
	size_t n = tm_text(r->start_us, start);

	return err_set(err, EX_DATAERR, "row %.*s %.*s %.*s: %s", (int)r->metric.n, r->metric.p,
		       (int)n, start, (int)(r->dims.n > 200 ? 200 : r->dims.n), r->dims.p, what);
}

static int merge_sketch(struct epoch_batch *l, struct rollup *a, const struct rollup *b,
			struct err *err)
{
	struct hll *x = hll_decode(a->sketch), *y = hll_decode(b->sketch);
	struct buf out = { 0 };
	int rc = 0;

	if (!x || !y) {
		rc = row_error(x ? b : a, "uniq_sketch is not a sketch", err);
	} else {
		hll_merge(x, y);
		hll_encode(x, &out);
		a->sketch = arena_copy(&l->arena, buf_slice(&out));
		a->uniq = hll_count(x);
	}
	hll_free(x);
	hll_free(y);
	buf_fini(&out);
	return rc;
}

static bool same_cells(const struct rollup *a, const struct rollup *b)
{
	for (size_t i = 0; i < a->cells && i < b->cells; i++)
		if (!cell_equal(&a->cell[i], &b->cell[i]))
			return false;
	return a->cells == b->cells;
}

static bool same_set(const struct rollup *a, const struct rollup *b)
{
	return a->count == b->count && a->has_value == b->has_value &&
	       a->value_count == b->value_count &&
	       (!a->value_count || (a->sum == b->sum && a->min == b->min && a->max == b->max)) &&
	       a->has_uniq == b->has_uniq &&
	       (!a->has_uniq || (a->uniq == b->uniq && slice_eq(a->sketch, b->sketch))) &&
	       same_cells(a, b);
}

/* Merges row b into row a of the same key. */
static int merge_rows(struct epoch_batch *l, struct rollup *a, const struct rollup *b,
		      struct err *err)
{
	if (!a->add && !b->add)
		return same_set(a, b)
			       ? 0
			       : row_error(b, "stands twice in the input, with other values", err);
	if (a->has_uniq && b->has_uniq && merge_sketch(l, a, b, err))
		return -1;
	return rollup_add(a, b, &l->arena)
		       ? 0
		       : row_error(b,
				   "a sum is out of range, or it has other columns than the one "
				   "before, or no sketch where one belongs",
				   err);
}

int epoch_batch_close(struct epoch_batch *l, struct sink_batch *batch, struct err *err)
{
	size_t n = 0;

	mem_reserve(&l->out, &l->out_cap, l->rows, sizeof(*l->out));
	sort_rows(l);
	for (size_t i = 0; i < l->rows; i++) {
		const struct rollup *row = &l->row[l->order[i].row];

		if (n && rollup_key_cmp(&l->out[n - 1], row) == 0) {
			if (merge_rows(l, &l->out[n - 1], row, err))
				return -1;
			continue;
		}
		l->out[n++] = *row;
	}
	batch->row = l->out;
	batch->rows = n;
	batch->record = l->record;
	batch->records = l->records;
	number_dead(l);
	batch->dead = l->dead;
	batch->n_dead = l->n_dead;
	return 0;
}
