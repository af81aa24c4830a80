/* Inside of the filter skeleton: stage.c (life cycle), stage_in.c (what is read), stage_dead.c
 * (dead letters). */
#ifndef TOOL_STAGE_INTERNAL_H
#define TOOL_STAGE_INTERNAL_H

#include "io/lines.h"
#include "tool/dead_route.h"
#include "tool/stage.h"

struct stage_options {
	uint64_t max_line;
	bool foreign;
	struct dead_options dead;
};

struct stage {
	const struct filter *f;
	void *self;
	const struct stage_options *o;
	struct loop *loop;
	struct lines *in;
	struct out *out;
	struct counters *counters;

	bool acked, ended, failed; /* failed: a `fail` came from above and was passed on */
	bool heard;                /* the first line was waited for, or files are read */
	bool joined;               /* the hello was passed on */
	struct ctl_inc inc;
	struct ctl ctl;           /* the control record at work */
	struct buf line, element; /* scratch */
	char *job, *group;
	unsigned index;

	struct origin at;      /* of the next data line */
	struct buf topic;      /* holds at.topic and at.from_topic */
	uint64_t lines, bytes; /* data in since the last barrier */
	struct account account;
	struct ranges marks; /* watermarks since the last barrier */

	struct dead_route dead;
	bool dead_known;      /* the first probe said who claims */
	bool placed;          /* and that a stage below knows records by their place */
	bool moved;           /* lines were not passed on as they came since the last `at` */
	bool vague;           /* the last `at` that was written is inexact */
	uint64_t dead_partly; /* of the dead letters: of records that count all the same */
	uint64_t seen_total;
	struct err damage; /* the last file's that could not be read to its end */
};

/* stage_in.c: reads standard input, or one descriptor of a plain stream, to its end. EX_IOERR: also
 * where a file was cut off or written anew meanwhile. */
int stage_read_input(struct stage *st, struct err *err);
int stage_read_plain(struct stage *st, int fd, const char *name, struct err *err);

/* stage_dead.c */
/* --dead, before the first byte */
int stage_dead_open(struct stage *st, struct err *err);
/* the first probe: st->ctl */
int stage_dead_claims(struct stage *st, struct err *err);
/* limit, sync */
int stage_dead_barrier(struct stage *st, struct err *err);
int stage_dead_end(struct stage *st, struct err *err);

#endif
