/* A server of HTTP for the suite `http`, on lib/net: hta-http PLACE [SETTING=NUMBER]...
 *
 * Says "PLACE, PLACE" in one line when it listens, drains at INT, TERM and HUP, and ends with 0.
 * Settings: connections, address, budget (bytes), head, body, idle, overload, linger, stall, ping
 * (ms), h2 (1: HTTP/2 too), and files instead of numbers: cert, key, client-ca (PEM; read again at
 * USR1).
 *	POST /echo	the body; up to 64 MiB
 *	POST /count	{"requests":N,"bytes":N}: how many /count there were, and this body's size
 *	GET /late?ms=N	"late", after so many milliseconds
 *	GET /stream?n=N	N lines, streamed; ?cut=1: cut before the end
 *	GET /items/{id}	its text
 *	GET /ws		WebSocket: echoes texts; binary messages: 1003
 *	GET /live	WebSocket, events (Accept: text/event-stream) or the last push
 *	POST /push	a push of its body to all of /live
 *	GET /peer	who the client has proved to be
 *	GET /stats	counters */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/tls/tls.h"
#ifdef WITH_HTTP2
#include "drv/h2/h2.h"
#endif
#include "net/accept.h"
#include "net/http_server.h"
#include "net/problem.h"
#include "net/route.h"
#include "net/ws_conn.h"

/* Who is at /live: a connection, or a stream of events. */
struct reader {
	struct site *site;
	struct reader **prev, *next;
	struct ws_conn *conn;
	struct http_request *stream;
	uint64_t seen; /* the number of the last push that its stream has */
	bool left;     /* its client */
};

struct site {
	struct loop *loop;
	struct ws_site *echo, *live;
	struct reader *readers;
	struct buf last; /* the last push */
	uint64_t pushes;
	struct http_server *server;
	struct tls *tls;
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

static void answer_peer(void *arg, struct http_request *req)
{
	(void)arg;
	answer_text(req, "text/plain", req->peer);
}

static void add_ws_stats(const struct ws_site *live, struct buf *text)
{
	struct ws_stats s;

	ws_site_stats(live, &s);
	buf_printf(text, "live %zu\nsent %llu\nskipped %llu\n", s.clients,
		   (unsigned long long)s.sent, (unsigned long long)s.skipped);
	for (unsigned i = 0; i < WS_CODES; i++)
		if (s.closed[i])
			buf_printf(text, "closed-%u %llu\n", 1000 + i,
				   (unsigned long long)s.closed[i]);
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
	add_ws_stats(site->live, &text);
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

/* ---- WebSocket and events */
static void echo_message(void *arg, struct ws_conn *c, enum ws_opcode kind, struct slice payload)
{
	(void)arg;
	if (kind == WS_BINARY)
		ws_end(c, WS_UNSUPPORTED, "text only");
	else
		ws_send(c, kind, payload);
}

static void echo_closed(void *arg, struct ws_conn *c, unsigned code)
{
	(void)arg;
	(void)c;
	(void)code;
}

static void answer_ws(void *arg, struct http_request *req)
{
	ws_accept(req, ((struct site *)arg)->echo, NULL);
}

static struct reader *add_reader(struct site *site)
{
	struct reader *r = mem_zalloc(sizeof(*r));

	r->site = site;
	r->next = site->readers;
	r->prev = &site->readers;
	if (r->next)
		r->next->prev = &r->next;
	site->readers = r;
	return r;
}

static void drop_reader(struct reader *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	free(r);
}

static void live_closed(void *arg, struct ws_conn *c, unsigned code)
{
	(void)arg;
	(void)code;
	drop_reader(ws_user(c));
}

static enum http_more more_events(void *arg, struct buf *out)
{
	struct reader *r = arg;

	if (r->left)
		return HTTP_CUT;
	if (r->site->draining)
		return HTTP_END;
	if (r->seen < r->site->pushes) {
		r->seen = r->site->pushes;
		buf_printf(out, "id: %llu\ndata: ", (unsigned long long)r->seen);
		buf_adds(out, buf_slice(&r->site->last));
		buf_addz(out, "\n\n");
	}
	return HTTP_WAIT;
}

static void close_events(void *arg, bool sent)
{
	(void)sent;
	drop_reader(arg);
}

static void events_gone(struct http_request *req)
{
	((struct reader *)req->user)->left = true;
	http_wake(req);
}

static void answer_live(void *arg, struct http_request *req)
{
	static const char *const offers[] = { "text/plain", "text/event-stream", NULL };
	struct site *site = arg;
	struct reader *r;

	if (ws_wanted(req)) {
		r = add_reader(site);
		r->conn = ws_accept(req, site->live, r);
		if (!r->conn)
			drop_reader(r);
	} else if (http_accept(req, offers) == 1) {
		r = add_reader(site);
		r->stream = req;
		req->user = r;
		req->gone = events_gone;
		http_stream(req,
			    &(struct http_answer){ .status = 200, .type = "text/event-stream" },
			    &(struct http_producer){ more_events, close_events, r });
	} else {
		answer_text(req, "text/plain", buf_slice(&site->last));
	}
}

static void answer_push(void *arg, struct http_request *req)
{
	struct site *site = arg;
	struct ws_shared *f = ws_share(site->live, req->body);

	site->last.n = 0;
	buf_adds(&site->last, req->body);
	site->pushes++;
	for (struct reader *r = site->readers; r; r = r->next) {
		if (r->conn)
			ws_push(r->conn, &f, 1);
		else
			http_wake(r->stream);
	}
	ws_shared_free(f);
	http_answer(req, &(struct http_answer){ .status = 204 });
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
	{ HTTP_GET, "/ws", 0, 0, NULL, NULL, answer_ws, "" },
	{ HTTP_GET, "/live", 0, 0, NULL, NULL, answer_live, "" },
	{ HTTP_POST, "/push", 0, 1 << 20, NULL, NULL, answer_push, "" },
	{ HTTP_GET, "/peer", 0, 0, NULL, NULL, answer_peer, "" },
	{ HTTP_GET, "/stats", 0, 0, NULL, NULL, answer_stats, "" },
};

static void start_drain(void *arg, int signo)
{
	struct site *site = arg;

	(void)signo;
	site->draining = true;
	for (struct reader *r = site->readers; r; r = r->next)
		if (r->stream)
			http_wake(r->stream);
	http_server_drain(site->server);
}

static void read_files_anew(void *arg, int fd, short revents)
{
	struct site *site = arg;
	struct signalfd_siginfo info;
	struct err err = ERR_INIT;

	(void)revents;
	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (tls_openssl.reload(site->tls, &err))
		log_err(&err);
	else
		log_each(LOG_WARN, "read anew");
}

static void watch_usr1(struct site *site)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	loop_watch(site->loop, signalfd(-1, &usr1, SFD_NONBLOCK | SFD_CLOEXEC), POLLIN,
		   read_files_anew, site);
}

static bool take_file(struct tls_files *files, const char *text)
{
	const struct {
		const char *name, **path;
	} settings[] = { { "cert=", &files->cert },
			 { "key=", &files->key },
			 { "client-ca=", &files->client_ca } };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		size_t n = strlen(settings[i].name);
		if (strncmp(text, settings[i].name, n) != 0)
			continue;
		*settings[i].path = text + n;
		return true;
	}
	return false;
}

static bool take_setting(struct http_conf *conf, struct ws_conf *ws, size_t *h2, const char *text)
{
	const struct {
		const char *name;
		int64_t *us;
		size_t *count;
	} settings[] = {
		{ "h2=", NULL, h2 },
		{ "connections=", NULL, &conf->most_connections },
		{ "address=", NULL, &conf->most_per_address },
		{ "budget=", NULL, &conf->budget_bytes },
		{ "head=", &conf->head_us, NULL },
		{ "body=", &conf->body_us, NULL },
		{ "idle=", &conf->idle_us, NULL },
		{ "overload=", &conf->overload_us, NULL },
		{ "linger=", &conf->linger_us, NULL },
		{ "stall=", &conf->stall_us, NULL },
		{ "ping=", &ws->ping_us, NULL },
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
	struct ws_conf ws = { .message = echo_message,
			      .closed = echo_closed,
			      .protocol = "hta.live" };
	struct tls_files files = { 0 };
	size_t h2 = 0;
	struct buf places = { 0 };
	struct err err = ERR_INIT;
	int rc = 0;

	log_setup("hta-http", LOG_TEXT, 0);
	for (int i = 2; i < argc; i++)
		if (!take_setting(&conf, &ws, &h2, argv[i]) && !take_file(&files, argv[i]))
			return EX_USAGE;
#ifdef WITH_HTTP2
	if (h2) {
		conf.protocol = &h2_protocol;
		files.http2 = true;
	}
#endif
	if (files.cert) {
		site.tls = tls_openssl.open(&files, &err);
		if (!site.tls) {
			log_err(&err);
			return err.code;
		}
		conf.transport = tls_openssl.transport(site.tls);
		watch_usr1(&site);
	}
	router_app(&router, &app);
	site.echo = ws_site_new(&ws);
	ws.closed = live_closed;
	site.live = ws_site_new(&ws);
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
	tls_openssl.free(site.tls);
	ws_site_free(site.echo);
	ws_site_free(site.live);
	buf_fini(&site.last);
	loop_free(site.loop);
	return rc < 0 ? err.code : 0;
}
