/* Variables where they are used. The walk goes through the fragments of one operation, each once:
 * what a fragment uses does not depend on where it is spread. Types that are not known (the rule
 * about them was broken elsewhere) let any variable pass. */
#include "gql/gql_check_internal.h"

struct use {
	struct gql_checking *c;
	struct gql_definition *operation;
};

/* Is every value of the one type a value of the other? */
static bool is_subtype(struct slice sub, struct slice super)
{
	if (gql_ref_required(super)) {
		if (!gql_ref_required(sub))
			return false;
		super = gql_ref_nullable(super);
	}
	sub = gql_ref_nullable(sub);
	if (gql_ref_list(super) != gql_ref_list(sub))
		return false;
	if (gql_ref_list(super))
		return is_subtype(gql_ref_item(sub), gql_ref_item(super));
	return slice_eq(sub, super);
}

/* A default, of the variable or of the place, stands for what is missing. */
static bool is_allowed(const struct gql_variable *v, struct slice ref, bool place_has_default)
{
	if (gql_ref_required(ref) && !gql_ref_required(v->ref)) {
		bool has = v->value && v->value->kind != GQL_IN_NULL;
		return (has || place_has_default) && is_subtype(v->ref, gql_ref_nullable(ref));
	}
	return is_subtype(v->ref, ref);
}

static void use_variable(struct use *u, const struct gql_input *in, struct slice ref,
			 bool place_has_default)
{
	struct gql_errors *e = u->c->errors;
	struct gql_variable *v = u->operation->variables;

	while (v && !slice_eq(v->name, in->text))
		v = v->next;
	if (!v) {
		gql_error(e, in->at, "the variable \"$%.*s\" is not defined", GQL_NAME(in->text));
		return;
	}
	v->used = true;
	if (ref.n && gql_type(u->c->schema, gql_ref_name(v->ref)) &&
	    !is_allowed(v, ref, place_has_default))
		gql_error(e, in->at,
			  "the variable \"$%.*s\" of the type %.*s stands where %.*s does",
			  GQL_NAME(v->name), GQL_NAME(v->ref), GQL_NAME(ref));
}

/* The type of an item in a list where none is due is that of the list, as graphql-js has it: so a
 * variable in a list of a JSON argument is to be of the type JSON. */
static void use_value(struct use *u, const struct gql_input *v, struct slice ref, bool has_default)
{
	struct slice below = { 0 };

	if (v->kind == GQL_IN_VARIABLE) {
		use_variable(u, v, ref, has_default);
		return;
	}
	if (v->kind == GQL_IN_LIST && ref.n)
		below = gql_ref_list(ref) ? gql_ref_item(ref) : gql_ref_nullable(ref);
	if (v->kind == GQL_IN_LIST || v->kind == GQL_IN_OBJECT)
		for (const struct gql_input *m = v->first; m; m = m->next)
			use_value(u, m, below, false);
}

static void use_arguments(struct use *u, const struct gql_arg *defined,
			  const struct gql_input *given)
{
	for (; given; given = given->next) {
		const struct gql_arg *arg = gql_arg(defined, given->name);
		use_value(u, given, arg ? slice_z(arg->type) : slice(NULL, 0), arg && arg->value);
	}
}

static void use_directives(struct use *u, const struct gql_applied *d)
{
	for (; d; d = d->next) {
		const struct gql_directive *known = gql_directive(d->name);
		use_arguments(u, known ? known->args : NULL, d->args);
	}
}

static void use_set(struct use *u, const struct gql_type *type, const struct gql_selection *s);

static void use_field(struct use *u, const struct gql_type *type, const struct gql_selection *s)
{
	const struct gql_schema *schema = u->c->schema;
	const struct gql_field *f = type ? gql_field_of(schema, type, s->name) : NULL;

	use_arguments(u, f ? f->args : NULL, s->args);
	use_set(u, f ? gql_type(schema, gql_ref_name(slice_z(f->type))) : NULL, s->first);
}

static void use_fragment(struct use *u, struct gql_definition *f)
{
	if (f->mark == u->c->doc->round)
		return;
	f->mark = u->c->doc->round;
	use_directives(u, f->directives);
	use_set(u, gql_type(u->c->schema, f->on), f->first);
}

static void use_set(struct use *u, const struct gql_type *type, const struct gql_selection *s)
{
	for (; s; s = s->next) {
		use_directives(u, s->directives);
		if (s->kind == GQL_SEL_FIELD)
			use_field(u, type, s);
		else if (s->kind == GQL_SEL_SPREAD)
			use_fragment(u, gql_fragment(u->c->doc, s->name));
		else
			use_set(u, s->name.p ? gql_type(u->c->schema, s->name) : type, s->first);
	}
}

void gql_check_variables(struct gql_checking *c, struct gql_definition *operation)
{
	struct use u = { .c = c, .operation = operation };

	c->doc->round++;
	use_directives(&u, operation->directives);
	use_set(&u, gql_type(c->schema, slice_z(c->schema->query)), operation->first);
	for (struct gql_variable *v = operation->variables; v; v = v->next)
		if (!v->used)
			gql_error(c->errors, v->at, "the variable \"$%.*s\" is not used",
				  GQL_NAME(v->name));
}
