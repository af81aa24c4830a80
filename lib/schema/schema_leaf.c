/* Numbers are compared as decimals where both fit one, which is nearly always, else by their
 * digits. A length is counted in code points: bytes that continue none. */
#include "schema/schema_internal.h"

static bool is_of_type(const struct schema_op *op, const struct json_node *node)
{
	if (op->types >> node->type & 1)
		return true;
	return node->type == JSON_NUMBER && op->types >> TYPE_INTEGER & 1 &&
	       number_is_integer(node->text);
}

static bool is_one_of(const struct schema_check *c, const struct schema_op *op,
		      const struct json_node *node)
{
	const struct json_node *values = c->set->doc[op->doc].in.json.node;

	for (size_t i = 0; i < op->n; i++) {
		const struct json_node *value = &values[op->list[i]];

		if (value->type != node->type)
			continue;
		if (node->type == JSON_NUMBER   ? number_cmp(node->text, value->text) == 0
		    : node->type == JSON_STRING ? slice_eq(node->text, value->text)
						: true)
			return true;
	}
	return false;
}

static int cmp_bound(const struct schema_check *c, const struct schema_op *op,
		     const struct json_node *node)
{
	dec v;

	if (op->bound_exact && dec_parse(node->text, &v) == DEC_OK)
		return (v > op->bound) - (v < op->bound);
	return number_cmp(node->text, c->set->doc[op->doc].in.json.node[op->at].text);
}

static bool is_multiple(const struct schema_op *op, const struct json_node *node)
{
	dec v;

	if (op->bound_exact && dec_parse(node->text, &v) == DEC_OK)
		return v % op->bound == 0;
	return number_is_multiple(node->text, &op->divisor);
}

static bool is_number_good(const struct schema_check *c, const struct schema_op *op,
			   const struct json_node *node)
{
	switch (op->kind) {
	case SCHEMA_MINIMUM:
		return cmp_bound(c, op, node) >= 0;
	case SCHEMA_MAXIMUM:
		return cmp_bound(c, op, node) <= 0;
	case SCHEMA_ABOVE:
		return cmp_bound(c, op, node) > 0;
	case SCHEMA_BELOW:
		return cmp_bound(c, op, node) < 0;
	default:
		return is_multiple(op, node);
	}
}

static uint64_t count_characters(struct slice s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool is_text_good(struct schema_check *c, const struct schema_op *op,
			 const struct json_node *node, uint32_t at)
{
	switch (op->kind) {
	case SCHEMA_MIN_LENGTH:
		return node->text.n >= op->min &&
		       (node->text.n / 4 >= op->min || count_characters(node->text) >= op->min);
	case SCHEMA_MAX_LENGTH:
		return node->text.n <= op->max || count_characters(node->text) <= op->max;
	case SCHEMA_FORMAT:
		return format_check((enum format)op->format, node->text);
	default:
		break;
	}
	switch (regex_find(op->pattern, node->text, &c->fuel)) {
	case REGEX_YES:
		return true;
	case REGEX_COSTLY:
		return schema_stop(c, op, at, "pattern too costly");
	default:
		return false;
	}
}

bool schema_leaf(struct schema_check *c, const struct schema_op *op, const struct json_node *node,
		 uint32_t at)
{
	bool good;

	if (node->escaped && op->kind != SCHEMA_TYPE)
		return schema_stop(c, op, at, "half of a surrogate pair is no text");
	if (op->kind == SCHEMA_TYPE)
		good = is_of_type(op, node);
	else if (op->kind == SCHEMA_SCALARS)
		good = is_one_of(c, op, node);
	else if (op->kind >= SCHEMA_MIN_LENGTH)
		good = node->type != JSON_STRING || is_text_good(c, op, node, at);
	else
		good = node->type != JSON_NUMBER || is_number_good(c, op, node);
	return good || schema_wrong_op(c, op, at);
}
