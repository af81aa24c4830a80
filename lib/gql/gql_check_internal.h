/* The parts of gql_check. */
#ifndef GQL_GQL_CHECK_INTERNAL_H
#define GQL_GQL_CHECK_INTERNAL_H

#include "gql/gql_check.h"

struct gql_checking {
	const struct gql_schema *schema;
	struct gql_doc *doc;
	struct gql_errors *errors;
};

/* Fragments: known, without circles. False: nothing may follow them. */
bool gql_check_fragments(struct gql_checking *c);
/* The limits, after that. False: refused, nothing may put fragments in their places. */
bool gql_check_limits(struct gql_checking *c);
/* One definition by itself: fields, arguments, directives, literals. */
void gql_check_definition(struct gql_checking *c, const struct gql_definition *d);
/* Variables of one operation, through its fragments, which are marked. */
void gql_check_variables(struct gql_checking *c, struct gql_definition *operation);
/* Fields of one key, of an operation that is good otherwise. */
void gql_check_merge(struct gql_checking *c, const struct gql_definition *operation);

#endif
