/* Schemas of GraphQL as tables: what can be asked, and who gives the values.
 *
 * A schema is read only: objects, scalars and enums; no interfaces, unions, input objects,
 * mutations or subscriptions. A type is referred to by its text as in the schema language without
 * blanks, such as "[Event!]!": such a text is called a ref. The tables are static, nothing is
 * registered, nothing is freed. The types of introspection (__Schema and the like) belong to every
 * schema and are found beside its own.
 *
 * Specification: https://spec.graphql.org/September2025/ */
#ifndef GQL_GQL_SCHEMA_H
#define GQL_GQL_SCHEMA_H

#include "base/arena.h"
#include "base/str.h"

enum gql_kind { GQL_SCALAR, GQL_OBJECT, GQL_ENUM };

/* What a scalar takes as input. GQL_LONG is an integer of 64 bits, GQL_DECIMAL a number or a string
 * of one, GQL_TEXT a string, GQL_ANY whatever JSON can say. */
enum gql_scalar {
	GQL_INT,
	GQL_FLOAT,
	GQL_STRING,
	GQL_BOOLEAN,
	GQL_ID,
	GQL_LONG,
	GQL_DECIMAL,
	GQL_TEXT,
	GQL_ANY,
};

/* What resolvers may use: `arena` lives until the answer is written. */
struct gql_scope {
	const struct gql_schema *schema;
	struct arena *arena;
};

/* A value that a resolver gives. Everything is lent until the resolver is called again. GQL_TEXT_OF
 * is quoted by the engine (UTF-8), GQL_JSON_OF is written as it stands (a number, or any JSON). */
enum gql_form { GQL_NULL_OF, GQL_TEXT_OF, GQL_JSON_OF, GQL_BOOL_OF, GQL_LIST_OF, GQL_NODE_OF };
struct gql_value {
	enum gql_form form;
	bool truth;
	struct slice text;
	const void *node; /* GQL_NODE_OF: the object; GQL_LIST_OF: what `item` is handed */
	size_t n;         /* GQL_LIST_OF: how many items */
	void (*item)(const struct gql_scope *, const void *list, size_t i, struct gql_value *);
};

/* Text; null where p is NULL. */
static inline void gql_text(struct gql_value *value, struct slice text)
{
	value->form = text.p ? GQL_TEXT_OF : GQL_NULL_OF;
	value->text = text;
}
/* JSON as it stands; null where p is NULL. */
static inline void gql_json(struct gql_value *value, struct slice text)
{
	value->form = text.p ? GQL_JSON_OF : GQL_NULL_OF;
	value->text = text;
}
static inline void gql_bool(struct gql_value *value, bool truth)
{
	value->form = GQL_BOOL_OF;
	value->truth = truth;
}

/* Gives one field of `object`. *value is a null when it is called. */
typedef void gql_resolve(const struct gql_scope *, const void *object, struct gql_value *value);

struct gql_arg {
	const char *name, *type;
	const char *value; /* the default as a literal of GraphQL, NULL: none */
	const char *doc;
};

/* Fields of the query type have no resolver: they are calls (gql_run.h). An argument `limit: Int`
 * of such a field bounds its rows: 0 to GQL_LIMIT. */
struct gql_field {
	const char *name, *type;
	const struct gql_arg *args; /* ends with a name NULL; NULL: none */
	gql_resolve *resolve;
	const char *doc;
};

struct gql_type {
	const char *name;
	enum gql_kind kind;
	enum gql_scalar scalar;
	const struct gql_field *fields; /* of an object; of an enum: its values; ends with NULL */
	const char *doc;
	const char *url; /* of a scalar: specifiedByURL */
};

struct gql_directive {
	const char *name;
	const char *const *locations; /* ends with NULL */
	const struct gql_arg *args;
	const char *doc;
};

struct gql_schema {
	const struct gql_type *types; /* ends with a name NULL */
	const char *query;            /* the name of the type of queries */
	const char *doc;
	bool hidden; /* __schema and __type are refused */
};

/* NULL where there is none of that name. */
const struct gql_type *gql_type(const struct gql_schema *schema, struct slice name);
const struct gql_field *gql_field(const struct gql_type *type, struct slice name);
const struct gql_arg *gql_arg(const struct gql_arg *args, struct slice name);
const struct gql_directive *gql_directive(struct slice name);
/* A field of `type`, or __schema, __type of the query type, or __typename. */
const struct gql_field *gql_field_of(const struct gql_schema *schema, const struct gql_type *type,
				     struct slice name);

/* Refs. */
static inline bool gql_ref_required(struct slice ref)
{
	return ref.n > 0 && ref.p[ref.n - 1] == '!';
}
/* without the ! at its end */
static inline struct slice gql_ref_nullable(struct slice ref)
{
	return slice(ref.p, ref.n - gql_ref_required(ref));
}
static inline bool gql_ref_list(struct slice ref)
{
	return ref.n > 0 && ref.p[0] == '[';
}
/* of a list: what its items are */
static inline struct slice gql_ref_item(struct slice ref)
{
	ref = gql_ref_nullable(ref);
	return slice(ref.p + 1, ref.n - 2);
}
/* the name in the middle */
struct slice gql_ref_name(struct slice ref);

/* The tables that every schema has: types of introspection and the fields __schema, __type,
 * __typename (gql_introspect.c), directives (gql_directives.c). */
extern const struct gql_type gql_meta_types[];
extern const struct gql_directive gql_directives[];
extern const struct gql_field gql_meta_fields[];

#endif
