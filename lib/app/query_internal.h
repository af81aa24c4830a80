/* Inside of hta-query: query.c (options, store), query_rows.c (latest, top, history: from rows
 * to windows), query_dims.c (dimensions), query_show.c (rows as NDJSON and tables), query_plot.c
 * (bars and sparklines), query_job.c (metrics, positions, what is open). */
#ifndef APP_QUERY_INTERNAL_H
#define APP_QUERY_INTERNAL_H

#include "base/arena.h"
#include "io/out.h"
#include "row/dims.h"
#include "app/query.h"

struct query_filter {
	struct slice key, value;
	struct buf number; /* canonical, where the value is one */
};

enum query_format { QUERY_AUTO, QUERY_TABLE, QUERY_JSON };

struct query {
	/* options */
	const char *store, *table, *command, *operand;
	struct query_filter *filter;
	size_t filters;
	bool has_by, has_n, plot, no_sketch;
	struct slice *by; /* in order of bytes, distinct */
	size_t n_by;
	uint64_t n;
	const char *since, *until;
	int format;
	struct read_log log;
	struct read_setting *setting;

	const struct query_program *program;
	const struct read_driver *driver;
	struct sink_conf conf;
	struct loop *loop;
	void *d;
	int64_t now_us;
	bool json, utf8; /* NDJSON; the terminal takes UTF-8 */
	unsigned width;  /* of the terminal; 0: none */
	struct out *out;
};

/* Rows at most, 0: all. */
uint64_t query_limit(const struct query *q);
/* Writes and empties it. */
int query_put(struct query *q, struct buf *text, struct err *err);

/* ---- query_dims.c */
struct query_dims {
	struct json json;
	struct buf scratch;
}; /* {0} to start */
void query_dims_fini(struct query_dims *p);
/* The members of a JSON object in order of their names, in a. */
int query_dims_parse(struct query_dims *p, struct slice text, struct arena *a, struct dim **out,
		     size_t *n, struct err *err);
int query_filter_add(struct query *q, const char *text, struct err *err);
/* Values of one key are alternatives, keys all hold. */
bool query_match(const struct query *q, const struct dim *d, size_t n);
/* The dimensions of --by alone, those that are not there as DIM_MISSING: n_by entries. */
struct dim *query_reduce(const struct query *q, const struct dim *d, size_t n, struct arena *a);
const struct dim *query_dim(const struct dim *d, size_t n, struct slice name);
/* By name; missing, null, false, true, numbers, strings. */
int query_dims_cmp(const struct dim *a, size_t na, const struct dim *b, size_t nb);
/* As people read it: "-" missing, "" an empty string. d NULL: missing. */
void query_dim_text(const struct dim *d, struct buf *out);

/* Names, each once, in order of bytes: the dimensions that rows had. */
struct query_names {
	struct slice *v;
	size_t n;
	struct arena arena;
};
void query_names_add(struct query_names *s, struct slice name);
bool query_names_has(const struct query_names *s, struct slice name);
void query_names_fini(struct query_names *s);
/* " (did you mean \"x\"?)" or "". */
void query_nearest(const struct query_names *s, const char *word, struct buf *out);

/* ---- query_rows.c: windows of rows */
struct query_row {
	struct rollup r;
	struct dim *dim;
	size_t dims;
	struct hll *hll;
};
struct query_window {
	int64_t start_us, end_us;
	bool open;
	struct query_row *row;
	size_t n, cap;
	struct arena arena;
};
/* What a command shows: the newest windows that fit the limit, oldest first. */
struct query_result {
	struct slice metric;
	struct query_window **window;
	/* skip: rows of the first window that are beyond the limit */
	size_t n, cap, rows, skip;
	bool more; /* there were others */
	struct query_names dims;
};
int query_latest(struct query *q, bool top, struct err *err);
int query_history(struct query *q, struct err *err);

/* ---- query_show.c */
void query_row_json(const struct query_row *row, bool open, bool sketch, struct buf *out);
/* "events, 2026-11-20T15:00:00Z, 1m, open" and a table. */
void query_table(const struct query *q, const struct query_result *r, struct buf *out);
struct grid;
void query_dim_columns(struct grid *g, const struct query_result *r);
void query_dim_cells(struct grid *g, const struct query_result *r, const struct query_row *row);
void query_title(const struct query_result *r, bool one, struct buf *out);

/* ---- query_plot.c */
void query_bars(const struct query *q, const struct query_result *r, struct buf *out);
/* sets r->more */
void query_sparks(const struct query *q, struct query_result *r, struct buf *out);

/* ---- query_job.c */
int query_metrics(struct query *q, struct err *err);
int query_positions(struct query *q, struct err *err);
/* Event times up to which windows of the metric are final: INT64_MAX for a plain one, INT64_MIN
 * none yet. EX_NO where the metric is not known, with the nearest name. */
int query_final_until(struct query *q, const char *metric, int64_t *us, struct err *err);

#endif
