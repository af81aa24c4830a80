/* A reader of a store: what the sinks have stored, as rows, metrics and positions. It knows its
 * database and nothing of commands, terminals or HTTP. */
#ifndef READ_DRIVER_H
#define READ_DRIVER_H

#include "sink/driver.h"

struct alerts_driver;
struct events_driver;
struct letters_driver;

struct read_metric {
	struct slice name, job, sink /* p NULL: plain */, cfg, def;
	int64_t since_us; /* POS_NONE: none */
	/* rows that start before it were stored once and are gone (hta-sink-pg --retention); 0:
	 * none are. No later than since_us */
	int64_t purged_us;
};

struct read_sink {
	char *name, *group; /* group NULL: files */
	int64_t lateness_us;
	struct positions pos; /* sorted */
	char *rules;          /* as keeper_doc has them; NULL: none */
};
struct read_sinks {
	struct read_sink *v;
	size_t n;
};
struct read_sink *read_sinks_add(struct read_sinks *s, const char *name);
void read_sinks_fini(struct read_sinks *s);

/* Rows to read: those of windows with from_us <= window_start < to_us and, where end_us is not
 * 0, with that end. */
struct read_range {
	const char *metric;
	int64_t from_us, to_us, end_us;
	bool sketch; /* uniq_sketch is wanted */
	/* not 0: only so many, those of the highest count, then of the highest dims_hash (the
	 * range is one window) */
	uint64_t top;
};

/* 0 to go on, -1 with err to end it. Slices are valid during the call. */
typedef int read_metric_fn(void *arg, const struct read_metric *m, struct err *err);
/* dims: any JSON object (not yet in canonical order). sketch: hll_encode bytes. metric is not
 * filled in. */
typedef int read_row_fn(void *arg, const struct rollup *row, struct err *err);

/* A reader of a store: changes nothing. All return 0 / -1 with err: EX_UNAVAILABLE not reached
 * (nothing is tried again), EX_CONFIG login, database, missing table, EX_DATAERR what is stored
 * is damaged. */
struct read_driver {
	const char *default_table;
	bool moment; /* what is read between open and close is of one moment */
	/* Connected. conf is borrowed for ever; name is not set. NULL: err. */
	void *(*open)(const struct sink_conf *conf, struct err *err);
	void (*close)(void *d); /* NULL is fine */
	/* Between two questions. rest ends the moment and keeps the connection, again begins
	 * another moment on it and looks at what open looks at. -1: close is all that is left to
	 * call. NULL: the driver has neither, or needs neither. */
	int (*rest)(void *d);
	int (*again)(void *d, struct err *err);
	/* of the table, by name */
	int (*metrics)(void *d, read_metric_fn *fn, void *arg, struct err *err);
	/* none: the job is not known */
	int (*sinks)(void *d, const char *job, struct read_sinks *out, struct err *err);
	/* NULL, or why positions, and with them what is final and whose a metric is, cannot be
	 * told: nobody said where they are kept. Then sinks finds none, which is no error, as rows
	 * can be read all the same. Valid until close. The member is NULL where they stand with
	 * the rows. */
	const char *(*positions_missing)(void *d);
	/* The window of the metric that starts last, at or before not_after_us; of those the one
	 * that ends last. *found false: there is none. */
	int (*newest)(void *d, const char *metric, int64_t not_after_us, bool *found,
		      int64_t *start_us, int64_t *end_us, struct err *err);
	/* In order of window_start, window_end; within a window in any order. */
	int (*rows)(void *d, const struct read_range *range, read_row_fn *fn, void *arg,
		    struct err *err);
	const struct alerts_driver *alerts;   /* alerts.h. NULL: the store keeps none */
	const struct letters_driver *letters; /* letters.h. NULL: the same */
	const struct events_driver *events;   /* events.h. The same */
};

/* A store that was opened. */
struct read_store {
	const struct read_driver *driver;
	void *d;
};
/* positions_missing, where the driver has it. */
const char *read_positions_missing(const struct read_store *s);

/* ---- for drivers */

/* A window's bounds; the first member of what a driver knows of a window, so that read_span_cmp
 * (for qsort: by start, then end) orders those. */
struct read_span {
	int64_t start_us, end_us;
};
int read_span_cmp(const void *a, const void *b);

/* Sum, min and max of a row with has_value and value_count from their texts, which are not looked
 * at where the row has no values. False: one is no decimal. */
bool read_values(struct rollup *row, struct slice sum, struct slice min, struct slice max);

#endif
