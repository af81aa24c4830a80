/* Fields of one key in one selection set (specification, section 5.3.2). Without interfaces and
 * unions all of them stand within the same type, so they must be the same field with the same
 * arguments, and what they select is one selection set. Equal is transitive: each is compared with
 * the first. */
#include "gql/gql_check_internal.h"
#include "gql/gql_collect.h"
#include "gql/gql_values.h"

static void merge_groups(struct gql_checking *c, const struct gql_group *g)
{
	for (; g && c->errors->n == 0; g = g->next) {
		const struct gql_selection *first = g->node[0];

		for (size_t i = 1; i < g->n; i++) {
			const struct gql_selection *other = g->node[i];
			if (slice_eq(first->name, other->name) &&
			    gql_members_same(first->args, other->args))
				continue;
			gql_error(c->errors, first->at,
				  "two fields \"%.*s\" that differ: give one of them an alias",
				  GQL_NAME(g->key))
				->at[1] = other->at;
			return;
		}
		if (first->first)
			merge_groups(c, gql_collect(c->doc, g->node, g->n, NULL, NULL,
						    c->errors->arena));
	}
}

void gql_check_merge(struct gql_checking *c, const struct gql_definition *operation)
{
	merge_groups(c, gql_collect_set(c->doc, operation->first, NULL, NULL, c->errors->arena));
}
