/* A request of GraphQL over HTTP. The first byte chooses POST (bit 0: else GET) and the media type
 * (bit 1); what follows is the body or the parameters; with bit 2 it is a document by itself. What
 * holds of any: a status with a body that is JSON; the same answer again; data only of what was
 * ready; errors where there is no data. Each call is given an object and a failure in turn. */
#include "gql/gql_hta.h"
#include "gql/gql_http.h"

#include "fuzz.h"

static void fetch_call(struct gql_run *run, size_t i)
{
	static const struct slice dims[] = { { "a", 1 }, { "b", 1 } };
	const struct gql_event event = { .event_id = { "e1", 2 }, .payload = { "{\"a\":1}", 7 } };
	const struct gql_metric metric = { .name = { "m", 1 }, .dims = dims, .n_dims = 2 };
	const struct gql_rollup rollup = { .metric = { "m", 1 } }; /* most of it must not be null */
	const struct gql_call *call = gql_run_call(run, i);
	struct slice field = slice_z(call->field->name);
	struct buf dims_asked = { 0 };
	struct json json = { 0 };

	if (gql_call_json(call, "dims", &dims_asked))
		MUST(json_parse(&json, buf_slice(&dims_asked), NULL) == 0);
	json_fini(&json);
	buf_fini(&dims_asked);
	MUST(call->limit <= GQL_LIMIT);
	if (call->limit == 7)
		gql_run_fail(run, i, slice("away", 4));
	else if (slice_is(field, "metrics"))
		while (gql_run_row(run, i, &metric))
			;
	else if (slice_is(field, "rollups"))
		gql_run_row(run, i, &rollup);
	else
		while (gql_run_row(run, i, &event))
			;
}

static int answer_to(const struct gql_request *request, struct buf *body)
{
	struct gql_http *http = gql_http_new(&gql_hta, request);
	struct gql_run *run = gql_http_run(http);
	struct gql_answer answer = { 0 };

	for (size_t i = 0; run && i < gql_run_calls(run); i++)
		fetch_call(run, i);
	gql_http_answer(http, &answer);
	gql_http_free(http);
	*body = answer.body;
	return answer.status;
}

static void judge_answer(int status, struct slice body)
{
	struct json json = { 0 };

	MUST(status == 200 || status == 400 || status == 405);
	MUST(json_parse(&json, body, NULL) == 0 && json.node[0].type == JSON_OBJECT);
	MUST(json_get(&json, 0, "errors") || json_get(&json, 0, "data"));
	MUST(status == 200 || !json_get(&json, 0, "data"));
	json_fini(&json);
}

/* {"query":document} */
static void wrap(struct slice document, struct buf *body)
{
	buf_addz(body, "{\"query\":");
	json_quote(body, document);
	buf_addc(body, '}');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice((const char *)data, n);
	unsigned how = fuzz_byte(&text);
	struct buf wrapped = { 0 }, first = { 0 }, again = { 0 };
	struct gql_request request = {
		.method = how & 1 ? GQL_METHOD_POST : GQL_METHOD_GET,
		.content_type = slice_z("application/json"),
		.accept = slice_z(how & 2 ? "application/graphql-response+json" : "*/*"),
		.parameters = text,
		.body = text,
	};

	if (how & 4 && str_utf8(text.p, text.n)) {
		wrap(text, &wrapped);
		request.body = buf_slice(&wrapped);
		request.method = GQL_METHOD_POST;
	}
	int status = answer_to(&request, &first);
	judge_answer(status, buf_slice(&first));
	MUST(answer_to(&request, &again) == status);
	MUST(slice_eq(buf_slice(&first), buf_slice(&again)));
	buf_fini(&wrapped);
	buf_fini(&first);
	buf_fini(&again);
	return 0;
}
