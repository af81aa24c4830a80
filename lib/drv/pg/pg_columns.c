/* The columns of measures (row/columns.h) in the rollups table: a slot each, count_1, count_2,
 * sum_1, .. by rule. The k-th column of a rule, in the order of a row, stands in the k-th slot
 * of that rule, so a metric's list of columns (hta_metric.columns) is all that a reader needs.
 * Slots are shared by all metrics of the table and null where a metric has none: a null costs a
 * bit.
 *
 * Four shapes were at hand. Arrays by rule, or one jsonb, would have to be taken apart and put
 * together for each row of each epoch; a table a metric would double the upserts, or hide
 * metrics from each other. A slot is added to by the same expression as count and sum, at their
 * speed, and a new one is a change of the catalogue only. */
#include <stdio.h>
#include <stdlib.h>

#include "agg/fn.h"
#include "base/mem.h"
#include "drv/pg/pg_internal.h"

static const struct {
	const char *type, *merge;
	Oid oid;
} of_rule[COLUMN_RULES] = {
	[COLUMN_COUNT] = { "bigint", "t.%1$s + excluded.%1$s", PG_INT8 },
	[COLUMN_SUM] = { "numeric", "trim_scale(t.%1$s + excluded.%1$s)", PG_NUMERIC },
	[COLUMN_MIN] = { "numeric", "least(t.%1$s, excluded.%1$s)", PG_NUMERIC },
	[COLUMN_MAX] = { "numeric", "greatest(t.%1$s, excluded.%1$s)", PG_NUMERIC },
	/* merged by the sink (pg_rows.c) */
	[COLUMN_QUANTILES] = { "bytea", NULL, PG_BYTEA },
	[COLUMN_HLL] = { "bytea", NULL, PG_BYTEA },
	[COLUMN_SET] = { "bytea", NULL, PG_BYTEA },
	[COLUMN_LOWEST] = { "bytea", NULL, PG_BYTEA },
	[COLUMN_HIGHEST] = { "bytea", NULL, PG_BYTEA },
};

enum { SLOT_CHARS = 24 };

/* The slots of n columns, one after the other: starts with { 0 }. */
struct slots {
	unsigned used[COLUMN_RULES];
};

static void next_slot(struct slots *s, enum column_rule rule, char name[SLOT_CHARS])
{
	snprintf(name, SLOT_CHARS, "%s_%u", column_rules[rule], ++s->used[rule]);
}

void pg_columns_slot(const struct column *column, size_t i, struct buf *out)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	for (size_t k = 0; k <= i; k++)
		next_slot(&s, column[k].rule, name);
	buf_addz(out, name);
}

/* ---- the catalogue */

/* Slots have no gaps: a column of a user's own, sum_2024, is none of them. */
static bool is_next_slot(const struct pg *p, enum column_rule rule, const char *column, Oid type)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	s.used[rule] = p->slots[rule];
	next_slot(&s, rule, name);
	return type == of_rule[rule].oid && strcmp(column, name) == 0;
}

enum sink_result pg_columns_known(struct pg *p, struct err *err)
{
	const char *value[] = { p->table };
	PGresult *res;
	enum sink_result r = pg_query(
		p, &res, err,
		"SELECT attname, atttypid FROM pg_attribute WHERE attrelid = to_regclass($1) AND "
		"NOT attisdropped AND attname ~ "
		"'^(count|sum|min|max|quantiles|hll|set|lowest|highest)_[1-9][0-9]*$' ORDER BY "
		"length(attname), attname",
		1, value);

	if (r != SINK_OK)
		return r;
	for (unsigned i = 0; i < COLUMN_RULES; i++)
		p->slots[i] = 0;
	for (int i = 0; i < PQntuples(res); i++)
		for (unsigned rule = 0; rule < COLUMN_RULES; rule++)
			p->slots[rule] += is_next_slot(
				p, rule, PQgetvalue(res, i, 0),
				(Oid)strtoul(PQgetvalue(res, i, 1), NULL, 10));
	PQclear(res);
	return SINK_OK;
}

/* Adds "ADD COLUMN .." for each slot that the table lacks. */
static void add_missing(const struct pg *p, const struct sink_metric *m, struct slots *wanted,
			struct buf *sql)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	for (size_t i = 0; i < m->columns; i++) {
		enum column_rule rule = m->column[i].rule;

		next_slot(&s, rule, name);
		if (s.used[rule] <= p->slots[rule] || s.used[rule] <= wanted->used[rule])
			continue;
		wanted->used[rule] = s.used[rule];
		buf_printf(sql, "%s ADD COLUMN IF NOT EXISTS %s %s", sql->n ? "," : "", name,
			   of_rule[rule].type);
		if (column_is_sketch(rule))
			buf_addz(sql, ", ADD COLUMN IF NOT EXISTS estimates jsonb");
	}
}

static enum sink_result alter_tables(struct pg *p, const char *add, struct err *err)
{
	char *sql = mem_printf(
		"ALTER TABLE %s %s; ALTER TABLE hta_metric ADD COLUMN IF NOT EXISTS "
		"columns jsonb; UPDATE hta_schema SET version = greatest(version, %d)",
		p->table, *add ? add : "ADD COLUMN IF NOT EXISTS count_1 bigint",
		PG_SCHEMA_COLUMNS);
	enum sink_result r = pg_script(p, sql, err);

	free(sql);
	return r;
}

enum sink_result pg_columns_need(struct pg *p, const struct sink_metric *m, size_t n,
				 bool check_only, bool *made, struct err *err)
{
	struct slots wanted = { { 0 } };
	struct buf add = { 0 };
	bool measures = false;
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < n; i++) {
		measures |= m[i].columns > 0;
		add_missing(p, &m[i], &wanted, &add);
	}
	if (measures && (add.n || p->version < PG_SCHEMA_COLUMNS) && !p->conf->create) {
		err_set(err, EX_CONFIG,
			"table %s has no columns yet for the measures of this pipeline (--agg): "
			"start it once with hta-sink-pg --init",
			p->rollups);
		r = SINK_FATAL;
	} else if (measures && (add.n || p->version < PG_SCHEMA_COLUMNS) && !check_only) {
		r = alter_tables(p, buf_z(&add), err);
		*made = r == SINK_OK;
	}
	buf_fini(&add);
	return r;
}

enum sink_result pg_columns_list_need(struct pg *p, const struct sink_metric *m, size_t n,
				      bool check_only, struct err *err)
{
	bool measures = false, there;
	enum sink_result r;
	PGresult *res;

	for (size_t i = 0; i < n; i++)
		measures |= m[i].columns > 0;
	if (!measures || check_only)
		return SINK_OK;
	r = pg_query(p, &res, err,
		     "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('hta_metric') AND "
		     "attname = 'columns' AND NOT attisdropped",
		     0, NULL);
	if (r != SINK_OK)
		return r;
	there = PQntuples(res) > 0;
	PQclear(res);
	if (there)
		return SINK_OK;
	if (p->conf->create)
		return pg_script(p, "ALTER TABLE hta_metric ADD COLUMN IF NOT EXISTS columns jsonb",
				 err);
	err_set(err, EX_CONFIG,
		"table hta_metric has no column yet for the measures of this pipeline (--agg): "
		"start it once with --init");
	return SINK_FATAL;
}

enum sink_result pg_columns_made(struct pg *p, struct err *err)
{
	if (p->version < PG_SCHEMA_COLUMNS)
		p->version = PG_SCHEMA_COLUMNS;
	return pg_columns_known(p, err);
}

/* ---- statements */

/* Of the row's columns those from .. to - 1; the estimates belong to the sketches. */
static void put_names(const struct rollup *row, size_t from, size_t to, const char *before,
		      const char *after, struct buf *out)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	for (size_t i = 0; i < to; i++) {
		next_slot(&s, row->cell[i].column.rule, name);
		if (i < from)
			continue;
		buf_printf(out, ", %s%s", before, name);
		if (*after)
			buf_printf(out, "%s%s", after, name);
	}
}

size_t pg_columns_plain(const struct rollup *row)
{
	return columns_first_sketch(row->cell, row->cells);
}

void pg_columns_names(const struct rollup *row, size_t cells, struct buf *out)
{
	put_names(row, 0, cells, "", "", out);
	if (cells > pg_columns_plain(row))
		buf_addz(out, ", estimates");
}

void pg_columns_compared(const struct pg *p, const struct rollup *row, int first,
			 struct buf *stored, struct buf *given)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	for (size_t i = 0; i < row->cells; i++) {
		enum column_rule rule = row->cell[i].column.rule;

		next_slot(&s, rule, name);
		if (s.used[rule] <= p->slots[rule])
			buf_printf(stored, ", t.%s", name);
		else
			buf_addz(stored, ", NULL");
		buf_printf(given, ", u.c%d", first + (int)i);
	}
	for (unsigned rule = 0; rule < COLUMN_RULES; rule++)
		while (s.used[rule] < p->slots[rule]) {
			next_slot(&s, rule, name);
			buf_printf(stored, ", t.%s", name);
			buf_addz(given, ", NULL");
		}
}

void pg_columns_sketches(const struct rollup *row, struct buf *out)
{
	put_names(row, pg_columns_plain(row), row->cells, "", "", out);
}

void pg_columns_write(const struct rollup *row, struct buf *out)
{
	put_names(row, pg_columns_plain(row), row->cells, "", " = u.", out);
	buf_addz(out, ", estimates = u.estimates");
}

void pg_columns_merge(const struct rollup *row, struct buf *out)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	for (size_t i = 0; i < pg_columns_plain(row); i++) {
		enum column_rule rule = row->cell[i].column.rule;

		next_slot(&s, rule, name);
		buf_printf(out, ", %s = ", name);
		for (const char *p = of_rule[rule].merge; *p; p++)
			if (strncmp(p, "%1$s", 4) == 0)
				buf_addz(out, name), p += 3;
			else
				buf_addc(out, *p);
	}
}

void pg_columns_replace(const struct rollup *row, struct buf *out)
{
	put_names(row, 0, row->cells, "", " = excluded.", out);
	if (row->cells > pg_columns_plain(row))
		buf_addz(out, ", estimates = excluded.estimates");
}

void pg_columns_params(const struct rollup *row, size_t cells, int first, const char *format,
		       struct buf *out)
{
	size_t n = cells + (cells > pg_columns_plain(row));

	for (size_t i = 0; i < n; i++) {
		buf_addz(out, ", ");
		for (const char *p = format; *p; p++)
			if (*p == '#')
				buf_addi(out, first + (int)i);
			else
				buf_addc(out, *p);
	}
}

static void put_cell(struct pg_params *a, int at, const struct cell *x)
{
	if (x->empty)
		pg_null(a, at);
	else if (x->column.rule == COLUMN_COUNT)
		pg_put_int8(a, at, (int64_t)x->count);
	else if (column_is_sketch(x->column.rule))
		pg_put_bytes(a, at, x->sketch);
	else
		pg_put_dec(a, at, x->value);
}

static void put_estimates(struct pg_params *a, int at, const struct cell *cell, size_t n)
{
	struct buf text = { 0 };

	fn_estimates(cell, n, &text);
	pg_put_jsonb(a, at, buf_slice(&text));
	buf_fini(&text);
}

int pg_columns_begin(struct pg_params *a, const struct rollup *row, size_t from, size_t to)
{
	int first = a->n;

	for (size_t c = from; c < to; c++)
		pg_array(a, of_rule[row->cell[c].column.rule].oid);
	if (to > pg_columns_plain(row))
		pg_array(a, PG_JSONB);
	return first;
}

void pg_columns_put(struct pg_params *a, int first, const struct rollup *row,
		    const struct cell *cell, size_t from, size_t to)
{
	for (size_t c = from; c < to; c++)
		put_cell(a, first + (int)(c - from), &cell[c]);
	if (to > pg_columns_plain(row))
		put_estimates(a, first + (int)(to - from), cell, to);
}

void pg_columns_arrays(struct pg_params *a, const struct rollup *row, size_t n, size_t cells)
{
	int first = pg_columns_begin(a, row, 0, cells);

	for (size_t i = 0; i < n; i++)
		pg_columns_put(a, first, &row[i], row[i].cell, 0, cells);
}

/* ---- reading */

static enum sink_result stored_columns(struct pg *p, const char *metric, struct pg_reading *out,
				       struct err *err)
{
	const char *value[] = { p->rollups, metric };
	PGresult *res;
	enum sink_result r;

	out->columns = 0;
	if (p->version < PG_SCHEMA_COLUMNS)
		return SINK_OK;
	r = pg_query(p, &res, err,
		     "SELECT columns::text FROM hta_metric WHERE rollups = $1 AND metric = $2 AND "
		     "columns IS NOT NULL",
		     2, value);
	if (r != SINK_OK)
		return r;
	if (PQntuples(res)) {
		out->text.n = 0;
		buf_addz(&out->text, PQgetvalue(res, 0, 0));
		if (json_parse(&out->json, buf_slice(&out->text), err) ||
		    columns_parse(&out->json, 0, out->column, &out->columns, err)) {
			err_in(err, "hta_metric, metric %s", metric);
			r = SINK_FATAL;
		}
	}
	PQclear(res);
	return r;
}

int pg_columns_of(struct pg *p, const char *metric, struct pg_reading *out, struct err *err)
{
	return sink_error_result(stored_columns(p, metric, out, err), err);
}

void pg_columns_select(const struct pg_reading *r, struct buf *sql)
{
	struct slots s = { { 0 } };
	char name[SLOT_CHARS];

	for (size_t i = 0; i < r->columns; i++) {
		next_slot(&s, r->column[i].rule, name);
		buf_printf(sql, ", %s", name);
	}
}

/* The text of bytea; bytea_output decides between two forms. */
static bool take_bytes(struct pg_reading *r, struct slice text, struct slice *out)
{
	size_t n = 0;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *)text.p, &n);

	if (!bytes)
		return false;
	*out = arena_copy(&r->arena, slice((const char *)bytes, n));
	PQfreemem(bytes);
	return true;
}

static bool take_cell(struct pg_reading *r, struct slice text, struct cell *c)
{
	if (column_is_sketch(c->column.rule))
		return take_bytes(r, text, &c->sketch);
	if (c->column.rule != COLUMN_COUNT)
		return dec_parse_sum(text, &c->value) <= DEC_ROUNDED;
	c->count = strtoull(text.p, NULL, 10);
	return true;
}

bool pg_columns_take(struct pg_reading *r, const PGresult *res, int first, struct rollup *row)
{
	row->cell = r->cell;
	row->cells = r->columns;
	arena_reset(&r->arena);
	for (size_t i = 0; i < r->columns; i++) {
		struct cell *c = &r->cell[i];
		int at = first + (int)i;
		bool null = PQgetisnull(res, 0, at);
		struct slice text = slice(PQgetvalue(res, 0, at), (size_t)PQgetlength(res, 0, at));

		*c = (struct cell){ .column = r->column[i],
				    .empty = null && r->column[i].rule >= COLUMN_MIN };
		if (null && !c->empty)
			return false;
		if (!null && !take_cell(r, text, c))
			return false;
	}
	return true;
}

void pg_reading_fini(struct pg_reading *r)
{
	json_fini(&r->json);
	arena_fini(&r->arena);
	buf_fini(&r->text);
	buf_fini(&r->scratch);
}
