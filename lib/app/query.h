/* hta-query: what the sinks have stored, at the prompt. The program is this and a reader for each store that was built in.
 *
 *   latest, top   the newest window that has begun (window_start <= now); rows in order of their dimensions, or of their count
 *   history       rows of the windows that start in a span of time
 *   metrics       names, definitions and owners
 *   positions     what each sink has of a job, by partition
 * A row is open while what comes can still change it: it is of a job and its window is not final by the rule of the view hta_final. */
#ifndef APP_QUERY_H
#define APP_QUERY_H

#include "sink/driver.h"

struct query_metric {
	struct slice name, job, sink /* p NULL: plain */, cfg, def;
	int64_t since_us;                /* POS_NONE: none */
};

struct query_sink {
	char *name, *group;              /* group NULL: files */
	int64_t lateness_us;
	struct positions pos;            /* sorted */
};
struct query_sinks { struct query_sink *v; size_t n; };
struct query_sink *query_sinks_add(struct query_sinks *s, const char *name);
void query_sinks_fini(struct query_sinks *s);

/* Rows to read: those of windows with from_us <= window_start < to_us and, where end_us is not 0, with that end. */
struct query_range {
	const char *metric;
	int64_t from_us, to_us, end_us;
	bool sketch;                     /* uniq_sketch is wanted */
	uint64_t top;                    /* not 0: only so many, those of the highest count, then of the highest dims_hash (the range is one window) */
};

/* 0 to go on, -1 with err to end it. Slices are valid during the call. */
typedef int query_metric_fn(void *arg, const struct query_metric *m, struct err *err);
/* dims: any JSON object (not yet in canonical order). sketch: hll_encode bytes. metric is not filled in. */
typedef int query_row_fn(void *arg, const struct rollup *row, struct err *err);

/* A reader of a store: changes nothing. All return 0 / -1 with err: EX_UNAVAILABLE not reached (nothing is tried again), EX_CONFIG login, database, missing
 * table, EX_DATAERR what is stored is damaged. What one run reads is of one moment, where the store can do that. */
struct query_driver {
	const char *default_table;
	/* Connected. conf is borrowed for ever; name is not set. NULL: err. */
	void *(*open)(const struct sink_conf *conf, struct err *err);
	void (*close)(void *d);          /* NULL is fine */
	int (*metrics)(void *d, query_metric_fn *fn, void *arg, struct err *err);                    /* of the table, by name */
	int (*sinks)(void *d, const char *job, struct query_sinks *out, struct err *err);            /* none: the job is not known */
	/* The window of the metric that starts last, at or before not_after_us; of those the one that ends last. *found false: there is none. */
	int (*newest)(void *d, const char *metric, int64_t not_after_us, bool *found, int64_t *start_us, int64_t *end_us, struct err *err);
	/* In order of window_start, window_end; within a window in any order. */
	int (*rows)(void *d, const struct query_range *range, query_row_fn *fn, void *arg, struct err *err);
};

/* The log behind a job (-b). */
struct query_setting { bool file; const char *text; };      /* -X name=value, -F file */
struct query_log { const char *brokers; const struct query_setting *setting; size_t settings; };

struct query_program {
	const struct query_driver *pg, *redis, *sqlite;      /* NULL: not built in */
	/* Fills `to` of each range with the log's end (EX_CONFIG: unknown topic). NULL: not built in. */
	int (*ends)(const struct query_log *log, struct loop *loop, struct ranges *parts, struct err *err);
};

int query_main(const struct query_program *program, int argc, char **argv);

#endif
