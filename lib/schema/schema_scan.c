/* From a schema to the paths of scalars below its root, and to what must hold of each:
 *
 *   {"type":"object","required":["ts"],           ."ts"               present; string, date-time
 *    "properties":{"ts":{"type":"string",..},     ."payload"."price"  number, minimum
 *      "payload":{"type":"object",..},
 *      "tags":{..}}}                              ."tags"             the schema, by its text
 *
 * Only that a line is valid is ever said, and only where that is certain. A value that needs more
 * (a string with escapes, an object all of whose wanted members are missing) leaves the line to
 * schema_check_text. That an object is one is seen by its members: the scanner finds a.b only where
 * a is an object, so the object's own field is not asked for, which would cost the scanner its
 * learned order. A schema whose members cannot all be named (additionalProperties, anyOf at the
 * root) has no quick way; below the root such a value is judged alone, by its text. */
#include <stdlib.h>

#include "base/mem.h"
#include "schema/schema_internal.h"

enum { NEST_MAX = 6, LOOKS_MAX = 10000 };

/* What must hold of a field. */
struct field_rule {
	uint32_t field;
	bool required;
	uint32_t whole;    /* a schema for the value's text; NO_SCHEMA */
	uint32_t first, n; /* leaves */
};

/* An object: one of these fields must be there. */
struct field_group {
	uint32_t first, n; /* rules */
};

struct file_plan {
	bool has;
	/* else why: a limit, or the node of the keyword's value */
	const char *limit;
	uint32_t doc, at;
	struct field_rule *rule;
	size_t rules, rules_cap;
	struct field_group *group;
	size_t groups, groups_cap;
};

struct schema_scan {
	const struct schema_set *set;
	char **path; /* NULL behind the last */
	size_t paths;
	const struct schema_op **leaf;
	size_t leaves, leaves_cap;
	struct file_plan *plan; /* by file */
};

/* A plan at work. */
struct planner {
	struct schema_scan *s;
	struct file_plan *plan;
	unsigned left; /* schemas that may still be looked at; 0: there is no plan */
};

/* None where too many were looked at: references can multiply. */
static const struct schema_op *ops_of(struct planner *p, uint32_t schema, uint32_t *n)
{
	const struct schema_code *code = &p->s->set->code[schema];

	p->left -= p->left > 0;
	*n = p->left ? code->n : 0;
	return p->s->set->op + code->first;
}

/* ---- what a schema is made of; $ref and allOf are gone through */

/* Leaves only? */
static bool is_leafy(struct planner *p, uint32_t schema)
{
	uint32_t n;
	const struct schema_op *op = ops_of(p, schema, &n);

	for (; n; op++, n--) {
		if (schema_is_leaf(op->kind))
			continue;
		if (op->kind == SCHEMA_REF ? !is_leafy(p, op->other) : op->kind != SCHEMA_ALL)
			return false;
		for (size_t i = 0; i < op->n; i++)
			if (!is_leafy(p, op->list[i]))
				return false;
	}
	return true;
}

static bool is_object_only(struct planner *p, uint32_t schema)
{
	uint32_t n;
	const struct schema_op *op = ops_of(p, schema, &n);

	for (; n; op++, n--) {
		if (op->kind == SCHEMA_TYPE && op->types == 1u << JSON_OBJECT)
			return true;
		if (op->kind == SCHEMA_REF && is_object_only(p, op->other))
			return true;
		for (size_t i = 0; op->kind == SCHEMA_ALL && i < op->n; i++)
			if (is_object_only(p, op->list[i]))
				return true;
	}
	return false;
}

static void add_leaves(struct planner *p, uint32_t schema)
{
	struct schema_scan *s = p->s;
	uint32_t n;
	const struct schema_op *op = ops_of(p, schema, &n);

	for (; n; op++, n--) {
		if (op->kind == SCHEMA_REF)
			add_leaves(p, op->other);
		for (size_t i = 0; op->kind == SCHEMA_ALL && i < op->n; i++)
			add_leaves(p, op->list[i]);
		if (!schema_is_leaf(op->kind))
			continue;
		mem_reserve(&s->leaf, &s->leaves_cap, s->leaves + 1, sizeof(*s->leaf));
		s->leaf[s->leaves++] = op;
	}
}

/* ---- fields and rules */

/* The path's field; SCAN_FIELDS where there are too many. */
static uint32_t field_of(struct schema_scan *s, const char *path)
{
	for (size_t i = 0; i < s->paths; i++)
		if (strcmp(s->path[i], path) == 0)
			return (uint32_t)i;
	if (s->paths == SCAN_FIELDS)
		return SCAN_FIELDS;
	s->path[s->paths] = mem_strdup(path);
	return (uint32_t)s->paths++;
}

/* All but the first `paths`. */
static void drop_paths(struct schema_scan *s, size_t paths)
{
	while (s->paths > paths) {
		free(s->path[--s->paths]);
		s->path[s->paths] = NULL;
	}
}

/* There is no plan because of that node. */
static bool refuse_node(struct planner *p, uint32_t doc, uint32_t at)
{
	p->plan->doc = doc;
	p->plan->at = at;
	return false;
}

static bool refuse_schema(struct planner *p, uint32_t schema)
{
	const struct schema_code *code = &p->s->set->code[schema];

	return refuse_node(p, code->doc, code->at);
}

static bool refuse_limit(struct planner *p, const char *limit)
{
	p->plan->limit = limit;
	return false;
}

static bool plan_object(struct planner *p, uint32_t schema, const char *path, unsigned depth);

static bool add_rule(struct planner *p, const char *path, bool required, uint32_t schema)
{
	struct file_plan *plan = p->plan;
	struct field_rule rule = {
		.field = field_of(p->s, path),
		.required = required,
		.whole = NO_SCHEMA,
		.first = (uint32_t)p->s->leaves,
	};

	if (rule.field == SCAN_FIELDS)
		return refuse_limit(p, "more fields than the scanner takes");
	if (schema != NO_SCHEMA && is_leafy(p, schema))
		add_leaves(p, schema);
	else
		rule.whole = schema;
	rule.n = (uint32_t)p->s->leaves - rule.first;
	mem_reserve(&plan->rule, &plan->rules_cap, plan->rules + 1, sizeof(*plan->rule));
	plan->rule[plan->rules++] = rule;
	return true;
}

/* An object by its members; false, and nothing is left of the try, where that cannot be. */
static bool add_group(struct planner *p, const char *path, uint32_t schema, unsigned depth)
{
	struct file_plan *plan = p->plan;
	size_t rules = plan->rules, groups = plan->groups, leaves = p->s->leaves,
	       paths = p->s->paths;

	if (depth < NEST_MAX && is_object_only(p, schema) &&
	    plan_object(p, schema, path, depth + 1) && plan->rules > rules) {
		mem_reserve(&plan->group, &plan->groups_cap, plan->groups + 1,
			    sizeof(*plan->group));
		plan->group[plan->groups++] = (struct field_group){
			(uint32_t)rules, (uint32_t)(plan->rules - rules)
		};
		return true;
	}
	plan->rules = rules;
	plan->groups = groups;
	p->s->leaves = leaves;
	drop_paths(p->s, paths);
	plan->limit = NULL;
	return false;
}

static bool plan_member(struct planner *p, const struct schema_member *m, const char *path,
			unsigned depth)
{
	struct buf name = { 0 };
	bool planned;

	/* a path of the scanner has no NUL */
	if (memchr(m->name.p, '\0', m->name.n))
		return refuse_limit(p, "a name with a NUL");
	if (!m->required && (m->schema == NO_SCHEMA || p->s->set->code[m->schema].n == 0))
		return true;
	buf_addz(&name, path);
	buf_addc(&name, '.');
	json_quote(&name, m->name);
	buf_z(&name);
	planned = (m->schema != NO_SCHEMA && add_group(p, name.p, m->schema, depth)) ||
		  add_rule(p, name.p, m->required, m->schema);
	buf_fini(&name);
	return planned;
}

static bool plan_members(struct planner *p, const struct schema_members *m, const char *path,
			 unsigned depth)
{
	if (m->patterns)
		return refuse_schema(p, m->pattern[0].schema);
	if (m->names != NO_SCHEMA)
		return refuse_schema(p, m->names);
	if (m->additional != NO_SCHEMA && p->s->set->code[m->additional].n)
		return refuse_schema(p, m->additional);
	for (uint32_t i = 0; i <= m->mask; i++)
		if (m->slot[i].name.p && !plan_member(p, &m->slot[i], path, depth))
			return false;
	return true;
}

static bool plan_op(struct planner *p, const struct schema_op *op, const char *path, unsigned depth)
{
	switch (op->kind) {
	case SCHEMA_TYPE:
		return op->types >> JSON_OBJECT & 1 || refuse_node(p, op->doc, op->at);
	case SCHEMA_MEMBERS:
		return plan_members(p, op->members, path, depth);
	case SCHEMA_REF:
		return plan_object(p, op->other, path, depth);
	case SCHEMA_ALL:
		for (size_t i = 0; i < op->n; i++)
			if (!plan_object(p, op->list[i], path, depth))
				return false;
		return true;
	default:
		return refuse_node(p, op->doc, op->at);
	}
}

static bool plan_object(struct planner *p, uint32_t schema, const char *path, unsigned depth)
{
	uint32_t n;
	const struct schema_op *op = ops_of(p, schema, &n);

	for (; n; op++, n--)
		if (!plan_op(p, op, path, depth))
			return false;
	return true;
}

/* ---- the whole */

struct schema_scan *schema_scan_new(const struct schema_set *set, const char *first)
{
	struct schema_scan *s = mem_zalloc(sizeof(*s));

	s->set = set;
	s->path = mem_array(SCAN_FIELDS + 1, sizeof(*s->path));
	s->plan = mem_array(set->docs + 1, sizeof(*s->plan));
	if (first)
		field_of(s, first);
	for (size_t i = 0; i < set->docs; i++) {
		struct planner p = { s, &s->plan[i], LOOKS_MAX };
		size_t paths = s->paths;

		s->plan[i].has = plan_object(&p, set->doc[i].schema[0], "", 0) && p.left;
		if (!p.left)
			refuse_limit(&p, "references that multiply");
		if (!s->plan[i].has)
			drop_paths(s, paths);
	}
	return s;
}

void schema_scan_free(struct schema_scan *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->set->docs; i++) {
		free(s->plan[i].rule);
		free(s->plan[i].group);
	}
	for (size_t i = 0; i < s->paths; i++)
		free(s->path[i]);
	free(s->path);
	free(s->plan);
	free(s->leaf);
	free(s);
}

const char *const *schema_scan_paths(const struct schema_scan *s)
{
	return (const char *const *)s->path;
}

bool schema_scan_has(const struct schema_scan *s, int file)
{
	return s->plan[file].has;
}

void schema_scan_why_not(const struct schema_scan *s, int file, struct buf *out)
{
	const struct file_plan *plan = &s->plan[file];

	if (plan->limit) {
		buf_addz(out, plan->limit);
		return;
	}
	if (plan->doc != (uint32_t)file)
		buf_addz(out, s->set->doc[plan->doc].name);
	buf_addc(out, '#');
	instance_pointer(&s->set->doc[plan->doc].in.json, plan->at, out);
}

/* ---- lines */

static const enum json_type types_of_fields[] = {
	[FIELD_MISSING] = JSON_NULL,   [FIELD_NULL] = JSON_NULL,     [FIELD_FALSE] = JSON_FALSE,
	[FIELD_TRUE] = JSON_TRUE,      [FIELD_NUMBER] = JSON_NUMBER, [FIELD_STRING] = JSON_STRING,
	[FIELD_ESCAPED] = JSON_STRING, [FIELD_ARRAY] = JSON_ARRAY,   [FIELD_OBJECT] = JSON_OBJECT,
};

/* The value's text as it stands in the line. */
static struct slice text_of_field(const struct field *f)
{
	bool quoted = f->type == FIELD_STRING || f->type == FIELD_ESCAPED;

	return slice(f->p - quoted, f->n + 2 * (size_t)quoted);
}

static bool holds_rule(const struct schema_scan *s, const struct field_rule *r,
		       const struct field *f, struct schema_check *c)
{
	struct json_node node = {
		.type = types_of_fields[f->type],
		.escaped = f->type == FIELD_ESCAPED,
		.text = slice(f->p, f->n),
	};

	if (f->type == FIELD_MISSING)
		return !r->required;
	if (r->whole != NO_SCHEMA)
		return schema_check_part(c, r->whole, text_of_field(f));
	for (uint32_t i = r->first; i < r->first + r->n; i++)
		if (!schema_leaf(c, s->leaf[i], &node, 0))
			return false;
	return true;
}

static bool has_one(const struct file_plan *plan, const struct field_group *g,
		    const struct field *field)
{
	for (uint32_t i = g->first; i < g->first + g->n; i++)
		if (field[plan->rule[i].field].type != FIELD_MISSING)
			return true;
	return false;
}

bool schema_scan_line(const struct schema_scan *s, int file, const struct field *field,
		      struct schema_check *c)
{
	const struct file_plan *plan = &s->plan[file];

	schema_check_begin(c, NULL);
	for (size_t i = 0; i < plan->rules; i++)
		if (!holds_rule(s, &plan->rule[i], &field[plan->rule[i].field], c))
			return false;
	for (size_t i = 0; i < plan->groups; i++)
		if (!has_one(plan, &plan->group[i], field))
			return false;
	return true;
}
