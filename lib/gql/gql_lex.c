/* One token a call, nothing is read ahead. Lines and columns are counted from the last token to
 * this one, so that each byte is counted once however long its line is. */
#include "gql/gql_lex.h"

#include "gql/gql_lex_internal.h"

enum { MARK_BYTES = 3 };

void gql_lex_init(struct gql_lex *lex, struct slice text, struct gql_errors *errors)
{
	*lex = (struct gql_lex){
		.p = text.p,
		.end = text.p + text.n,
		.counted = text.p,
		.at = { 1, 1 },
		.errors = errors,
	};
}

/* The place of `to`, which is not before any that was asked for. */
static struct gql_at place_of(struct gql_lex *lex, const char *to)
{
	for (; lex->counted < to; lex->counted++) {
		unsigned char c = (unsigned char)*lex->counted;
		bool pair = c == '\r' && lex->counted + 1 < lex->end && lex->counted[1] == '\n';

		if ((c == '\n' || c == '\r') && !pair)
			lex->at = (struct gql_at){ lex->at.line + 1, 1 };
		else if ((c & 0xc0) != 0x80 && !pair)
			lex->at.column++;
	}
	return lex->at;
}

bool gql_lex_error(struct gql_lex *lex, const char *at, const char *message)
{
	gql_error(lex->errors, place_of(lex, at), "%s", message);
	return false;
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip_ignored(struct gql_lex *lex)
{
	while (lex->p < lex->end) {
		char c = *lex->p;
		if (c == '#') {
			while (lex->p < lex->end && *lex->p != '\n' && *lex->p != '\r')
				lex->p++;
		} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
			lex->p++;
		} else if (str_mark(slice(lex->p, (size_t)(lex->end - lex->p)))) {
			lex->p += MARK_BYTES;
		} else {
			return;
		}
	}
}

/* ---- numbers ---- */

static bool skip_digits(struct gql_lex *lex, const char **p)
{
	if (!gql_lex_digit(gql_lex_byte(lex, *p)))
		return gql_lex_error(lex, *p, "a number lacks a digit here");
	while (gql_lex_digit(gql_lex_byte(lex, *p)))
		++*p;
	return true;
}

static bool lex_number(struct gql_lex *lex, struct gql_token *t)
{
	const char *p = lex->p;

	t->kind = GQL_T_INT;
	if (*p == '-')
		p++;
	if (gql_lex_byte(lex, p) == '0')
		p++;
	else if (!skip_digits(lex, &p))
		return false;
	if (gql_lex_byte(lex, p) == '.') {
		t->kind = GQL_T_FLOAT;
		p++;
		if (!skip_digits(lex, &p))
			return false;
	}
	if ((gql_lex_byte(lex, p) | 0x20) == 'e') {
		t->kind = GQL_T_FLOAT;
		p++;
		if (gql_lex_byte(lex, p) == '+' || gql_lex_byte(lex, p) == '-')
			p++;
		if (!skip_digits(lex, &p))
			return false;
	}
	char c = gql_lex_byte(lex, p);
	if (gql_lex_digit(c) || is_name_start(c) || c == '.')
		return gql_lex_error(lex, p, "a number ends here, and no blank follows");
	t->text = slice(lex->p, (size_t)(p - lex->p));
	lex->p = p;
	return true;
}

/* ---- a token ---- */

static bool lex_name(struct gql_lex *lex, struct gql_token *t)
{
	const char *p = lex->p;

	while (is_name_start(gql_lex_byte(lex, p)) || gql_lex_digit(gql_lex_byte(lex, p)))
		p++;
	t->kind = GQL_T_NAME;
	t->text = slice(lex->p, (size_t)(p - lex->p));
	lex->p = p;
	return true;
}

static bool lex_other(struct gql_lex *lex, struct gql_token *t)
{
	if (lex->end - lex->p >= 3 && memcmp(lex->p, "...", 3) == 0) {
		t->kind = '.';
		t->text = slice(lex->p, 3);
		lex->p += 3;
		return true;
	}
	if (*lex->p == '\0' || !strchr("!$&():=@[]{}|", *lex->p))
		return gql_lex_error(lex, lex->p, "a character that begins nothing in GraphQL");
	t->kind = *lex->p;
	t->text = slice(lex->p++, 1);
	return true;
}

bool gql_lex_next(struct gql_lex *lex, struct gql_token *t)
{
	skip_ignored(lex);
	*t = (struct gql_token){ .at = place_of(lex, lex->p), .text = slice(lex->p, 0) };
	if (lex->p == lex->end)
		return true;
	char c = *lex->p;
	if (is_name_start(c))
		return lex_name(lex, t);
	if (gql_lex_digit(c) || c == '-')
		return lex_number(lex, t);
	if (c == '"')
		return gql_lex_quotes(lex, lex->p) ? gql_lex_block(lex, t) : gql_lex_string(lex, t);
	return lex_other(lex, t);
}
