/* Routes: which handler a request comes to, and what is answered in its place; what Accept and
 * Content-Type mean. */
#include "net/route.h"

#include "net/accept.h"
#include "tap.h"

static struct buf said, fields;
static unsigned status;

static void keep_answer(struct http_request *req, const struct http_answer *a)
{
	(void)req;
	fields.n = 0;
	status = a->status;
	for (size_t i = 0; i < a->n_fields; i++)
		buf_printf(&fields, "%.*s: %.*s", (int)a->fields[i].name.n, a->fields[i].name.p,
			   (int)a->fields[i].value.n, a->fields[i].value.p);
}

static const struct http_ops ops = { .answer = keep_answer };

static void handle(void *arg, struct http_request *req)
{
	struct buf segment = { 0 };

	(void)arg;
	said.n = 0;
	buf_addz(&said, route_of(req)->path);
	for (unsigned n = 0; strchr(route_of(req)->path, '{') && n < 1; n++)
		buf_printf(&said, "|%s",
			   route_segment(req, n, &segment) < 0 ? "bad" : buf_z(&segment));
	buf_fini(&segment);
	http_answer(req, &(struct http_answer){ .status = 200 });
}

static bool allow(void *arg, struct http_request *req, const struct route *route)
{
	(void)arg;
	if (route->scope == 7)
		http_answer(req, &(struct http_answer){ .status = 401 });
	return route->scope != 7;
}

static const char *const json[] = { "application/json", NULL };
static const char *const lines[] = { "application/json", "application/x-ndjson", NULL };
static const char *const hosts[] = { "example.com" };
static const struct route routes[] = {
	{ HTTP_GET, "/", 0, 0, NULL, NULL, handle, "" },
	{ HTTP_GET, "/events", 0, 0, NULL, json, handle, "" },
	{ HTTP_POST, "/events", 0, 1000, lines, json, handle, "" },
	{ HTTP_POST, "/secret", 7, 1000, NULL, NULL, handle, "" },
	{ HTTP_GET, "/rules/{id}", 0, 0, NULL, NULL, handle, "" },
	{ HTTP_PUT, "/rules/{id}", 0, 500, json, NULL, handle, "" },
	{ HTTP_GET, "/rules/{id}/rows", 0, 0, NULL, NULL, handle, "" },
};
static const struct router router = {
	routes, sizeof(routes) / sizeof(routes[0]), NULL, allow, hosts, 1, false, NULL, 0
};

static const struct {
	enum http_method method;
	const char *path, *host, *accept, *type;
	unsigned status;
	const char *said; /* of the handler, or the fields */
} cases[] = {
	{ HTTP_GET, "/", "localhost", NULL, NULL, 200, "/" },
	{ HTTP_GET, "/events", "localhost:80", NULL, NULL, 200, "/events" },
	{ HTTP_HEAD, "/events", "127.0.0.1:8080", NULL, NULL, 200, "/events" },
	{ HTTP_POST, "/events", "[::1]:1", NULL, NULL, 200, "/events" },
	{ HTTP_GET, "/%65vents", "EXAMPLE.com", NULL, NULL, 200, "/events" },
	{ HTTP_GET, "/rules/a%2fb", "", NULL, NULL, 200, "/rules/{id}|a/b" },
	{ HTTP_GET, "/rules/a/rows", "", NULL, NULL, 200, "/rules/{id}/rows|a" },
	{ HTTP_GET, "/rules/%ff", "", NULL, NULL, 200, "/rules/{id}|bad" },
	{ HTTP_GET, "/rules", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/rules/", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/rules//rows", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/rules/a/", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/events/", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "//events", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/event", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/Events", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "/events%2f", "", NULL, NULL, 404, "" },
	{ HTTP_GET, "*", "", NULL, NULL, 405, "Allow: GET, HEAD, OPTIONS, POST, PUT" },
	{ HTTP_OPTIONS, "*", "", NULL, NULL, 204, "Allow: GET, HEAD, OPTIONS, POST, PUT" },
	{ HTTP_OPTIONS, "/none", "", NULL, NULL, 404, "" },
	{ HTTP_OPTIONS, "/rules/a", "", NULL, NULL, 204, "Allow: GET, HEAD, OPTIONS, PUT" },
	{ HTTP_OPTIONS, "/secret", "", NULL, NULL, 204, "Allow: OPTIONS, POST" },
	{ HTTP_GET, "/secret", "", NULL, NULL, 405, "Allow: OPTIONS, POST" },
	{ HTTP_HEAD, "/secret", "", NULL, NULL, 405, "Allow: OPTIONS, POST" },
	{ HTTP_OTHER, "/events", "", NULL, NULL, 405, "Allow: GET, HEAD, OPTIONS, POST" },
	{ HTTP_DELETE, "/rules/a", "", NULL, NULL, 405, "Allow: GET, HEAD, OPTIONS, PUT" },
	{ HTTP_POST, "/secret", "", NULL, NULL, 401, "" },
	{ HTTP_GET, "/events", "evil.test", NULL, NULL, 421, "" },
	{ HTTP_GET, "/events", "localhost.evil.test", NULL, NULL, 421, "" },
	{ HTTP_GET, "/none", "evil.test", NULL, NULL, 421, "" },
	{ HTTP_GET, "/events", "", "text/html", NULL, 406, "" },
	{ HTTP_GET, "/events", "", "application/json;q=0", NULL, 406, "" },
	{ HTTP_GET, "/events", "", "application/problem+json", NULL, 200, "/events" },
	{ HTTP_GET, "/events", "", "text/html, application/*", NULL, 200, "/events" },
	{ HTTP_GET, "/events", "", "*/*", NULL, 200, "/events" },
	{ HTTP_GET, "/rules/a", "", "text/html", NULL, 200, "/rules/{id}|a" },
	{ HTTP_POST, "/events", "", NULL, "application/json", 200, "/events" },
	{ HTTP_POST, "/events", "", NULL, "Application/X-NDJSON; charset=utf-8", 200, "/events" },
	{ HTTP_POST, "/events", "", NULL, "text/plain", 415,
	  "Accept-Post: application/json, application/x-ndjson" },
	{ HTTP_POST, "/events", "", NULL, "", 415,
	  "Accept-Post: application/json, application/x-ndjson" },
	{ HTTP_PUT, "/rules/a", "", NULL, "application/jsonx", 415,
	  "Accept-Post: application/json" },
	{ HTTP_POST, "/events", "", "text/html", "text/plain", 406, "" },
};

static void test_routes(void)
{
	struct http_app app = { 0 };

	router_app(&router, &app);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_field f[2];
		struct http_request req = { .method = cases[i].method,
					    .path = slice_z(cases[i].path),
					    .host = slice_z(cases[i].host),
					    .fields = f,
					    .ops = &ops };
		if (cases[i].accept)
			f[req.n_fields++] = (struct http_field){ slice_z("ACCEPT"),
								 slice_z(cases[i].accept) };
		if (cases[i].type)
			f[req.n_fields++] = (struct http_field){ slice_z("content-type"),
								 slice_z(cases[i].type) };
		status = 0;
		size_t most = app.head(app.arg, &req);
		if (!status) {
			is_int(most, route_of(&req)->most_body, "limit");
			app.handle(app.arg, &req);
		}
		ok(status == cases[i].status &&
			   slice_is(status == 200 ? buf_slice(&said) : buf_slice(&fields),
				    cases[i].said),
		   "%d %s %s: %u", cases[i].method, cases[i].path, cases[i].host, cases[i].status);
	}
	buf_fini(&said);
	buf_fini(&fields);
}

static void test_accept(void)
{
	static const char *const offers[] = { "application/json", "application/x-ndjson",
					      "text/csv", NULL };
	static const struct {
		const char *accept;
		int taken;
	} lists[] = {
		{ "", -1 },
		{ "*/*", 0 },
		{ "text/*", 2 },
		{ "text/csv, application/json", 2 },
		{ "application/json, text/csv", 0 },
		{ "application/json;q=0.5, text/csv", 2 },
		{ "application/json;q=0.5, text/csv;q=0.501", 2 },
		{ "application/json; q=0.5 , text/csv ;q=0.4", 0 },
		{ "*/*;q=0.1, text/csv;q=0", 0 },
		{ "application/*, application/json;q=0", 1 },
		{ "application/json;q=0, */*", 1 },
		{ "text/html", -1 },
		{ "image/png, ,;q=1, text/csv", 2 },
		{ "TEXT/CSV", 2 },
		{ "text/csv;v=\"a,b;q=0\"", 2 },
		{ "text/csv;v=\"a", 2 },
		{ "text/csv;q=x", 2 },
		{ "text/csv;q=0.000", -1 },
		{ "text/csv;q=2", 2 },
		{ "application/jso", -1 },
		{ "*", -1 },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct http_field f = { slice_z("Accept"), slice_z(lists[i].accept) };
		struct http_request req = { .fields = &f, .n_fields = 1 };
		is_int(http_accept(&req, offers), lists[i].taken, lists[i].accept);
	}
	is_int(http_accept(&(struct http_request){ 0 }, offers), 0, "no Accept");
	ok(http_type_is(slice_z("text/csv ; a=b"), "text/csv") &&
		   !http_type_is(slice_z("text/csvx"), "text/csv"),
	   "types");
}

int main(void)
{
	test_routes();
	test_accept();
	return done();
}
