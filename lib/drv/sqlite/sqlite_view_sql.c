/* The texts of a metric's views: the lists of sink/metric_sql.h over the table of rollups. Decimals
 * are texts there and become doubles; to be added up they are taken apart into integers. */
#include "drv/sqlite/sqlite_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "sink/metric_sql.h"

#define HOUR_US (3600 * TM_S)

/* A path in JSON has no means to quote what is escaped in a name. */
static bool put_dim(struct slice name, struct buf *out)
{
	struct buf quoted = { 0 }, path = { 0 };
	bool plain;

	json_quote(&quoted, name);
	plain = quoted.n == name.n + 2;
	buf_addz(&path, "$.");
	buf_adds(&path, buf_slice(&quoted));
	quoted.n = 0;
	metric_sql_text(buf_slice(&path), &quoted);
	if (plain)
		buf_printf(out,
			   "CASE json_type(dims, %1$s) WHEN 'text' THEN dims ->> %1$s WHEN 'null' "
			   "THEN NULL ELSE dims -> %1$s END",
			   buf_z(&quoted));
	buf_fini(&quoted);
	buf_fini(&path);
	return plain;
}

static void put_cell(const struct metric_shape *shape, size_t i, struct buf *out)
{
	const struct column *c = &shape->column[i];

	buf_printf(out, "json_extract(columns, '$.%s.\"%.*s\"')", column_rules[c->rule],
		   (int)c->name.n, c->name.p);
}

static void put_estimate(struct slice measure, struct buf *out)
{
	buf_printf(out, "json_extract(estimates, '$.estimates.\"%.*s\"')", (int)measure.n,
		   measure.p);
}

/* 86,400 numbers below 1e14, the windows of a day, can be added as integers. */
static const struct sql_store sqlite_sql = {
	.name_max = 1024,
	.decimal = "CAST(%s AS REAL)",
	.whole = "CASE WHEN abs(CAST(%s AS REAL)) < 1e14 THEN CAST(%s AS INTEGER) ELSE CAST(%s AS "
		 "REAL) END",
	.billionths = "CASE WHEN abs(CAST(%s AS REAL)) < 1e14 AND instr(%s, '.') > 0 THEN "
		      "CAST(substr(%s, 1, %s LIKE '-%') || substr(substr(%s, instr(%s, '.') + 1) "
		      "|| '00000000', 1, 9) AS INTEGER) ELSE 0 END",
	.dim = put_dim,
	.cell = put_cell,
	.estimate = put_estimate,
	.estimates = "columns",
};

static const struct {
	const char *suffix, *kind;
	int64_t step_us; /* 0: rows as they are */
	enum sqlite_step step;
} sqlite_view[SQLITE_VIEWS] = {
	{ "", "rows", 0, 0 },
	{ "_hours", "hours", HOUR_US, SQLITE_HOURS },
	{ "_days", "days", 24 * HOUR_US, SQLITE_DAYS },
};

/* ---- texts */

static void put_owned(struct buf *out, char *text)
{
	buf_addz(out, text);
	sqlite3_free(text);
}

/* Of the stored windows to those that the view shows; sqlite3_free(). */
static char *windows_of(const struct sqlite *s, const struct metric_shape *shape, size_t i,
			const char *metric)
{
	if (sqlite_view[i].step_us)
		return sqlite3_mprintf(sqlite_step_sql[sqlite_view[i].step], s->table, metric);
	return sqlite3_mprintf(sqlite_hops_sql, shape->every_us / shape->pane_us, s->table, metric,
			       shape->pane_us / TM_S, shape->every_us / TM_S);
}

/* What stands behind FROM in the outer select. */
static void put_source(const struct sqlite *s, const struct metric_shape *shape, size_t i,
		       bool merged, struct buf *out)
{
	char *metric = mem_dup(shape->name.p, shape->name.n);

	buf_addz(out, merged ? "(SELECT w.a AS window_start, w.b AS window_end, dims, dims_hash, "
			       "w.seconds AS seconds, "
			     : "(SELECT window_start, window_end, dims, dims_hash, "
			       "round((julianday(window_end) - julianday(window_start)) * "
			       "86400000) / 1000 AS seconds, ");
	metric_sql_cells(shape, &sqlite_sql, merged, out);
	if (merged)
		put_owned(out, sqlite3_mprintf(" FROM \"%w\" r JOIN (%z) w ON r.window_start = "
					       "w.s AND r.window_end = w.e WHERE metric = %Q "
					       "GROUP BY w.a, w.b, dims_hash)",
					       s->table, windows_of(s, shape, i, metric), metric));
	else
		put_owned(out,
			  sqlite3_mprintf(" FROM \"%w\" WHERE metric = %Q)", s->table, metric));
	free(metric);
}

/* Times of windows that overlap are made of whole seconds. */
static bool can_show(const struct metric_shape *shape, size_t i)
{
	return sqlite_view[i].step_us ? metric_shape_fits(shape->pane_us, sqlite_view[i].step_us)
				      : !metric_shape_hops(shape) || shape->pane_us % TM_S == 0;
}

bool sqlite_view_sql(const struct sqlite *s, const struct metric_shape *shape, size_t i,
		     struct buf *name, struct buf *text, struct buf *mark)
{
	bool merged = sqlite_view[i].step_us > 0 || metric_shape_hops(shape);

	if (!can_show(shape, i))
		return false;
	buf_adds(name, shape->name);
	buf_addz(name, sqlite_view[i].suffix);
	metric_sql_mark(slice_z(s->table), shape->name, sqlite_view[i].kind, mark);
	buf_addz(text, "CREATE VIEW ");
	metric_sql_name(buf_slice(name), text);
	buf_printf(text, " AS /* %s */ SELECT ", buf_z(mark));
	metric_sql_values(shape, &sqlite_sql, merged, text);
	buf_addz(text, " FROM ");
	put_source(s, shape, i, merged, text);
	return true;
}
