/* Conditions over a batch: every node makes two sets of lines, those that hold and those that are
 * errors, out of the set that it is asked for. `and` asks its right side only for the lines that
 * hold on its left, `or` for those that do not: so a set does what jq does line by line.
 *
 *   .status >= 500 and (.path | startswith("/api"))
 *
 *      and           lines  11111111
 *      |- >= 500     holds  01010011
 *      `- starts     asked  01010011   holds  01000010   wrong  00000001
 *
 * Many values are decided by their types alone, by two sets of types that the parser made; the
 * others are compared in predicate_compare.c. */
#include "scan/predicate_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "scan/scan_internal.h"

const uint8_t predicate_class_of[] = {
	[FIELD_MISSING] = CLASS_NULL,   [FIELD_NULL] = CLASS_NULL,
	[FIELD_FALSE] = CLASS_FALSE,    [FIELD_TRUE] = CLASS_TRUE,
	[FIELD_NUMBER] = CLASS_NUMBER,  [FIELD_STRING] = CLASS_STRING,
	[FIELD_ESCAPED] = CLASS_STRING, [FIELD_ARRAY] = CLASS_ARRAY,
	[FIELD_OBJECT] = CLASS_OBJECT,
};

/* One call: what is judged, and where reasons go, NULL: nowhere. */
struct judging {
	struct predicate *p;
	const struct scan_batch *batch;
	size_t width;
	struct err *why;
};

void predicate_free(struct predicate *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->fields; i++) {
		path_fini(&p->field[i].path);
		scan_free(p->field[i].parents);
	}
	free(p->field);
	free(p->node);
	free(p->literal);
	arena_fini(&p->texts);
	buf_fini(&p->decoded);
	free(p);
}

size_t predicate_fields(const struct predicate *p)
{
	return p->fields;
}

const struct path *predicate_field(const struct predicate *p, size_t i)
{
	return &p->field[i].path;
}

void predicate_bind(struct predicate *p, const uint8_t *column)
{
	for (size_t i = 0; i < p->fields; i++)
		p->field[i].column = column[i];
}

/* ---- errors ---- */

static const char *type_name(uint32_t type)
{
	static const char *const name[] = {
		[CLASS_NULL] = "null",     [CLASS_FALSE] = "boolean", [CLASS_TRUE] = "boolean",
		[CLASS_NUMBER] = "number", [CLASS_STRING] = "string", [CLASS_ARRAY] = "array",
		[CLASS_OBJECT] = "object",
	};
	return name[predicate_class_of[type]];
}

/* The scan for the paths above the field's. */
static struct scan *parents_of(struct predicate_field *field)
{
	struct path parent[PATH_STEPS];
	for (unsigned i = 0; i + 1 < field->path.n; i++) {
		parent[i] = field->path;
		parent[i].n = i + 1;
	}
	if (!field->parents)
		field->parents = scan_new(parent, field->path.n - 1, NULL);
	return field->parents;
}

/* The step of the path whose parent has no members in that line, with the parent's type; 0: all
 * have, or are null. The field is missing. */
static unsigned barred_step(struct judging *j, struct predicate_field *field, unsigned line,
			    uint32_t *type)
{
	struct scan_batch one;
	unsigned step = field->path.n;
	scan_lines(parents_of(field), j->batch->start[line], j->batch->length[line] + 1, &one);
	while (--step > 0 && one.field[step - 1].type == FIELD_MISSING)
		;
	*type = step ? one.field[step - 1].type : FIELD_NULL;
	return *type == FIELD_NULL || *type == FIELD_OBJECT ? 0 : step;
}

static void explain_step(struct judging *j, const struct predicate_node *node, unsigned step,
			 uint32_t type)
{
	const struct path *path = &j->p->field[node->field].path;
	if (node->kind == NODE_HAS && step + 1 == path->n)
		err_set(j->why, EX_DATAERR, "Cannot check whether %s has a string key",
			type_name(type));
	else
		err_set(j->why, EX_DATAERR, "Cannot index %s with string \"%.*s\"", type_name(type),
			(int)path->step[step].n, path->step[step].p);
}

/* Those of the lines, whose field is missing, where that is an error. */
static uint64_t wrong_parents(struct judging *j, const struct predicate_node *node, uint64_t lines)
{
	uint64_t wrong = 0;
	for_each_line(i, lines)
	{
		uint32_t type;
		unsigned step = barred_step(j, &j->p->field[node->field], i, &type);
		if (step == 0)
			continue;
		wrong |= BIT(i);
		if (j->why && !j->why->code)
			explain_step(j, node, step, type);
	}
	return wrong;
}

/* ---- nodes ---- */

/* Lines by what their types say. */
struct by_type {
	uint64_t holds, compares, wrong, missing;
};

static always_inline struct by_type sort_lines(const struct predicate_node *node,
					       struct value_column c, uint64_t lines)
{
	struct by_type sets = { 0 };
	for_each_line(i, lines)
	{
		uint32_t type = c.field[i * c.width].type;
		sets.holds |= (uint64_t)(node->holds >> type & 1) << i;
		sets.compares |= (uint64_t)(node->compares >> type & 1) << i;
		sets.wrong |= (uint64_t)(node->wrong >> type & 1) << i;
		sets.missing |= (uint64_t)(type == FIELD_MISSING) << i;
	}
	return sets;
}

uint64_t predicate_of_type(struct value_column c, uint64_t lines, uint32_t type)
{
	uint64_t set = 0;
	for_each_line(i, lines) set |= (uint64_t)(c.field[i * c.width].type == type) << i;
	return set;
}

/* Whether all lines are of the one type. */
static always_inline bool all_of_type(struct value_column c, uint64_t lines, uint32_t type)
{
	uint32_t other = 0;
	for_each_line(i, lines) other |= c.field[i * c.width].type ^ type;
	return other == 0;
}

/* The values that have to be looked at: numbers and texts. */
static struct predicate_sets judge_values(struct judging *j, const struct predicate_node *node,
					  struct value_column c, uint64_t lines)
{
	uint64_t numbers = 0;
	struct predicate_sets sets = { 0 };
	if (node->compares >> FIELD_NUMBER & 1)
		numbers = node->compares & TYPES_STRING ? predicate_of_type(c, lines, FIELD_NUMBER)
							: lines;
	if (lines & ~numbers)
		sets = predicate_texts(j->p, node, c, lines & ~numbers, j->why);
	if (numbers)
		sets.holds |= predicate_numbers(j->p, node, c, numbers);
	return sets;
}

static struct predicate_sets judge_types(struct judging *j, const struct predicate_node *node,
					 struct value_column c, uint64_t lines)
{
	struct by_type by = sort_lines(node, c, lines);
	struct predicate_sets sets = { by.holds, by.wrong }, values;
	if (by.missing && j->p->field[node->field].path.n > 1)
		sets.wrong |= wrong_parents(j, node, by.missing);
	values = judge_values(j, node, c, by.compares);
	sets.holds |= values.holds;
	sets.wrong |= values.wrong;
	sets.holds &= ~sets.wrong;
	if (unlikely(by.wrong && j->why && !j->why->code))
		err_set(j->why, EX_DATAERR, "%s() requires string inputs",
			node->kind == NODE_STARTS ? "startswith" : "endswith");
	return sets;
}

/* Mostly all lines have a value of the literal's own type. */
static struct predicate_sets judge_field(struct judging *j, const struct predicate_node *node,
					 uint64_t lines)
{
	struct value_column c = { j->batch->field + j->p->field[node->field].column, j->width };
	uint32_t type = node->compares >> FIELD_NUMBER & 1 ? FIELD_NUMBER : FIELD_STRING;
	return node->compares && all_of_type(c, lines, type) ? judge_values(j, node, c, lines)
							     : judge_types(j, node, c, lines);
}

static struct predicate_sets judge_node(struct judging *j, uint32_t at, uint64_t lines)
{
	const struct predicate_node *node = &j->p->node[at];
	if (lines == 0)
		return (struct predicate_sets){ 0 };
	if (node->kind >= NODE_TYPE)
		return judge_field(j, node, lines);
	struct predicate_sets sets = judge_node(j, node->a, lines), right;
	if (node->kind == NODE_NOT) {
		sets.holds = lines & ~(sets.holds | sets.wrong);
		return sets;
	}
	bool both = node->kind == NODE_AND;
	right = judge_node(j, node->b, both ? sets.holds : lines & ~(sets.holds | sets.wrong));
	sets.holds = both ? right.holds : sets.holds | right.holds;
	sets.wrong |= right.wrong;
	return sets;
}

static struct predicate_sets judge(struct judging *j, uint64_t lines)
{
	return judge_node(j, (uint32_t)j->p->nodes - 1, lines);
}

struct predicate_sets predicate_run(struct predicate *p, const struct scan_batch *batch,
				    size_t width, uint64_t lines)
{
	struct judging j = { .p = p, .batch = batch, .width = width };
	return judge(&j, lines);
}

void predicate_why(struct predicate *p, const struct scan_batch *batch, size_t width, unsigned line,
		   struct err *why)
{
	struct judging j = { .p = p, .batch = batch, .width = width, .why = why };
	err_clear(why);
	judge(&j, BIT(line));
}
