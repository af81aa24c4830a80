/* What gql_run, gql_plan and gql_write share. */
#ifndef GQL_GQL_RUN_INTERNAL_H
#define GQL_GQL_RUN_INTERNAL_H

#include "gql/gql_run.h"

/* A field of the answer: all selections of one key, with arguments, below it the same again. */
struct gql_plan {
	struct slice key;
	struct gql_at at;
	const struct gql_type *around; /* the object's type */
	const struct gql_field *field;
	struct gql_input *args;
	struct slice failure; /* p NULL, or why its arguments cannot be taken */
	struct gql_plan *first, *next;
	size_t call; /* of a field of the query type: its number; GQL_NO_CALL */
};
#define GQL_NO_CALL ((size_t)-1)

/* The state of a call. */
struct gql_root {
	struct gql_call call;
	const struct gql_plan *plan;
	struct buf out; /* its rows with commas between */
	size_t rows;
	bool closed; /* no more rows */
	bool null;   /* an error makes it null */
};

struct gql_run {
	const struct gql_schema *schema;
	struct arena arena;
	struct gql_errors errors;
	struct gql_doc *doc;
	enum gql_definition_kind kind;
	struct gql_input *variables; /* coerced, by name */
	struct gql_plan *plan;
	struct gql_root *root;
	size_t roots;
	size_t bytes; /* that stand in other buffers than the one that is written */
	bool full, ready;
};

/* Coerces the question's variables for the operation. False: errors were added. */
bool gql_variables(struct gql_run *run, const struct gql_definition *operation,
		   const struct gql_question *question);
/* Makes the plan and the calls. False: errors were added. */
bool gql_plan(struct gql_run *run, const struct gql_definition *operation);
/* Writes a value of the plan's field. False: it is null where it must not be, and an error was
 * added; *out is as it was before. */
bool gql_write(struct gql_run *run, const struct gql_plan *plan, struct slice ref,
	       const struct gql_value *value, const struct gql_path *path, struct buf *out);

#endif
