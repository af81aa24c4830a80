#include "gql/gql_run_internal.h"
#include "gql/gql_values.h"

/* The last of that name, as in JSON. */
static struct gql_input *given_value(struct gql_input *list, struct slice name)
{
	struct gql_input *found = NULL;

	for (; list; list = list->next)
		if (slice_eq(list->name, name))
			found = list;
	return found;
}

/* The first reason why a value cannot be a variable's, with the variable's name. */
static void add_reason(struct gql_run *run, const struct gql_variable *v,
		       const struct gql_errors *reasons)
{
	struct slice reason = reasons->first->message;

	gql_error(&run->errors, v->at, "the variable \"$%.*s\": %.*s", GQL_NAME(v->name),
		  (int)reason.n, reason.p);
}

/* The value of one variable, or NULL where it has none (which may be an error). */
static struct gql_input *coerce_variable(struct gql_run *run, const struct gql_variable *v,
					 struct gql_input *given)
{
	struct gql_input *value = given_value(given, v->name), *named;
	struct gql_errors reasons = { .arena = &run->arena };

	if (value && !gql_value_check(run->schema, v->ref, value, true, NULL, &reasons)) {
		add_reason(run, v, &reasons);
		return NULL;
	}
	if (!value && !v->value) {
		if (gql_ref_required(v->ref))
			gql_error(&run->errors, v->at,
				  "the variable \"$%.*s\" of the type %.*s is missing",
				  GQL_NAME(v->name), GQL_NAME(v->ref));
		return NULL;
	}
	named = arena_alloc(&run->arena, sizeof(*named));
	*named = value ? *value : *v->value;
	named->name = v->name;
	named->next = NULL;
	return named;
}

bool gql_variables(struct gql_run *run, const struct gql_definition *operation,
		   const struct gql_question *question)
{
	struct gql_input *given = NULL, **last = &run->variables;
	unsigned before = run->errors.n;

	if (question->json) {
		given = gql_value_of_json(question->json, question->variables, &run->arena);
		if (!given) {
			gql_error(&run->errors, (struct gql_at){ 0 },
				  "variables: a string has half of a surrogate pair");
			return false;
		}
		given = given->first;
	}
	for (const struct gql_variable *v = operation->variables; v; v = v->next) {
		struct gql_input *value = coerce_variable(run, v, given);
		if (!value)
			continue;
		*last = value;
		last = &value->next;
	}
	return run->errors.n == before;
}
