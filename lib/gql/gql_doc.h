/* A document of GraphQL as a tree in an arena: what gql_parse makes and all others walk. Slices
 * point into the document's text or into the arena. Lists are linked by `next`, NULL ends them. */
#ifndef GQL_GQL_DOC_H
#define GQL_GQL_DOC_H

#include "gql/gql_error.h"

/* A value: a literal, or what became of a variable or a default. An argument and a member of an
 * object is a value with a name. */
enum gql_input_kind {
	GQL_IN_NULL,
	GQL_IN_BOOL,
	GQL_IN_INT,
	GQL_IN_FLOAT,
	GQL_IN_STRING,
	GQL_IN_ENUM,
	GQL_IN_LIST,
	GQL_IN_OBJECT,
	GQL_IN_VARIABLE,
};
struct gql_input {
	enum gql_input_kind kind;
	struct gql_at at;        /* the name's place if it has one */
	struct slice text;       /* "true", a number, a string's decoded text, a name */
	struct slice name;       /* of an argument or member; p NULL: none */
	struct gql_input *first; /* items or members */
	struct gql_input *next;
};

struct gql_applied { /* a directive where it is used */
	struct slice name;
	struct gql_at at;
	struct gql_input *args;
	struct gql_applied *next;
};

enum gql_selection_kind { GQL_SEL_FIELD, GQL_SEL_SPREAD, GQL_SEL_INLINE };
struct gql_selection {
	enum gql_selection_kind kind;
	struct gql_at at;
	struct slice key;  /* of a field: its name in the answer */
	struct slice name; /* of the field, the fragment, or the type (p NULL: none) */
	struct gql_input *args;
	struct gql_applied *directives;
	struct gql_selection *first; /* NULL: no selection set */
	struct gql_selection *next;
};

struct gql_variable {
	struct slice name, ref;
	struct gql_at at;
	struct gql_input *value; /* the default or NULL */
	struct gql_applied *directives;
	struct gql_variable *next;
	bool used; /* gql_check's */
};

/* How large a selection set is once fragments stand in their places (gql_limits.c). */
struct gql_size {
	uint32_t fields, depth;           /* outside of __schema and __type */
	uint32_t meta_fields, meta_depth; /* inside */
	uint32_t roots;                   /* fields of the uppermost level */
	uint32_t lists;                   /* lists of introspection within each other */
};

enum gql_definition_kind { GQL_QUERY, GQL_MUTATION, GQL_SUBSCRIPTION, GQL_FRAGMENT };
struct gql_definition {
	enum gql_definition_kind kind;
	struct slice name; /* p NULL: anonymous */
	struct gql_at at;
	struct slice on; /* of a fragment: its type */
	struct gql_variable *variables;
	struct gql_applied *directives;
	struct gql_selection *first;
	struct gql_definition *next;

	/* of those who walk the tree */
	unsigned mark; /* the last round that came here */
	enum { GQL_FRESH, GQL_OPEN, GQL_DONE } state;
	struct gql_size size;
};

struct gql_doc {
	struct gql_definition *first;
	unsigned round; /* the last value of `mark` that was given out */
};

/* The fragment of that name, or NULL. */
struct gql_definition *gql_fragment(const struct gql_doc *doc, struct slice name);
/* The value of that name in a list, or NULL. */
const struct gql_input *gql_input(const struct gql_input *list, struct slice name);

#endif
