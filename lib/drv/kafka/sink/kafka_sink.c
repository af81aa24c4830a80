/* Options, life, and the table of functions that the sink framework calls. */
#include "drv/kafka/sink/kafka_sink.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/sink/kafka_sink_internal.h"

/* ---- options */

static int add_header(void *self, const char *value, struct err *err)
{
	struct kafka_sink_conf *c = self;
	const char *eq = strchr(value, '=');

	if (!eq || eq == value)
		return err_set(err, EX_USAGE, "\"%s\": say NAME=VALUE", value);
	c->header = mem_grow(c->header, c->headers + 1, sizeof(*c->header));
	c->header[c->headers++] = value;
	return 0;
}

static const struct opt options[] = {
	CLUSTER_BROKERS_OPT(struct kafka_sink_conf, cluster, "where the cluster is"),
	{ .letter = 't',
	  .name = "topic",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, sink.place),
	  .arg = "TOPIC",
	  .help = "the topic that lines go to" },
	{ .name = "key",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, key),
	  .arg = "PATH",
	  .help = "the field of a line that is its key; of rows metric, start and dims_hash" },
	{ .letter = 'H',
	  .name = "header",
	  .type = OPT_CALL,
	  .call = add_header,
	  .arg = "NAME=VALUE",
	  .help = "header of every record, may repeat" },
	CLUSTER_SETTINGS_OPTS(struct kafka_sink_conf, cluster, "NAME=VALUE|NAME=@FILE|list",
			      cluster_add_property_or_list),
	OPT_END,
};

/* ---- life */

static void kafka_sink_close(void *self)
{
	struct kafka_sink *d = self;

	if (!d)
		return;
	kafka_sink_disconnect(d);
	kafka_sink_key_close(d);
	if (d->settings)
		rd_kafka_conf_destroy(d->settings);
	pthread_mutex_destroy(&d->heard.lock);
	buf_fini(&d->gathered.keys);
	free(d->brokers);
	free(d);
}

static int check_options(const struct kafka_sink_conf *c, struct err *err)
{
	if (c->sink.where)
		return err_set(err, EX_USAGE,
			       "\"%s\": the topic is said with -t, the brokers with -b",
			       c->sink.where);
	if (!c->sink.place)
		return err_set(err, EX_USAGE, "which topic? hta-sink-kafka -b HOST:PORT -t TOPIC");
	return 0;
}

static void *kafka_sink_open(const struct sink_conf *conf, struct err *err)
{
	const struct kafka_sink_conf *c = (const struct kafka_sink_conf *)conf;
	struct kafka_sink *d = mem_zalloc(sizeof(*d));

	d->conf = c;
	pthread_mutex_init(&d->heard.lock, NULL);
	for (size_t i = 0; i < c->headers; i++)
		d->header_bytes += strlen(c->header[i]) + 8;
	if (check_options(c, err) == 0 && kafka_sink_settings(d, err) == 0 &&
	    kafka_sink_key_open(d, err) == 0)
		return d;
	kafka_sink_close(d);
	return NULL;
}

/* ---- the stream */

static bool show_settings(const struct sink_conf *conf)
{
	const struct kafka_sink_conf *c = (const struct kafka_sink_conf *)conf;

	if (c->cluster.list)
		rd_kafka_conf_properties_show(stdout);
	return c->cluster.list;
}

static bool stores_dead(const struct sink_conf *conf)
{
	(void)conf;
	return false;
}

static int begin_stream(void *self, struct stage *st, const struct ctl *hello,
			struct sink_role *role, struct err *err)
{
	struct kafka_sink *d = self;

	(void)role, (void)err;
	d->st = st;
	d->began_us = tm_mono_us();
	d->progress = !hello && isatty(STDERR_FILENO) && prog_common()->verbosity >= 0;
	return 0;
}

static int flush_stream(void *self, struct err *err)
{
	struct kafka_sink *d = self;
	int rc = kafka_sink_flush(d, err);

	kafka_sink_progress(d, true);
	return rc;
}

static const struct sink_lines lines = {
	.show = show_settings,
	.stores_dead = stores_dead,
	.dead_way = "--dead-topic TOPIC",
	.begin = begin_stream,
	.take = kafka_sink_take,
	.flush = flush_stream,
};

static const struct position_keeper keeper = { .load = NULL };

const struct sink_driver kafka_sink_driver = {
	.kind = "kafka",
	.takes = SINK_LINES,
	.delivery = SINK_TX,
	.opts = options,
	.conf_bytes = sizeof(struct kafka_sink_conf),
	.open = kafka_sink_open,
	.close = kafka_sink_close,
	.connect = kafka_sink_connect,
	.disconnect = kafka_sink_disconnect,
	.keeper = &keeper,
	.lines = &lines,
};
