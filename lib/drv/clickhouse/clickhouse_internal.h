/* Inside of the ClickHouse driver: clickhouse.c (the driver's table), clickhouse_http.c (requests,
 * what answers mean), clickhouse_schema.c, clickhouse_write.c (epochs), clickhouse_claims.c,
 * clickhouse_bytes.c (rows as RowBinary), clickhouse_reader*.c. */
#ifndef DRV_CLICKHOUSE_CLICKHOUSE_INTERNAL_H
#define DRV_CLICKHOUSE_CLICKHOUSE_INTERNAL_H

#include "drv/clickhouse/clickhouse.h"
#include "drv/clickhouse/clickhouse_rowbinary.h"
#include "drv/clickhouse/clickhouse_url.h"
#include "net/http_client.h"

enum { CLICKHOUSE_FIELDS = 2 };
/* What measures keep, a map for each rule of columns: by their names counts and sums, which merges
 * add, mins and maxs, which may be null. A sketch has none. */
enum { CLICKHOUSE_MAPS = COLUMN_MAX + 1 };

struct clickhouse {
	const struct sink_conf *conf;
	struct clickhouse_url url;
	struct loop *own_loop; /* where the conf has none */
	struct http_client *http;
	struct http_call *call; /* the last one, whose answer is lent */
	char *field[CLICKHOUSE_FIELDS];
	size_t fields;
	/* as they stand in a query, in backquotes: conf->place, and beside it */
	char *table, *final, *view;
	struct buf address, query, body;
	bool looked; /* no plain stream has the metrics of this job */
	bool reads;  /* it is a reader's: tables of an earlier version will do */
	bool maps;   /* both tables of rows have the columns of measures */
};

/* ---- clickhouse.c */

/* What asks the server; nothing is asked yet. */
int clickhouse_begin_http(struct clickhouse *c, struct err *err);

/* ---- clickhouse_http.c */

/* What is asked of the server; the query goes with the address where there is a body. */
struct clickhouse_ask {
	const char *query;
	struct slice body;  /* rows to be inserted; p NULL: none */
	const char *params; /* "&NAME=VALUE..", encoded; NULL: none */
};
/* Asks, and waits. *answer is lent until the next call; NULL: nobody wants it. SINK_RETRY where
 * nobody knows whether it was done, or where it may be done later; SINK_FATAL EX_CONFIG (login,
 * rights, a table or column that is missing), EX_SOFTWARE (it could not read what we sent). */
enum sink_result clickhouse_ask(struct clickhouse *c, const struct clickhouse_ask *ask,
				struct slice *answer, struct err *err);
/* A query of ours, formatted; its answer as RowBinary. */
enum sink_result clickhouse_query(struct clickhouse *c, struct rowbinary *answer, struct err *err,
				  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Inserts rows as one block, so that they become one part, atomic, where the table has one
 * partition. token: 32 hex digits under which the table takes one block ever, and the request's
 * id; NULL: none. */
enum sink_result clickhouse_insert(struct clickhouse *c, const char *table, const char *columns,
				   struct slice rows, const char *token, struct err *err);

/* Append a name in backquotes, a text in quotes. */
void clickhouse_name(struct buf *out, const char *name);
void clickhouse_literal(struct buf *out, struct slice text);
char *clickhouse_literal_of(const char *text); /* free() */

/* ---- clickhouse_bytes.c: rows as their columns want them. Pure. */

extern const char clickhouse_delta_columns[], clickhouse_final_columns[],
	clickhouse_event_columns[], clickhouse_dead_columns[];
/* The event time of an event that has none: 1900-01-01, before all that events may have. */
extern const int64_t clickhouse_no_time_us;
/* Rows have no sketches. claim "": a delta. */
void clickhouse_put_delta(const struct rollup *row, const char *job, struct buf *out);
/* What stands for a claim: settle and holds look for it. One that makes a claim useless has neither
 * job nor sink ("") nor ranges (NULL). One whose claim is CLICKHOUSE_SINK is no claim's: readers
 * find the names of sinks by it. It has no ranges, and its time is 0. */
#define CLICKHOUSE_SINK "sink"
struct clickhouse_marker {
	const char *claim, *job, *sink;
	const struct ranges *ranges;
	int64_t now_us;
};
void clickhouse_put_marker(const struct clickhouse_marker *m, struct buf *out);
void clickhouse_put_final(const struct rollup *row, const char *job, int64_t now_us,
			  struct buf *out);
void clickhouse_put_event(const struct sink_record *record, int64_t now_us, struct buf *out);
void clickhouse_put_dead(const struct sink_dead *dead, const char *job, const char *sink,
			 int64_t now_us, struct buf *out);
/* A letter's offset of what is stored. */
int64_t clickhouse_offset(int64_t stored, bool *inexact);

/* ---- clickhouse_schema.c: makes what is missing (conf->create), then checks. */
enum sink_result clickhouse_schema(struct clickhouse *c, struct err *err);
enum sink_result clickhouse_probe(void *d, const struct probe *probe, struct err *err);

/* ---- clickhouse_write.c, clickhouse_claims.c */
enum sink_result clickhouse_prepare(void *d, const struct sink_batch *batch, struct buf *what,
				    struct err *err);
enum sink_result clickhouse_write(void *d, const struct sink_batch *batch,
				  struct sink_counts *counts, struct err *err);
enum sink_result clickhouse_put(void *d, const struct sink_batch *batch, bool replace, bool dry_run,
				struct sink_counts *counts, struct err *err);
enum sink_result clickhouse_reset(void *d, const char *job, uint64_t *rows, struct err *err);
enum sink_result clickhouse_settle(void *d, const char *id, struct slice what, bool *stored,
				   struct err *err);
enum sink_result clickhouse_holds(void *d, const char *id, struct slice what, bool *holds,
				  struct err *err);
/* How many rows stand under the claim. */
enum sink_result clickhouse_count_claim(struct clickhouse *c, const char *claim, uint64_t *n,
					struct err *err);

#endif
