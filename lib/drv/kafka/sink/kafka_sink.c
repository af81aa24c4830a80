/* Options, life, and the table of functions that the sink framework calls. */
#include "drv/kafka/sink/kafka_sink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/tm.h"
#include "drv/kafka/kafka_end.h"
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

static int set_encode(void *self, const char *value, struct err *err)
{
	enum kafka_encode_as as = strcmp(value, "avro") == 0   ? KAFKA_ENCODE_AVRO
				  : strcmp(value, "json") == 0 ? KAFKA_ENCODE_JSON
							       : KAFKA_ENCODE_NONE;

	((struct kafka_sink_conf *)self)->encode.as = as;
	return as ? 0 : err_set(err, EX_USAGE, "\"%s\": say avro or json", value);
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
	{ .name = "encode",
	  .type = OPT_CALL,
	  .call = set_encode,
	  .arg = "avro|json",
	  .help = "frame lines for a registry of schemas: as records of Avro, or as the JSON that "
		  "they are" },
	{ .name = "schema",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, encode.schema),
	  .arg = "FILE",
	  .help = "with --encode: the schema of the records, of Avro or JSON Schema" },
	{ .name = "registry",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, encode.registry.urls),
	  .arg = "URL,...",
	  .help = "with --encode: the registry, asked in turn where there are several; else "
		  "$HTA_REGISTRY" },
	{ .name = "registry-ca",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, encode.registry.ca),
	  .arg = "FILE",
	  .help = "with --encode: who signs the registry's certificate (PEM), if not the system's "
		  "roots" },
	{ .name = "subject",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, encode.subject),
	  .arg = "NAME",
	  .help = "with --encode: the schema's subject; default TOPIC-value" },
	{ .name = "register",
	  .type = OPT_FLAG,
	  .at = offsetof(struct kafka_sink_conf, encode.add),
	  .help = "with --encode: put the schema there if the subject does not have it" },
	{ .name = "dead-topic",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, dead_topic),
	  .arg = "TOPIC",
	  .help = "the topic that dead letters go to, those of the stages above too" },
	{ .name = "dead",
	  .type = OPT_FLAG,
	  .at = offsetof(struct kafka_sink_conf, dead_only),
	  .help = "the topic of -t is for dead letters; lines pass and are not written" },
	{ .name = "no-transactions",
	  .type = OPT_FLAG,
	  .at = offsetof(struct kafka_sink_conf, at_least_once),
	  .help = "acknowledged stream: at least once, without transactions" },
	{ .name = "slot",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, slot),
	  .arg = "NAME",
	  .help = "which of the job's pipelines this is; a restart ends what it left open" },
	{ .name = "positions",
	  .type = OPT_TEXT,
	  .at = offsetof(struct kafka_sink_conf, positions),
	  .arg = "TOPIC",
	  .def = "hta.positions",
	  .help = "job over files: the compacted topic that its positions stand in" },
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
	if (kafka_left_behind())
		return;
	kafka_sink_key_close(d);
	kafka_encode_close(d);
	if (d->settings)
		rd_kafka_conf_destroy(d->settings);
	kafka_heard_fini(&d->heard);
	pthread_mutex_destroy(&d->lock);
	buf_fini(&d->gathered.keys);
	arena_fini(&d->gathered.arena);
	kafka_sink_kept_fini(d);
	kafka_sink_forget_refused(d);
	keeper_doc_fini(&d->doc);
	if (d->slot_fd >= 0)
		close(d->slot_fd);
	free(d->transactional_id);
	free(d->brokers);
	free(d->conf->header);
	free(d->conf->cluster.setting);
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
	if (c->dead_only && c->dead_topic)
		return err_set(err, EX_USAGE,
			       "--dead has dead letters in the topic of -t: drop --dead-topic");
	if (c->dead_only && c->at_least_once)
		return err_set(
			err, EX_USAGE,
			"only a sink that keeps positions may claim dead letters: --dead and "
			"--no-transactions exclude each other");
	return 0;
}

static void *kafka_sink_open(const struct sink_conf *conf, struct err *err)
{
	const struct kafka_sink_conf *c = (const struct kafka_sink_conf *)conf;
	struct kafka_sink *d = mem_zalloc(sizeof(*d));

	d->conf = c;
	d->slot_fd = -1;
	d->dead_name = c->dead_only ? c->sink.place : c->dead_topic;
	kafka_heard_init(&d->heard);
	pthread_mutex_init(&d->lock, NULL);
	for (size_t i = 0; i < c->headers; i++)
		d->header_bytes += strlen(c->header[i]) + 8;
	if (check_options(c, err) == 0 && kafka_sink_settings(d, err) == 0 &&
	    kafka_sink_key_open(d, err) == 0 && kafka_encode_open(d, err) == 0)
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
	const struct kafka_sink_conf *c = (const struct kafka_sink_conf *)conf;

	return c->dead_only || c->dead_topic;
}

/* A transactional id is one process's at a time: --slot says whose, else the lowest number that no
 * other process of this run folder has. */
static int take_slot(struct kafka_sink *d, struct err *err)
{
	const char *name = d->conf->sink.name, *dir;
	char host[256] = "";
	uint64_t hash;

	if (d->conf->slot) {
		d->transactional_id = mem_printf("hta.%s.%s.%s", d->job, name, d->conf->slot);
		return 0;
	}
	dir = prog_run_dir(err);
	if (!dir)
		return -1;
	gethostname(host, sizeof(host) - 1);
	hash = hash_64(dir, strlen(dir));
	for (unsigned n = 0;; n++) {
		char *id = mem_printf("hta.%s.%s.%s-%08x.%u", d->job, name, host, (unsigned)hash,
				      n),
		     *path = mem_printf("%s/kafka-%016llx.slot", dir,
					(unsigned long long)hash_64(id, strlen(id)));

		d->slot_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (d->slot_fd < 0)
			err_errno(err, EX_CONFIG, "%s", path);
		free(path);
		d->transactional_id = id;
		if (d->slot_fd < 0)
			return -1;
		if (flock(d->slot_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		close(d->slot_fd);
		free(id);
		d->transactional_id = NULL;
	}
}

/* One writer: its transactional id is the job's. */
static int begin_files(struct kafka_sink *d, struct sink_role *role, struct err *err)
{
	if (d->conf->slot)
		return err_set(err, EX_USAGE,
			       "--slot is for pipelines of a consumer group; a job over files has "
			       "one writer");
	d->mode = KAFKA_FILES;
	d->transactional_id = mem_printf("hta.%s.%s", d->job, d->conf->sink.name);
	*role = (struct sink_role){ .keeps = true, .claims = d->dead_name };
	return 0;
}

static int begin_job(struct kafka_sink *d, struct sink_role *role, struct err *err)
{
	d->job = stage_job(d->st);
	d->group = stage_group(d->st);
	if (d->conf->at_least_once)
		return 0;
	if (!d->group)
		return begin_files(d, role, err);
	d->mode = KAFKA_GROUP;
	*role = (struct sink_role){ .keeps = true, .claims = d->dead_name, .commits = true };
	return take_slot(d, err);
}

static int begin_stream(void *self, struct stage *st, const struct ctl *hello,
			struct sink_role *role, struct err *err)
{
	struct kafka_sink *d = self;

	d->st = st;
	d->began_us = tm_mono_us();
	d->progress = !hello && isatty(STDERR_FILENO) && prog_common()->verbosity >= 0;
	if (hello)
		return begin_job(d, role, err);
	if (d->conf->dead_only)
		return err_set(
			err, EX_USAGE,
			"--dead is for acknowledged streams: a plain one has no dead letters "
			"of other stages");
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

static enum sink_result set_lateness(void *self, const char *job, int64_t us, struct err *err)
{
	(void)self, (void)job, (void)us, (void)err;
	return SINK_OK; /* nobody reads windows here */
}

static const struct position_keeper keeper = {
	.load = kafka_sink_load,
	.init = kafka_sink_init,
	.lateness = set_lateness,
	.store = kafka_sink_store,
};

static enum sink_result connect_sink(void *self, struct err *err)
{
	struct kafka_sink *d = self;
	enum sink_result r = kafka_encode_connect(d, err) ? SINK_FATAL : kafka_sink_connect(d, err);

	return r == SINK_OK && d->mode == KAFKA_FILES ? kafka_positions_connect(d, err) : r;
}

const struct sink_driver kafka_sink_driver = {
	.kind = "kafka",
	.takes = SINK_LINES,
	.delivery = SINK_TX,
	.opts = options,
	.conf_bytes = sizeof(struct kafka_sink_conf),
	.open = kafka_sink_open,
	.close = kafka_sink_close,
	.connect = connect_sink,
	.disconnect = kafka_sink_disconnect,
	.keeper = &keeper,
	.lines = &lines,
};
