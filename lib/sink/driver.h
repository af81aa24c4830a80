/* A sink driver: one store behind the sink framework. It knows its database and nothing of
 * streams, retries or exit codes' policy.
 *
 * Invariants (hta-protocol(7)): positions move only by compare-and-set; rows, dead records and
 * positions of an epoch become visible together or not at all; an epoch never inserts a
 * position. After SINK_RETRY the framework calls close_connection and connect again, then
 * repeats the same call: every call must be safe to repeat (a COMMIT whose answer was lost shows
 * as SINK_APPLIED at the repetition). */
#ifndef SINK_DRIVER_H
#define SINK_DRIVER_H

#include "io/loop.h"
#include "proto/ctl.h"
#include "row/rollup.h"
#include "tool/opt.h"

enum sink_result {
	SINK_OK,
	/* apply: every position is at or beyond `to` already; nothing was changed */
	SINK_APPLIED,
	/* apply: positions or generation are others; nothing was changed. err says which:
	 * EX_TEMPFAIL */
	SINK_CONFLICT,
	/* temporary: connection lost, server starting, deadlock, out of connections */
	SINK_RETRY,
	/* err->code is the exit code: EX_CONFIG login, database, missing table; EX_DATAERR a row
	 * that cannot be stored */
	SINK_FATAL,
};

/* Shared settings (options of every sink). */
struct sink_conf {
	const char *where; /* conninfo, URL or file; NULL: the library's own environment */
	/* where comes from the environment: nobody else can read a password in it */
	bool where_env;
	/* --table (pg, sqlite), --prefix (redis): NULL: hta_rollups, hta */
	const char *table;
	/* the sink's name in the job: driver:table or --name; set by the framework */
	const char *name;
	bool create;    /* --init */
	int64_t ttl_us; /* redis: -1 never */
	/* wait here for sockets, so that signals and a reader that leaves are noticed */
	struct loop *loop;
};

struct sink_metric {
	struct slice name, cfg;      /* cfg: 16 hex */
	struct slice def;            /* JSON */
	int64_t every_us;            /* window length; 0: unknown (plain) */
	const struct column *column; /* what its rows have in cells, in their order */
	size_t columns;
};

/* A stored or claimed record that left the main path. */
struct sink_dead {
	bool late;
	struct slice stage, topic /* p NULL: unknown */, why, record;
	int32_t partition;
	int64_t offset;
	uint64_t size;
	bool base64;
};

/* One epoch, or one batch of a plain stream. All slices live until the call returns. */
struct sink_batch {
	/* in key order (rollup_key_cmp), each key once; sketches merged */
	const struct rollup *row;
	size_t rows;
	const struct sink_dead *dead;
	size_t n_dead;
	/* epoch only: */
	const char *job; /* NULL: plain */
	const char *gen;
	/* sorted. from == to: only idle may change (where next == to), no part of the
	 * compare-and-set but the generation */
	const struct ranges *ranges;
};

/* What a plain batch did, or would do. */
struct sink_counts {
	uint64_t fresh, equal, different, expired;
};

struct sink_driver {
	const char *kind; /* "pg", "redis", "sqlite": in the sink's name */
	bool claims;      /* stores dead and late */
	const char *default_table;

	/* conf is borrowed for ever. NULL: err (EX_USAGE: malformed URL). No connection yet. */
	void *(*open)(const struct sink_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	/* Connects; with conf->create makes what is missing and upgrades; else EX_CONFIG with
	 * the command to run where a table is missing or the schema is another version. */
	enum sink_result (*connect)(void *d, struct err *err);
	void (*disconnect)(void *d);
	/* The metrics of the stream against hta_metric, before the first record: registers new
	 * ones (with `since` from the job's watermarks here: the first start of a window after
	 * the highest; none: all), EX_CONFIG with both definitions and the way out for another
	 * job or cfg, and for another sink of the job in the same place (everything would count
	 * twice), and where the store keeps the list of a metric's columns and has another one.
	 * job NULL: a plain stream. lateness: hta_job's, set for the job. look_only: says
	 * EX_CONFIG as well, but changes nothing: a job that has not begun may be refused, and
	 * must not have taken a name. */
	enum sink_result (*metrics)(void *d, const char *job, const struct sink_metric *m, size_t n,
				    int64_t lateness_us, bool look_only, struct err *err);
	/* What is stored of the job: generation ("" none), by_now, all positions. EX_CONFIG
	 * where hta_job has another group. group NULL: files. */
	enum sink_result (*state)(void *d, const char *job, const char *group,
				  struct ctl_sink_state *out, struct err *err);
	/* CTL_FRESH/ADOPT/BOOT: generation and starts in one transaction, only where it has none
	 * (then SINK_OK; has one: SINK_APPLIED where it is the same, else SINK_CONFLICT).
	 * CTL_NEW: inserts unknown partitions where the generation is this one, else
	 * SINK_CONFLICT. */
	enum sink_result (*init)(void *d, const char *job, const char *group,
				 const struct ctl_init *init, struct err *err);
	/* One transaction, compare-and-set first. */
	enum sink_result (*apply)(void *d, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err);
	/* Plain rows, one transaction: fresh or equal ones go in; SINK_FATAL EX_DATAERR naming
	 * the first different one unless replace. dry_run changes nothing and counts all. */
	enum sink_result (*put)(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
				struct sink_counts *counts, struct err *err);
	/* --reset: everything of the job, in one transaction. *rows: rollup rows deleted. */
	enum sink_result (*reset)(void *d, const char *job, uint64_t *rows, struct err *err);
};

#endif
