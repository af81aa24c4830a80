/* The life of hta-ingest:
 *
 *	options, endpoints, keys -> log recovered -> table of seen events -> listens -> ready
 *	... requests ...
 *	first INT, TERM or HUP: accepts no more, answers what is there -> log closed -> 0
 *	the log failed: all that wait are refused, then likewise -> 74
 * As the head of a pipeline it lives in the stream's loop instead (ingest_head.c).
 * USR1 has keys and certificate read anew; a file that is no good changes nothing. The log is
 * closed before the server is freed: what becomes durable in closing is still answered. */
#include "app/ingest.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/ingest_internal.h"
#include "base/log.h"
#include "base/tm.h"
#include "io/fd.h"
#include "io/notify.h"
#include "job/stream.h"
#include "source/consume_options.h"
#include "tool/prog.h"

enum { FAILED_DRAIN_S = 5, DRAIN_S = 10, HEAD_DRAIN_S = 60 };

/* ---- parts */
static int open_log(struct ingest *g, struct err *err)
{
	const struct ingest_conf *c = &g->conf;
	const struct wal_conf conf = {
		.topic = c->topic,
		.loop = g->loop,
		.hooks = &ingest_wal_hooks,
		.self = g,
		.keep_us = c->keep_us,
		.most_bytes = (int64_t)c->log_bytes,
		.cut_at = c->cut_at,
	};
	size_t least = (size_t)c->max_events + 1;

	if (c->is_volatile)
		ingest_volatile_open();
	else if (!(g->wal = wal_open(c->log, &conf, err)))
		return -1;
	g->seen = seen_new(c->dedup_us, c->dedup_ids, least < 256 ? 256 : least);
	g->intake = intake_new(&(struct intake_conf){ .max_events = (uint32_t)c->max_events,
						      .max_event_bytes = (uint32_t)c->max_event,
						      .max_ahead_us = c->max_ahead_us,
						      .seen = g->seen });
	if (g->wal && ingest_replay(g, err))
		return -1;
	ingest_state_load(g);
	ingest_replay_keep(g);
	return 0;
}

/* ---- signals */
void ingest_drain(struct ingest *g)
{
	if (g->draining)
		return;
	g->draining = true;
	notify("STOPPING=1");
	__atomic_store_n(&g->counters->state, COUNTERS_DRAINING, __ATOMIC_RELAXED);
	ingest_acks_end(g);
	if (g->http.server)
		http_server_drain(g->http.server);
}

static void drain_at_signal(void *arg, int signo)
{
	(void)signo;
	ingest_drain(arg);
}

static void once_a_second(void *arg, int fd, short revents)
{
	struct ingest *g = arg;

	(void)fd, (void)revents;
	counters_touch(g->counters);
	ingest_replay_keep(g);
	ingest_state_tell(g);
}

/* ---- life */
static int serve_requests(struct ingest *g, struct err *err)
{
	int64_t until_us = INT64_MAX;

	__atomic_store_n(&g->counters->state, COUNTERS_RUNNING, __ATOMIC_RELAXED);
	notify("READY=1");
	while (!(g->draining && http_server_idle(g->http.server))) {
		if (g->why.code && until_us == INT64_MAX)
			until_us = tm_mono_us() + FAILED_DRAIN_S * TM_S;
		if (loop_turn(g->loop, until_us, err) < 0)
			return -1;
		if (tm_mono_us() >= until_us)
			break;
	}
	return 0;
}

int ingest_begin(struct ingest *g, struct err *err)
{
	g->http.conf = &g->conf.http;
	g->http.app.answered = ingest_metrics_answered;
	if (ingest_routes_make(g, err) || http_program_watch(&g->http, g->loop, err) ||
	    open_log(g, err) || http_program_listen(&g->http, g->loop, err))
		return -1;
	loop_every(g->loop, TM_S, once_a_second, g);
	return 0;
}

int ingest_close(struct ingest *g, struct err *err)
{
	int rc = wal_close(g->wal, err);

	g->wal = NULL;
	if (g->conf.is_volatile)
		ingest_volatile_close(g);
	if (g->told_once)
		ingest_state_tell(g);
	http_program_fini(&g->http);
	return rc;
}

static void free_parts(struct ingest *g)
{
	ingest_routes_free(g);
	intake_free(g->intake);
	seen_free(g->seen);
	ingest_state_free(g);
	free(g->marks);
	loop_free(g->loop);
}

static int check_usage(const struct ingest_conf *c, struct err *err)
{
	if (!c->log && !c->is_volatile)
		return err_set(err, EX_USAGE,
			       "--log DIR is missing: what was answered has to be somewhere "
			       "(or --volatile, and it need not)");
	if (c->is_volatile && (c->log || c->only_log))
		return err_set(err, EX_USAGE, "--volatile goes without --log and --only-log");
	if (!c->is_volatile && !c->only_log && fd_kind(STDOUT_FILENO) != FD_PIPE &&
	    fd_kind(STDOUT_FILENO) != FD_SOCKET)
		return err_set(err, EX_USAGE,
			       "`| hta-commit` is missing: this stream is acknowledged, and "
			       "nothing at its end does so (or --only-log, and hta-consume --log "
			       "%s elsewhere)",
			       c->log);
	if (http_program_check(&c->http, err) || consume_check_name("--job", c->job, err))
		return -1;
	if (c->max_event > c->max_body)
		return err_set(err, EX_USAGE, "--max-event is more than --max-body");
	return 0;
}

static int run_service(struct ingest *g, struct err *err)
{
	struct err closing = ERR_INIT;
	int rc;

	g->loop = loop_new();
	g->counters = counters_new(prog_common()->name);
	counters_detail(g->counters, g->conf.is_volatile ? "volatile" : g->conf.log);
	loop_signals(g->loop, drain_at_signal, g, g->conf.http.drain_us);
	rc = ingest_begin(g, err) ? -1 : serve_requests(g, err);
	if (ingest_close(g, &closing) && rc == 0) {
		err_copy(err, &closing);
		rc = -1;
	}
	if (g->why.code) { /* it was told when it came */
		err_copy(err, &g->why);
		err->msg[0] = '\0';
		rc = -1;
	}
	loop_ignore_signals(g->loop);
	counters_end(g->counters, rc ? err->code : 0,
		     g->why.code ? g->why.msg
		     : rc        ? err->msg
				 : "");
	return rc;
}

static int run_ingest(void *self, struct err *err)
{
	struct ingest *g = self;
	int rc;

	if (g->conf.http.new_key)
		return http_keys_make(g->conf.http.new_key, "write", err);
	if (g->conf.openapi) {
		rc = ingest_openapi_print(g, err);
		free_parts(g);
		return rc;
	}
	if (check_usage(&g->conf, err))
		return -1;
	if (!g->conf.http.drain_us)
		g->conf.http.drain_us = (g->conf.only_log || g->conf.is_volatile ? DRAIN_S
										 : HEAD_DRAIN_S) *
					TM_S;
	g->begun_us = tm_mono_us();
	rc = g->conf.only_log || g->conf.is_volatile ? run_service(g, err) : ingest_head(g, err);
	free_parts(g);
	return rc;
}

/* The command line may say that it would be the head of a pipeline, and be wrong otherwise. */
static void failed_ingest(void *self, const struct err *err)
{
	const struct ingest *g = self;

	if (!g->streaming && !prog_given("only-log") && !prog_given("volatile") &&
	    !prog_given("new-key") && !prog_given("openapi"))
		job_stream_refuse(g->conf.job, g->conf.http.drain_us, err);
}

int ingest_main(const struct http_parts *parts, int argc, char **argv)
{
	static struct ingest self = {
		.stall = -1, .ack_timer = -1, .output_watch = -1, .conf.cut_at = -1
	};
	static const struct prog prog = {
		.name = "hta-ingest",
		.summary = "take events over HTTP into a local log, and as a stream",
		.synopsis = "[OPTIONS] -l [ADDR:]PORT --log DIR [--only-log]",
		.opts = ingest_opts,
		.run = run_ingest,
		.failed = failed_ingest,
		.examples = "hta-ingest -l 8000 --log log | hta-window --time timestamp --by "
			    "event_type | hta-sink-sqlite --init rollups.db | hta-commit\n"
			    "hta-ingest -l 8000 --log /var/lib/hta/log --only-log\n"
			    "hta-ingest -l :8443 --log log --only-log --keys keys --cert "
			    "cert.pem --key key.pem\n"
			    "hta-ingest --new-key web | tee /dev/stderr | tail -n 1 >>keys",
	};

	self.http.parts = parts;
	return prog_main(&prog, &self, argc, argv);
}
