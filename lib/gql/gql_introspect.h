/* Introspection (specification, section 4): the tables of a schema seen through tables of the same
 * form. Nothing is deprecated here, so includeDeprecated changes nothing. */
#ifndef GQL_GQL_INTROSPECT_H
#define GQL_GQL_INTROSPECT_H

#include "gql/gql_doc.h"
#include "gql/gql_schema.h"

/* The value of __schema, __type(name:) or __typename of the type `around`. */
void gql_introspect(const struct gql_scope *scope, const struct gql_field *field,
		    const struct gql_type *around, const struct gql_input *args,
		    struct gql_value *value);

#endif
