/* The driver's table, its settings, and a connection that is none: each request stands for itself,
 * libcurl keeps what it can. "Connected" says that the server was reached, took the login and has
 * the tables. The login goes in fields of its own (X-ClickHouse-User, X-ClickHouse-Key), which no
 * log of addresses has. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/clickhouse/clickhouse_internal.h"
#include "sink/sink_errors.h"

static void clickhouse_disconnect(void *d)
{
	struct clickhouse *c = d;

	http_call_end(c->call);
	http_client_free(c->http);
	c->call = NULL;
	c->http = NULL;
}

static void clickhouse_close(void *d)
{
	struct clickhouse *c = d;

	if (!c)
		return;
	clickhouse_disconnect(c);
	loop_free(c->own_loop);
	clickhouse_url_fini(&c->url);
	for (size_t i = 0; i < c->fields; i++)
		free(c->field[i]);
	free(c->table);
	free(c->final);
	free(c->view);
	buf_fini(&c->address);
	buf_fini(&c->query);
	buf_fini(&c->body);
	free(c);
}

static const char *of_environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Of the URL, else of the environment. */
static int take_login(struct clickhouse *c, struct err *err)
{
	const char *user = c->url.user ? c->url.user : of_environment("CLICKHOUSE_USER"),
		   *key = c->url.password ? c->url.password : of_environment("CLICKHOUSE_PASSWORD");

	if ((user && strpbrk(user, "\r\n")) || (key && strpbrk(key, "\r\n")))
		return err_set(
			err, EX_USAGE,
			"CLICKHOUSE_USER, CLICKHOUSE_PASSWORD: a line end is in one of them");
	if (user)
		c->field[c->fields++] = mem_printf("X-ClickHouse-User: %s", user);
	if (key)
		c->field[c->fields++] = mem_printf("X-ClickHouse-Key: %s", key);
	if (c->url.password && c->conf->where && !c->conf->where_env)
		log_warn("a password on the command line is seen by everybody on this machine: put "
			 "it into CLICKHOUSE_PASSWORD, or the URL into CLICKHOUSE_URL");
	return 0;
}

static char *quoted_name(const char *name, const char *behind)
{
	struct buf b = { 0 };
	char *whole = mem_printf("%s%s", name, behind);

	clickhouse_name(&b, whole);
	buf_z(&b);
	free(whole);
	return b.p;
}

static void *clickhouse_open(const struct sink_conf *conf, struct err *err)
{
	struct clickhouse *c = mem_zalloc(sizeof(*c));
	const char *env = of_environment("CLICKHOUSE_URL"),
		   *where = conf->where ? conf->where
			    : env       ? env
					: "clickhouse://127.0.0.1";

	c->conf = conf;
	if (sink_check_table(conf->place, conf->events.on, err))
		goto close;
	if (clickhouse_url_parse(where, &c->url, err)) {
		if (!conf->where)
			err_in(err, "CLICKHOUSE_URL");
		goto close;
	}
	if (take_login(c, err))
		goto close;
	c->table = quoted_name(conf->place, "");
	c->final = quoted_name(conf->place, "_final");
	c->view = quoted_name(conf->place, "_v");
	return c;
close:
	clickhouse_close(c);
	return NULL;
}

int clickhouse_begin_http(struct clickhouse *c, struct err *err)
{
	struct loop *loop = c->conf->loop ? c->conf->loop : c->own_loop;
	const struct http_client_conf http = {
		.ca = c->url.ca,
		.cert = c->url.cert,
		.key = c->url.key,
		.answer_us = c->conf->read_for_us,
		.most_bytes = (size_t)1 << 30,
	};

	if (!loop)
		loop = c->own_loop = loop_new();
	c->http = http_client_new(loop, &http, err);
	return c->http ? 0 : -1;
}

static enum sink_result clickhouse_connect(void *d, struct err *err)
{
	struct clickhouse *c = d;
	enum sink_result r;

	if (clickhouse_begin_http(c, err))
		return SINK_FATAL;
	r = clickhouse_schema(c, err);
	if (r != SINK_OK)
		clickhouse_disconnect(c);
	return r;
}

/* Events are known by topic, partition and offset, so there is no --key. */
static const struct opt clickhouse_opts[] = {
	SINK_PLACE_OPT("table", "events_agg", "table of the rollups, or of the events"),
	SINK_EVENTS_ON_OPT,
	SINK_EVENTS_MEMBER_OPTS,
	SINK_EVENTS_OPT(OPT_TEXT, time, "time", "PATH", "ts",
			"events: member for the column timestamp, the event time"),
	SINK_EVENTS_UNIT_OPT("events: "),
	OPT_END,
};

const struct sink_driver clickhouse_driver = {
	.kind = "clickhouse",
	.takes = SINK_ROWS | SINK_DEAD,
	.delivery = SINK_CLAIMED,
	.events_place = "events_fact",
	.opts = clickhouse_opts,
	.conf_bytes = sizeof(struct sink_conf),
	.open = clickhouse_open,
	.close = clickhouse_close,
	.connect = clickhouse_connect,
	.disconnect = clickhouse_disconnect,
	.prepare = clickhouse_prepare,
	.settle = clickhouse_settle,
	.holds = clickhouse_holds,
	.write = clickhouse_write,
	.reset = clickhouse_reset,
	.put = clickhouse_put,
	.probe = clickhouse_probe,
};
