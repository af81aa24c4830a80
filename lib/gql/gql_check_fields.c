/* One definition by itself: each selection against the type around it. Below a field that is not
 * known nothing is judged: its type is not known either, and one error is enough. */
#include "gql/gql_check_internal.h"
#include "gql/gql_values.h"

enum { CANDIDATES = 64 };

/* ---- words that are unknown ---- */

static const char *nearest(struct slice word, const char *const *candidates)
{
	char text[64];

	if (word.n >= sizeof text)
		return NULL;
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	return str_nearest(text, candidates);
}

static void unknown(struct gql_checking *c, struct gql_at at, struct slice word, const char *what,
		    const char *of, const char *const *candidates)
{
	const char *near = nearest(word, candidates);

	gql_error(c->errors, at, "unknown %s \"%.*s\"%s%s%s%s%s", what, GQL_NAME(word),
		  of ? " of " : "", of ? of : "", near ? " (did you mean \"" : "", near ? near : "",
		  near ? "\"?)" : "");
}

static void unknown_field(struct gql_checking *c, const struct gql_type *type,
			  const struct gql_selection *s)
{
	const char *names[CANDIDATES] = { 0 };
	size_t n = 0;

	for (const struct gql_field *f = type->fields; f->name && n < CANDIDATES - 1; f++)
		names[n++] = f->name;
	unknown(c, s->at, s->name, "field", type->name, names);
}

static void unknown_argument(struct gql_checking *c, const struct gql_arg *args, const char *of,
			     const struct gql_input *v)
{
	const char *names[CANDIDATES] = { 0 };
	size_t n = 0;

	for (; args && args->name && n < CANDIDATES - 1; args++)
		names[n++] = args->name;
	unknown(c, v->at, v->name, "argument", of, names);
}

/* The type, or NULL and an error. */
static const struct gql_type *known_type(struct gql_checking *c, struct slice name,
					 struct gql_at at)
{
	const struct gql_type *type = gql_type(c->schema, name);
	const char *names[CANDIDATES] = { 0 };
	size_t n = 0;

	if (type)
		return type;
	for (const struct gql_type *t = c->schema->types; t->name && n < CANDIDATES - 1; t++)
		names[n++] = t->name;
	unknown(c, at, name, "type", NULL, names);
	return NULL;
}

/* ---- arguments and directives ---- */

static void check_arguments(struct gql_checking *c, const struct gql_arg *defined, const char *of,
			    const struct gql_input *given, struct gql_at at)
{
	for (const struct gql_input *v = given; v; v = v->next) {
		const struct gql_arg *arg = gql_arg(defined, v->name);
		struct slice ref = arg ? slice_z(arg->type) : slice(NULL, 0);

		if (gql_input(given, v->name) != v)
			gql_error(c->errors, v->at, "the argument \"%.*s\" is given twice",
				  GQL_NAME(v->name));
		if (!arg)
			unknown_argument(c, defined, of, v);
		gql_value_check(c->schema, ref, v, false, NULL, c->errors);
	}
	for (; defined && defined->name; defined++)
		if (gql_ref_required(slice_z(defined->type)) && !defined->value &&
		    !gql_input(given, slice_z(defined->name)))
			gql_error(c->errors, at, "%s needs the argument \"%s\" of the type %s", of,
				  defined->name, defined->type);
}

static bool allowed_at(const struct gql_directive *d, const char *location)
{
	for (const char *const *l = d->locations; *l; l++)
		if (strcmp(*l, location) == 0)
			return true;
	return false;
}

static void check_directives(struct gql_checking *c, const struct gql_applied *first,
			     const char *location)
{
	for (const struct gql_applied *d = first; d; d = d->next) {
		const struct gql_directive *known = gql_directive(d->name);

		for (const struct gql_applied *e = first; e != d; e = e->next)
			if (slice_eq(e->name, d->name))
				gql_error(c->errors, d->at, "the directive \"@%.*s\" stands twice",
					  GQL_NAME(d->name));
		if (!known) {
			gql_error(c->errors, d->at, "unknown directive \"@%.*s\"",
				  GQL_NAME(d->name));
			continue;
		}
		if (!allowed_at(known, location))
			gql_error(c->errors, d->at, "the directive \"@%s\" has no place on a %s",
				  known->name, location);
		check_arguments(c, known->args, known->name, d->args, d->at);
	}
}

/* ---- selections ---- */

static void check_set(struct gql_checking *c, const struct gql_type *type,
		      const struct gql_selection *s);

static void check_field(struct gql_checking *c, const struct gql_type *type,
			const struct gql_selection *s)
{
	const struct gql_field *f = gql_field_of(c->schema, type, s->name);

	check_directives(c, s->directives, "FIELD");
	if (!f) {
		unknown_field(c, type, s);
		return;
	}
	check_arguments(c, f->args, f->name, s->args, s->at);
	const struct gql_type *below = gql_type(c->schema, gql_ref_name(slice_z(f->type)));
	bool object = below->kind == GQL_OBJECT;
	if (object && !s->first)
		gql_error(c->errors, s->at,
			  "the field \"%s\" is of the type %s: say which of its fields", f->name,
			  f->type);
	else if (!object && s->first)
		gql_error(c->errors, s->at, "the field \"%s\" is of the type %s and has no fields",
			  f->name, f->type);
	else if (object)
		check_set(c, below, s->first);
}

/* A fragment's type: known, an object, the one that stands around it (around NULL: any). */
static const struct gql_type *check_condition(struct gql_checking *c, const struct gql_type *around,
					      struct slice name, struct gql_at at)
{
	const struct gql_type *type = known_type(c, name, at);

	if (!type)
		return NULL;
	if (type->kind != GQL_OBJECT) {
		gql_error(c->errors, at, "a fragment is of an object's type, and %s is none",
			  type->name);
		return NULL;
	}
	if (around && type != around)
		gql_error(c->errors, at, "a fragment of %s has no place within %s", type->name,
			  around->name);
	return type;
}

static void check_spread(struct gql_checking *c, const struct gql_type *around,
			 const struct gql_selection *s)
{
	const struct gql_definition *f = gql_fragment(c->doc, s->name);
	const struct gql_type *type = gql_type(c->schema, f->on);

	check_directives(c, s->directives, "FRAGMENT_SPREAD");
	if (type && type->kind == GQL_OBJECT && type != around)
		gql_error(c->errors, s->at, "the fragment \"%.*s\" of %s has no place within %s",
			  GQL_NAME(s->name), type->name, around->name);
}

static void check_set(struct gql_checking *c, const struct gql_type *type,
		      const struct gql_selection *s)
{
	const struct gql_type *below;

	for (; s; s = s->next) {
		if (s->kind == GQL_SEL_FIELD) {
			check_field(c, type, s);
		} else if (s->kind == GQL_SEL_SPREAD) {
			check_spread(c, type, s);
		} else {
			check_directives(c, s->directives, "INLINE_FRAGMENT");
			below = s->name.p ? check_condition(c, type, s->name, s->at) : type;
			if (below)
				check_set(c, below, s->first);
		}
	}
}

static void check_variable(struct gql_checking *c, const struct gql_definition *d,
			   const struct gql_variable *v)
{
	const struct gql_type *type = known_type(c, gql_ref_name(v->ref), v->at);

	for (const struct gql_variable *w = d->variables; w != v; w = w->next)
		if (slice_eq(w->name, v->name))
			gql_error(c->errors, v->at, "the variable \"$%.*s\" is defined twice",
				  GQL_NAME(v->name));
	check_directives(c, v->directives, "VARIABLE_DEFINITION");
	if (type && type->kind == GQL_OBJECT)
		gql_error(c->errors, v->at, "the variable \"$%.*s\" cannot be of the type %s",
			  GQL_NAME(v->name), type->name);
	else if (type && v->value)
		gql_value_check(c->schema, v->ref, v->value, false, NULL, c->errors);
}

void gql_check_definition(struct gql_checking *c, const struct gql_definition *d)
{
	static const char *const locations[] = {
		[GQL_QUERY] = "QUERY",
		[GQL_MUTATION] = "MUTATION",
		[GQL_SUBSCRIPTION] = "SUBSCRIPTION",
		[GQL_FRAGMENT] = "FRAGMENT_DEFINITION",
	};
	const struct gql_type *type;

	check_directives(c, d->directives, locations[d->kind]);
	for (const struct gql_variable *v = d->variables; v; v = v->next)
		check_variable(c, d, v);
	if (d->kind == GQL_FRAGMENT)
		type = check_condition(c, NULL, d->on, d->at);
	else
		type = d->kind == GQL_QUERY ? gql_type(c->schema, slice_z(c->schema->query)) : NULL;
	if (type)
		check_set(c, type, d->first);
}
