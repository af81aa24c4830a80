/* Inside of the SQLite driver: sqlite.c (connection, statements), sqlite_schema.c, sqlite_job.c
 * (metrics, the keeper), sqlite_rows.c (epochs, plain rows), sqlite_views.c,
 * sqlite_view_sql.c and sqlite_step_sql.c (views named as metrics). */
#ifndef DRV_SQLITE_SQLITE_INTERNAL_H
#define DRV_SQLITE_SQLITE_INTERNAL_H

#include <pthread.h>

#include <sqlite3.h>

#include "base/dec.h"
#include "base/tm.h"
#include "drv/sqlite/sqlite.h"
#include "sink/sink_errors.h"

enum sqlite_statement {
	Q_BEGIN,
	Q_COMMIT,
	Q_ROLLBACK,
	Q_JOB,
	Q_POSITIONS,
	Q_JOB_INSERT,
	Q_POSITION_INSERT,
	Q_LATENESS,
	Q_RULES,
	Q_RULES_SET,
	Q_SPANS_DROP,
	Q_SPAN,
	Q_CLAIMS,
	Q_CLAIM,
	Q_CLAIM_DROP,
	Q_METRIC,
	Q_METRIC_INSERT,
	Q_ADVANCE,
	Q_IDLE,
	Q_ROW,
	Q_ROW_ADD,
	Q_ROW_SET,
	Q_EVENT,
	Q_EVENT_SET,
	Q_EVENT_TEXT,
	Q_DEAD,
	Q_COUNT,
};

struct sqlite {
	const struct sink_conf *conf;
	char *table, *final, *numbers; /* quoted names are made where they are used */
	sqlite3 *db;
	int busy_ms; /* how long a lock is waited for; 0: a sink's, which comes again */
	sqlite3_stmt *q[Q_COUNT]; /* prepared when first used */
	struct buf scratch, columns;
	bool has_columns;      /* the table has the column `columns` */
	bool views_made;       /* of all metrics that were stored when this program began */
	bool has_rules;        /* the file has the tables for rules that change */
	int64_t read_until_us; /* of a reader with conf->read_for_us */
	const struct sink_record *record; /* what hta_batch has */
	size_t records;
	sqlite3 *second; /* of the thread that checkpoints (sqlite_checkpoint.c) */
	pthread_t checkpoint;
	bool checkpointing; /* the thread is to be joined */
};

/* Maps SQLite's answer: BUSY, LOCKED, PROTOCOL and NOMEM are SINK_RETRY, FULL and IOERR
 * EX_IOERR, READONLY, CANTOPEN, NOTADB, AUTH EX_CONFIG. */
enum sink_result sqlite_failed(struct sqlite *s, struct err *err);

/* EX_USAGE where what was opened lasts no longer than this program: a database in memory, a
 * nameless file, a device. */
int sqlite_check_store(struct sqlite *s, struct err *err);

/* The prepared statement, reset and without bindings; NULL: err and *r. */
sqlite3_stmt *sqlite_prepare(struct sqlite *s, enum sqlite_statement which, enum sink_result *r,
			     struct err *err);
/* The same for one whose first two parameters are the job and this sink, which are bound. */
sqlite3_stmt *sqlite_prepare_of(struct sqlite *s, enum sqlite_statement which, const char *job,
				enum sink_result *r, struct err *err);
/* Runs a statement that gives no rows. */
enum sink_result sqlite_run(struct sqlite *s, sqlite3_stmt *q, struct err *err);
enum sink_result sqlite_do(struct sqlite *s, enum sqlite_statement which, struct err *err);
/* Ends the transaction: COMMIT after SINK_OK, else ROLLBACK; returns the result that holds then. */
enum sink_result sqlite_end(struct sqlite *s, enum sink_result r, struct err *err);

/* p NULL: null; valid until the statement ran */
void sqlite_bind_slice(sqlite3_stmt *q, int at, struct slice text);
void sqlite_bind_time(sqlite3_stmt *q, int at, int64_t us);
void sqlite_bind_dec(sqlite3_stmt *q, int at, dec v);
/* p NULL: null; valid until the next step */
struct slice sqlite_column(sqlite3_stmt *q, int at);

/* A table of rows and its views; else one of events, or neither. */
static inline bool sqlite_has_rows(const struct sqlite *s)
{
	return !s->conf->events.on && !s->conf->positions_only;
}

enum sink_result sqlite_schema(struct sqlite *s, struct err *err); /* sqlite_schema.c */
void sqlite_functions(struct sqlite *s);
/* hta_dead has the columns for what was retried; what adds them. */
bool sqlite_has_marks(struct sqlite *s);
extern const char sqlite_marks_sql[];
/* Inside a transaction: gives the table the column `columns`. EX_CONFIG without --init. */
enum sink_result sqlite_add_columns(struct sqlite *s, struct err *err);
/* Appends what the column `columns` has of a row. */
void sqlite_columns_text(const struct cell *cell, size_t n, struct buf *out);
/* After it was committed: statements use it from now on. */
void sqlite_know_columns(struct sqlite *s);

/* ---- sqlite_step_sql.c: formats for table and metric. A select of a metric's windows: their
 * bounds s, e; of the hour or day that holds each the bounds a, b, and its seconds. */
enum sqlite_step { SQLITE_HOURS, SQLITE_DAYS, SQLITE_STEPS };
extern const char *const sqlite_step_sql[SQLITE_STEPS];
/* The same of windows that overlap, which a pane is in several of: a format for how many panes they
 * have (int64_t), table, metric, how long panes and windows are, in seconds (int64_t). */
extern const char sqlite_hops_sql[];

/* ---- sqlite_view_sql.c: the i-th view of a metric. Appends its name, the statement that makes it
 * and the mark in that. False: the metric has none of these, as its windows do not fit. */
enum { SQLITE_VIEWS = 3 };
struct metric_shape;
bool sqlite_view_sql(const struct sqlite *s, const struct metric_shape *shape, size_t i,
		     struct buf *name, struct buf *text, struct buf *mark);

/* ---- sqlite_views.c: what the file has under a view's name, without regard to case: nothing, the
 * view of this text, a view of another text that contains `mark` ("": any view), something else.
 * Nothing is found where the file cannot be read: who makes the view meets the error. */
enum sqlite_held { SQLITE_HELD_FREE, SQLITE_HELD_SAME, SQLITE_HELD_OLDER, SQLITE_HELD_TAKEN };
enum sqlite_held sqlite_look_up_view(struct sqlite *s, const char *name, const char *text,
				     const char *mark);

/* Views named as metrics. What cannot be made is told by a warning. */
enum sink_result sqlite_views_of(struct sqlite *s, const struct sink_metric *m, struct err *err);
/* Of all metrics of the table. */
enum sink_result sqlite_views_all(struct sqlite *s, struct err *err);
/* Drops those of metrics that the table does not have any more. */
enum sink_result sqlite_views_prune(struct sqlite *s, struct err *err);

/* The calls of the driver and of its keeper. */
enum sink_result sqlite_metrics(void *d, const struct sink_metric *m, size_t n, struct arena *arena,
				struct stored_metric *stored, struct err *err);
enum sink_result sqlite_metrics_add(void *d, const char *job, const struct sink_metric *m, size_t n,
				    bool check_only, struct err *err);
enum sink_result sqlite_load(void *k, const char *job, struct keeper_doc *doc, struct err *err);
enum sink_result sqlite_init(void *k, const char *job, const char *group,
			     const struct ctl_init *init, struct err *err);
enum sink_result sqlite_lateness(void *k, const char *job, int64_t us, struct err *err);
enum sink_result sqlite_store(void *k, const struct sink_batch *batch, struct sink_counts *counts,
			      struct err *err);
enum sink_result sqlite_drop(void *k, const char *job, uint64_t *rows, struct err *err);
enum sink_result sqlite_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			    struct sink_counts *counts, struct err *err);

/* ---- sqlite_events.c: --events */

/* Inside a transaction: makes the table and its indexes where they are missing. */
enum sink_result sqlite_events_make(struct sqlite *s, struct err *err);
/* EX_CONFIG: the table is there, and keeps no events, or by another key than this sink's. */
enum sink_result sqlite_events_check(struct sqlite *s, struct err *err);
bool sqlite_events_keyed(struct sqlite *s); /* the table's, not the sink's */
/* Inside a transaction; where it is a dry run the caller undoes it. */
enum sink_result sqlite_events_store(struct sqlite *s, const struct sink_batch *batch,
				     struct err *err);
enum sink_result sqlite_events_put(struct sqlite *s, const struct sink_batch *batch, bool dry_run,
				   struct sink_counts *counts, struct err *err);
/* An event time as the column ts has it, always of six decimals, so that texts are in the order of
 * times; returns its length. */
size_t sqlite_events_time(int64_t us, char out[TM_TEXT_BYTES]);

/* ---- sqlite_batch.c: the connection gets the table hta_batch: the events of s->record, with the
 * columns of hta_events but for received_at. Returns SQLite's code. */
int sqlite_batch_table(struct sqlite *s);

/* ---- sqlite_checkpoint.c */

/* From now on a thread checkpoints behind the commits of s->db that leave a long log. */
void sqlite_checkpoint_beside(struct sqlite *s);
/* Waits for a checkpoint that runs: before a transaction that writes much. */
void sqlite_checkpoint_wait(struct sqlite *s);
/* Before s->db is closed. */
void sqlite_checkpoint_end(struct sqlite *s);

/* ---- sqlite_early.c: the disk begins with what SQLite writes before SQLite waits for it. Holds
 * for all files that this process has opened by SQLite's default VFS, or will open. */
void sqlite_write_early(void);

/* ---- sqlite_reader.c: connects to read. The transaction that it begins lasts until the end. */
int sqlite_reader_connect(struct sqlite *s, struct err *err);

/* ---- sqlite_probe.c */
enum sink_result sqlite_probe(void *d, const struct probe *probe, struct err *err);

/* ---- sqlite_rules.c */

/* Whether the file has the tables for rules that change (sqlite_schema.c). */
bool sqlite_has_rules(struct sqlite *s);
enum sink_result sqlite_load_rules(struct sqlite *s, const char *job, struct keeper_doc *doc,
				   struct err *err);
enum sink_result sqlite_change(void *k, const char *job, const struct keeper_change *c,
			       struct err *err);
/* sqlite_claims.c */
enum sink_result sqlite_load_claims(struct sqlite *s, const char *job, struct keeper_doc *doc,
				    struct err *err);
enum sink_result sqlite_change_claims(struct sqlite *s, const char *job,
				      const struct keeper_change *c, struct err *err);

#endif
