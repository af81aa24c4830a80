/* Inside of an acknowledged source:
 *   consume.c          life: the turn of things, the end
 *   consume_hello.c    hello and ack channel
 *   consume_wait.c     what comes in meanwhile: acks, answers, changes of the assignment;
 *                      commits; lag
 *   consume_start.c    from a probe to a view: decide, init lines, where reading begins
 *   consume_check.c    is the log still the one that was read? the minute's probe
 *   consume_read.c     reading: catch-up, batches, barriers
 *   consume_act.c      --dry-run and --bootstrap
 * Results: 0, -1 with err, and 1 where a function gave up since things have changed (s->change,
 * s->stopping). */
#ifndef SOURCE_CONSUME_INTERNAL_H
#define SOURCE_CONSUME_INTERNAL_H

#include "job/ack.h"
#include "job/start_rules.h"
#include "job/epochs.h"
#include "source/record_writer.h"
#include "source/consume.h"
#include "job/catchup.h"

enum { CONSUME_IN_FLIGHT = 4 /* epochs */, CONSUME_ROWS = 20000 /* an epoch */ };

struct consume {
	const struct consume_conf *c;
	struct input *log;
	struct loop *loop;
	struct record_writer writer;
	struct ctl_inc inc;
	struct ack *ack;
	struct epochs *epochs;
	struct ctl ctl;           /* scratch: an answer at work */
	struct buf line, element; /* scratch: a record being written */

	/* life */
	bool hello;          /* it was written: the stages below listen */
	bool hello_returned; /* the finished hello is back */
	bool begun;          /* reading has begun, once */
	bool stopping;       /* a signal came */
	bool quit;           /* ... before anything was read: leave at once, with 0 */
	bool eof;            /* all files are at their end */
	bool ended;          /* `end` was written */
	struct buf claims;   /* [3,4]: stages that store dead and late */

	/* probes */
	uint64_t probe, answered;     /* numbers of the last one sent, and answered */
	struct ctl_sink_state *sinks; /* its answer, in the order of the pipe */
	size_t n_sinks;

	/* the start */
	char gen[CTL_INC_CHARS + 1];
	struct buf meta;           /* of commits */
	struct partitions all;     /* partitions of the job, ours or not */
	struct partitions held;    /* ours */
	enum input_change change;  /* INPUT_UNCHANGED: nothing that was not answered */
	struct partitions coming;  /* of INPUT_ASSIGNED */
	struct partitions checked; /* whose last record is the one that the sinks know */
	struct ranges untils;      /* to: where --until ends them; taken once */
	bool drew;                 /* this run started the job */

	/* what is ours, index by index: catchup.v, stored.v, ends.v */
	struct catchup catchup;
	/* to: lowest position in all sinks; from: committed; watermark_us: time of the first
	 * record read, while none is stored */
	struct ranges stored;
	/* from: low, to: end of the log as last asked; -1: not known */
	struct ranges ends;
	bool commit_due;

	/* reading */
	struct ranges step;       /* from: position, to: where the step ends it */
	struct input_batch batch; /* part NULL: none at work */
	size_t batch_at, batch_id;
	bool alone; /* a step of the catch-up */
	/* of each partition of the step: `before` was written or is not due */
	bool *introduced;
	/* prepare anew: a partition that a sink does not know has come */
	bool again;
	uint64_t left; /* records until --until COUNT */
	int64_t lag_at_us;
	uint64_t waited_us; /* for acks, with the epoch full */

	/* the minute's probe */
	int64_t watch_at_us;
	bool watching;
	struct catchup watched; /* where the sinks should stand when they answer */
};

static inline bool consume_group(const struct consume *s)
{
	return s->log->ops->group;
}

/* ---- consume.c */
/* writes s->line as a control line, and empties it */
int consume_control(struct consume *s, struct err *err);
int consume_flush(struct consume *s, struct err *err);

/* ---- consume_hello.c */
/* The first line. path "": there is no ack channel, the source has failed and a `fail` follows. */
int consume_write_hello(struct consume *s, const char *path, struct err *err);
/* listens and writes it */
int consume_hello(struct consume *s, struct err *err);
/* waits until it is back; who takes dead letters */
int consume_hello_returned(struct consume *s, struct err *err);

/* ---- consume_wait.c */
/* Serves the loop until something happens or the deadline, then takes what came. */
int consume_turn(struct consume *s, int64_t deadline_us, struct err *err);
/* Takes what came: acks (commits them), answers. */
int consume_serve(struct consume *s, struct err *err);
/* What changed about the assignment, into s->change. */
int consume_poll_change(struct consume *s, struct err *err);
/* wait: all that is stored, synchronously; else what was not committed yet. */
int consume_commit(struct consume *s, bool wait, struct err *err);
/* Waits for the acks of all epochs in flight, at most until then. */
int consume_drain(struct consume *s, int64_t deadline_us, struct err *err);
void consume_lag(struct consume *s);
/* asks the log for its ends anew */
int consume_ask_lag(struct consume *s, struct err *err);

/* ---- consume_start.c */
int consume_send_probe(struct consume *s, struct err *err);
/* waits for the answer; 1: gave up */
int consume_probe(struct consume *s, struct err *err);
int consume_init(struct consume *s, enum ctl_act act, const char *to, const char *gen, bool by_now,
		 const struct ranges *start, struct err *err);
void consume_draw(char gen[CTL_INC_CHARS + 1]);
/* What the last probe found, with the group's commits, which are read now. *commits
 * (ranges_fini): from = offset or -1; *commit_job: free(). */
int consume_found(struct consume *s, struct found *f, struct ranges *commits, char **commit_job,
		  struct err *err);
/* From a probe to a view that may be read; 1: gave up. */
int consume_prepare(struct consume *s, struct err *err);

/* ---- consume_check.c */
/* beyond the end, other records: EX_CONFIG */
int consume_check_log(struct consume *s, struct err *err);
/* sends the minute's probe when it is time */
int consume_watch(struct consume *s, int64_t now_us, struct err *err);
/* its answer has come */
int consume_watched(struct consume *s, struct err *err);

/* ---- consume_read.c */
/* Reads what the view says. 0: all is done; 1: something has changed; the open epoch is cut. */
int consume_read(struct consume *s, struct err *err);
/* Sends the barrier of the open epoch, if it has something to say. */
int consume_cut(struct consume *s, struct err *err);

/* ---- consume_act.c */
int consume_dry_run(struct consume *s, struct err *err);
int consume_bootstrap(struct consume *s, struct err *err);

#endif
