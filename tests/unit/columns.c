#include "row/columns.h"
#include "tap.h"

#include <stdlib.h>

#include "sketch/held.h"

/* Reads and writes again; out gets the text, or the reason with a "!" in front. */
static void again(const char *text, struct buf *out)
{
	struct json j = { 0 };
	struct cell *cell = malloc(COLUMNS_MAX * sizeof(*cell));
	struct buf scratch = { 0 };
	struct err err = ERR_INIT;
	size_t n;

	out->n = 0;
	buf_room(&scratch, slice_z(text).n);
	if (json_parse(&j, slice_z(text), &err) || cells_parse(&j, 0, cell, &n, &scratch, &err))
		buf_printf(out, "!%s", err.msg);
	else
		cells_format(cell, n, out);
	free(cell);
	buf_fini(&scratch);
	json_fini(&j);
}

static void test_texts(void)
{
	static const struct {
		const char *in, *out /* NULL: the same */;
	} rows[] = {
		{ "{}", NULL },
		{ "{\"count\":{\"a.avg.n\":3},\"sum\":{\"a.avg.sum\":\"12.5\"}}", NULL },
		{ "{\"min\":{\"a.min.v\":\"-0.5\"},\"max\":{\"a.max.v\":null}}", NULL },
		{ "{\"sum\":{\"b.s.x\":\"1\",\"a.s.x\":2.50},\"count\":{\"c.n.n\":\"4\"}}",
		  "{\"count\":{\"c.n.n\":4},\"sum\":{\"a.s.x\":\"2.5\",\"b.s.x\":\"1\"}}" },
		{ "{\"count\":{\"a.n.n\":18446744073709551615}}", NULL },
		{ "{\"sum\":{\"a.n.n\":\"123456789012345678901234567890.123456789\"}}", NULL },
		{ "{\"quantiles\":{\"a.p9.s\":null},\"hll\":{\"a.u.s\":\"AQ==\"},\"set\":{\"a.e."
		  "s\":\"AQAA\",\"b.e.s\":\"AQ==\"}}",
		  NULL },
		{ "{\"lowest\":{\"a.first.held\":null},\"highest\":{\"b.last.held\":\"AQ==\"}}",
		  NULL },
		{ "{\"hll\":{\"a.b.c\":\"?\"}}", "!columns: a.b.c is not base64" },
		{ "{\"hll\":{\"a.b.c\":\"\"}}", "!columns: a.b.c is not base64" },
		{ "{\"set\":{\"a.b.c\":7}}", "!columns: a.b.c is not base64" },
		{ "[]", "!columns: not an object" },
		{ "{\"median\":{}}", "!columns: median is no rule that this program knows" },
		{ "{\"sum\":[]}", "!columns: sum is not an object" },
		{ "{\"sum\":{\"a\":\"1\"}}",
		  "!columns: a: a column is called MEASURE.OPERATION.PART" },
		{ "{\"sum\":{\"1a.b.c\":\"1\"}}",
		  "!columns: 1a.b.c: a column is called MEASURE.OPERATION.PART" },
		{ "{\"sum\":{\"a.b.c.d\":\"1\"}}",
		  "!columns: a.b.c.d: a column is called MEASURE.OPERATION.PART" },
		{ "{\"sum\":{\"a.b.c\":\"x\"}}",
		  "!columns: a.b.c is not a number or out of range" },
		{ "{\"count\":{\"a.b.c\":null}}", "!columns: a.b.c is not a count" },
		{ "{\"sum\":{\"a.b.c\":null}}", "!columns: a.b.c is not a number or out of range" },
		{ "{\"count\":{\"a.b.c\":-1}}", "!columns: a.b.c is not a count" },
		{ "{\"sum\":{\"a.b.c\":\"1\",\"a.b.c\":\"2\"}}", "!columns: a.b.c stands twice" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		again(rows[i].in, &out);
		is_bytes(out.p, out.n, rows[i].out ? rows[i].out : rows[i].in, rows[i].in);
	}
	buf_fini(&out);
}

static void test_limit(void)
{
	struct buf text = { 0 }, out = { 0 };

	for (int n = COLUMNS_MAX; n <= COLUMNS_MAX + 1; n++) {
		text.n = 0;
		for (int i = 0; i < n; i++)
			buf_printf(&text, "%s\"a.b.x%d\":1", i ? "," : "{\"count\":{", i);
		buf_addz(&text, "}}");
		buf_addc(&text, 0);
		again(text.p, &out);
		ok((out.p[0] == '!') == (n > COLUMNS_MAX), "%d columns", n);
	}
	buf_fini(&text);
	buf_fini(&out);
}

static struct cell number(enum column_rule rule, int64_t nano)
{
	return (struct cell){ .column = { rule, slice_z("a.b.c") }, .value = nano };
}

static void test_merge(void)
{
	struct cell a = number(COLUMN_SUM, 5), b = number(COLUMN_SUM, 7);
	struct cell n = { .column = { COLUMN_COUNT, slice_z("a.b.c") }, .count = UINT64_MAX - 1 },
		    one = n;

	ok(cell_merge(&a, &b, NULL) && a.value == 12, "sums add");
	a.value = DEC_MAX;
	ok(!cell_merge(&a, &b, NULL) && a.value == DEC_MAX,
	   "a sum beyond the range changes nothing");
	a = number(COLUMN_MIN, 5), b = number(COLUMN_MIN, -7);
	ok(cell_merge(&a, &b, NULL) && a.value == -7 && cell_merge(&b, &a, NULL) && b.value == -7,
	   "the lower one");
	a = number(COLUMN_MAX, 5), b = number(COLUMN_MAX, -7);
	ok(cell_merge(&a, &b, NULL) && a.value == 5 && cell_merge(&b, &a, NULL) && b.value == 5,
	   "the higher one");
	b.empty = true;
	ok(cell_merge(&a, &b, NULL) && a.value == 5 && !a.empty, "nothing from an empty one");
	ok(cell_merge(&b, &a, NULL) && b.value == 5 && !b.empty, "an empty one takes the other");
	one.count = 1;
	ok(cell_merge(&n, &one, NULL) && n.count == UINT64_MAX && !cell_merge(&n, &one, NULL),
	   "counts add, to their end");
	ok(!cell_equal(&a, &n) && cell_equal(&a, &b), "equal");
}

enum { ITEMS = 300, PARTS = 5 };

static struct cell sketch_cell(enum column_rule rule, const void *sketch, struct arena *a)
{
	struct cell c = { .column = { rule, slice_z("a.b.c") }, .empty = !sketch };
	struct buf b = { 0 };

	if (sketch)
		column_sketch(rule)->encode(sketch, &b);
	c.sketch = arena_copy(a, buf_slice(&b));
	buf_fini(&b);
	return c;
}

/* The items in some order over some cells, which are merged in some order. */
static struct cell merge_somehow(enum column_rule rule, const uint64_t *item, struct arena *a)
{
	const struct sketch_ops *ops = column_sketch(rule);
	void *part[PARTS] = { 0 };
	struct cell all = sketch_cell(rule, NULL, a);
	int first = rand() % ITEMS, step = rand() % 2 ? 7 : 11, begin = rand() % PARTS;

	for (int i = 0; i < ITEMS; i++) {
		void **p = &part[rand() % PARTS];

		if (!*p)
			*p = ops->new ();
		ops->add(*p, item[(first + i * step) % ITEMS]);
	}
	for (int i = 0; i < PARTS; i++) {
		int at = (begin + i) % PARTS;
		struct cell c = sketch_cell(rule, part[at], a);

		ok(cell_merge(&all, &c, a), "merged");
		if (part[at])
			ops->free(part[at]);
	}
	return all;
}

/* The address of a candidate by chance. */
static uint64_t candidate_item(struct slice *candidate, struct arena *a)
{
	struct held_value by = { .type = HELD_NONE }, value = { .type = HELD_TRUE };
	struct buf b = { 0 };

	held_candidate(by, rand(), value, &b);
	*candidate = arena_copy(a, buf_slice(&b));
	buf_fini(&b);
	return (uint64_t)(uintptr_t)candidate;
}

static void test_sketches(void)
{
	struct arena a = { 0 };
	struct cell bad = { .column = { COLUMN_SET, slice_z("a.b.c") }, .sketch = slice_z("?") };

	for (enum column_rule rule = COLUMN_QUANTILES; rule < COLUMN_RULES; rule++) {
		uint64_t item[ITEMS];
		struct slice candidate[ITEMS];
		struct cell first, other;

		for (int i = 0; i < ITEMS; i++)
			item[i] = rule == COLUMN_QUANTILES
					  ? (uint64_t)(rand() % 16000)
					  : (uint64_t)rand() << 32 | (unsigned)rand();
		for (int i = 0; i < ITEMS && rule >= COLUMN_LOWEST; i++)
			item[i] = candidate_item(&candidate[i], &a);
		first = merge_somehow(rule, item, &a);
		for (int i = 0; i < 5; i++) {
			other = merge_somehow(rule, item, &a);
			ok(cell_equal(&first, &other), "%s: any order, split and merge",
			   column_rules[rule]);
		}
	}
	{
		struct cell good = sketch_cell(COLUMN_SET, NULL, &a), was;

		ok(cell_merge(&good, &bad, &a) && cell_equal(&good, &bad) &&
			   good.sketch.p != bad.sketch.p,
		   "an empty one takes a copy");
		was = good;
		ok(!cell_merge(&good, &bad, &a) && cell_equal(&good, &was), "no sketch");
	}
	arena_fini(&a);
}

static void test_names(void)
{
	struct column_name c;

	ok(column_name_parse(slice_z("lat_ms.avg.sum"), &c) && slice_is(c.measure, "lat_ms") &&
		   slice_is(c.operation, "avg") && slice_is(c.part, "sum"),
	   "the parts of a name");
	ok(!column_name_parse(slice_z("a.avg"), &c) && !column_name_parse(slice_z(""), &c) &&
		   !column_name_parse(slice_z("a..c"), &c) &&
		   !column_name_parse(slice_z("\xc3\xa9.b.c"), &c),
	   "no names");
	ok(measure_name_ok(slice_z("_x9")) && !measure_name_ok(slice_z("9x")) &&
		   !measure_name_ok(slice_z("")),
	   "measures");
	ok(measure_name_ok(
		   slice_z("a23456789012345678901234567890123456789012345678901234567890123")) &&
		   !measure_name_ok(slice_z(
			   "a234567890123456789012345678901234567890123456789012345678901234")),
	   "63 bytes");
}

static void test_lists(void)
{
	static const char text[] = "[[\"count\",\"a.avg.n\"],[\"sum\",\"a.avg.sum\"]]";
	static const char *const bad[] = { "{}",
					   "[1]",
					   "[[\"sum\"]]",
					   "[[\"sum\",\"a\"]]",
					   "[[\"med\",\"a.b.c\"]]",
					   "[[\"sum\",\"a.b.c\",1]]",
					   "[[]]" };
	struct column column[COLUMNS_MAX];
	struct json j = { 0 };
	struct buf out = { 0 };
	size_t n;

	ok(json_parse(&j, slice_z(text), NULL) == 0 &&
		   columns_parse(&j, 0, column, &n, NULL) == 0 && n == 2,
	   "a list");
	columns_format(column, n, &out);
	is_bytes(out.p, out.n, text, "the same again");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(json_parse(&j, slice_z(bad[i]), NULL) == 0 &&
			   columns_parse(&j, 0, column, &n, NULL),
		   "no list: %s", bad[i]);
	buf_fini(&out);
	json_fini(&j);
}

int main(void)
{
	test_texts();
	test_limit();
	test_merge();
	test_sketches();
	test_names();
	test_lists();
	return done();
}
