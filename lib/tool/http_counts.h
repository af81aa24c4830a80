/* What servers of HTTP count, and the text format of Prometheus (0.0.4) in which they tell it, or
 * OpenMetrics (openmetrics.h) to whoever wants that more.
 * Labels are bounded: routes are templates, and beyond HTTP_COUNTS kinds of answers none is
 * added. */
#ifndef TOOL_HTTP_COUNTS_H
#define TOOL_HTTP_COUNTS_H

#include "net/http_server.h"

enum { HTTP_COUNTS = 1024, HTTP_COUNTS_ROUTES = 128, HTTP_TIMES = 14 };

/* A histogram of durations: 0.5 ms to 10 s. {0} at first */
struct http_times {
	uint64_t n[HTTP_TIMES + 1];
	int64_t sum_us;
};
void http_times_add(struct http_times *t, int64_t us);

/* {"ms":[bounds],"n":[counts, one more than bounds]} */
void http_times_json(const struct http_times *t, struct buf *b);

/* {0} at first */
struct http_counts {
	struct http_answered {
		const char *route;
		enum http_method method;
		unsigned status;
		uint64_t n;
	} answered[HTTP_COUNTS];
	size_t n;
	/* from a request's first byte to its answer */
	struct http_route_times {
		const char *route;
		struct http_times times;
	} routes[HTTP_COUNTS_ROUTES];
	size_t n_routes;
};
/* Answers to a method with a status of from to below to. */
uint64_t http_counts_sum(const struct http_counts *c, enum http_method method, unsigned from,
			 unsigned below);
/* For http_app.answered. */
void http_counts_answered(struct http_counts *c, const struct http_request *req, unsigned status);

/* ---- text; all append */
void prometheus_begin(struct buf *b, const char *name, const char *type, const char *help);
/* A metric without labels. */
void prometheus_value(struct buf *b, const char *name, const char *type, const char *help,
		      uint64_t value);
/* A label's value, with what has to be escaped. */
void prometheus_label(struct buf *b, struct slice text);
void prometheus_seconds(struct buf *b, int64_t us);
void prometheus_times(struct buf *b, const char *name, const char *help,
		      const struct http_times *t);
/* What a server counts, and its answers. */
void prometheus_http(struct buf *b, const struct http_counts *c, const struct http_server *server);
/* hta_build_info, the last one, then the answer; b is freed. */
void prometheus_answer(struct buf *b, const char *program, struct http_request *req);

#endif
