/* The columns of a view are named as they come; the names that have been given stand in a list
 * that is searched anew for each: a metric has at most some hundred. Names are compared without
 * regard to case, as SQLite does, so that a metric has the same columns in every store. */
#include "sink/metric_sql.h"

#include <string.h>
#include <strings.h>

#include "agg/fn_sql.h"

enum { VIEW_COLUMNS_MAX = 512 };

/* ---- texts */

static void put_quoted(struct slice text, char quote, struct buf *out)
{
	buf_addc(out, quote);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == quote)
			buf_addc(out, quote);
		buf_addc(out, text.p[i]);
	}
	buf_addc(out, quote);
}

void metric_sql_text(struct slice text, struct buf *out)
{
	put_quoted(text, '\'', out);
}

void metric_sql_name(struct slice name, struct buf *out)
{
	put_quoted(name, '"', out);
}

void metric_sql_mark(struct slice rollups, struct slice metric, const char *view, struct buf *out)
{
	struct buf mark = { 0 };

	buf_addz(&mark, METRIC_SQL_MARK);
	json_quote(&mark, rollups);
	buf_addz(&mark, ",\"metric\":");
	json_quote(&mark, metric);
	buf_printf(&mark, ",\"view\":\"%s\"}", view);
	for (size_t i = 0; i < mark.n; i++) {
		if (mark.p[i] == '/')
			buf_addc(out, '\\');
		buf_addc(out, mark.p[i]);
	}
	buf_fini(&mark);
}

/* ---- the outer select */

struct view_columns {
	const struct sql_store *store;
	struct buf *out;
	struct slice name[VIEW_COLUMNS_MAX];
	size_t n;
	struct arena arena;
};

static bool is_taken(const struct view_columns *v, struct slice name)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->name[i].n == name.n && strncasecmp(v->name[i].p, name.p, name.n) == 0)
			return true;
	return false;
}

static void reserve_name(struct view_columns *v, struct slice name)
{
	if (v->n < VIEW_COLUMNS_MAX)
		v->name[v->n++] = arena_copy(&v->arena, name);
}

static void reserve_measure(void *arg, struct slice name, struct slice expression)
{
	(void)expression;
	reserve_name(arg, name);
}

static void put_column(struct view_columns *v, struct slice expression, struct slice name)
{
	buf_addz(v->out, ", ");
	buf_adds(v->out, expression);
	buf_addz(v->out, " AS ");
	metric_sql_name(name, v->out);
}

/* Names of measures have at most 63 bytes with what stands behind them; they are words. */
static void put_measure(void *arg, struct slice name, struct slice expression)
{
	struct view_columns *v = arg;
	struct buf free_name = { 0 };

	buf_adds(&free_name, name);
	while (is_taken(v, buf_slice(&free_name)))
		buf_addc(&free_name, '_');
	if (free_name.n <= v->store->name_max && v->n < VIEW_COLUMNS_MAX) {
		put_column(v, expression, buf_slice(&free_name));
		reserve_name(v, buf_slice(&free_name));
	}
	buf_fini(&free_name);
}

static void put_dims(struct view_columns *v, const struct metric_shape *shape)
{
	struct buf expression = { 0 };

	for (size_t i = 0; i < shape->dims; i++) {
		expression.n = 0;
		if (shape->dim[i].n == 0 || shape->dim[i].n > v->store->name_max ||
		    is_taken(v, shape->dim[i]) || !v->store->dim(shape->dim[i], &expression))
			continue;
		put_column(v, buf_slice(&expression), shape->dim[i]);
		reserve_name(v, shape->dim[i]);
	}
	buf_fini(&expression);
}

static const char *const classic[] = { "window_start", "window_end",  "dims", "dims_hash",
				       "count",        "value_count", "sum",  "min",
				       "max",          "avg",         "uniq" };
enum { CLASSIC_ALWAYS = 5, CLASSIC_VALUE = 10, CLASSIC = 11 };

static void reserve_classic(struct view_columns *v, const struct metric_shape *shape)
{
	for (size_t i = 0; i < CLASSIC; i++)
		if (i < CLASSIC_ALWAYS || (i < CLASSIC_VALUE ? shape->has_value : shape->has_uniq))
			reserve_name(v, slice_z(classic[i]));
}

void metric_sql_values(const struct metric_shape *shape, const struct sql_store *store, bool merged,
		       struct buf *out)
{
	struct view_columns v = { .store = store, .out = out };
	struct fn_sql_store fn = { .estimate = merged ? NULL : store->estimate,
				   .seconds = "seconds",
				   .json_type = store->json_type,
				   .halves = store->whole != NULL };
	size_t n, measures;

	buf_addz(out, "window_start, window_end");
	reserve_classic(&v, shape);
	n = v.n;
	fn_sql_each(shape->column, shape->columns, &fn, reserve_measure, &v);
	measures = v.n - n;
	put_dims(&v, shape);
	/* measures come behind the dimensions, and are not in their own way */
	v.n -= measures;
	memmove(v.name + n, v.name + n + measures, (v.n - n) * sizeof(*v.name));
	buf_addz(out, ", dims, dims_hash, count");
	if (shape->has_value)
		buf_addz(out, ", value_count, CAST(sum AS DOUBLE PRECISION) AS sum, CAST(min AS "
			      "DOUBLE PRECISION) AS min, CAST(max AS DOUBLE PRECISION) AS max, "
			      "CAST(sum AS DOUBLE PRECISION) / NULLIF(value_count, 0) AS avg");
	if (shape->has_uniq)
		buf_addz(out, ", uniq");
	fn_sql_each(shape->column, shape->columns, &fn, put_measure, &v);
	arena_fini(&v.arena);
}

/* ---- the inner select */

/* How two values become one; NULL: SQL has no means. */
static const char *const together[COLUMN_RULES] = {
	[COLUMN_COUNT] = "CAST(sum(%s) AS BIGINT)",
	[COLUMN_SUM] = "sum(%s)",
	[COLUMN_MIN] = "min(%s)",
	[COLUMN_MAX] = "max(%s)",
};

static void put_format(const char *format, const char *what, struct buf *out)
{
	for (; *format; format++)
		if (strncmp(format, "%s", 2) == 0)
			buf_addz(out, what), format++;
		else
			buf_addc(out, *format);
}

/* sum(..) or the one itself of a part of a decimal. */
static void put_half(const char *half, const char *raw, bool merged, struct buf *out)
{
	buf_addz(out, merged ? "sum(" : "(");
	put_format(half, raw, out);
	buf_addc(out, ')');
}

/* What a column of the table is in the inner select. */
static void put_cell(const char *raw, enum column_rule rule, const struct sql_store *store,
		     bool merged, struct buf *out)
{
	struct buf number = { 0 };

	if (merged && rule == COLUMN_SUM && store->whole) {
		buf_addc(out, '(');
		put_half(store->whole, raw, true, out);
		buf_addz(out, " + ");
		put_half(store->billionths, raw, true, out);
		buf_addz(out, " / 1e9)");
		return;
	}
	put_format(rule == COLUMN_COUNT ? "%s" : store->decimal, raw, &number);
	put_format(merged ? together[rule] : "%s", buf_z(&number), out);
	buf_fini(&number);
}

/* c7i and c7f beside c7 */
static void put_halves(size_t i, const char *raw, const struct sql_store *store, bool merged,
		       struct buf *out)
{
	buf_addz(out, ", ");
	put_half(store->whole, raw, merged, out);
	buf_printf(out, " AS c%zui, ", i);
	put_half(store->billionths, raw, merged, out);
	buf_printf(out, " AS c%zuf", i);
}

static bool wants_halves(const struct column *c)
{
	struct column_name name;
	const struct agg_fn *fn = column_name_parse(c->name, &name) ? fn_find(name.operation)
								    : NULL;

	return fn && fn->sql_halves && c->rule == COLUMN_SUM;
}

static void put_parts(const struct metric_shape *shape, const struct sql_store *store, bool merged,
		      struct buf *out)
{
	struct buf raw = { 0 };
	bool sketches = false;

	for (size_t i = 0; i < shape->columns; i++) {
		enum column_rule rule = shape->column[i].rule;

		sketches |= column_is_sketch(rule);
		if (!together[rule])
			continue;
		raw.n = 0;
		store->cell(shape, i, &raw);
		buf_addz(out, ", ");
		put_cell(buf_z(&raw), rule, store, merged, out);
		buf_printf(out, " AS c%zu", i);
		if (store->whole && wants_halves(&shape->column[i]))
			put_halves(i, buf_z(&raw), store, merged, out);
	}
	if (sketches && !merged)
		buf_printf(out, ", %s AS estimates", store->estimates);
	buf_fini(&raw);
}

void metric_sql_cells(const struct metric_shape *shape, const struct sql_store *store, bool merged,
		      struct buf *out)
{
	static const struct {
		const char *name;
		enum column_rule rule;
	} values[] = { { "count", COLUMN_COUNT },
		       { "value_count", COLUMN_COUNT },
		       { "sum", COLUMN_SUM },
		       { "min", COLUMN_MIN },
		       { "max", COLUMN_MAX } };

	for (size_t i = 0; i < (shape->has_value ? 5 : 1); i++) {
		buf_addz(out, i ? ", " : "");
		put_cell(values[i].name, values[i].rule, store, merged, out);
		buf_printf(out, " AS %s", values[i].name);
	}
	if (shape->has_uniq)
		buf_printf(out, ", %s AS uniq",
			   !merged              ? "uniq"
			   : store->merged_uniq ? store->merged_uniq
						: "CAST(NULL AS BIGINT)");
	put_parts(shape, store, merged, out);
}
