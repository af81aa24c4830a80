/* The life of hta-serve:
 *
 *	options, keys -> stores chosen -> workers -> listens -> ready
 *	... requests ...
 *	first INT, TERM or HUP: accepts no more, answers what is there -> 0
 *
 * A store that is away does not keep it from starting: queries say so until it is there. */
#include "app/serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/serve_internal.h"
#include "base/log.h"
#include "base/tm.h"
#include "gql/gql_hta.h"
#include "io/notify.h"
#include "serve/event_query.h"
#include "serve/stores.h"
#include "tool/counters.h"
#include "tool/prog.h"

struct serve_run {
	struct serve_conf conf;
	const struct read_stores *stores;
	struct counters *counters;
	struct serve serve;
};

/* ---- parts */
static void query_timed(void *arg, int64_t us)
{
	struct serve *s = arg;

	http_times_add(&s->query_times, us);
}

static int start_workers(struct serve_run *r, struct err *err)
{
	struct serve *s = &r->serve;

	s->limits = (struct serve_workers_conf){ .threads = (unsigned)r->conf.workers,
						 .deadline_us = r->conf.deadline_us };
	s->workers = serve_workers_new(s->loop, &s->source, &s->limits, err);
	if (!s->workers)
		return -1;
	serve_workers_timed(s->workers, query_timed, s);
	s->stores = serve_stores_new(s->loop, &s->source, err);
	if (!s->stores)
		return -1;
	event_query_say_source(s);
	s->live = serve_live_new(s, &r->conf.live);
	return 0;
}

static int listen_for_requests(struct serve_run *r, struct err *err)
{
	struct http_program *p = &r->serve.http;

	p->router.routes = serve_routes;
	p->router.n_routes = serve_n_routes;
	p->router.arg = &r->serve;
	p->router.allow = serve_allow;
	p->app.answered = serve_answered;
	return http_program_listen(p, r->serve.loop, err);
}

/* ---- life */
static void drain_at_signal(void *arg, int signo)
{
	struct serve_run *r = arg;

	(void)signo;
	if (r->serve.draining)
		return;
	r->serve.draining = true;
	notify("STOPPING=1");
	__atomic_store_n(&r->counters->state, COUNTERS_DRAINING, __ATOMIC_RELAXED);
	if (r->serve.live)
		serve_live_drain(r->serve.live);
	if (r->serve.http.server)
		http_server_drain(r->serve.http.server);
}

static void once_a_second(void *arg, int fd, short revents)
{
	(void)fd, (void)revents;
	counters_touch(((struct serve_run *)arg)->counters);
}

static int serve_requests(struct serve_run *r, struct err *err)
{
	loop_every(r->serve.loop, TM_S, once_a_second, r);
	__atomic_store_n(&r->counters->state, COUNTERS_RUNNING, __ATOMIC_RELAXED);
	notify("READY=1");
	while (!(r->serve.draining && http_server_idle(r->serve.http.server)))
		if (loop_turn(r->serve.loop, INT64_MAX, err) < 0)
			return -1;
	return 0;
}

static int run_parts(struct serve_run *r, struct err *err)
{
	struct serve *s = &r->serve;

	s->http.conf = &r->conf.http;
	s->rules = r->conf.rules;
	s->graphql = gql_hta;
	s->graphql.hidden = r->conf.no_introspection;
	return serve_choose_stores(&r->conf, r->stores, &s->source, err) ||
			       serve_check_events(&r->conf, &s->source, err) ||
			       http_program_watch(&s->http, s->loop, err) ||
			       start_workers(r, err) || listen_for_requests(r, err) ||
			       serve_requests(r, err)
		       ? -1
		       : 0;
}

static void free_parts(struct serve_run *r)
{
	struct serve *s = &r->serve;

	http_program_fini(&s->http);
	serve_live_free(s->live);
	serve_workers_free(s->workers);
	serve_stores_free(s->stores);
	serve_source_fini(&s->source);
	serve_pipelines_free(s->pipelines);
	loop_free(s->loop);
}

static int print_openapi(const struct serve_run *r, struct err *err)
{
	struct buf text = { 0 };
	bool good;

	serve_openapi_write(r->conf.http.keys != NULL, &text);
	good = fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
	buf_fini(&text);
	return good ? 0 : err_errno(err, EX_IOERR, "standard output");
}

static int run_serve(void *self, struct err *err)
{
	struct serve_run *r = self;
	struct serve *s = &r->serve;
	int rc;

	if (r->conf.http.new_key)
		return http_keys_make(r->conf.http.new_key, "read", err);
	if (r->conf.openapi)
		return print_openapi(r, err);
	if (http_program_check(&r->conf.http, err))
		return -1;
	s->begun_us = tm_mono_us();
	s->loop = loop_new();
	r->counters = counters_new(prog_common()->name);
	loop_signals(s->loop, drain_at_signal, r, r->conf.http.drain_us);
	rc = run_parts(r, err);
	loop_ignore_signals(s->loop);
	counters_end(r->counters, rc ? err->code : 0, rc ? err->msg : "");
	free_parts(r);
	return rc;
}

int serve_main(const struct read_stores *stores, const struct http_parts *parts, int argc,
	       char **argv)
{
	static struct serve_run self;
	static const struct prog prog = {
		.name = "hta-serve",
		.summary = "answer over HTTP what the sinks have stored",
		.synopsis = "[OPTIONS] -l [ADDR:]PORT -d STORE ...",
		.opts = serve_opts,
		.run = run_serve,
		.examples = "hta-serve -l 8080 -d rollups.db\n"
			    "hta-serve -l :8080 -d service=rollups --keys keys",
	};

	self.stores = stores;
	self.serve.http.parts = parts;
	return prog_main(&prog, &self, argc, argv);
}
