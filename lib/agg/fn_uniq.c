/* uniq(x): how many different values, within 0.8 %. uniq_exact(x): exactly, up to and with 10,000;
 * NAME_exact says whether it is. */
#include "agg/fn.h"
#include "agg/fn_sql.h"
#include "sketch/hashset.h"
#include "sketch/hll.h"

static bool uniq_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *c = fn_cell(row, COLUMN_HLL, "sketch");
	struct hll *h;

	if (!c)
		return false;
	h = c->empty ? hll_new() : hll_decode(c->sketch);
	if (h)
		buf_addu(out, hll_count(h));
	hll_free(h);
	return h != NULL;
}

static bool uniq_exact_suffix(const struct fn_row *row, struct buf *out)
{
	buf_addz(out, row->nth ? "_exact" : "");
	return row->nth < 2;
}

static bool uniq_exact_value(const struct fn_row *row, struct buf *out)
{
	const struct cell *c = fn_cell(row, COLUMN_SET, "sketch");
	struct hashset *s;

	if (!c)
		return false;
	s = c->empty ? hashset_new() : hashset_decode(c->sketch);
	if (s && row->nth)
		buf_addz(out, hashset_is_exact(s) ? "true" : "false");
	else if (s)
		buf_addu(out, hashset_count(s));
	hashset_free(s);
	return s != NULL;
}

static bool uniq_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(m, "CAST({estimate} AS BIGINT)", out);
}

static bool uniq_exact_sql(const struct fn_sql *m, struct buf *out)
{
	return fn_sql_put(
		m, m->row.nth ? "CAST({estimate} AS BOOLEAN)" : "CAST({estimate} AS BIGINT)", out);
}

const struct agg_fn fn_uniq = {
	.name = "uniq",
	.help = "how many different values, within 0.8 %",
	.input = FN_ELEMENTS,
	.parts = 1,
	.part = { { COLUMN_HLL, "sketch" } },
	.value = uniq_value,
	.sql = uniq_sql,
};

const struct agg_fn fn_uniq_exact = {
	.name = "uniq_exact",
	.help = "how many different values, exactly up to 10,000, then within 0.8 %; NAME_exact "
		"says which",
	.input = FN_ELEMENTS,
	.parts = 1,
	.part = { { COLUMN_SET, "sketch" } },
	.value = uniq_exact_value,
	.sql = uniq_exact_sql,
	.suffix = uniq_exact_suffix,
};
