/* What the view of a metric and its function select: the lists of sink/metric_sql.h over the table
 * of rollups. Numbers are added as numeric, which is exact, and shown as float8. */
#include "drv/pg/pg_internal.h"

#include <string.h>

#include "sink/metric_sql.h"

void pg_put_literal(struct pg *p, struct slice text, struct buf *out)
{
	char *literal = PQescapeLiteral(p->c, text.p, text.n);

	buf_addz(out, literal ? literal : "NULL");
	PQfreemem(literal);
}

/* What a backslash is in a text depends on the reader's settings. */
static bool put_dim(struct slice name, struct buf *out)
{
	if (memchr(name.p, '\\', name.n))
		return false;
	buf_addz(out, "dims ->> ");
	metric_sql_text(name, out);
	return true;
}

static void put_cell(const struct metric_shape *shape, size_t i, struct buf *out)
{
	pg_columns_slot(shape->column, i, out);
}

static void put_estimate(struct slice measure, struct buf *out)
{
	buf_addz(out, "(estimates ->> ");
	metric_sql_text(measure, out);
	buf_addc(out, ')');
}

static struct sql_store store_of(const struct pg *p)
{
	return (struct sql_store){
		.name_max = PG_NAME_BYTES,
		.json_type = "json",
		.decimal = "%s",
		.dim = put_dim,
		.cell = put_cell,
		.estimate = put_estimate,
		.estimates = "estimates",
		.merged_uniq = p->hll ? "CAST(round(hll_cardinality(hll_union_agg(uniq_sketch))) "
					"AS BIGINT)"
				      : NULL,
	};
}

static void put_body(struct pg *p, const char *metric, const struct metric_shape *shape,
		     struct buf *out)
{
	struct sql_store store = store_of(p);
	struct buf values = { 0 }, cells = { 0 };
	const char *fill[6];
	size_t n = 0;

	metric_sql_values(shape, &store, true, &values);
	metric_sql_cells(shape, &store, true, &cells);
	fill[0] = fill[4] = p->table;
	fill[1] = fill[5] = metric;
	fill[2] = buf_z(&values);
	fill[3] = buf_z(&cells);
	for (const char *at = pg_step_body; *at; at++)
		if (*at == '@')
			buf_addz(out, fill[n++]);
		else
			buf_addc(out, *at);
	buf_fini(&values);
	buf_fini(&cells);
}

/* What stands behind FROM in the view: rows as they are. */
static void put_rows(struct pg *p, const char *metric, const struct metric_shape *shape,
		     struct buf *out)
{
	struct sql_store store = store_of(p);

	buf_addz(out, "(SELECT window_start, window_end, dims, dims_hash, extract(epoch FROM "
		      "window_end - window_start)::float8 AS seconds, ");
	metric_sql_cells(shape, &store, false, out);
	buf_printf(out, " FROM %s WHERE metric = %s) r", p->table, metric);
}

/* Windows that overlap, added up from panes: those whose panes are all among what is kept. */
static const char hops[] =
	"WITH w AS (SELECT DISTINCT window_start AS s, window_end AS e FROM %1$s WHERE metric = "
	"%2$s), h AS (SELECT s, e, s - k * interval '%3$lld microseconds' AS a, s - k * interval "
	"'%3$lld microseconds' + interval '%4$lld microseconds' AS b FROM w CROSS JOIN "
	"generate_series(0, %5$lld - 1) k) SELECT * FROM h WHERE a >= (SELECT min(s) FROM w) AND b "
	"<= (SELECT max(e) FROM w)";

static void put_hops(struct pg *p, const char *metric, const struct metric_shape *shape,
		     struct buf *out)
{
	struct sql_store store = store_of(p);

	buf_printf(out,
		   "(SELECT w.a AS window_start, w.b AS window_end, dims, dims_hash, %lld / "
		   "1e6::float8 AS seconds, ",
		   (long long)shape->every_us);
	metric_sql_cells(shape, &store, true, out);
	buf_printf(out, " FROM %s r JOIN (", p->table);
	buf_printf(out, hops, p->table, metric, (long long)shape->pane_us,
		   (long long)shape->every_us, (long long)(shape->every_us / shape->pane_us));
	buf_printf(out,
		   ") w ON r.window_start = w.s AND r.window_end = w.e WHERE metric = %s GROUP BY "
		   "w.a, w.b, dims_hash, dims) r",
		   metric);
}

void pg_view_sql(struct pg *p, const struct metric_shape *shape, struct buf *view, struct buf *body)
{
	struct sql_store store = store_of(p);
	struct buf metric = { 0 };

	pg_put_literal(p, shape->name, &metric);
	buf_addz(view, "SELECT ");
	metric_sql_values(shape, &store, metric_shape_hops(shape), view);
	buf_addz(view, " FROM ");
	(metric_shape_hops(shape) ? put_hops : put_rows)(p, buf_z(&metric), shape, view);
	put_body(p, buf_z(&metric), shape, body);
	buf_fini(&metric);
}
