/* What stands behind the objects of introspection:
 *
 *	__Schema       struct gql_schema
 *	__Type         a ref, as a struct slice: "[Event!]!" is a NON_NULL of a LIST of ..
 *	__Field        struct gql_field
 *	__EnumValue    struct gql_field
 *	__InputValue   struct gql_arg
 *	__Directive    struct gql_directive
 *
 * A wrapping type is not stored anywhere: ofType cuts the ref. */
#include "gql/gql_introspect.h"

/* ---- helpers ---- */

static void give_text(struct gql_value *value, const char *text)
{
	gql_text(value, text ? slice_z(text) : slice(NULL, 0));
}

/* A resolver of a text that is a member of the object. */
#define TEXT_MEMBER(resolver, object_type, member)                              \
	static void resolver(const struct gql_scope *scope, const void *object, \
			     struct gql_value *value)                           \
	{                                                                       \
		(void)scope;                                                    \
		give_text(value, ((const struct object_type *)object)->member); \
	}

static void give_ref(const struct gql_scope *scope, struct slice ref, struct gql_value *value)
{
	struct slice *kept = arena_alloc(scope->arena, sizeof(*kept));

	*kept = ref;
	value->form = GQL_NODE_OF;
	value->node = kept;
}

static void give_none(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	(void)scope, (void)object, (void)value;
}

static void give_false(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	(void)scope, (void)object;
	gql_bool(value, false);
}

/* ---- lists ---- */

static void field_item(const struct gql_scope *scope, const void *list, size_t i,
		       struct gql_value *value)
{
	(void)scope;
	value->form = GQL_NODE_OF;
	value->node = (const struct gql_field *)list + i;
}

static void give_fields(const struct gql_field *fields, struct gql_value *value)
{
	*value = (struct gql_value){ .form = GQL_LIST_OF, .node = fields, .item = field_item };
	while (fields[value->n].name)
		value->n++;
}

static void arg_item(const struct gql_scope *scope, const void *list, size_t i,
		     struct gql_value *value)
{
	(void)scope;
	value->form = GQL_NODE_OF;
	value->node = (const struct gql_arg *)list + i;
}

static void give_args(const struct gql_arg *args, struct gql_value *value)
{
	*value = (struct gql_value){ .form = GQL_LIST_OF, .node = args, .item = arg_item };
	while (args && args[value->n].name)
		value->n++;
}

/* The schema's own types, then those of introspection. */
static void type_item(const struct gql_scope *scope, const void *list, size_t i,
		      struct gql_value *value)
{
	const struct gql_type *t = list;

	for (; i && t->name; i--)
		t++;
	if (!t->name)
		t = &gql_meta_types[i];
	give_ref(scope, slice_z(t->name), value);
}

static void directive_item(const struct gql_scope *scope, const void *list, size_t i,
			   struct gql_value *value)
{
	(void)scope;
	value->form = GQL_NODE_OF;
	value->node = (const struct gql_directive *)list + i;
}

static void name_item(const struct gql_scope *scope, const void *list, size_t i,
		      struct gql_value *value)
{
	(void)scope;
	give_text(value, ((const char *const *)list)[i]);
}

/* ---- __Schema ---- */

TEXT_MEMBER(schema_description, gql_schema, doc)

static void schema_types(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	const struct gql_schema *schema = object;

	(void)scope;
	*value = (struct gql_value){
		.form = GQL_LIST_OF,
		.node = schema->types,
		.item = type_item,
	};
	for (const struct gql_type *t = schema->types; t->name; t++)
		value->n++;
	for (const struct gql_type *t = gql_meta_types; t->name; t++)
		value->n++;
}

static void schema_query(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	give_ref(scope, slice_z(((const struct gql_schema *)object)->query), value);
}

static void schema_directives(const struct gql_scope *scope, const void *object,
			      struct gql_value *value)
{
	(void)scope, (void)object;
	*value = (struct gql_value){
		.form = GQL_LIST_OF,
		.node = gql_directives,
		.item = directive_item,
	};
	while (gql_directives[value->n].name)
		value->n++;
}

/* ---- __Type ---- */

static bool is_wrapper(struct slice ref)
{
	return gql_ref_required(ref) || gql_ref_list(ref);
}

/* The type of a ref that is a name, or NULL. */
static const struct gql_type *named(const struct gql_scope *scope, const void *object)
{
	struct slice ref = *(const struct slice *)object;

	return is_wrapper(ref) ? NULL : gql_type(scope->schema, ref);
}

static void type_kind(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	static const char *const words[] = {
		[GQL_SCALAR] = "SCALAR",
		[GQL_OBJECT] = "OBJECT",
		[GQL_ENUM] = "ENUM",
	};
	const struct gql_type *type = named(scope, object);

	if (type)
		give_text(value, words[type->kind]);
	else
		give_text(value,
			  gql_ref_required(*(const struct slice *)object) ? "NON_NULL" : "LIST");
}

/* A resolver of a text of a type that has a name, null of others. */
#define NAMED_MEMBER(resolver, member)                                          \
	static void resolver(const struct gql_scope *scope, const void *object, \
			     struct gql_value *value)                           \
	{                                                                       \
		const struct gql_type *type = named(scope, object);             \
                                                                                \
		give_text(value, type ? type->member : NULL);                   \
	}

NAMED_MEMBER(type_name, name)
NAMED_MEMBER(type_doc, doc)
NAMED_MEMBER(type_url, url)

static void type_fields(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	const struct gql_type *type = named(scope, object);

	if (type && type->kind == GQL_OBJECT)
		give_fields(type->fields, value);
}

static void type_interfaces(const struct gql_scope *scope, const void *object,
			    struct gql_value *value)
{
	const struct gql_type *type = named(scope, object);

	if (type && type->kind == GQL_OBJECT)
		*value = (struct gql_value){ .form = GQL_LIST_OF };
}

static void type_values(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	const struct gql_type *type = named(scope, object);

	if (type && type->kind == GQL_ENUM)
		give_fields(type->fields, value);
}

static void type_of(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	struct slice ref = *(const struct slice *)object;

	if (gql_ref_required(ref))
		give_ref(scope, gql_ref_nullable(ref), value);
	else if (gql_ref_list(ref))
		give_ref(scope, gql_ref_item(ref), value);
}

/* ---- __Field and __EnumValue ---- */

TEXT_MEMBER(field_name, gql_field, name)
TEXT_MEMBER(field_doc, gql_field, doc)

static void field_args(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	(void)scope;
	give_args(((const struct gql_field *)object)->args, value);
}

static void field_type(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	give_ref(scope, slice_z(((const struct gql_field *)object)->type), value);
}

/* ---- __InputValue ---- */

TEXT_MEMBER(input_name, gql_arg, name)
TEXT_MEMBER(input_doc, gql_arg, doc)

static void input_type(const struct gql_scope *scope, const void *object, struct gql_value *value)
{
	give_ref(scope, slice_z(((const struct gql_arg *)object)->type), value);
}

TEXT_MEMBER(input_default, gql_arg, value)

/* ---- __Directive ---- */

TEXT_MEMBER(directive_name, gql_directive, name)
TEXT_MEMBER(directive_doc, gql_directive, doc)

static void directive_locations(const struct gql_scope *scope, const void *object,
				struct gql_value *value)
{
	const char *const *names = ((const struct gql_directive *)object)->locations;

	(void)scope;
	*value = (struct gql_value){ .form = GQL_LIST_OF, .node = names, .item = name_item };
	while (names[value->n])
		value->n++;
}

static void directive_args(const struct gql_scope *scope, const void *object,
			   struct gql_value *value)
{
	(void)scope;
	give_args(((const struct gql_directive *)object)->args, value);
}

/* ---- the tables ---- */

static const struct gql_arg deprecated_args[] = {
	{ .name = "includeDeprecated", .type = "Boolean", .value = "false" },
	{ .name = NULL },
};

static const struct gql_field schema_fields[] = {
	{ .name = "description", .type = "String", .resolve = schema_description },
	{ .name = "types", .type = "[__Type!]!", .resolve = schema_types },
	{ .name = "queryType", .type = "__Type!", .resolve = schema_query },
	{ .name = "mutationType", .type = "__Type", .resolve = give_none },
	{ .name = "subscriptionType", .type = "__Type", .resolve = give_none },
	{ .name = "directives", .type = "[__Directive!]!", .resolve = schema_directives },
	{ .name = NULL },
};

static const struct gql_field type_table[] = {
	{ .name = "kind", .type = "__TypeKind!", .resolve = type_kind },
	{ .name = "name", .type = "String", .resolve = type_name },
	{ .name = "description", .type = "String", .resolve = type_doc },
	{ .name = "specifiedByURL", .type = "String", .resolve = type_url },
	{ .name = "fields", .type = "[__Field!]", .args = deprecated_args, .resolve = type_fields },
	{ .name = "interfaces", .type = "[__Type!]", .resolve = type_interfaces },
	{ .name = "possibleTypes", .type = "[__Type!]", .resolve = give_none },
	{ .name = "enumValues",
	  .type = "[__EnumValue!]",
	  .args = deprecated_args,
	  .resolve = type_values },
	{ .name = "inputFields",
	  .type = "[__InputValue!]",
	  .args = deprecated_args,
	  .resolve = give_none },
	{ .name = "ofType", .type = "__Type", .resolve = type_of },
	{ .name = "isOneOf", .type = "Boolean", .resolve = give_none },
	{ .name = NULL },
};

static const struct gql_field field_table[] = {
	{ .name = "name", .type = "String!", .resolve = field_name },
	{ .name = "description", .type = "String", .resolve = field_doc },
	{ .name = "args",
	  .type = "[__InputValue!]!",
	  .args = deprecated_args,
	  .resolve = field_args },
	{ .name = "type", .type = "__Type!", .resolve = field_type },
	{ .name = "isDeprecated", .type = "Boolean!", .resolve = give_false },
	{ .name = "deprecationReason", .type = "String", .resolve = give_none },
	{ .name = NULL },
};

static const struct gql_field input_table[] = {
	{ .name = "name", .type = "String!", .resolve = input_name },
	{ .name = "description", .type = "String", .resolve = input_doc },
	{ .name = "type", .type = "__Type!", .resolve = input_type },
	{ .name = "defaultValue",
	  .type = "String",
	  .resolve = input_default,
	  .doc = "The default as a literal of GraphQL." },
	{ .name = "isDeprecated", .type = "Boolean!", .resolve = give_false },
	{ .name = "deprecationReason", .type = "String", .resolve = give_none },
	{ .name = NULL },
};

static const struct gql_field value_table[] = {
	{ .name = "name", .type = "String!", .resolve = field_name },
	{ .name = "description", .type = "String", .resolve = field_doc },
	{ .name = "isDeprecated", .type = "Boolean!", .resolve = give_false },
	{ .name = "deprecationReason", .type = "String", .resolve = give_none },
	{ .name = NULL },
};

static const struct gql_field directive_table[] = {
	{ .name = "name", .type = "String!", .resolve = directive_name },
	{ .name = "description", .type = "String", .resolve = directive_doc },
	{ .name = "isRepeatable", .type = "Boolean!", .resolve = give_false },
	{ .name = "locations", .type = "[__DirectiveLocation!]!", .resolve = directive_locations },
	{ .name = "args",
	  .type = "[__InputValue!]!",
	  .args = deprecated_args,
	  .resolve = directive_args },
	{ .name = NULL },
};

static const struct gql_field kind_values[] = {
	{ .name = "SCALAR", .doc = "A leaf." },
	{ .name = "OBJECT", .doc = "It has fields and interfaces." },
	{ .name = "INTERFACE", .doc = "It has fields, interfaces and possibleTypes." },
	{ .name = "UNION", .doc = "It has possibleTypes." },
	{ .name = "ENUM", .doc = "It has enumValues." },
	{ .name = "INPUT_OBJECT", .doc = "It has inputFields." },
	{ .name = "LIST", .doc = "A list of ofType." },
	{ .name = "NON_NULL", .doc = "ofType, and never null." },
	{ .name = NULL },
};

static const struct gql_field location_values[] = {
	{ .name = "QUERY" },
	{ .name = "MUTATION" },
	{ .name = "SUBSCRIPTION" },
	{ .name = "FIELD" },
	{ .name = "FRAGMENT_DEFINITION" },
	{ .name = "FRAGMENT_SPREAD" },
	{ .name = "INLINE_FRAGMENT" },
	{ .name = "VARIABLE_DEFINITION" },
	{ .name = "SCHEMA" },
	{ .name = "SCALAR" },
	{ .name = "OBJECT" },
	{ .name = "FIELD_DEFINITION" },
	{ .name = "ARGUMENT_DEFINITION" },
	{ .name = "INTERFACE" },
	{ .name = "UNION" },
	{ .name = "ENUM" },
	{ .name = "ENUM_VALUE" },
	{ .name = "INPUT_OBJECT" },
	{ .name = "INPUT_FIELD_DEFINITION" },
	{ .name = NULL },
};

const struct gql_type gql_meta_types[] = {
	{ .name = "__Schema",
	  .kind = GQL_OBJECT,
	  .fields = schema_fields,
	  .doc = "What can be asked here." },
	{ .name = "__Type",
	  .kind = GQL_OBJECT,
	  .fields = type_table,
	  .doc = "A type; kind says which of its fields are not null." },
	{ .name = "__TypeKind",
	  .kind = GQL_ENUM,
	  .fields = kind_values,
	  .doc = "The kinds of types." },
	{ .name = "__Field",
	  .kind = GQL_OBJECT,
	  .fields = field_table,
	  .doc = "A field of an object." },
	{ .name = "__InputValue",
	  .kind = GQL_OBJECT,
	  .fields = input_table,
	  .doc = "An argument." },
	{ .name = "__EnumValue",
	  .kind = GQL_OBJECT,
	  .fields = value_table,
	  .doc = "A value of an enum." },
	{ .name = "__Directive",
	  .kind = GQL_OBJECT,
	  .fields = directive_table,
	  .doc = "A directive and its places." },
	{ .name = "__DirectiveLocation",
	  .kind = GQL_ENUM,
	  .fields = location_values,
	  .doc = "Places of directives." },
	{ .name = NULL },
};

static const struct gql_arg named_args[] = {
	{ .name = "name", .type = "String!" },
	{ .name = NULL },
};

const struct gql_field gql_meta_fields[] = {
	{ .name = "__schema", .type = "__Schema!" },
	{ .name = "__type", .type = "__Type", .args = named_args },
	{ .name = "__typename", .type = "String!" },
	{ .name = NULL },
};

void gql_introspect(const struct gql_scope *scope, const struct gql_field *field,
		    const struct gql_type *around, const struct gql_input *args,
		    struct gql_value *value)
{
	const struct gql_type *type;

	if (strcmp(field->name, "__typename") == 0) {
		give_text(value, around->name);
	} else if (strcmp(field->name, "__schema") == 0) {
		value->form = GQL_NODE_OF;
		value->node = scope->schema;
	} else if ((type = gql_type(scope->schema, gql_input(args, slice("name", 4))->text))) {
		give_ref(scope, slice_z(type->name), value);
	}
}
