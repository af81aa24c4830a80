#include "net/accept.h"
#include "net/html_page.h"
#include "serve/graphql.h"
#include "serve/graphql_page.inc"

bool serve_graphql_wants_page(const struct http_request *req)
{
	static const char *const types[] = { "application/json",
					     "application/graphql-response+json", "text/html",
					     NULL };

	return (req->method == HTTP_GET || req->method == HTTP_HEAD) &&
	       http_accept(req, types) == 2;
}

void serve_graphql_page(struct http_request *req)
{
	static const struct html_page page = { .title = "GraphQL",
					       .css = graphql_page_css,
					       .body = graphql_page_html,
					       .js = graphql_page_js };

	html_page_answer(&page, req);
}
