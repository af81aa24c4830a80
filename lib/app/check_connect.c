/* --connect: are the servers of a pipeline there, and as they have to be? Each is asked through its
 * driver, which says what it finds; one that fails does not keep the others from being asked. What
 * is good goes to standard output, the rest to standard error, and the exit status is that of the
 * first that fails.
 *
 *	topics and group   consume_driver.probe
 *	each store         sink_driver: open, connect without --init, metrics, probe
 *
 * With rules, the metrics in each store are held against them: a stored metric never changes its
 * meaning. */
#include "app/check_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "sink/sink_errors.h"
#include "source/topics.h"

#define RETRY_US (10 * TM_S)

struct connecting {
	struct check *c;
	struct loop *loop;
	const char *what; /* in front of what is found: "Postgres" */
	struct buf *good;
	int code; /* of the first that failed */
};

static void found(void *arg, enum probe_level level, const char *text)
{
	struct connecting *x = arg;

	if (level == PROBE_GOOD) {
		buf_printf(x->good, "%s: %s\n", x->what, text);
	} else if (level == PROBE_WARNING) {
		x->c->warnings++;
		log_each(LOG_WARN, "%s: warning: %s", x->what, text);
	} else {
		x->c->errors++;
		x->code = x->code ? x->code : EX_CONFIG;
		log_each(LOG_ERROR, "%s: %s", x->what, text);
	}
}

static void failed(struct connecting *x, const struct err *err)
{
	x->c->errors++;
	x->code = x->code ? x->code : err->code;
	log_each(LOG_ERROR, "%s: %s", x->what, err->msg);
}

/* ---- the cluster */

static void try_cluster(struct connecting *x, const struct check_servers *servers)
{
	const struct check_connect *with = &x->c->connect;
	struct consume_conf conf = { .cluster = with->cluster,
				     .group = with->group,
				     .retry_for_us = RETRY_US };
	struct probe probe = { found, x };
	struct err err = ERR_INIT;
	int rc = 0;

	x->what = "cluster";
	if (!servers->cluster)
		rc = err_set(&err, EX_CONFIG,
			     "-b, -t, -X, -F: this hta-check was built without Kafka (Debian: "
			     "apt-get install hta-kafka; or configure --with-kafka)");
	if (rc == 0 && with->topics)
		rc = topics_split(with->topics, &conf.topics.v, &conf.topics.n, &err);
	if (rc == 0)
		rc = servers->cluster->probe(&conf, x->loop, &probe, &err);
	if (rc)
		failed(x, &err);
	topics_free(conf.topics.v, conf.topics.n);
}

/* ---- stores */

/* The name that rows of the rule have. */
static void metric_name(const struct rule *r, struct buf *out)
{
	buf_adds(out, r->id);
	if (r->version > 1)
		buf_printf(out, "@%" PRIu64, r->version);
}

static void compare_metric(struct connecting *x, const struct sink_metric *m,
			   const struct stored_metric *stored)
{
	if (!stored->found || !stored->job.p)
		return;
	if (slice_eq(m->cfg, stored->cfg))
		buf_printf(x->good, "%s: metric %.*s is stored, and as the rule has it\n", x->what,
			   (int)m->name.n, m->name.p);
	else
		probe_say(&(struct probe){ found, x }, PROBE_BAD,
			  "metric %.*s of job %.*s is stored with another meaning: give the rule a "
			  "higher version, or another rule_id",
			  (int)m->name.n, m->name.p, (int)stored->job.n, stored->job.p);
}

static enum sink_result compare_metrics(struct connecting *x, const struct sink_driver *driver,
					void *d, struct err *err)
{
	const struct check *c = x->c;
	struct sink_metric *m = mem_array(c->rules.n + 1, sizeof(*m));
	struct stored_metric *stored = mem_array(c->rules.n + 1, sizeof(*stored));
	struct buf *name = mem_array(c->rules.n + 1, sizeof(*name));
	struct arena arena = { 0 };
	enum sink_result r = SINK_OK;

	for (size_t i = 0; i < c->rules.n; i++) {
		metric_name(&c->rules.v[i], &name[i]);
		m[i] = (struct sink_metric){ .name = buf_slice(&name[i]),
					     .cfg = slice_z(c->of[i].cfg) };
	}
	if (c->rules.n && driver->metrics)
		r = driver->metrics(d, m, c->rules.n, &arena, stored, err);
	for (size_t i = 0; i < c->rules.n; i++) {
		if (r == SINK_OK)
			compare_metric(x, &m[i], &stored[i]);
		buf_fini(&name[i]);
	}
	arena_fini(&arena);
	free(m);
	free(stored);
	free(name);
	return r;
}

static int ask_store(struct connecting *x, const struct sink_driver *driver,
		     const struct sink_conf *conf, struct err *err)
{
	struct probe probe = { found, x };
	enum sink_result r;
	void *d = driver->open(conf, err);

	if (!d)
		return -1;
	r = driver->connect(d, err);
	if (r == SINK_OK && driver->probe)
		r = driver->probe(d, &probe, err);
	if (r == SINK_OK)
		r = compare_metrics(x, driver, d, err);
	driver->close(d);
	return sink_error_result(r, err);
}

static void try_store(struct connecting *x, const struct read_stores *stores, const char *where)
{
	const struct read_kind *kind = read_stores_kind(stores, where);
	struct sink_conf *conf;
	struct opt_group settings;
	struct err err = ERR_INIT;
	int rc;

	x->what = kind ? kind->name : where;
	if (!kind || !kind->sink) {
		err_set(&err, EX_CONFIG, "this hta-check was built without it%s%s",
			kind ? ": configure --with-" : "", kind ? kind->configure : "");
		failed(x, &err);
		return;
	}
	conf = mem_zalloc(kind->sink->conf_bytes);
	settings = (struct opt_group){ .table = kind->sink->opts, .self = conf };
	rc = opt_defaults(&settings, 1, &err);
	conf->where = where;
	conf->place = x->c->connect.place ? x->c->connect.place : conf->place;
	conf->name = "";
	conf->loop = x->loop;
	if (rc || ask_store(x, kind->sink, conf, &err))
		failed(x, &err);
	free(conf);
}

int check_connect(struct check *c, const struct check_servers *servers, struct buf *good,
		  struct err *err)
{
	const struct check_connect *with = &c->connect;
	struct connecting x = { .c = c, .loop = loop_new(), .good = good };

	loop_signals(x.loop, NULL, NULL, 0);
	if (with->cluster.brokers || with->cluster.settings || with->topics)
		try_cluster(&x, servers);
	for (size_t i = 0; i < with->stores; i++)
		try_store(&x, servers->stores, with->store[i]);
	loop_free(x.loop);
	if (!x.code)
		return 0;
	err_clear(err);
	err->code = x.code;
	return -1;
}
