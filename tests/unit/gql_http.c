/* GraphQL over HTTP: what each request is answered with, which media type an Accept asks for. */
#include "gql/gql_http.h"

#include "gql/gql_hta.h"
#include "gql/gql_media.h"

#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define GRAPHQL "application/graphql-response+json"

static void test_accept(void)
{
	static const struct {
		const char *accept;
		enum gql_media want;
	} rows[] = {
		{ "", GQL_MEDIA_JSON },
		{ "*/*", GQL_MEDIA_JSON },
		{ "application/*", GQL_MEDIA_JSON },
		{ "application/json", GQL_MEDIA_JSON },
		{ "Application/JSON; charset=utf-8", GQL_MEDIA_JSON },
		{ GRAPHQL, GQL_MEDIA_GRAPHQL },
		{ GRAPHQL ", application/json", GQL_MEDIA_GRAPHQL },
		{ "application/json, " GRAPHQL, GQL_MEDIA_JSON },
		{ "application/json;q=0.9, " GRAPHQL, GQL_MEDIA_GRAPHQL },
		{ GRAPHQL "; q=0.9,application/json;q=0.95", GQL_MEDIA_JSON },
		{ "*/*, application/json;q=0", GQL_MEDIA_GRAPHQL },
		{ "text/html, */*;q=0.1", GQL_MEDIA_JSON },
		{ GRAPHQL ";q=x, application/json;q=0.001", GQL_MEDIA_JSON },
		{ "text/html", GQL_MEDIA_NONE },
		{ "application/json;q=0", GQL_MEDIA_NONE },
		{ ",,;;q=", GQL_MEDIA_NONE },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		is_int(gql_media_accept(slice_z(rows[i].accept)), rows[i].want, rows[i].accept);
	ok(gql_media_is_json(slice_z("application/json;charset=\"UTF-8\"")), "JSON in UTF-8");
	ok(!gql_media_is_json(slice_z("application/json; charset=latin1")) &&
		   !gql_media_is_json(slice_z("text/json")) && !gql_media_is_json(slice(NULL, 0)),
	   "no JSON");
}

static const struct {
	enum gql_method method;
	int json, graphql; /* statuses */
	const char *type, *text, *want;
} requests[] = {
#define JSON "application/json"
	{ GQL_METHOD_POST, 200, 200, JSON, "{\"query\":\"{__typename}\"}",
	  "{\"data\":{\"__typename\":\"Query\"}}" },
	{ GQL_METHOD_POST, 200, 200, JSON,
	  "{\"query\":\"{__typename}\",\"variables\":null,\"operationName\":null,\"extensions\":"
	  "null}",
	  "{\"data\":{\"__typename\":\"Query\"}}" },
	{ GQL_METHOD_POST, 200, 400, JSON, "{\"query\":\"{x}\"}",
	  "unknown field \\\"x\\\" of Query" },
	{ GQL_METHOD_POST, 200, 400, JSON, "{\"query\":\"{\"}", "the document ends" },
	{ GQL_METHOD_POST, 200, 400, JSON,
	  "{\"query\":\"query A{__typename} query B{__typename}\"}", "operationName says which" },
	{ GQL_METHOD_POST, 200, 400, JSON,
	  "{\"query\":\"query A{__typename}\",\"operationName\":\"B\"}",
	  "there is no operation \\\"B\\\"" },
	{ GQL_METHOD_POST, 200, 400, JSON, "{\"query\":\"mutation{x}\"}", "no mutation" },
	{ GQL_METHOD_POST, 400, 400, JSON,
	  "{\"query\":\"{metrics{name}latestEvents(limit:1001)"
	  "{eventId}}\"}",
	  "may be 0 to 1000" },
	{ GQL_METHOD_POST, 400, 400, JSON,
	  "{\"query\":\"{a:__typename b:__typename c:__typename "
	  "d:__typename e:__typename f:__typename g:__typename h:__typename i:__typename "
	  "j:__typename k:__typename}\"}",
	  "more than 10 fields" },
	{ GQL_METHOD_POST, 400, 400, JSON, "[{\"query\":\"{__typename}\"}]", "a list of requests" },
	{ GQL_METHOD_POST, 400, 400, JSON, "{\"query\":", "not JSON" },
	{ GQL_METHOD_POST, 400, 400, JSON, "", "not JSON" },
	{ GQL_METHOD_POST, 400, 400, JSON, "\"x\"", "must be an object" },
	{ GQL_METHOD_POST, 400, 400, JSON, "{}", "query is missing" },
	{ GQL_METHOD_POST, 400, 400, JSON, "{\"query\":7}", "query must be a string" },
	{ GQL_METHOD_POST, 400, 400, JSON, "{\"query\":\"\\ud800\"}", "query must be a string" },
	{ GQL_METHOD_POST, 400, 400, JSON, "{\"query\":\"{x}\",\"variables\":[]}",
	  "variables must be an object" },
	{ GQL_METHOD_POST, 400, 400, JSON, "{\"query\":\"{x}\",\"extensions\":1}",
	  "extensions must be an object" },
	{ GQL_METHOD_POST, 415, 415, "text/plain", "{\"query\":\"{__typename}\"}",
	  "Content-Type must be" },
	{ GQL_METHOD_POST, 415, 415, NULL, "{\"query\":\"{__typename}\"}", "Content-Type must be" },
	{ GQL_METHOD_GET, 200, 200, NULL, "query=%7B__typename%7D&utm=x&flag",
	  "{\"data\":{\"__typename\":\"Query\"}}" },
	{ GQL_METHOD_GET, 200, 200, NULL,
	  "query=query($n:String!){__type(name:$n){name}}&variables={%22n%22:%22Event%22}",
	  "{\"data\":{\"__type\":{\"name\":\"Event\"}}}" },
	{ GQL_METHOD_GET, 200, 400, NULL, "query={+x+}", "unknown field" },
	{ GQL_METHOD_GET, 405, 405, NULL, "query=mutation{x}", "only a query" },
	{ GQL_METHOD_GET, 405, 405, NULL, "operationName=M&query=mutation+M{x}+query+Q{__typename}",
	  "only a query" },
	{ GQL_METHOD_GET, 400, 400, NULL, "", "query is missing" },
	{ GQL_METHOD_GET, 400, 400, NULL, "query=%7", "percent-encoded" },
	{ GQL_METHOD_GET, 400, 400, NULL, "query=%ff", "percent-encoded UTF-8" },
	{ GQL_METHOD_GET, 400, 400, NULL, "query={x}&query={y}", "twice" },
	{ GQL_METHOD_GET, 400, 400, NULL, "query={x}&variables=[]", "variables must be an object" },
	{ GQL_METHOD_GET, 400, 400, NULL, "query={x}&extensions=x",
	  "extensions must be an object" },
	{ GQL_METHOD_OTHER, 405, 405, NULL, "", "POST or GET" },
};

static struct gql_answer ask(size_t i, const char *accept)
{
	struct slice text = slice_z(requests[i].text);
	struct gql_request request = {
		.method = requests[i].method,
		.parameters = text,
		.body = text,
		.accept = slice_z(accept),
		.content_type = requests[i].type ? slice_z(requests[i].type) : slice(NULL, 0),
	};
	struct gql_http *http = gql_http_new(&gql_hta, &request);
	struct gql_answer answer = { 0 };

	gql_http_answer(http, &answer);
	gql_http_free(http);
	return answer;
}

static void test_requests(void)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct gql_answer json = ask(i, "*/*"), graphql = ask(i, GRAPHQL);

		is_int(json.status, requests[i].json, requests[i].text);
		is_int(graphql.status, requests[i].graphql, "as " GRAPHQL);
		is_str(json.content_type, "application/json; charset=utf-8", "media type");
		is_str(graphql.content_type, GRAPHQL "; charset=utf-8", "media type");
		ok((json.allow != NULL) == (json.status == 405), "Allow where it is due");
		ok(slice_eq(buf_slice(&json.body), buf_slice(&graphql.body)), "the same body");
		if (!ok(strstr(buf_z(&json.body), requests[i].want) != NULL, "it says why"))
			printf("# %s\n", json.body.p);
		buf_fini(&json.body);
		buf_fini(&graphql.body);
	}
}

static void test_others(void)
{
	struct gql_request request = {
		.method = GQL_METHOD_GET,
		.accept = slice_z("text/html"),
		.parameters = slice_z("query={__schema{queryType{name}}}"),
	};
	struct gql_schema hidden = gql_hta;
	struct gql_answer answer = { 0 };
	struct gql_http *http = gql_http_new(&gql_hta, &request);

	gql_http_answer(http, &answer);
	is_int(answer.status, 406, "neither media type");
	gql_http_free(http);
	hidden.hidden = true;
	request.accept = slice_z(GRAPHQL);
	http = gql_http_new(&hidden, &request);
	gql_http_answer(http, &answer);
	is_int(answer.status, 400, "introspection can be refused");
	gql_http_free(http);
	buf_fini(&answer.body);
}

int main(void)
{
	test_accept();
	test_requests();
	test_others();
	return done();
}
