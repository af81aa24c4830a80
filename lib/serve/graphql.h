/* The calls of a GraphQL request (gql_hta.h), answered from the store. */
#ifndef SERVE_GRAPHQL_H
#define SERVE_GRAPHQL_H

#include "gql/gql_run.h"
#include "serve/reader.h"

/* In a worker. A call that fails is null with its reason; what is the store's fault is logged. */
void graphql_call(struct gql_run *run, size_t i, struct serve_reader *reader);

#endif
