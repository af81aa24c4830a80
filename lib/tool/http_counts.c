/* Answers by route, method and status stand in a small table that is walked: a server has a dozen
 * routes and codes. */
#include "tool/http_counts.h"

#include <inttypes.h>

#include "base/tm.h"
#include "net/accept.h"
#include "tool/openmetrics.h"
#include "tool/prog.h"

static const int64_t bounds_us[HTTP_TIMES] = { 500,     1000,    2000,    5000,    10000,
					       20000,   50000,   100000,  200000,  500000,
					       1000000, 2000000, 5000000, 10000000 };

void http_times_add(struct http_times *t, int64_t us)
{
	size_t i = 0;

	while (i < HTTP_TIMES && us > bounds_us[i])
		i++;
	t->n[i]++;
	t->sum_us += us;
}

void http_times_json(const struct http_times *t, struct buf *b)
{
	buf_addz(b, "{\"ms\":[");
	for (size_t i = 0; i < HTTP_TIMES; i++)
		buf_printf(b, "%s%g", i ? "," : "", (double)bounds_us[i] / 1e3);
	buf_addz(b, "],\"n\":[");
	for (size_t i = 0; i <= HTTP_TIMES; i++)
		buf_printf(b, "%s%" PRIu64, i ? "," : "", t->n[i]);
	buf_addz(b, "]}");
}

static void count_time(struct http_counts *c, const struct http_request *req)
{
	struct http_route_times *r = c->routes;
	size_t i = 0;

	while (i < c->n_routes && strcmp(r[i].route, req->route) != 0)
		i++;
	if (i == HTTP_COUNTS_ROUTES)
		return;
	if (i == c->n_routes)
		r[c->n_routes++].route = req->route;
	http_times_add(&r[i].times, tm_mono_us() - req->begun_us);
}

void http_counts_answered(struct http_counts *c, const struct http_request *req, unsigned status)
{
	struct http_answered *a = c->answered;

	count_time(c, req);
	for (size_t i = 0; i < c->n; i++, a++)
		if (a->status == status && a->method == req->method &&
		    strcmp(a->route, req->route) == 0) {
			a->n++;
			return;
		}
	if (c->n == HTTP_COUNTS)
		return;
	*a = (struct http_answered){ req->route, req->method, status, 1 };
	c->n++;
}

uint64_t http_counts_sum(const struct http_counts *c, enum http_method method, unsigned from,
			 unsigned below)
{
	uint64_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->answered[i].method == method && c->answered[i].status >= from &&
		    c->answered[i].status < below)
			n += c->answered[i].n;
	return n;
}

/* ---- the text */
void prometheus_begin(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prometheus_value(struct buf *b, const char *name, const char *type, const char *help,
		      uint64_t value)
{
	prometheus_begin(b, name, type, help);
	buf_printf(b, "%s %" PRIu64 "\n", name, value);
}

void prometheus_label(struct buf *b, struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\n')
			buf_addz(b, "\\n");
		else if (text.p[i] == '\\' || text.p[i] == '"')
			buf_printf(b, "\\%c", text.p[i]);
		else
			buf_addc(b, text.p[i]);
}

void prometheus_seconds(struct buf *b, int64_t us)
{
	buf_printf(b, "%" PRId64 ".%06d", us / 1000000, (int)(us % 1000000));
}

/* The lines of one histogram; label: "" or `route="/x"`. */
static void add_times(struct buf *b, const char *name, struct slice label,
		      const struct http_times *t)
{
	int n_label = (int)label.n;
	const char *comma = label.n ? "," : "", *open = label.n ? "{" : "",
		   *close = label.n ? "}" : "";
	uint64_t n = 0;

	for (size_t i = 0; i < HTTP_TIMES; i++) {
		n += t->n[i];
		buf_printf(b, "%s_bucket{%.*s%sle=\"%g\"} %" PRIu64 "\n", name, n_label, label.p,
			   comma, (double)bounds_us[i] / 1e6, n);
	}
	n += t->n[HTTP_TIMES];
	buf_printf(b, "%s_bucket{%.*s%sle=\"+Inf\"} %" PRIu64 "\n%s_sum%s%.*s%s ", name, n_label,
		   label.p, comma, n, name, open, n_label, label.p, close);
	prometheus_seconds(b, t->sum_us);
	buf_printf(b, "\n%s_count%s%.*s%s %" PRIu64 "\n", name, open, n_label, label.p, close, n);
}

void prometheus_times(struct buf *b, const char *name, const char *help, const struct http_times *t)
{
	prometheus_begin(b, name, "histogram", help);
	add_times(b, name, slice_z(""), t);
}

static void add_route_times(struct buf *b, const struct http_counts *c)
{
	struct buf label = { 0 };

	prometheus_begin(b, "hta_http_request_seconds", "histogram",
			 "from a request's first byte to its answer");
	for (size_t i = 0; i < c->n_routes; i++) {
		label.n = 0;
		buf_addz(&label, "route=\"");
		prometheus_label(&label, slice_z(c->routes[i].route));
		buf_addc(&label, '"');
		add_times(b, "hta_http_request_seconds", buf_slice(&label), &c->routes[i].times);
	}
	buf_fini(&label);
}

static void add_answers(struct buf *b, const struct http_counts *c)
{
	static const char *const methods[] = { "GET",   "HEAD",   "POST",    "PUT",
					       "PATCH", "DELETE", "OPTIONS", "other" };

	prometheus_begin(b, "hta_http_requests_total", "counter", "requests that were answered");
	for (size_t i = 0; i < c->n; i++) {
		const struct http_answered *a = &c->answered[i];

		buf_addz(b, "hta_http_requests_total{route=\"");
		prometheus_label(b, slice_z(a->route));
		buf_printf(b, "\",method=\"%s\",code=\"%u\"} %" PRIu64 "\n", methods[a->method],
			   a->status, a->n);
	}
}

void prometheus_http(struct buf *b, const struct http_counts *c, const struct http_server *server)
{
	struct http_stats s;

	http_server_stats(server, &s);
	add_answers(b, c);
	add_route_times(b, c);
	prometheus_begin(b, "hta_http_connections", "gauge", "connections");
	buf_printf(b,
		   "hta_http_connections{state=\"busy\"} %zu\n"
		   "hta_http_connections{state=\"idle\"} %zu\n",
		   s.busy, s.connections - s.busy);
	prometheus_value(b, "hta_http_in_flight_bytes", "gauge", "bytes of bodies",
			 s.in_flight_bytes);
	prometheus_begin(b, "hta_http_refused_total", "counter", "what the server refused");
	for (int i = 0; i < HTTP_REFUSED_REASONS; i++)
		buf_printf(b, "hta_http_refused_total{reason=\"%s\"} %" PRIu64 "\n",
			   http_refused_names[i], s.refused[i]);
}

void prometheus_answer(struct buf *b, const char *program, struct http_request *req)
{
	static const char *const types[] = { "text/plain", OPENMETRICS_TYPE, NULL };
	static const struct http_field vary = { { "Vary", 4 }, { "Accept", 6 } };
	struct buf open = { 0 };

	prometheus_begin(b, "hta_build_info", "gauge", "this program");
	buf_printf(b, "hta_build_info{program=\"%s\",version=\"%s\"} 1\n", program, prog_version);
	if (http_accept(req, types) == 1)
		openmetrics_write(buf_slice(b), &open);
	http_answer(req, &(struct http_answer){
				 .status = 200,
				 .type = open.n ? OPENMETRICS_TYPE "; version=1.0.0; charset=utf-8"
						: "text/plain; version=0.0.4; charset=utf-8",
				 .fields = &vary,
				 .n_fields = 1,
				 .body = buf_slice(open.n ? &open : b) });
	buf_fini(&open);
	buf_fini(b);
}
