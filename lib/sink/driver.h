/* A sink driver: one store behind the sink framework. It knows its database and nothing of
 * streams, retries, the policy of exit codes, or what makes two metrics the same.
 *
 * A SINK_TX driver is a keeper of positions (keeper.h), a registry of metrics, and `put`. A
 * SINK_NAMED or SINK_CLAIMED one has `write` besides, and may leave positions and metrics to
 * another store.
 *
 * After SINK_RETRY the framework calls disconnect and connect, then repeats the same call: every
 * call must be safe to repeat (a COMMIT whose answer was lost shows as SINK_APPLIED at the
 * repetition). */
#ifndef SINK_DRIVER_H
#define SINK_DRIVER_H

#include "base/arena.h"
#include "io/loop.h"
#include "row/rollup.h"
#include "sink/events.h"
#include "sink/keeper.h"
#include "tool/opt.h"
#include "tool/probe.h"
#include "tool/registry.h"

/* What a driver stores: rows of hta-window; records as they came, of acknowledged streams; dead and
 * late records of the stages above (a driver that claims them stores every one); columns of rows
 * that are sketches; rows and records alike, each the line that it is (struct sink_lines). */
enum { SINK_ROWS = 1, SINK_RECORDS = 2, SINK_DEAD = 4, SINK_SKETCHES = 8, SINK_LINES = 16 };

/* How an epoch becomes durable.
 *
 *   SINK_TX     keeper->store(all of the batch, positions)       one transaction
 *   SINK_NAMED  keeper->load, cas_check                          skip, conflict, or go on
 *               write(all of it) under batch->name               durable when it returns
 *               keeper->store(positions)                         SINK_APPLIED where it was done
 *
 *   SINK_CLAIMED  keeper->load, settle what is open, cas_check
 *                 prepare, keeper->change(claim)               the ranges are this sink's to write
 *                 write(all of it) under batch->name           durable when it returns
 *                 keeper->store(positions)                     the claim is done with it
 *
 * After a lost answer or a crash between `write` and `store` the batch comes again: under the same
 * name if the source cuts it as before, else in other pieces with other names. So may the batch of
 * a pipeline that has lost its partitions meanwhile. What is keyed by what it is (a record by
 * topic, partition and offset; a final row by its key) is the same after any of these: SINK_NAMED
 * is enough, and so the events (--events) of a SINK_CLAIMED driver are written. A store that adds
 * up, or that holds an epoch as an object of its own, needs each batch claimed before it is
 * written, and a claim that was left open settled (sink_claims.h): it is SINK_CLAIMED, and
 * batch->name is the claim's id, which is never used twice. */
enum sink_delivery { SINK_TX, SINK_NAMED, SINK_CLAIMED };

struct read_stores;

/* Settings of every sink. A driver that has more of its own embeds this as the first member of
 * its struct (conf_bytes). */
struct sink_conf {
	const char *where; /* conninfo, URL or file; NULL: the library's own environment */
	/* where comes from the environment: nobody else can read a password in it */
	bool where_env;
	/* what holds the rows in the store: a table, a prefix of keys, a topic. Set by an option of
	 * the driver (SINK_PLACE_OPT); the second half of the sink's default name */
	const char *place;
	/* the sink's name in the job: KIND:PLACE or --name; set by the framework */
	const char *name;
	bool create;  /* --init */
	bool dry_run; /* --dry-run: rights to write need not be there. Set by the framework */
	/* It keeps positions and metrics of a sink whose rows are elsewhere (--positions): it has
	 * no table of rows, and place is the sink's name. */
	bool positions_only;
	int64_t retry_for_us; /* --retry-for */
	/* of readers that can tell the store so: what it does for one may take so long; 0: any */
	int64_t read_for_us;
	/* of readers: where those of other stores are looked up (read/stores.h); NULL: nowhere */
	const struct read_stores *stores;
	struct events_conf events; /* SINK_EVENTS_OPTS */
	/* wait here for sockets, so that signals and a reader that leaves are noticed */
	struct loop *loop;
	const struct registry_ops *registry; /* of this build; NULL: none. Set by the framework */
};

#define SINK_PLACE_OPT(name_, default_, help_)                                            \
	{                                                                                 \
		.name = name_, .type = OPT_TEXT, .at = offsetof(struct sink_conf, place), \
		.arg = "NAME", .def = default_, .help = help_                             \
	}

/* Of a driver that has events_place: records are taken as events, into a table of their own. */
/* clang-format off */
#define SINK_EVENTS_OPT(type_, member_, name_, arg_, def_, help_)                                \
	{ .name = name_, .type = type_, .at = offsetof(struct sink_conf, events.member_),        \
	  .arg = arg_, .def = def_, .help = help_ }
#define SINK_EVENTS_ON_OPT                                                                       \
	SINK_EVENTS_OPT(OPT_FLAG, on, "events", NULL, NULL,                                      \
			"store records as they come, not rows: events, found by time")
#define SINK_EVENTS_MEMBER_OPTS                                                                  \
	SINK_EVENTS_OPT(OPT_TEXT, id, "id-path", "PATH", "event_id",                             \
			"events: member for the column event_id"),                               \
	SINK_EVENTS_OPT(OPT_TEXT, type, "type-path", "PATH", "event_type",                       \
			"events: member for the column event_type"),                             \
	SINK_EVENTS_OPT(OPT_TEXT, user, "user-path", "PATH", "user_id",                          \
			"events: member for the column user_id"),                                \
	SINK_EVENTS_OPT(OPT_TEXT, source, "source-path", "PATH", "source",                       \
			"events: member for the column source")
/* when_: "events: ", or "" of a driver of events only */
#define SINK_EVENTS_UNIT_OPT(when_)                                                              \
	{ .name = "time-unit", .type = OPT_CHOICE,                                               \
	  .at = offsetof(struct sink_conf, events.time_unit), .arg = "rfc3339|s|ms|us|ns",       \
	  .def = "rfc3339", .choices = events_units,                                             \
	  .help = when_ "unit of event times that are numbers" }
#define SINK_EVENTS_OPTS                                                                         \
	SINK_EVENTS_ON_OPT,                                                                      \
	SINK_EVENTS_COLUMN_OPTS
/* Of a driver of events only. */
#define SINK_EVENTS_COLUMN_OPTS                                                                  \
	SINK_EVENTS_OPT(OPT_TEXT, key, "key", "PATH,...", NULL,                                  \
			"events: one of each key is stored, the first: topic,event_id; default: " \
			"topic, partition and offset in the log"),                               \
	SINK_EVENTS_MEMBER_OPTS,                                                                 \
	SINK_EVENTS_OPT(OPT_TEXT, topic_path, "topic-path", "PATH", NULL,                        \
			"events with --key: member for the column topic; default: topic"),       \
	SINK_EVENTS_OPT(OPT_TEXT, time, "time", "PATH", "ts",                                    \
			"events: member for the column ts, the event time"),                     \
	SINK_EVENTS_UNIT_OPT("events: ")
/* clang-format on */

struct sink_metric {
	struct slice name, cfg;      /* cfg: 16 hex */
	struct slice stream;         /* the name in the stream, where rules give rows another */
	struct slice def;            /* JSON */
	struct slice shape;          /* what views show of it (sink/metric_shape.h) */
	int64_t every_us;            /* window length; 0: unknown (plain) */
	const struct column *column; /* what its rows have in cells, in their order */
	size_t columns;
	bool final;    /* its rows are final ones, of whole windows: it has no since */
	bool left_out; /* a rule that the store of the rows cannot hold: they are not taken */
	/* what the framework has found out: the store does not know it yet; the start of its first
	 * whole window (POS_NONE: all are) */
	bool fresh;
	int64_t since_us;
};

/* What a store holds under a metric's name. */
struct stored_metric {
	bool found;
	struct slice job /* p NULL: plain */, sink, cfg, def;
	bool listed; /* the store keeps a list of the metric's columns, this one */
	const struct column *column;
	size_t columns;
};

struct sink_record {
	struct slice topic, line; /* line: without its \n */
	int32_t partition;
	int64_t offset;  /* of a plain stream, where topic.p is NULL: the line's number */
	int64_t time_us; /* its own timestamp, as struct origin has it; 0: not known */
	const struct sink_event *event; /* what is stored beside it (--events); else NULL */
};

/* A stored or claimed record that left the main path. */
struct sink_dead {
	bool late;
	struct slice stage, topic /* p NULL: unknown */, why, record;
	int32_t partition;
	int64_t offset;
	bool inexact;     /* the offset is that of a record near it */
	uint32_t nth;     /* inexact: how many of the batch before it are the same in all that is
			   * known of their places, and in their records */
	uint64_t retries; /* how often the record was sent again before */
	uint64_t size;
	bool base64;
};

/* One epoch, or one batch of a plain stream. All slices live until the call returns. */
struct sink_batch {
	/* in key order (rollup_key_cmp), each key once; sketches merged */
	const struct rollup *row;
	size_t rows;
	/* as they came: those of one partition by offset. A stream has rows or records */
	const struct sink_record *record;
	size_t records;
	const struct sink_dead *dead;
	size_t n_dead;
	/* epoch only: */
	const char *job; /* NULL: plain */
	const char *gen;
	const char *set; /* of the rules that it was counted by; NULL: the stream has none */
	/* sorted. from == to: only idle may change (where next == to), no part of the
	 * compare-and-set but the generation */
	const struct ranges *ranges;
	/* who the source is in its group (ctl.h), where a sink commits for it; NULL: none */
	const char *member;
	/* records with an event: one whose key is there with another text takes its place */
	bool replace;
	/* SINK_NAMED: 32 hex digits, a hash of job, sink, generation and the ranges' partitions,
	 * from and to: the same epoch has the same name, whoever sends it. SINK_CLAIMED: the id of
	 * the claim */
	const char *name;
};

/* What a batch did, or would do. */
struct sink_counts {
	uint64_t fresh, equal, different, expired;
	uint64_t duplicate; /* events that were left out, as others of their key were there */
};

/* What a sink of lines is in the stream that has begun. */
struct sink_role {
	bool keeps; /* positions: the stream is a job's, and a transaction makes an epoch durable */
	bool claims;  /* stores dead and late records of those above */
	bool commits; /* the group's offsets, in place of the source */
};

/* The calls of a driver that stores lines as they are (SINK_LINES). It keeps the lines of an epoch
 * itself, in the form that it sends them in; the batch has the rest. 0, or -1 with err. */
struct stage;
struct run;
struct sink_lines {
	/* Shows what the command line asks for instead of a stream (-X list). False: nothing. */
	bool (*show)(const struct sink_conf *conf);
	/* Dead letters of its own are stored with the lines. Asked before the stream begins. */
	bool (*stores_dead)(const struct sink_conf *conf);
	/* How people say where those shall go: "--dead-topic TOPIC". */
	const char *dead_way;
	/* The stream begins: hello of an acknowledged one, as it comes from above; NULL: plain.
	 * Nothing is connected yet. EX_USAGE: it cannot be stored as the options want it. */
	int (*begin)(void *d, struct stage *st, const struct ctl *hello, struct sink_role *role,
		     struct err *err);
	/* Takes the lines of a run, and passes them on (stage_pass) where `pass` says so. One that
	 * cannot be stored is a dead letter in its place (stage_dead). keeper->store sends what an
	 * epoch has, and forgets it; where the sink keeps no positions it is sent at once. */
	int (*take)(void *d, const struct run *run, bool pass, uint64_t *lines, struct err *err);
	/* Where the sink keeps no positions: all that was taken is stored when this returns. */
	int (*flush)(void *d, struct err *err);
};

/* A run was not taken: its records are the batch's; it was; and there is much of it now, which send
 * may move to where it costs no memory. */
enum sink_collected { SINK_COLLECTED_NOT, SINK_COLLECTED, SINK_COLLECTED_MUCH };

struct sink_driver {
	const char *kind; /* "pg", "redis", "sqlite": in the sink's name */
	unsigned takes;   /* SINK_ROWS | SINK_RECORDS | SINK_DEAD | SINK_SKETCHES, or SINK_LINES */
	enum sink_delivery delivery;
	const struct opt *opts; /* the driver's own, over its settings */
	size_t conf_bytes;      /* of the settings, which begin with a struct sink_conf */
	/* its place is one piece, which does not grow beyond a machine: a shard (--shard) has one
	 * of its own, named PLACE:I */
	bool shard_in_place;
	bool dead_stay; /* dead letters outlive --reset */
	/* the table of events (--events), where --table says no other. With conf->events.on the
	 * driver takes records, which have their event, and no rows, and no metrics are asked for.
	 * NULL: it keeps no events */
	const char *events_place;
	/* It stores events and nothing else: conf->events.on is set without being asked for. */
	bool events_only;
	/* Of a driver that knows events by what it chooses itself: sets event->key, which copies of
	 * an event share. EX_DATAERR with the reason: the store cannot hold it, and it is a dead
	 * letter. NULL: they are known as conf->events.key says. */
	int (*event_key)(void *d, const struct sink_record *record, struct sink_event *event,
			 struct err *why);
	/* The place that `where` itself names (free()), which takes the place of conf->place. NULL:
	 * none; a driver without the call has none ever. */
	char *(*place_of)(const char *where);

	/* conf is borrowed for ever. NULL: err (EX_USAGE: malformed URL). No connection yet. */
	void *(*open)(const struct sink_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	/* Connects; with conf->create makes what is missing and upgrades; else EX_CONFIG with
	 * the command to run where a table is missing or the schema is another version. */
	enum sink_result (*connect)(void *d, struct err *err);
	void (*disconnect)(void *d);

	/* What is stored under the names of m, in this place: stored[i] for m[i]; what it points to
	 * comes into the arena. This and metrics_add: NULL where no rows are taken. */
	enum sink_result (*metrics)(void *d, const struct sink_metric *m, size_t n,
				    struct arena *arena, struct stored_metric *stored,
				    struct err *err);
	/* Registers the fresh ones of m for the job (NULL: plain) and this sink, with their
	 * since_us: all, or none where one of the names was taken meanwhile (SINK_APPLIED). For all
	 * of m: makes the columns that their rows need (EX_CONFIG without --init). check_only: the
	 * same checks and errors, registers and makes nothing: a start that may yet be refused must
	 * not leave names behind. */
	enum sink_result (*metrics_add)(void *d, const char *job, const struct sink_metric *m,
					size_t n, bool check_only, struct err *err);

	/* NULL: another store keeps the positions (SINK_NAMED and SINK_CLAIMED only). */
	const struct position_keeper *keeper;
	/* SINK_CLAIMED: takes the records of a run, which then do not come in the batch; *lines:
	 * how many it has. What was collected is kept, whatever happens, until discard. NULL:
	 * records come in the batch. */
	enum sink_collected (*collect)(void *d, const struct run *run, uint64_t *lines);
	/* Makes room, after SINK_COLLECTED_MUCH. */
	enum sink_result (*send)(void *d, struct err *err);
	/* The epoch is done with. */
	void (*discard)(void *d);
	/* SINK_CLAIMED: appends what settle has to know of the batch beside its name, and may begin
	 * what nobody sees before `write` completes it. A text without line ends. NULL: nothing. */
	enum sink_result (*prepare)(void *d, const struct sink_batch *batch, struct buf *what,
				    struct err *err);
	/* SINK_CLAIMED: after it the batch of the claim is stored (*stored) or never will be,
	 * whatever is still on its way: the id is made useless first, then looked for. */
	enum sink_result (*settle)(void *d, const char *id, struct slice what, bool *stored,
				   struct err *err);
	/* SINK_CLAIMED: what was once stored under the id is there still. Asked at each start: a
	 * store that was restored from a copy has lost it, and the positions do not know. */
	enum sink_result (*holds)(void *d, const char *id, struct slice what, bool *holds,
				  struct err *err);
	/* SINK_NAMED: makes the batch of an epoch durable, under the batch's name. SINK_CLAIMED:
	 * the same; SINK_OK only where what was written stands there as settle would find it, and
	 * SINK_CONFLICT (EX_TEMPFAIL) where somebody has settled the claim meanwhile. */
	enum sink_result (*write)(void *d, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err);
	/* Not of SINK_TX: deletes what the job has here; its positions are gone already. */
	enum sink_result (*reset)(void *d, const char *job, uint64_t *rows, struct err *err);

	/* Plain rows, one transaction: fresh or equal ones go in; SINK_FATAL EX_DATAERR naming
	 * the first different one unless replace. dry_run changes nothing and counts all. Events:
	 * a different one leaves what is stored, unless replace. NULL: the store takes no plain
	 * streams. */
	enum sink_result (*put)(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
				struct sink_counts *counts, struct err *err);

	const struct sink_lines *lines; /* SINK_LINES */

	/* Connected, and without conf->create: says which server and schema it is, what rights a
	 * sink lacks and which settings lose rows; changes nothing. NULL: has nothing to say. */
	enum sink_result (*probe)(void *d, const struct probe *probe, struct err *err);
};

#endif
