/* POST and GET /graphql: the request as it is goes to a worker, where it is parsed, checked, and
 * its calls are answered one after the other. Requests with the same bytes share that, as all
 * queries do. Statuses and types are GraphQL over HTTP's own (gql/gql_http.h). */
#include <stdlib.h>

#include "base/mem.h"
#include "gql/gql_hta.h"
#include "gql/gql_http.h"
#include "serve/graphql.h"
#include "serve/serve.h"

struct graphql_query {
	struct serve_query q;
	const struct gql_schema *schema;
	struct gql_request request;
	struct buf texts; /* that the request points into */
};

static void release_graphql(struct serve_query *q)
{
	struct graphql_query *g = (struct graphql_query *)q;

	buf_fini(&g->texts);
	free(g);
}

static int run_graphql(struct serve_query *q, struct serve_reader *reader, struct serve_result *out,
		       struct err *err)
{
	struct graphql_query *g = (struct graphql_query *)q;
	struct gql_http *http = gql_http_new(g->schema, &g->request);
	struct gql_run *run = gql_http_run(http);
	struct gql_answer answer = { 0 };

	for (size_t i = 0; run && i < gql_run_calls(run); i++)
		graphql_call(run, i, reader);
	gql_http_answer(http, &answer);
	out->status = (unsigned)answer.status;
	out->type = answer.content_type;
	out->allow = answer.allow;
	buf_fini(&out->body);
	out->body = answer.body;
	gql_http_free(http);
	return serve_reader_cancelled(reader, err);
}

/* All of them lie in one buffer, which is made once. */
static void keep_text(struct graphql_query *g, struct slice from, struct slice *to)
{
	size_t at = g->texts.n;

	buf_adds(&g->texts, from);
	buf_printf(&g->q.key, "%zu ", from.p ? from.n + 1 : 0);
	*to = from.p ? slice(g->texts.p + at, from.n) : slice(NULL, 0);
}

void serve_graphql(void *serve, struct http_request *req)
{
	struct slice type = http_field(req, "Content-Type"), accept = http_field(req, "Accept");
	struct graphql_query *g;

	if (serve_graphql_wants_page(req)) {
		serve_graphql_page(req);
		return;
	}
	g = mem_zalloc(sizeof(*g));
	g->schema = &((struct serve *)serve)->graphql;
	g->q.run = run_graphql;
	g->q.release = release_graphql;
	g->request.method = req->method == HTTP_POST ? GQL_METHOD_POST : GQL_METHOD_GET;
	buf_printf(&g->q.key, "graphql %d ", (int)g->request.method);
	buf_room(&g->texts, req->query.n + type.n + accept.n + req->body.n + 1);
	keep_text(g, req->query, &g->request.parameters);
	keep_text(g, type, &g->request.content_type);
	keep_text(g, accept, &g->request.accept);
	keep_text(g, req->body, &g->request.body);
	buf_adds(&g->q.key, buf_slice(&g->texts));
	serve_answer(serve, req, &g->q);
}
