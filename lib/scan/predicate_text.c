/* The characters of a condition, as the lexer of jq 1.6 cuts them; what it takes beyond JSON (.5,
 * 007, line breaks in strings, interpolation) is not of the subset.
 *
 * A wrong place is mostly one of a few habits of other languages (=, &&, 'text', a name without
 * its dot). They are known here by what stands at the place, each with what to write instead. */
#include "scan/predicate_parser.h"

#include <stdio.h>

#include "json/json.h"
#include "scan/scan_internal.h"

enum { SHOWN_BYTES = 200 };

static bool is_name_byte(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

void predicate_skip(struct predicate_reader *r)
{
	for (;; r->at++) {
		char c = predicate_peek(r);
		if (c == '#') {
			while (r->at < r->text.n && predicate_peek(r) != '\n')
				r->at++;
			if (r->at == r->text.n)
				return;
		} else if (c != ' ' && c != '\t' && c != '\n') {
			return;
		}
	}
}

struct slice predicate_word(const struct predicate_reader *r)
{
	size_t end = r->at;
	while (end < r->text.n && is_name_byte(r->text.p[end], end == r->at))
		end++;
	return slice(r->text.p + r->at, end - r->at);
}

bool predicate_take(struct predicate_reader *r, const char *text)
{
	size_t n = strlen(text);
	predicate_skip(r);
	if (r->text.n - r->at < n || memcmp(r->text.p + r->at, text, n) != 0)
		return false;
	r->at += n;
	return true;
}

bool predicate_take_word(struct predicate_reader *r, const char *word)
{
	predicate_skip(r);
	struct slice found = predicate_word(r);
	if (!slice_is(found, word))
		return false;
	r->at += found.n;
	return true;
}

/* The string that begins at the place, quotes included; up to the end where it does not end. */
static struct slice quoted_at(const struct predicate_reader *r)
{
	size_t end = r->at + 1;
	while (end < r->text.n && r->text.p[end] != '"')
		end += r->text.p[end] == '\\' ? 2 : 1;
	end = end < r->text.n ? end + 1 : r->text.n;
	return slice(r->text.p + r->at, end - r->at);
}

bool predicate_string(struct predicate_reader *r, struct slice *out)
{
	struct slice quoted = quoted_at(r);
	struct json json = { 0 };
	struct buf decoded = { 0 };
	const char *reason = NULL;
	if (predicate_peek(r) != '"')
		return predicate_fail(r, "a string in double quotes");
	if (json_parse(&json, quoted, NULL))
		reason = "not a JSON string";
	else if (json_string(&json, 0, &decoded))
		reason = "half of a surrogate pair";
	else
		*out = arena_copy(&r->p->texts, slice(decoded.n ? decoded.p : "", decoded.n));
	json_fini(&json);
	buf_fini(&decoded);
	if (reason)
		return predicate_fail_at(r, r->at, reason);
	r->at += quoted.n;
	return true;
}

bool predicate_number(struct predicate_reader *r, struct slice *out)
{
	size_t start = r->at;
	bool negative = predicate_take(r, "-");
	predicate_skip(r);
	size_t end = r->at;
	while (end < r->text.n && (is_name_byte(r->text.p[end], false) || r->text.p[end] == '.' ||
				   ((r->text.p[end] == '-' || r->text.p[end] == '+') &&
				    (r->text.p[end - 1] | 0x20) == 'e')))
		end++;
	char *text = arena_alloc(&r->p->texts, end - r->at + 2);
	size_t n = end - r->at + negative;
	text[0] = '-';
	memcpy(text + negative, r->text.p + r->at, end - r->at);
	text[n] = '\n';
	if (scan_number(text) != text + n)
		return predicate_fail_at(r, start, "not a JSON number");
	r->at = end;
	*out = slice(text, n);
	return true;
}

bool predicate_fail_at(struct predicate_reader *r, size_t at, const char *reason)
{
	int n = r->text.n < SHOWN_BYTES ? (int)r->text.n : SHOWN_BYTES;
	err_set(r->err, EX_USAGE, "condition \"%.*s\", character %zu: %s", n, n ? r->text.p : "",
		at + 1, reason);
	return false;
}

static const struct habit {
	const char *text, *instead;
} signs[] = {
	{ "=", "\"=\" assigns, write \"==\"" },
	{ "&", "write \"and\"" },
	{ "|", "behind \"|\" a condition is only followed by \"not\"" },
	{ "!", "write \"!=\", or (..) | not" },
	{ "'", "strings have double quotes" },
	{ "[", "a list is .path | IN(500, 502)" },
	{ ".", "a path has names only: .a.b, .\"a name\"" },
}, words[] = {
	{ "and", "write \"and\"" },
	{ "endswith", "write .path | endswith(\"x\")" },
	{ "false", "write \"false\"" },
	{ "has", "write has(\"name\")" },
	{ "in", "a list is .path | IN(500, 502)" },
	{ "is", "write \"==\"" },
	{ "like", "write .path | startswith(\"x\") or .path | test(\"x\")" },
	{ "none", "write \"null\"" },
	{ "nil", "write \"null\"" },
	{ "not", "\"not\" stands behind: (..) | not" },
	{ "null", "write \"null\"" },
	{ "or", "write \"or\"" },
	{ "startswith", "write .path | startswith(\"x\")" },
	{ "true", "write \"true\"" },
};

static const char *instead_of_sign(const struct predicate_reader *r)
{
	const char *place = r->text.p + r->at;
	if (r->at > 0 && place[-1] == '<' && *place == '>')
		return "write \"!=\"";
	if (r->text.n - r->at > 1 && place[0] == '|' && place[1] == '|')
		return "write \"or\"";
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (*place == *signs[i].text)
			return signs[i].instead;
	return NULL;
}

/* A name of a function, perhaps nearly or in other letters, else a path without its dot. */
static const char *instead_of_word(struct predicate_reader *r, struct slice word)
{
	const char *names[sizeof(words) / sizeof(*words) + 1] = { NULL };
	char *lower = arena_alloc(&r->p->texts, word.n + 1);
	for (size_t i = 0; i < word.n; i++)
		lower[i] = (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] | 0x20
								       : word.p[i]);
	lower[word.n] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		names[i] = words[i].text;
	const char *nearest = str_nearest(lower, names);
	for (size_t i = 0; nearest && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].text, nearest) == 0)
			return words[i].instead;
	return word.p + word.n < r->text.p + r->text.n && word.p[word.n] == '('
		       ? "only jq itself may know this function"
		       : "a path begins with a dot";
}

/* Bytes of the character at the place. */
static int character_bytes(const struct predicate_reader *r)
{
	size_t end = r->at + 1;
	while (end < r->text.n && ((unsigned char)r->text.p[end] & 0xc0) == 0x80)
		end++;
	return (int)(end - r->at);
}

bool predicate_fail(struct predicate_reader *r, const char *wanted)
{
	char reason[400];
	predicate_skip(r);
	struct slice word = predicate_word(r);
	if (r->at >= r->text.n) {
		snprintf(reason, sizeof(reason), "ends where %s is expected", wanted);
		return predicate_fail_at(r, r->at, reason);
	}
	const char *instead = word.n ? instead_of_word(r, word) : instead_of_sign(r);
	snprintf(reason, sizeof(reason), "\"%.*s\" where %s is expected%s%s%s",
		 word.n ? (int)(word.n < 40 ? word.n : 40) : character_bytes(r), r->text.p + r->at,
		 wanted, instead ? " (" : "", instead ? instead : "", instead ? ")" : "");
	return predicate_fail_at(r, r->at, reason);
}
