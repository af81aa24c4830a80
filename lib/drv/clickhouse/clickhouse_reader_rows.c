/* Rows of a range: deltas added up, and final rows, of which a metric has the one or the other. An
 * answer comes as a whole, so a range is read in pieces of whole windows, by the number of rows
 * that each window has. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drv/clickhouse/clickhouse_reader.h"
#include "sink/sink_errors.h"

enum { PIECE_ROWS = 200000 };

#define US(column) "toUnixTimestamp64Micro(" column ")"
/* %s: more columns, the table of deltas, the metric, a condition; the same of final rows. */
#define ROWS_OF                                                                            \
	"(SELECT t.window_start AS window_start, t.window_end AS window_end, t.dims_hash " \
	"AS dims_hash, any(t.dims) AS dims, sum(t.count) AS count, sum(t.value_count) AS " \
	"value_count, sum(t.sum) AS sum, min(t.min) AS min, max(t.max) AS max%s FROM %s "  \
	"AS t WHERE t.claim = '' AND t.metric = %s AND %s GROUP BY t.window_start, "       \
	"t.window_end, t.dims_hash UNION ALL SELECT t.window_start, t.window_end, "        \
	"t.dims_hash, t.dims, t.count, t.value_count, t.sum, t.min, t.max%s FROM %s AS t " \
	"FINAL WHERE t.metric = %s AND %s)"

/* What measures keep, and whether there is anything of it: that is not read for nothing. */
struct more {
	const char *deltas, *final, *names;
};
#define HAS_MAPS "notEmpty(t.counts) OR notEmpty(t.sums) OR notEmpty(t.mins) OR notEmpty(t.maxs)"
static const struct more nothing = { "", "", "" },
			 has_maps = { ", max(" HAS_MAPS ") AS measured", ", " HAS_MAPS,
				      ", toUInt64(max(measured))" },
			 has_none = { "", "", ", toUInt64(0)" },
			 maps = { ", sumMap(t.counts) AS counts, sumMap(t.sums) AS sums, "
				  "minMap(t.mins) AS mins, maxMap(t.maxs) AS maxs",
				  ", t.counts, t.sums, t.mins, t.maxs",
				  ", counts, sums, mins, maxs" };

struct piece {
	int64_t from_us, to_us; /* from <= window_start < to */
};
struct pieces {
	struct piece *v;
	size_t n, cap;
	bool measured; /* some row has measures */
};

/* Windows that begin in the range, and only those that end at its end_us if it has one. */
static char *condition_of(int64_t from_us, int64_t to_us, int64_t end_us)
{
	char *end = end_us ? mem_printf(" AND " US("t.window_end") " = %" PRId64, end_us)
			   : mem_strdup(""),
	     *all = mem_printf("t.window_start >= fromUnixTimestamp64Micro(%" PRId64 ", 'UTC') AND "
			       "t.window_start < fromUnixTimestamp64Micro(%" PRId64 ", 'UTC')%s",
			       from_us, to_us, end);

	free(end);
	return all;
}

/* The column's own bounds: 1900 to 2299. */
static int64_t bounded(int64_t us)
{
	const int64_t least = -2208988800000000, most = 10413791999000000;

	return us < least ? least : us > most ? most : us;
}

int clickhouse_reader_newest(void *d, const char *metric, int64_t not_after_us, bool *found,
			     int64_t *start_us, int64_t *end_us, struct err *err)
{
	struct clickhouse *c = ((struct clickhouse_reader *)d)->c;
	char *name = clickhouse_literal_of(metric),
	     *where = condition_of(bounded(INT64_MIN), bounded(not_after_us) + 1, 0);
	struct rowbinary answer;
	int rc = sink_error_result(
		clickhouse_query(
			c, &answer, err,
			"SELECT " US("window_start") ", " US(
				"window_end") " FROM (SELECT "
					      "window_start, window_end FROM %s AS t WHERE t.claim "
					      "= '' AND "
					      "t.metric = %s AND %s UNION ALL SELECT window_start, "
					      "window_end "
					      "FROM %s AS t WHERE t.metric = %s AND %s) "
					      "ORDER BY window_start DESC, window_end DESC LIMIT 1",
			c->table, name, where, c->final, name, where),
		err);

	*found = rc == 0 && rowbinary_more(&answer);
	if (*found) {
		*start_us = rowbinary_get_i64(&answer);
		*end_us = rowbinary_get_i64(&answer);
		rc = answer.broken ? clickhouse_answer_broken(c, err) : 0;
	}
	free(name);
	free(where);
	return rc;
}

static int find_pieces(struct clickhouse *c, const struct read_range *range, const char *name,
		       struct pieces *out, struct err *err)
{
	int64_t from_us = bounded(range->from_us), to_us = bounded(range->to_us);
	char *where = condition_of(from_us, to_us, range->end_us);
	const struct more *more = c->maps ? &has_maps : &has_none;
	uint64_t rows = 0;
	struct rowbinary answer;
	int rc = sink_error_result(
		clickhouse_query(
			c, &answer, err,
			"SELECT " US("window_start") " AS at, toUInt64(count())%s FROM " ROWS_OF
						     " GROUP BY at ORDER BY at",
			more->names, more->deltas, c->table, name, where, more->final, c->final,
			name, where),
		err);

	while (rc == 0 && rowbinary_more(&answer)) {
		int64_t at = rowbinary_get_i64(&answer);
		uint64_t n = rowbinary_get_u64(&answer);

		out->measured |= rowbinary_get_u64(&answer) != 0;

		if (!out->n || rows + n > PIECE_ROWS) {
			mem_reserve(&out->v, &out->cap, out->n + 1, sizeof(*out->v));
			if (out->n)
				out->v[out->n - 1].to_us = at;
			out->v[out->n++] = (struct piece){ at, to_us };
			rows = 0;
		}
		rows += n;
	}
	free(where);
	return rc == 0 && answer.broken ? clickhouse_answer_broken(c, err) : rc;
}

static void take_cell(struct rowbinary *a, enum column_rule rule, struct cell *cell)
{
	*cell = (struct cell){ .column = { rule, rowbinary_get_text(a) } };
	if (rule == COLUMN_COUNT)
		cell->count = rowbinary_get_u64(a);
	else if (rule == COLUMN_SUM)
		rowbinary_get_fixed(a, &cell->value, sizeof(cell->value));
	else
		cell->empty = !rowbinary_get_maybe_dec(a, &cell->value);
}

static int cell_order(const void *a, const void *b)
{
	return column_cmp(&((const struct cell *)a)->column, &((const struct cell *)b)->column);
}

/* The server has a map's names in their order; so does whoever else writes, or not. */
static void take_cells(struct rowbinary *a, struct cell cell[COLUMNS_MAX], struct rollup *row)
{
	for (unsigned rule = 0; rule < CLICKHOUSE_MAPS; rule++) {
		uint64_t n = rowbinary_get_length(a);

		a->broken |= n > COLUMNS_MAX - row->cells;
		for (; n && !a->broken; n--)
			take_cell(a, (enum column_rule)rule, &cell[row->cells++]);
	}
	row->cell = cell;
	for (size_t i = 1; i < row->cells; i++)
		if (cell_order(&cell[i - 1], &cell[i]) > 0) {
			qsort(cell, row->cells, sizeof(*cell), cell_order);
			return;
		}
}

static void take_row(struct rowbinary *a, struct rollup *row)
{
	bool sum, min, max;

	*row = (struct rollup){ 0 };
	row->start_us = rowbinary_get_i64(a);
	row->end_us = rowbinary_get_i64(a);
	rowbinary_get_fixed(a, row->dims_hash, sizeof(row->dims_hash));
	row->dims = rowbinary_get_text(a);
	row->count = rowbinary_get_u64(a);
	row->has_value = rowbinary_get_maybe_u64(a, &row->value_count);
	sum = rowbinary_get_maybe_dec(a, &row->sum);
	min = rowbinary_get_maybe_dec(a, &row->min);
	max = rowbinary_get_maybe_dec(a, &row->max);
	a->broken |= row->has_value && row->value_count && !(sum && min && max);
}

static int read_piece(struct clickhouse_reader *r, const struct read_range *range, const char *name,
		      const struct piece *piece, const struct more *more, read_row_fn *fn,
		      void *arg, struct err *err)
{
	struct clickhouse *c = r->c;
	char *where = condition_of(piece->from_us, piece->to_us, range->end_us),
	     *order = range->top
			      ? mem_printf("count DESC, dims_hash DESC LIMIT %" PRIu64, range->top)
			      : mem_strdup("window_start, window_end");
	struct rowbinary answer;
	struct rollup row;
	int rc = sink_error_result(
		clickhouse_query(c, &answer, err,
				 "SELECT " US("window_start") ", " US(
					 "window_end") ", dims_hash, dims, count, value_count, "
						       "sum, min, max%s FROM " ROWS_OF
						       " ORDER BY %s",
				 more->names, more->deltas, c->table, name, where, more->final,
				 c->final, name, where, order),
		err);

	while (rc == 0 && rowbinary_more(&answer)) {
		take_row(&answer, &row);
		if (more == &maps)
			take_cells(&answer, r->cell, &row);
		rc = answer.broken ? clickhouse_answer_broken(c, err) : fn(arg, &row, err);
	}
	free(where);
	free(order);
	return rc;
}

int clickhouse_reader_rows(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
			   struct err *err)
{
	struct clickhouse_reader *r = d;
	char *name = clickhouse_literal_of(range->metric);
	struct pieces pieces = { 0 };
	int rc = find_pieces(r->c, range, name, &pieces, err);

	for (size_t i = 0; i < pieces.n && rc == 0; i++)
		rc = read_piece(r, range, name, &pieces.v[i], pieces.measured ? &maps : &nothing,
				fn, arg, err);
	free(pieces.v);
	free(name);
	return rc;
}
