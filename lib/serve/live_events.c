/* GET /live-stats: by what the request asks for a connection of WebSocket, a stream of events, or
 * the latest texts. A stream has a comment each 15 s, so that proxies do not cut it; a client that
 * does not keep up has the latest events in place of those that it has not taken. */
#include "base/mem.h"
#include "base/tm.h"
#include "net/accept.h"
#include "net/problem.h"
#include "serve/live_internal.h"

enum { COMMENT_US = 15000000, RETRY_MS = 5000 };

/* ---- streams */
static enum http_more more_events(void *arg, struct buf *out)
{
	struct live_client *c = arg;

	if (c->cut)
		return HTTP_CUT;
	if (c->pending.n) {
		buf_adds(out, buf_slice(&c->pending));
		c->pending.n = 0;
		return c->ended ? HTTP_END : HTTP_MORE;
	}
	return c->ended ? HTTP_END : HTTP_WAIT;
}

static void close_events(void *arg, bool sent)
{
	struct live_client *c = arg;

	(void)sent;
	c->live->n_events--;
	live_client_free(c);
}

static void events_gone(struct http_request *req)
{
	struct live_client *c = req->user;

	c->cut = true;
	live_wake(c);
}

void live_wake(struct live_client *c)
{
	if (c->req)
		http_wake(c->req);
}

static void comment(void *arg, int fd, short revents)
{
	struct serve_live *l = arg;

	(void)fd, (void)revents;
	for (struct live_client *c = l->clients, *next; c; c = next) {
		next = c->next;
		if (c->ws || c->pending.n)
			continue;
		buf_addz(&c->pending, ":\n\n");
		live_wake(c);
	}
}

void live_stream(struct serve_live *l, struct http_request *req, struct slice names)
{
	/* nginx passes events on at once where it is told. */
	static const struct http_field fresh[] = { { { "Cache-Control", 13 }, { "no-store", 8 } },
						   { { "X-Accel-Buffering", 17 }, { "no", 2 } } };
	struct live_client *c = live_client_new(l);

	if (!l->commenting)
		loop_every(l->s->loop, COMMENT_US, comment, l);
	l->commenting = true;
	l->n_events++;
	buf_printf(&c->pending, "retry: %d\n\n", RETRY_MS);
	live_subscribe(c, names);
	c->req = req; /* it is woken from now on */
	req->user = c;
	req->gone = events_gone;
	http_stream(req,
		    &(struct http_answer){ .status = 200,
					   .type = "text/event-stream",
					   .fields = fresh,
					   .n_fields = 2 },
		    &(struct http_producer){ more_events, close_events, c });
}

/* ---- the handler */
/* "a,b" to names with a \n behind each; n 0: there is none. */
static void split_rules(const char *text, struct buf *names)
{
	for (const char *p = text ? text : ""; *p;) {
		size_t n = strcspn(p, ",\n");

		if (n) {
			buf_add(names, p, n);
			buf_addc(names, '\n');
		}
		p += n + (p[n] != '\0');
	}
}

static void answer_wanted(struct serve *s, struct http_request *req, struct serve_args *args,
			  struct slice names)
{
	struct serve_live *l = s->live;
	int64_t now_us = tm_now_us();

	if (ws_wanted(req))
		live_accept(l, req, names);
	else if (!names.n)
		serve_args_refuse(args, "rules is missing: rules=NAME,NAME");
	else if (str_lines(names) > LIVE_RULES)
		serve_args_refuse(args, "rules: more than %d", LIVE_RULES);
	else if (http_accept(req, route_of(req)->produces) == 1)
		live_stream(l, req, names);
	else
		serve_answer(s, req,
			     live_query_get(names, l->conf.push_rows,
					    now_us - now_us % l->conf.push_us));
}

void serve_get_live(void *serve, struct http_request *req)
{
	struct buf key = { 0 }, names = { 0 };
	struct arena arena = { 0 };
	struct serve_args args = { .req = req, .key = &key, .arena = &arena };
	const char *text = serve_args_text(&args, "rules");

	split_rules(text, &names);
	if (!args.refused)
		answer_wanted(serve, req, &args, buf_slice(&names));
	buf_fini(&key);
	buf_fini(&names);
	arena_fini(&arena);
}
