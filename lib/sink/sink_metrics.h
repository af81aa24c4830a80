/* What makes two metrics the same, and since when a new one counts. The framework decides both;
 * drivers load and register (struct sink_driver: metrics, metrics_add). */
#ifndef SINK_SINK_METRICS_H
#define SINK_SINK_METRICS_H

#include "sink/driver.h"

/* A store that was opened. */
struct sink_store {
	const struct sink_driver *driver;
	struct sink_conf *conf; /* of driver->conf_bytes */
	void *d;
	bool connected;
};

/* Which of a metric's columns a driver that takes this cannot store: the first sketch where it
 * takes rows without them; n: it can store all. */
size_t sink_metric_beyond(unsigned takes, const struct column *column, size_t n);
/* EX_CONFIG, naming the measure: there is such a column. */
int sink_metric_storable(const struct sink_store *store, const struct sink_metric *m,
			 struct err *err);

/* The metrics of a stream (job NULL: a plain one) against the store: SINK_FATAL EX_CONFIG with both
 * definitions and the way out for another job, cfg or list of columns, and for another sink of the
 * job in the same place, where everything would count twice. Registers those that are new, with
 * `since` from the job's highest watermark here (POS_NONE: none). check_only: as metrics_add. */
enum sink_result sink_metrics_register(const struct sink_store *store, const char *job,
				       struct sink_metric *m, size_t n, int64_t watermark_us,
				       bool check_only, struct err *err);

/* For drivers that keep a metric's list of columns as columns_format writes it: fills in column and
 * columns, in the arena. EX_DATAERR. */
int stored_columns_parse(struct stored_metric *stored, struct slice text, struct arena *arena,
			 struct err *err);

#endif
