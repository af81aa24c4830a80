/* Who has which rules, and what is told to whoever subscribes. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/tm.h"
#include "serve/live_internal.h"

/* ---- rules */
void live_rule_drop(struct serve_live *l, struct live_rule *r)
{
	if (--r->refs)
		return;
	if (r->before)
		r->before->next = r->next;
	else
		l->rules = r->next;
	if (r->next)
		r->next->before = r->before;
	l->n_rules--;
	buf_fini(&r->text);
	ws_shared_free(r->frame);
	free(r->name);
	free(r);
}

static struct live_rule *add_rule(struct serve_live *l, struct slice name)
{
	struct live_rule *r = l->rules;

	while (r && !slice_is(name, r->name))
		r = r->next;
	if (r) {
		r->refs++;
		return r;
	}
	if (l->n_rules == LIVE_ALL_RULES)
		return NULL;
	r = mem_zalloc(sizeof(*r));
	r->name = mem_dup(name.p, name.n);
	r->refs = 1;
	r->next = l->rules;
	if (r->next)
		r->next->before = r;
	l->rules = r;
	l->n_rules++;
	return r;
}

/* ---- clients */
static void drop_rules(struct live_client *c)
{
	if (c->asker)
		serve_workers_forget(c->live->s->workers, c->asker);
	c->asker = NULL;
	while (c->n)
		live_rule_drop(c->live, c->rule[--c->n]);
}

struct live_client *live_client_new(struct serve_live *l)
{
	struct live_client *c = mem_zalloc(sizeof(*c));

	c->live = l;
	c->next = l->clients;
	if (c->next)
		c->next->before = c;
	l->clients = c;
	return c;
}

void live_client_free(struct live_client *c)
{
	drop_rules(c);
	if (c->before)
		c->before->next = c->next;
	else
		c->live->clients = c->next;
	if (c->next)
		c->next->before = c->before;
	buf_fini(&c->pending);
	free(c);
}

/* ---- subscriptions */
static void tell_rule(struct live_client *c, const struct live_rule *r, struct slice line)
{
	struct buf text = { 0 };

	if (line.n && *line.p == '!')
		live_error(&text, 404, "unknown-metric", slice(line.p + 1, line.n - 1));
	else
		live_text(&text, r->name, tm_now_us(), line);
	live_tell(c, buf_slice(&text));
	buf_fini(&text);
}

/* Rules that there are none of are left out from now on. */
static void tell_subscribed(void *arg, struct serve_result *r)
{
	struct live_client *c = arg;
	struct slice left;
	size_t kept = 0;

	c->asker = NULL;
	if (!r || r->code)
		live_refuse(c, 503, r ? r->code : "deadline",
			    r ? buf_slice(&r->detail) : slice_z("the store took too long"));
	left = r && !r->code ? buf_slice(&r->body) : slice(NULL, 0);
	for (size_t i = 0; i < c->n; i++) {
		struct slice line = left.n ? live_next_line(&left) : slice(NULL, 0);

		if (line.n)
			tell_rule(c, c->rule[i], line);
		if (line.n && *line.p == '!')
			live_rule_drop(c->live, c->rule[i]);
		else
			c->rule[kept++] = c->rule[i];
	}
	c->n = kept;
	live_wake(c);
}

/* Names that stand twice count once. False: there are too many. */
static bool take_rules(struct live_client *c, struct slice names)
{
	struct live_rule *rule[LIVE_RULES];
	size_t n = 0;
	bool good = true;

	while (names.n && good) {
		struct live_rule *r = NULL;

		if (n < LIVE_RULES)
			r = add_rule(c->live, live_next_line(&names));
		good = r != NULL;
		for (size_t i = 0; i < n && r; i++)
			if (rule[i] == r) {
				live_rule_drop(c->live, r);
				r = NULL;
			}
		if (r)
			rule[n++] = r;
	}
	if (good) {
		drop_rules(c);
		memcpy(c->rule, rule, n * sizeof(*rule));
		c->n = n;
	}
	while (!good && n)
		live_rule_drop(c->live, rule[--n]);
	return good;
}

/* To be told of the rules that it has. */
static void ask_subscribed(struct live_client *c)
{
	struct serve_live *l = c->live;
	struct serve_result *kept;
	struct serve_query *q;
	struct buf names = { 0 };

	for (size_t i = 0; i < c->n; i++)
		buf_printf(&names, "%s\n", c->rule[i]->name);
	q = live_query_new(buf_slice(&names), l->conf.push_rows);
	kept = serve_workers_kept(l->s->workers, q);
	if (kept)
		serve_query_free(q);
	else
		c->asker = serve_workers_ask(l->s->workers, q, tell_subscribed, c);
	buf_fini(&names);
	if (kept || !c->asker)
		tell_subscribed(c, kept);
}

void live_subscribe(struct live_client *c, struct slice names)
{
	live_begin(c->live);
	if (!take_rules(c, names)) {
		live_refuse(c, 422, "too-many-rules",
			    slice_z("more than 64 rules, or 1000 of all clients"));
		live_wake(c);
	} else if (c->n) {
		ask_subscribed(c);
	}
}
