/* Inside of the Postgres driver: pg.c (options), pg_connect.c (connection), pg_wait.c (queries
 * in the loop, errors), pg_state.c (what codes mean), pg_schema.c, pg_job.c (metrics,
 * the keeper), pg_array.c (binary parameters), pg_work.c (statements of a batch), pg_rows.c
 * (store), pg_copy.c (events), pg_put.c (plain rows), pg_retention.c (what is kept for how long),
 * pg_views.c, pg_view_sql.c and pg_step_sql.c (views named as metrics). */
#ifndef DRV_PG_PG_INTERNAL_H
#define DRV_PG_PG_INTERNAL_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "drv/pg/pg.h"
#include "sink/sink_errors.h"

/* What one statement takes at most; a server ends the connection where one has 1 GiB. A single
 * row or dead record is always below it. */
enum {
	PG_CHUNK_ROWS = 5000,
	PG_CHUNK_BYTES = 64 << 20,
	PG_PARAMS = 16 + COLUMNS_MAX,
	PG_BEGIN_TRIES = 3,
};
enum {
	PG_SCHEMA = 4,
	PG_SCHEMA_RETENTION = 4,
	PG_SCHEMA_MARKS = 3,
	PG_SCHEMA_COLUMNS = 2,
	PG_SCHEMA_OLDEST = 1
};

struct hll;

#define PG_KEEP_EVER INT64_MAX

/* What a sink knows of its table's retention (pg_retention.c). */
struct pg_retention {
	bool on;           /* the table has one, or had one */
	bool days;         /* daily partitions */
	bool chunks;       /* TimescaleDB's */
	bool lifts;        /* its limit of tuples that an epoch may decompress */
	int64_t before_us; /* the mark, as it was seen last; POS_NONE: none */
	bool moved;        /* the last transaction found another one */
	bool told;         /* that rows behind it are not written */
	bool purge;        /* there may be rows to take away, */
	int64_t due_us;    /* but not before (tm_mono_us) */
	bool purge_denied; /* and told: the server refuses it */
	int64_t *day;      /* sorted: those that need no partition made for them */
	size_t n_days;
	int64_t days_due_us; /* as due_us */
	bool days_denied;    /* and told: this role may not make any */
};

struct pg {
	const struct sink_conf *conf;
	char *table, *final, *numbers; /* quoted, with their schema */
	char *rollups;                 /* as given: the key in hta_metric */
	PGconn *c;
	bool hll;                     /* uniq_sketch is of type hll */
	bool reads;                   /* hta-query: the database's encoding is all the same */
	bool well_formed;             /* libpq has tried to connect with these settings */
	char state[6];                /* SQLSTATE of the first failure since pg_begin, or "" */
	int begin_refused;            /* how often one after the other: see pg_begin */
	int version;                  /* of the schema */
	bool rules;                   /* it has the tables for rules that change */
	bool keyed;                   /* the table of events has keys (--key) */
	unsigned slots[COLUMN_RULES]; /* that the table has for columns of measures */
	unsigned copy_rests;          /* batches of events that do without COPY from now on */
	unsigned copy_rest;           /* how many there were the last time; 0: COPY went well */
	int64_t keep_us;              /* --retention; 0: not given, PG_KEEP_EVER: never */
	bool timescale;               /* --timescale: make the extension, too */
	bool hyper;                   /* the table is to be a hypertable */
	bool retention_set;           /* by those three: from then on what is stored holds */
	struct pg_retention kept;
	bool views_made;        /* of all metrics that were stored at the first connection */
	bool views_denied;      /* and told: this role may not make any */
	bool may_rows, may_job; /* asked, and nothing is missing */
	bool told_plain;        /* that bytes go to another machine as they are */
};

/* A table of rows and its views; else one of events, or neither. */
static inline bool pg_has_rows(const struct pg *p)
{
	return !p->conf->events.on && !p->conf->positions_only;
}

/* ---- pg_wait.c: every call serves the loop while it waits */

/* What the connection's or a result's error means (pg_state_means). The first SQLSTATE since
 * pg_begin goes to p->state. */
enum sink_result pg_failed(struct pg *p, const PGresult *res, struct err *err);
bool pg_state_is(const PGresult *res, const char *sqlstate);

/* Waits for the connection's socket. SINK_FATAL: a signal, or the stream's end. */
enum sink_result pg_wait_for(struct pg *p, short events, struct err *err);
/* Sends everything, returns the next result; *res NULL: none is left for this query. */
enum sink_result pg_next(struct pg *p, PGresult **res, struct err *err);
/* One query outside a pipeline; *res (may be NULL: not wanted) is the caller's. */
enum sink_result pg_query(struct pg *p, PGresult **res, struct err *err, const char *sql, int n,
			  const char *const *values);
/* The same with several statements and no parameters. */
enum sink_result pg_script(struct pg *p, const char *sql, struct err *err);
/* The compare-and-set takes locks and looks at what others have committed, whatever the role's
 * default is. A read-only default is the operator's, and not overruled. */
#define PG_BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"
/* Begins a transaction, on a connection that has answered a statement before. A pooler of single
 * statements takes that one but no BEGIN, and has one code for all its troubles, 08P01: the third
 * time in a row, over new connections, is SINK_FATAL, EX_CONFIG. */
enum sink_result pg_begin(struct pg *p, const char *begin, struct err *err);
/* ROLLBACK if a transaction is open; r unless the connection broke. */
enum sink_result pg_rollback(struct pg *p, enum sink_result r);

struct slice pg_first_line(const char *text); /* without blanks at its end; NULL: "" */

/* ---- pg.c */

/* As the driver's open, without the options that only a sink has. */
struct pg *pg_new(const struct sink_conf *conf, struct err *err);

/* ---- pg_rights.c */
/* Asks once for the rights of a sink's role: SINK_OK, or EX_CONFIG with what is missing. */
enum sink_result pg_may(struct pg *p, bool job, struct err *err);
/* For tables that were not found: EX_CONFIG where the role may not use their schema. */
enum sink_result pg_may_see(struct pg *p, struct err *err);

/* ---- pg.c: "schema"."name" + suffix; free() */
char *pg_quoted(const char *table, const char *suffix);

/* ---- pg_connect.c */

/* Makes the connection p->c, in UTF-8. After an error it is still to be closed. */
enum sink_result pg_establish(struct pg *p, struct err *err);
/* Once: that a server on another machine is reached without TLS, and nobody has said so. */
void pg_warn_plain(struct pg *p);

/* ---- pg_array.c: parameters in binary, made in a buffer each */
struct pg_params {
	int n;
	Oid type[PG_PARAMS];
	struct buf value[PG_PARAMS];
	const char *p[PG_PARAMS];
	int bytes[PG_PARAMS], format[PG_PARAMS];
	uint32_t items[PG_PARAMS];
};
enum {
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_TIMESTAMPTZ = 1184,
	PG_NUMERIC = 1700,
	PG_UUID = 2950,
	PG_JSONB = 3802,
};

void pg_params_fini(struct pg_params *a);
void pg_params_reset(struct pg_params *a);
/* a new array parameter; its index */
int pg_array(struct pg_params *a, Oid element);
/* a new text parameter; NULL: null */
void pg_scalar(struct pg_params *a, const char *text);
void pg_null(struct pg_params *a, int i);
void pg_put_text(struct pg_params *a, int i, struct slice text);
void pg_put_bytes(struct pg_params *a, int i, struct slice bytes);
void pg_put_int8(struct pg_params *a, int i, int64_t v);
void pg_put_int4(struct pg_params *a, int i, int32_t v);
void pg_put_bool(struct pg_params *a, int i, bool v);
void pg_put_time(struct pg_params *a, int i, int64_t us);
void pg_put_dec(struct pg_params *a, int i, dec v);
void pg_put_jsonb(struct pg_params *a, int i, struct slice text);
/* Sends it (pipeline or not), parameters closed. False: the connection is broken. */
bool pg_send(struct pg *p, const char *sql, struct pg_params *a, bool binary_result);
/* Sends it outside a pipeline, and reads its results to their end. */
enum sink_result pg_send_query(struct pg *p, const char *sql, struct pg_params *a, struct err *err);

/* ---- pg_work.c: the statements of a batch, one after the other, in a pipeline or not. The
 *  first error stays in r and err; what follows is skipped. ---- */
struct pg_work {
	struct pg *p;
	const struct sink_batch *b;
	struct pg_params a;
	struct buf sql;
	enum sink_result r;
	struct err *err;
};

const char *pg_sketch_type(const struct pg *p);
/* metric, window_start, window_end, dims_hash: index of the first */
int pg_key_arrays(struct pg_params *a);
void pg_put_key(struct pg_params *a, int at, const struct rollup *row);
/* $1 .. $10 */
void pg_row_arrays(struct pg_params *a, const struct rollup *row, size_t n);
/* $11 uniq, $12 sketch */
int pg_sketch_arrays(const struct pg *p, struct pg_params *a, const struct rollup *row, size_t n,
		     struct err *err);
void pg_put_sketch(const struct pg *p, struct pg_params *a, int at, const struct hll *h);
int pg_no_sketch(const struct rollup *row, const char *where, struct err *err);

/* The statement with its @ filled in, one after the other; NULL: nothing. */
const char *pg_sql(struct pg_work *w, const char *text, const char *const *fill);
void pg_work_send(struct pg_work *w, const char *sql, bool binary);
void pg_work_plain(struct pg_work *w, const char *sql);
/* a run of rows that one statement can take: same op, all with a sketch or none, of the same
 * columns, at most a chunk */
size_t pg_work_rows(const struct sink_batch *b, size_t at);
/* A delta that the sink merges: it has sketches. */
bool pg_work_merges(const struct rollup *row);
/* Sends it. replace: set rows that are there get the new values, else they stay. */
size_t pg_work_chunk(struct pg_work *w, size_t at, bool replace);
/* The answer to one statement; NULL where there is none any more. ZHT01 and ZHT02 are the
 * compare-and-set's. */
PGresult *pg_work_answer(struct pg_work *w);

/* ---- pg_columns.c: columns of measures */
enum sink_result pg_columns_known(struct pg *p, struct err *err); /* fills slots */
/* Inside of a transaction: what the metrics need and the tables lack is added. EX_CONFIG without
 * --init. *made: something was; pg_columns_made after the COMMIT. */
enum sink_result pg_columns_need(struct pg *p, const struct sink_metric *m, size_t n,
				 bool check_only, bool *made, struct err *err);
/* The same where the database has positions only: what is needed is the list in hta_metric. */
enum sink_result pg_columns_list_need(struct pg *p, const struct sink_metric *m, size_t n,
				      bool check_only, struct err *err);
enum sink_result pg_columns_made(struct pg *p, struct err *err);
/* For rows of the columns that this one has, each with a comma in front: names, assignments of a
 * conflict, parameters ($first ..; # is the number). */
void pg_columns_names(const struct rollup *row, size_t cells, struct buf *out);
/* Lists of values to compare: of the stored row t in all slots that it or the given row has, and
 * of the given row, whose parameters are u.c<first> and on; NULL where one has no such slot.
 * Estimates are not compared: they follow from the sketches. */
void pg_columns_compared(const struct pg *p, const struct rollup *row, int first,
			 struct buf *stored, struct buf *given);
void pg_columns_merge(const struct rollup *row, struct buf *out); /* but for sketches */
void pg_columns_replace(const struct rollup *row, struct buf *out);
void pg_columns_params(const struct rollup *row, size_t cells, int first, const char *format,
		       struct buf *out);
/* Their arrays; one more of estimates where a sketch is among them. */
void pg_columns_arrays(struct pg_params *a, const struct rollup *row, size_t n, size_t cells);
/* How many of the row's columns are no sketches; those stand behind them. */
size_t pg_columns_plain(const struct rollup *row);
/* The slots of the sketches, and their assignments from u, the estimates among them. */
void pg_columns_sketches(const struct rollup *row, struct buf *out);
void pg_columns_write(const struct rollup *row, struct buf *out);
/* Arrays for the columns from .. to - 1 of rows like this one, and the estimates where a sketch is
 * among them; then one row's, whose cells these are. */
int pg_columns_begin(struct pg_params *a, const struct rollup *row, size_t from, size_t to);
void pg_columns_put(struct pg_params *a, int first, const struct rollup *row,
		    const struct cell *cell, size_t from, size_t to);

/* Appends the slot of the i-th of a metric's columns. */
void pg_columns_slot(const struct column *column, size_t i, struct buf *out);

/* What a reader of rows needs to take them. */
struct pg_reading {
	struct json json;
	struct buf text, scratch;
	struct arena arena; /* sketches of a row */
	struct column column[COLUMNS_MAX];
	size_t columns;
	struct cell cell[COLUMNS_MAX];
};
int pg_columns_of(struct pg *p, const char *metric, struct pg_reading *out, struct err *err);
void pg_columns_select(const struct pg_reading *r, struct buf *sql);
bool pg_columns_take(struct pg_reading *r, const PGresult *res, int first, struct rollup *row);
void pg_reading_fini(struct pg_reading *r);

extern const struct alerts_driver pg_alerts;   /* pg_alerts.c */
extern const struct letters_driver pg_letters; /* pg_letters.c */
/* Inside of a transaction: what schema 3 has more than 1. */
enum sink_result pg_letters_marks(struct pg *p, struct err *err);

/* ---- pg_reader_events.c, over pg_reader.c's way to connect: NULL, err */
extern const struct events_driver pg_events;
struct pg *pg_reader_open(const struct sink_conf *conf, struct err *err);
int pg_reader_rest(struct pg *p); /* read/driver.h */
int pg_reader_again(struct pg *p, struct err *err);

/* ---- pg_events.c: --events */

/* Inside of a transaction: makes the table and its indexes where they are missing. */
enum sink_result pg_events_make(struct pg *p, struct err *err);
/* What key the table has. EX_CONFIG: it keeps no events, or by another key than this sink's. */
enum sink_result pg_events_check(struct pg *p, struct err *err);
/* Sends those from `at` on that one statement takes; how many they are. */
size_t pg_events_send(struct pg_work *w, size_t at);
/* All of the batch, of a plain stream, and the answers; counts where it is a dry run, which the
 * caller undoes. */
void pg_events_put(struct pg_work *w, bool dry_run, struct sink_counts *counts);

/* The table's columns that are given, and one row of them as COPY takes it, into value[0]. */
const char *pg_events_columns(bool keyed);
void pg_events_fields(struct pg_params *a, const struct sink_record *r, bool keyed);

/* ---- pg_copy.c: events by COPY */

/* Whether to try it with this batch; a refusal counts down here. */
bool pg_copy_suits(struct pg_work *w);
#define PG_COPY_SAVEPOINT "SAVEPOINT hta"
/* Stores the batch's events; behind PG_COPY_SAVEPOINT, in no pipeline. False, w->r SINK_OK: the
 * server refused it, the table is as it was at the savepoint, and INSERT is to do it. */
bool pg_copy_events(struct pg_work *w);

/* ---- pg_views.c: views named as metrics, with a function each. What cannot be made is told by a
 *  warning, and is no error. Outside of transactions. ---- */
enum sink_result pg_views_of(struct pg *p, const struct sink_metric *m, struct err *err);
/* Of all metrics of the table. */
enum sink_result pg_views_all(struct pg *p, struct err *err);
/* Drops those of metrics that the table does not have any more. */
enum sink_result pg_views_prune(struct pg *p, struct err *err);

/* ---- pg_view_sql.c */
enum { PG_NAME_BYTES = 63 }; /* Postgres cuts longer names */
struct metric_shape;
/* Appends the select of a metric's view, and the body of its function. */
void pg_view_sql(struct pg *p, const struct metric_shape *shape, struct buf *view,
		 struct buf *body);
void pg_put_literal(struct pg *p, struct slice text, struct buf *out);

/* ---- pg_step_sql.c: the function's text, where each @ is to be filled in, one after the other:
 *  table, metric, list, cells, table, metric ---- */
extern const char pg_step_body[];

/* ---- the calls of the driver and of its keeper */
enum sink_result pg_schema(struct pg *p, struct err *err);
/* Inside of a transaction: nobody else makes tables or views until its end. */
enum sink_result pg_schema_lock(struct pg *p, struct err *err);
/* Makes what is missing of tables, views and functions. */
enum sink_result pg_schema_make(struct pg *p, struct err *err);
/* Inside of a transaction: makes the function of the compare-and-set; `retains`: it refuses those
 * who do not know that a table has a retention. */
enum sink_result pg_schema_advance(struct pg *p, bool retains, struct err *err);

/* ---- pg_retention.c */

/* What follows the columns of a new table of rollups; free(). */
char *pg_retention_pieces(const struct pg *p);
/* Of a table that becomes a hypertable: what it keeps where --retention was not given. keep_us:
 * what is stored, 0: nothing is. */
void pg_retention_default(struct pg *p, int64_t keep_us);
/* Inside of a transaction: makes what --retention and --timescale ask for. */
enum sink_result pg_retention_make(struct pg *p, struct err *err);
/* The same where it is missing, and fills p->kept. An option is an act of the start: when the
 * connection is made anew, what somebody has set since stays. */
enum sink_result pg_retention_known(struct pg *p, struct err *err);
/* Makes partitions for the batch's days, where there shall be some. SINK_RETRY: the connection is
 * lost; nothing else is an error: the default partition takes what has none. */
enum sink_result pg_retention_days(struct pg *p, const struct sink_batch *b, struct err *err);
/* The batch without rows behind the mark: *kept has its rows in *row (free()), and how many are
 * not among them is returned. */
uint64_t pg_retention_cut(const struct pg *p, const struct sink_batch *b, struct sink_batch *kept,
			  struct rollup **row);
/* Warns once, of the first such row, and says what becomes of all others. */
void pg_retention_tell(struct pg *p, const struct sink_batch *b, uint64_t cut);
/* Of a plain batch, in its transaction: the mark, which nobody moves until its end but in a dry
 * run, which takes no lock. */
enum sink_result pg_retention_lock(struct pg *p, bool dry_run, struct err *err);
/* What a failed statement (ZHT03) says the mark is. */
void pg_retention_moved(struct pg *p, const PGresult *res);
/* Between transactions: takes away what lies behind the mark, a part of it. */
void pg_retention_purge(struct pg *p);
void pg_retention_fini(struct pg_retention *kept);

/* ---- pg_rules.c */
enum sink_result pg_change(void *k, const char *job, const struct keeper_change *c,
			   struct err *err);
enum sink_result pg_metrics(void *d, const struct sink_metric *m, size_t n, struct arena *arena,
			    struct stored_metric *stored, struct err *err);
enum sink_result pg_metrics_add(void *d, const char *job, const struct sink_metric *m, size_t n,
				bool check_only, struct err *err);
enum sink_result pg_load(void *k, const char *job, struct keeper_doc *doc, struct err *err);
/* pg_claims.c */
enum sink_result pg_load_claims(struct pg *p, const char *job, struct keeper_doc *doc,
				struct err *err);
enum sink_result pg_change_claims(struct pg *p, const char *job, const struct keeper_change *c,
				  struct err *err);
enum sink_result pg_init(void *k, const char *job, const char *group, const struct ctl_init *init,
			 struct err *err);
enum sink_result pg_lateness(void *k, const char *job, int64_t us, struct err *err);
enum sink_result pg_store(void *k, const struct sink_batch *batch, struct sink_counts *counts,
			  struct err *err);
enum sink_result pg_drop(void *k, const char *job, uint64_t *rows, struct err *err);
enum sink_result pg_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
			struct sink_counts *counts, struct err *err);

/* ---- pg_probe.c */
enum sink_result pg_probe(void *d, const struct probe *probe, struct err *err);

#endif
