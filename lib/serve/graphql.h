/* The calls of a GraphQL request (gql_hta.h), answered from the store. */
#ifndef SERVE_GRAPHQL_H
#define SERVE_GRAPHQL_H

#include "gql/gql_run.h"
#include "net/http.h"
#include "serve/reader.h"

/* In a worker. A call that fails is null with its reason; what is the store's fault is logged. */
void graphql_call(struct gql_run *run, size_t i, struct serve_reader *reader);

/* A page to ask by, for who prefers text/html. It needs no key: what it asks does. */
bool serve_graphql_wants_page(const struct http_request *req);
void serve_graphql_page(struct http_request *req);

#endif
