/* Tokens of a document (specification, section 2.1): comments, commas, blanks and byte order marks
 * are passed over, strings are decoded. */
#ifndef GQL_GQL_LEX_H
#define GQL_GQL_LEX_H

#include "gql/gql_error.h"

/* `kind` is the punctuator's own byte, '.' for "...", or one of these. */
enum { GQL_T_END = 0, GQL_T_NAME = 'n', GQL_T_INT = 'i', GQL_T_FLOAT = 'f', GQL_T_STRING = 's' };

struct gql_token {
	char kind;
	struct gql_at at;
	struct slice text; /* of a string: decoded, in the arena */
};

struct gql_lex {
	const char *p, *end;
	const char *counted; /* up to here lines and columns are counted */
	struct gql_at at;    /* the place of `counted` */
	struct gql_errors *errors;
};

/* The text must be UTF-8 and stay. */
void gql_lex_init(struct gql_lex *lex, struct slice text, struct gql_errors *errors);
/* The next token. False: an error was added. */
bool gql_lex_next(struct gql_lex *lex, struct gql_token *token);

#endif
