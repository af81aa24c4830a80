/* A request is first brought into one form, four JSON values of which three may be missing: a GET's
 * parameters are decoded into texts, a POST's body is a text. Errors on the way set the status and
 * one message, and there is no run. */
#include "gql/gql_http.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gql/gql_media.h"

static const char *const content_types[] = {
	[GQL_MEDIA_JSON] = "application/json; charset=utf-8",
	[GQL_MEDIA_GRAPHQL] = "application/graphql-response+json; charset=utf-8",
	[GQL_MEDIA_NONE] = "application/json; charset=utf-8",
};

struct gql_http {
	enum gql_media media;
	int status; /* 0: as the run says */
	const char *allow;
	struct buf message;
	struct buf query, operation, variables, extensions; /* decoded */
	struct json json;                                   /* the body, or a GET's variables */
	struct json other;                                  /* a GET's extensions */
	struct gql_question question;
	struct gql_run *run;
};

static int refuse(struct gql_http *h, int status, const char *message)
{
	h->status = status;
	h->message.n = 0;
	buf_addz(&h->message, message);
	return -1;
}

/* ---- POST ---- */

/* Decodes a member that is a string; null and missing are the same, *out is empty then. */
static int read_text(struct gql_http *h, const char *name, struct buf *out)
{
	uint32_t at = json_get(&h->json, 0, name);

	if (!at || h->json.node[at].type == JSON_NULL)
		return 0;
	if (h->json.node[at].type == JSON_STRING && json_string(&h->json, at, out) == 0)
		return 0;
	refuse(h, 400, name);
	buf_addz(&h->message, " must be a string");
	return -1;
}

/* The node of a member that is an object, 0 of one that is null or missing. */
static int read_object(struct gql_http *h, const char *name, uint32_t *at)
{
	*at = json_get(&h->json, 0, name);
	if (*at && h->json.node[*at].type == JSON_NULL)
		*at = 0;
	if (!*at || h->json.node[*at].type == JSON_OBJECT)
		return 0;
	refuse(h, 400, name);
	buf_addz(&h->message, " must be an object");
	return -1;
}

static int read_body(struct gql_http *h, struct slice body)
{
	struct err err = ERR_INIT;
	uint32_t variables, extensions;

	if (json_parse(&h->json, body, &err)) {
		refuse(h, 400, "the body is not JSON: ");
		buf_addz(&h->message, err.msg);
		return -1;
	}
	if (h->json.node[0].type == JSON_ARRAY)
		return refuse(h, 400, "a list of requests is not taken: send them one by one");
	if (h->json.node[0].type != JSON_OBJECT)
		return refuse(h, 400, "the body must be an object with the member query");
	if (read_text(h, "query", &h->query) || read_text(h, "operationName", &h->operation) ||
	    read_object(h, "variables", &variables) || read_object(h, "extensions", &extensions))
		return -1;
	if (variables) {
		h->question.json = &h->json;
		h->question.variables = variables;
	}
	return 0;
}

static int read_post(struct gql_http *h, const struct gql_request *r)
{
	if (!gql_media_is_json(r->content_type))
		return refuse(h, 415, "the Content-Type must be application/json, in UTF-8");
	if (r->body.n > GQL_BODY_BYTES)
		return refuse(h, 400, "the body has more than 65536 bytes");
	return read_body(h, r->body);
}

/* ---- GET ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		int high = 0, low = 0;

		if (text.p[i] != '%') {
			buf_addc(out, text.p[i] == '+' ? ' ' : text.p[i]);
			continue;
		}
		if (i + 2 >= text.n || (high = hex_digit(text.p[i + 1])) < 0 ||
		    (low = hex_digit(text.p[i + 2])) < 0)
			return -1;
		buf_addc(out, (char)(high << 4 | low));
		i += 2;
	}
	return 0;
}

static struct buf *parameter(struct gql_http *h, struct slice name)
{
	if (slice_is(name, "query"))
		return &h->query;
	if (slice_is(name, "operationName"))
		return &h->operation;
	if (slice_is(name, "variables"))
		return &h->variables;
	return slice_is(name, "extensions") ? &h->extensions : NULL;
}

/* Others than ours are passed over: proxies and trackers add some. */
static int read_parameter(struct gql_http *h, struct slice text)
{
	const char *eq = text.n ? memchr(text.p, '=', text.n) : NULL;
	size_t n = eq ? (size_t)(eq - text.p) : text.n;
	struct buf *to = parameter(h, slice(text.p, n));

	if (!to || !eq)
		return 0;
	if (to->n)
		return refuse(h, 400, "a parameter stands twice");
	if (decode(slice(eq + 1, text.n - n - 1), to) || (to->n && !str_utf8(to->p, to->n)))
		return refuse(h, 400, "a parameter is not percent-encoded UTF-8");
	return 0;
}

static int read_json(struct gql_http *h, const char *name, const struct buf *text, struct json *j)
{
	struct err err = ERR_INIT;

	if (!json_parse(j, buf_slice(text), &err) &&
	    (j->node[0].type == JSON_OBJECT || j->node[0].type == JSON_NULL))
		return 0;
	refuse(h, 400, name);
	buf_addz(&h->message, " must be an object");
	return -1;
}

static int read_get(struct gql_http *h, struct slice rest)
{
	if (rest.n > 3 * GQL_BODY_BYTES)
		return refuse(h, 400, "the parameters have more than 65536 bytes");
	while (rest.n) {
		const char *end = memchr(rest.p, '&', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;

		if (read_parameter(h, slice(rest.p, n)))
			return -1;
		n += end != NULL;
		rest = slice(rest.p + n, rest.n - n);
	}
	if (h->extensions.n && read_json(h, "extensions", &h->extensions, &h->other))
		return -1;
	if (!h->variables.n)
		return 0;
	if (read_json(h, "variables", &h->variables, &h->json))
		return -1;
	if (h->json.node[0].type == JSON_OBJECT)
		h->question.json = &h->json;
	return 0;
}

/* ---- both ---- */

static int read_request(struct gql_http *h, const struct gql_request *r)
{
	h->media = gql_media_accept(r->accept);
	if (h->media == GQL_MEDIA_NONE)
		return refuse(h, 406,
			      "Accept must allow application/json or "
			      "application/graphql-response+json");
	if (r->method == GQL_METHOD_OTHER) {
		h->allow = "GET, POST";
		return refuse(h, 405, "GraphQL is asked by POST or GET");
	}
	if (r->method == GQL_METHOD_GET ? read_get(h, r->parameters) : read_post(h, r))
		return -1;
	if (h->query.n == 0)
		return refuse(h, 400, "query is missing");
	h->question.query = buf_slice(&h->query);
	h->question.operation = buf_slice(&h->operation);
	return 0;
}

struct gql_http *gql_http_new(const struct gql_schema *schema, const struct gql_request *request)
{
	struct gql_http *h = mem_zalloc(sizeof(*h));

	if (read_request(h, request))
		return h;
	h->run = gql_run_new(schema, &h->question);
	if (request->method == GQL_METHOD_GET && gql_run_kind(h->run) != GQL_QUERY) {
		h->allow = "POST";
		refuse(h, 405, "only a query may be sent by GET");
	}
	return h;
}

void gql_http_free(struct gql_http *h)
{
	if (!h)
		return;
	gql_run_free(h->run);
	json_fini(&h->json);
	json_fini(&h->other);
	buf_fini(&h->message);
	buf_fini(&h->query);
	buf_fini(&h->operation);
	buf_fini(&h->variables);
	buf_fini(&h->extensions);
	free(h);
}

struct gql_run *gql_http_run(struct gql_http *h)
{
	return !h->status && gql_run_calls(h->run) ? h->run : NULL;
}

void gql_http_answer(struct gql_http *h, struct gql_answer *answer)
{
	bool refused = false;

	answer->content_type = content_types[h->media];
	answer->allow = h->allow;
	answer->status = h->status;
	if (h->status) {
		buf_addz(&answer->body, "{\"errors\":[{\"message\":");
		json_quote(&answer->body, buf_slice(&h->message));
		buf_addz(&answer->body, "}]}");
		return;
	}
	answer->status = 200;
	if (!gql_run_ready(h->run, &refused) && (refused || h->media == GQL_MEDIA_GRAPHQL))
		answer->status = 400;
	gql_run_answer(h->run, &answer->body);
}
