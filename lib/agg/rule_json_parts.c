/* The parts of a rule in JSON that are objects of their own: dimensions, measures, tests. A member
 * that a table has is taken by its function; a measure has one member besides, its operation. */
#include "agg/rule_internal.h"

#include "row/columns.h"

/* ---- dimensions */

static int dim_path(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_path(r, at, &((struct rule_dim *)into)->path);
}

static int dim_as(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a name", &((struct rule_dim *)into)->as);
}

static int dim_lower(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_bool(r, at, &((struct rule_dim *)into)->lower);
}

static int dim_explode(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_bool(r, at, &((struct rule_dim *)into)->explode);
}

static int dim_max(struct rule_reader *r, void *into, uint32_t at)
{
	uint64_t bytes;

	if (rule_take_count(r, at, 1, &bytes))
		return -1;
	if (bytes > UINT32_MAX)
		return rule_wrong_type(r, at, "a number of bytes");
	((struct rule_dim *)into)->bytes_max = (uint32_t)bytes;
	return 0;
}

static int dim_class(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule_dim *d = into;
	uint64_t step;

	if (r->json.node[at].type == JSON_ARRAY) {
		if (rule_take_numbers(r, at, &d->bound, &d->bounds))
			return -1;
		for (size_t i = 1; i < d->bounds; i++)
			if (d->bound[i] <= d->bound[i - 1])
				return rule_wrong_type(r, at, "bounds in ascending order");
		return d->bounds ? 0 : rule_wrong_type(r, at, "at least one bound");
	}
	if (rule_take_count(r, at, 1, &step))
		return -1;
	if (step != 10 && step != 100 && step != 1000)
		return rule_wrong_type(r, at,
				       "10, 100 or 1000 (classes such as \"5xx\"), or an array "
				       "of bounds");
	d->class_step = (uint32_t)step;
	return 0;
}

static const struct rule_member dim_members[] = {
	{ "path", dim_path }, { "as", dim_as },       { "lower", dim_lower },
	{ "max", dim_max },   { "class", dim_class }, { "explode", dim_explode },
	{ NULL, NULL },
};

int rule_take_dim(struct rule_reader *r, struct rule_dim *d, uint32_t at)
{
	if (r->json.node[at].type == JSON_STRING)
		return rule_take_path(r, at, &d->path);
	if (rule_take_members(r, dim_members, d, at, "a path, or an object with \"path\""))
		return -1;
	return d->path.p ? 0 : rule_wrong_type(r, at, "an object with \"path\"");
}

/* ---- measures */

static int measure_where(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a condition such as \".status >= 500\"",
			      &((struct rule_measure *)into)->where);
}

static int measure_by(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_path(r, at, &((struct rule_measure *)into)->by);
}

static int measure_numbers(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule_measure *m = into;

	if (m->args)
		return rule_wrong_type(r, at, "\"at\" or \"bounds\", not both");
	return rule_take_numbers(r, at, &m->arg, &m->args);
}

static const struct rule_member measure_members[] = {
	{ "where", measure_where },    { "by", measure_by }, { "at", measure_numbers },
	{ "bounds", measure_numbers }, { NULL, NULL },
};

/* Finds the member that names the operation: the one that is not in the table. */
static int find_operation(struct rule_reader *r, uint32_t at, uint32_t *op)
{
	const struct json *j = &r->json;

	*op = 0;
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next) {
		if (rule_find_member(j, measure_members, i))
			continue;
		if (*op)
			return rule_fail_at(r, j->node[i].text.p,
					    "a measure has one operation, this is a second one");
		if (!rule_op_find(j->node[i].text)) {
			rule_op_unknown(j->node[i].text, EX_CONFIG, r->err);
			return rule_place_error(r, i);
		}
		*op = i;
	}
	return *op ? 0 : rule_wrong_type(r, at, "an operation and its path: {\"sum\":\"price\"}");
}

static int take_measure_object(struct rule_reader *r, struct rule_measure *m, uint32_t at)
{
	const struct json *j = &r->json;
	uint32_t op;

	if (rule_check_twins(r, at) || find_operation(r, at, &op))
		return -1;
	m->op = arena_copy(&r->set->arena, j->node[op].text);
	if (j->node[op + 1].type != JSON_TRUE && rule_take_path(r, op + 1, &m->path))
		return -1;
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i + 1].next)
		if (i != op && rule_find_member(j, measure_members, i)->take(r, m, i + 1))
			return -1;
	return 0;
}

int rule_take_measure(struct rule_reader *r, struct rule_measure *m, uint32_t at)
{
	if (json_is(&r->json, at, slice_z("count"))) {
		m->op = arena_copy(&r->set->arena, slice_z("count"));
		return 0;
	}
	if (r->json.node[at].type != JSON_OBJECT)
		return rule_wrong_type(r, at,
				       "\"count\", or an operation and its path: "
				       "{\"sum\":\"price\"}");
	if (take_measure_object(r, m, at))
		return -1;
	return rule_measure_check(m, EX_CONFIG, r->err) ? rule_place_error(r, at) : 0;
}

/* ---- tests */

static int test_name(struct rule_reader *r, void *into, uint32_t at)
{
	return rule_take_text(r, at, "a name", &((struct rule_test *)into)->name);
}

/* A copy in one line: line ends in JSON are white space, in its strings there are none. */
static struct slice copy_in_line(struct rule_reader *r, struct slice json)
{
	char *p = arena_alloc(&r->set->arena, json.n);

	for (size_t i = 0; i < json.n; i++)
		p[i] = json.p[i] == '\n' || json.p[i] == '\r' ? ' ' : json.p[i];
	return slice(p, json.n);
}

/* A line stands in its JSON form: a string is the line's text, an object the line itself. */
static int test_in(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule_test *t = into;
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_ARRAY)
		return rule_wrong_type(r, at, "an array of lines");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		struct rule_input *in;
		uint32_t file = json_get(j, i, "file");

		t->in = rule_grow(&r->set->arena, t->in, t->inputs, sizeof(*t->in));
		in = &t->in[t->inputs++];
		if (file && j->node[i].next == file + 1 && j->node[i].type == JSON_OBJECT) {
			in->file = true;
			if (rule_take_text(r, file, "a file's name", &in->text))
				return -1;
		} else if (j->node[i].type == JSON_STRING) {
			if (rule_take_text(r, i, "a line", &in->text))
				return -1;
		} else if (j->node[i].type == JSON_OBJECT) {
			in->text = copy_in_line(r, j->node[i].text);
		} else {
			return rule_wrong_type(r, i,
					       "a line (a string or an object), or "
					       "{\"file\":NAME}");
		}
	}
	return t->inputs ? 0 : rule_wrong_type(r, at, "an array of at least one line");
}

static int test_rows(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule_test *t = into;
	const struct json *j = &r->json;

	if (j->node[at].type != JSON_ARRAY)
		return rule_wrong_type(r, at, "an array of rows");
	for (uint32_t i = json_first(j, at); i < j->node[at].next; i = j->node[i].next) {
		if (j->node[i].type != JSON_OBJECT)
			return rule_wrong_type(r, i, "a row, which is an object");
		t->row = rule_grow(&r->set->arena, t->row, t->rows, sizeof(*t->row));
		t->row[t->rows++] = copy_in_line(r, j->node[i].text);
	}
	return 0;
}

static int test_late(struct rule_reader *r, void *into, uint32_t at)
{
	((struct rule_test *)into)->has_late = true;
	return rule_take_count(r, at, 0, &((struct rule_test *)into)->late);
}

static int test_dead(struct rule_reader *r, void *into, uint32_t at)
{
	((struct rule_test *)into)->has_dead = true;
	return rule_take_count(r, at, 0, &((struct rule_test *)into)->dead);
}

static int test_match(struct rule_reader *r, void *into, uint32_t at)
{
	struct rule_test *t = into;

	t->exact = json_is(&r->json, at, slice_z("exact"));
	return t->exact || json_is(&r->json, at, slice_z("subset"))
		       ? 0
		       : rule_wrong_type(r, at, "\"subset\" or \"exact\"");
}

static const struct rule_member test_members[] = {
	{ "name", test_name }, { "in", test_in },     { "rows", test_rows },
	{ "late", test_late }, { "dead", test_dead }, { "match", test_match },
	{ NULL, NULL },
};

int rule_take_test(struct rule_reader *r, struct rule_test *t, uint32_t at)
{
	if (rule_take_members(r, test_members, t, at, "a test, which is an object"))
		return -1;
	return t->name.p && t->in ? 0 : rule_wrong_type(r, at, "a test with \"name\" and \"in\"");
}
