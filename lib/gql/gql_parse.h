/* Documents of GraphQL: text to tree (gql_doc.h), by the grammar of executable documents. */
#ifndef GQL_GQL_PARSE_H
#define GQL_GQL_PARSE_H

#include "gql/gql_doc.h"

/* Limits of a text: bytes, tokens, and braces, brackets and types within each other. Beyond them
 * errors->refused is set. */
enum { GQL_TEXT_BYTES = 64 << 10, GQL_TOKENS = 2000, GQL_DEPTH = 12 };

/* The document in errors->arena, or NULL with one error added. The text must be UTF-8 and live as
 * long as the arena: names point into it. */
struct gql_doc *gql_parse(struct slice text, struct gql_errors *errors);

/* One constant value, as defaults in tables are written: BUG where it is none. */
const struct gql_input *gql_parse_value(const char *text, struct arena *arena);

#endif
