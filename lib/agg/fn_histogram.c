/* histogram(x, 10, 50): how many values lie up to each bound and above the one before (Prometheus'
 * le), and how many beyond the last. A column a place, named after its bound, with _ for the point
 * and m for the minus, since names of columns are words: le10, le12_5, lem3, inf. */
#include "agg/fn.h"
#include "agg/fn_sql.h"

#include <stdio.h>
#include <string.h>

static void name_bound(dec bound, char out[FN_PART_CHARS])
{
	char text[DEC_TEXT_BYTES];
	size_t n = dec_text(bound, text);

	for (size_t i = 0; i < n; i++)
		text[i] = text[i] == '.' ? '_' : text[i] == '-' ? 'm' : text[i];
	snprintf(out, FN_PART_CHARS, "le%.*s", (int)n, text);
}

static unsigned list_bounds(const struct fn_args *a, struct fn_part *out)
{
	for (size_t i = 0; i < a->n; i++) {
		out[i].rule = COLUMN_COUNT;
		name_bound(a->v[i], out[i].name);
	}
	out[a->n] = (struct fn_part){ COLUMN_COUNT, "inf" };
	return (unsigned)a->n + 1;
}

static uint64_t select_values(const struct fn_args *a, unsigned part, const dec value[FN_BATCH],
			      uint64_t has)
{
	uint64_t in = 0;

	for (unsigned i = 0; i < FN_BATCH; i++)
		in |= (uint64_t)((part == 0 || value[i] > a->v[part - 1]) &&
				 (part == a->n || value[i] <= a->v[part]))
		      << i;
	return in & has;
}

struct place {
	dec bound; /* DEC_MAX: beyond the last */
	uint64_t count;
	size_t at; /* of the row's columns */
};

static bool read_bound(struct slice name, dec *bound)
{
	char text[FN_PART_CHARS];

	if (slice_is(name, "inf")) {
		*bound = DEC_MAX;
		return true;
	}
	if (name.n < 3 || name.n > sizeof(text) || memcmp(name.p, "le", 2) != 0)
		return false;
	for (size_t i = 2; i < name.n; i++)
		text[i - 2] = name.p[i] == '_' ? '.' : name.p[i] == 'm' ? '-' : name.p[i];
	return dec_parse(slice(text, name.n - 2), bound) == DEC_OK;
}

/* In order of bounds. False: a column is none of a histogram. */
static bool read_places(const struct fn_row *row, struct place *out)
{
	for (size_t i = 0; i < row->n; i++) {
		struct place p = { DEC_MAX, row->cell[i].count, i };
		size_t at = i;

		if (row->cell[i].column.rule != COLUMN_COUNT || !read_bound(row->part[i], &p.bound))
			return false;
		for (; at > 0 && out[at - 1].bound > p.bound; at--)
			out[at] = out[at - 1];
		out[at] = p;
	}
	return row->n > 1 && out[row->n - 1].bound == DEC_MAX;
}

static void put_bounds(const struct place *place, size_t n, struct buf *out)
{
	char text[DEC_TEXT_BYTES];

	for (size_t i = 0; i < n; i++) {
		buf_addz(out, i ? "," : "{\"bounds\":[");
		buf_add(out, text, dec_text(place[i].bound, text));
	}
}

static bool histogram_value(const struct fn_row *row, struct buf *out)
{
	struct place place[COLUMNS_MAX];

	if (!read_places(row, place))
		return false;
	put_bounds(place, row->n - 1, out);
	for (size_t i = 0; i < row->n; i++) {
		buf_addz(out, i ? "," : "],\"counts\":[");
		buf_addu(out, place[i].count);
	}
	buf_addz(out, "]}");
	return true;
}

/* '{"bounds":[10],"counts":[' || .. || ',' || .. || ']}' */
static bool histogram_sql(const struct fn_sql *m, struct buf *out)
{
	struct place place[COLUMNS_MAX];

	if (!read_places(&m->row, place))
		return false;
	buf_addz(out, m->json_type ? "CAST('" : "'");
	put_bounds(place, m->row.n - 1, out);
	for (size_t i = 0; i < m->row.n; i++) {
		buf_addz(out, i ? " || ',' || " : "],\"counts\":[' || ");
		fn_sql_column(m, place[i].at, out);
	}
	buf_addz(out, " || ']}'");
	if (m->json_type)
		buf_printf(out, " AS %s)", m->json_type);
	return true;
}

const struct agg_fn fn_histogram = {
	.name = "histogram",
	.help = "counts of the values by bounds: histogram(x, 10, 50)",
	.input = FN_VALUES,
	.list = list_bounds,
	.select = select_values,
	.value = histogram_value,
	.sql = histogram_sql,
};
