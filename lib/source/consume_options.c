/* hta-consume's command line. */
#include "source/consume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/tm.h"
#include "source/topics.h"
#include "tool/prog.h"

struct options {
	struct consume_conf c;
	const struct consume_driver *cluster, *files;
	const char *until_text, *name; /* name: -t that no file has had yet */
	/* -t as given, once c.topic has the names in it; NULL: it has what was given */
	const char **said;
	bool list;
	bool begun; /* the stream: it tells of its failures itself */
};

/* ---- one option each */

static int add_topic(void *self, const char *value, struct err *err)
{
	struct options *o = self;

	(void)err;
	o->c.topic = mem_grow(o->c.topic, o->c.topics + 1, sizeof *o->c.topic);
	o->c.topic[o->c.topics++] = value;
	o->name = value;
	return 0;
}

static int add_setting(struct options *o, bool file, const char *value)
{
	o->c.setting = mem_grow(o->c.setting, o->c.settings + 1, sizeof *o->c.setting);
	o->c.setting[o->c.settings++] = (struct consume_setting){ .file = file, .text = value };
	return 0;
}

static int add_property(void *self, const char *value, struct err *err)
{
	struct options *o = self;

	if (strcmp(value, "list") == 0) {
		o->list = true;
		return 0;
	}
	if (!strchr(value, '=') || value[0] == '=')
		return err_set(err, EX_USAGE, "\"%s\": say NAME=VALUE, NAME=@FILE or list", value);
	return add_setting(o, false, value);
}

static int add_file_of_settings(void *self, const char *value, struct err *err)
{
	(void)err;
	return add_setting(self, true, value);
}

static int set_group(void *self, const char *value, struct err *err)
{
	struct options *o = self;

	(void)err;
	o->c.group = value;
	return 0;
}

static bool option_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == 0;
}

static int set_from(void *self, const char *value, struct err *err)
{
	struct consume_conf *c = &((struct options *)self)->c;
	uint64_t back;

	c->from_given = true;
	if (strcmp(value, "earliest") == 0 || strcmp(value, "beginning") == 0) {
		c->from = FROM_EARLIEST;
	} else if (strcmp(value, "latest") == 0 || strcmp(value, "end") == 0) {
		c->from = FROM_LATEST;
	} else if (value[0] == '-' && option_digits(value + 1)) {
		c->from = FROM_BACK;
		if (num_count(value + 1, &back, err))
			return -1;
		c->from_back = back > INT64_MAX ? INT64_MAX : (int64_t)back;
	} else {
		c->from = FROM_TIME;
		if (tm_parse_human(value, tm_now_us(), &c->from_us, err))
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
	struct options *o = self;
	struct consume_conf *c = &o->c;

	if (o->until_text && strcmp(o->until_text, value) != 0)
		return err_set(err, EX_USAGE, "two ends are named: %s and %s", o->until_text,
			       value);
	o->until_text = value;
	if (strcmp(value, "end") == 0)
		c->until = UNTIL_END;
	else if (num_count(value, &c->until_count, NULL) == 0)
		c->until = UNTIL_COUNT;
	else if (tm_parse_human(value, tm_now_us(), &c->until_us, err) == 0)
		c->until = UNTIL_TIME;
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
	struct consume_conf *c = &((struct options *)self)->c;
	const char *eq = strrchr(value, '=');

	if (!eq || eq == value || (strcmp(eq, "=init") != 0 && strcmp(eq, "=now") != 0))
		return err_set(err, EX_USAGE,
			       "\"%s\": say SINK=init (from the job's start) or "
			       "SINK=now (from where the others are)",
			       value);
	if (c->bootstrap)
		return err_set(err, EX_USAGE, "is for one sink at a time");
	c->bootstrap = mem_dup(value, (size_t)(eq - value));
	c->bootstrap_now = strcmp(eq, "=now") == 0;
	return 0;
}

static int set_gap(void *self, const char *value, struct err *err)
{
	if (strcmp(value, "skip") != 0)
		return err_set(err, EX_USAGE, "\"%s\": it only knows skip", value);
	((struct options *)self)->c.on_gap_skip = true;
	return 0;
}

static int add_file(void *self, const char *operand, struct err *err)
{
	struct options *o = self;

	(void)err;
	o->c.file = mem_grow(o->c.file, o->c.files + 1, sizeof *o->c.file);
	o->c.file[o->c.files++] = (struct consume_file){ .path = operand, .name = o->name };
	o->name = NULL;
	return 0;
}

#define AT(member) .at = offsetof(struct options, c.member)
static const struct opt opts[] = {
	{ .letter = 'b',
	  .name = "brokers",
	  .type = OPT_TEXT,
	  AT(brokers),
	  .arg = "HOST:PORT,...",
	  .help = "where the cluster answers" },
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
	  .help = "the job that the positions belong to; default: the group. Over files: "
		  "acknowledged" },
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
	{ .letter = 'X',
	  .name = "property",
	  .type = OPT_CALL,
	  .call = add_property,
	  .arg = "NAME=VALUE|NAME=@FILE|list",
	  .help = "setting of the client library, may repeat" },
	{ .letter = 'F',
	  .name = "config-file",
	  .type = OPT_CALL,
	  .call = add_file_of_settings,
	  .arg = "FILE",
	  .help = "file of such settings, NAME=VALUE a line" },
	{ .name = "epoch",
	  .type = OPT_DURATION,
	  AT(epoch_us),
	  .arg = "DUR",
	  .def = "1s",
	  .help = "time between two barriers",
	  .min = 1e3,
	  .max = 3600e6 },
	{ .name = "epoch-records",
	  .type = OPT_COUNT,
	  AT(epoch_records),
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
	{ .name = "dead",
	  .type = OPT_TEXT,
	  AT(dead),
	  .arg = "drop|FILE",
	  .help = "append bad records to FILE, or drop them" },
	{ .name = "dead-limit",
	  .type = OPT_PROBABILITY,
	  AT(dead_limit),
	  .arg = "PCT",
	  .def = "50%",
	  .help = "give up when more of an epoch of 1,000 records is bad" },
	{ .name = "last-line",
	  .type = OPT_FLAG,
	  AT(last_line),
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
	  AT(dry_run),
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

/* ---- together */

/* Names go into control lines and metadata as they are. */
static int check_option_name(const char *what, const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > 255)
		return err_set(err, EX_USAGE, "%s \"%s\": a name has 1 to 255 bytes", what, name);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f)
			return err_set(err, EX_USAGE,
				       "%s \"%s\": quotes, backslashes and control characters are "
				       "not for names",
				       what, name);
	return str_utf8(name, n) ? 0
				 : err_set(err, EX_USAGE, "%s \"%s\": is not UTF-8", what, name);
}

static int check_files(struct options *o, struct err *err)
{
	struct consume_conf *c = &o->c;
	size_t named = 0;

	if (c->brokers || c->settings)
		return err_set(err, EX_USAGE,
			       "files and a cluster exclude each other: leave out -b, -X and -F, "
			       "or the files");
	if (c->group)
		return err_set(err, EX_USAGE, "a group reads topics; over files say --job %s",
			       c->group);
	for (size_t i = 0; i < c->files; i++) {
		if (c->job && strcmp(c->file[i].path, "-") == 0)
			return err_set(err, EX_USAGE,
				       "standard input cannot be read again, so it is never a job: "
				       "leave out --job, or name a file");
		if (c->file[i].name && check_option_name("-t", c->file[i].name, err))
			return -1;
		named += c->file[i].name != NULL;
	}
	if (named < c->topics)
		return err_set(err, EX_USAGE,
			       "-t names the file behind it, and there is one without such a file "
			       "(for topics -b is missing)");
	if (c->from == FROM_TIME || c->from == FROM_BACK || c->until == UNTIL_TIME)
		return err_set(err, EX_USAGE,
			       "lines of files have no times of their own: --from is earliest or "
			       "latest, --until end or a number here");
	if (!c->job && c->from == FROM_LATEST)
		return err_set(
			err, EX_USAGE,
			"files are read to the end that they have now: from there on is nothing");
	return 0;
}

/* A comma is between two topics, but a part of a file's name: what -t is for is known here. */
static int split_topics(struct options *o, struct err *err)
{
	size_t n = o->c.topics;

	o->said = o->c.topic;
	o->c.topic = NULL;
	o->c.topics = 0;
	for (size_t i = 0; i < n; i++)
		if (topics_split(o->said[i], &o->c.topic, &o->c.topics, err))
			return -1;
	return 0;
}

static int check_cluster(struct options *o, struct err *err)
{
	const struct consume_conf *c = &o->c;

	if (c->topics == 0)
		return err_set(err, EX_USAGE,
			       "nothing to read: name files, or topics with -b BROKERS -t TOPIC");
	if (!o->cluster)
		return err_set(err, EX_CONFIG,
			       "this hta-consume was built without a cluster driver (./configure "
			       "--with-kafka): it reads files only");
	if (!c->brokers && !c->settings)
		return err_set(err, EX_USAGE, "-b BROKERS is missing (or files, which -t names)");
	if (split_topics(o, err))
		return -1;
	if (c->last_line)
		return err_set(err, EX_USAGE, "--last-line is for files");
	if (c->job && !c->group)
		return err_set(err, EX_USAGE, "--job over topics needs a consumer group: -g %s",
			       c->job);
	return 0;
}

static int check_plain(const struct consume_conf *c, struct err *err)
{
	const char *flag = c->bootstrap     ? "--bootstrap"
			   : c->dry_run     ? "--dry-run"
			   : c->ack         ? "--ack"
			   : c->on_gap_skip ? "--on-gap"
			   : c->last_line   ? "--last-line"
					    : NULL;

	if (flag)
		return err_set(
			err, EX_USAGE,
			"%s is for acknowledged streams: say -g GROUP, or --job NAME over files",
			flag);
	return 0;
}

static int check_job(struct consume_conf *c, struct err *err)
{
	if (c->bootstrap && c->dry_run)
		return err_set(err, EX_USAGE, "--bootstrap and --dry-run exclude each other");
	if (c->group && check_option_name("-g", c->group, err))
		return -1;
	if (c->ack && c->ack[0] != '/')
		return err_set(
			err, EX_USAGE,
			"--ack %s: must be an absolute path, the stages find it by the hello",
			c->ack);
	if (c->ack && check_option_name("--ack", c->ack, err))
		return -1;
	if (isatty(STDOUT_FILENO))
		return err_set(err, EX_USAGE,
			       "`| hta-commit` is missing: this stream is acknowledged, and "
			       "nothing at its end does so");
	return check_option_name("--job", c->job, err);
}

static int check_options(struct options *o, struct err *err)
{
	struct consume_conf *c = &o->c;

	if (c->files ? check_files(o, err) : check_cluster(o, err))
		return -1;
	if (!c->job)
		c->job = c->group;
	return c->job ? check_job(c, err) : check_plain(c, err);
}

static int list_settings(const struct options *o, struct err *err)
{
	if (!o->cluster)
		return err_set(err, EX_CONFIG,
			       "this hta-consume was built without a cluster driver: it has no "
			       "settings to list");
	o->cluster->list_settings(stdout);
	return fflush(stdout) ? err_errno(err, EX_IOERR, "standard output") : 0;
}

/* An acknowledged stream, or a plain one of topics; plain files need no input. */
static int run_input(struct options *o, const struct consume_driver *driver, struct err *err)
{
	const struct consume_conf *c = &o->c;
	struct input *in = driver->input_new(c, c->group && !c->dry_run && !c->bootstrap, err);
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
	struct options *o = self;

	if (o->list)
		return list_settings(o, err);
	if (check_options(o, err))
		return -1;
	if (o->c.files && !o->c.job)
		return consume_plain_files(&o->c, err);
	return run_input(o, o->c.files ? o->files : o->cluster, err);
}

/* The command line may say that the stream would be an acknowledged one, and be wrong otherwise. */
static void failed_option(void *self, const struct err *err)
{
	const struct options *o = self;

	if (!o->begun && (prog_given("job") || prog_given("group") || prog_given("group-id")))
		consume_refused(&o->c, err);
}

int consume_main(const struct consume_driver *cluster, const struct consume_driver *files, int argc,
		 char **argv)
{
	struct options o = { .cluster = cluster, .files = files };
	const struct prog prog = {
		.name = "hta-consume",
		.summary = "read topics or files as a stream of records",
		.synopsis = "[OPTIONS] -b BROKERS -t TOPIC... | [OPTIONS] FILE...",
		.opts = opts,
		.operand = add_file,
		.run = run_options,
		.failed = failed_option,
		.examples =
			"hta-consume -b kafka:9092 -t events -g hta | hta-window | hta-sink-pg | "
			"hta-commit\n"
			"hta-consume --job web access.log.gz access.log | hta-window --by status | "
			"hta-sink-sqlite web.db | hta-commit\n"
			"hta-consume -b kafka:9092 -t events --from -1h --until end | jq .user_id",
	};
	int code = prog_main(&prog, &o, argc, argv);

	if (o.said)
		topics_free(o.c.topic, o.c.topics);
	free(o.said ? o.said : o.c.topic);
	free(o.c.setting);
	free(o.c.file);
	free((char *)(uintptr_t)o.c.bootstrap);
	return code;
}
