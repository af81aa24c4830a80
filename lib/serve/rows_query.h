/* Queries for rows of a metric: what /latest, /top, /history and /stats have in common. */
#ifndef SERVE_ROWS_QUERY_H
#define SERVE_ROWS_QUERY_H

#include "read/metric_lookup.h"
#include "read/rows.h"
#include "serve/serve.h"

enum serve_form { SERVE_JSON, SERVE_NDJSON, SERVE_CSV };

struct rows_query {
	struct serve_query q;
	struct arena arena; /* of texts */
	struct dims_filter filter;
	const char *metric, *by, *cursor; /* by: of /top */
	int64_t now_us, from_us, to_us;   /* POS_NONE: not said */
	uint64_t limit;
	bool final, quoted; /* quoted: numbers as strings */
	bool zulu;          /* /stats: times with their zone */
	enum serve_form form;

	struct metric_found found; /* while it runs */
	struct read_store store;
	struct names names; /* of metrics that the stores have */
	bool known;         /* rows_query_newest: some store has the metric */
};

/* Begins one with metric and dims; args are over it. NULL: the request was answered. */
struct rows_query *rows_query_new(struct serve_args *args, struct http_request *req,
				  const char *name, const char *metric_parameter);
/* One that is not a request's, with nothing set. */
struct rows_query *rows_query_plain(void);
/* Asks it, if the request was not refused. run: of struct serve_query. */
void rows_query_ask(struct serve *s, struct serve_args *args, struct rows_query *rq,
		    int (*run)(struct serve_query *q, struct serve_reader *reader,
			       struct serve_result *out, struct err *err));

/* In a worker: looks the metric up, in the first store that has it; *range has metric, finality,
 * filter. 1: there is none, and out says so; 0; -1. */
int rows_query_find(struct rows_query *rq, struct serve_reader *reader, struct rows_range *range,
		    struct serve_result *out, struct err *err);

/* In a worker: the newest window into *w, which is the caller's (NULL: it has no such row), of the
 * first store that has one, those in memory before the others. 1: there is none, and out says so;
 * 0; -1. */
int rows_query_newest(struct rows_query *rq, struct serve_reader *reader, struct rows_range *range,
		      struct rows_window **w, struct serve_result *out, struct err *err);
/* Of both: what is asked of each store (serve_store_fn, arg is the query), what of its answer goes
 * into the range, and the problem where no store has the metric: 1. */
int rows_query_look(void *rows_query, const struct read_store *store, struct err *err);
void rows_query_range(const struct rows_query *rq, struct rows_range *range);
int rows_query_none(const struct rows_query *rq, struct serve_result *out);

/* The rows with the highest number come first, those without it last, equal ones in their order.
 * False: rows have no such number. */
struct ratio;
bool serve_rank_rows(struct rows_window *w, const struct ratio *by);

/* ---- what is said of rows */
/* "2026-01-01T00:00:00Z", quoted. */
void serve_time_json(struct buf *out, int64_t us);
/* "dims":{..},"count":.. to the last number, without braces. */
void serve_row_json(const struct rows_query *rq, const struct rows_row *row, struct buf *out);
/* A number as JSON; text.p NULL: null. quoted: numbers as strings. */
void serve_number_json(struct slice text, bool quoted, struct buf *out);

/* Numbers of a row by name, in order: count; value_count, sum, min, max; uniques; measures. text:
 * JSON, p NULL: null. */
enum serve_number { SERVE_COUNT, SERVE_CLASSIC, SERVE_MEASURE };
typedef void serve_number_fn(void *arg, enum serve_number kind, struct slice name,
			     struct slice text);
void serve_row_numbers(const struct rows_row *row, serve_number_fn *fn, void *arg);
/* What a rule is about: its one measure as "value", or where it has several the count and each; the
 * count as "value" where it only counts. */
void serve_row_values(const struct rows_row *row, serve_number_fn *fn, void *arg);

#endif
