/* Written straight into a buffer, member by member; `comma` is what stands before the next one.
 * Routes of one path are one object, at the place of the first of them. */
#include "net/openapi.h"

#include "json/json.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PROBLEM "application/problem+json"

/* What server and router say of themselves. */
static const struct openapi_problem common[] = {
	{ 400, "bad-host", "no Host, more than one, or one that is none" },
	{ 400, "bad-length", "Content-Length is no number, or there are two" },
	{ 400, "malformed-body", "chunks or a coding of the body are broken" },
	{ 400, "malformed-head", "the head is not HTTP/1.1" },
	{ 400, "malformed-target", "the path has an escape that is none" },
	{ 404, "not-found", "nothing is at this path" },
	{ 405, "method-not-allowed", "Allow says which methods the path takes" },
	{ 406, "not-acceptable", "Accept has nothing that there is" },
	{ 408, "too-slow", "head or body came too slowly" },
	{ 413, "body-too-large", "the body is longer than the limit" },
	{ 414, "target-too-long", "the path and its query are longer than 8 KiB" },
	{ 415, "content-encoding", "Accept-Encoding says which codings are taken" },
	{ 415, "content-type", "Accept-Post says which types are taken" },
	{ 421, "misdirected", "Host is not ours" },
	{ 431, "head-too-large", "the head is longer than the limit, or has more than 100 fields" },
	{ 501, "transfer-coding", "a transfer coding other than chunked" },
	{ 503, "overloaded", "too much is under way; Retry-After says when to come again" },
	{ 505, "http-version", "a version other than HTTP/1.0 and 1.1" },
};
static const struct openapi_problem of_keys[] = {
	{ 401, "no-key", "a key is asked for, as Authorization: Bearer or X-API-Key" },
	{ 403, "scope", "the key may not do this" },
};

static const char problem_schema[] =
	"\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457\",\"required\":[\"type\","
	"\"title\",\"status\",\"code\"],\"properties\":{\"type\":{\"type\":\"string\"},"
	"\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
	"\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
	"\"instance\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"},"
	"\"errors_total\":{\"type\":\"integer\"},\"errors\":{\"type\":\"array\",\"maxItems\":100,"
	"\"items\":{\"type\":\"object\",\"required\":[\"code\"],\"properties\":{"
	"\"index\":{\"type\":\"integer\"},\"pointer\":{\"type\":\"string\"},"
	"\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}}}}}";

/* ---- pieces */

/* "name":"text", */
static void add_text(struct buf *b, const char *name, const char *text)
{
	json_quote_z(b, name);
	buf_addc(b, ':');
	json_quote_z(b, text);
	buf_addc(b, ',');
}

/* In place of a comma that stands behind the last member. */
static void close_with(struct buf *b, const char *text)
{
	if (b->p[b->n - 1] == ',')
		b->n--;
	buf_addz(b, text);
}

static const char *method_name(enum http_method m)
{
	static const char *const names[] = { "get",   "head",   "post",    "put",
					     "patch", "delete", "options", "trace" };

	return names[m];
}

static const struct openapi_doc *doc_of(const struct openapi *o, const struct route *r)
{
	static const struct openapi_doc none = { 0 };

	for (size_t i = 0; i < o->n_docs; i++)
		if (o->docs[i].method == r->method && strcmp(o->docs[i].path, r->path) == 0)
			return &o->docs[i];
	return &none;
}

/* ---- parameters */
static void add_param(struct buf *b, const struct openapi_param *p, struct slice name)
{
	bool required = p->required || strcmp(p->in, "path") == 0;

	buf_addc(b, '{');
	add_text(b, "in", p->in);
	buf_addz(b, "\"name\":");
	json_quote(b, name);
	buf_printf(b, ",\"required\":%s,", required ? "true" : "false");
	if (p->text)
		add_text(b, "description", p->text);
	buf_printf(b,
		   p->json ? "\"content\":{\"application/json\":{\"schema\":%s}}},"
			   : "\"schema\":%s},",
		   p->schema);
}

static bool is_described(const struct openapi_doc *d, struct slice name)
{
	for (size_t i = 0; i < d->n_params; i++)
		if (strcmp(d->params[i].in, "path") == 0 && slice_is(name, d->params[i].name))
			return true;
	return false;
}

static void add_params(struct buf *b, const struct route *r, const struct openapi_doc *d)
{
	static const struct openapi_param segment = {
		.in = "path", .schema = "{\"type\":\"string\",\"minLength\":1}"
	};
	const char *open, *close;

	if (!d->n_params && !strchr(r->path, '{'))
		return;
	buf_addz(b, "\"parameters\":[");
	for (open = strchr(r->path, '{'); open; open = strchr(close, '{')) {
		struct slice name;

		close = strchr(open, '}');
		name = slice(open + 1, (size_t)(close - open) - 1);
		if (is_described(d, name))
			continue;
		add_param(b, &segment, name);
	}
	for (size_t i = 0; i < d->n_params; i++)
		add_param(b, &d->params[i], slice_z(d->params[i].name));
	close_with(b, "],");
}

/* ---- bodies and answers */
static void add_body(struct buf *b, const struct route *r, const struct openapi_doc *d)
{
	static const char *const json[] = { "application/json", NULL };
	const char *const *types = r->consumes ? r->consumes : json;

	if (!types[0] || (!r->consumes && !d->body.n))
		return;
	buf_addz(b, "\"requestBody\":{\"required\":true,\"content\":{");
	for (size_t i = 0; types[i]; i++) {
		json_quote_z(b, types[i]);
		buf_addz(b, ":{\"schema\":");
		if (i)
			buf_addz(b, "{\"type\":\"string\"}");
		else if (d->body.n)
			buf_adds(b, d->body);
		else
			buf_addz(b, "{}");
		buf_addz(b, "},");
	}
	close_with(b, "}},");
}

static void add_answer(struct buf *b, const struct openapi_answer *a, const struct route *r)
{
	const char *schema = a->schema, *type = a->type ? a->type : "application/json";

	if (!schema && a->status >= 400) {
		schema = "{\"$ref\":\"#/components/schemas/Problem\"}";
		type = PROBLEM;
	}
	buf_printf(b, "\"%u\":{", a->status);
	add_text(b, "description", a->text);
	if (schema) {
		buf_addz(b, "\"content\":{");
		json_quote_z(b, type);
		buf_printf(b, ":{\"schema\":%s}", schema);
		if (a->other)
			buf_printf(b, ",\"%s\":{\"schema\":%s}", a->other, schema);
		if (a->schema && a->status >= 400) /* the server itself may refuse it */
			buf_addz(b, ",\"" PROBLEM "\":{\"schema\":{\"$ref\":"
				    "\"#/components/schemas/Problem\"}}");
		for (size_t i = 1; a->status == 200 && r->produces && r->produces[i]; i++) {
			buf_addc(b, ',');
			json_quote_z(b, r->produces[i]);
			buf_addz(b, ":{\"schema\":{\"type\":\"string\"}}");
		}
		buf_addc(b, '}');
	}
	close_with(b, "},");
}

static bool is_answered(const struct openapi_doc *d, unsigned status)
{
	for (size_t i = 0; i < d->n_answers; i++)
		if (d->answers[i].status == status)
			return true;
	return false;
}

/* Whether server and router may say that of the route. */
static bool is_common(const struct route *r, unsigned status)
{
	switch (status) {
	case 404:
		return strchr(r->path, '{');
	case 405:
		return false; /* said of methods that are not here */
	case 406:
		return r->produces;
	case 408:
	case 413:
		return r->most_body;
	case 415:
		return r->consumes;
	default:
		return true;
	}
}

static void add_refusals(struct buf *b, const struct openapi_doc *d,
			 const struct openapi_problem *list, size_t n, const struct route *r)
{
	unsigned before = 0;

	for (size_t i = 0; i < n; before = list[i++].status) {
		if (list[i].status == before || is_answered(d, list[i].status) ||
		    !is_common(r, list[i].status))
			continue;
		buf_printf(b, "\"%u\":{\"$ref\":\"#/components/responses/Problem\"},",
			   list[i].status);
	}
}

static void add_answers(struct buf *b, const struct openapi *o, const struct route *r,
			const struct openapi_doc *d)
{
	struct openapi_answer plain = { .status = 200, .text = "OK" };

	buf_addz(b, "\"responses\":{");
	for (size_t i = 0; i < d->n_answers; i++)
		add_answer(b, &d->answers[i], r);
	if (!d->n_answers) {
		plain.type = r->produces ? r->produces[0] : "text/plain";
		plain.schema = "{}";
		add_answer(b, &plain, r);
	}
	add_refusals(b, d, common, COUNT(common), r);
	if (o->scope && r->scope)
		add_refusals(b, d, of_keys, COUNT(of_keys), r);
	close_with(b, "},");
}

/* ---- operations */

/* get_acks_offset */
static void add_id(struct buf *b, const struct route *r)
{
	buf_printf(b, "\"operationId\":\"%s", method_name(r->method));
	for (const char *p = r->path; *p; p++)
		if (strchr("/{.-", *p)) {
			if (b->p[b->n - 1] != '_')
				buf_addc(b, '_');
		} else if (*p != '}') {
			buf_addc(b, *p);
		}
	buf_addz(b, "\",");
}

static void add_operation(struct buf *b, const struct openapi *o, const struct route *r)
{
	const struct openapi_doc *d = doc_of(o, r);

	buf_printf(b, "\"%s\":{", method_name(r->method));
	add_id(b, r);
	if (r->summary)
		add_text(b, "summary", r->summary);
	if (d->text)
		add_text(b, "description", d->text);
	if (o->scope && r->scope) {
		buf_addz(b, "\"security\":[{\"bearer\":[");
		json_quote_z(b, o->scope(r->scope));
		buf_addz(b, "]},{\"key\":[");
		json_quote_z(b, o->scope(r->scope));
		buf_addz(b, "]}],");
	}
	add_params(b, r, d);
	add_body(b, r, d);
	add_answers(b, o, r, d);
	close_with(b, "},");
}

static bool is_first(const struct openapi *o, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(o->routes[k].path, o->routes[i].path) == 0)
			return false;
	return true;
}

static void add_paths(struct buf *b, const struct openapi *o)
{
	buf_addz(b, "\"paths\":{");
	for (size_t i = 0; i < o->n_routes; i++) {
		if (!is_first(o, i))
			continue;
		json_quote_z(b, o->routes[i].path);
		buf_addz(b, ":{");
		for (size_t k = i; k < o->n_routes; k++)
			if (strcmp(o->routes[k].path, o->routes[i].path) == 0)
				add_operation(b, o, &o->routes[k]);
		close_with(b, "},");
	}
	close_with(b, "},");
}

/* ---- what is shared */
/* Without the braces of the object that they stand in. */
static void add_schemas(struct buf *b, const char *object)
{
	const char *begin = strchr(object, '{'), *end = strrchr(object, '}');

	buf_addc(b, ',');
	buf_add(b, begin + 1, (size_t)(end - begin) - 1);
}

static void add_components(struct buf *b, const struct openapi *o)
{
	buf_addz(b, "\"components\":{\"schemas\":{");
	buf_addz(b, problem_schema);
	if (o->schemas)
		add_schemas(b, o->schemas);
	buf_addz(b, "},\"responses\":{\"Problem\":{\"description\":\"refused; code says "
		    "why\",\"content\":{\"" PROBLEM "\":{\"schema\":{\"$ref\":"
		    "\"#/components/schemas/Problem\"}}}}}");
	if (o->scope)
		buf_addz(b, ",\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":"
			    "\"bearer\"},\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":"
			    "\"X-API-Key\"}}");
	buf_addz(b, "},");
}

static void add_problems(struct buf *b, const struct openapi_problem *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "{\"status\":%u,", list[i].status);
		add_text(b, "code", list[i].code);
		add_text(b, "text", list[i].text);
		close_with(b, "},");
	}
}

void openapi_write(const struct openapi *o, struct buf *out)
{
	buf_addz(out, "{\"openapi\":\"3.1.0\",\"info\":{");
	add_text(out, "title", o->title);
	add_text(out, "version", o->version);
	add_text(out, "description", o->text);
	close_with(out, "},");
	add_paths(out, o);
	add_components(out, o);
	buf_addz(out, "\"x-problems\":[");
	add_problems(out, o->problems, o->n_problems);
	if (o->scope)
		add_problems(out, of_keys, COUNT(of_keys));
	add_problems(out, common, COUNT(common));
	close_with(out, "]}\n");
}
