/* A server of HTTP for the suite `http`, on lib/net: hta-http PLACE [SETTING=NUMBER]...
 *
 * Says "PLACE, PLACE" in one line when it listens, drains at INT, TERM and HUP, and ends with 0.
 * Settings: connections, address, budget (bytes), head, body, idle, overload, linger (ms).
 *	POST /echo	the body; up to 64 MiB
 *	POST /count	{"requests":N,"bytes":N}: how many /count there were, and this body's size
 *	GET /late?ms=N	"late", after so many milliseconds
 *	GET /stream?n=N	N lines, streamed; ?cut=1: cut before the end
 *	GET /items/{id}	its text
 *	GET /stats	counters */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "net/http_server.h"
#include "net/problem.h"
#include "net/route.h"

struct site {
	struct loop *loop;
	struct http_server *server;
	uint64_t counted;
	bool draining;
};

static void answer_text(struct http_request *req, const char *type, struct slice text)
{
	http_answer(req, &(struct http_answer){ .status = 200, .type = type, .body = text });
}

static void answer_echo(void *arg, struct http_request *req)
{
	(void)arg;
	answer_text(req, "application/octet-stream", req->body);
}

static void answer_count(void *arg, struct http_request *req)
{
	struct site *site = arg;
	char text[80];
	int n = snprintf(text, sizeof(text), "{\"requests\":%llu,\"bytes\":%zu}\n",
			 (unsigned long long)++site->counted, req->body.n);

	answer_text(req, "application/json", slice(text, (size_t)n));
}

static void answer_item(void *arg, struct http_request *req)
{
	struct buf text = { 0 };

	(void)arg;
	if (route_segment(req, 0, &text) < 0)
		problem_say(req, 404, "not-found", NULL);
	else
		answer_text(req, "text/plain", buf_slice(&text));
	buf_fini(&text);
}

static void answer_stats(void *arg, struct http_request *req)
{
	struct site *site = arg;
	struct http_stats s;
	struct buf text = { 0 };

	http_server_stats(site->server, &s);
	buf_printf(&text, "connections %zu\nbusy %zu\nin-flight %zu\nrequests %llu\n",
		   s.connections, s.busy, s.in_flight_bytes, (unsigned long long)s.requests);
	for (int i = 0; i < HTTP_REFUSED_REASONS; i++)
		buf_printf(&text, "%s %llu\n", http_refused_names[i],
			   (unsigned long long)s.refused[i]);
	answer_text(req, "text/plain", buf_slice(&text));
	buf_fini(&text);
}

/* ---- later */
struct late {
	struct http_request *req;
	struct site *site;
};

static void be_late(void *arg, int fd, short revents)
{
	struct late *late = arg;

	(void)fd;
	(void)revents;
	answer_text(late->req, "text/plain", slice_z("late\n"));
	free(late);
}

static void answer_late(void *arg, struct http_request *req)
{
	struct late *late = mem_zalloc(sizeof(*late));

	struct buf ms = { 0 };

	http_param(req->query, "ms", &ms);
	late->req = req;
	late->site = arg;
	loop_at(late->site->loop, tm_mono_us() + atoll(buf_z(&ms)) * 1000, be_late, late);
	buf_fini(&ms);
}

/* ---- streamed */
struct lines {
	uint64_t left;
	bool cut;
};

static enum http_more more_lines(void *arg, struct buf *out)
{
	struct lines *lines = arg;

	for (int i = 0; i < 1000 && lines->left; i++, lines->left--)
		buf_printf(out, "line %llu\n", (unsigned long long)lines->left);
	return lines->left ? HTTP_MORE : lines->cut ? HTTP_CUT : HTTP_END;
}

static void close_lines(void *arg, bool sent)
{
	(void)sent;
	free(arg);
}

static void answer_stream(void *arg, struct http_request *req)
{
	struct lines *lines = mem_zalloc(sizeof(*lines));
	struct buf n = { 0 };

	(void)arg;
	if (http_param(req->query, "n", &n) == 1)
		lines->left = strtoull(buf_z(&n), NULL, 10);
	lines->cut = http_param(req->query, "cut", &n) == 1;
	http_stream(req, &(struct http_answer){ .status = 200, .type = "text/plain" },
		    &(struct http_producer){ more_lines, close_lines, lines });
	buf_fini(&n);
}

/* ---- the program */
static const char *const json[] = { "application/json", NULL };
static const char *const any_json[] = { "application/json", "application/x-ndjson", NULL };
static const struct route routes[] = {
	{ HTTP_POST, "/echo", 0, 64 << 20, NULL, NULL, answer_echo, "" },
	{ HTTP_POST, "/count", 0, 1 << 20, any_json, json, answer_count, "" },
	{ HTTP_GET, "/late", 0, 0, NULL, NULL, answer_late, "" },
	{ HTTP_GET, "/stream", 0, 0, NULL, NULL, answer_stream, "" },
	{ HTTP_GET, "/items/{id}", 0, 0, NULL, NULL, answer_item, "" },
	{ HTTP_GET, "/stats", 0, 0, NULL, NULL, answer_stats, "" },
};

static void start_drain(void *arg, int signo)
{
	struct site *site = arg;

	(void)signo;
	site->draining = true;
	http_server_drain(site->server);
}

static bool take_setting(struct http_conf *conf, const char *text)
{
	const struct {
		const char *name;
		int64_t *us;
		size_t *count;
	} settings[] = {
		{ "connections=", NULL, &conf->most_connections },
		{ "address=", NULL, &conf->most_per_address },
		{ "budget=", NULL, &conf->budget_bytes },
		{ "head=", &conf->head_us, NULL },
		{ "body=", &conf->body_us, NULL },
		{ "idle=", &conf->idle_us, NULL },
		{ "overload=", &conf->overload_us, NULL },
		{ "linger=", &conf->linger_us, NULL },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		size_t n = strlen(settings[i].name);
		if (strncmp(text, settings[i].name, n) != 0)
			continue;
		if (settings[i].us)
			*settings[i].us = atoll(text + n) * 1000;
		else
			*settings[i].count = (size_t)atoll(text + n);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct site site = { .loop = loop_new() };
	const char *const place = argc > 1 ? argv[1] : "0";
	struct http_conf conf = { .listen = &place, .n_listen = strcmp(place, "-") != 0 };
	const struct router router = { .routes = routes,
				       .n_routes = sizeof(routes) / sizeof(routes[0]),
				       .arg = &site };
	struct http_app app = { 0 };
	struct buf places = { 0 };
	struct err err = ERR_INIT;
	int rc = 0;

	log_setup("hta-http", LOG_TEXT, 0);
	for (int i = 2; i < argc; i++)
		if (!take_setting(&conf, argv[i]))
			return EX_USAGE;
	router_app(&router, &app);
	site.server = http_server_new(site.loop, &conf, &app, &err);
	if (!site.server) {
		log_err(&err);
		return err.code;
	}
	loop_signals(site.loop, start_drain, &site, 10 * TM_S);
	http_server_places(site.server, &places);
	printf("%s\n", buf_z(&places));
	fflush(stdout);
	buf_fini(&places);
	while (rc >= 0 && !(site.draining && http_server_idle(site.server)))
		rc = loop_turn(site.loop, INT64_MAX, &err);
	if (rc < 0)
		log_err(&err);
	http_server_free(site.server);
	loop_free(site.loop);
	return rc < 0 ? err.code : 0;
}
