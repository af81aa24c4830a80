/* GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): a request's parts to a
 * run, and a run to status, media type and body. Knows no connection.
 *
 *	http = gql_http_new(schema, &request)
 *	run = gql_http_run(http)       NULL: nothing to fetch; else gql_run.h's calls
 *	status = gql_http_answer(http, &answer)
 *
 * POST has {"query","operationName","variables","extensions"} as JSON, GET the same as parameters.
 * What is no request (no JSON, a list of requests, a member of a wrong type) is 400, another
 * Content-Type 415, an Accept with neither of both media types 406, another method or a mutation by
 * GET 405. A document that cannot be read, is not valid or lacks a variable is 400 as
 * application/graphql-response+json and 200 as application/json; beyond a limit of ours 400 as
 * both. All else is 200. Each body is {"errors":..} or {"data":..}. */
#ifndef GQL_GQL_HTTP_H
#define GQL_GQL_HTTP_H

#include "gql/gql_run.h"

enum { GQL_BODY_BYTES = 64 << 10 };

enum gql_method { GQL_METHOD_GET, GQL_METHOD_POST, GQL_METHOD_OTHER };

struct gql_request {
	enum gql_method method;
	struct slice parameters;           /* of the target: behind the '?', still encoded */
	struct slice content_type, accept; /* p NULL: no such field */
	struct slice body;
};

struct gql_answer {
	int status;
	const char *content_type;
	const char *allow; /* of a 405: the field Allow; else NULL */
	struct buf body;   /* the caller's: appended to */
};

struct gql_http;
/* The request's texts must stay until gql_http_free; the schema too. Never NULL. */
struct gql_http *gql_http_new(const struct gql_schema *schema, const struct gql_request *request);
void gql_http_free(struct gql_http *http);
/* The run, if there is something to fetch: then all its calls are answered before the next. */
struct gql_run *gql_http_run(struct gql_http *http);
/* Once. */
void gql_http_answer(struct gql_http *http, struct gql_answer *answer);

#endif
