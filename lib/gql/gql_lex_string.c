/* A string is decoded into a piece of the arena as long as its text: no escape is longer decoded
 * than written (\u{1F600} is nine bytes and becomes four, \u00e9 six and becomes two). A block
 * string is first copied with \""" decoded, then its lines move to the front: the common indent is
 * taken from all but the first, empty lines at both ends go. */
#include "gql/gql_lex_internal.h"

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

static int hex_value(char c)
{
	if (gql_lex_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads \uXXXX or \u{X..}; p stands behind the u. False: not one. */
static bool read_unicode(const struct gql_lex *lex, const char **p, uint32_t *out)
{
	bool braces = gql_lex_byte(lex, *p) == '{';
	unsigned digits = 0;
	uint32_t c = 0;

	*p += braces;
	for (int v; (braces || digits < 4) && (v = hex_value(gql_lex_byte(lex, *p))) >= 0; ++*p) {
		c = c << 4 | (uint32_t)v;
		if (++digits > 8 || c > 0x10ffff)
			return false;
	}
	if (braces && (digits == 0 || gql_lex_byte(lex, (*p)++) != '}'))
		return false;
	*out = c;
	return braces || digits == 4;
}

/* A surrogate pair is two of four digits. False: no character. */
static bool read_character(const struct gql_lex *lex, const char **p, uint32_t *c)
{
	uint32_t low;

	bool braces = gql_lex_byte(lex, *p) == '{';
	if (!read_unicode(lex, p, c))
		return false;
	if (*c < 0xd800 || *c > 0xdfff)
		return true;
	if (braces || *c > 0xdbff || gql_lex_byte(lex, *p) != '\\' ||
	    gql_lex_byte(lex, *p + 1) != 'u' || gql_lex_byte(lex, *p + 2) == '{')
		return false;
	*p += 2;
	if (!read_unicode(lex, p, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Decodes the escape at *p, which is a backslash. */
static bool lex_escape(struct gql_lex *lex, const char **p, char **to)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *at = *p;
	char c = gql_lex_byte(lex, at + 1);
	const char *found = c ? strchr(letters, c) : NULL;
	uint32_t code;

	*p += 2;
	if (found) {
		*(*to)++ = meant[found - letters];
		return true;
	}
	if (c != 'u' || !read_character(lex, p, &code))
		return gql_lex_error(lex, at,
				     "an escape that is none: \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
				     "\\uXXXX \\u{X} of a character");
	*to = put_utf8(*to, code);
	return true;
}

bool gql_lex_string(struct gql_lex *lex, struct gql_token *t)
{
	const char *p = lex->p + 1, *end = p;

	while (end < lex->end && *end != '"' && *end != '\n' && *end != '\r')
		end += *end == '\\' && end + 1 < lex->end ? 2 : 1;
	char *text = arena_alloc(lex->errors->arena, (size_t)(end - p) + 1), *to = text;
	while (p < lex->end && *p != '"' && *p != '\n' && *p != '\r') {
		if (*p != '\\')
			*to++ = *p++;
		else if (!lex_escape(lex, &p, &to))
			return false;
	}
	if (gql_lex_byte(lex, p) != '"')
		return gql_lex_error(lex, p, "a string does not end in its line");
	t->kind = GQL_T_STRING;
	t->text = slice(text, (size_t)(to - text));
	lex->p = p + 1;
	return true;
}

/* ---- block strings ---- */

/* Takes the next line off *rest; false: there is none. */
static bool next_line(struct slice *rest, struct slice *line)
{
	size_t n = 0;

	if (!rest->p)
		return false;
	while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
		n++;
	*line = slice(rest->p, n);
	if (n == rest->n) {
		rest->p = NULL;
		return true;
	}
	n += rest->p[n] == '\r' && n + 1 < rest->n && rest->p[n + 1] == '\n' ? 2 : 1;
	*rest = slice(rest->p + n, rest->n - n);
	return true;
}

static size_t indent_of(struct slice line)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n;
}

/* BlockStringValue of the specification. The result is written over the text itself: a line never
 * becomes longer, its end neither. */
static struct slice dedent_block(char *text, size_t n)
{
	struct slice rest = slice(text, n), line;
	size_t common = SIZE_MAX, number = 0, first = SIZE_MAX, last = 0;
	char *to = text;

	for (; next_line(&rest, &line); number++) {
		size_t indent = indent_of(line);
		if (indent == line.n)
			continue;
		first = first == SIZE_MAX ? number : first;
		last = number;
		if (number > 0 && indent < common)
			common = indent;
	}
	if (first == SIZE_MAX)
		return slice(text, 0);
	rest = slice(text, n);
	for (number = 0; next_line(&rest, &line) && number <= last; number++) {
		size_t cut = number == 0 || common == SIZE_MAX ? 0 : common;
		if (number < first)
			continue;
		cut = cut < line.n ? cut : line.n;
		if (number > first)
			*to++ = '\n';
		memmove(to, line.p + cut, line.n - cut);
		to += line.n - cut;
	}
	return slice(text, (size_t)(to - text));
}

bool gql_lex_block(struct gql_lex *lex, struct gql_token *t)
{
	const char *p = lex->p + 3;

	while (p < lex->end && !gql_lex_quotes(lex, p))
		p += *p == '\\' && gql_lex_quotes(lex, p + 1) ? 4 : 1;
	if (p >= lex->end)
		return gql_lex_error(lex, lex->end, "a block string does not end");
	char *text = arena_alloc(lex->errors->arena, (size_t)(p - lex->p)), *to = text;
	for (const char *from = lex->p + 3; from < p;) {
		if (*from != '\\' || !gql_lex_quotes(lex, from + 1)) {
			*to++ = *from++;
			continue;
		}
		memcpy(to, from + 1, 3);
		to += 3;
		from += 4;
	}
	t->kind = GQL_T_STRING;
	t->text = dedent_block(text, (size_t)(to - text));
	lex->p = p + 3;
	return true;
}
