/* hta-dlq: which letters, and what is to be done with them.
 *
 *   dlq.c         options, the place of the letters, main
 *   dlq_select.c  which of them are meant
 *   dlq_show.c    ls, show, count
 *   dlq_whole.c   a letter's record as the log has it
 *   dlq_through.c a command that mends a record
 *   dlq_prepare.c what is sent for a letter
 *   dlq_retry.c   retry */
#include "app/dlq.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/dlq_internal.h"
#include "base/tm.h"
#include "tool/prog.h"

enum { OUT_BYTES = 256 << 10 };

/* ---- commands */

static const struct command {
	const char *name;
	int (*run)(struct dlq *q, struct err *err);
	bool sends;
} commands[] = {
	{ "ls", dlq_ls, false },
	{ "show", dlq_show, false },
	{ "count", dlq_count, false },
	{ "retry", dlq_retry, true },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static const struct command *find_command(const char *word, struct err *err)
{
	const char *name[COMMANDS + 1] = { NULL }, *nearest;

	for (size_t i = 0; i < COMMANDS; i++) {
		name[i] = commands[i].name;
		if (word && strcmp(word, name[i]) == 0)
			return &commands[i];
	}
	if (!word) {
		err_set(err, EX_USAGE, "what? ls, show, count or retry");
		return NULL;
	}
	nearest = str_nearest(word, name);
	err_set(err, EX_USAGE, "there is no command \"%s\"%s%s%s: ls, show, count, retry", word,
		nearest ? " (did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?)" : "");
	return NULL;
}

static int check_sending(const struct dlq *q, const struct command *c, struct err *err)
{
	if (!c->sends && (q->to || q->through || q->init || q->changed != DLQ_CHANGED_AUTO))
		return err_set(err, EX_USAGE,
			       "--to, --through, --changed and --init are for retry");
	if (c->sends && q->format != DLQ_AUTO)
		return err_set(err, EX_USAGE, "--format is for ls and count");
	if (c->sends && !q->cluster.brokers && !q->cluster.settings &&
	    (!q->to || strcmp(q->to, "-") != 0))
		return err_set(
			err, EX_USAGE,
			"sent to which cluster? -b HOST:PORT, or --to - for standard output");
	return 0;
}

static int check_places(const struct dlq *q, struct err *err)
{
	if ((q->file != NULL) + (q->where != NULL) + (q->topic != NULL) > 1)
		return err_set(err, EX_USAGE, "one of -t TOPIC, -d STORE and FILE");
	if (q->topic && !q->cluster.brokers && !q->cluster.settings)
		return err_set(err, EX_USAGE, "-t %s of which cluster? -b HOST:PORT", q->topic);
	if ((q->file || q->topic) && (q->init || q->job))
		return err_set(err, EX_USAGE, "--%s is for a store (-d)", q->init ? "init" : "job");
	if (q->topic && q->to && strcmp(q->topic, q->to) == 0)
		return err_set(err, EX_USAGE,
			       "--to %s: that is the topic of the letters; what is sent there is a "
			       "letter again, about nothing",
			       q->to);
	return 0;
}

static int read_times(struct dlq *q, bool sends, struct err *err)
{
	int64_t now_us = tm_now_us();

	q->want = (struct letters_want){ POS_NONE, POS_NONE, q->again };
	if (q->since && tm_parse_human(q->since, now_us, &q->want.since_us, err))
		return err_in(err, "--since");
	if (q->until && tm_parse_human(q->until, now_us, &q->want.until_us, err))
		return err_in(err, "--until");
	/* what is sent again may die again while the call still runs */
	if (!q->until && sends)
		q->want.until_us = now_us;
	return 0;
}

/* ---- places */

static int no_cluster(struct err *err)
{
	return err_set(err, EX_CONFIG,
		       "this hta-dlq was built without Kafka (Debian: apt-get install hta-kafka; "
		       "or configure --with-kafka)");
}

static int choose_driver(struct dlq *q, struct err *err)
{
	const struct read_driver *reader;

	q->conf.topic = q->topic;
	q->conf.file = q->file;
	if (q->file)
		q->driver = &letters_file;
	if (q->topic) {
		q->driver = q->program->topic;
		return q->driver ? 0 : no_cluster(err);
	}
	if (q->driver)
		return 0;
	q->conf.store.place = "hta_rollups";
	reader = read_stores_choose(q->program->stores, q->where, "hta-dlq", &q->conf.store, err);
	if (!reader)
		return err->code == EX_USAGE
			       ? err_set(err, EX_USAGE,
					 "letters of what? -d STORE, -b BROKERS -t TOPIC, or the "
					 "FILE of --dead")
			       : -1;
	q->driver = reader->letters;
	return q->driver ? 0
			 : err_set(err, EX_USAGE,
				   "hta-dlq reads no letters of a store of this kind: give -d of "
				   "Postgres, SQLite, MongoDB, DynamoDB or ClickHouse, or the FILE "
				   "of --dead");
}

int dlq_open_cluster(struct dlq *q, struct err *err)
{
	if (q->c || (!q->cluster.brokers && !q->cluster.settings))
		return 0;
	if (!q->program->cluster)
		return no_cluster(err);
	q->c = q->program->cluster->open(&q->conf, err);
	return q->c ? 0 : -1;
}

static int open_places(struct dlq *q, bool marks, struct err *err)
{
	q->conf.cluster = &q->cluster;
	q->conf.marks = marks;
	q->conf.store.create = q->init;
	q->conf.store.loop = q->loop = loop_new();
	if (choose_driver(q, err))
		return -1;
	q->d = q->driver->open(&q->conf, err);
	return q->d ? 0 : -1;
}

static int run_dlq(void *self, struct err *err)
{
	struct dlq *q = self;
	const struct command *c = find_command(q->command, err);

	if (!c || check_sending(q, c, err) || check_places(q, err) ||
	    read_times(q, c->sends, err) || open_places(q, c->sends, err))
		return -1;
	q->out = out_new(NULL, STDOUT_FILENO, OUT_BYTES);
	if (c->run(q, err)) {
		struct err ignored;

		if (err->code == EX_NO)
			out_flush(q->out, &ignored);
		return -1;
	}
	return out_flush(q->out, err);
}

/* ---- the command line */

static int take_operand(void *self, const char *operand, struct err *err)
{
	struct dlq *q = self;

	if (q->command && q->file)
		return err_set(err, EX_USAGE, "\"%s\" is one operand too many", operand);
	*(q->command ? &q->file : &q->command) = operand;
	return 0;
}

static int set_reason(void *self, const char *value, struct err *err)
{
	return dlq_match_set(&((struct dlq *)self)->reason, value, err);
}

static int set_stage(void *self, const char *value, struct err *err)
{
	return dlq_match_set(&((struct dlq *)self)->stage, value, err);
}

static const char *const kinds[] = { "dead", "late", "all", NULL };
static const char *const formats[] = { "auto", "text", "json", NULL };
static const char *const changes[] = { "auto", "skip", "kept", "log", NULL };

#define AT(member) .at = offsetof(struct dlq, member)
static const struct opt opts[] = {
	{ .letter = 'd',
	  .name = "store",
	  .type = OPT_TEXT,
	  AT(where),
	  .arg = "URL|FILE",
	  .help = "letters in a store: postgres://, mongodb://, dynamodb://, clickhouse:// or a "
		  "SQLite file; else $HTA_STORE, else libpq's PG*" },
	CLUSTER_BROKERS_OPT(struct dlq, cluster, "the cluster of -t, and to which retry sends"),
	{ .letter = 't',
	  .name = "topic",
	  .type = OPT_TEXT,
	  AT(topic),
	  .arg = "TOPIC",
	  .help = "letters in a topic" },
	{ .name = "reason",
	  .type = OPT_CALL,
	  .call = set_reason,
	  .arg = "TEXT|/REGEX/",
	  .help = "only letters with this in their reason" },
	{ .name = "stage",
	  .type = OPT_CALL,
	  .call = set_stage,
	  .arg = "TEXT|/REGEX/",
	  .help = "only letters of a stage with this in its name" },
	{ .name = "since",
	  .type = OPT_TEXT,
	  AT(since),
	  .arg = "TIME",
	  .help = "only letters of this time or later: 2026-11-20T15:00:00Z, -2h" },
	{ .name = "until",
	  .type = OPT_TEXT,
	  AT(until),
	  .arg = "TIME",
	  .help = "only letters before this time" },
	{ .name = "place",
	  .type = OPT_TEXT,
	  AT(place),
	  .arg = "TOPIC[/PARTITION[/OFFSET]]",
	  .help = "only letters whose record stood there; FILE[:LINE] for one of a file" },
	{ .name = "job",
	  .type = OPT_TEXT,
	  AT(job),
	  .arg = "NAME",
	  .help = "only letters of this job (-d)" },
	{ .name = "kind",
	  .type = OPT_CHOICE,
	  AT(kind),
	  .arg = "KIND",
	  .def = "dead",
	  .choices = kinds,
	  .help = "dead letters, late records that a store has kept, or all" },
	{ .name = "again",
	  .type = OPT_FLAG,
	  AT(again),
	  .help = "letters that were retried, and those in doubt, too" },
	{ .name = "format",
	  .type = OPT_CHOICE,
	  AT(format),
	  .arg = "FORMAT",
	  .def = "auto",
	  .choices = formats,
	  .help = "ls, count: auto is text on a terminal, else JSON, a line each" },
	{ .name = "to",
	  .type = OPT_TEXT,
	  AT(to),
	  .arg = "TOPIC|-",
	  .help = "retry: send to this topic, or to standard output; default: whence each came" },
	{ .name = "through",
	  .type = OPT_TEXT,
	  AT(through),
	  .arg = "COMMAND",
	  .help = "retry: mend each record by a command of the shell, a line in, a line out" },
	{ .name = "changed",
	  .type = OPT_CHOICE,
	  AT(changed),
	  .arg = "HOW",
	  .def = "auto",
	  .choices = changes,
	  .help = "retry: of a record that a filter had changed send what is kept, what the log "
		  "has, or skip it; auto: skip, with --to kept" },
	{ .name = "init",
	  .type = OPT_FLAG,
	  AT(init),
	  .help = "retry: add columns for marks to a store of an earlier version" },
	CLUSTER_SETTINGS_OPTS(struct dlq, cluster, "NAME=VALUE|NAME=@FILE", cluster_add_property),
	OPT_END,
};

static void dlq_fini(struct dlq *q)
{
	if (q->c)
		q->program->cluster->close(q->c);
	if (q->driver)
		q->driver->close(q->d);
	letters_page_fini(&q->page);
	loop_free(q->loop);
	out_free(q->out);
	dlq_match_fini(&q->reason);
	dlq_match_fini(&q->stage);
	free(q->cluster.setting);
}

int dlq_main(const struct dlq_program *program, int argc, char **argv)
{
	struct dlq q = { .program = program };
	const struct prog prog = {
		.name = "hta-dlq",
		.summary = "list dead letters, show them, send them again",
		.synopsis = "[OPTIONS] ls|show|count|retry -d STORE | -b BROKERS -t TOPIC | FILE",
		.opts = opts,
		.operand = take_operand,
		.run = run_dlq,
		.examples = "hta-dlq count -d rollups.db\n"
			    "hta-dlq ls -d service=rollups --since -1h --reason 'is a string'\n"
			    "hta-dlq retry -d rollups.db -b kafka:9092 --reason 'latency_ms is a "
			    "string' --through 'jq -c "
			    "\".latency_ms = 0\"'\n"
			    "hta-dlq retry dead.ndjson --to - | hta-window --by path",
	};
	int code = prog_main(&prog, &q, argc, argv);

	dlq_fini(&q);
	return code;
}
