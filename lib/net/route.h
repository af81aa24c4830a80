/* From a request to its handler by a table: method, path, who may, what is taken, how much.
 *
 * Judged at the head, in this order, before a byte of the body is read: Host (421), path (404),
 * OPTIONS (204), method (405), allow (401, 403, 429: the app's), Accept (406), Content-Type
 * (415). Each but 404 and 421 says Allow, Accept-Post or what else helps. HEAD is taken wherever
 * GET is: the handler answers as to GET. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/http.h"

struct route {
	enum http_method method;
	const char *path; /* "/rules/{id}": a segment in braces takes any that is not empty */
	unsigned scope;   /* for allow */
	size_t most_body; /* bytes, decoded */
	/* Media types of the body, NULL at the end; NULL: whatever it is. A request without
	 * Content-Type is taken for the first. */
	const char *const *consumes;
	/* Media types of answers that http_accept chooses from; NULL: whatever is asked for.
	 * application/problem+json is always acceptable beside them. */
	const char *const *produces;
	void (*handle)(void *arg, struct http_request *req);
	const char *summary; /* for the document of the interface */
};

struct router {
	const struct route *routes;
	size_t n_routes;
	void *arg; /* of handle and allow */
	/* Whether the client may: false when it has answered. NULL: everyone may. */
	bool (*allow)(void *arg, struct http_request *req, const struct route *route);
	/* Names that Host may have, with any port; localhost, 127.0.0.1 and [::1] besides.
	 * any_host: all. */
	const char *const *hosts;
	size_t n_hosts;
	bool any_host;
	/* Origins ("https://example.org") whose pages may ask and read answers (CORS). */
	const char *const *origins;
	size_t n_origins;
};

/* Sets arg, head and handle of the app; the router is borrowed for as long as the app lives. */
void router_app(const struct router *r, struct http_app *app);

/* The route of a request, in its handler and until it is answered. */
const struct route *route_of(const struct http_request *req);

/* The decoded text of the path's nth segment in braces (from 0), replaces out. -1: no UTF-8. */
int route_segment(const struct http_request *req, unsigned nth, struct buf *out);

/* The methods of a path, sorted, with HEAD and OPTIONS: "GET, HEAD, OPTIONS". Empty: no such
 * path. "*": those of all paths. */
void route_methods(const struct router *r, struct slice path, struct buf *out);

#endif
