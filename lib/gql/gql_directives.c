/* The directives of the language. Only @include and @skip have a place in a query. */
#include "gql/gql_schema.h"

static const char *const selection_places[] = { "FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT",
						NULL };
static const char *const deprecated_places[] = { "FIELD_DEFINITION", "ARGUMENT_DEFINITION",
						 "INPUT_FIELD_DEFINITION", "ENUM_VALUE", NULL };
static const char *const scalar_places[] = { "SCALAR", NULL };
static const char *const input_places[] = { "INPUT_OBJECT", NULL };

static const struct gql_arg include_args[] = {
	{ .name = "if", .type = "Boolean!", .doc = "Taken if true." },
	{ .name = NULL },
};
static const struct gql_arg skip_args[] = {
	{ .name = "if", .type = "Boolean!", .doc = "Left out if true." },
	{ .name = NULL },
};
static const struct gql_arg reason_args[] = {
	{ .name = "reason",
	  .type = "String",
	  .value = "\"No longer supported\"",
	  .doc = "Why, and what to use." },
	{ .name = NULL },
};
static const struct gql_arg url_args[] = {
	{ .name = "url", .type = "String!", .doc = "Where the scalar is specified." },
	{ .name = NULL },
};

const struct gql_directive gql_directives[] = {
	{ "include", selection_places, include_args, "Takes a field or fragment only if." },
	{ "skip", selection_places, skip_args, "Leaves a field or fragment out if." },
	{ "deprecated", deprecated_places, reason_args, "No longer to be used." },
	{ "specifiedBy", scalar_places, url_args, "Says where a scalar is specified." },
	{ "oneOf", input_places, NULL, "Exactly one member is given." },
	{ .name = NULL },
};
