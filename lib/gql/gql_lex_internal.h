/* What gql_lex and gql_lex_string share. */
#ifndef GQL_GQL_LEX_INTERNAL_H
#define GQL_GQL_LEX_INTERNAL_H

#include "gql/gql_lex.h"

static inline bool gql_lex_digit(char c)
{
	return c >= '0' && c <= '9';
}
/* The byte at p, NUL behind the end. */
static inline char gql_lex_byte(const struct gql_lex *lex, const char *p)
{
	return p < lex->end ? *p : '\0';
}
/* Do three quotes stand there? */
static inline bool gql_lex_quotes(const struct gql_lex *lex, const char *p)
{
	return lex->end - p >= 3 && memcmp(p, "\"\"\"", 3) == 0;
}

/* Adds an error at a place that is not before any that was asked for. False. */
bool gql_lex_error(struct gql_lex *lex, const char *at, const char *message);
/* lex->p stands at the quote, or the three. */
bool gql_lex_string(struct gql_lex *lex, struct gql_token *token);
bool gql_lex_block(struct gql_lex *lex, struct gql_token *token);

#endif
