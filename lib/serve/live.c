/* Each period:
 *
 *	timer -> one query for all rules that somebody has -> a text and a frame for each rule
 *	      -> each client: the frames of its rules, by pointer; or its events, in place of those
 *	         that it has not taken
 *
 * A period whose query is still under way at the next tick has the next one left out. Who has
 * subscribed meanwhile is told by a query of its own, which equal subscriptions share. */
#include "serve/live.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "json/json.h"
#include "net/problem.h"
#include "serve/live_internal.h"

/* ---- texts */
static void add_second(struct buf *out, int64_t us)
{
	char text[TM_TEXT_BYTES];

	buf_add(out, text, tm_text(us - us % TM_S, text));
}

void live_text(struct buf *out, const char *rule, int64_t us, struct slice data)
{
	buf_addz(out, "{\"rule_id\":");
	json_quote_z(out, rule);
	buf_addz(out, ",\"timestamp\":\"");
	add_second(out, us);
	buf_addz(out, "\",\"data\":");
	buf_adds(out, data);
	buf_addc(out, '}');
}

void live_error(struct buf *out, unsigned status, const char *code, struct slice detail)
{
	const struct problem p = { .status = status, .code = code, .detail = detail };

	buf_addz(out, "{\"error\":");
	problem_json(&p, slice(NULL, 0), slice(NULL, 0), out);
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	buf_addc(out, '}');
}

void live_tell(struct live_client *c, struct slice text)
{
	if (c->ws) {
		ws_send(c->ws, WS_TEXT, text);
		return;
	}
	buf_printf(&c->pending, "id: %" PRIu64 "\ndata: ", c->live->pushes);
	buf_adds(&c->pending, text);
	buf_addz(&c->pending, "\n\n");
}

void live_refuse(struct live_client *c, unsigned status, const char *code, struct slice detail)
{
	struct buf text = { 0 };

	live_error(&text, status, code, detail);
	live_tell(c, buf_slice(&text));
	buf_fini(&text);
}

/* ---- what a query has found, line by line */
struct slice live_next_line(struct slice *left)
{
	const char *end = memchr(left->p, '\n', left->n);
	struct slice line = slice(left->p, end ? (size_t)(end - left->p) : left->n);

	*left = slice(left->p + line.n + (end != NULL), left->n - line.n - (end != NULL));
	return line;
}

/* ---- periods */
static void push_to(struct live_client *c)
{
	struct ws_shared *frame[LIVE_RULES];
	size_t n = 0;

	if (c->asker)
		return;
	c->pending.n = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (!c->rule[i]->frame)
			continue;
		if (c->ws)
			frame[n++] = c->rule[i]->frame;
		else
			live_tell(c, buf_slice(&c->rule[i]->text));
	}
	if (n)
		ws_push(c->ws, frame, n);
	else if (c->pending.n)
		live_wake(c);
}

static void set_frames(struct serve_live *l, struct serve_result *r)
{
	struct slice left = r && !r->code ? buf_slice(&r->body) : slice(NULL, 0);

	for (size_t i = 0; i < l->n_asked && left.n; i++) {
		struct live_rule *rule = l->asked[i];
		struct slice line = live_next_line(&left);

		if (line.n && *line.p == '!')
			continue;
		rule->text.n = 0;
		live_text(&rule->text, rule->name, l->tick_us, line);
		rule->frame = ws_share(l->site, buf_slice(&rule->text));
	}
}

static void push_all(void *arg, struct serve_result *r)
{
	struct serve_live *l = arg;

	l->asker = NULL;
	l->pushes++;
	set_frames(l, r);
	for (struct live_client *c = l->clients, *next; c; c = next) {
		next = c->next;
		push_to(c);
	}
	for (size_t i = 0; i < l->n_asked; i++) {
		ws_shared_free(l->asked[i]->frame);
		l->asked[i]->frame = NULL;
		live_rule_drop(l, l->asked[i]);
	}
	l->n_asked = 0;
}

static void ask_all(struct serve_live *l)
{
	struct buf names = { 0 };

	for (struct live_rule *r = l->rules; r; r = r->next) {
		buf_printf(&names, "%s\n", r->name);
		r->refs++;
		l->asked[l->n_asked++] = r;
	}
	l->tick_us = tm_now_us();
	l->tick_us -= l->tick_us % l->conf.push_us;
	l->asker = serve_workers_ask(
		l->s->workers, live_query_new(buf_slice(&names), l->conf.push_rows), push_all, l);
	buf_fini(&names);
	if (!l->asker)
		push_all(l, NULL);
}

static void tick(void *arg, int fd, short revents)
{
	struct serve_live *l = arg;

	(void)fd, (void)revents;
	l->timer = -1;
	if (l->rules && !l->asker)
		ask_all(l);
	else
		l->skipped += l->asker != NULL;
	if (l->clients)
		live_begin(l);
}

/* A millisecond behind the clock's multiple: the wall clock and the loop's are read one after the
 * other. */
void live_begin(struct serve_live *l)
{
	int64_t until_us = l->conf.push_us - tm_now_us() % l->conf.push_us;

	if (l->timer < 0)
		l->timer = loop_at(l->s->loop, tm_mono_us() + until_us + 1000, tick, l);
}

/* ---- life */
struct serve_live *serve_live_new(struct serve *s, const struct serve_live_conf *conf)
{
	struct serve_live *l = mem_zalloc(sizeof(*l));

	l->s = s;
	l->conf = *conf;
	l->timer = -1;
	l->site = live_site_new(l);
	return l;
}

void serve_live_free(struct serve_live *l)
{
	if (!l)
		return;
	if (l->asker)
		serve_workers_forget(l->s->workers, l->asker);
	while (l->n_asked)
		live_rule_drop(l, l->asked[--l->n_asked]);
	ws_site_free(l->site);
	free(l);
}

int64_t serve_live_push_us(const struct serve_live *l)
{
	return l->conf.push_us;
}

void serve_live_drain(struct serve_live *l)
{
	for (struct live_client *c = l->clients, *next; c; c = next) {
		next = c->next;
		c->ended = true;
		if (!c->ws)
			live_wake(c);
	}
}

void serve_live_metrics(const struct serve_live *l, struct buf *out)
{
	struct ws_stats s;

	ws_site_stats(l->site, &s);
	prometheus_value(out, "hta_ws_clients", "gauge", "clients of WebSocket", s.clients);
	prometheus_value(out, "hta_live_streams", "gauge", "clients of events (SSE)", l->n_events);
	prometheus_value(out, "hta_live_pushes_total", "counter", "periods that were pushed",
			 l->pushes);
	prometheus_value(out, "hta_live_late_total", "counter",
			 "periods without a push: the store was slower", l->skipped);
	prometheus_begin(out, "hta_ws_frames_total", "counter", "frames of pushes");
	buf_printf(out,
		   "hta_ws_frames_total{kind=\"sent\"} %" PRIu64
		   "\nhta_ws_frames_total{kind=\"skipped\"} %" PRIu64 "\n",
		   s.sent, s.skipped);
	prometheus_begin(out, "hta_ws_closed_total", "counter", "connections by their close");
	for (unsigned i = 0; i < WS_CODES; i++)
		if (s.closed[i])
			buf_printf(out, "hta_ws_closed_total{code=\"%u\"} %" PRIu64 "\n", 1000 + i,
				   s.closed[i]);
}
