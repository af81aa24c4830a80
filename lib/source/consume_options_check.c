/* What the options of hta-consume say together. Each check names what is wrong and what to say
 * instead. The order is from what is read to how: a command line with two mistakes hears of the
 * larger one. */
#include "source/consume_options.h"

#include <string.h>
#include <unistd.h>

#include "source/topics.h"
#include "tool/prog.h"

int consume_check_name(const char *what, const char *name, struct err *err)
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

/* Whatever is there, of what goes with topics only; NULL: nothing. */
static const char *topic_option(const struct consume_conf *c)
{
	const struct envelope_conf *e = &c->envelope;
	const struct decode_conf *d = &c->decode;

	return d->as              ? "--decode"
	       : d->registry.urls ? "--registry"
	       : d->registry.ca   ? "--registry-ca"
	       : d->schema        ? "--schema"
	       : e->json          ? "-J"
	       : e->json_payload  ? "--json-payload"
	       : e->tombstones    ? "-Z"
	       : e->key_field     ? "--key-field"
				  : NULL;
}

static int check_envelope(const struct envelope_conf *e, struct err *err)
{
	const char *of_json = e->json_payload ? "--json-payload" : e->tombstones ? "-Z" : NULL;

	if (of_json && !e->json)
		return err_set(err, EX_USAGE, "%s is for -J, which is missing", of_json);
	if (e->json && e->key_field)
		return err_set(err, EX_USAGE,
			       "-J has the key already, and --key-field puts it into the record: "
			       "they exclude each other");
	if (e->key_field && (!*e->key_field || !str_utf8(e->key_field, strlen(e->key_field))))
		return err_set(err, EX_USAGE, "--key-field \"%s\": no name of a member",
			       e->key_field);
	return 0;
}

static int check_decode(struct consume_conf *c, struct err *err)
{
	struct decode_conf *d = &c->decode;
	const char *of_decode = d->registry.urls ? "--registry"
				: d->registry.ca ? "--registry-ca"
				: d->schema      ? "--schema"
						 : NULL;

	if (d->as == DECODE_NONE || d->as == DECODE_JSON)
		return of_decode ? err_set(err, EX_USAGE,
					   "%s is for --decode avro or registry, which is missing",
					   of_decode)
				 : 0;
	if (!d->ops)
		return err_set(err, EX_CONFIG,
			       "this hta-consume was built without a client of HTTP (./configure "
			       "--with-curl): it reaches no registry of schemas");
	if (d->schema && !*d->schema)
		return err_set(err, EX_USAGE, "--schema: say latest, an id or a file");
	d->registry.retry_for_us = c->retry_for_us;
	d->registry.flag = " (--retry-for)";
	return 0;
}

static int check_files(struct consume_options *o, struct err *err)
{
	struct consume_conf *c = &o->c;
	size_t named = 0;

	if (c->cluster.brokers || c->cluster.settings)
		return err_set(err, EX_USAGE,
			       "files and a cluster exclude each other: leave out -b, -X and -F, "
			       "or the files");
	if (c->group)
		return err_set(err, EX_USAGE, "a group reads topics; over files say --job %s",
			       c->group);
	if (topic_option(c))
		return err_set(err, EX_USAGE, "%s is for topics: lines of files are values alone",
			       topic_option(c));
	for (size_t i = 0; i < c->files.n; i++) {
		if (c->job && strcmp(c->files.v[i].path, "-") == 0)
			return err_set(err, EX_USAGE,
				       "standard input cannot be read again, so it is never a job: "
				       "leave out --job, or name a file");
		if (c->files.v[i].name && consume_check_name("-t", c->files.v[i].name, err))
			return -1;
		named += c->files.v[i].name != NULL;
	}
	if (named < c->topics.n)
		return err_set(err, EX_USAGE,
			       "-t names the file behind it, and there is one without such a file "
			       "(for topics -b is missing)");
	if (c->from.kind == FROM_TIME || c->from.kind == FROM_BACK || c->until.kind == UNTIL_TIME)
		return err_set(err, EX_USAGE,
			       "lines of files have no times of their own: --from is earliest or "
			       "latest, --until end or a number here");
	if (!c->job && c->from.kind == FROM_LATEST)
		return err_set(
			err, EX_USAGE,
			"files are read to the end that they have now: from there on is nothing");
	return 0;
}

/* Whatever is there, of what goes with files or topics only; NULL: nothing. */
static const char *log_stranger(const struct consume_conf *c)
{
	return c->files.n            ? "a file"
	       : c->topics.n         ? "-t"
	       : c->cluster.brokers  ? "-b"
	       : c->cluster.settings ? "-X"
	       : c->group            ? "-g"
	       : c->files.last_line  ? "--last-line"
				     : topic_option(c);
}

static int check_log(const struct consume_conf *c, struct err *err)
{
	if (log_stranger(c))
		return err_set(err, EX_USAGE, "%s is not for --log, which reads that log alone",
			       log_stranger(c));
	if (c->from.kind == FROM_BACK)
		return err_set(err, EX_USAGE,
			       "offsets of a log are bytes: --from is earliest, latest or a time "
			       "here");
	return 0;
}

static int check_bucket(const struct consume_options *o, struct err *err)
{
	const struct consume_conf *c = &o->c;

	if (!o->build->bucket)
		return err_set(err, EX_CONFIG,
			       "this hta-consume was built without libcurl (./configure "
			       "--with-curl): it reads no buckets");
	if (c->log || log_stranger(c))
		return err_set(err, EX_USAGE, "%s is not for %s, which is read alone",
			       c->log ? "--log" : log_stranger(c), c->bucket);
	if (c->from.kind == FROM_TIME || c->until.kind == UNTIL_TIME)
		return err_set(err, EX_USAGE,
			       "objects are not found by time: --from is earliest, latest or -N, "
			       "--until end or a number here");
	return 0;
}

/* A comma is between two topics, but a part of a file's name: what -t is for is known here. */
static int split_topics(struct consume_options *o, struct err *err)
{
	struct consume_topics *t = &o->c.topics;
	size_t n = t->n;

	o->said = t->v;
	*t = (struct consume_topics){ 0 };
	for (size_t i = 0; i < n; i++)
		if (topics_split(o->said[i], &t->v, &t->n, err))
			return -1;
	return 0;
}

static int check_cluster(struct consume_options *o, struct err *err)
{
	struct consume_conf *c = &o->c;

	if (c->topics.n == 0)
		return err_set(err, EX_USAGE,
			       "nothing to read: name files, or topics with -b BROKERS -t TOPIC");
	if (!o->build->cluster)
		return err_set(err, EX_CONFIG,
			       "this hta-consume was built without Kafka (Debian: apt-get install "
			       "hta-kafka; or configure --with-kafka): it reads files only");
	if (!c->cluster.brokers && !c->cluster.settings)
		return err_set(err, EX_USAGE, "-b BROKERS is missing (or files, which -t names)");
	if (split_topics(o, err))
		return -1;
	if (check_envelope(&c->envelope, err) || check_decode(c, err))
		return -1;
	if (c->files.last_line)
		return err_set(err, EX_USAGE, "--last-line is for files");
	if (c->job && !c->group)
		return err_set(err, EX_USAGE, "--job over topics needs a consumer group: -g %s",
			       c->job);
	return 0;
}

/* Whatever is there, of what goes with records only; NULL: nothing. */
static const char *record_option(const struct consume_options *o)
{
	const struct consume_conf *c = &o->c;

	return c->files.n               ? "a file"
	       : c->log                 ? "--log"
	       : c->bucket              ? "a bucket"
	       : c->topics.n            ? "-t"
	       : c->cluster.brokers     ? "-b"
	       : c->cluster.settings    ? "-X"
	       : c->group               ? "-g"
	       : c->files.last_line     ? "--last-line"
	       : c->on_gap_skip         ? "--on-gap"
	       : c->dead.to             ? "--dead"
	       : prog_given("max-line") ? "--max-line"
					: topic_option(c);
}

/* Rows are never too long for what reads them: they were lines of a pipeline before. */
static int check_finals(struct consume_options *o, struct err *err)
{
	struct consume_conf *c = &o->c;
	const char *other = record_option(o);

	if (other)
		return err_set(err, EX_USAGE,
			       "%s is for records: --final reads rows of a store (-d), and "
			       "nothing else",
			       other);
	if (c->until.kind == UNTIL_COUNT || c->from.kind == FROM_BACK)
		return err_set(err, EX_USAGE,
			       "windows of final rows are whole: --from is earliest, latest or a "
			       "time, --until end or a time here");
	if (c->finals.idle_close_us && c->until.kind == UNTIL_END)
		return err_set(err, EX_USAGE,
			       "--idle-close watches the store for a while, and --until end takes "
			       "its mark as it is: they exclude each other");
	for (size_t i = 0; i < c->finals.n; i++)
		if (consume_check_name("--final", c->finals.v[i], err))
			return -1;
	c->dead.to = "drop";
	c->max_line_bytes = INT64_MAX;
	return 0;
}

static const char *final_option(const struct consume_finals *f)
{
	return f->store ? "-d" : f->table ? "--table" : f->idle_close_us ? "--idle-close" : NULL;
}

static int check_input(struct consume_options *o, struct err *err)
{
	const struct consume_conf *c = &o->c;

	if (c->finals.n)
		return check_finals(o, err);
	if (c->log && !c->bucket && !final_option(&c->finals))
		return check_log(c, err);
	if (final_option(&c->finals))
		return err_set(err, EX_USAGE, "%s is for --final METRIC, which is missing",
			       final_option(&c->finals));
	if (c->bucket)
		return check_bucket(o, err);
	if (c->endpoint)
		return err_set(err, EX_USAGE,
			       "--endpoint is for s3://BUCKET/PREFIX, which is missing");
	return c->files.n ? check_files(o, err) : check_cluster(o, err);
}

static int check_plain(const struct consume_conf *c, struct err *err)
{
	const char *flag = c->act.bootstrap     ? "--bootstrap"
			   : c->act.dry_run     ? "--dry-run"
			   : c->ack             ? "--ack"
			   : c->on_gap_skip     ? "--on-gap"
			   : c->files.last_line ? "--last-line"
						: NULL;

	if (flag)
		return err_set(
			err, EX_USAGE,
			"%s is for acknowledged streams: say -g GROUP, or --job NAME over files%s",
			flag,
			c->finals.n ? " and final rows"
			: c->log    ? " and logs"
			: c->bucket ? " and buckets"
				    : "");
	return 0;
}

static int check_job(struct consume_conf *c, struct err *err)
{
	if (c->act.bootstrap && c->act.dry_run)
		return err_set(err, EX_USAGE, "--bootstrap and --dry-run exclude each other");
	if (c->group && consume_check_name("-g", c->group, err))
		return -1;
	if (c->ack && c->ack[0] != '/')
		return err_set(
			err, EX_USAGE,
			"--ack %s: must be an absolute path, the stages find it by the hello",
			c->ack);
	if (c->ack && consume_check_name("--ack", c->ack, err))
		return -1;
	if (isatty(STDOUT_FILENO))
		return err_set(err, EX_USAGE,
			       "`| hta-commit` is missing: this stream is acknowledged, and "
			       "nothing at its end does so");
	return consume_check_name("--job", c->job, err);
}

int consume_options_check(struct consume_options *o, struct err *err)
{
	struct consume_conf *c = &o->c;

	if (check_input(o, err))
		return -1;
	if (!c->job)
		c->job = c->group;
	return c->job ? check_job(c, err) : check_plain(c, err);
}
