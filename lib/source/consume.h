/* The source: a log (a cluster's topics, files, an intake's own log, or final rows of a store)
 * becomes a stream. hta-consume is this and a driver.
 *
 *   plain           records and nothing else: no group, no commit, nothing to resume
 *   acknowledged    with -g, or --job over files, a log or final rows: hello, barriers, ack
 *                   channel, positions of the sinks (hta-protocol(7))
 * What the sinks hold is the truth: where to read from is decided from a probe of them
 * (start_rules.h), sinks that differ are brought together first (catchup.h), then everything is
 * read in epochs (epochs.h) that are committed once acknowledged. */
#ifndef SOURCE_CONSUME_H
#define SOURCE_CONSUME_H

#include <stdio.h>

#include "read/stores.h"
#include "source/decode.h"
#include "source/envelope.h"
#include "tool/cluster_options.h"
#include "tool/dead_route.h"
#include "tool/emitter.h"
#include "tool/probe.h"

enum consume_from { FROM_EARLIEST, FROM_LATEST, FROM_TIME, FROM_BACK };
enum consume_until { UNTIL_NEVER, UNTIL_END, UNTIL_COUNT, UNTIL_TIME };

/* A file, and the name that -t gave it in the job (NULL: its identity). */
struct consume_file {
	const char *path, *name;
};

/* An operand that begins so is no file. */
#define CONSUME_BUCKET "s3://"

struct consume_files {
	struct consume_file *v;
	size_t n;
	bool last_line; /* --last-line */
};

/* --topic: legal names (topics.h). */
struct consume_topics {
	const char **v;
	size_t n;
};

/* --final: metrics of a store whose final rows are read. */
struct consume_finals {
	const char **v;
	size_t n;
	const char *store, *table; /* -d, --table; NULL: by the environment, the store's default */
	int64_t idle_close_us;     /* --idle-close; 0: never */
	const struct read_stores *stores;
};

/* --from. back, of FROM_BACK: records before the end. */
struct consume_start {
	enum consume_from kind;
	int64_t us, back;
	bool given;
};

/* --until */
struct consume_end {
	enum consume_until kind;
	uint64_t count;
	int64_t us;
};

/* What is done instead of reading. */
struct consume_act {
	bool dry_run;
	const char *bootstrap; /* --bootstrap SINK=init|now: the sink, or NULL; owned */
	bool by_now;           /* =now */
};

/* --epoch, --epoch-records */
struct consume_epoch {
	int64_t us;
	uint64_t records;
};

/* A part of the program that lives in the stream's loop beside the reader of the log: an intake,
 * whose log it is. Only of acknowledged streams. Its calls return at once. */
struct consume_beside {
	/* Before the log is opened; the hello is out. */
	int (*open)(void *self, struct emitter *emitter, struct err *err);
	/* The first signal: reading goes on until ended(). Returns the time (tm_mono_us clock) to
	 * leave at if it has not begun by then. */
	int64_t (*stop)(void *self);
	/* Asked after every turn of the loop. 1: no more is read. `position`: where the reader
	 * stands in the log's only partition; -1: nowhere yet. -1 with err: the stream fails. */
	int (*ended)(void *self, int64_t position, struct err *err);
	/* Before the loop goes, after an open() that failed too. */
	int (*close)(void *self, struct err *err);
};

/* What the command line said, checked. Texts are borrowed for the life of the stream. Final rows
 * are read where there are some, the log of `log`, the objects of `bucket`, a cluster's topics
 * where `cluster` says something, else files. */
struct consume_conf {
	struct cluster_options cluster;
	struct consume_topics topics;
	struct consume_files files;
	struct consume_finals finals;
	const char *log;               /* --log: the folder of an intake's log; NULL: none */
	const char *bucket, *endpoint; /* "s3://.."; NULL: none. --endpoint */
	const char *group;             /* NULL: none */
	const char *job;               /* NULL: a plain stream */
	const char *ack;               /* --ack; NULL: in the run folder */
	struct consume_start from;
	struct consume_end until;
	struct consume_act act;
	bool on_gap_skip;
	struct dead_options dead;
	uint64_t max_line_bytes;
	struct envelope_conf envelope;
	struct decode_conf decode;
	struct consume_epoch epoch;
	int64_t retry_for_us, drain_us;
	const struct consume_beside *beside; /* NULL: nothing */
	void *beside_self;
};

/* How what the command line names becomes an input. `join`: becomes a member of conf's group;
 * else nothing of the group is changed by being there, but commits can be read, and written
 * while it has no members (dry run, bootstrap). */
struct consume_driver {
	struct input *(*input_new)(const struct consume_conf *conf, bool join, struct err *err);
	void (*input_free)(struct input *input);
	void (*list_settings)(FILE *out); /* -X list; NULL: it has none */
	/* Says what there is of conf's topics and group, and reads a record of each topic, past the
	 * group. Of conf cluster, topics and group count. -1 with err: it cannot be reached, or
	 * something is refused. NULL: there is nothing to ask. */
	int (*probe)(const struct consume_conf *conf, struct loop *loop, const struct probe *probe,
		     struct err *err);
};

/* What this build has to read from. NULL: built without it. */
struct consume_build {
	const struct consume_driver *cluster;
	const struct consume_driver *files; /* of a job; never NULL */
	const struct consume_driver *bucket;
	const struct read_stores *stores; /* of final rows; never NULL */
	const struct registry_ops *registry;
};

/* The exit code. */
int consume_main(const struct consume_build *build, int argc, char **argv);

/* A stream over the log, which is not open yet and is left open or closed: the caller frees it.
 * With -g or --job, else plain. */
int consume_acknowledged(const struct consume_conf *c, struct input *log, struct err *err);
int consume_plain(const struct consume_conf *c, struct input *log, struct err *err);
int consume_plain_files(const struct consume_conf *c, struct err *err);

#endif
