/* What gql_parse and gql_parse_value share. A function takes what its name says; false or NULL: an
 * error was added. */
#ifndef GQL_GQL_PARSE_INTERNAL_H
#define GQL_GQL_PARSE_INTERNAL_H

#include "gql/gql_lex.h"
#include "gql/gql_parse.h"

struct gql_parser {
	struct gql_lex lex;
	struct gql_token now;
	struct gql_errors *errors;
	unsigned tokens, depth;
};

bool gql_advance(struct gql_parser *p);
/* Adds the error that `what` stands not here. False. */
bool gql_expected(struct gql_parser *p, const char *what);
bool gql_take(struct gql_parser *p, char kind, const char *what);
bool gql_take_name(struct gql_parser *p, struct slice *name, const char *what);
/* Goes one level down; each caller goes up again by itself. */
bool gql_descend(struct gql_parser *p);
/* zeroed */
void *gql_parse_node(struct gql_parser *p, size_t bytes);

/* constant: no variable may stand in it. */
struct gql_input *gql_parse_any(struct gql_parser *p, bool constant);
/* Those in parentheses, if there are any. */
bool gql_parse_arguments(struct gql_parser *p, bool constant, struct gql_input **args);
bool gql_parse_directives(struct gql_parser *p, bool constant, struct gql_applied **last);
/* Appends the ref of a type. */
bool gql_parse_type(struct gql_parser *p, struct buf *ref);

#endif
