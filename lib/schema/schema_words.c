/* Words that are assertions, by a table: what is cheap to judge stands first, whatever the order in
 * the schema. */
#include "base/mem.h"
#include "schema/schema_internal.h"

static const struct json_node *node_at(const struct schema_compiler *c, uint32_t at)
{
	return &c->set->doc[c->doc].in.json.node[at];
}

/* ---- any value */

/* Adds a type's bits; false: no such type. */
static bool add_type(struct slice name, unsigned *types)
{
	static const struct {
		const char *name;
		unsigned types;
	} names[] = {
		{ "null", 1u << JSON_NULL },
		{ "boolean", 1u << JSON_FALSE | 1u << JSON_TRUE },
		{ "number", 1u << JSON_NUMBER },
		{ "string", 1u << JSON_STRING },
		{ "array", 1u << JSON_ARRAY },
		{ "object", 1u << JSON_OBJECT },
		{ "integer", 1u << TYPE_INTEGER },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (slice_is(name, names[i].name)) {
			*types |= names[i].types;
			return true;
		}
	return false;
}

static int take_type(struct schema_compiler *c, uint32_t at)
{
	static const char want[] = "must be null, boolean, integer, number, string, array, object "
				   "or a list of these";
	const struct json_node *node = node_at(c, at);
	unsigned types = 0;

	if (node->type == JSON_STRING) {
		if (!add_type(node->text, &types))
			return schema_type_error(c, at, want);
	} else if (node->type == JSON_ARRAY && node->next > at + 1) {
		for (uint32_t i = at + 1; i < node->next; i = node_at(c, i)->next)
			if (node_at(c, i)->type != JSON_STRING ||
			    !add_type(node_at(c, i)->text, &types))
				return schema_type_error(c, at, want);
	} else {
		return schema_type_error(c, at, want);
	}
	schema_add(c, SCHEMA_TYPE, at)->types = (uint8_t)types;
	return 0;
}

/* The values at the nodes [first, end). */
static int add_values(struct schema_compiler *c, uint32_t at, uint32_t first, uint32_t end)
{
	struct schema_op *op = schema_add(c, SCHEMA_SCALARS, at);

	for (uint32_t i = first; i < end; i = node_at(c, i)->next)
		op->n++;
	op->list = mem_array(op->n + 1, sizeof(*op->list));
	op->n = 0;
	for (uint32_t i = first; i < end; i = node_at(c, i)->next) {
		if (node_at(c, i)->type >= JSON_ARRAY)
			op->kind = SCHEMA_VALUES;
		op->list[op->n++] = i;
	}
	return 0;
}

static int take_const(struct schema_compiler *c, uint32_t at)
{
	return add_values(c, at, at, node_at(c, at)->next);
}

static int take_enum(struct schema_compiler *c, uint32_t at)
{
	if (node_at(c, at)->type != JSON_ARRAY)
		return schema_type_error(c, at, "must be an array");
	return add_values(c, at, at + 1, node_at(c, at)->next);
}

/* ---- numbers */

static int add_bound(struct schema_compiler *c, uint32_t at, enum schema_kind kind)
{
	struct schema_op *op;

	if (node_at(c, at)->type != JSON_NUMBER)
		return schema_type_error(c, at, "must be a number");
	op = schema_add(c, kind, at);
	op->bound_exact = dec_parse(node_at(c, at)->text, &op->bound) == DEC_OK;
	return 0;
}

static int take_minimum(struct schema_compiler *c, uint32_t at)
{
	return add_bound(c, at, SCHEMA_MINIMUM);
}

static int take_maximum(struct schema_compiler *c, uint32_t at)
{
	return add_bound(c, at, SCHEMA_MAXIMUM);
}

static int take_above(struct schema_compiler *c, uint32_t at)
{
	return add_bound(c, at, SCHEMA_ABOVE);
}

static int take_below(struct schema_compiler *c, uint32_t at)
{
	return add_bound(c, at, SCHEMA_BELOW);
}

static int take_multiple(struct schema_compiler *c, uint32_t at)
{
	struct number_divisor divisor;

	if (node_at(c, at)->type != JSON_NUMBER || !number_divisor(node_at(c, at)->text, &divisor))
		return schema_type_error(c, at, "must be a number above 0 of at most 18 digits");
	struct schema_op *op = schema_add(c, SCHEMA_MULTIPLE, at);
	op->divisor = divisor;
	op->bound_exact = dec_parse(node_at(c, at)->text, &op->bound) == DEC_OK;
	return 0;
}

/* ---- counts */

static int add_least(struct schema_compiler *c, uint32_t at, enum schema_kind kind)
{
	uint64_t n;

	if (schema_count(c, at, &n))
		return -1;
	schema_add(c, kind, at)->min = n;
	return 0;
}

static int add_most(struct schema_compiler *c, uint32_t at, enum schema_kind kind)
{
	uint64_t n;

	if (schema_count(c, at, &n))
		return -1;
	schema_add(c, kind, at)->max = n;
	return 0;
}

static int take_min_length(struct schema_compiler *c, uint32_t at)
{
	return add_least(c, at, SCHEMA_MIN_LENGTH);
}

static int take_max_length(struct schema_compiler *c, uint32_t at)
{
	return add_most(c, at, SCHEMA_MAX_LENGTH);
}

static int take_min_items(struct schema_compiler *c, uint32_t at)
{
	return add_least(c, at, SCHEMA_MIN_ITEMS);
}

static int take_max_items(struct schema_compiler *c, uint32_t at)
{
	return add_most(c, at, SCHEMA_MAX_ITEMS);
}

static int take_min_members(struct schema_compiler *c, uint32_t at)
{
	return add_least(c, at, SCHEMA_MIN_MEMBERS);
}

static int take_max_members(struct schema_compiler *c, uint32_t at)
{
	return add_most(c, at, SCHEMA_MAX_MEMBERS);
}

static int take_unique(struct schema_compiler *c, uint32_t at)
{
	enum json_type type = node_at(c, at)->type;

	if (type != JSON_TRUE && type != JSON_FALSE)
		return schema_type_error(c, at, "must be true or false");
	if (type == JSON_TRUE)
		schema_add(c, SCHEMA_UNIQUE, at);
	return 0;
}

/* ---- texts */

static int take_pattern(struct schema_compiler *c, uint32_t at)
{
	struct regex *pattern = schema_pattern(c, at);

	if (!pattern)
		return -1;
	schema_add(c, SCHEMA_PATTERN, at)->pattern = pattern;
	return 0;
}

static int take_format(struct schema_compiler *c, uint32_t at)
{
	const struct json_node *node = node_at(c, at);
	enum format format;

	if (node->type != JSON_STRING)
		return schema_type_error(c, at, "must be a string");
	format = format_named(node->text);
	if (!c->set->assert_formats || format == FORMAT_NONE)
		return 0;
	if (format == FORMAT_KNOWN)
		return schema_fail(c->set, c->doc, at, c->err,
				   "format \"%.*s\" is not checked (%s are); --formats annotate "
				   "takes all formats for annotations",
				   (int)node->text.n, node->text.p, format_names());
	schema_add(c, SCHEMA_FORMAT, at)->format = (uint8_t)format;
	return 0;
}

/* ---- dependentRequired */

static int take_needs(struct schema_compiler *c, uint32_t at)
{
	static const char want[] = "must be an object of arrays of names";
	const struct json_node *node = node_at(c, at);

	if (node->type != JSON_OBJECT)
		return schema_type_error(c, at, want);
	for (uint32_t i = at + 1; i < node->next; i = node_at(c, i + 1)->next) {
		if (node_at(c, i + 1)->type != JSON_ARRAY)
			return schema_type_error(c, i + 1, want);
		for (uint32_t k = i + 2; k < node_at(c, i + 1)->next; k++)
			if (node_at(c, k)->type != JSON_STRING)
				return schema_type_error(c, i + 1, want);
	}
	schema_add(c, SCHEMA_NEEDS, at);
	return 0;
}

int schema_assertions(struct schema_compiler *c)
{
	static const struct {
		const char *name;
		int (*take)(struct schema_compiler *c, uint32_t at);
	} words[] = {
		{ "type", take_type },
		{ "const", take_const },
		{ "enum", take_enum },
		{ "minimum", take_minimum },
		{ "maximum", take_maximum },
		{ "exclusiveMinimum", take_above },
		{ "exclusiveMaximum", take_below },
		{ "multipleOf", take_multiple },
		{ "minLength", take_min_length },
		{ "maxLength", take_max_length },
		{ "minItems", take_min_items },
		{ "maxItems", take_max_items },
		{ "minProperties", take_min_members },
		{ "maxProperties", take_max_members },
		{ "format", take_format },
		{ "pattern", take_pattern },
		{ "uniqueItems", take_unique },
		{ "dependentRequired", take_needs },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		uint32_t at = schema_word(c, words[i].name);

		if (at && words[i].take(c, at))
			return -1;
	}
	return 0;
}
