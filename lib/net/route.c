/* The table is walked: a server has some twenty routes, and a comparison of most of them ends at
 * the second byte. Literal segments are compared with what a path's escapes stand for, so that
 * /%65vents is /events; a segment in braces is decoded when its handler asks for it, so that an
 * escaped slash stays within its segment. */
#include "net/route.h"

#include "base/err.h"
#include "net/accept.h"
#include "net/problem.h"

/* Takes the next segment off a path that begins with '/'. */
static struct slice next_segment(struct slice *path)
{
	const char *slash = path->n > 1 ? memchr(path->p + 1, '/', path->n - 1) : NULL;
	size_t n = slash ? (size_t)(slash - path->p) : path->n;
	struct slice s = slice(path->p + 1, n - 1);

	*path = slice(path->p + n, path->n - n);
	return s;
}

static bool is_braced(struct slice pattern)
{
	return pattern.n > 2 && *pattern.p == '{';
}

static bool segment_fits(struct slice pattern, struct slice got)
{
	struct buf text = { 0 };
	bool fits;

	if (is_braced(pattern))
		return got.n;
	if (!memchr(got.p, '%', got.n))
		return slice_eq(pattern, got);
	fits = http_unescape(got, &text) == 0 && slice_eq(pattern, buf_slice(&text));
	buf_fini(&text);
	return fits;
}

static bool path_fits(const char *pattern, struct slice path)
{
	struct slice want = slice_z(pattern);

	while (want.n && path.n && *path.p == '/')
		if (!segment_fits(next_segment(&want), next_segment(&path)))
			return false;
	return !want.n && !path.n;
}

int route_segment(const struct http_request *req, unsigned nth, struct buf *out)
{
	struct slice want = slice_z(route_of(req)->path), path = req->path;

	out->n = 0;
	while (want.n && path.n) {
		struct slice pattern = next_segment(&want), got = next_segment(&path);
		if (is_braced(pattern) && nth-- == 0)
			return http_unescape(got, out) == 0 && str_utf8(out->p, out->n) ? 0 : -1;
	}
	BUG("%s has no such segment", route_of(req)->path);
}

const struct route *route_of(const struct http_request *req)
{
	return req->dispatch;
}

/* ---- methods */
/* In the order of their names. */
static const struct {
	enum http_method method;
	const char *name;
} methods[] = {
	{ HTTP_DELETE, "DELETE" },   { HTTP_GET, "GET" },     { HTTP_HEAD, "HEAD" },
	{ HTTP_OPTIONS, "OPTIONS" }, { HTTP_PATCH, "PATCH" }, { HTTP_POST, "POST" },
	{ HTTP_PUT, "PUT" },
};

static bool method_fits(const struct route *r, enum http_method method)
{
	return r->method == method || (method == HTTP_HEAD && r->method == HTTP_GET);
}

void route_methods(const struct router *r, struct slice path, struct buf *out)
{
	unsigned set = 0;
	bool all = slice_is(path, "*");

	for (size_t i = 0; i < r->n_routes; i++)
		if (all || path_fits(r->routes[i].path, path))
			set |= 1u << r->routes[i].method | 1u << HTTP_OPTIONS;
	if (set & 1u << HTTP_GET)
		set |= 1u << HTTP_HEAD;
	out->n = 0;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!(set & 1u << methods[i].method))
			continue;
		if (out->n)
			buf_addz(out, ", ");
		buf_addz(out, methods[i].name);
	}
}

/* ---- refusals */
static void say_with(struct http_request *req, unsigned status, const char *code,
		     const char *detail, const char *field, struct slice value)
{
	const struct http_field f = { slice_z(field), value };
	const struct problem p = { .status = status,
				   .code = code,
				   .detail = slice_z(detail),
				   .fields = &f,
				   .n_fields = 1 };

	problem_answer(req, &p);
}

/* The path is known, or is "*": OPTIONS, or a method that it does not take. */
static void answer_methods(struct http_request *req, struct slice allow)
{
	static const char taken[] =
		"Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, "
		"If-None-Match, Last-Event-ID, Prefer, X-API-Key, X-Request-Id";
	const struct http_field f[] = { { slice_z("Allow"), allow },
					{ slice_z("Access-Control-Allow-Methods"), allow },
					{ slice_z("Access-Control-Allow-Headers"), slice_z(taken) },
					{ slice_z("Access-Control-Max-Age"), slice_z("600") } };

	if (req->method == HTTP_OPTIONS) /* a browser asks in this way before it sends for a page */
		http_answer(req, &(struct http_answer){ .status = 204,
							.fields = f,
							.n_fields = req->origin.n ? 4 : 1 });
	else
		say_with(req, 405, "method-not-allowed", "the path does not take this method",
			 "Allow", allow);
}

static bool is_host_name(struct slice host, const char *name)
{
	size_t n = strlen(name);

	return host.n >= n && str_same(host.p, name, n) && (host.n == n || host.p[n] == ':');
}

static bool is_own_host(const struct router *r, struct slice host)
{
	if (r->any_host || !host.n || is_host_name(host, "localhost") ||
	    is_host_name(host, "127.0.0.1") || is_host_name(host, "[::1]"))
		return true;
	for (size_t i = 0; i < r->n_hosts; i++)
		if (is_host_name(host, r->hosts[i]))
			return true;
	return false;
}

static struct slice asking_origin(const struct router *r, const struct http_request *req)
{
	struct slice origin = r->n_origins ? http_field(req, "Origin") : slice(NULL, 0);

	for (size_t i = 0; origin.n && i < r->n_origins; i++)
		if (origin.n == strlen(r->origins[i]) &&
		    str_same(origin.p, r->origins[i], origin.n))
			return origin;
	return slice(NULL, 0);
}

static void list_types(const char *const *types, struct buf *out)
{
	for (size_t i = 0; types[i]; i++) {
		if (i)
			buf_addz(out, ", ");
		buf_addz(out, types[i]);
	}
}

/* False: answered. */
static bool takes_type(struct http_request *req, const struct route *r)
{
	struct slice type = http_field(req, "Content-Type");
	struct buf list = { 0 };

	if (!r->consumes || !type.p)
		return true;
	for (size_t i = 0; r->consumes[i]; i++)
		if (http_type_is(type, r->consumes[i]))
			return true;
	list_types(r->consumes, &list);
	say_with(req, 415, "content-type", "the body's Content-Type is not taken here",
		 req->method == HTTP_PATCH ? "Accept-Patch" : "Accept-Post", buf_slice(&list));
	buf_fini(&list);
	return false;
}

static bool makes_type(struct http_request *req, const struct route *r)
{
	static const char *const problem[] = { "application/problem+json", NULL };
	struct buf detail = { 0 };

	if (!r->produces || http_accept(req, r->produces) >= 0 || http_accept(req, problem) >= 0)
		return true;
	buf_addz(&detail, "the answer can be ");
	list_types(r->produces, &detail);
	problem_answer(req, &(struct problem){ .status = 406,
					       .code = "not-acceptable",
					       .detail = buf_slice(&detail) });
	buf_fini(&detail);
	return false;
}

/* ---- dispatch */
/* The route of path and method; else answers. */
static const struct route *find_route(const struct router *r, struct http_request *req)
{
	struct buf allow = { 0 };

	for (size_t i = 0; i < r->n_routes; i++) {
		if (!path_fits(r->routes[i].path, req->path))
			continue;
		req->route = r->routes[i].path;
		if (method_fits(&r->routes[i], req->method))
			return &r->routes[i];
	}
	route_methods(r, req->path, &allow);
	if (allow.n)
		answer_methods(req, buf_slice(&allow));
	else
		problem_say(req, 404, "not-found", "there is nothing at this path");
	buf_fini(&allow);
	return NULL;
}

static size_t route_head(void *arg, struct http_request *req)
{
	const struct router *r = arg;
	const struct route *route;

	if (!is_own_host(r, req->host)) {
		problem_say(req, 421, "misdirected",
			    "Host names another server (--host allows it)");
		return 0;
	}
	req->origin = asking_origin(r, req);
	route = find_route(r, req);
	if (!route || (r->allow && !r->allow(r->arg, req, route)) || !makes_type(req, route) ||
	    !takes_type(req, route))
		return 0;
	req->dispatch = route;
	return route->most_body;
}

static void route_handle(void *arg, struct http_request *req)
{
	const struct router *r = arg;

	route_of(req)->handle(r->arg, req);
}

void router_app(const struct router *r, struct http_app *app)
{
	app->arg = (void *)(uintptr_t)r;
	app->head = route_head;
	app->handle = route_handle;
}
