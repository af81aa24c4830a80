/* What a source makes of a probe's answers: the table of hta-protocol(7), "How a job starts", as
 * a pure function. init.pml is its model.
 *
 *  R1 a job's first init has a random id, the generation; a sink stores it with the starts in
 *  one insert, only where it has none
 *  R2 the fresh line is for one sink, the first by name; after every init line the source probes
 *  anew
 *  R3 it reads only after a probe that found one generation in all its sinks
 *  R5 the generation goes into the commit's metadata before the first record; the commit is read
 *  after the probe
 *  R6 a sink without one adopts if all others have next = init and none was bootstrapped by `now`
 *  R7 a partition that a sink with a generation does not know starts at 0; its line never
 *  creates a generation
 *  R8 --bootstrap is an act, done once
 *  R9 a probe is no snapshot: the caller leaves with START_STOP only when a second probe says so
 *  too */
#ifndef JOB_START_RULES_H
#define JOB_START_RULES_H

#include "proto/ctl.h"
#include "proto/partitions.h"

struct found {
	const char *job, *group;            /* group NULL: files, no commits */
	const struct ctl_sink_state *sinks; /* in the order of the pipe */
	size_t n;
	bool commit;                        /* the group has a commit */
	char commit_gen[CTL_INC_CHARS + 1]; /* its generation; "" none */
	/* the job that its metadata names; NULL: none */
	const char *commit_job;
	/* all partitions of the job that the log has */
	const struct partitions *parts;
};

enum start_act {
	/* one generation in all sinks: read. No sink: read from the commits, else from --from */
	START_READ,
	START_FRESH, /* draw a generation, resolve starts, init to sink `to` */
	START_ADOPT, /* init of generation and `start` to those without */
	START_NEW,   /* init of `start` (new partitions) in this generation */
	START_STOP,  /* EX_CONFIG */
};

struct start_decision {
	enum start_act act;
	char gen[CTL_INC_CHARS + 1]; /* START, ADOPT, NEW */
	const char *to;              /* FRESH: borrowed from found */
	struct ranges start;         /* ADOPT, NEW: from */
	/* START: the commit has to get the generation first */
	bool commit;
	struct err why; /* STOP */
};
void start_decision_fini(struct start_decision *d);

void start_rules(const struct found *f, struct start_decision *out);

/* --bootstrap SINK=init|now. */
struct bootstrap {
	/* of the other sinks; "": draw one, and commit it before the sink is written */
	char gen[CTL_INC_CHARS + 1];
	/* what the others say; empty: `init` --from, `now` the group's commits, where none
	 * --from */
	struct ranges start;
};
/* EX_USAGE no such sink; EX_CONFIG it has a generation already, the others have two. */
int start_rules_bootstrap(const struct found *f, const char *sink, bool now, struct bootstrap *out,
			  struct err *err);

/* The commit's metadata: "hta1 gen=<16 hex> job=NAME", at most 4 KiB. gen "" where no sink keeps
 * positions: "hta1 job=NAME". */
void start_rules_meta_write(const char *gen, const char *job, struct buf *out);
/* Reads it back; text that is not ours says nothing. job: a copy, free(). */
void start_rules_meta_read(struct slice text, char gen[CTL_INC_CHARS + 1], char **job);

#endif
