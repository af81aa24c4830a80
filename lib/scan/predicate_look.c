#include "scan/predicate_internal.h"

static bool has_not(const struct predicate *p)
{
	for (size_t i = 0; i < p->nodes; i++)
		if (p->node[i].kind == NODE_NOT)
			return true;
	return false;
}

static enum predicate_text_use use_of(const struct predicate_node *node, bool negated)
{
	if (node->kind == NODE_IN || node->relation == EQUAL)
		return negated ? PREDICATE_TEXT_OTHER : PREDICATE_TEXT_EQUAL;
	return node->relation == (LESS | MORE) ? PREDICATE_TEXT_OTHER : PREDICATE_TEXT_ORDERED;
}

void predicate_each_text(const struct predicate *p, predicate_text_fn *fn, void *arg)
{
	bool negated = has_not(p);

	for (size_t i = 0; i < p->nodes; i++) {
		const struct predicate_node *node = &p->node[i];
		unsigned literals = node->kind == NODE_COMPARE ? 1
				    : node->kind == NODE_IN    ? node->n
							       : 0;

		for (unsigned k = 0; k < literals; k++) {
			const struct predicate_literal *l = &p->literal[node->literal + k];

			if (l->class == CLASS_STRING)
				fn(arg, &p->field[node->field].path, l->text,
				   use_of(node, negated));
		}
	}
}
