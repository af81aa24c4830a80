/* Inside of hta-query: see query.c. */
#ifndef APP_QUERY_INTERNAL_H
#define APP_QUERY_INTERNAL_H

#include "app/query.h"
#include "io/out.h"
#include "read/dims_filter.h"
#include "read/ratios.h"
#include "read/rows.h"
#include "read/steps.h"

enum query_format { QUERY_AUTO, QUERY_TABLE, QUERY_JSON };

struct query {
	/* options */
	const char *where, *table, *command, *operand;
	bool input; /* "-": rows of standard input */
	struct dims_filter filter;
	bool has_n, plot, no_sketch;
	uint64_t n;
	const char *since, *until, *zone_text;
	int step; /* enum step_kind */
	bool final, fill, watch;
	const char *event_topic, *event_type, *event_user, *event_source, *after;
	bool meta;
	struct ratios ratios;
	int format;
	struct cluster_options cluster; /* -b, -X, -F: the log behind a job */

	const struct query_program *program;
	struct read_store store;
	struct sink_conf conf;
	struct loop *loop;
	struct zone *zone;
	struct steps steps;
	struct hops hops;  /* of the metric */
	struct buf metric; /* the operand, where it was left out */
	int64_t now_us;
	bool json, utf8; /* NDJSON; the terminal takes UTF-8 */
	unsigned width;  /* of the terminal; 0: none */
	struct out *out;
};

extern const struct opt query_options[]; /* of a struct query */

/* The operand of commands that show rows, where it was left out: the only metric there is. */
int query_only_metric(struct query *q, struct err *err);

/* Reads and shows; what is not said yet is filled in. EX_NO: nothing is there. */
int query_show(struct query *q, struct rows_range *range, struct err *err);

/* Paints each second until a signal. */
int query_watch(struct query *q, int (*paint)(struct query *q, struct err *err), struct err *err);

/* Rows at most, 0: all. */
uint64_t query_limit(const struct query *q);
/* Writes and empties it. */
int query_put(struct query *q, struct buf *text, struct err *err);

/* The commands. EX_NO: there is nothing of that name, or nothing in that range. */
int query_latest(struct query *q, struct err *err);
int query_top(struct query *q, struct err *err);
int query_history(struct query *q, struct err *err);
int query_metrics(struct query *q, struct err *err);
int query_positions(struct query *q, struct err *err);
int query_events(struct query *q, struct err *err);

#endif
