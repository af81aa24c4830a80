/* Schemas are compiled one after the other, none inside another: a schema that is asked for gets a
 * number and waits for its turn, so that its operations lie side by side and references may go in
 * circles. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "schema/schema_internal.h"

/* ---- what compilers of words use */

static const struct json_node *node_at(const struct schema_compiler *c, uint32_t at)
{
	return &c->set->doc[c->doc].in.json.node[at];
}

uint32_t schema_word(const struct schema_compiler *c, const char *word)
{
	return instance_member(&c->set->doc[c->doc].in, c->at, slice_z(word));
}

struct schema_op *schema_add(struct schema_compiler *c, enum schema_kind kind, uint32_t at)
{
	struct schema_set *set = c->set;
	struct schema_op *op;

	mem_reserve(&set->op, &set->ops_cap, set->ops + 1, sizeof(*set->op));
	op = &set->op[set->ops++];
	*op = (struct schema_op){
		.kind = (uint8_t)kind,
		.doc = c->doc,
		.at = at,
		.other = NO_SCHEMA,
		.then = NO_SCHEMA,
		.or = NO_SCHEMA,
		.max = UINT64_MAX,
	};
	return op;
}

int schema_type_error(struct schema_compiler *c, uint32_t at, const char *want)
{
	return schema_fail(c->set, c->doc, at, c->err, "%s", want);
}

struct regex *schema_pattern(struct schema_compiler *c, uint32_t at)
{
	struct schema_set *set = c->set;
	const struct json_node *node = node_at(c, at);
	struct err why = ERR_INIT;
	struct regex *p;

	if (node->type != JSON_STRING) {
		schema_type_error(c, at, "must be a string");
		return NULL;
	}
	p = regex_new(node->text, &why);
	if (!p) {
		schema_fail(set, c->doc, at, c->err, "%s", why.msg);
		return NULL;
	}
	mem_reserve(&set->pattern, &set->patterns_cap, set->patterns + 1, sizeof(*set->pattern));
	return set->pattern[set->patterns++] = p;
}

int schema_count(struct schema_compiler *c, uint32_t at, uint64_t *out)
{
	if (node_at(c, at)->type != JSON_NUMBER || !json_u64(&c->set->doc[c->doc].in.json, at, out))
		return schema_type_error(c, at, "must be an integer, 0 or more");
	return 0;
}

/* The schemas that are children of the node; in an object, its values. */
static uint32_t *want_children(struct schema_compiler *c, uint32_t at, size_t *n)
{
	const struct json_node *node = node_at(c, at);
	uint32_t skip = node->type == JSON_OBJECT, *list;

	*n = 0;
	for (uint32_t i = at + 1; i < node->next; i = node_at(c, i + skip)->next)
		(*n)++;
	list = mem_array(*n + 1, sizeof(*list));
	*n = 0;
	for (uint32_t i = at + 1; i < node->next; i = node_at(c, i + skip)->next)
		list[(*n)++] = schema_want(c->set, c->doc, i + skip);
	return list;
}

/* The schema that is a word's value; NO_SCHEMA where there is no such word. */
static uint32_t want_word(struct schema_compiler *c, const char *word)
{
	uint32_t at = schema_word(c, word);

	return at ? schema_want(c->set, c->doc, at) : NO_SCHEMA;
}

/* ---- arrays */

static int take_items(struct schema_compiler *c)
{
	uint32_t prefix = schema_word(c, "prefixItems"), items = schema_word(c, "items");
	struct schema_op *op;

	if (prefix && node_at(c, prefix)->type != JSON_ARRAY)
		return schema_type_error(c, prefix, "must be an array of schemas");
	if (items && node_at(c, items)->type == JSON_ARRAY)
		return schema_type_error(c, items,
					 "must be one schema (a list of them is prefixItems)");
	if (!prefix && !items)
		return 0;
	op = schema_add(c, SCHEMA_ITEMS, prefix ? prefix : items);
	if (prefix)
		op->list = want_children(c, prefix, &op->n);
	op->other = want_word(c, "items");
	return 0;
}

static int take_contains(struct schema_compiler *c)
{
	uint32_t contains = schema_word(c, "contains"), min = schema_word(c, "minContains"),
		 max = schema_word(c, "maxContains");
	uint64_t least = 1, most = UINT64_MAX;
	struct schema_op *op;

	if ((min && schema_count(c, min, &least)) || (max && schema_count(c, max, &most)))
		return -1;
	if (!contains)
		return 0;
	op = schema_add(c, SCHEMA_CONTAINS, contains);
	op->other = want_word(c, "contains");
	op->min = least;
	op->max = most;
	return 0;
}

/* ---- objects */

static struct schema_member *member_slot(const struct schema_members *m, struct slice name)
{
	uint32_t at = (uint32_t)hash_64(name.p, name.n) & m->mask;

	while (m->slot[at].name.p && !slice_eq(m->slot[at].name, name))
		at = (at + 1) & m->mask;
	return &m->slot[at];
}

static struct schema_member *add_member(struct schema_members *m, struct slice name)
{
	struct schema_member *slot = member_slot(m, name);

	if (!slot->name.p)
		*slot = (struct schema_member){ .name = name, .schema = NO_SCHEMA };
	return slot;
}

static void take_properties(struct schema_compiler *c, uint32_t at, struct schema_members *m)
{
	for (uint32_t i = at + 1; i < node_at(c, at)->next; i = node_at(c, i + 1)->next)
		if (node_at(c, i)->type == JSON_STRING)
			add_member(m, node_at(c, i)->text)->schema = schema_want(c->set, c->doc,
										 i + 1);
}

static int take_required(struct schema_compiler *c, uint32_t at, struct schema_members *m)
{
	for (uint32_t i = at + 1; i < node_at(c, at)->next; i++) {
		if (node_at(c, i)->type != JSON_STRING)
			return schema_type_error(c, at, "must be an array of names");
		struct schema_member *member = add_member(m, node_at(c, i)->text);
		m->required += !member->required;
		member->required = true;
	}
	m->required_at = at;
	return 0;
}

static int take_patterns(struct schema_compiler *c, uint32_t at, struct schema_members *m)
{
	size_t n = 0;

	for (uint32_t i = at + 1; i < node_at(c, at)->next; i = node_at(c, i + 1)->next)
		n++;
	m->pattern = mem_array(n + 1, sizeof(*m->pattern));
	for (uint32_t i = at + 1; i < node_at(c, at)->next; i = node_at(c, i + 1)->next) {
		struct regex *pattern = schema_pattern(c, i);
		if (!pattern)
			return -1;
		m->pattern[m->patterns++] = (struct schema_by_pattern){
			pattern, i + 1, schema_want(c->set, c->doc, i + 1)
		};
	}
	return 0;
}

static struct schema_members *new_members(size_t names)
{
	struct schema_members *m = mem_zalloc(sizeof(*m));

	m->mask = 1;
	while (m->mask < 2 * names)
		m->mask = m->mask * 2 + 1;
	m->slot = mem_array(m->mask + 1, sizeof(*m->slot));
	m->additional = m->names = NO_SCHEMA;
	return m;
}

static int check_members_type(struct schema_compiler *c, uint32_t at, enum json_type type)
{
	if (!at || node_at(c, at)->type == type)
		return 0;
	return schema_type_error(c, at,
				 type == JSON_OBJECT ? "must be an object of schemas"
						     : "must be an array of names");
}

static int take_members(struct schema_compiler *c)
{
	uint32_t properties = schema_word(c, "properties"), required = schema_word(c, "required"),
		 patterns = schema_word(c, "patternProperties"),
		 additional = schema_word(c, "additionalProperties"),
		 names = schema_word(c, "propertyNames");
	struct schema_members *m;

	if (check_members_type(c, properties, JSON_OBJECT) ||
	    check_members_type(c, patterns, JSON_OBJECT) ||
	    check_members_type(c, required, JSON_ARRAY))
		return -1;
	if (!properties && !required && !patterns && !additional && !names)
		return 0;
	m = new_members((properties ? node_at(c, properties)->next - properties : 0) +
			(required ? node_at(c, required)->next - required : 0));
	schema_add(c, SCHEMA_MEMBERS, c->at)->members = m;
	if (properties)
		take_properties(c, properties, m);
	if ((required && take_required(c, required, m)) ||
	    (patterns && take_patterns(c, patterns, m)))
		return -1;
	m->additional = want_word(c, "additionalProperties");
	m->names = want_word(c, "propertyNames");
	return 0;
}

static int take_needed_schemas(struct schema_compiler *c)
{
	uint32_t at = schema_word(c, "dependentSchemas");
	struct schema_op *op;

	if (!at)
		return 0;
	if (check_members_type(c, at, JSON_OBJECT))
		return -1;
	op = schema_add(c, SCHEMA_NEEDS_SCHEMA, at);
	op->list = want_children(c, at, &op->n);
	return 0;
}

/* ---- applicators in place */

static int take_ref(struct schema_compiler *c)
{
	uint32_t at = schema_word(c, "$ref"), doc, node;
	struct err why = ERR_INIT;

	if (!at)
		return 0;
	if (node_at(c, at)->type != JSON_STRING)
		return schema_type_error(c, at, "must be a string");
	if (schema_resolve(c->set, c->doc, c->at, node_at(c, at)->text, &doc, &node, &why))
		return schema_fail(c->set, c->doc, at, c->err, "%s", why.msg);
	uint32_t schema = schema_want(c->set, doc, node);
	schema_add(c, SCHEMA_REF, at)->other = schema;
	return 0;
}

static int take_branches(struct schema_compiler *c)
{
	static const struct {
		const char *word;
		enum schema_kind kind;
	} words[] = { { "allOf", SCHEMA_ALL }, { "anyOf", SCHEMA_ANY }, { "oneOf", SCHEMA_ONE } };

	for (size_t i = 0; i < 3; i++) {
		uint32_t at = schema_word(c, words[i].word);

		if (!at)
			continue;
		if (node_at(c, at)->type != JSON_ARRAY || node_at(c, at)->next == at + 1)
			return schema_type_error(c, at, "must be an array of at least one schema");
		struct schema_op *op = schema_add(c, words[i].kind, at);
		op->list = want_children(c, at, &op->n);
	}
	return 0;
}

static int take_not_and_if(struct schema_compiler *c)
{
	uint32_t not_at = schema_word(c, "not"), if_at = schema_word(c, "if");
	uint32_t then = want_word(c, "then"), or = want_word(c, "else");
	struct schema_op *op;

	if (not_at)
		schema_add(c, SCHEMA_NOT, not_at)->other = schema_want(c->set, c->doc, not_at);
	if (!if_at || (then == NO_SCHEMA && or == NO_SCHEMA))
		return 0;
	op = schema_add(c, SCHEMA_IF, if_at);
	op->other = schema_want(c->set, c->doc, if_at);
	op->then = then;
	op->or = or ;
	return 0;
}

/* ---- a schema */

static int refuse_word(struct schema_compiler *c)
{
	static const char *const refused[] = {
		"unevaluatedItems", "unevaluatedProperties", "$dynamicRef",   "$dynamicAnchor",
		"$recursiveRef",    "$vocabulary",           "contentSchema",
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		uint32_t at = schema_word(c, refused[i]);

		if (at)
			return schema_fail(c->set, c->doc, at, c->err,
					   "%s is not done here, and a schema that has it is "
					   "refused",
					   refused[i]);
	}
	return 0;
}

static int check_draft(struct schema_compiler *c)
{
	uint32_t at = schema_word(c, "$schema");
	const struct json_node *node;

	if (!at)
		return 0;
	node = node_at(c, at);
	if (node->type == JSON_STRING &&
	    (slice_is(node->text, "https://json-schema.org/draft/2020-12/schema") ||
	     slice_is(node->text, "https://json-schema.org/draft/2020-12/schema#")))
		return 0;
	return schema_type_error(c, at,
				 "must be https://json-schema.org/draft/2020-12/schema: no other "
				 "draft is known");
}

static int compile_schema(struct schema_compiler *c)
{
	enum json_type type = node_at(c, c->at)->type;

	if (type == JSON_FALSE)
		schema_add(c, SCHEMA_FALSE, c->at);
	if (type == JSON_FALSE || type == JSON_TRUE)
		return 0;
	if (type != JSON_OBJECT)
		return schema_type_error(c, c->at, "must be a schema: an object, true or false");
	return refuse_word(c) || check_draft(c) || schema_assertions(c) || take_members(c) ||
			       take_items(c) || take_contains(c) || take_ref(c) ||
			       take_needed_schemas(c) || take_branches(c) || take_not_and_if(c)
		       ? -1
		       : 0;
}

int schema_set_compile(struct schema_set *set, struct err *err)
{
	/* there may be no operation at all */
	mem_reserve(&set->op, &set->ops_cap, 1, sizeof(*set->op));
	/* words that are refused are told before what may come of them */
	for (uint32_t i = 0; i < set->codes; i++) {
		struct schema_compiler c = { set, set->code[i].doc, set->code[i].at, err };

		if (refuse_word(&c))
			return -1;
	}
	for (uint32_t i = 0; i < set->codes; i++) {
		struct schema_compiler c = { set, set->code[i].doc, set->code[i].at, err };
		uint32_t first = (uint32_t)set->ops;

		if (compile_schema(&c))
			return -1;
		set->code[i].first = first;
		set->code[i].n = (uint32_t)set->ops - first;
	}
	return schema_circles(set, err);
}
