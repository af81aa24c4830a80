/* The source: a log (a cluster's topics, or files) becomes a stream. hta-consume is this and a
 * driver.
 *
 *   plain           records and nothing else: no group, no commit, nothing to resume
 *   acknowledged    with -g, or --job over files: hello, barriers, ack channel, positions of the
 *                   sinks (hta-protocol(7))
 * What the sinks hold is the truth: where to read from is decided from a probe of them
 * (start_rules.h), sinks that differ are brought together first (catchup.h), then everything is
 * read in epochs (epochs.h) that are committed once acknowledged. */
#ifndef SOURCE_CONSUME_H
#define SOURCE_CONSUME_H

#include <stdio.h>
#include "source/input.h"

enum consume_from { FROM_EARLIEST, FROM_LATEST, FROM_TIME, FROM_BACK };
enum consume_until { UNTIL_NEVER, UNTIL_END, UNTIL_COUNT, UNTIL_TIME };

/* A setting of the cluster's client library: -X name=value, or -F file. In the order of the
 * command line. */
struct consume_setting {
	bool file;
	const char *text;
};

/* A file, and the name that -t gave it in the job (NULL: its identity). */
struct consume_file {
	const char *path, *name;
};

/* What the command line said, checked. Texts are borrowed for the life of the stream. */
struct consume_conf {
	/* a cluster's topics: brokers or settings are there and no files */
	const char *brokers;
	const char **topic; /* legal names (topics.h) */
	size_t topics;
	struct consume_setting *setting;
	size_t settings;
	const char *group; /* NULL: none */
	/* files */
	struct consume_file *file;
	size_t files;
	bool last_line;

	const char *job; /* NULL: a plain stream */
	const char *ack; /* --ack; NULL: in the run folder */
	enum consume_from from;
	int64_t from_us, from_back; /* FROM_TIME; FROM_BACK: records before the end */
	bool from_given;
	enum consume_until until;
	uint64_t until_count;
	int64_t until_us;
	bool on_gap_skip, dry_run;
	const char *bootstrap; /* --bootstrap SINK=init|now: the sink, or NULL; owned */
	bool bootstrap_now;
	const char *dead;
	double dead_limit;
	uint64_t max_line_bytes, epoch_records;
	int64_t epoch_us, retry_for_us, drain_us;
};

/* How what the command line names becomes an input. `join`: becomes a member of conf's group;
 * else nothing of the group is changed by being there, but commits can be read, and written
 * while it has no members (dry run, bootstrap). */
struct consume_driver {
	struct input *(*input_new)(const struct consume_conf *conf, bool join, struct err *err);
	void (*input_free)(struct input *input);
	void (*list_settings)(FILE *out); /* -X list; NULL: it has none */
};

/* `cluster` NULL: built without one. `files` reads the files of a job. The exit code. */
int consume_main(const struct consume_driver *cluster, const struct consume_driver *files, int argc,
		 char **argv);

/* A stream over the log, which is not open yet and is left open or closed: the caller frees it.
 * With -g or --job, else plain. */
int consume_acknowledged(const struct consume_conf *c, struct input *log, struct err *err);
int consume_plain(const struct consume_conf *c, struct input *log, struct err *err);
int consume_plain_files(const struct consume_conf *c, struct err *err);

/* The whole of an acknowledged stream whose source has failed before it could begin: hello and
 * `fail`, where standard output is a pipe or socket. c may be filled in halfway, and wrong. */
void consume_refused(const struct consume_conf *c, const struct err *why);

#endif
