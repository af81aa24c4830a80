#include "gql/gql_schema.h"

const struct gql_type *gql_type(const struct gql_schema *schema, struct slice name)
{
	const struct gql_type *t;

	for (t = schema->types; t->name; t++)
		if (slice_is(name, t->name))
			return t;
	for (t = gql_meta_types; t->name; t++)
		if (slice_is(name, t->name))
			return t;
	return NULL;
}

const struct gql_field *gql_field(const struct gql_type *type, struct slice name)
{
	for (const struct gql_field *f = type->fields; f && f->name; f++)
		if (slice_is(name, f->name))
			return f;
	return NULL;
}

const struct gql_arg *gql_arg(const struct gql_arg *args, struct slice name)
{
	for (; args && args->name; args++)
		if (slice_is(name, args->name))
			return args;
	return NULL;
}

const struct gql_directive *gql_directive(struct slice name)
{
	for (const struct gql_directive *d = gql_directives; d->name; d++)
		if (slice_is(name, d->name))
			return d;
	return NULL;
}

const struct gql_field *gql_field_of(const struct gql_schema *schema, const struct gql_type *type,
				     struct slice name)
{
	if (type->kind != GQL_OBJECT)
		return NULL;
	for (const struct gql_field *f = gql_meta_fields; f->name; f++) {
		bool anywhere = strcmp(f->name, "__typename") == 0;
		bool here = anywhere || (!schema->hidden && strcmp(type->name, schema->query) == 0);
		if (here && slice_is(name, f->name))
			return f;
	}
	return gql_field(type, name);
}

struct slice gql_ref_name(struct slice ref)
{
	while (ref.n && (ref.p[0] == '['))
		ref = slice(ref.p + 1, ref.n - 1);
	while (ref.n && (ref.p[ref.n - 1] == ']' || ref.p[ref.n - 1] == '!'))
		ref.n--;
	return ref;
}
