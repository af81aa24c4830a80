/* Rows are copied into an arena as they come and sorted by metric and window when all are there:
 * they may have been sorted by something else on the way. A metric's name and its columns' are kept
 * once for all rows that follow each other with the same. */
#include "read/stdin_rows.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/lines.h"
#include "proto/pos.h"

enum { LINE_BYTES_MAX = 16 << 20 };

struct stdin_store {
	struct arena arena;
	struct rollup *row;
	size_t n, cap;
	uint64_t line; /* number of the one at work */
	struct rollup_reader reader;
};

/* ---- a row */

static bool same_columns(const struct rollup *a, const struct rollup *b)
{
	bool same = a->cells == b->cells;

	for (size_t i = 0; same && i < a->cells; i++)
		same = column_cmp(&a->cell[i].column, &b->cell[i].column) == 0;
	return same;
}

/* before: the row that was kept last, NULL: none. */
static void copy_columns(struct arena *a, const struct rollup *before, struct rollup *row)
{
	bool same = before && same_columns(before, row);
	struct cell *cell = row->cells ? arena_alloc(a, row->cells * sizeof(*cell)) : NULL;

	for (size_t i = 0; i < row->cells; i++) {
		const struct column *column = &row->cell[i].column;

		cell[i].column.rule = column->rule;
		cell[i].column.name = same ? before->cell[i].column.name
					   : arena_copy(a, column->name);
		cell_copy(&cell[i], &row->cell[i], a);
	}
	row->cell = cell;
}

static void keep_row(struct stdin_store *s, struct rollup *row)
{
	const struct rollup *before;

	mem_reserve(&s->row, &s->cap, s->n + 1, sizeof(*s->row));
	before = s->n ? &s->row[s->n - 1] : NULL;
	row->metric = before && slice_eq(before->metric, row->metric)
			      ? before->metric
			      : arena_copy(&s->arena, row->metric);
	row->dims = arena_copy(&s->arena, row->dims);
	row->sketch = arena_copy(&s->arena, row->sketch);
	copy_columns(&s->arena, before, row);
	s->row[s->n++] = *row;
}

static int check_row(const struct rollup *row, struct err *err)
{
	if (row->add)
		return err_set(
			err, EX_DATAERR,
			"a delta (\"op\":\"add\") is no final row: ask the store that it goes "
			"to");
	if ((row->has_uniq && !row->sketch.n) || (row->valued && !row->cells))
		return err_set(err, EX_DATAERR,
			       "uniq_sketch or columns are missing, by which rows are added up: "
			       "leave out --no-sketch");
	return 0;
}

static int take_line(struct stdin_store *s, struct slice line, struct err *err)
{
	struct rollup row;

	s->line++;
	if (!line.n)
		return 0;
	if (line.n > 8 && memcmp(line.p, "{\"$hta\":", 8) == 0)
		return err_set(err, EX_USAGE,
			       "standard input is an acknowledged stream: let a sink store it, and "
			       "ask the store");
	if (rollup_parse(&s->reader, line, &row, err) || check_row(&row, err))
		return err_in(err, "standard input, line %llu", (unsigned long long)s->line);
	keep_row(s, &row);
	return 0;
}

/* ---- all rows */

static int take_lines(struct stdin_store *s, struct slice b, struct err *err)
{
	const char *end;

	for (; b.n && (end = memchr(b.p, '\n', b.n)); b.p = end + 1) {
		if (take_line(s, slice(b.p, (size_t)(end - b.p)), err))
			return -1;
		b.n -= (size_t)(end - b.p) + 1;
	}
	return b.n ? take_line(s, b, err) : 0;
}

static int read_lines(struct stdin_store *s, struct lines *in, struct err *err)
{
	struct slice block;

	for (;;)
		switch (lines_next(in, INT64_MAX, &block, err)) {
		case LINES_BLOCK:
		case LINES_TAIL:
			if (take_lines(s, block, err))
				return -1;
			break;
		case LINES_LONG:
			return err_set(err, EX_DATAERR, "standard input, line %llu: %llu bytes",
				       (unsigned long long)s->line + 1,
				       (unsigned long long)lines_long_bytes(in));
		case LINES_EOF:
			return 0;
		case LINES_TIMEOUT:
		case LINES_ERROR:
			return -1;
		}
}

static int stdin_row_cmp(const void *a, const void *b)
{
	return rollup_key_cmp(a, b);
}

/* Rows are sorted: equal ones become one. */
static int drop_repeated(struct stdin_store *s, struct err *err)
{
	struct buf one = { 0 }, other = { 0 };
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < s->n && rc == 0; i++) {
		if (n == 0 || stdin_row_cmp(&s->row[n - 1], &s->row[i]) != 0) {
			s->row[n++] = s->row[i];
			continue;
		}
		one.n = other.n = 0;
		rollup_format(&s->row[n - 1], true, &one);
		rollup_format(&s->row[i], true, &other);
		if (!slice_eq(buf_slice(&one), buf_slice(&other)))
			rc = err_set(err, EX_DATAERR,
				     "standard input has two rows of one key that differ: %.*s",
				     (int)(one.n > 200 ? 200 : one.n), one.p);
	}
	s->n = n;
	buf_fini(&one);
	buf_fini(&other);
	return rc;
}

/* ---- the driver */

static void stdin_close(void *d)
{
	struct stdin_store *s = d;

	if (!s)
		return;
	rollup_reader_fini(&s->reader);
	arena_fini(&s->arena);
	free(s->row);
	free(s);
}

static void *stdin_open(const struct sink_conf *conf, struct err *err)
{
	struct stdin_store *s = mem_zalloc(sizeof(*s));
	struct lines *in = lines_new(NULL, STDIN_FILENO, LINE_BYTES_MAX);
	int rc = read_lines(s, in, err);

	(void)conf;
	lines_free(in);
	if (rc == 0) {
		if (s->n)
			qsort(s->row, s->n, sizeof(*s->row), stdin_row_cmp);
		rc = drop_repeated(s, err);
	}
	if (rc == 0)
		return s;
	stdin_close(s);
	return NULL;
}

static int stdin_metrics(void *d, read_metric_fn *fn, void *arg, struct err *err)
{
	const struct stdin_store *s = d;

	for (size_t i = 0; i < s->n; i++) {
		struct read_metric m = { .name = s->row[i].metric,
					 .def = slice_z("{}"),
					 .since_us = POS_NONE };

		if ((i == 0 || !slice_eq(s->row[i - 1].metric, m.name)) && fn(arg, &m, err))
			return -1;
	}
	return 0;
}

static int stdin_sinks(void *d, const char *job, struct read_sinks *out, struct err *err)
{
	(void)d, (void)job, (void)out, (void)err;
	return 0;
}

static int stdin_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			int64_t *start_us, int64_t *end_us, struct err *err)
{
	const struct stdin_store *s = d;

	(void)err;
	*found = false;
	for (size_t i = 0; i < s->n; i++)
		if (slice_is(s->row[i].metric, metric) && s->row[i].start_us <= not_after_us) {
			*found = true;
			*start_us = s->row[i].start_us;
			*end_us = s->row[i].end_us;
		}
	return 0;
}

static bool in_range(const struct read_range *range, const struct rollup *row)
{
	return slice_is(row->metric, range->metric) && row->start_us >= range->from_us &&
	       row->start_us < range->to_us && (!range->end_us || row->end_us == range->end_us);
}

/* All of them, whatever range->top: who asks chooses again. */
static int stdin_read(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		      struct err *err)
{
	const struct stdin_store *s = d;

	for (size_t i = 0; i < s->n; i++)
		if (in_range(range, &s->row[i]) && fn(arg, &s->row[i], err))
			return -1;
	return 0;
}

const struct read_driver stdin_rows = {
	.default_table = "standard input",
	.moment = true,
	.open = stdin_open,
	.close = stdin_close,
	.metrics = stdin_metrics,
	.sinks = stdin_sinks,
	.newest = stdin_newest,
	.rows = stdin_read,
};
