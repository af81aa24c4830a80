/* CollectFields (specification, section 6.3.2): the fields of selection sets in order, those of one
 * key together, fragments in their places. */
#ifndef GQL_GQL_COLLECT_H
#define GQL_GQL_COLLECT_H

#include "gql/gql_doc.h"

struct gql_group {
	struct slice key;
	const struct gql_selection **node;
	size_t n;
	struct gql_group *next;
};

/* Collects what `n` fields select. `taken` says of each selection whether it counts (@skip and
 * @include); NULL: all do. Fragments must exist and have no circles. */
struct gql_group *gql_collect(struct gql_doc *doc, const struct gql_selection *const *fields,
			      size_t n, bool (*taken)(void *self, const struct gql_selection *),
			      void *self, struct arena *arena);
/* The same of one selection set. */
struct gql_group *gql_collect_set(struct gql_doc *doc, struct gql_selection *first,
				  bool (*taken)(void *self, const struct gql_selection *),
				  void *self, struct arena *arena);

#endif
