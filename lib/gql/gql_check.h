/* Validation (specification, section 5), and the limits of a document.
 *
 * All rules are judged that apply to a schema of objects, scalars and enums: names of operations
 * unique, an anonymous one alone; types, fields, arguments, directives, fragments known and in
 * their places; fragments used, possible and without circles; leaves without, objects with a
 * selection; variables unique, defined, used, of input types, in allowed positions; values of the
 * right type; required arguments; fields of one key that can be merged. An operation other than a
 * query is an error too: the schema has no type for it. */
#ifndef GQL_GQL_CHECK_H
#define GQL_GQL_CHECK_H

#include "gql/gql_doc.h"
#include "gql/gql_schema.h"

/* Limits of an operation with its fragments in their places. Introspection counts by itself: the
 * query of GraphiQL has 242 fields, 14 deep, but no list of fields within a list of fields. */
enum {
	GQL_FIELDS = 200,
	GQL_DEPTH_WHOLE = 12,
	GQL_ROOTS = 10,
	GQL_META_FIELDS = 1000,
	GQL_META_DEPTH = 20,
	GQL_META_LISTS = 2,
};

/* True: none of the rules is broken. Otherwise errors were added. */
bool gql_check(const struct gql_schema *schema, struct gql_doc *doc, struct gql_errors *errors);

/* The operation of that name; of p NULL or n 0 the only one. NULL: an error was added. */
struct gql_definition *gql_operation(const struct gql_doc *doc, struct slice name,
				     struct gql_errors *errors);

#endif
