/* /openapi.json: the document of the reader's endpoints. The routes say most of it
 * (net/openapi.h); here are the parameters, and what answers look like. */
#include "net/openapi.h"

#include "serve/serve.h"
#include "serve/serve_schemas.inc"
#include "tool/prog.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define TEXT "{\"type\":\"string\"}"
#define SHORT "{\"type\":\"string\",\"maxLength\":1024}"
#define NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024}"
#define RULE_ID "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$\"}"

/* ---- parameters */
/* clang-format off */
#define PARAM(called, of, words) { .in = "query", .name = called, .schema = of, .text = words }
#define NEEDED(called, words)                                                                   \
	{ .in = "query", .name = called, .schema = NAME, .text = words, .required = true }
#define LIMIT(words, most)                                                                      \
	PARAM("limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":" most "}", words)
#define WORDS(called, list, words)                                                              \
	PARAM(called, "{\"type\":\"string\",\"enum\":[" list "]}", words)
#define JSON(called, of, words)                                                                 \
	{ .in = "query", .name = called, .schema = of, .text = words, .json = true }
#define DIMS                                                                                    \
	JSON("dims", "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\","    \
		     "\"number\",\"boolean\",\"null\"]}}",                                    \
	     "dimensions that rows must have, exactly")
#define NUMBERS WORDS("numbers", "\"number\",\"string\"", "numbers as strings: all digits")
#define FINAL WORDS("final", "\"false\",\"true\"", "only windows that nothing more comes for")
#define TIMES WORDS("times", "\"plain\",\"zulu\"", "times as RFC 3339, with their zone")
#define TIME(called, words)                                                                     \
	PARAM(called, REF("Time"), words ": RFC 3339, a date, @SECONDS or -2h")
#define CURSOR PARAM("cursor", SHORT, "next of the page before")
/* clang-format on */
static const struct openapi_param latest_params[] = {
	NEEDED("metric", "its name"),
	LIMIT("rows, 1000 if not said", "10000"),
	DIMS,
	NUMBERS,
	FINAL,
};
static const struct openapi_param top_params[] = {
	NEEDED("metric", "its name"),
	PARAM("by", SHORT, "count, sum, or the name of a measure"),
	LIMIT("rows, 10 if not said", "10000"),
	DIMS,
	NUMBERS,
};
static const struct openapi_param history_params[] = {
	NEEDED("metric", "its name"),
	TIME("from", "windows that start then or later"),
	TIME("to", "windows that start before"),
	LIMIT("rows, 1000 if not said", "10000"),
	DIMS,
	NUMBERS,
	FINAL,
	CURSOR,
};
static const struct openapi_param stats_params[] = {
	PARAM("rule_id", SHORT, "the rule; without it and a time: what intakes have been sent"),
	TIME("start_time", "windows that start then or later"),
	TIME("end_time", "windows that start before"),
	LIMIT("rows, 10000 if not said", "10000"),
	DIMS,
	NUMBERS,
	TIMES,
	CURSOR,
};
static const struct openapi_param events_params[] = {
	PARAM("topic", SHORT, "events of a topic"),
	PARAM("source", SHORT, "of a source"),
	PARAM("type", SHORT, "of a type"),
	PARAM("user", SHORT, "of a user"),
	TIME("from", "then or later"),
	TIME("to", "before"),
	LIMIT("events, 100 if not said", "1000"),
	TIMES,
	CURSOR,
};
static const struct openapi_param live_params[] = {
	NEEDED("rules", "names with commas between them; by WebSocket it may be left out"),
};
static const struct openapi_param graphql_params[] = {
	{ .in = "query",
	  .name = "query",
	  .schema = "{\"type\":\"string\",\"minLength\":1}",
	  .text = "a document of GraphQL",
	  .required = true },
	PARAM("operationName", TEXT, "which of its operations"),
	JSON("variables", "{\"type\":[\"object\",\"null\"]}", "its variables by their names"),
};
static const struct openapi_param rule_params[] = {
	{ .in = "path", .name = "id", .schema = RULE_ID, .text = "the rule_id" },
};
static const struct openapi_param put_params[] = {
	{ .in = "header", .name = "If-Match", .schema = TEXT, .text = "the rule's ETag" },
	{ .in = "header", .name = "If-None-Match", .schema = TEXT, .text = "*: it has to be new" },
};

/* ---- answers */
/* clang-format off */
#define ANSWER(code, words, name) { .status = code, .text = words, .schema = REF(name) }
#define REFUSAL(code, words) { .status = code, .text = words }
#define STORE                                                                                   \
	REFUSAL(500, "what is stored is damaged"),                                              \
	REFUSAL(503, "the store is away, or too many queries wait: Retry-After"),               \
	REFUSAL(504, "the store took longer than --deadline")
#define QUERY(name, missing)                                                                    \
	ANSWER(200, "OK", name), REFUSAL(304, "what the client has is what there is"),          \
	REFUSAL(404, missing), REFUSAL(422, "a parameter is no good"), STORE
#define NO_RULE REFUSAL(404, "no such rule, or no --rules")
#define WRITING                                                                                 \
	REFUSAL(403, "the key may not do this, or --rules names a file"),                       \
	REFUSAL(409, "the meaning has changed, or the rule stands elsewhere"),                  \
	REFUSAL(412, "another has changed it"), STORE
/* clang-format on */
static const struct openapi_answer window_answers[] = { QUERY("Window", "no metric or window") };
static const struct openapi_answer history_answers[] = { QUERY("History", "no such metric") };
static const struct openapi_answer stats_answers[] = { QUERY("Stats", "no such rule") };
static const struct openapi_answer reset_answers[] = {
	ANSWER(200, "they begin anew", "Reset"),
	REFUSAL(503, "the run folder cannot be written"),
};
static const struct openapi_answer events_answers[] = { QUERY("Events", "the store has none") };
static const struct openapi_answer live_answers[] = { QUERY("LiveAnswer", "no such rule") };
static const struct openapi_answer pipelines_answers[] = {
	ANSWER(200, "OK", "Pipelines"),
	REFUSAL(503, "the run folder cannot be read"),
};
static const struct openapi_answer rules_answers[] = { ANSWER(200, "OK", "Rules"), NO_RULE, STORE };
static const struct openapi_answer rule_answers[] = {
	ANSWER(200, "OK", "Rule"), REFUSAL(304, "what the client has is what there is"), NO_RULE,
	STORE
};
static const struct openapi_answer put_answers[] = {
	ANSWER(200, "the same, or changed", "RuleWritten"),
	ANSWER(201, "a new one", "RuleWritten"),
	NO_RULE,
	REFUSAL(422, "no rule, as hta-check says it, or none that the store can hold"),
	WRITING,
};
static const struct openapi_answer retire_answers[] = {
	ANSWER(200, "it is retired", "RuleWritten"),
	NO_RULE,
	WRITING,
};
/* clang-format off */
#define GRAPHQL(code, words)                                                                    \
	{ .status = code, .text = words, .type = "application/json",                            \
	  .schema = REF("QueryAnswer"), .other = "application/graphql-response+json" }
/* clang-format on */
static const struct openapi_answer graphql_answers[] = {
	GRAPHQL(200, "OK"),
	GRAPHQL(400, "no GraphQL: errors say where"),
	GRAPHQL(405, "a mutation by GET"),
	GRAPHQL(406, "Accept has none of the two types"),
	GRAPHQL(415, "Content-Type is not application/json"),
	STORE,
};
static const struct openapi_answer health_answers[] = { ANSWER(200, "it lives", "Health") };
static const struct openapi_answer ready_answers[] = {
	ANSWER(200, "the store can be read", "Health"),
	REFUSAL(503, "it cannot, or the server is ending"),
};
static const struct openapi_answer limits_answers[] = { ANSWER(200, "all limits", "Limits") };
static const struct openapi_answer metrics_answers[] = {
	{ 200, "Prometheus' text format, or OpenMetrics by Accept", "text/plain",
	  "{\"type\":\"string\"}", NULL },
};
static const struct openapi_answer page_answers[] = {
	{ 200, "the page", "text/html", "{\"type\":\"string\"}", NULL },
};

/* ---- the document */
/* clang-format off */
#define DOC(m, place, name)                                                                     \
	{ .method = m, .path = place, .params = name##_params, .n_params = COUNT(name##_params), \
	  .answers = name##_answers, .n_answers = COUNT(name##_answers) }
#define PLAIN(m, place, name)                                                                   \
	{ .method = m, .path = place, .answers = name##_answers,                                \
	  .n_answers = COUNT(name##_answers) }
/* clang-format on */
#define top_answers window_answers
#define retire_params rule_params
#define latest_answers window_answers
static const struct openapi_doc docs[] = {
	PLAIN(HTTP_GET, "/", page),
	PLAIN(HTTP_GET, "/docs", page),
	PLAIN(HTTP_GET, "/health", health),
	PLAIN(HTTP_GET, "/health/ready", ready),
	PLAIN(HTTP_GET, "/limits", limits),
	PLAIN(HTTP_GET, "/metrics", metrics),
	PLAIN(HTTP_GET, "/pipelines", pipelines),
	PLAIN(HTTP_POST, "/stats/reset", reset),
	DOC(HTTP_GET, "/latest", latest),
	DOC(HTTP_GET, "/top", top),
	DOC(HTTP_GET, "/history", history),
	DOC(HTTP_GET, "/stats", stats),
	DOC(HTTP_GET, "/events", events),
	DOC(HTTP_GET, "/live-stats", live),
	PLAIN(HTTP_GET, "/aggregation-rules", rules),
	DOC(HTTP_GET, "/aggregation-rule/{id}", rule),
	DOC(HTTP_DELETE, "/aggregation-rule/{id}", retire),
	{ .method = HTTP_POST,
	  .path = "/aggregation-rule",
	  .body = { REF("Rule"), sizeof(REF("Rule")) - 1 },
	  .params = put_params,
	  .n_params = COUNT(put_params),
	  .answers = put_answers,
	  .n_answers = COUNT(put_answers) },
	DOC(HTTP_GET, "/graphql", graphql),
	{ .method = HTTP_POST,
	  .path = "/graphql",
	  .body = { REF("Query"), sizeof(REF("Query")) - 1 },
	  .answers = graphql_answers,
	  .n_answers = COUNT(graphql_answers) },
};

static const struct openapi_problem problems[] = {
	{ 400, "bad-parameter", "a parameter has an escape that is none, or is no UTF-8" },
	{ 400, "malformed-json", "the body is not JSON, or not UTF-8; detail has the byte" },
	{ 403, "rules-read-only", "--rules names a file, which is read only" },
	{ 404, "no-events", "the store keeps no events" },
	{ 404, "no-rules", "the server has no --rules" },
	{ 404, "no-window", "the metric has no such window yet" },
	{ 404, "unknown-metric", "there is no such metric or rule; detail may name another" },
	{ 404, "unknown-rule", "there is no such rule" },
	{ 409, "elsewhere", "the rule stands in a file of another name, or beside others" },
	{ 409, "meaning-changed", "it would count something else: a higher version says so" },
	{ 412, "precondition", "the rule is not as If-Match or If-None-Match says" },
	{ 422, "bad-parameter", "a parameter is missing, or no good" },
	{ 422, "invalid-rule", "what hta-check would not take; detail is what it says" },
	{ 422, "not-storable", "the store cannot hold what the rule measures" },
	{ 500, "damaged", "what is stored cannot be read" },
	{ 503, "busy", "too many queries wait already" },
	{ 503, "cancelled", "the client has closed its side" },
	{ 503, "draining", "the server is ending" },
	{ 503, "no-run-folder", "the run folder cannot be read or written" },
	{ 503, "rules-unavailable", "the rules cannot be read or written" },
	{ 503, "store-config", "the store lacks what is asked for, or refuses the login" },
	{ 503, "store-unavailable", "the store cannot be reached" },
	{ 504, "deadline", "the store took too long" },
};

static const char *scope_name(unsigned scope)
{
	return key_scope_name((enum key_scope)scope);
}

void serve_openapi_write(bool keys, struct buf *out)
{
	const struct openapi o = {
		.title = "hta-serve",
		.version = prog_version,
		.text = "Numbers out: what the sinks have stored.",
		.routes = serve_routes,
		.n_routes = serve_n_routes,
		.docs = docs,
		.n_docs = COUNT(docs),
		.schemas = serve_schemas_json,
		.problems = problems,
		.n_problems = COUNT(problems),
		.scope = keys ? scope_name : NULL,
	};

	openapi_write(&o, out);
}

void serve_get_openapi(void *arg, struct http_request *req)
{
	const struct serve *s = arg;
	struct buf text = { 0 };

	serve_openapi_write(s->http.conf->keys != NULL, &text);
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "application/json",
						.body = buf_slice(&text) });
	buf_fini(&text);
}
