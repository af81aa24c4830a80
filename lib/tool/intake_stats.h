/* The statistics of intakes, in the run folder, so that other programs can tell and reset them:
 *
 *	RUN/intake-LOG.json   {"v":1,"log":"<16 hex>","received":n,"duplicate":n,"topics":[..],
 *	                      "now":{..}} of the log with that id, told anew by its intake
 *	RUN/stats-base.json   a line a log, {"v":1,"log":..,"received":n,"duplicate":n}: what was
 *	                      told at the last reset; statistics are what has come since
 *
 * Both are replaced by rename. The sums are those of the log, so they outlive an intake; `now` is
 * of the process that told it last:
 *
 *	{"pid":n,"at":TIME,"topic":"events","posts":n,"client_errors":n,"server_errors":n,
 *	 "log_bytes":n,"log_full":false,"ack":{"ms":[0.5,1,..],"n":[..]}}
 *
 * posts and what became of them, 4xx and 5xx, and how long those took that became durable: a
 * histogram, the last of n being what took longer than all bounds. Counts are since it began. */
#ifndef TOOL_INTAKE_STATS_H
#define TOOL_INTAKE_STATS_H

#include "base/err.h"
#include "base/str.h"
#include "tool/http_counts.h"

/* topics: a JSON array of distinct texts, sorted. */
struct intake_stats {
	uint64_t received, duplicate;
	struct buf topics;
};
void intake_stats_fini(struct intake_stats *s);

struct intake_now {
	uint64_t pid;
	int64_t at_us;
	const char *topic;
	uint64_t posts, client_errors, server_errors, log_bytes;
	bool log_full;
	const struct http_times *ack;
};

/* ---- an intake's */
/* Tells the sums of its log, and itself. EX_IOERR, EX_CONFIG: there is no run folder. */
int intake_stats_tell(uint64_t log, const struct intake_stats *s, const struct intake_now *now,
		      struct err *err);
/* Takes the base line of the log off. One of another log, or one ahead of this log (a restored
 * one), is none. */
void intake_stats_since(uint64_t log, struct intake_stats *s);
/* These sums are the base line of the log from now on. */
int intake_stats_reset(uint64_t log, const struct intake_stats *s, struct err *err);

/* ---- everybody's */
/* All intakes that have told something, since their base lines, summed; topics of all. */
int intake_stats_all(struct intake_stats *out, struct err *err);
/* Calls fn for each that has told itself; now is its JSON, lent for the call. */
typedef void intake_told_fn(void *arg, uint64_t log, uint64_t pid, struct slice now);
int intake_stats_each(intake_told_fn *fn, void *arg, struct err *err);
/* What they have told is their base line. */
int intake_stats_reset_all(struct err *err);

/* Appends the line of /stats. */
void intake_stats_json(const struct intake_stats *s, int64_t up_us, struct buf *out);

#endif
