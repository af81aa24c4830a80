/* hta-consume's command line. */
#include "source/consume_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "job/stream.h"
#include "read/store_options.h"
#include "source/final_input.h"
#include "source/topics.h"
#include "source/wal.h"
#include "tool/prog.h"

/* ---- one option each */

static int add_topic(void *self, const char *value, struct err *err)
{
	struct consume_options *o = self;
	struct consume_topics *t = &o->c.topics;

	(void)err;
	t->v = mem_grow(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n++] = value;
	o->name = value;
	return 0;
}

static int add_final(void *self, const char *value, struct err *err)
{
	struct consume_finals *f = &((struct consume_options *)self)->c.finals;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i], value) == 0)
			return err_set(err, EX_USAGE, "metric %s is named twice", value);
	f->v = mem_grow(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = value;
	return 0;
}

static int set_group(void *self, const char *value, struct err *err)
{
	struct consume_options *o = self;

	(void)err;
	o->c.group = value;
	return 0;
}

static int set_log(void *self, const char *value, struct err *err)
{
	struct consume_options *o = self;

	if (o->c.log)
		return err_set(err, EX_USAGE, "two logs are named: %s and %s", o->c.log, value);
	o->c.log = value;
	return 0;
}

static bool option_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == 0;
}

static int set_from(void *self, const char *value, struct err *err)
{
	struct consume_start *from = &((struct consume_options *)self)->c.from;
	uint64_t back;

	from->given = true;
	if (strcmp(value, "earliest") == 0 || strcmp(value, "beginning") == 0) {
		from->kind = FROM_EARLIEST;
	} else if (strcmp(value, "latest") == 0 || strcmp(value, "end") == 0) {
		from->kind = FROM_LATEST;
	} else if (value[0] == '-' && option_digits(value + 1)) {
		from->kind = FROM_BACK;
		if (num_count(value + 1, &back, err))
			return -1;
		from->back = back > INT64_MAX ? INT64_MAX : (int64_t)back;
	} else {
		from->kind = FROM_TIME;
		if (tm_parse_human(value, tm_now_us(), &from->us, err))
			return err_set(err, EX_USAGE,
				       "\"%s\": say earliest, latest, -N (records "
				       "before the end) or a time (2026-11-20T15:00:00Z, "
				       "2026-11-20, -2h, s@1700000000000)",
				       value);
	}
	return 0;
}

static int set_until(void *self, const char *value, struct err *err)
{
	struct consume_options *o = self;
	struct consume_end *until = &o->c.until;

	if (o->until_text && strcmp(o->until_text, value) != 0)
		return err_set(err, EX_USAGE, "two ends are named: %s and %s", o->until_text,
			       value);
	o->until_text = value;
	if (strcmp(value, "end") == 0)
		until->kind = UNTIL_END;
	else if (num_count(value, &until->count, NULL) == 0)
		until->kind = UNTIL_COUNT;
	else if (tm_parse_human(value, tm_now_us(), &until->us, err) == 0)
		until->kind = UNTIL_TIME;
	else
		return err_set(err, EX_USAGE,
			       "\"%s\": say end, a number of records or a time "
			       "(2026-11-20T15:00:00Z, 2026-11-20, -2h)",
			       value);
	return 0;
}

static int until_end(void *self, const char *value, struct err *err)
{
	(void)value;
	return set_until(self, "end", err);
}

static int until_count(void *self, const char *value, struct err *err)
{
	uint64_t n;

	return num_count(value, &n, err) ? -1 : set_until(self, value, err);
}

static int set_bootstrap(void *self, const char *value, struct err *err)
{
	struct consume_act *act = &((struct consume_options *)self)->c.act;
	const char *eq = strrchr(value, '=');

	if (!eq || eq == value || (strcmp(eq, "=init") != 0 && strcmp(eq, "=now") != 0))
		return err_set(err, EX_USAGE,
			       "\"%s\": say SINK=init (from the job's start) or "
			       "SINK=now (from where the others are)",
			       value);
	if (act->bootstrap)
		return err_set(err, EX_USAGE, "is for one sink at a time");
	act->bootstrap = mem_dup(value, (size_t)(eq - value));
	act->by_now = strcmp(eq, "=now") == 0;
	return 0;
}

static int set_gap(void *self, const char *value, struct err *err)
{
	if (strcmp(value, "skip") != 0)
		return err_set(err, EX_USAGE, "\"%s\": it only knows skip", value);
	((struct consume_options *)self)->c.on_gap_skip = true;
	return 0;
}

static int set_decode(void *self, const char *value, struct err *err)
{
	static const char *const forms[] = {
		[DECODE_AVRO] = "avro", [DECODE_JSON] = "json", [DECODE_REGISTRY] = "registry"
	};

	for (enum decode_as as = DECODE_AVRO; as <= DECODE_REGISTRY; as++)
		if (strcmp(value, forms[as]) == 0) {
			((struct consume_options *)self)->c.decode.as = as;
			return 0;
		}
	return err_set(err, EX_USAGE, "\"%s\": say avro, json or registry", value);
}

static int add_bucket(struct consume_options *o, const char *url, struct err *err)
{
	if (o->c.bucket)
		return err_set(err, EX_USAGE, "two buckets are named: %s and %s", o->c.bucket, url);
	o->c.bucket = url;
	return 0;
}

static int add_file(void *self, const char *operand, struct err *err)
{
	struct consume_options *o = self;
	struct consume_files *f = &o->c.files;

	if (strncmp(operand, CONSUME_BUCKET, strlen(CONSUME_BUCKET)) == 0)
		return add_bucket(o, operand, err);
	f->v = mem_grow(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = (struct consume_file){ .path = operand, .name = o->name };
	o->name = NULL;
	return 0;
}

#define AT(member) .at = offsetof(struct consume_options, c.member)
static const struct opt opts[] = {
	CLUSTER_BROKERS_OPT(struct consume_options, c.cluster, "where the cluster answers"),
	{ .letter = 't',
	  .name = "topic",
	  .type = OPT_CALL,
	  .call = add_topic,
	  .arg = "NAME,...",
	  .help = "topics to read, may repeat; before a file: its name in the job" },
	{ .letter = 'g',
	  .name = "group",
	  .type = OPT_CALL,
	  .call = set_group,
	  .arg = "NAME",
	  .help = "read as this consumer group, acknowledged" },
	{ .letter = 'G',
	  .name = "group-id",
	  .type = OPT_CALL,
	  .call = set_group,
	  .arg = "NAME",
	  .help = "the same, as kcat has it" },
	{ .name = "job",
	  .type = OPT_TEXT,
	  AT(job),
	  .arg = "NAME",
	  .help = "the job that the positions belong to; default: the group. Over files, a log, "
		  "an archive and final rows: acknowledged" },
	{ .name = "log",
	  .type = OPT_CALL,
	  .call = set_log,
	  .arg = "DIR",
	  .beside = true,
	  .help = "read the local log of an intake, and follow it" },
	{ .name = "endpoint",
	  .type = OPT_TEXT,
	  AT(endpoint),
	  .arg = "URL",
	  .help = "with s3://BUCKET/PREFIX: where it is, of a server other than Amazon's: "
		  "http://HOST:PORT; else $AWS_ENDPOINT_URL" },
	{ .name = "final",
	  .type = OPT_CALL,
	  .call = add_final,
	  .arg = "METRIC",
	  .help = "read the final rows of this metric of a store, each once; may repeat" },
	{ .letter = 'd',
	  .name = "store",
	  .type = OPT_TEXT,
	  AT(finals.store),
	  .arg = "URL|FILE",
	  .help = "with --final: " STORES_OF_ROWS STORE_ELSE },
	{ .name = "table",
	  .type = OPT_TEXT,
	  AT(finals.table),
	  .arg = "NAME",
	  .help = "with --final: table or prefix that the metric is in" },
	{ .name = "idle-close",
	  .type = OPT_DURATION,
	  AT(finals.idle_close_us),
	  .arg = "DUR",
	  .help = "with --final: where no partition has moved for that long, windows are final "
		  "that ended so long ago",
	  .min = 1e3,
	  .max = 366 * 86400e6 },
	{ .letter = 'o',
	  .name = "from",
	  .type = OPT_CALL,
	  .call = set_from,
	  .arg = "earliest|latest|-N|TIME",
	  .help = "where a new job starts (default earliest)" },
	{ .name = "until",
	  .type = OPT_CALL,
	  .call = set_until,
	  .arg = "end|COUNT|TIME",
	  .help = "where to stop; default: never (files: at their end)" },
	{ .letter = 'e',
	  .name = "end",
	  .type = OPT_CALL,
	  .call = until_end,
	  .help = "the same as --until end" },
	{ .letter = 'c',
	  .name = "count",
	  .type = OPT_CALL,
	  .call = until_count,
	  .arg = "N",
	  .help = "the same as --until N: stop after N records" },
	{ .letter = 'J',
	  .name = "envelope",
	  .type = OPT_FLAG,
	  AT(envelope.json),
	  .help = "lines are objects with topic, partition, offset, ts, headers, key and payload, "
		  "as kcat has them" },
	{ .name = "json-payload",
	  .type = OPT_FLAG,
	  AT(envelope.json_payload),
	  .help = "with -J: a payload that is a JSON object stands as one, not as a string" },
	{ .letter = 'Z',
	  .name = "tombstones",
	  .type = OPT_FLAG,
	  AT(envelope.tombstones),
	  .help = "with -J: records without a value too, payload null; else they are left out" },
	{ .name = "key-field",
	  .type = OPT_TEXT,
	  AT(envelope.key_field),
	  .arg = "NAME",
	  .help = "put each record's key into it as this member" },
	{ .name = "decode",
	  .type = OPT_CALL,
	  .call = set_decode,
	  .arg = "avro|json|registry",
	  .help = "values are framed for a registry of schemas: Avro, JSON, or what it says of "
		  "each" },
	{ .name = "registry",
	  .type = OPT_TEXT,
	  AT(decode.registry.urls),
	  .arg = "URL,...",
	  .help = "with --decode avro or registry: the registry, asked in turn where there are "
		  "several; else $HTA_REGISTRY" },
	{ .name = "registry-ca",
	  .type = OPT_TEXT,
	  AT(decode.registry.ca),
	  .arg = "FILE",
	  .help = "with --decode avro or registry: who signs the registry's certificate (PEM), if "
		  "not the system's roots" },
	{ .name = "schema",
	  .type = OPT_TEXT,
	  AT(decode.schema),
	  .arg = "latest|ID|FILE",
	  .help = "with --decode avro or registry: read records as this schema wants them; "
		  "default: as they were written" },
	CLUSTER_SETTINGS_OPTS(struct consume_options, c.cluster, "NAME=VALUE|NAME=@FILE|list",
			      cluster_add_property_or_list),
	{ .name = "epoch",
	  .type = OPT_DURATION,
	  AT(epoch.us),
	  .arg = "DUR",
	  .def = "1s",
	  .help = "time between two barriers",
	  .min = 1e3,
	  .max = 3600e6 },
	{ .name = "epoch-records",
	  .type = OPT_COUNT,
	  AT(epoch.records),
	  .arg = "N",
	  .def = "1e6",
	  .help = "records between two barriers at most",
	  .min = 1,
	  .max = 1e12 },
	{ .name = "max-line",
	  .type = OPT_BYTES,
	  AT(max_line_bytes),
	  .arg = "BYTES",
	  .def = "1MiB",
	  .help = "longest record; a longer one is bad data",
	  .min = 64,
	  .max = 1 << 30 },
	DEAD_OPTS(struct consume_options, c.dead),
	{ .name = "last-line",
	  .type = OPT_FLAG,
	  AT(files.last_line),
	  .help = "in a job: take a file's last line though no newline ends it" },
	{ .name = "on-gap",
	  .type = OPT_CALL,
	  .call = set_gap,
	  .arg = "skip",
	  .help = "go on where records were deleted before they were read; they are booked as "
		  "lost" },
	{ .name = "bootstrap",
	  .type = OPT_CALL,
	  .call = set_bootstrap,
	  .arg = "SINK=init|now",
	  .help = "give one sink its first positions, read nothing, end" },
	{ .letter = 'n',
	  .name = "dry-run",
	  .type = OPT_FLAG,
	  AT(act.dry_run),
	  .help = "say what the sinks hold and where reading would start, read nothing, end" },
	{ .name = "ack",
	  .type = OPT_TEXT,
	  AT(ack),
	  .arg = "PATH",
	  .help = "socket for acknowledgements; default: in the run folder" },
	{ .name = "retry-for",
	  .type = OPT_DURATION,
	  AT(retry_for_us),
	  .arg = "DUR",
	  .def = "5m",
	  .help = "how long an unreachable cluster is tried again" },
	{ .name = "drain-timeout",
	  .type = OPT_DURATION,
	  AT(drain_us),
	  .arg = "DUR",
	  .def = "60s",
	  .help = "how long what is under way may take after a signal" },
	OPT_END,
};

static int list_settings(const struct consume_options *o, struct err *err)
{
	if (!o->build->cluster)
		return err_set(err, EX_CONFIG,
			       "-X list: this hta-consume was built without Kafka (Debian: apt-get "
			       "install hta-kafka; or configure --with-kafka)");
	o->build->cluster->list_settings(stdout);
	return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
}

/* An acknowledged stream, or a plain one of topics; plain files need no input. */
static int run_input(struct consume_options *o, const struct consume_driver *driver,
		     struct err *err)
{
	const struct consume_conf *c = &o->c;
	struct input *in = driver->input_new(c, c->group && !c->act.dry_run && !c->act.bootstrap,
					     err);
	int rc;

	if (!in)
		return -1;
	o->begun = true;
	rc = c->job ? consume_acknowledged(c, in, err) : consume_plain(c, in, err);
	driver->input_free(in);
	return rc;
}

static int run_options(void *self, struct err *err)
{
	struct consume_options *o = self;

	if (o->c.cluster.list)
		return list_settings(o, err);
	if (consume_options_check(o, err))
		return -1;
	if (o->c.files.n && !o->c.job)
		return consume_plain_files(&o->c, err);
	return run_input(o,
			 o->c.finals.n  ? &final_driver
			 : o->c.log     ? &wal_driver
			 : o->c.bucket  ? o->build->bucket
			 : o->c.files.n ? o->build->files
					: o->build->cluster,
			 err);
}

/* The command line may say that the stream would be an acknowledged one, and be wrong otherwise. */
static void failed_option(void *self, const struct err *err)
{
	const struct consume_options *o = self;

	if (!o->begun && (prog_given("job") || prog_given("group") || prog_given("group-id")))
		job_stream_refuse(o->c.job, o->c.drain_us, err);
}

int consume_main(const struct consume_build *build, int argc, char **argv)
{
	struct consume_options o = { .c.finals.stores = build->stores,
				     .c.decode.ops = build->registry,
				     .build = build };
	const struct prog prog = {
		.name = "hta-consume",
		.summary =
			"read topics, files, an intake's log, an archive or final rows as a stream",
		.synopsis =
			"[OPTIONS] -b BROKERS -t TOPIC... | [OPTIONS] FILE... | [OPTIONS] "
			"--log DIR | [OPTIONS] s3://BUCKET/PREFIX | [OPTIONS] --final METRIC -d "
			"STORE",
		.opts = opts,
		.operand = add_file,
		.run = run_options,
		.failed = failed_option,
		.examples = "hta-consume -b kafka:9092 -t events -g hta | hta-window | "
			    "hta-sink-pg --init service=rollups | hta-commit\n"
			    "hta-consume --job web old.ndjson.gz events.ndjson | hta-window --by "
			    "status | hta-sink-sqlite --init web.db | hta-commit\n"
			    "hta-consume -b kafka:9092 -t events --from -1h --until end | jq "
			    ".user_id\n"
			    "hta-consume --job live --log /var/lib/hta/events | hta-window "
			    "--time timestamp | hta-sink-sqlite --init live.db | hta-commit\n"
			    "hta-consume --job again s3://archive/web | hta-window | "
			    "hta-sink-sqlite --init again.db | hta-commit\n"
			    "hta-consume --job closed --final events -d web.db | hta-sink-pg "
			    "--init service=rollups | hta-commit",
	};
	int code = prog_main(&prog, &o, argc, argv);

	if (o.said)
		topics_free(o.c.topics.v, o.c.topics.n);
	free(o.said ? o.said : o.c.topics.v);
	free(o.c.cluster.setting);
	free(o.c.files.v);
	free(o.c.finals.v);
	free((char *)(uintptr_t)o.c.act.bootstrap);
	return code;
}
