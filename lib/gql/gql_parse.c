/* Recursive descent with one token ahead. A function takes what its name says and returns false
 * (or NULL) after an error was added; nothing is freed, the arena goes as a whole. GQL_DEPTH bounds
 * the recursion. A document of type definitions is refused where its first word stands: a client
 * has no schema to tell us. */
#include "gql/gql_parse.h"

#include "base/err.h"
#include "gql/gql_lex.h"

struct parser {
	struct gql_lex lex;
	struct gql_token now;
	struct gql_errors *errors;
	unsigned tokens, depth;
};

static bool parse_limit(struct parser *p, const char *what, unsigned limit)
{
	p->errors->refused = true;
	gql_error(p->errors, p->now.at, "the document has more than %u %s", limit, what);
	return false;
}

static bool advance(struct parser *p)
{
	if (!gql_lex_next(&p->lex, &p->now))
		return false;
	if (p->now.kind != GQL_T_END && ++p->tokens > GQL_TOKENS)
		return parse_limit(p, "tokens", GQL_TOKENS);
	return true;
}

static bool expected(struct parser *p, const char *what)
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

static bool is_word(const struct parser *p, const char *word)
{
	return p->now.kind == GQL_T_NAME && slice_is(p->now.text, word);
}

static bool take(struct parser *p, char kind, const char *what)
{
	return p->now.kind == kind ? advance(p) : expected(p, what);
}

static bool take_name(struct parser *p, struct slice *name, const char *what)
{
	*name = p->now.text;
	return take(p, GQL_T_NAME, what);
}

/* Goes one level down; each caller goes up again by itself. */
static bool descend(struct parser *p)
{
	return ++p->depth > GQL_DEPTH ? parse_limit(p, "levels", GQL_DEPTH) : true;
}

static void *new_node(struct parser *p, size_t bytes)
{
	return memset(arena_alloc(p->errors->arena, bytes), 0, bytes);
}

/* ---- values ---- */

static struct gql_input *parse_value(struct parser *p, bool constant);

/* NAME: value */
static struct gql_input *parse_member(struct parser *p, bool constant)
{
	struct gql_at at = p->now.at;
	struct slice name;
	struct gql_input *value;

	if (!take_name(p, &name, "a name") || !take(p, ':', "\":\"") ||
	    !(value = parse_value(p, constant)))
		return NULL;
	value->name = name;
	value->at = at;
	return value;
}

/* Items or members up to the byte `close`, which is taken too. */
static bool parse_items(struct parser *p, char close, bool constant, struct gql_input **last)
{
	while (p->now.kind != close) {
		struct gql_input *item = close == ']' ? parse_value(p, constant)
						      : parse_member(p, constant);
		if (!item)
			return false;
		*last = item;
		last = &item->next;
	}
	return advance(p);
}

static bool parse_nested(struct parser *p, struct gql_input *value, bool constant)
{
	bool list = p->now.kind == '[';

	value->kind = list ? GQL_IN_LIST : GQL_IN_OBJECT;
	if (!descend(p) || !advance(p) ||
	    !parse_items(p, list ? ']' : '}', constant, &value->first))
		return false;
	p->depth--;
	return true;
}

static bool parse_variable_use(struct parser *p, struct gql_input *value, bool constant)
{
	if (constant) {
		gql_error(p->errors, p->now.at, "a constant expected, not a variable");
		return false;
	}
	value->kind = GQL_IN_VARIABLE;
	return advance(p) && take_name(p, &value->text, "a variable's name");
}

static enum gql_input_kind word_kind(struct slice word)
{
	if (slice_is(word, "null"))
		return GQL_IN_NULL;
	return slice_is(word, "true") || slice_is(word, "false") ? GQL_IN_BOOL : GQL_IN_ENUM;
}

static struct gql_input *parse_value(struct parser *p, bool constant)
{
	struct gql_input *value = new_node(p, sizeof(*value));

	value->at = p->now.at;
	value->text = p->now.text;
	switch (p->now.kind) {
	case '[':
	case '{':
		return parse_nested(p, value, constant) ? value : NULL;
	case '$':
		return parse_variable_use(p, value, constant) ? value : NULL;
	case GQL_T_INT:
		value->kind = GQL_IN_INT;
		break;
	case GQL_T_FLOAT:
		value->kind = GQL_IN_FLOAT;
		break;
	case GQL_T_STRING:
		value->kind = GQL_IN_STRING;
		break;
	case GQL_T_NAME:
		value->kind = word_kind(value->text);
		break;
	default:
		expected(p, "a value");
		return NULL;
	}
	return advance(p) ? value : NULL;
}

/* ---- arguments, directives, types ---- */

static bool parse_arguments(struct parser *p, bool constant, struct gql_input **args)
{
	if (p->now.kind != '(')
		return true;
	if (!advance(p))
		return false;
	if (p->now.kind == ')')
		return expected(p, "an argument");
	return parse_items(p, ')', constant, args);
}

static bool parse_directives(struct parser *p, bool constant, struct gql_applied **last)
{
	while (p->now.kind == '@') {
		struct gql_applied *d = new_node(p, sizeof(*d));

		d->at = p->now.at;
		if (!advance(p) || !take_name(p, &d->name, "a directive's name") ||
		    !parse_arguments(p, constant, &d->args))
			return false;
		*last = d;
		last = &d->next;
	}
	return true;
}

/* Appends the ref of a type. */
static bool parse_type(struct parser *p, struct buf *ref)
{
	struct slice name;

	if (p->now.kind == '[') {
		buf_addc(ref, '[');
		if (!descend(p) || !advance(p) || !parse_type(p, ref) || !take(p, ']', "\"]\""))
			return false;
		p->depth--;
		buf_addc(ref, ']');
	} else {
		if (!take_name(p, &name, "a type"))
			return false;
		buf_adds(ref, name);
	}
	if (p->now.kind != '!')
		return true;
	buf_addc(ref, '!');
	return advance(p);
}

/* ---- selections ---- */

static bool parse_selections(struct parser *p, struct gql_selection **first);

static bool parse_field(struct parser *p, struct gql_selection *s)
{
	s->kind = GQL_SEL_FIELD;
	if (!take_name(p, &s->name, "a field"))
		return false;
	s->key = s->name;
	if (p->now.kind == ':' && (!advance(p) || !take_name(p, &s->name, "a field")))
		return false;
	return parse_arguments(p, false, &s->args) && parse_directives(p, false, &s->directives) &&
	       (p->now.kind != '{' || parse_selections(p, &s->first));
}

static bool parse_spread(struct parser *p, struct gql_selection *s)
{
	if (!advance(p))
		return false;
	if (p->now.kind == GQL_T_NAME && !is_word(p, "on")) {
		s->kind = GQL_SEL_SPREAD;
		return take_name(p, &s->name, "a fragment") &&
		       parse_directives(p, false, &s->directives);
	}
	s->kind = GQL_SEL_INLINE;
	if (is_word(p, "on") && (!advance(p) || !take_name(p, &s->name, "a type")))
		return false;
	return parse_directives(p, false, &s->directives) && parse_selections(p, &s->first);
}

/* A selection set, braces included. */
static bool parse_selections(struct parser *p, struct gql_selection **last)
{
	if (p->now.kind == '{' && !descend(p))
		return false;
	if (!take(p, '{', "\"{\""))
		return false;
	do {
		struct gql_selection *s = new_node(p, sizeof(*s));

		s->at = p->now.at;
		if (!(p->now.kind == '.' ? parse_spread(p, s) : parse_field(p, s)))
			return false;
		*last = s;
		last = &s->next;
	} while (p->now.kind != '}');
	p->depth--;
	return advance(p);
}

/* ---- definitions ---- */

/* [description] $NAME: type [= value] [directives] */
static bool parse_variable(struct parser *p, struct gql_variable *v)
{
	struct buf ref = { 0 };

	if (p->now.kind == GQL_T_STRING && !advance(p))
		return false;
	v->at = p->now.at;
	bool good = take(p, '$', "a variable") && take_name(p, &v->name, "a variable's name") &&
		    take(p, ':', "\":\"") && parse_type(p, &ref);
	v->ref = arena_copy(p->errors->arena, buf_slice(&ref));
	buf_fini(&ref);
	if (!good)
		return false;
	if (p->now.kind == '=' && (!advance(p) || !(v->value = parse_value(p, true))))
		return false;
	return parse_directives(p, true, &v->directives);
}

static bool parse_variables(struct parser *p, struct gql_variable **last)
{
	if (p->now.kind != '(')
		return true;
	if (!advance(p))
		return false;
	do {
		struct gql_variable *v = new_node(p, sizeof(*v));

		if (!parse_variable(p, v))
			return false;
		*last = v;
		last = &v->next;
	} while (p->now.kind != ')');
	return advance(p);
}

static bool parse_fragment(struct parser *p, struct gql_definition *d)
{
	d->kind = GQL_FRAGMENT;
	if (!advance(p))
		return false;
	if (is_word(p, "on"))
		return expected(p, "a fragment's name");
	if (!take_name(p, &d->name, "a fragment's name"))
		return false;
	if (!is_word(p, "on"))
		return expected(p, "\"on\"");
	return advance(p) && take_name(p, &d->on, "a type") &&
	       parse_directives(p, false, &d->directives) && parse_selections(p, &d->first);
}

static bool parse_operation(struct parser *p, struct gql_definition *d)
{
	if (is_word(p, "mutation"))
		d->kind = GQL_MUTATION;
	else if (is_word(p, "subscription"))
		d->kind = GQL_SUBSCRIPTION;
	else if (!is_word(p, "query"))
		return expected(p, "query, fragment or \"{\"");
	if (!advance(p))
		return false;
	if (p->now.kind == GQL_T_NAME && !take_name(p, &d->name, "a name"))
		return false;
	return parse_variables(p, &d->variables) && parse_directives(p, false, &d->directives) &&
	       parse_selections(p, &d->first);
}

static bool parse_definition(struct parser *p, struct gql_definition *d)
{
	bool described = p->now.kind == GQL_T_STRING;

	if (described && !advance(p))
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
	struct parser p = { .errors = errors };
	struct gql_doc *doc = new_node(&p, sizeof(*doc));
	struct gql_definition **last = &doc->first;

	if (text.n > GQL_TEXT_BYTES) {
		parse_limit(&p, "bytes", GQL_TEXT_BYTES);
		return NULL;
	}
	gql_lex_init(&p.lex, text, errors);
	if (!advance(&p))
		return NULL;
	do {
		struct gql_definition *d = new_node(&p, sizeof(*d));

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
	struct parser p = { .errors = &errors };
	const struct gql_input *value;

	gql_lex_init(&p.lex, slice_z(text), &errors);
	if (!advance(&p) || !(value = parse_value(&p, true)) || p.now.kind != GQL_T_END)
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
