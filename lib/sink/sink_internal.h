/* Inside of the sink framework: sink.c (options, program), sink_take.c (lines), sink_store.c (calls
 * to stores), sink_hello.c and sink_epochs.c (acknowledged streams), sink_late.c, sink_plain.c
 * (plain ones), sink_lines.c (lines that are stored as they are), sink_events.c, sink_metrics.c. */
#ifndef SINK_SINK_INTERNAL_H
#define SINK_SINK_INTERNAL_H

#include "sink/epoch_batch.h"
#include "sink/retry.h"
#include "sink/sink.h"
#include "sink/sink_errors.h"
#include "sink/sink_metrics.h"
#include "tool/stage.h"

struct sink {
	/* options */
	bool create, replace, pass, dry_run;
	const char *given_name, *reset, *positions_where;
	/* --shard I/N: the rows that are stored here are those whose dims_hash falls to I, and dead
	 * letters those of the first shard. shards 0: all are */
	unsigned shard, shards;
	int64_t retry_for_us;

	const struct sink_program *program;
	struct filter filter;     /* rows: whether the stream has rows or records, by its hello */
	struct sink_store store;  /* of the rows */
	struct sink_store second; /* of the positions, where the first does not keep them */
	struct sink_store *positions; /* the one of the two that does */
	struct loop *loop;
	char *name;      /* given_name or KIND:PLACE, with :I/N of a shard */
	char *own_place; /* what conf->place was made, or NULL */
	struct retry retry;
	struct epoch_batch *epoch;
	struct sink_events *events; /* --events; else NULL */
	struct rollup_reader reader;
	struct buf hello;           /* a copy: metrics point into it */
	struct sink_metric *metric; /* of the stream, known to the store */
	size_t metrics;
	struct ctl_rules rules; /* of the stream */
	char set_text[CTL_INC_CHARS + 1];
	const char *set; /* its hash; NULL: the stream has no rules */
	bool renamed;    /* a metric's rows have another name than in the stream */
	bool leaves_out; /* a metric is left out */
	int64_t lateness_us;
	bool registered;
	struct sink_role role;     /* SINK_LINES */
	struct arena names;        /* of metrics and their columns */
	struct sink_counts counts; /* plain */
	size_t plain_bytes;        /* lines of the batch */
	char claim[KEEPER_CLAIM_CHARS +
		   1];          /* SINK_CLAIMED: id of our claim that may be open, or "" */
	int64_t final_until_us; /* the highest mark less lateness that was seen before an epoch */
	bool late_told;
};

/* ---- sink_store.c */
void sink_stores_init(struct sink *s); /* by s->program; nothing is opened */
void sink_stores_fini(struct sink *s);
int sink_open(struct sink *s, struct loop *loop, struct err *err);
/* The store of the positions, where it is another one: of jobs only, a plain stream has none. */
int sink_positions_open(struct sink *s, struct err *err);
void sink_close(struct sink *s);
/* The driver's, or SINK_NAMED where it claims and the stream has events, which have keys. */
enum sink_delivery sink_delivery(const struct sink *s);

/* One call of the driver, repeated while it is temporary; connects first where there is no
 * connection. 0: *result is OK, APPLIED or CONFLICT (err filled with the driver's words for the
 * last). -1: err. */
typedef enum sink_result sink_call(struct sink *s, void *arg, struct err *err);
int sink_try(struct sink *s, struct stage *st, sink_call *call, void *arg, enum sink_result *result,
	     struct err *err);

/* What the keeper has of the job: SINK_FATAL EX_CONFIG where it belongs to another group. */
enum sink_result sink_load(const struct sink *s, const char *job, const char *group,
			   struct keeper_doc *doc, struct err *err);
/* Makes an epoch durable: rows and positions, as the driver delivers them (enum sink_delivery). */
enum sink_result sink_apply(struct sink *s, const struct sink_batch *batch,
			    struct sink_counts *counts, struct err *err);

/* ---- sink_claims.c (sink_claims.h has the rules) */

/* Of a SINK_CLAIMED driver: sink_apply. */
enum sink_result sink_apply_claimed(struct sink *s, const struct sink_batch *batch,
				    struct sink_counts *counts, struct err *err);
/* At a start: settles all that is open of the job, into doc, which was loaded; SINK_FATAL EX_CONFIG
 * where the rows' store has lost what was stored. */
enum sink_result sink_claims_settle(const struct sink *s, const char *job, struct keeper_doc *doc,
				    struct err *err);

/* ---- sink_set.c */

/* These rules are the stream's from here on. */
void sink_set_take(struct sink *s, const struct ctl_rules *rules);
/* Makes them the store's, as rule_doc_raise decides; the job has begun. doc: what was loaded, and
 * loaded anew where it has moved. SINK_FATAL EX_TEMPFAIL: this pipeline is stale. */
enum sink_result sink_set_change(struct sink *s, const char *job, const char *group,
				 struct keeper_doc *doc, struct err *err);
/* SINK_FATAL EX_TEMPFAIL: the store has another set than the stream. */
enum sink_result sink_set_check(const struct sink *s, const char *job, const struct keeper_doc *doc,
				struct err *err);
/* Those of the stream's metrics that the store of the rows cannot hold. A rule is left out, with a
 * warning: rules come while others are counted, and these shall go on. EX_CONFIG: it is no rule. */
int sink_set_leave_out(struct sink *s, struct err *err);
/* The metric of this name in the stream is left out. */
bool sink_set_left_out(const struct sink *s, struct slice stream);
/* The row's metric under its name in the store. */
void sink_set_rename(const struct sink *s, struct rollup *row);

/* ---- sink_epochs.c */

/* Looks the stream's metrics up (fresh, since_us), and compares them; registers none. */
enum sink_result sink_metrics_look(struct sink *s, const char *job, const struct positions *pos,
				   struct err *err);

/* ---- sink.c */

/* A copy of columns that lives as long as the sink; their names are not copied. */
const struct column *sink_keep_columns(struct sink *s, const struct column *column, size_t n);

/* The metric of this name that is known so far; NULL: none. */
const struct sink_metric *sink_metric_of(const struct sink *s, struct slice name);
/* EX_DATAERR: the row has other columns than its metric. */
int sink_check_columns(const struct sink_metric *m, const struct rollup *row, struct err *err);

/* sink_take.c */
int sink_data(void *self, struct stage *st, const struct run *run, uint64_t *lines,
	      struct err *err);
/* What was taken is stored, or was; else (good false) the program leaves. */
void sink_epoch_over(struct sink *s, bool good);
/* ---- sink_events.c: all but the first three where s->events is set */
int sink_events_open(struct sink *s, struct err *err);
void sink_events_close(struct sink *s);
/* Events are known by members of theirs (--key), not by their place in the log. */
bool sink_events_keyed(const struct sink *s);
/* As sink_data. */
int sink_events_take(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
		     struct err *err);
/* EX_USAGE: by what the stages above do, records have no place of their own. */
int sink_events_check(const struct sink *s, const struct ctl_hello *above, struct err *err);
/* Before the batch is closed: EX_DATAERR where too many of its records are bad. */
int sink_events_barrier(struct sink *s, struct stage *st, struct err *err);
/* The end of a plain stream: EX_DATAERR where lines were bad. */
int sink_events_finish(const struct sink *s, struct stage *st, struct err *err);

/* sink_hello.c */
int sink_hello(void *self, struct stage *st, const struct ctl *hello, struct buf *members,
	       struct err *err);
/* The metrics of all windows above, and the lateness. */
int sink_hello_returned(void *self, struct stage *st, struct slice line, struct err *err);
/* The rules have changed above: these metrics take the place of those that were. */
int sink_metrics_replace(struct sink *s, const struct ctl_metrics *from, struct err *err);
/* sink_epochs.c */
/* Into the batch. */
int sink_take_dead(struct sink *s, const struct ctl *dead, struct err *err);
int sink_control(void *self, struct stage *st, const struct ctl *ctl, struct buf *instead,
		 struct err *err);
int sink_barrier(void *self, struct stage *st, const struct ctl *bar, struct err *err);
/* sink_lines.c: the calls of struct filter for a driver of lines; sink_hello has checked the
 * names. */
int sink_lines_hello(struct sink *s, struct stage *st, const struct ctl *hello, struct buf *members,
		     struct err *err);
int sink_lines_plain(struct sink *s, struct stage *st, struct err *err);
int sink_lines_data(struct sink *s, struct stage *st, const struct run *run, uint64_t *lines,
		    struct err *err);
/* A barrier, or the end, of a stream whose positions the sink does not keep. */
int sink_lines_flush(struct sink *s, struct stage *st, struct err *err);
/* sink_late.c */
/* How many deltas of the batch are for windows that are final by what the store holds now, or held
 * before an earlier epoch. */
enum sink_result sink_late(struct sink *s, const struct sink_batch *b, uint64_t *late,
			   struct err *err);
/* The batch was stored: counts them, and says so the first time. */
void sink_late_tell(struct sink *s, struct stage *st, uint64_t late);
/* sink_plain.c */
int sink_plain(void *self, struct stage *st, struct err *err);
int sink_plain_flush(struct sink *s, struct stage *st, struct err *err);
int sink_finish(void *self, struct stage *st, bool eof, struct err *err);

/* Whether the row is stored here: by the first four bytes of dims_hash, the highest first. */
static inline bool sink_has_row(const struct sink *s, const struct rollup *row)
{
	const uint8_t *h = row->dims_hash;
	uint32_t first = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];

	return s->shards == 0 || first % s->shards == s->shard - 1;
}
static inline bool sink_has_dead(const struct sink *s)
{
	return s->shards == 0 || s->shard == 1;
}

/* Does the driver store lines as they are? */
static inline const struct sink_lines *sink_lines(const struct sink *s)
{
	return s->store.driver->lines;
}

/* A batch, and so a transaction, of a plain stream, at most. A sketch of few registers is up to 20
 * times as long in Redis, which takes 512 MiB at once. */
enum { SINK_PLAIN_ROWS = 50000, SINK_PLAIN_BYTES = 16 << 20 };

#endif
