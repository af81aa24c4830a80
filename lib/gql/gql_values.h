/* Values of input types: does a value fit a type, and what becomes of it. */
#ifndef GQL_GQL_VALUES_H
#define GQL_GQL_VALUES_H

#include "gql/gql_doc.h"
#include "gql/gql_schema.h"
#include "json/json.h"

/* Judges v against ref (n 0: of no known type, then only members of objects must be unique). A
 * variable fits anything here. `json`: v came from JSON, where an enum's value is a string. False:
 * errors were added, each at the value's place or, where `at` is not NULL, there. */
bool gql_value_check(const struct gql_schema *schema, struct slice ref, const struct gql_input *v,
		     bool json, const struct gql_at *at, struct gql_errors *errors);

/* A node of JSON as a value, without a place. A number that is whole and fits 64 bits is an
 * integer, however it is written. NULL: a string with a lone surrogate. */
struct gql_input *gql_value_of_json(const struct json *j, uint32_t node, struct arena *arena);

/* A value as JSON (an enum as a string, no variable). */
void gql_value_json(const struct gql_input *v, struct buf *out);

/* Are two literals the same, whatever the order of members? */
bool gql_value_same(const struct gql_input *a, const struct gql_input *b);
/* The same for lists of arguments or members. */
bool gql_members_same(const struct gql_input *a, const struct gql_input *b);

#endif
