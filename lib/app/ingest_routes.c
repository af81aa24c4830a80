/* The endpoints: those that take events, built in or by --route, then those that tell. */
#include "app/ingest_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/fd.h"
#include "net/html_page.h"
#include "net/openapi.h"

enum { SCHEMA_MOST = 1 << 20 };

static const char *const json_types[] = { "application/json", NULL };
static const char *const event_types[] = { "application/json", "application/x-ndjson", NULL };

static const struct {
	const char *path;
	enum ingest_kind kind;
	const char *summary;
} builtin[] = {
	{ "/events", INGEST_EVENTS, "one event, or lines of events" },
	{ "/ingest", INGEST_BATCH, "an array of events, or lines" },
	{ "/publish", INGEST_PUBLISH, "one event, or {\"events\":[..]}; 409 where all were seen" },
};

static const struct route telling[] = {
	{ HTTP_GET, "/health", 0, 0, NULL, json_types, ingest_get_health, "whether it lives" },
	{ HTTP_GET, "/health/ready", 0, 0, NULL, json_types, ingest_get_ready,
	  "whether it takes events" },
	{ HTTP_GET, "/limits", KEY_READ, 0, NULL, json_types, ingest_get_limits, "all limits" },
	{ HTTP_GET, "/metrics", KEY_METRICS, 0, NULL, NULL, ingest_get_metrics,
	  "counters, for Prometheus" },
	{ HTTP_GET, "/stats", KEY_READ, 0, NULL, json_types, ingest_get_stats, "statistics" },
	{ HTTP_GET, "/acks/{offset}", KEY_WRITE, 0, NULL, json_types, ingest_get_acks,
	  "whether all before that offset is durable, and stored" },
	{ HTTP_GET, "/openapi.json", 0, 0, NULL, json_types, ingest_get_openapi, "this document" },
	{ HTTP_GET, "/docs", 0, 0, NULL, html_page_types, openapi_docs, "a page of this document" },
	{ HTTP_POST, "/stats/reset", KEY_RESET, 1024, NULL, json_types, ingest_reset_stats,
	  "statistics begin anew" },
};

const struct ingest_endpoint *ingest_endpoint_of(const struct ingest *g,
						 const struct http_request *req)
{
	return &g->endpoints[route_of(req) - g->routes];
}

static bool is_routed(const struct ingest *g, const char *path)
{
	for (size_t i = 0; i < g->n_endpoints; i++)
		if (strcmp(g->routes[i].path, path) == 0)
			return true;
	for (size_t i = 0; i < sizeof(telling) / sizeof(*telling); i++)
		if (strcmp(telling[i].path, path) == 0)
			return true;
	return false;
}

static void add_endpoint(struct ingest *g, const struct ingest_endpoint *e, const char *summary)
{
	g->endpoints[g->n_endpoints++] = *e;
	g->routes[g->n_routes++] = (struct route){ .method = HTTP_POST,
						   .path = e->route->conf.path,
						   .scope = KEY_WRITE,
						   .most_body = g->conf.max_body,
						   .consumes = e->typed ? json_types : event_types,
						   .produces = json_types,
						   .handle = ingest_post,
						   .summary = summary };
}

static int add_builtin(struct ingest *g, size_t i, struct err *err)
{
	struct intake_route_conf conf = *intake_route_builtin(slice_z(builtin[i].path));
	struct ingest_endpoint e = { .kind = builtin[i].kind };

	conf.topic = g->conf.topic;
	e.route = intake_route_new(&conf, err);
	if (!e.route)
		return err_in(err, "--topic");
	add_endpoint(g, &e, builtin[i].summary);
	return 0;
}

/* ---- typed */
static int read_schema_text(const char *path, struct buf *out, struct err *err)
{
	int fd = fd_open(path, err);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, buf_room(out, 4096), 4096);
		out->n += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && out->n <= SCHEMA_MOST) || (n < 0 && errno == EINTR));
	close(fd);
	if (n < 0)
		return err_errno(err, EX_IOERR, "%s", path);
	return n ? err_set(err, EX_CONFIG, "%s: more than 1 MiB is no schema", path) : 0;
}

/* A path, or the name of one that comes with this program. */
static void schema_path(struct slice name, struct buf *out)
{
	bool shipped = !memchr(name.p, '/', name.n) && !memchr(name.p, '.', name.n);

	if (!shipped)
		buf_adds(out, name);
	else
		buf_printf(out, "%s/%.*s.json", PKG_ROUTES, (int)name.n, name.p);
}

static struct typed *read_typed(const char *text, struct err *err)
{
	struct typed_spec spec;
	struct buf path = { 0 }, schema = { 0 };
	struct typed *t = NULL;

	if (typed_spec_parse(text, &spec, err))
		return NULL;
	schema_path(spec.schema, &path);
	if (read_schema_text(buf_z(&path), &schema, err) == 0)
		t = typed_new(&spec, buf_z(&path), buf_slice(&schema), err);
	buf_fini(&path);
	buf_fini(&schema);
	return t;
}

static int add_typed(struct ingest *g, const char *text, struct err *err)
{
	struct ingest_endpoint e = { .kind = INGEST_TYPED, .typed = read_typed(text, err) };

	if (!e.typed)
		return err_in(err, "--route");
	e.route = typed_route(e.typed);
	if (is_routed(g, e.route->conf.path)) {
		err_set(err, EX_USAGE, "--route %s: the path is routed already",
			e.route->conf.path);
		typed_free(e.typed);
		return -1;
	}
	add_endpoint(g, &e, "an event of a schema");
	return 0;
}

int ingest_routes_make(struct ingest *g, struct err *err)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(*builtin); i++)
		if (add_builtin(g, i, err))
			return -1;
	for (size_t i = 0; i < g->conf.n_routes; i++)
		if (add_typed(g, g->conf.routes[i], err))
			return -1;
	memcpy(g->routes + g->n_routes, telling, sizeof(telling));
	g->n_routes += sizeof(telling) / sizeof(*telling);
	g->http.router.routes = g->routes;
	g->http.router.n_routes = g->n_routes;
	g->http.router.arg = g;
	g->http.router.allow = ingest_keys_allow;
	return 0;
}

void ingest_routes_free(struct ingest *g)
{
	for (size_t i = 0; i < g->n_endpoints; i++)
		if (g->endpoints[i].typed)
			typed_free(g->endpoints[i].typed);
		else
			intake_route_free(g->endpoints[i].route);
}
