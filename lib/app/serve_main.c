/* The life of hta-serve:
 *
 *	options, keys -> store chosen -> workers -> listens -> ready
 *	... requests ...
 *	first INT, TERM or HUP: accepts no more, answers what is there -> 0
 *
 * A store that is away does not keep it from starting: queries say so until it is there. */
#include "app/serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/tm.h"
#include "io/notify.h"
#include "read/store_options.h"
#include "serve/live.h"
#include "tool/counters.h"
#include "tool/prog.h"

/* Who asked has been told that it is too late when the store gives up. */
enum { BEYOND_US = 500000 };

struct serve_conf {
	struct http_program_conf http;
	const char *store, *table, *events, *rules;
	uint64_t workers;
	int64_t deadline_us;
	bool openapi;
	struct serve_live_conf live;
};

struct serve_run {
	struct serve_conf conf;
	const struct read_stores *stores;
	struct counters *counters;
	struct serve serve;
};

#define AT(member) .at = offsetof(struct serve_conf, member)
static const struct opt serve_opts[] = {
	HTTP_PROGRAM_LISTEN_OPT(struct serve_conf, http),
	STORE_OPT(struct serve_conf, store),
	STORE_PLACE_OPTS(struct serve_conf, table, ""),
	{ .name = "events",
	  .type = OPT_TEXT,
	  AT(events),
	  .arg = "NAME",
	  .help = "table of the events, which has to be there; default: hta_events, if it is" },
	{ .name = "rules",
	  .type = OPT_TEXT,
	  AT(rules),
	  .arg = "FILE|DIR",
	  .help = "rules that hta-window follows: /aggregation-rule changes those of a DIR" },
	{ .name = "workers",
	  .type = OPT_COUNT,
	  AT(workers),
	  .arg = "N",
	  .def = "2",
	  .min = 1,
	  .max = 16,
	  .help = "queries that run at a time" },
	{ .name = "deadline",
	  .type = OPT_DURATION,
	  AT(deadline_us),
	  .arg = "DUR",
	  .def = "10s",
	  .min = 1000,
	  .max = 3600e6,
	  .help = "how long a query may take: 504 behind it" },
	{ .name = "push",
	  .type = OPT_DURATION,
	  AT(live.push_us),
	  .arg = "DUR",
	  .def = "5s",
	  .min = 100e3,
	  .max = 86400e6,
	  .help = "how often /live-stats has its rules pushed" },
	{ .name = "push-rows",
	  .type = OPT_COUNT,
	  AT(live.push_rows),
	  .arg = "N",
	  .def = "100",
	  .min = 1,
	  .max = 10000,
	  .help = "how many rows of a rule, those with the highest values" },
	{ .name = "openapi",
	  .type = OPT_FLAG,
	  AT(openapi),
	  .help = "print the document of the endpoints (OpenAPI 3.1), and leave" },
	HTTP_PROGRAM_KEYS_OPTS(struct serve_conf, http),
	HTTP_PROGRAM_TLS_OPTS(struct serve_conf, http),
	HTTP_PROGRAM_LIMIT_OPTS(struct serve_conf, http),
	HTTP_PROGRAM_DRAIN_OPT(struct serve_conf, http),
	OPT_END,
};

/* ---- parts */
static int choose_store(struct serve_run *r, struct err *err)
{
	struct serve_source *s = &r->serve.source;
	const struct read_kind *kind;

	s->conf.place = r->conf.table;
	s->conf.read_for_us = r->conf.deadline_us + BEYOND_US;
	s->driver = read_stores_choose(r->stores, r->conf.store, "hta-serve", &s->conf, err);
	if (!s->driver)
		return -1;
	s->events = s->conf;
	s->events.place = r->conf.events ? r->conf.events : "hta_events";
	s->events.events.on = true;
	r->serve.rules = r->conf.rules;
	r->serve.store_kind = "store";
	for (size_t i = 0; i < r->stores->n; i++) {
		kind = &r->stores->kind[i];
		if (kind->driver == s->driver)
			r->serve.store_kind = kind->name;
	}
	return 0;
}

/* Whoever names the table of events wants it. */
static int check_events(const struct serve_run *r, struct err *err)
{
	const struct serve_source *s = &r->serve.source;
	const struct events_driver *driver;
	struct serve_reader *reader;
	void *d;
	int rc;

	if (!r->conf.events)
		return 0;
	reader = serve_reader_new(s);
	rc = serve_reader_events(reader, &driver, &d, err);
	serve_reader_free(reader);
	if (rc && err->code == EX_USAGE)
		return err_set(err, EX_CONFIG,
			       "--events: this store keeps none: name one of hta-sink-pg --events "
			       "or hta-sink-sqlite --events");
	return rc ? err_in(err, "--events") : 0;
}

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
	serve_watch_store(s);
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
	r->serve.http.conf = &r->conf.http;
	return choose_store(r, err) || check_events(r, err) ||
			       http_program_watch(&r->serve.http, r->serve.loop, err) ||
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
	buf_fini(&s->store_trouble);
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
		.synopsis = "[OPTIONS] -l [ADDR:]PORT -d STORE",
		.opts = serve_opts,
		.run = run_serve,
		.examples = "hta-serve -l 8080 -d rollups.db\n"
			    "hta-serve -l :8080 -d postgres://db/rollups --keys keys",
	};

	self.stores = stores;
	self.serve.http.parts = parts;
	return prog_main(&prog, &self, argc, argv);
}
