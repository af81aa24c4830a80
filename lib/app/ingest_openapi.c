/* /openapi.json: the document of the intake's endpoints. The routes say most of it (net/openapi.h);
 * here is what bodies and answers look like. Limits stand in the schemas as they are set, and
 * endpoints of --route have the schema that judges their events. */
#include "app/ingest_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "net/openapi.h"
#include "tool/prog.h"

#include "app/ingest_schemas.inc"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define TEXT "{\"type\":\"string\"}"

/* ---- what all posts of events share */
static const struct openapi_param post_params[] = {
	{ .in = "query",
	  .name = "wait",
	  .schema = "{\"type\":\"integer\",\"minimum\":0}",
	  .text = "seconds to wait for the sinks; more than 60 are 60" },
	{ .in = "header", .name = "Prefer", .schema = TEXT, .text = "wait=N, handling=lenient" },
	{ .in = "header",
	  .name = "Idempotency-Key",
	  .schema = TEXT,
	  .text = "makes the ids of events without event_id, so that the request can be sent "
		  "again" },
};

/* clang-format off */
#define ANSWER(code, words, name) { .status = code, .text = words, .schema = REF(name) }
#define REFUSAL(code, words) { .status = code, .text = words }
#define REFUSALS                                                                    \
	REFUSAL(403, "the key may not do this, or not in this topic"),              \
	REFUSAL(413, "more than a limit: split it"),                                \
	REFUSAL(422, "an event is not valid; nothing was taken"),                   \
	REFUSAL(429, "more than the rate of the key: Retry-After"),                 \
	REFUSAL(503, "full, failed, ending, overloaded or behind: Retry-After")
/* clang-format on */

static const struct openapi_answer event_answers[] = {
	ANSWER(200, "stored by all sinks (Prefer: wait)", "Accepted"),
	ANSWER(202, "durable here", "Accepted"),
	REFUSALS,
};
static const struct openapi_answer batch_answers[] = {
	ANSWER(200, "stored by all sinks (Prefer: wait)", "Batch"),
	ANSWER(202, "durable here", "Batch"),
	REFUSALS,
};
static const struct openapi_answer publish_answers[] = {
	ANSWER(200, "stored by all sinks (Prefer: wait); nothing was new", "Created"),
	ANSWER(201, "durable here, or stored by all sinks", "Created"),
	ANSWER(202, "durable here, the wait is over; or nothing good was in it", "Created"),
	REFUSAL(409, "all was published before"),
	REFUSALS,
};

/* ---- the others */
static const struct openapi_answer health_answers[] = { ANSWER(200, "it lives", "Health") };
static const struct openapi_answer ready_answers[] = {
	ANSWER(200, "it takes events", "Health"),
	REFUSAL(503, "it takes none; code says why"),
};
static const struct openapi_answer limits_answers[] = { ANSWER(200, "all limits", "Limits") };
static const struct openapi_answer stats_answers[] = {
	ANSWER(200, "since the last reset", "Statistics"),
};
static const struct openapi_answer reset_answers[] = {
	ANSWER(200, "they begin anew", "Reset"),
	REFUSAL(503, "the base line could not be written"),
};
static const struct openapi_param acks_params[] = {
	{ .in = "path",
	  .name = "offset",
	  .schema = "{\"type\":\"integer\",\"minimum\":0}",
	  .text = "of Location" },
};
static const struct openapi_answer acks_answers[] = {
	ANSWER(200, "whether it is durable, and stored by all sinks", "Acks"),
};
static const struct openapi_answer metrics_answers[] = {
	{ 200, "Prometheus' text format, or OpenMetrics by Accept", "text/plain", TEXT, NULL },
};
static const struct openapi_answer docs_answers[] = { { 200, "the page", "text/html", TEXT,
							NULL } };

/* clang-format off */
#define GET_DOC(place, answered)                                                           \
	{ .method = HTTP_GET, .path = place, .answers = answered, .n_answers = COUNT(answered) }
/* clang-format on */
static const struct openapi_doc telling[] = {
	GET_DOC("/health", health_answers),
	GET_DOC("/health/ready", ready_answers),
	GET_DOC("/limits", limits_answers),
	GET_DOC("/stats", stats_answers),
	GET_DOC("/metrics", metrics_answers),
	GET_DOC("/docs", docs_answers),
	{ .method = HTTP_GET,
	  .path = "/acks/{offset}",
	  .params = acks_params,
	  .n_params = COUNT(acks_params),
	  .answers = acks_answers,
	  .n_answers = COUNT(acks_answers) },
	{ .method = HTTP_POST,
	  .path = "/stats/reset",
	  .answers = reset_answers,
	  .n_answers = COUNT(reset_answers) },
};

static const struct openapi_problem problems[] = {
	{ 400, "malformed-json", "the body is not JSON, or not UTF-8; detail has the byte" },
	{ 403, "topic", "the key may not write to a topic of the request" },
	{ 409, "duplicate", "all was published before" },
	{ 413, "event-too-large", "an event is longer than the limit" },
	{ 413, "too-many-events", "the request has more events than the limit" },
	{ 422, "invalid-event", "an event is not valid: errors has index, pointer and code" },
	{ 422, "bad-parameter", "wait is no number of seconds" },
	{ 422, "idempotency-mismatch", "the Idempotency-Key came with another body before" },
	{ 429, "rate", "the key sends more than its rate" },
	{ 503, "draining", "the intake is ending" },
	{ 503, "log-failed", "the log could not be written" },
	{ 503, "log-full", "the log is as long as it may be, or its disk is full" },
	{ 503, "not-reset", "the base line of the statistics could not be written" },
	{ 503, "pipeline-behind", "the pipeline is further behind than --max-lag" },
};

/* ---- bodies */
static void describe_array(const struct ingest *g, const char *of, struct buf *out)
{
	buf_printf(out, "{\"type\":\"array\",\"minItems\":1,\"maxItems\":%" PRIu64 ",\"items\":%s}",
		   g->conf.max_events, of);
}

static void describe_body(const struct ingest *g, const struct ingest_endpoint *e, struct buf *out)
{
	if (e->kind == INGEST_TYPED) {
		buf_adds(out, typed_schema(e->typed));
	} else if (e->kind == INGEST_EVENTS) {
		buf_addz(out, REF("Event"));
	} else if (e->kind == INGEST_BATCH) {
		describe_array(g, REF("BatchEvent"), out);
	} else {
		buf_addz(out, "{\"anyOf\":[" REF("Publication"));
		buf_addz(out, ",{\"type\":\"object\",\"required\":[\"events\"],"
			      "\"additionalProperties\":false,\"properties\":{\"events\":");
		describe_array(g, REF("Publication"), out);
		buf_addz(out, "}}]}");
	}
}

static struct openapi_doc endpoint_doc(const struct ingest_endpoint *e, const struct buf *body)
{
	static const struct {
		const struct openapi_answer *v;
		size_t n;
	} answers[] = {
		[INGEST_EVENTS] = { event_answers, COUNT(event_answers) },
		[INGEST_BATCH] = { batch_answers, COUNT(batch_answers) },
		[INGEST_PUBLISH] = { publish_answers, COUNT(publish_answers) },
		[INGEST_TYPED] = { event_answers, COUNT(event_answers) },
	};

	return (struct openapi_doc){ .method = HTTP_POST,
				     .path = e->route->conf.path,
				     .body = buf_slice(body),
				     .params = post_params,
				     .n_params = COUNT(post_params),
				     .answers = answers[e->kind].v,
				     .n_answers = answers[e->kind].n };
}

static const char *scope_name(unsigned scope)
{
	return key_scope_name((enum key_scope)scope);
}

void ingest_openapi_write(const struct ingest *g, struct buf *out)
{
	struct openapi_doc docs[COUNT(g->endpoints) + COUNT(telling)];
	struct buf bodies[COUNT(g->endpoints)] = { 0 };
	const struct openapi o = {
		.title = "hta-ingest",
		.version = prog_version,
		.text = "Events in. 2xx and 409 mean: durable in the log of the intake.",
		.routes = g->routes,
		.n_routes = g->n_routes,
		.docs = docs,
		.n_docs = g->n_endpoints + COUNT(telling),
		.schemas = ingest_schemas_json,
		.problems = problems,
		.n_problems = COUNT(problems),
		.scope = g->conf.http.keys ? scope_name : NULL,
	};

	for (size_t i = 0; i < g->n_endpoints; i++) {
		describe_body(g, &g->endpoints[i], &bodies[i]);
		docs[i] = endpoint_doc(&g->endpoints[i], &bodies[i]);
	}
	memcpy(docs + g->n_endpoints, telling, sizeof(telling));
	openapi_write(&o, out);
	for (size_t i = 0; i < g->n_endpoints; i++)
		buf_fini(&bodies[i]);
}

void ingest_get_openapi(void *arg, struct http_request *req)
{
	struct buf text = { 0 };

	ingest_openapi_write(arg, &text);
	http_answer(req, &(struct http_answer){ .status = 200,
						.type = "application/json",
						.body = buf_slice(&text) });
	buf_fini(&text);
}

int ingest_openapi_print(struct ingest *g, struct err *err)
{
	struct buf text = { 0 };
	int rc = ingest_routes_make(g, err);

	if (rc == 0) {
		ingest_openapi_write(g, &text);
		if (fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout))
			rc = err_errno(err, EX_IOERR, "standard output");
	}
	buf_fini(&text);
	return rc;
}
