#include "agg/fn.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/wide.h"
#include "sketch/held.h"

static void test_ratio(void)
{
	uint64_t x = 88172645463325252u, bad = 0;

	for (int i = 0; i < 20000; i++) {
		uint64_t a, b;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		a = x >> (x & 31) & ((1ULL << 53) - 1);
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		b = (x >> 11 >> (x & 31)) + 1;
		bad += wide_ratio(wide_of(a), wide_of(b)) != (double)a / (double)b;
	}
	is_int(bad, 0, "quotients of what a double holds are those of the processor");
	ok(wide_ratio(wide_of(0), wide_of(7)) == 0, "nothing");
	ok(wide_ratio(wide_square((wide_u128)1 << 126), wide_of((wide_u128)1 << 126)) ==
		   ldexp(1, 126),
	   "large ones");
	ok(wide_ratio(wide_of(((wide_u128)1 << 53) + 1), wide_of(1)) == ldexp(1, 53),
	   "a tie goes to the even one");
	ok(wide_ratio(wide_of(((wide_u128)1 << 53) + 3), wide_of(1)) == ldexp(1, 53) + 4,
	   "the other tie too");
	ok(wide_ratio(wide_of((((wide_u128)1 << 53) + 1) << 40 | 1), wide_of((wide_u128)1 << 40)) ==
		   ldexp(1, 53) + 2,
	   "a little above the tie does not");
}

/* Of one value, at a time before that of all lower ones. */
static void make_candidate(dec v, struct buf *out)
{
	char text[DEC_TEXT_BYTES];
	struct held_value none = { .type = HELD_NONE },
			  value = { HELD_NUMBER, slice(text, dec_text(v, text)) };

	held_candidate(none, (int64_t)-v, value, out);
}

/* One value, or its digits as an element, into a sketch. */
static void add_item(const struct agg_fn *fn, dec v, struct cell *cell, struct arena *a)
{
	const struct sketch_ops *ops = column_sketch(cell->column.rule);
	struct cell c = *cell;
	void *s = ops->new ();
	struct buf b = { 0 };
	uint64_t item = hash_murmur64a(&v, sizeof(v));
	struct buf candidate = { 0 };
	struct slice held;

	if (fn->items)
		fn->items(&v, 1, &item);
	if (fn->input == FN_HELD) {
		make_candidate(v, &candidate);
		held = buf_slice(&candidate);
		item = (uint64_t)(uintptr_t)&held;
	}
	ops->add(s, item);
	buf_fini(&candidate);
	ops->encode(s, &b);
	c.empty = false;
	c.sketch = arena_copy(a, buf_slice(&b));
	ok(cell_merge(cell, &c, a), "added");
	ops->free(s);
	buf_fini(&b);
}

/* The measure of these values, each 1e-9, in a window of ten seconds. */
static void measure(const char *name, const struct fn_args *args, const int64_t *value, unsigned n,
		    struct buf *out)
{
	const struct agg_fn *fn = fn_find(slice_z(name));
	struct fn_part part[FN_PARTS_MAX];
	struct cell cell[FN_PARTS_MAX];
	char text[FN_PARTS_MAX][80];
	unsigned parts = fn_parts(fn, args, part);
	struct arena arena = { 0 };

	for (unsigned k = 0; k < parts; k++) {
		snprintf(text[k], sizeof(text[k]), "m.%s.%s", name, part[k].name);
		cell[k] = (struct cell){ .column = { part[k].rule, slice_z(text[k]) },
					 .empty = part[k].rule >= COLUMN_MIN };
	}
	for (unsigned i = 0; i < n; i++) {
		dec v = value[i], to[FN_OWN_MAX] = { v, v, v, v };
		dec *const out_of[FN_OWN_MAX] = { &to[0], &to[1], &to[2], &to[3] };
		dec batch[FN_BATCH] = { v };

		if (fn->contribute)
			fn->contribute(&v, 1, out_of);
		if (column_is_sketch(part[0].rule)) {
			add_item(fn, v, &cell[0], &arena);
			continue;
		}
		for (unsigned k = 0; k < parts; k++) {
			struct cell c = cell[k];

			if (fn->select && !fn->select(args, k, batch, 1))
				continue;
			c.empty = false;
			if (part[k].rule == COLUMN_COUNT)
				c.count = 1;
			else
				c.value = to[k];
			ok(cell_merge(&cell[k], &c, &arena), "added");
		}
	}
	out->n = 0;
	fn_measures(cell, parts, 10000000, out);
	arena_fini(&arena);
}

static void test_values(void)
{
	static const struct {
		const char *name;
		unsigned n;
		int64_t value[4];
		const char *json;
	} rows[] = {
		{ "avg", 0, { 0 }, "{\"m\":null}" },
		{ "avg", 3, { 1000000000, 2000000000, 2000000000 }, "{\"m\":1.6666666666666667}" },
		{ "avg", 2, { -1, 0 }, "{\"m\":-5e-10}" },
		{ "avg", 1, { 100000000 }, "{\"m\":0.1}" },
		{ "stddev", 0, { 0 }, "{\"m\":null}" },
		{ "stddev", 1, { 5000000000 }, "{\"m\":null}" },
		{ "stddev", 2, { 5000000000, 5000000000 }, "{\"m\":0}" },
		{ "stddev",
		  4,
		  { 1000000000, 2000000000, 3000000000, 4000000000 },
		  "{\"m\":1.2909944487358056}" },
		{ "stddev", 2, { -10000000000LL, 10000000000LL }, "{\"m\":14.142135623730951}" },
		{ "stddev", 3, { 1, 1, 1 }, "{\"m\":0}" },
		{ "sum", 0, { 0 }, "{\"m\":null}" },
		{ "sum", 2, { -500000000, 2000000001 }, "{\"m\":1.500000001}" },
		{ "min", 0, { 0 }, "{\"m\":null}" },
		{ "min", 2, { 5, -1000000000 }, "{\"m\":-1}" },
		{ "max", 2, { 5, -1000000000 }, "{\"m\":0.000000005}" },
		{ "count", 3, { 0 }, "{\"m\":3}" },
		{ "rate", 3, { 0 }, "{\"m\":0.3}" },
		{ "first", 0, { 0 }, "{\"m\":null}" },
		{ "first", 3, { 5, -1000000000, 12500000000 }, "{\"m\":12.5}" },
		{ "last", 3, { 5, -1000000000, 12500000000 }, "{\"m\":-1}" },
		{ "arg_min", 2, { 5, -1000000000 }, "{\"m\":0.000000005}" },
		{ "arg_max", 2, { 5, -1000000000 }, "{\"m\":-1}" },
		{ "p50", 0, { 0 }, "{\"m\":null}" },
		{ "p50", 3, { 1000000000, 0, 5000000000 }, "{\"m\":0.994599}" },
		{ "p999", 2, { 1000000000, -5 }, "{\"m\":0.994599}" },
		{ "uniq", 0, { 0 }, "{\"m\":0}" },
		{ "uniq", 3, { 5, 6, 5 }, "{\"m\":2}" },
		{ "uniq_exact", 0, { 0 }, "{\"m\":0,\"m_exact\":true}" },
		{ "uniq_exact", 3, { 5, 6, 5 }, "{\"m\":2,\"m_exact\":true}" },
	};
	static const dec bounds[] = { -2000000000, 500000000, 1000000000 };
	static const dec some[] = { 500000000, 10000000, 999000000, 1000000000 };
	static const int64_t values[] = { -3000000000, -2000000000, 500000000, 500000001,
					  2000000000 };
	const struct fn_args none = { 0 }, path = { .has_path = true },
			     histogram = { true, bounds, 3 }, quantiles = { true, some, 4 };
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		measure(rows[i].name, &none, rows[i].value, rows[i].n, &out);
		is_bytes(out.p, out.n, rows[i].json, rows[i].json);
	}
	measure("rate", &path, values, 5, &out);
	is_bytes(out.p, out.n, "{\"m\":-0.1999999999}", "a sum a second");
	measure("histogram", &histogram, values, 5, &out);
	is_bytes(out.p, out.n, "{\"m\":{\"bounds\":[-2,0.5,1],\"counts\":[2,1,1,1]}}",
		 "a value that is a bound lies below it");
	measure("quantiles", &quantiles, values, 0, &out);
	is_bytes(out.p, out.n, "{\"m_p50\":null,\"m_p01\":null,\"m_p999\":null,\"m_p100\":null}",
		 "quantiles of nothing");
	measure("quantiles", &quantiles, values, 5, &out);
	is_bytes(out.p, out.n,
		 "{\"m_p50\":0.4973,\"m_p01\":-3.00203,\"m_p999\":1.9892,\"m_p100\":1.9892}",
		 "quantiles out of one sketch");
	buf_fini(&out);
}

static void test_gathering(void)
{
	struct cell cell[] = {
		{ .column = { COLUMN_COUNT, slice_z("b.avg.n") }, .count = 2 },
		{ .column = { COLUMN_COUNT, slice_z("c.later.n") }, .count = 2 },
		{ .column = { COLUMN_COUNT, slice_z("d.avg.n") }, .count = 2 },
		{ .column = { COLUMN_SUM, slice_z("a.avg.sum") }, .value = 1 },
		{ .column = { COLUMN_SUM, slice_z("b.avg.sum") }, .value = 3000000000 },
		{ .column = { COLUMN_SUM, slice_z("d.avg.sum") }, .value = 4000000000 },
	};
	struct buf out = { 0 };

	fn_measures(cell, 6, 0, &out);
	is_bytes(out.p, out.n, "{\"b\":1.5,\"d\":2}", "known and whole ones only");
	ok(!fn_find(slice_z("median")) && fn_find(slice_z("arg_max")) == fn_all[0], "by name");
	buf_fini(&out);
}

int main(void)
{
	test_ratio();
	test_values();
	test_gathering();
	return done();
}
