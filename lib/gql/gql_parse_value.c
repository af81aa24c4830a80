/* The parts of the grammar below selections. */
#include "gql/gql_parse_internal.h"

/* ---- values ---- */

/* NAME: value */
static struct gql_input *parse_member(struct gql_parser *p, bool constant)
{
	struct gql_at at = p->now.at;
	struct slice name;
	struct gql_input *value;

	if (!gql_take_name(p, &name, "a name") || !gql_take(p, ':', "\":\"") ||
	    !(value = gql_parse_any(p, constant)))
		return NULL;
	value->name = name;
	value->at = at;
	return value;
}

/* Items or members up to the byte `close`, which is taken too. */
static bool parse_items(struct gql_parser *p, char close, bool constant, struct gql_input **last)
{
	while (p->now.kind != close) {
		struct gql_input *item = close == ']' ? gql_parse_any(p, constant)
						      : parse_member(p, constant);
		if (!item)
			return false;
		*last = item;
		last = &item->next;
	}
	return gql_advance(p);
}

static bool parse_nested(struct gql_parser *p, struct gql_input *value, bool constant)
{
	bool list = p->now.kind == '[';

	value->kind = list ? GQL_IN_LIST : GQL_IN_OBJECT;
	if (!gql_descend(p) || !gql_advance(p) ||
	    !parse_items(p, list ? ']' : '}', constant, &value->first))
		return false;
	p->depth--;
	return true;
}

static bool parse_variable_use(struct gql_parser *p, struct gql_input *value, bool constant)
{
	if (constant) {
		gql_error(p->errors, p->now.at, "a constant expected, not a variable");
		return false;
	}
	value->kind = GQL_IN_VARIABLE;
	return gql_advance(p) && gql_take_name(p, &value->text, "a variable's name");
}

static enum gql_input_kind word_kind(struct slice word)
{
	if (slice_is(word, "null"))
		return GQL_IN_NULL;
	return slice_is(word, "true") || slice_is(word, "false") ? GQL_IN_BOOL : GQL_IN_ENUM;
}

struct gql_input *gql_parse_any(struct gql_parser *p, bool constant)
{
	struct gql_input *value = gql_parse_node(p, sizeof(*value));

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
		gql_expected(p, "a value");
		return NULL;
	}
	return gql_advance(p) ? value : NULL;
}

/* ---- arguments, directives, types ---- */

bool gql_parse_arguments(struct gql_parser *p, bool constant, struct gql_input **args)
{
	if (p->now.kind != '(')
		return true;
	if (!gql_advance(p))
		return false;
	if (p->now.kind == ')')
		return gql_expected(p, "an argument");
	return parse_items(p, ')', constant, args);
}

bool gql_parse_directives(struct gql_parser *p, bool constant, struct gql_applied **last)
{
	while (p->now.kind == '@') {
		struct gql_applied *d = gql_parse_node(p, sizeof(*d));

		d->at = p->now.at;
		if (!gql_advance(p) || !gql_take_name(p, &d->name, "a directive's name") ||
		    !gql_parse_arguments(p, constant, &d->args))
			return false;
		*last = d;
		last = &d->next;
	}
	return true;
}

bool gql_parse_type(struct gql_parser *p, struct buf *ref)
{
	struct slice name;

	if (p->now.kind == '[') {
		buf_addc(ref, '[');
		if (!gql_descend(p) || !gql_advance(p) || !gql_parse_type(p, ref) ||
		    !gql_take(p, ']', "\"]\""))
			return false;
		p->depth--;
		buf_addc(ref, ']');
	} else {
		if (!gql_take_name(p, &name, "a type"))
			return false;
		buf_adds(ref, name);
	}
	if (p->now.kind != '!')
		return true;
	buf_addc(ref, '!');
	return gql_advance(p);
}
