/* The document of routes: JSON whatever the routes are, an operation each, in the words given. */
#include "net/openapi.h"

#include "json/json.h"
#include "tap.h"

static const char *const json_types[] = { "application/json", NULL };
static const char *const both_types[] = { "application/json", "application/x-ndjson", NULL };

static const struct route routes[] = {
	{ HTTP_GET, "/rules/{id}", 2, 0, NULL, json_types, NULL, "a \"rule\"" },
	{ HTTP_POST, "/events", 1, 100, both_types, json_types, NULL, "events" },
	{ HTTP_DELETE, "/rules/{id}", 2, 0, NULL, json_types, NULL, NULL },
	{ HTTP_GET, "/health", 0, 0, NULL, NULL, NULL, "health" },
};

static const char *scope(unsigned bit)
{
	return bit == 1 ? "write" : "read";
}

static struct buf text;

static bool has(const char *part)
{
	return strstr(buf_z(&text), part);
}

static void write_document(const struct openapi *o, const char *what)
{
	struct json j = { 0 };

	text.n = 0;
	openapi_write(o, &text);
	ok(json_parse(&j, buf_slice(&text), NULL) == 0, "%s: it is JSON", what);
	json_fini(&j);
}

static void test_routes(void)
{
	const struct openapi o = {
		.title = "t", .version = "1", .text = "x", .routes = routes, .n_routes = 4
	};

	write_document(&o, "routes alone");
	ok(has("\"/rules/{id}\":{\"get\":{\"operationId\":\"get_rules_id\",\"summary\":\"a "
	       "\\\"rule\\\"\",\"parameters\":[{\"in\":\"path\",\"name\":\"id\",\"required\":true"),
	   "a parameter of the path");
	ok(has("\"delete\":{\"operationId\":\"delete_rules_id\""), "a second method of it");
	ok(has("\"application/json\":{\"schema\":{}},\"application/x-ndjson\":{\"schema\":"
	       "{\"type\":\"string\"}}"),
	   "bodies that nothing is known of");
	ok(!has("securitySchemes") && !has("\"401\""), "nobody needs a key");
	ok(has("\"code\":\"not-acceptable\""), "the router's own problems");
}

static void test_docs(void)
{
	static const struct openapi_answer answers[] = {
		{ 202, "taken", NULL, "{\"type\":\"object\"}", NULL },
		{ .status = 413, .text = "too much" },
	};
	static const struct openapi_param params[] = {
		{ .in = "path",
		  .name = "id",
		  .schema = "{\"type\":\"integer\"}",
		  .text = "of a rule" },
		{ .in = "query",
		  .name = "wait",
		  .schema = "{\"type\":\"integer\"}",
		  .text = "seconds" },
		{ .in = "query", .name = "rule", .schema = "{}", .required = true },
	};
	static const struct openapi_problem problems[] = { { 422, "invalid", "no event" } };
	const struct openapi_doc docs[] = {
		{ .method = HTTP_POST,
		  .path = "/events",
		  .body = slice_z("{\"$ref\":\"#/components/schemas/E\"}"),
		  .answers = answers,
		  .n_answers = 2 },
		{ .method = HTTP_GET, .path = "/rules/{id}", .params = params, .n_params = 3 },
	};
	const struct openapi o = { .title = "t",
				   .version = "1",
				   .text = "x",
				   .routes = routes,
				   .n_routes = 4,
				   .docs = docs,
				   .n_docs = 2,
				   .schemas = " { \"E\": {\"type\":\"object\"} }\n",
				   .problems = problems,
				   .n_problems = 1,
				   .scope = scope };

	write_document(&o, "with docs");
	ok(has("\"security\":[{\"bearer\":[\"write\"]},{\"key\":[\"write\"]}]"), "a scope");
	ok(has("\"202\":{\"description\":\"taken\",\"content\":{\"application/json\":{\"schema\":"
	       "{\"type\":\"object\"}}}},\"413\":{\"description\":\"too much\",\"content\":{"
	       "\"application/problem+json\""),
	   "answers, a problem among them");
	ok(has("\"parameters\":[{\"in\":\"path\",\"name\":\"id\",\"required\":true,\"description\":"
	       "\"of a rule\",\"schema\":{\"type\":\"integer\"}},{\"in\":\"query\""),
	   "a parameter that is described stands once");
	ok(has("\"name\":\"rule\",\"required\":true,\"schema\":{}}"), "one that has to be there");
	ok(has("\"x-problems\":[{\"status\":422,\"code\":\"invalid\",\"text\":\"no event\"}"),
	   "problems");
	ok(has(", \"E\": {\"type\":\"object\"} }"), "schemas");
}

int main(void)
{
	test_routes();
	test_docs();
	buf_fini(&text);
	return done();
}
