/* Inside of an acknowledged source. It stands on an acknowledged stream (job/stream.h), which
 * knows no log, and has four parts, each with its own struct:
 *   holding     which partitions are ours; changes of the assignment
 *   survey      from a probe to a view that may be read
 *   progress    what is stored: acks, commits, lag
 *   reading     from the view to records and barriers
 * and beside them the watch: the minute's probe. The files:
 *   consume.c            life: the turn of things, the end
 *   consume_holding.c    changes of the assignment
 *   consume_handshake.c  hello, dead letters, names of files: all before the first survey
 *   consume_survey.c     probe, start rules, init lines, where reading begins
 *   consume_check.c      is the log still the one that was read?
 *   consume_watch.c      the minute's probe
 *   consume_progress.c   acks, commits, lag
 *   consume_read.c       steps: catch-up, gaps, barriers
 *   consume_batch.c      what a step is made of: batches, and waits for them
 *   consume_act.c        --dry-run and --bootstrap
 * Results: 0, -1 with err, and 1 where a function gave up since things have changed
 * (consume_changed). */
#ifndef SOURCE_CONSUME_INTERNAL_H
#define SOURCE_CONSUME_INTERNAL_H

#include "job/catchup.h"
#include "job/start_rules.h"
#include "job/stream.h"
#include "source/consume.h"
#include "source/record_writer.h"

enum { CONSUME_IN_FLIGHT = 4 /* epochs */, CONSUME_ROWS = 20000 /* an epoch */ };

struct holding {
	bool have; /* held is said, empty or not */
	struct partitions held;
	enum input_change change; /* INPUT_UNCHANGED: nothing that was not answered */
	struct partitions coming; /* of INPUT_ASSIGNED */
};

struct survey {
	struct partitions all; /* partitions of the job, ours or not */
	/* the stream's last answer */
	const struct ctl_sink_state *sinks;
	size_t n_sinks;
	struct catchup catchup; /* of what is ours; its order is that of progress.stored, .ends */
	struct partitions checked; /* whose last record is the one that the sinks know */
	bool drew;                 /* this run started the job */
	bool again; /* a partition that a sink does not know has come: prepare anew */
};

struct progress {
	/* to: lowest position in all sinks; from: committed; watermark_us: time of the first
	 * record read, while none is stored */
	struct ranges stored;
	/* from: low, to: end of the log as last asked; -1: not known */
	struct ranges ends;
	struct buf meta; /* of commits */
	bool commit_due;
	int64_t lag_at_us;
};

struct watch {
	int64_t at_us;
	bool under_way;
	struct catchup expected; /* where the sinks should stand when they answer */
};

struct reading {
	struct ranges step;       /* from: position, to: where the step ends it */
	bool alone;               /* a step of the catch-up */
	bool *introduced;         /* of each partition of it: `before` was written or is not due */
	struct input_batch batch; /* part NULL: none at work */
	size_t batch_at, batch_id;
	uint64_t left;           /* records until --until COUNT */
	struct ranges untils;    /* to: where --until ends them; taken once */
	struct buf line, before; /* scratch */
};

struct consume {
	const struct consume_conf *c;
	struct input *log;
	struct emitter *emitter;
	struct counters *counters;
	struct job_stream *stream;
	struct record_writer writer;
	struct holding holding;
	struct survey survey;
	struct progress progress;
	struct watch watch;
	struct reading reading;
	bool begun;    /* reading has begun, once */
	bool stopping; /* a signal came */
	bool quit;     /* ... before anything was read: leave at once, with 0 */
	bool beside_open;
	bool eof; /* all files are at their end */
};

static inline bool consume_group(const struct consume *s)
{
	return s->log->ops->group;
}
/* Its end moves while it is read. */
static inline bool consume_grows(const struct consume *s)
{
	return s->log->ops->group || s->log->ops->grows;
}
/* There is a reason to give up what is being done. */
static inline bool consume_changed(const struct consume *s)
{
	return s->stopping || s->holding.change != INPUT_UNCHANGED;
}

/* ---- consume_holding.c */
/* What changed about the assignment, into s->holding.change. */
int consume_poll_change(struct consume *s, struct err *err);
/* Answers changes until something is ours. 1: we are to stop. */
int consume_await_holding(struct consume *s, struct err *err);
/* Files: all is ours. */
int consume_hold_all(struct consume *s, struct err *err);

/* ---- consume_handshake.c */
/* Hello out, log open, hello back. */
int consume_handshake(struct consume *s, struct err *err);
/* Names of files, from what the sinks know. 1: gave up. */
int consume_learn_names(struct consume *s, struct err *err);

/* ---- consume_survey.c */
/* Asks the sinks, and waits for the answer; 1: gave up. */
int consume_probe(struct consume *s, struct err *err);
/* What the last probe found, with the group's commits, which are read now. *commits
 * (ranges_fini): from = offset or -1; *commit_job: free(). */
int consume_found(struct consume *s, struct found *f, struct ranges *commits, char **commit_job,
		  struct err *err);
/* From a probe to a view that may be read; 1: gave up. */
int consume_prepare(struct consume *s, struct err *err);

/* ---- consume_check.c */
/* beyond the end, other records: EX_CONFIG */
int consume_check_log(struct consume *s, struct err *err);

/* ---- consume_watch.c */
/* sends the minute's probe when it is time */
int consume_watch(struct consume *s, int64_t now_us, struct err *err);
/* its answer has come */
int consume_watched(struct consume *s, struct err *err);

/* ---- consume_progress.c */
/* An epoch is stored in all sinks. */
void consume_stored(struct consume *s, const struct ranges *epoch);
/* wait: all that is stored, synchronously; else what was not committed yet. */
int consume_commit(struct consume *s, bool wait, struct err *err);
void consume_lag(struct consume *s);
/* asks the log for its ends anew */
int consume_ask_lag(struct consume *s, struct err *err);

/* ---- consume_read.c */
/* Reads what the view says. 0: all is done; 1: something has changed; the open epoch is cut. */
int consume_read(struct consume *s, struct err *err);
/* Sends the barrier of the open epoch, if it has something to say. */
int consume_cut(struct consume *s, struct err *err);

/* ---- consume_batch.c */
enum step {
	STEP_FAILED = -1,
	STEP_GO /* read on */,
	STEP_NEXT /* the next step */,
	STEP_CHANGED,
	STEP_DONE,
};
/* One more batch of the step, or a wait for one. */
enum step consume_read_more(struct consume *s, struct err *err);
/* The log has answered `assign` or `read` with an error: STEP_NEXT where offsets are gone and
 * --on-gap skips them. */
enum step consume_lost_meanwhile(struct consume *s, struct err *err);

/* ---- consume_act.c */
int consume_dry_run(struct consume *s, struct err *err);
int consume_bootstrap(struct consume *s, struct err *err);

#endif
