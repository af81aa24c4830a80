/* References may go in circles as long as each turn goes down into the value: a tree's nodes are
 * trees. A circle that never does, as {"$ref": "#"} is, would never end; the schemas that judge the
 * same value are gone through in depth, and one that is met while it is open closes a circle. */
#include "schema/schema_internal.h"

enum { CHAIN_MAX = 1000 };

enum { MARK_NEW, MARK_OPEN, MARK_DONE };

static int close_chain(struct schema_set *set, uint32_t schema, unsigned depth, struct err *err);

static int close_branch(struct schema_set *set, const struct schema_op *op, uint32_t schema,
			unsigned depth, struct err *err)
{
	if (schema == NO_SCHEMA || set->code[schema].mark == MARK_DONE)
		return 0;
	if (set->code[schema].mark == MARK_OPEN)
		return schema_fail(set, op->doc, op->at, err,
				   "leads back to itself without going into the value");
	if (depth == CHAIN_MAX)
		return schema_fail(set, op->doc, op->at, err,
				   "more than 1000 references one behind the other");
	return close_chain(set, schema, depth + 1, err);
}

static int close_chain(struct schema_set *set, uint32_t schema, unsigned depth, struct err *err)
{
	struct schema_code *code = &set->code[schema];

	code->mark = MARK_OPEN;
	for (uint32_t i = code->first; i < code->first + code->n; i++) {
		const struct schema_op *op = &set->op[i];

		if (op->kind < SCHEMA_NEEDS_SCHEMA)
			continue;
		if (close_branch(set, op, op->other, depth, err) ||
		    close_branch(set, op, op->then, depth, err) ||
		    close_branch(set, op, op->or, depth, err))
			return -1;
		for (size_t k = 0; k < op->n; k++)
			if (close_branch(set, op, op->list[k], depth, err))
				return -1;
	}
	code->mark = MARK_DONE;
	return 0;
}

int schema_circles(struct schema_set *set, struct err *err)
{
	for (uint32_t i = 0; i < set->codes; i++)
		if (set->code[i].mark == MARK_NEW && close_chain(set, i, 0, err))
			return -1;
	return 0;
}
