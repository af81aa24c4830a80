/* Inside of the filter skeleton: stage.c (life cycle), stage_in.c (what is read), stage_control.c
 * (control records), stage_gaps.c (where offsets jump), stage_dead.c (dead letters). */
#ifndef TOOL_STAGE_INTERNAL_H
#define TOOL_STAGE_INTERNAL_H

#include "io/lines.h"
#include "proto/ctl_at_form.h"
#include "tool/dead_route.h"
#include "tool/stage.h"

struct stage_options {
	uint64_t max_line;
	bool foreign;
	struct dead_options dead;
};

/* From `at` on lines are at `offset` and what follows. */
struct origin_gap {
	size_t at;
	int64_t offset;
};

struct origin_gaps {
	const char *block;
	struct origin_gap *v; /* the first one at 0 */
	size_t n, cap;
};

struct stage_gaps {
	bool taken;
	struct ctl_at_form read; /* the last `at` that was read, if the next one may follow it */
	struct buf data;         /* of the run at work, LINES_PAD around */
	struct origin_gaps gaps; /* its */
	/* the last `at` that was written */
	struct ctl_at_form written;
	struct ctl_at place;
	struct buf topic; /* its */
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

	struct origin at; /* of the next data line */
	struct buf topic; /* holds at.topic and at.from_topic */
	struct stage_gaps gaps;
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

/* stage_control.c: lines without their newline */
/* The hello: who we are goes in, then on; from here the stream is an acknowledged one. */
int stage_hello(struct stage *st, struct slice line, struct err *err);
/* Any other control record; st->ended behind `end`. */
int stage_control(struct stage *st, struct slice line, struct err *err);

/* stage_gaps.c */
void stage_gaps_fini(struct stage_gaps *g);
/* An `at` was read, and st->at is its: learns its form. */
void stage_gaps_learn(struct stage *st, const struct ctl_at *at);
/* The data lines at the start of a block, k bytes of them, and those behind each `at` that only
 * moves the offset on, as one run. Returns how many bytes of the block that are; 0: no such line
 * stands there. */
size_t stage_gaps_gather(struct stage *st, struct slice block, size_t k, struct run *run);
/* The offset behind the run's last line. */
int64_t stage_gaps_end(const struct run *run);
/* The text of an `at`, to st->line. */
void stage_gaps_write_at(struct stage *st, const struct ctl_at *place);

/* stage_dead.c */
/* --dead, before the first byte */
int stage_dead_open(struct stage *st, struct err *err);
/* the first probe: st->ctl */
int stage_dead_claims(struct stage *st, struct err *err);
/* limit, sync */
int stage_dead_barrier(struct stage *st, struct err *err);
int stage_dead_end(struct stage *st, struct err *err);

#endif
