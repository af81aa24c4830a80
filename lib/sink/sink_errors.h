/* What drivers have to say alike. All set err and return -1 (or the named result). */
#ifndef SINK_SINK_ERRORS_H
#define SINK_SINK_ERRORS_H

#include "sink/driver.h"

/* What a driver's call came to for a reader, who tries nothing again: 0, or -1 with
 * EX_UNAVAILABLE where a sink would. */
int sink_error_result(enum sink_result r, struct err *err);

/* EX_CONFIG: a table is missing (what: "table hta_rollups"), the command to run being "program
 * --init where". */
int sink_error_missing(const char *what, const char *program, const char *where, struct err *err);
/* EX_CONFIG: the same of a store that keeps positions for a sink elsewhere. */
int sink_error_missing_positions(const char *what, const char *where, struct err *err);
int sink_error_schema(int found, int wanted, const char *program, struct err *err);
/* The name of a table for rollups, or for events (--table, without its schema): 0, or EX_USAGE for
 * none, for one that is not UTF-8, and for one that the store's own tables and views have or would
 * meet. */
int sink_check_table(const char *name, bool events, struct err *err);
/* EX_CONFIG: what holds the schema's version (what: "table hta_schema") is there and holds none
 * of ours. other: where to go instead. */
int sink_error_foreign(const char *what, const char *other, struct err *err);
/* EX_CONFIG: the job is bound to another group. */
int sink_error_group(const char *job, const char *stored, const char *group, struct err *err);

/* SINK_CONFLICT: the job has another generation here, or none (stored ""). */
enum sink_result sink_error_generation(const char *job, const char *stored, const char *wanted,
				       struct err *err);

/* EX_CONFIG: what has the name is no table of events; it is one with another kind of key than the
 * sink's. keyed: it has key_hash. */
int sink_error_no_events(const char *table, struct err *err);
int sink_error_events_key(const char *table, bool keyed, struct err *err);

/* A plain row that differs from the stored one: EX_DATAERR, the row named, --replace named. */
int sink_error_different(const struct rollup *row, const char *stored, struct err *err);

#endif
