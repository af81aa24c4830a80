/* Cells are kept in the order of their columns (rule, name), so that two rows of a metric are
 * merged cell by cell. Rows carry few columns and always write them in that order: reading finds
 * them sorted, and the insertion sort moves nothing. Cost: one look at each member, no
 * allocation. */
#include "row/columns.h"

#include <string.h>

const char *const column_rules[COLUMN_RULES] = {
	[COLUMN_COUNT] = "count",
	[COLUMN_SUM] = "sum",
	[COLUMN_MIN] = "min",
	[COLUMN_MAX] = "max",
	[COLUMN_QUANTILES] = "quantiles",
	[COLUMN_HLL] = "hll",
	[COLUMN_SET] = "set",
	[COLUMN_LOWEST] = "lowest",
	[COLUMN_HIGHEST] = "highest",
};

/* ---- names */

static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], letter = (char)(c | 0x20);

		if (!(letter >= 'a' && letter <= 'z') && c != '_' && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return s.n > 0;
}

bool measure_name_ok(struct slice name)
{
	return name.n <= 63 && is_word(name);
}

bool column_name_parse(struct slice name, struct column_name *out)
{
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL, *second,
		   *end = name.p + name.n;

	second = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
	if (!second)
		return false;
	out->measure = slice(name.p, (size_t)(dot - name.p));
	out->operation = slice(dot + 1, (size_t)(second - dot - 1));
	out->part = slice(second + 1, (size_t)(end - second - 1));
	return measure_name_ok(out->measure) && is_word(out->operation) && is_word(out->part);
}

int column_cmp(const struct column *a, const struct column *b)
{
	return a->rule != b->rule ? (a->rule > b->rule) - (a->rule < b->rule)
				  : slice_cmp(a->name, b->name);
}

/* ---- merging */

static bool merge_sketches(struct cell *a, const struct cell *b, struct arena *arena)
{
	enum sketch_kind kind = (enum sketch_kind)(a->column.rule - COLUMN_QUANTILES);
	struct buf merged = { 0 };
	bool good = sketch_merge_bytes(kind, a->sketch, b->sketch, &merged);

	if (good)
		a->sketch = arena_copy(arena, buf_slice(&merged));
	buf_fini(&merged);
	return good;
}

void cell_copy(struct cell *to, const struct cell *from, struct arena *arena)
{
	struct column column = to->column;

	*to = *from;
	to->column = column;
	if (!from->empty && column_is_sketch(column.rule))
		to->sketch = arena_copy(arena, from->sketch);
}

bool cell_merge(struct cell *a, const struct cell *b, struct arena *arena)
{
	if (b->empty)
		return true;
	if (a->empty) {
		cell_copy(a, b, arena);
		return true;
	}
	switch (a->column.rule) {
	case COLUMN_COUNT: {
		uint64_t sum;

		if (__builtin_add_overflow(a->count, b->count, &sum))
			return false;
		a->count = sum;
		return true;
	}
	case COLUMN_SUM:
		return dec_add(&a->value, b->value);
	case COLUMN_MIN:
		a->value = b->value < a->value ? b->value : a->value;
		return true;
	case COLUMN_MAX:
		a->value = b->value > a->value ? b->value : a->value;
		return true;
	case COLUMN_QUANTILES:
	case COLUMN_HLL:
	case COLUMN_SET:
	case COLUMN_LOWEST:
	case COLUMN_HIGHEST:
		return merge_sketches(a, b, arena);
	case COLUMN_RULES:
		break;
	}
	return false;
}

bool cell_equal(const struct cell *a, const struct cell *b)
{
	if (column_cmp(&a->column, &b->column) || a->empty != b->empty)
		return false;
	if (a->empty)
		return true;
	if (column_is_sketch(a->column.rule))
		return slice_eq(a->sketch, b->sketch);
	return a->column.rule == COLUMN_COUNT ? a->count == b->count : a->value == b->value;
}

/* ---- reading */

static enum column_rule rule_of(const struct json *j, uint32_t at)
{
	unsigned rule = 0;

	while (rule < COLUMN_RULES && !json_is(j, at, slice_z(column_rules[rule])))
		rule++;
	return rule;
}

static int bad_column(struct err *err, const struct json *j, uint32_t at, const char *what)
{
	struct slice s = j->node[at].text;

	return err_set(err, EX_DATAERR, "columns: %.*s%s", (int)(s.n > 80 ? 80 : s.n), s.p, what);
}

/* Puts a column at its place. False: it stands there already. */
static bool insert_cell(struct cell *out, size_t n, const struct cell *c)
{
	size_t i = n;
	int order = 1;

	while (i > 0 && (order = column_cmp(&out[i - 1].column, &c->column)) > 0)
		i--;
	if (i > 0 && order == 0)
		return false;
	memmove(out + i + 1, out + i, (n - i) * sizeof(*out));
	out[i] = *c;
	return true;
}

static int parse_sketch(const struct json *j, uint32_t key, struct cell *c, struct buf *scratch,
			struct err *err)
{
	const struct json_node *value = &j->node[key + 1];
	size_t before = scratch->n;

	if (value->type != JSON_STRING || value->escaped || !value->text.n ||
	    str_unbase64(value->text, scratch))
		return bad_column(err, j, key, " is not base64");
	c->sketch = slice(scratch->p + before, scratch->n - before);
	return 0;
}

static int parse_cell(const struct json *j, uint32_t key, enum column_rule rule, struct cell *c,
		      struct buf *scratch, struct err *err)
{
	struct column_name parts;
	uint32_t value = key + 1;

	*c = (struct cell){ .column = { rule, j->node[key].text } };
	c->empty = rule >= COLUMN_MIN && j->node[value].type == JSON_NULL;
	if (j->node[key].escaped || !column_name_parse(c->column.name, &parts))
		return bad_column(err, j, key, ": a column is called MEASURE.OPERATION.PART");
	if (column_is_sketch(rule))
		return c->empty ? 0 : parse_sketch(j, key, c, scratch, err);
	if (rule == COLUMN_COUNT && !json_u64(j, value, &c->count))
		return bad_column(err, j, key, " is not a count");
	if (rule != COLUMN_COUNT && !c->empty && !json_dec(j, value, &c->value))
		return bad_column(err, j, key, " is not a number or out of range");
	return 0;
}

static int parse_rule(const struct json *j, uint32_t at, enum column_rule rule, struct cell *out,
		      size_t *n, struct buf *scratch, struct err *err)
{
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next) {
		struct cell c;

		if (*n == COLUMNS_MAX)
			return err_set(err, EX_DATAERR, "columns: more than %d", COLUMNS_MAX);
		if (parse_cell(j, i, rule, &c, scratch, err))
			return -1;
		if (!insert_cell(out, *n, &c))
			return bad_column(err, j, i, " stands twice");
		(*n)++;
	}
	return 0;
}

int cells_parse(const struct json *j, uint32_t at, struct cell out[COLUMNS_MAX], size_t *n,
		struct buf *scratch, struct err *err)
{
	*n = 0;
	if (j->node[at].type != JSON_OBJECT)
		return err_set(err, EX_DATAERR, "columns: not an object");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next) {
		enum column_rule rule = rule_of(j, i);

		if (json_is(j, i, slice_z("estimates")))
			continue;
		if (rule == COLUMN_RULES)
			return bad_column(err, j, i, " is no rule that this program knows");
		if (j->node[i + 1].type != JSON_OBJECT)
			return bad_column(err, j, i, " is not an object");
		if (parse_rule(j, i + 1, rule, out, n, scratch, err))
			return -1;
	}
	return 0;
}

int columns_parse(const struct json *j, uint32_t at, struct column out[COLUMNS_MAX], size_t *n,
		  struct err *err)
{
	*n = 0;
	if (j->node[at].type != JSON_ARRAY)
		return err_set(err, EX_DATAERR, "columns: not an array");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		uint32_t rule_at = json_first(j, i), name_at = rule_at + 1;
		struct column_name parts;
		enum column_rule rule;

		if (j->node[i].type != JSON_ARRAY || j->node[i].next != i + 3 ||
		    (rule = rule_of(j, rule_at)) == COLUMN_RULES || j->node[name_at].escaped ||
		    !column_name_parse(j->node[name_at].text, &parts))
			return bad_column(err, j, i, " is no column that this program knows");
		if (*n == COLUMNS_MAX)
			return err_set(err, EX_DATAERR, "columns: more than %d", COLUMNS_MAX);
		out[(*n)++] = (struct column){ rule, j->node[name_at].text };
	}
	return 0;
}

size_t columns_first_sketch(const struct cell *cell, size_t n)
{
	size_t first = n;

	while (first > 0 && column_is_sketch(cell[first - 1].column.rule))
		first--;
	return first;
}

/* ---- writing */

static void format_cell(const struct cell *c, struct buf *out)
{
	buf_addc(out, '"');
	buf_adds(out, c->column.name);
	buf_addz(out, "\":");
	if (c->empty) {
		buf_addz(out, "null");
	} else if (c->column.rule == COLUMN_COUNT) {
		buf_addu(out, c->count);
	} else if (column_is_sketch(c->column.rule)) {
		buf_addc(out, '"');
		buf_base64(out, c->sketch.p, c->sketch.n);
		buf_addc(out, '"');
	} else {
		buf_addc(out, '"');
		out->n += dec_text(c->value, buf_room(out, DEC_TEXT_BYTES));
		buf_addc(out, '"');
	}
}

void cells_format(const struct cell *cell, size_t n, struct buf *out)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || cell[i - 1].column.rule != cell[i].column.rule;

		if (first) {
			buf_addz(out, i ? "},\"" : "\"");
			buf_addz(out, column_rules[cell[i].column.rule]);
			buf_addz(out, "\":{");
		} else {
			buf_addc(out, ',');
		}
		format_cell(&cell[i], out);
	}
	buf_addz(out, n ? "}}" : "}");
}

void columns_format(const struct column *column, size_t n, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		buf_addz(out, i ? ",[\"" : "[\"");
		buf_addz(out, column_rules[column[i].rule]);
		buf_addz(out, "\",\"");
		buf_adds(out, column[i].name);
		buf_addz(out, "\"]");
	}
	buf_addc(out, ']');
}
