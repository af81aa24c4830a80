/* Paths as jq writes them: a step is .name, ."any text", ["any text"]; the first may lack its
 * dot. Names are decoded into one text, one after the other; the steps are slices of it. */
#include "json/path.h"

#include <stdlib.h>

#include "json/json.h"

struct reader {
	struct slice text;
	size_t at;
	struct err *err;
	struct path *path;
	struct buf names; /* moves while it grows: steps are offsets until the end */
	size_t start[PATH_STEPS];
};

static bool is_word(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static bool is_identifier(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_word(s.p[i], i == 0))
			return false;
	return s.n > 0;
}

static int fail_path(struct reader *r, const char *reason)
{
	enum { SHOWN = 200 };
	int n = r->text.n < SHOWN ? (int)r->text.n : SHOWN;
	return err_set(r->err, EX_USAGE,
		       "path \"%.*s\", character %zu: %s "
		       "(like user_id, .payload.price, .\"http.status\", .a[\"b.c\"])",
		       n, n ? r->text.p : "", r->at + 1, reason);
}

static char peek_char(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static void take_word(struct reader *r)
{
	size_t start = r->at;
	while (is_word(peek_char(r), false))
		r->at++;
	buf_add(&r->names, r->text.p + start, r->at - start);
}

/* The length of the string that starts at the quote p[0], quotes included; n where it does not
 * end. */
static size_t string_length(const char *p, size_t n)
{
	size_t i = 1;
	while (i < n && p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return i < n ? i + 1 : n;
}

static int take_quoted(struct reader *r)
{
	struct slice s = slice(r->text.p + r->at,
			       string_length(r->text.p + r->at, r->text.n - r->at));
	struct json json = { 0 };
	size_t before = r->names.n;
	const char *reason = NULL;
	if (json_parse(&json, s, NULL))
		reason = "not a JSON string";
	else if (json_string(&json, 0, &r->names))
		reason = "half of a surrogate pair";
	else if (r->names.n > before && memchr(r->names.p + before, 0, r->names.n - before))
		reason = "a NUL in a name";
	json_fini(&json);
	if (reason)
		return fail_path(r, reason);
	r->at += s.n;
	return 0;
}

static int take_bracket(struct reader *r)
{
	r->at++;
	if (peek_char(r) != '"')
		return fail_path(r, "only members of objects can be named, by [\"name\"]");
	if (take_quoted(r))
		return -1;
	if (peek_char(r) != ']')
		return fail_path(r, "] expected");
	r->at++;
	return 0;
}

static int take_step(struct reader *r)
{
	bool dot = peek_char(r) == '.';
	if (r->path->n == PATH_STEPS)
		return fail_path(r, "more than 16 steps");
	r->start[r->path->n++] = r->names.n;
	if (!dot && r->path->n > 1 && peek_char(r) != '[')
		return fail_path(r, "a dot expected; a name that is more than letters, digits and "
				    "_ needs quotes");
	r->at += dot;
	if (is_word(peek_char(r), true))
		take_word(r);
	else if (peek_char(r) == '"')
		return take_quoted(r);
	else if (peek_char(r) == '[')
		return take_bracket(r);
	else
		return fail_path(r, "a name expected; one that is more than letters, digits and _ "
				    "needs quotes");
	return 0;
}

static void finish_path(struct reader *r)
{
	struct path *p = r->path;
	struct buf name = { 0 };
	p->text = r->names.p ? r->names.p : buf_room(&r->names, 1);
	for (unsigned i = 0; i < p->n; i++) {
		size_t end = i + 1 < p->n ? r->start[i + 1] : r->names.n;
		p->step[i] = slice(p->text + r->start[i], end - r->start[i]);
		if (i > 0)
			buf_addc(&name, '.');
		buf_adds(&name, p->step[i]);
	}
	buf_z(&name);
	p->name = name.p;
}

int path_parse(struct path *p, struct slice text, struct err *err)
{
	struct reader r = { .text = text, .err = err, .path = p };
	*p = (struct path){ 0 };
	do {
		if (take_step(&r)) {
			buf_fini(&r.names);
			*p = (struct path){ 0 };
			return -1;
		}
	} while (r.at < text.n);
	finish_path(&r);
	return 0;
}

void path_fini(struct path *p)
{
	free(p->name);
	free(p->text);
	*p = (struct path){ 0 };
}

void path_canonical(const struct path *p, struct buf *out)
{
	for (unsigned i = 0; i < p->n; i++) {
		buf_addc(out, '.');
		if (is_identifier(p->step[i]))
			buf_adds(out, p->step[i]);
		else
			json_quote(out, p->step[i]);
	}
}
