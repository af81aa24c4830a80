/* A query from its text to its answer. Pure and never waiting: the fields of the query type are
 * calls, which the caller answers when it can, in any order.
 *
 *	run = gql_run_new(..)              parsed, checked, variables coerced, calls planned
 *	gql_run_ready(run)                 false: the answer has errors only
 *	gql_run_call(run, 0 .. n - 1)      what is to be fetched, with arguments
 *	gql_run_row(run, i, object) ..     an object of call i; written at once, may go then
 *	gql_run_fail(run, i, message)      or there is none to be had
 *	gql_run_answer(run, &body)
 *
 * A field of the query type gives objects: "[T!]!", "T" and the like. A list's rows are written as
 * they come, so that a store's rows can be handed through one by one. Introspection and __typename
 * are no calls: the engine answers them.
 *
 * Bounds: gql_parse.h and gql_check.h for the query; `limit` arguments are 0 to GQL_LIMIT, so that
 * an operation costs at most GQL_ROOTS * GQL_LIMIT rows (10,000); an answer stops at
 * GQL_ANSWER_BYTES, its field is null then and has an error. */
#ifndef GQL_GQL_RUN_H
#define GQL_GQL_RUN_H

#include "gql/gql_doc.h"
#include "gql/gql_schema.h"
#include "json/json.h"

enum { GQL_LIMIT = 1000, GQL_ANSWER_BYTES = 16 << 20 };

struct gql_question {
	struct slice query;      /* UTF-8 */
	struct slice operation;  /* its name; n 0: the only one */
	const struct json *json; /* where variables are; NULL: there are none */
	uint32_t variables;      /* the node of an object of it */
};

/* A field of the query type that is asked for. */
struct gql_call {
	const struct gql_field *field;
	struct slice key;             /* its name in the answer */
	const struct gql_input *args; /* coerced, defaults too; a missing one is not there */
	size_t limit;                 /* rows that are wanted: 1 where it gives no list */
};

struct gql_run;
/* The question's texts must stay until gql_run_free. Never NULL. */
struct gql_run *gql_run_new(const struct gql_schema *schema, const struct gql_question *question);
void gql_run_free(struct gql_run *run);

/* False: nothing is to be called. *refused (may be NULL): it was a limit of ours. */
bool gql_run_ready(const struct gql_run *run, bool *refused);
/* The kind of the operation, as far as the document could be read: else GQL_QUERY. */
enum gql_definition_kind gql_run_kind(const struct gql_run *run);

size_t gql_run_calls(const struct gql_run *run);
const struct gql_call *gql_run_call(const struct gql_run *run, size_t i);
/* Arguments by name. Text of a string, an ID or a decimal (p NULL: null or missing); an integer;
 * a value appended as JSON (false: null or missing, nothing is added). */
struct slice gql_call_text(const struct gql_call *call, const char *name);
bool gql_call_int(const struct gql_call *call, const char *name, int64_t *out);
bool gql_call_json(const struct gql_call *call, const char *name, struct buf *out);

/* An object of call i, handed to the resolvers of its type. False: no more are wanted (`limit`
 * rows, one that could not be written, a full answer); a row after that is passed over. */
bool gql_run_row(struct gql_run *run, size_t i, const void *object);
/* Call i has no answer: its field is null, or what stands around it where it must not be. */
void gql_run_fail(struct gql_run *run, size_t i, struct slice message);

/* Appends the answer: {"data":..}, {"errors":..,"data":..}, or {"errors":..}. Once. */
void gql_run_answer(struct gql_run *run, struct buf *out);

#endif
