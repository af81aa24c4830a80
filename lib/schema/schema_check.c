/* A value's tree is gone down along with the schema: each applicator calls check_schema for what is
 * below it. Two things bound that, whatever schema and value are: fuel, one for each operation and
 * for what it passes over, and the depth of schemas at work.
 *
 * A branch of anyOf, oneOf, not, if, contains is judged quietly: no reason is put together for it.
 * What makes a value bad as a whole (no fuel, a text that is none) sets `stopped`, and nobody turns
 * such an answer round. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "schema/schema_internal.h"

enum {
	FUEL = 10000000, /* of one value: about a tenth of a second */
	DEPTH_MAX = 4000,
	FEW_ITEMS = 8, /* compared with each other, not by hashes */
};

static bool check_schema(struct schema_check *c, uint32_t schema, uint32_t at);

struct schema_check *schema_check_new(const struct schema_set *set)
{
	struct schema_check *c = mem_zalloc(sizeof(*c));

	c->set = set;
	return c;
}

void schema_check_free(struct schema_check *c)
{
	if (!c)
		return;
	instance_fini(&c->in);
	free(c);
}

static bool spend(struct schema_check *c, const struct schema_op *op, uint32_t at, uint64_t cost)
{
	if (cost > c->fuel)
		return schema_stop(c, op, at, "validation too costly");
	c->fuel -= cost;
	return true;
}

/* Whether the branch holds; false too where all is over. */
static bool holds_quietly(struct schema_check *c, uint32_t schema, uint32_t at)
{
	c->quiet++;
	bool holds = check_schema(c, schema, at);
	c->quiet--;
	return holds;
}

static const struct json_node *nodes_of(const struct schema_check *c)
{
	return c->in.json.node;
}

static const struct instance *keyword_instance(const struct schema_check *c,
					       const struct schema_op *op)
{
	return &c->set->doc[op->doc].in;
}

/* ---- values */

static bool is_equal(struct schema_check *c, const struct schema_op *op, uint32_t at,
		     const struct instance *other, uint32_t other_at)
{
	struct instance_doubt doubt = { .fuel = &c->fuel };
	bool equal = instance_equal(&c->in, at, other, other_at, &doubt);

	if (doubt.costly)
		return schema_stop(c, op, at, "validation too costly");
	if (doubt.text_missing)
		return schema_stop(c, op, at, "half of a surrogate pair is no text");
	return equal;
}

static bool check_values(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	for (size_t i = 0; i < op->n; i++)
		if (is_equal(c, op, at, keyword_instance(c, op), op->list[i]))
			return true;
	return schema_wrong_op(c, op, at);
}

/* ---- arrays */

static uint64_t count_items(const struct schema_check *c, uint32_t at)
{
	const struct json_node *node = nodes_of(c);
	uint64_t n = 0;

	for (uint32_t i = at + 1; i < node[at].next; i = node[i].next)
		n++;
	return n;
}

static bool check_item_count(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	uint64_t n = count_items(c, at);

	return (n >= op->min && n <= op->max) || schema_wrong_op(c, op, at);
}

static bool check_items(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	size_t n = 0;

	for (uint32_t i = at + 1; i < nodes_of(c)[at].next; i = nodes_of(c)[i].next, n++) {
		uint32_t schema = n < op->n ? op->list[n] : op->other;

		if (schema == NO_SCHEMA)
			return true;
		if (!check_schema(c, schema, i))
			return false;
	}
	return true;
}

static bool check_contains(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	uint64_t n = 0;

	for (uint32_t i = at + 1; i < nodes_of(c)[at].next; i = nodes_of(c)[i].next) {
		n += holds_quietly(c, op->other, i);
		if (c->stopped)
			return false;
		if (n > op->max || (n >= op->min && op->max == UINT64_MAX))
			break;
	}
	return (n >= op->min && n <= op->max) || schema_wrong_op(c, op, at);
}

struct hashed_item {
	uint64_t hash;
	uint32_t at;
};

static int cmp_hashed(const void *a, const void *b)
{
	const struct hashed_item *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Items of equal hash stand in a row. */
static bool check_unique(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	uint64_t n = count_items(c, at), i = 0;
	struct hashed_item *item;

	if (n < 2)
		return true;
	if (!spend(c, op, at, nodes_of(c)[at].next - at))
		return false;
	item = arena_alloc(&c->in.arena, n * sizeof(*item));
	for (uint32_t k = at + 1; k < nodes_of(c)[at].next; k = nodes_of(c)[k].next)
		item[i++] = (struct hashed_item){ n > FEW_ITEMS ? instance_hash(&c->in, k) : 0, k };
	if (n > FEW_ITEMS)
		qsort(item, n, sizeof(*item), cmp_hashed);
	for (i = 0; i + 1 < n; i++)
		for (uint64_t k = i + 1; k < n && item[k].hash == item[i].hash; k++) {
			if (!spend(c, op, at, 1))
				return false;
			if (is_equal(c, op, item[i].at, &c->in, item[k].at))
				return schema_wrong_op(c, op, at);
			if (c->stopped)
				return false;
		}
	return true;
}

/* ---- objects */

static bool check_member_count(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct json_node *node = nodes_of(c);
	uint64_t n = 0;

	for (uint32_t i = at + 1; i < node[at].next; i = node[i + 1].next)
		n += node[i].type == JSON_STRING;
	return (n >= op->min && n <= op->max) || schema_wrong_op(c, op, at);
}

static const struct schema_member *find_member(const struct schema_members *m, struct slice name)
{
	uint32_t at = (uint32_t)hash_64(name.p, name.n) & m->mask;

	while (m->slot[at].name.p && !slice_eq(m->slot[at].name, name))
		at = (at + 1) & m->mask;
	return m->slot[at].name.p ? &m->slot[at] : NULL;
}

/* The member whose name is at `key`, by the patterns. *matched: one of them holds. */
static bool check_by_patterns(struct schema_check *c, const struct schema_op *op, uint32_t key,
			      bool *matched)
{
	const struct schema_members *m = op->members;

	if (m->patterns && nodes_of(c)[key].escaped)
		return schema_stop(c, op, key, "half of a surrogate pair is no text");
	for (size_t i = 0; i < m->patterns; i++) {
		switch (regex_find(m->pattern[i].pattern, nodes_of(c)[key].text, &c->fuel)) {
		case REGEX_NO:
			continue;
		case REGEX_COSTLY:
			return schema_stop(c, op, key, "pattern too costly");
		case REGEX_YES:
			break;
		}
		*matched = true;
		if (!check_schema(c, m->pattern[i].schema, key + 1))
			return false;
	}
	return true;
}

static bool check_member(struct schema_check *c, const struct schema_op *op, uint32_t key,
			 uint32_t *required)
{
	const struct schema_members *m = op->members;
	const struct json_node *name = &nodes_of(c)[key];
	const struct schema_member *known = name->escaped ? NULL : find_member(m, name->text);
	bool matched = known && known->schema != NO_SCHEMA;

	*required += known && known->required;
	if (m->names != NO_SCHEMA && !check_schema(c, m->names, key))
		return false;
	if (matched && !check_schema(c, known->schema, key + 1))
		return false;
	if (!check_by_patterns(c, op, key, &matched))
		return false;
	return matched || m->additional == NO_SCHEMA || check_schema(c, m->additional, key + 1);
}

static bool lacks_member(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct json_node *keyword = keyword_instance(c, op)->json.node;
	uint32_t list = op->members->required_at;

	for (uint32_t i = list + 1; i < keyword[list].next; i++)
		if (!instance_member(&c->in, at, keyword[i].text))
			return schema_wrong(c, op, at, "lacks \"%.*s\"", (int)keyword[i].text.n,
					    keyword[i].text.p);
	return false;
}

static bool check_members(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct schema_members *m = op->members;
	uint32_t required = 0;

	for (uint32_t i = at + 1; i < nodes_of(c)[at].next; i = nodes_of(c)[i + 1].next) {
		if (nodes_of(c)[i].type != JSON_STRING)
			continue;
		if (!spend(c, op, at, 1) || !check_member(c, op, i, &required))
			return false;
	}
	return required == m->required || lacks_member(c, op, at);
}

static bool check_needs(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct json_node *keyword = keyword_instance(c, op)->json.node;

	for (uint32_t i = op->at + 1; i < keyword[op->at].next; i = keyword[i + 1].next) {
		if (keyword[i].type != JSON_STRING || !instance_member(&c->in, at, keyword[i].text))
			continue;
		for (uint32_t k = i + 2; k < keyword[i + 1].next; k++)
			if (!instance_member(&c->in, at, keyword[k].text))
				return schema_wrong(c, op, at,
						    "lacks \"%.*s\", which goes with \"%.*s\"",
						    (int)keyword[k].text.n, keyword[k].text.p,
						    (int)keyword[i].text.n, keyword[i].text.p);
	}
	return true;
}

static bool check_needed_schemas(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct json_node *keyword = keyword_instance(c, op)->json.node;
	size_t n = 0;

	for (uint32_t i = op->at + 1; i < keyword[op->at].next; i = keyword[i + 1].next, n++)
		if (instance_member(&c->in, at, keyword[i].text) &&
		    !check_schema(c, op->list[n], at))
			return false;
	return true;
}

/* ---- branches */

static bool check_all(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	for (size_t i = 0; i < op->n; i++)
		if (!check_schema(c, op->list[i], at))
			return false;
	return true;
}

static bool check_any(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	for (size_t i = 0; i < op->n && !c->stopped; i++)
		if (holds_quietly(c, op->list[i], at))
			return true;
	return schema_wrong_op(c, op, at);
}

static bool check_one(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < op->n && n < 2; i++) {
		n += holds_quietly(c, op->list[i], at);
		if (c->stopped)
			return false;
	}
	return n == 1 || schema_wrong_op(c, op, at);
}

static bool check_not(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	bool holds = holds_quietly(c, op->other, at);

	if (c->stopped)
		return false;
	return !holds || schema_wrong_op(c, op, at);
}

static bool check_if(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	bool holds = holds_quietly(c, op->other, at);
	uint32_t schema = holds ? op->then : op->or ;

	if (c->stopped)
		return false;
	return schema == NO_SCHEMA || check_schema(c, schema, at);
}

/* ---- a schema */

typedef bool check_fn(struct schema_check *c, const struct schema_op *op, uint32_t at);

static const struct {
	check_fn *check;
	unsigned types; /* of values it has to do with */
} checks[] = {
	[SCHEMA_FALSE] = { schema_wrong_op, ~0u },
	[SCHEMA_VALUES] = { check_values, ~0u },
	[SCHEMA_MIN_ITEMS] = { check_item_count, 1u << JSON_ARRAY },
	[SCHEMA_MAX_ITEMS] = { check_item_count, 1u << JSON_ARRAY },
	[SCHEMA_UNIQUE] = { check_unique, 1u << JSON_ARRAY },
	[SCHEMA_ITEMS] = { check_items, 1u << JSON_ARRAY },
	[SCHEMA_CONTAINS] = { check_contains, 1u << JSON_ARRAY },
	[SCHEMA_MIN_MEMBERS] = { check_member_count, 1u << JSON_OBJECT },
	[SCHEMA_MAX_MEMBERS] = { check_member_count, 1u << JSON_OBJECT },
	[SCHEMA_MEMBERS] = { check_members, 1u << JSON_OBJECT },
	[SCHEMA_NEEDS] = { check_needs, 1u << JSON_OBJECT },
	[SCHEMA_NEEDS_SCHEMA] = { check_needed_schemas, 1u << JSON_OBJECT },
	[SCHEMA_ALL] = { check_all, ~0u },
	[SCHEMA_ANY] = { check_any, ~0u },
	[SCHEMA_ONE] = { check_one, ~0u },
	[SCHEMA_NOT] = { check_not, ~0u },
	[SCHEMA_IF] = { check_if, ~0u },
};

static bool check_op(struct schema_check *c, const struct schema_op *op, uint32_t at)
{
	const struct json_node *node = &nodes_of(c)[at];

	if (schema_is_leaf(op->kind))
		return schema_leaf(c, op, node, at);
	if (op->kind == SCHEMA_REF)
		return check_schema(c, op->other, at);
	return !(checks[op->kind].types >> node->type & 1) || checks[op->kind].check(c, op, at);
}

static bool check_schema(struct schema_check *c, uint32_t schema, uint32_t at)
{
	const struct schema_code *code = &c->set->code[schema];
	const struct schema_op *op = c->set->op + code->first, *end = op + code->n;
	bool good = true;

	if (c->depth == DEPTH_MAX && op < end)
		return schema_stop(c, op, at, "validation too costly");
	c->depth++;
	for (; op < end && good; op++)
		good = !c->stopped && spend(c, op, at, 1) && check_op(c, op, at);
	c->depth--;
	return good;
}

/* ---- the whole */

void schema_check_begin(struct schema_check *c, struct err *why)
{
	c->fuel = FUEL;
	c->depth = c->quiet = 0;
	c->stopped = false;
	c->why = why;
}

bool schema_check_part(struct schema_check *c, uint32_t schema, struct slice json)
{
	return instance_read(&c->in, json, NULL) == 0 && check_schema(c, schema, 0);
}

bool schema_check_text(struct schema_check *c, int file, struct slice json, struct err *why)
{
	schema_check_begin(c, why);
	c->doc = (uint32_t)file;
	if (instance_read(&c->in, json, why))
		return false;
	return check_schema(c, c->set->doc[file].schema[0], 0);
}
