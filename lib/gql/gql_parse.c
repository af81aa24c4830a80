/* Recursive descent with one token ahead. A function takes what its name says and returns false
 * (or NULL) after an error was added; nothing is freed, the arena goes as a whole. GQL_DEPTH bounds
 * the recursion. A document of type definitions is refused where its first word stands: a client
 * has no schema to tell us. */
#include "gql/gql_parse.h"

#include "base/err.h"
#include "gql/gql_parse_internal.h"

static bool parse_limit(struct gql_parser *p, const char *what, unsigned limit)
{
	p->errors->refused = true;
	gql_error(p->errors, p->now.at, "the document has more than %u %s", limit, what);
	return false;
}

bool gql_advance(struct gql_parser *p)
{
	if (!gql_lex_next(&p->lex, &p->now))
		return false;
	if (p->now.kind != GQL_T_END && ++p->tokens > GQL_TOKENS)
		return parse_limit(p, "tokens", GQL_TOKENS);
	return true;
}

bool gql_expected(struct gql_parser *p, const char *what)
{
	if (p->now.kind == GQL_T_END)
		gql_error(p->errors, p->now.at, "%s expected, but the document ends", what);
	else if (p->now.kind == GQL_T_STRING)
		gql_error(p->errors, p->now.at, "%s expected, not a string", what);
	else
		gql_error(p->errors, p->now.at, "%s expected, not \"%.*s\"", what,
			  GQL_NAME(p->now.text));
	return false;
}

static bool is_word(const struct gql_parser *p, const char *word)
{
	return p->now.kind == GQL_T_NAME && slice_is(p->now.text, word);
}

bool gql_take(struct gql_parser *p, char kind, const char *what)
{
	return p->now.kind == kind ? gql_advance(p) : gql_expected(p, what);
}

bool gql_take_name(struct gql_parser *p, struct slice *name, const char *what)
{
	*name = p->now.text;
	return gql_take(p, GQL_T_NAME, what);
}

bool gql_descend(struct gql_parser *p)
{
	return ++p->depth > GQL_DEPTH ? parse_limit(p, "levels", GQL_DEPTH) : true;
}

void *gql_parse_node(struct gql_parser *p, size_t bytes)
{
	return memset(arena_alloc(p->errors->arena, bytes), 0, bytes);
}

/* ---- selections ---- */

static bool parse_selections(struct gql_parser *p, struct gql_selection **first);

static bool parse_field(struct gql_parser *p, struct gql_selection *s)
{
	s->kind = GQL_SEL_FIELD;
	if (!gql_take_name(p, &s->name, "a field"))
		return false;
	s->key = s->name;
	if (p->now.kind == ':' && (!gql_advance(p) || !gql_take_name(p, &s->name, "a field")))
		return false;
	return gql_parse_arguments(p, false, &s->args) &&
	       gql_parse_directives(p, false, &s->directives) &&
	       (p->now.kind != '{' || parse_selections(p, &s->first));
}

static bool parse_spread(struct gql_parser *p, struct gql_selection *s)
{
	if (!gql_advance(p))
		return false;
	if (p->now.kind == GQL_T_NAME && !is_word(p, "on")) {
		s->kind = GQL_SEL_SPREAD;
		return gql_take_name(p, &s->name, "a fragment") &&
		       gql_parse_directives(p, false, &s->directives);
	}
	s->kind = GQL_SEL_INLINE;
	if (is_word(p, "on") && (!gql_advance(p) || !gql_take_name(p, &s->name, "a type")))
		return false;
	return gql_parse_directives(p, false, &s->directives) && parse_selections(p, &s->first);
}

/* A selection set, braces included. */
static bool parse_selections(struct gql_parser *p, struct gql_selection **last)
{
	if (p->now.kind == '{' && !gql_descend(p))
		return false;
	if (!gql_take(p, '{', "\"{\""))
		return false;
	do {
		struct gql_selection *s = gql_parse_node(p, sizeof(*s));

		s->at = p->now.at;
		if (!(p->now.kind == '.' ? parse_spread(p, s) : parse_field(p, s)))
			return false;
		*last = s;
		last = &s->next;
	} while (p->now.kind != '}');
	p->depth--;
	return gql_advance(p);
}

/* ---- definitions ---- */

/* [description] $NAME: type [= value] [directives] */
static bool parse_variable(struct gql_parser *p, struct gql_variable *v)
{
	struct buf ref = { 0 };

	if (p->now.kind == GQL_T_STRING && !gql_advance(p))
		return false;
	v->at = p->now.at;
	bool good = gql_take(p, '$', "a variable") &&
		    gql_take_name(p, &v->name, "a variable's name") && gql_take(p, ':', "\":\"") &&
		    gql_parse_type(p, &ref);
	v->ref = arena_copy(p->errors->arena, buf_slice(&ref));
	buf_fini(&ref);
	if (!good)
		return false;
	if (p->now.kind == '=' && (!gql_advance(p) || !(v->value = gql_parse_any(p, true))))
		return false;
	return gql_parse_directives(p, true, &v->directives);
}

static bool parse_variables(struct gql_parser *p, struct gql_variable **last)
{
	if (p->now.kind != '(')
		return true;
	if (!gql_advance(p))
		return false;
	do {
		struct gql_variable *v = gql_parse_node(p, sizeof(*v));

		if (!parse_variable(p, v))
			return false;
		*last = v;
		last = &v->next;
	} while (p->now.kind != ')');
	return gql_advance(p);
}

static bool parse_fragment(struct gql_parser *p, struct gql_definition *d)
{
	d->kind = GQL_FRAGMENT;
	if (!gql_advance(p))
		return false;
	if (is_word(p, "on"))
		return gql_expected(p, "a fragment's name");
	if (!gql_take_name(p, &d->name, "a fragment's name"))
		return false;
	if (!is_word(p, "on"))
		return gql_expected(p, "\"on\"");
	return gql_advance(p) && gql_take_name(p, &d->on, "a type") &&
	       gql_parse_directives(p, false, &d->directives) && parse_selections(p, &d->first);
}

static bool parse_operation(struct gql_parser *p, struct gql_definition *d)
{
	if (is_word(p, "mutation"))
		d->kind = GQL_MUTATION;
	else if (is_word(p, "subscription"))
		d->kind = GQL_SUBSCRIPTION;
	else if (!is_word(p, "query"))
		return gql_expected(p, "query, fragment or \"{\"");
	if (!gql_advance(p))
		return false;
	if (p->now.kind == GQL_T_NAME && !gql_take_name(p, &d->name, "a name"))
		return false;
	return parse_variables(p, &d->variables) &&
	       gql_parse_directives(p, false, &d->directives) && parse_selections(p, &d->first);
}

static bool parse_definition(struct gql_parser *p, struct gql_definition *d)
{
	bool described = p->now.kind == GQL_T_STRING;

	if (described && !gql_advance(p))
		return false;
	d->at = p->now.at;
	if (p->now.kind == '{' && !described)
		return parse_selections(p, &d->first);
	if (is_word(p, "fragment"))
		return parse_fragment(p, d);
	return parse_operation(p, d);
}

struct gql_doc *gql_parse(struct slice text, struct gql_errors *errors)
{
	struct gql_parser p = { .errors = errors };
	struct gql_doc *doc = gql_parse_node(&p, sizeof(*doc));
	struct gql_definition **last = &doc->first;

	if (text.n > GQL_TEXT_BYTES) {
		parse_limit(&p, "bytes", GQL_TEXT_BYTES);
		return NULL;
	}
	gql_lex_init(&p.lex, text, errors);
	if (!gql_advance(&p))
		return NULL;
	do {
		struct gql_definition *d = gql_parse_node(&p, sizeof(*d));

		if (!parse_definition(&p, d))
			return NULL;
		*last = d;
		last = &d->next;
	} while (p.now.kind != GQL_T_END);
	return doc;
}

const struct gql_input *gql_parse_value(const char *text, struct arena *arena)
{
	struct gql_errors errors = { .arena = arena };
	struct gql_parser p = { .errors = &errors };
	const struct gql_input *value;

	gql_lex_init(&p.lex, slice_z(text), &errors);
	if (!gql_advance(&p) || !(value = gql_parse_any(&p, true)) || p.now.kind != GQL_T_END)
		BUG("a table of GraphQL has the default %s", text);
	return value;
}

struct gql_definition *gql_fragment(const struct gql_doc *doc, struct slice name)
{
	for (struct gql_definition *d = doc->first; d; d = d->next)
		if (d->kind == GQL_FRAGMENT && slice_eq(d->name, name))
			return d;
	return NULL;
}

const struct gql_input *gql_input(const struct gql_input *list, struct slice name)
{
	for (; list; list = list->next)
		if (slice_eq(list->name, name))
			return list;
	return NULL;
}
