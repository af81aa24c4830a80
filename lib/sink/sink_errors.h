/* What drivers have to say alike, and the one decision that they share. All say_* set err and
 * return -1 (or the named result). */
#ifndef SINK_SINK_ERRORS_H
#define SINK_SINK_ERRORS_H

#include "sink/driver.h"

struct stored_metric {
	struct slice job /* p NULL: plain */, sink, cfg, def;
};

/* One metric of the stream (job NULL: plain) against the one stored under its name: 0 where they
 * are the same, else EX_CONFIG with both definitions and the way out. Another sink of the same
 * job in this place is EX_CONFIG too: both would add everything. */
int sink_error_metric(const struct sink_conf *conf, const char *rollups, const char *job,
		      const struct sink_metric *ours, const struct stored_metric *stored,
		      struct err *err);

/* The columns stored for a metric against those of this stream: 0 where they are the same, else
 * EX_CONFIG with both. Only stores that keep a list of them ask: rows of another list would be
 * read by the names of this one. */
int sink_error_columns(const char *rollups, const struct sink_metric *ours,
		       const struct column *stored, size_t n, struct err *err);

/* What a driver's call came to for a reader, who tries nothing again: 0, or -1 with
 * EX_UNAVAILABLE where a sink would. */
int sink_error_result(enum sink_result r, struct err *err);

/* EX_CONFIG: a table is missing (what: "table hta_rollups"), the command to run being "program
 * --init where". */
int sink_error_missing(const char *what, const char *program, const char *where, struct err *err);
int sink_error_schema(int found, int wanted, const char *program, struct err *err);
/* The name of a table for rollups (--table, without its schema): 0, or EX_USAGE for none, for one
 * that is not UTF-8, and for one that the store's own tables and views have or would meet. */
int sink_check_table(const char *name, struct err *err);
/* EX_CONFIG: what holds the schema's version (what: "table hta_schema") is there and holds none
 * of ours. other: where to go instead. */
int sink_error_foreign(const char *what, const char *other, struct err *err);
/* EX_CONFIG: the job is bound to another group. */
int sink_error_group(const char *job, const char *stored, const char *group, struct err *err);

/* The compare-and-set, decided over stored positions: SINK_OK apply, SINK_APPLIED, SINK_CONFLICT
 * with err (EX_TEMPFAIL) naming the first partition that differs. gen: stored generation, ""
 * none. */
enum sink_result cas_check(const struct sink_batch *batch, const char *gen,
			   const struct positions *stored, struct err *err);

/* A plain row that differs from the stored one: EX_DATAERR, the row named, --replace named. */
int sink_error_different(const struct rollup *row, const char *stored, struct err *err);

/* Start of the first window of length every_us at or after us. */
int64_t since_after(int64_t watermark_us, int64_t every_us);

#endif
