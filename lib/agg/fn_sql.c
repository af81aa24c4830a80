/* Templates are read from left to right, and nothing nests. The columns of a measure stand in
 * several places of a row, as its cells do (agg/fn.c): they are gathered measure by measure, with
 * the place of each, which is its name in the subselect. */
#include "agg/fn_sql.h"

#include <string.h>

void fn_sql_column(const struct fn_sql *m, size_t i, struct buf *out)
{
	buf_printf(out, "c%u", m->place[i]);
}

static bool put_named(const struct fn_sql *m, struct slice name, struct buf *out)
{
	if (slice_is(name, "seconds") || slice_is(name, "estimate")) {
		buf_addz(out, *name.p == 's' ? m->seconds : m->estimate);
		return true;
	}
	for (size_t i = 0; i < m->row.n; i++)
		if (name.n == 0 ? m->row.n == 1 : slice_eq(m->row.part[i], name)) {
			fn_sql_column(m, i, out);
			return true;
		}
	return false;
}

bool fn_sql_put(const struct fn_sql *m, const char *template, struct buf *out)
{
	for (const char *p = template; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;

		if (!end) {
			buf_addc(out, *p);
			continue;
		}
		if (!put_named(m, slice(p + 1, (size_t)(end - p - 1)), out))
			return false;
		p = end;
	}
	return true;
}

/* ---- measures of a metric */

/* The columns of one measure and operation. */
struct measure_columns {
	struct cell cell[COLUMNS_MAX];
	struct slice part[COLUMNS_MAX];
	unsigned place[COLUMNS_MAX];
	size_t n;
};

static void gather_columns(const struct column_name *of, const struct cell *cell, size_t n,
			   struct measure_columns *out)
{
	struct column_name name;

	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!column_name_parse(cell[i].column.name, &name) ||
		    !slice_eq(name.measure, of->measure) ||
		    !slice_eq(name.operation, of->operation))
			continue;
		out->cell[out->n] = cell[i];
		out->part[out->n] = name.part;
		out->place[out->n++] = (unsigned)i;
	}
}

static void each_sql_of_one(const struct agg_fn *fn, struct slice measure, struct fn_sql *m,
			    const struct fn_sql_store *store, fn_sql_measure *call, void *arg)
{
	struct buf name = { 0 }, estimate = { 0 }, value = { 0 };

	for (;; m->row.nth++) {
		name.n = estimate.n = value.n = 0;
		buf_adds(&name, measure);
		if (fn->suffix ? !fn->suffix(&m->row, &name) : m->row.nth > 0)
			break;
		if (store->estimate)
			store->estimate(buf_slice(&name), &estimate);
		m->estimate = store->estimate ? buf_z(&estimate) : "NULL";
		if (fn->sql(m, &value))
			call(arg, buf_slice(&name), buf_slice(&value));
	}
	buf_fini(&name);
	buf_fini(&estimate);
	buf_fini(&value);
}

void fn_sql_each(const struct column *column, size_t n, const struct fn_sql_store *store,
		 fn_sql_measure *call, void *arg)
{
	struct cell cell[COLUMNS_MAX];
	struct measure_columns own;
	struct column_name name;
	struct slice last = { 0 };

	for (size_t i = 0; i < n; i++)
		cell[i] = (struct cell){ .column = column[i] };
	for (; fn_next_measure(cell, n, last, &name); last = name.measure) {
		const struct agg_fn *fn = fn_find(name.operation);
		struct fn_sql m = {
			.row = { .cell = own.cell, .part = own.part, .operation = name.operation },
			.place = own.place,
			.seconds = store->seconds,
			.json_type = store->json_type,
			.halves = store->halves,
		};

		if (!fn || !fn->sql)
			continue;
		gather_columns(&name, cell, n, &own);
		m.row.n = own.n;
		each_sql_of_one(fn, name.measure, &m, store, call, arg);
	}
}
