/* The document of an interface, OpenAPI 3.1.0 with schemas of JSON Schema 2020-12, made from the
 * table by which requests are routed (route.h), so that no endpoint can be missing in it. What a
 * table does not know, bodies and answers, stands beside it by method and path; an endpoint without
 * that is described by its route alone. What the server and the router answer by themselves (400,
 * 406, 413 ..) is added everywhere. Pure: texts in, text out; nothing is kept. */
#ifndef NET_OPENAPI_H
#define NET_OPENAPI_H

#include "net/route.h"

/* Schemas are JSON texts: {"type":"string"}, {"$ref":"#/components/schemas/Event"}. */

struct openapi_param {
	const char *in; /* "query", "header"; "path" replaces what the path's braces say */
	const char *name, *schema, *text;
	bool required; /* those of the path are anyway */
	bool json;     /* its value is a text of JSON, which the schema is of */
};

struct openapi_answer {
	unsigned status;
	const char *text;
	const char *type;   /* NULL: application/json; of a 200 the others of route.produces, too */
	const char *schema; /* NULL: no body; of 400 and more: a problem */
	const char *other;  /* a second type of the same schema; NULL: none */
};

struct openapi_doc {
	enum http_method method;
	const char *path; /* as in the route */
	const char *text; /* more than its summary; NULL: nothing */
	/* Schema of a body of the first of route.consumes, or of application/json where that is
	 * NULL; n 0: any. Others are texts. */
	struct slice body;
	const struct openapi_param *params;
	size_t n_params;
	const struct openapi_answer *answers; /* none: 200 */
	size_t n_answers;
};

/* A `code` of application/problem+json (problem.h). */
struct openapi_problem {
	unsigned status;
	const char *code, *text;
};

struct openapi {
	const char *title, *version, *text;
	const struct route *routes;
	size_t n_routes;
	const struct openapi_doc *docs;
	size_t n_docs;
	const char *schemas; /* a JSON object of schemas by their names; NULL: none */
	const struct openapi_problem *problems; /* beside those of server and router */
	size_t n_problems;
	/* The name of a route's scope; NULL: nobody needs a key. */
	const char *(*scope)(unsigned scope);
};

/* Appends the document, a line. */
void openapi_write(const struct openapi *o, struct buf *out);

/* Answers with the page that shows /openapi.json beside it: a handler for GET /docs, arg is not
 * looked at; it produces html_page_types (html_page.h). Problems have anchors by their code, as
 * `type` of a problem names them. */
void openapi_docs(void *arg, struct http_request *req);

#endif
