/* A metric's definition, finished: what it is called, what it means, and which columns its
 * measures keep. Nothing of it changes any more, so it is shared: by the plans that have the
 * metric, and by the state of each engine that counts for it (metric_state.h), however long each
 * of them lives. References are counted by one thread, the main one. */
#ifndef AGG_METRIC_DEF_H
#define AGG_METRIC_DEF_H

#include "agg/metric.h"
#include "agg/table.h"

struct metric_def {
	struct metric m;
	char cfg[METRIC_CFG_CHARS + 1];
	/* What the metric's measures keep, in the order of a row (column_cmp). */
	size_t n_columns;
	struct column *column;  /* their names are owned */
	enum column_rule *rule; /* the same rules, as a table wants them */
	/* As many, and behind them, where windows are joined, the times of a group's first and last
	 * event (METRIC_TIMES), which no row shows. */
	size_t n_kept;
	/* which of whose a column is */
	struct metric_part {
		size_t measure;
		unsigned part;
	} * part;
	unsigned references;
};

enum { METRIC_TIMES = 2 };
/* Of such a metric's group. */
void metric_times(const struct metric_def *d, const struct table *t, const struct group *g,
		  int64_t *first_us, int64_t *last_us);

/* With one reference. m is taken. EX_USAGE: more columns than a row has; m is gone, too. */
struct metric_def *metric_def_new_take(struct metric *m, const struct metric_common *c,
				       struct err *err);
/* That error: a measure has a column at least. */
int metric_columns_full(struct err *err);
struct metric_def *metric_def_ref(struct metric_def *d);
void metric_def_unref(struct metric_def *d); /* NULL is fine */

/* EX_USAGE where metric.final does not go with the rest: there is no such number, or no bound. */
int metric_check_final(const struct metric_def *d, struct err *err);

/* The numbers of a row that are fields of their own; NULL behind the last. text: appends the
 * canonical number, nothing where there is none. */
extern const struct metric_classic {
	const char *name;
	bool (*has)(const struct metric *m);
	void (*text)(const struct group_counts *g, struct buf *out);
} metric_classic[];

/* Whether both count the same under the same name, so that what one has counted is the other's. */
bool metric_def_same(const struct metric_def *a, const struct metric_def *b);

#endif
